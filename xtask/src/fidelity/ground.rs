//! The two grounds: a real API server, and ours in this process.
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::{Either, select};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::{Deserialize, Serialize};
use simulator::builtin::{self, Settings};
use simulator::clock::WorldClock;
use simulator::request::User;
use simulator::serve::Network;
use simulator::wire::Wire;
use simulator::world::{World, WorldHandle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::sequence::Step;
use super::webhook::{self, Webhook};

/// The headers of a reply that count, in this order.
const HEADERS: [&str; 12] = [
    "content-type",
    "content-encoding",
    "warning",
    "retry-after",
    "cache-control",
    "vary",
    "location",
    "allow",
    "x-content-type-options",
    "etag",
    "expires",
    "accept-ranges",
];

/// Nothing takes longer than the server's own limit of 34 s.
const LONGEST: Duration = Duration::from_secs(40);

/// How long an answer may be under way on a busy machine.
const UNDERWAY: Duration = Duration::from_secs(2);

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// HTTP status; 0 if there was no answer, and the body says why.
    pub status: u16,
    /// Those of [`HEADERS`] that are there.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    #[serde(with = "text")]
    pub body: Vec<u8>,
}

/// Bodies are text but for what a server must never send.
mod text {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(body))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(String::into_bytes)
    }
}

/// An API server.
#[derive(Clone)]
pub struct Ground {
    client: kube::Client,
    /// Who shows nothing of its own: for requests with a token.
    nobody: kube::Client,
    /// What it asks about writes, where a sequence configures that.
    webhook: Webhook,
}

impl Ground {
    /// The API server of a kubeconfig.
    pub async fn live(kubeconfig: &Path) -> Result<Self> {
        let text = kube::config::Kubeconfig::read_from(kubeconfig)?;
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(text, &options).await?;
        let mut nobody = config.clone();
        nobody.auth_info = kube::config::AuthInfo::default();
        Ok(Self {
            client: kube::Client::try_from(config)?,
            nobody: kube::Client::try_from(nobody)?,
            webhook: Webhook::start()?,
        })
    }

    /// A server of our own; with `controllers` also its controllers and three nodes. The task is its clockwork.
    pub fn ours(controllers: bool, seed: u64) -> Result<(Self, JoinHandle<()>)> {
        let clock = WorldClock::Wall;
        let controllers = if controllers {
            builtin::with(Settings::default())
        } else {
            Vec::new()
        };
        let entropy = machinery::entropy::Entropy::seeded(seed);
        let options = simulator::apiserver::Options::default();
        let world = World::new(options, entropy, controllers, clock.now());
        let world = WorldHandle::new(world, clock);
        world.set_network(Arc::new(Network));
        // The testbed's administrator.
        let admin = User {
            uid: "admin".to_owned(),
            ..User::admin("admin")
        };
        let wire = Wire::new(&world, "admin").acting_as(admin);
        let client = kube::Client::new(wire, "default");
        let ground = Self {
            nobody: client.clone(),
            client,
            webhook: Webhook::start()?,
        };
        Ok((ground, tokio::spawn(world.pump())))
    }

    /// What it asks about writes.
    pub fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// Sends a request whose placeholders are filled in, and reads the answer to its end.
    pub async fn ask(&self, step: &Step) -> Reply {
        if step.target.starts_with(webhook::SCHEME) {
            return self.webhook.told(step);
        }
        match tokio::time::timeout(LONGEST, self.exchange(step)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => failed(&error),
            Err(_) => failed(&anyhow::anyhow!("no end within {} s", LONGEST.as_secs())),
        }
    }

    async fn exchange(&self, step: &Step) -> Result<Reply> {
        let response = self.send(step).await?;
        read(response).await
    }

    /// Sends a request and waits for the beginning of the answer; the rest is read beside what follows, to its end or
    /// until `end` is true.
    pub async fn open(&self, step: &Step, end: Option<watch::Receiver<bool>>) -> JoinHandle<Reply> {
        let response = self.send(step).await;
        tokio::spawn(async move {
            if let Some(end) = end {
                let reading = async { read_until(response?, Some(end)).await };
                return reading.await.unwrap_or_else(|error| failed(&error));
            }
            let reading = async { read(response?).await };
            match tokio::time::timeout(LONGEST, reading).await {
                Ok(Ok(reply)) => reply,
                Ok(Err(error)) => failed(&error),
                Err(_) => failed(&anyhow::anyhow!("no end within {} s", LONGEST.as_secs())),
            }
        })
    }

    async fn send(&self, step: &Step) -> Result<http::Response<Body>> {
        let mut request = http::Request::builder()
            .method(step.method.as_str())
            .uri(&step.target);
        let named = |name: &str| {
            step.headers
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        if !named("user-agent") {
            request = request.header("user-agent", "fidelity/1");
        }
        for (name, value) in &step.headers {
            request = request.header(name, value);
        }
        let body = Body::from(step.body.clone().into_bytes());
        let request = request.body(body).context("a request that can't be sent")?;
        let client = if named("authorization") {
            &self.nobody
        } else {
            &self.client
        };
        Ok(client.send(request).await?)
    }
}

async fn read(response: http::Response<Body>) -> Result<Reply> {
    read_until(response, None).await
}

async fn read_until(
    response: http::Response<Body>,
    end: Option<watch::Receiver<bool>>,
) -> Result<Reply> {
    let (parts, mut stream) = response.into_parts();
    let ended = async move {
        match end {
            Some(mut end) => drop(end.wait_for(|ended| *ended).await),
            None => std::future::pending().await,
        }
        // What was sent before may still be on its way.
        tokio::time::sleep(UNDERWAY).await;
    };
    let mut ended = std::pin::pin!(ended);
    let mut body = Vec::new();
    loop {
        let frame = std::pin::pin!(stream.frame());
        match select(frame, ended.as_mut()).await {
            Either::Left((frame, _)) => match frame.transpose()? {
                Some(frame) => body.extend(frame.into_data().unwrap_or_default()),
                None => break,
            },
            Either::Right(((), _)) => break,
        }
    }
    let mut headers = Vec::new();
    for name in HEADERS {
        for value in parts.headers.get_all(name) {
            headers.push((
                name.to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ));
        }
    }
    if headers.contains(&("content-encoding".to_owned(), "gzip".to_owned())) {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain)?;
        body = plain;
    }
    Ok(Reply {
        status: parts.status.as_u16(),
        headers,
        body,
    })
}

fn failed(error: &anyhow::Error) -> Reply {
    Reply {
        status: 0,
        headers: Vec::new(),
        body: format!("no answer: {error:#}").into_bytes(),
    }
}
