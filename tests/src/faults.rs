//! Failures put between the controllers and the API server, at the k-th write, on any ground.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;
use kube::client::Body;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::moments::{Moment, Write};
use crate::objects;
use crate::witness::Witness;

/// Error of a call that got no answer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the controllers are answered.
pub type Answer = UnsyncBoxBody<Bytes, BoxError>;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The write commits, then all tasks of the controllers are dropped and started anew.
    Crash,
    /// The write commits, but the caller sees a broken connection.
    Lost,
    /// The write is refused with 409.
    Conflict,
    /// From this write on, watches of a resource, given by its plural, tell nothing for a while, and all of it afterwards.
    Stale(&'static str),
}

/// How long watches are held back: longer than any pass takes, shorter than a calm end.
const STALE: Duration = Duration::from_secs(40);

impl Action {
    /// Those that befall the write itself.
    pub const ALL: [Self; 3] = [Self::Crash, Self::Lost, Self::Conflict];

    fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Lost => "lost(reset)",
            Self::Conflict => "err(409)",
            Self::Stale(_) => "stale(40s)",
        }
    }

    fn parse(text: &str, target: Option<&str>) -> Option<Self> {
        let stale = target
            .and_then(objects::plural)
            .map(Self::Stale)
            .filter(|stale| stale.as_str() == text);
        let plain = Self::ALL.into_iter().find(|known| known.as_str() == text);
        if target.is_some() { stale } else { plain }
    }
}

/// One failure: at which write of the controllers, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Number of the write, from 1.
    pub write: u64,
    /// What happens to it.
    pub action: Action,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (write, action) = (self.write, self.action.as_str());
        match self.action {
            Action::Stale(plural) => write!(f, "w{write}@{plural}:{action}"),
            Action::Crash | Action::Lost | Action::Conflict => write!(f, "w{write}:{action}"),
        }
    }
}

/// The failures of one run; `-` is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan(pub Vec<Fault>);

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        let faults: Vec<String> = self.0.iter().map(Fault::to_string).collect();
        f.write_str(&faults.join("+"))
    }
}

impl Plan {
    /// One failure.
    pub fn single(write: u64, action: Action) -> Self {
        Self(vec![Fault { write, action }])
    }

    /// Reads what `Display` writes; `None` if it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "-" {
            return Some(Self::default());
        }
        let fault = |text: &str| {
            let (trigger, action) = text.split_once(':')?;
            let (trigger, target) = match trigger.split_once('@') {
                Some((trigger, target)) => (trigger, Some(target)),
                None => (trigger, None),
            };
            let write = trigger
                .strip_prefix('w')?
                .parse()
                .ok()
                .filter(|write| *write > 0)?;
            let action = Action::parse(action, target)?;
            Some(Fault { write, action })
        };
        text.split('+')
            .map(fault)
            .collect::<Option<Vec<Fault>>>()
            .map(Self)
    }
}

#[derive(Default)]
struct State {
    plan: Plan,
    /// When to crash, and how many writes of its kind there were.
    moment: Option<(&'static Moment, usize)>,
    writes: Vec<String>,
    /// Until when watches of a resource are held back.
    stale: BTreeMap<&'static str, Instant>,
    /// How many of them were there when the present life began.
    before: usize,
    life: u64,
    dead: bool,
    /// Whether no life begins for now.
    stopped: bool,
    witness: Option<Witness>,
    complaints: Vec<String>,
}

/// What the lives of one set of controllers share: the plan, the count of writes, and the signal of a crash.
#[derive(Default)]
pub struct Faults {
    state: Mutex<State>,
    crash: Notify,
    start: Notify,
}

impl Faults {
    /// Faults by a plan.
    pub fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                plan,
                ..State::default()
            }),
            ..Self::default()
        })
    }

    /// One crash, right after a write of a kind.
    pub fn crash_after(moment: &'static Moment) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                moment: Some((moment, 0)),
                ..State::default()
            }),
            ..Self::default()
        })
    }

    /// How many lives there were so far.
    pub fn lives(&self) -> u64 {
        self.state().life
    }

    /// Whether the present life has written anything: behind a Lease, whether it leads.
    pub fn has_written(&self) -> bool {
        let state = self.state();
        !state.dead && state.writes.len() > state.before
    }

    /// Has every write judged from now on.
    pub fn watched_by(&self, witness: Witness) {
        self.state().witness = Some(witness);
    }

    /// What the witness had to say.
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `METHOD path` of every write that the controllers sent, in order.
    pub fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    /// Begins the next life of the controllers and returns its number.
    pub fn next_life(&self) -> u64 {
        let mut state = self.state();
        state.life += 1;
        state.dead = false;
        state.before = state.writes.len();
        state.life
    }

    /// Waits until the plan, or [`Faults::kill`], ends the present life.
    pub async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Ends the present life.
    pub fn kill(&self) {
        self.state().dead = true;
        self.crash.notify_one();
    }

    /// Ends the present life, and no other begins before [`Faults::start`].
    pub fn stop(&self) {
        self.state().stopped = true;
        self.kill();
    }

    /// Has the next life begin.
    pub fn start(&self) {
        self.state().stopped = false;
        self.start.notify_one();
    }

    /// Waits until a life may begin.
    pub async fn may_live(&self) {
        while self.state().stopped {
            self.start.notified().await;
        }
    }

    fn stale_until(&self, plural: &str) -> Option<Instant> {
        let until = self.state().stale.get(plural).copied()?;
        (until > Instant::now()).then_some(until)
    }

    fn is_alive(&self, life: u64) -> bool {
        let state = self.state();
        state.life == life && !state.dead
    }

    /// Counts a write and tells what the plan has in store for it.
    fn write(&self, write: &Write) -> Option<Action> {
        let mut state = self.state();
        state.writes.push(write.to_string());
        if let Some(complaint) = state
            .witness
            .as_ref()
            .and_then(|witness| witness.judge(write))
        {
            state.complaints.push(complaint);
        }
        if let Some((moment, seen)) = &mut state.moment
            && (moment.is)(write)
        {
            *seen += 1;
            if *seen == moment.nth {
                return Some(Action::Crash);
            }
        }
        let number = state.writes.len() as u64;
        let planned = state.plan.0.iter().find(|fault| fault.write == number);
        let action = planned.map(|fault| fault.action);
        if let Some(Action::Stale(plural)) = action {
            state.stale.insert(plural, Instant::now() + STALE);
        }
        action
    }
}

