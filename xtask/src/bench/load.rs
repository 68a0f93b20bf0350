//! What is asked of a controller: many Rollouts, created and updated; and what it has made of them.
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use kube::client::Body;
use rollouts::api::ROLLOUT;
use runtime::{Cache, ManagerOptions, Meta, Scope, Shutdown};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// The namespace of everything.
pub const NAMESPACE: &str = "bench";
/// Where upstream's controller keeps its Lease.
const LEASES: &str = "argo-rollouts";
/// A Rollout that is there before the controller is.
pub const FIRST: &str = "first";
const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/bench/rollouts";
/// Requests at the same time.
const AT_ONCE: usize = 8;
/// Nothing takes longer, or it does not work at all.
const LIMIT: Duration = Duration::from_mins(30);

/// How far a Rollout is.
#[derive(Debug)]
pub struct State {
    meta: Meta,
    phase: String,
    observed: String,
}

impl State {
    /// The controller has seen its latest generation.
    fn is_seen(&self) -> bool {
        self.observed == self.meta.generation.to_string()
    }

    fn is_done(&self) -> bool {
        self.is_seen() && self.phase == "Healthy"
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Status {
            phase: String,
            observed_generation: String,
        }
        #[derive(Deserialize)]
        struct Object {
            #[serde(default)]
            metadata: runtime::cache::WireMeta,
            #[serde(default)]
            status: Status,
        }
        let Object { metadata, status } = Object::deserialize(deserializer)?;
        Ok(Self {
            meta: metadata.into(),
            phase: status.phase,
            observed: status.observed_generation,
        })
    }
}

impl runtime::Projection for State {
    fn meta(&self) -> &Meta {
        &self.meta
    }
}

/// The one who asks.
pub struct Load {
    client: kube::Client,
    states: Cache<State>,
    watching: tokio::task::JoinHandle<()>,
}

impl Load {
    /// Installs the definitions, and watches.
    pub async fn start(kubeconfig: &Path) -> Result<Self> {
        let client = client(kubeconfig).await?;
        let made = Self::install(&client).await;
        made.context("cannot install the definitions")?;
        let mut manager = runtime::Manager::new(
            runtime::Client::new(client.clone(), runtime::client::ClientOptions::default()),
            ManagerOptions::default(),
        );
        let states = manager.cache(ROLLOUT, Scope::namespace(NAMESPACE));
        manager.work(|shutdown: Shutdown| async move { shutdown.triggered().await });
        let watching = tokio::spawn(async move {
            let (_trigger, shutdown) = runtime::shutdown::channel();
            if let Err(error) = manager.run(shutdown).await {
                eprintln!("watching the Rollouts failed: {error}");
            }
        });
        Ok(Self {
            client,
            states,
            watching,
        })
    }

    async fn install(client: &kube::Client) -> Result<()> {
        for definition in rollouts::api::crds::crds() {
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            send(client, "POST", path, &definition).await?;
        }
        for name in [NAMESPACE, LEASES] {
            let namespace = json!({"metadata": {"name": name}});
            send(client, "POST", "/api/v1/namespaces", &namespace).await?;
        }
        let begin = Instant::now();
        while send(client, "GET", ROLLOUTS, &Value::Null).await.is_err() {
            if begin.elapsed() > Duration::from_mins(1) {
                bail!("the definitions are not served");
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Creates a Rollout by itself.
    pub async fn create_first(&self) -> Result<()> {
        send(&self.client, "POST", ROLLOUTS, &rollout(FIRST, 1)).await
    }

    /// Changes that Rollout.
    pub async fn scale_first(&self) -> Result<()> {
        let path = format!("{ROLLOUTS}/{FIRST}");
        let change = json!({"spec": {"replicas": 2}});
        send(&self.client, "PATCH", &path, &change).await
    }

    /// Creates all Rollouts at once.
    pub async fn create(&self, rollouts: u32) -> Result<()> {
        self.each(rollouts, |number| {
            let body = rollout(&format!("bench-{number:04}"), 5);
            ("POST", ROLLOUTS.to_owned(), body)
        })
        .await
    }

    /// Gives all Rollouts another image at once.
    pub async fn update(&self, rollouts: u32) -> Result<()> {
        let containers = [container("second")];
        let change = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        self.each(rollouts, |number| {
            let path = format!("{ROLLOUTS}/bench-{number:04}");
            ("PATCH", path, change.clone())
        })
        .await
    }

    async fn each(
        &self,
        rollouts: u32,
        request: impl Fn(u32) -> (&'static str, String, Value),
    ) -> Result<()> {
        stream::iter(0..rollouts)
            .map(|number| {
                let (method, path, body) = request(number);
                async move { send(&self.client, method, &path, &body).await }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// How many Rollouts are healthy in their latest generation.
    pub fn done(&self) -> usize {
        self.states.list().iter().filter(|s| s.is_done()).count()
    }

    /// Whether the controller has seen the latest generation of the first Rollout. Asks the server, so that an older
    /// state in the cache is not taken for it.
    pub async fn is_first_seen(&self) -> Result<bool> {
        let path = format!("{ROLLOUTS}/{FIRST}");
        let request = Request::get(path).body(Vec::new())?;
        Ok(self.client.request::<State>(request).await?.is_seen())
    }

    /// Waits until `rollouts` are done, `check`ing all the while.
    pub async fn wait(&self, rollouts: u32, mut check: impl FnMut() -> Result<()>) -> Result<()> {
        let begin = Instant::now();
        let wanted = usize::try_from(rollouts)?;
        loop {
            check()?;
            let done = self.done();
            if done >= wanted {
                return Ok(());
            }
            if begin.elapsed() > LIMIT {
                bail!("only {done} of {wanted} Rollouts are healthy");
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// A client as a controller has it.
pub(super) async fn client(kubeconfig: &Path) -> Result<kube::Client> {
    let options = runtime::client::connect::ConnectOptions {
        kubeconfig: Some(kubeconfig.to_owned()),
        ..Default::default()
    };
    Ok(runtime::client::connect::connect(&options).await?)
}

/// Sends a request and reads its answer; fails unless it is a success. A PATCH is a merge patch.
pub(super) async fn send(
    client: &kube::Client,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<()> {
    let content = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        serde_json::to_vec(body)?
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::CONTENT_TYPE, content)
        .body(Body::from(bytes))?;
    let answer = client.send(request).await?;
    if answer.status().is_success() {
        http_body_util::BodyExt::collect(answer.into_body()).await?;
        return Ok(());
    }
    bail!("{method} {path}: {}", answer.status())
}

fn container(version: &str) -> Value {
    json!({
        "name": "web",
        "image": format!("registry.example/web:{version}"),
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}},
    })
}

fn rollout(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container("initial")], "terminationGracePeriodSeconds": 0},
            },
            "strategy": {"canary": {"steps": [
                {"setWeight": 20}, {"pause": {"duration": "1s"}},
                {"setWeight": 60}, {"pause": {"duration": "1s"}},
            ]}},
        },
    })
}
