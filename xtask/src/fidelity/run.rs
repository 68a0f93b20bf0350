//! Sends sequences to grounds and gathers what came back.
use std::time::Duration;

use anyhow::{Result, bail};
use futures::stream::{self, Stream, StreamExt as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use simulator::clock::WorldClock;

use super::applies::rank_times;
use super::area::Area;
use super::compare::reached;
use super::ground::{Ground, Reply};
use super::sequence::{Learnt, Mode, Sequence, Step};

/// How often a value is looked for that has to come, and how long in all: an answer itself may take long.
const PAUSE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(1);

/// What `play` makes of everything: many at the same time as the area allows it, and after them, one by one, what must be
/// alone.
pub fn in_turn<'a, T: 'a, F: Future + 'a>(
    area: &dyn Area,
    all: impl IntoIterator<Item = (&'a Sequence, T)>,
    play: impl Fn(T) -> F + Copy + 'a,
) -> impl Stream<Item = F::Output> + 'a {
    let (alone, together): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(sequence, _)| area.alone(sequence));
    let together = stream::iter(together).map(move |(_, one)| play(one));
    let alone = stream::iter(alone).then(move |(_, one)| play(one));
    together.buffer_unordered(area.at_once()).chain(alone)
}

/// Plays a sequence in a namespace of its own and returns a reply to each step, up to the first wait that was in vain.
pub async fn play(ground: &Ground, sequence: &Sequence, namespace: &str) -> Vec<Reply> {
    let webhook = ground.webhook();
    let mut learnt = Learnt::new(namespace);
    learnt.tell("hook", &webhook.url(namespace));
    learnt.tell("ca", webhook.certificate());
    for step in namespace_steps() {
        ground.ask(&filled(&step, &learnt)).await;
    }
    let mut replies = Vec::new();
    let mut second = Second::default();
    let (mut streams, mut beside) = (Vec::new(), Vec::new());
    let (end, ends) = tokio::sync::watch::channel(false);
    for (number, step) in sequence.steps.iter().enumerate() {
        let filled = filled(step, &learnt);
        let reply = match &step.mode {
            Mode::Compare | Mode::Document | Mode::Prepare | Mode::Show(_) => {
                ground.ask(&filled).await
            }
            Mode::Apart => {
                second.next().await;
                let reply = ground.ask(&filled).await;
                second.over();
                reply
            }
            Mode::Watch => {
                streams.push((number, ground.open(&filled, None).await));
                Reply::default()
            }
            Mode::Beside => {
                beside.push((number, ground.open(&filled, Some(ends.clone())).await));
                Reply::default()
            }
            Mode::Until(at, is) => until(ground, &filled, at, is).await,
        };
        learnt.add(number, &reply.body);
        for header in &reply.headers {
            learnt.add_header(number, header);
        }
        let missed = matches!(&step.mode, Mode::Until(at, is) if !reached(&reply, at, is));
        replies.push(reply);
        if missed {
            // What comes after it would only differ for that, a minute later each time. What it would have taken away goes.
            for step in sequence.steps.iter().skip(number + 1) {
                if step.method == "DELETE" && step.mode == Mode::Prepare {
                    ground.ask(&self::filled(step, &learnt)).await;
                }
            }
            break;
        }
    }
    for streams in [streams, beside] {
        for (number, stream) in streams {
            if let (Ok(reply), Some(place)) = (stream.await, replies.get_mut(number)) {
                *place = reply;
            }
        }
        end.send_replace(true);
    }
    if sequence.steps.iter().any(|step| step.mode == Mode::Apart) {
        rank_times(&mut replies);
    }
    replies
}

/// The second of the wall clock in which the last request was answered.
#[derive(Default)]
struct Second(i64);

impl Second {
    /// Waits until it is over.
    async fn next(&self) {
        let clock = WorldClock::Wall;
        if let Ok(next) = Timestamp::from_second(self.0 + 1) {
            tokio::time::sleep(clock.until(next)).await;
        }
    }

    fn over(&mut self) {
        self.0 = WorldClock::Wall.now().as_second();
    }
}

/// What every sequence begins with: its namespace, and the account that pods run under.
fn namespace_steps() -> [Step; 2] {
    [
        Step::new("POST", "/api/v1/namespaces")
            .json(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "${ns}"}})),
        Step::new("POST", "/api/v1/namespaces/${ns}/serviceaccounts").json(
            &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}),
        ),
    ]
}

fn filled(step: &Step, learnt: &Learnt) -> Step {
    let headers = step.headers.iter();
    Step {
        method: step.method.clone(),
        target: learnt.fill(&step.target),
        headers: headers
            .map(|(name, value)| (name.clone(), learnt.fill(value)))
            .collect(),
        body: learnt.fill(&step.body),
        mode: step.mode.clone(),
    }
}

async fn until(ground: &Ground, step: &Step, at: &str, is: &Value) -> Reply {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let reply = ground.ask(step).await;
        if reached(&reply, at, is) || tokio::time::Instant::now() > end {
            return reply;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until a server says that it is well, hook by hook: it answers before that.
pub async fn ready(ground: &Ground) -> Result<()> {
    let end = tokio::time::Instant::now() + PATIENCE;
    for target in ["/readyz", "/healthz", "/healthz/autoregister-completion"] {
        while ground.ask(&Step::get(target)).await.status != 200 {
            if tokio::time::Instant::now() > end {
                bail!("{target} is not 200");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Creates definitions and waits until their resources are served.
pub async fn define(ground: &Ground, definitions: &[Value]) -> Result<()> {
    let post = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in definitions {
        let reply = ground.ask(&Step::new("POST", post).json(definition)).await;
        if reply.status != 201 {
            bail!(
                "a definition was refused: {}",
                String::from_utf8_lossy(&reply.body)
            );
        }
    }
    for definition in definitions {
        let spec = &definition["spec"];
        let versions = spec["versions"].as_array().into_iter().flatten();
        for version in versions.filter(|version| version["served"] == true) {
            let target = format!(
                "/apis/{}/{}/{}",
                spec["group"].as_str().unwrap_or_default(),
                version["name"].as_str().unwrap_or_default(),
                spec["names"]["plural"].as_str().unwrap_or_default()
            );
            let (step, mut well) = (Step::get(target.clone()), 0);
            let end = tokio::time::Instant::now() + PATIENCE;
            while tokio::time::Instant::now() < end {
                well = if ground.ask(&step).await.status == 200 {
                    well + 1
                } else {
                    0
                };
                if well == 3 {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
            if well < 3 {
                bail!("{target} is not served");
            }
        }
    }
    Ok(())
}