/// The controllers' way to the API server in one life.
#[derive(Clone)]
pub struct Line {
    inner: kube::Client,
    faults: Arc<Faults>,
    life: u64,
}

impl Line {
    /// Puts faults before a client.
    pub fn new(inner: kube::Client, faults: Arc<Faults>, life: u64) -> Self {
        Self {
            inner,
            faults,
            life,
        }
    }

    async fn run(self, request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        if !self.faults.is_alive(self.life) {
            return pending().await;
        }
        let watched = watched(&request);
        if request.method() == Method::GET || asks(&request) {
            let answer = self.alive(self.inner.send(request).await).await?;
            return Ok(match watched {
                Some(plural) => held_back(answer, plural, self.faults),
                None => whole(answer),
            });
        }
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let write = Write::new(&parts.method, parts.uri.path(), &body);
        let request = Request::from_parts(parts, Body::from(body));
        match self.faults.write(&write) {
            None | Some(Action::Stale(_)) => {
                let answer = self.alive(self.inner.send(request).await).await?;
                Ok(whole(answer))
            }
            Some(Action::Conflict) => conflict(),
            Some(Action::Lost) => {
                commit(&self.inner, request).await?;
                Err(Box::new(std::io::Error::from(
                    std::io::ErrorKind::ConnectionReset,
                )))
            }
            Some(Action::Crash) => {
                commit(&self.inner, request).await?;
                self.faults.kill();
                pending().await
            }
        }
    }

    /// Answers reach the living only.
    async fn alive<T>(&self, answer: Result<T, kube::Error>) -> Result<T, BoxError> {
        if self.faults.is_alive(self.life) {
            answer.map_err(Into::into)
        } else {
            pending().await
        }
    }
}

/// Whether a request only asks what its sender may do, though it is a POST.
fn asks(request: &Request<Body>) -> bool {
    request.uri().path().ends_with("accessreviews")
}

/// Plural of the resource that a request watches.
fn watched(request: &Request<Body>) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let watches = query
        .split('&')
        .any(|option| matches!(option, "watch=1" | "watch=true"));
    let plural = request.uri().path().rsplit('/').next()?;
    watches.then(|| plural.to_owned())
}

/// An answer as it is.
fn whole(answer: Response<Body>) -> Response<Answer> {
    answer.map(|body| body.map_err(Into::into).boxed_unsync())
}

/// A watch whose events wait while their resource is held back.
fn held_back(answer: Response<Body>, plural: String, faults: Arc<Faults>) -> Response<Answer> {
    answer.map(|body| {
        let frames = futures::stream::unfold(
            (body, plural, faults),
            |(mut body, plural, faults)| async move {
                let frame = body.frame().await?.map_err(BoxError::from);
                while let Some(until) = faults.stale_until(&plural) {
                    tokio::time::sleep_until(until).await;
                }
                Some((frame, (body, plural, faults)))
            },
        );
        http_body_util::StreamBody::new(frames).boxed_unsync()
    })
}

/// Sends a request and waits for its whole answer.
async fn commit(client: &kube::Client, request: Request<Body>) -> Result<(), BoxError> {
    let response = client.send(request).await?;
    response.into_body().collect().await?;
    Ok(())
}

fn conflict() -> Result<Response<Answer>, BoxError> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Conflict", "code": 409,
        "message": "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
    });
    let mut response = Response::new(Body::from(status.to_string().into_bytes()));
    *response.status_mut() = StatusCode::CONFLICT;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    Ok(whole(response))
}

impl tower::Service<Request<Body>> for Line {
    type Response = Response<Answer>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().run(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_as_they_are_written() {
        let plan = Plan(vec![
            Fault {
                write: 7,
                action: Action::Crash,
            },
            Fault {
                write: 12,
                action: Action::Lost,
            },
            Fault {
                write: 13,
                action: Action::Conflict,
            },
            Fault {
                write: 14,
                action: Action::Stale("secrets"),
            },
        ]);
        let text = "w7:crash+w12:lost(reset)+w13:err(409)+w14@secrets:stale(40s)";
        assert_eq!(plan.to_string(), text);
        assert_eq!(Plan::parse(&plan.to_string()), Some(plan));
        assert_eq!(Plan::parse("-"), Some(Plan::default()));
        assert_eq!(
            [
                Plan::parse("w0:crash"),
                Plan::parse("c1:crash"),
                Plan::parse("w1:oom"),
                Plan::parse("w1@nothings:stale(40s)"),
                Plan::parse("w1:stale(40s)"),
                Plan::parse("")
            ],
            [None, None, None, None, None, None]
        );
    }
}
