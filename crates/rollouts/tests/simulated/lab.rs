//! A simulated Kubernetes on virtual time with our controllers in it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use machinery::entropy::Entropy;
use rollouts::rollout::decide::writes::{REPLICA_SET, ROLLOUT, SERVICE};
use rollouts::run::{RunOptions, manager};
use runtime::resource::CUSTOM_RESOURCE_DEFINITION as DEFINITIONS;
use runtime::shutdown::{self, Trigger};
use runtime::{Clock, ObjectKey, Registry, ResourceRef};
use serde_json::{Value, json};
use simulator::apiserver::Options;
use simulator::clock::WorldClock;
use simulator::faults::{Call, Failure, Faults, Verdict};
use simulator::request::{Reply, Request, Response, User};
use simulator::wire::Wire;
use simulator::world::{World, WorldHandle};
use tokio::task::JoinHandle;

/// A world, and the controllers' present process in it.
pub struct Lab {
    /// The world.
    pub world: WorldHandle,
    process: Option<(Trigger, JoinHandle<()>)>,
    registry: Registry,
    started: usize,
}

/// The process `actor` dies at its n-th write: the write is done, and nothing of it is heard again.
pub struct Death {
    actor: String,
    write: u64,
    dead: Arc<Mutex<bool>>,
}

impl Faults for Death {
    fn before(&mut self, call: &Call<'_>) -> Verdict {
        if call.actor != self.actor {
            return Verdict::Pass;
        }
        let mut dead = self.dead.lock().unwrap();
        if *dead {
            return Verdict::Fail(Failure::Silence);
        }
        *dead = call.write == Some(self.write);
        if *dead {
            Verdict::CommitThenFail(Failure::Silence)
        } else {
            Verdict::Pass
        }
    }
}

impl Lab {
    /// A world with ready nodes and our definitions. Call it under paused time.
    pub async fn new() -> Self {
        let clock = WorldClock::anchored();
        let world = World::new(
            Options::default(),
            Entropy::seeded(7),
            simulator::builtin::all(),
            clock.now(),
        );
        let world = WorldHandle::new(world, clock);
        tokio::spawn(world.clone().pump());
        let lab = Self {
            world,
            process: None,
            registry: Registry::new(),
            started: 0,
        };
        lab.pass(5).await;
        for definition in rollouts::api::crds::crds() {
            lab.create(&DEFINITIONS, &definition);
        }
        lab.pass(2).await;
        lab
    }

    /// Starts a new process of our controllers.
    pub fn start(&mut self) {
        let actor = format!("mgr{}", self.started);
        self.started += 1;
        let client = kube::Client::new(Wire::new(&self.world, actor), "default");
        let WorldClock::Anchored { epoch, start } = self.world.clock() else {
            panic!("a simulated clock")
        };
        let options = RunOptions {
            clock: Clock::Anchored { epoch, start },
            qps: None,
            seed: Some(1),
            ..RunOptions::default()
        };
        let (trigger, shutdown) = shutdown::channel();
        let manager = manager(client, &options);
        self.registry = manager.registry().clone();
        let process = tokio::spawn(async move { manager.run(shutdown).await.unwrap() });
        self.process = Some((trigger, process));
    }

    /// What a scrape of the present process shows, without comments.
    pub fn metrics(&self) -> Vec<String> {
        let text = self.registry.encode();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    }

    /// Name of the present process.
    pub fn actor(&self) -> String {
        format!("mgr{}", self.started - 1)
    }

    /// Ends the present process without warning.
    pub fn kill(&mut self) {
        if let Some((_, process)) = self.process.take() {
            process.abort();
        }
    }

    /// Lets the present process die at its n-th write from now; the flag tells when it has.
    pub fn die_at(&self, write: u64) -> Arc<Mutex<bool>> {
        let dead = Arc::new(Mutex::new(false));
        let actor = self.actor();
        let written = self.world.lock().recorder.counts(&actor).writes;
        let death = Death {
            actor,
            write: written + write,
            dead: Arc::clone(&dead),
        };
        self.world.lock().faults = Some(Box::new(death));
        dead
    }

    /// Lets time pass.
    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    fn call(&self, method: Method, path: String, body: &Value) -> Value {
        let mut headers = HeaderMap::new();
        let kind = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let user = Some(User::admin("user"));
        let request = Request {
            method,
            path,
            query: Vec::new(),
            headers,
            body,
            user,
        };
        match self.world.with(|world, now| world.handle(&request, now)) {
            Reply::Full(Response {
                status,
                headers: _,
                body,
            }) => {
                assert!(
                    status < 300,
                    "{} {}: {}",
                    request.method,
                    request.path,
                    String::from_utf8_lossy(&body)
                );
                serde_json::from_slice(&body).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Creates an object.
    pub fn create(&self, resource: &ResourceRef, object: &Value) {
        self.call(Method::POST, resource.collection_path("default"), object);
    }

    /// Deletes an object.
    pub fn delete(&self, resource: &ResourceRef, name: &str) {
        let path = resource.object_path(&ObjectKey::new("default", name), None);
        self.call(Method::DELETE, path, &Value::Null);
    }

    /// One object of the default namespace.
    pub fn get(&self, resource: &ResourceRef, name: &str) -> Value {
        self.call(
            Method::GET,
            resource.object_path(&ObjectKey::new("default", name), None),
            &Value::Null,
        )
    }

    /// All objects of the default namespace.
    pub fn list(&self, resource: &ResourceRef) -> Vec<Value> {
        let list = self.call(
            Method::GET,
            resource.collection_path("default"),
            &Value::Null,
        );
        list["items"].as_array().unwrap().clone()
    }

    /// Changes an object.
    pub fn patch(
        &self,
        resource: &ResourceRef,
        name: &str,
        subresource: Option<&str>,
        body: &Value,
    ) {
        self.call(
            Method::PATCH,
            resource.object_path(&ObjectKey::new("default", name), subresource),
            body,
        );
    }

    /// Waits until something holds of the Rollout.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self, &Value) -> bool) {
        for _ in 0..6000 {
            if holds(self, &self.get(&ROLLOUT, "web")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not {what}: {:#}", self.get(&ROLLOUT, "web")["status"]);
    }

    /// Waits for a phase of the latest spec.
    pub async fn until_phase(&self, phase: &str) {
        self.until(phase, |_, rollout| {
            is_observed(rollout) && rollout["status"]["phase"] == phase
        })
        .await;
    }

    /// Requests and writes of the present process so far.
    pub fn counts(&self) -> (u64, u64) {
        let counts = self.world.lock().recorder.counts(&self.actor());
        (counts.calls, counts.writes)
    }

    /// Changes the image of the Rollout.
    pub fn set_image(&self, image: &str) {
        let containers = json!([{"name": "web", "image": image}]);
        self.patch(
            &ROLLOUT,
            "web",
            None,
            &json!({"spec": {"template": {"spec": {"containers": containers}}}}),
        );
    }

    /// Sizes of the ReplicaSets by revision, and available pods.
    pub fn sizes(&self) -> Vec<(String, i64, i64)> {
        let mut sizes: Vec<_> = self
            .list(&REPLICA_SET)
            .iter()
            .map(|set| {
                let revision = &set["metadata"]["annotations"]["rollout.argoproj.io/revision"];
                let available = set["status"]["availableReplicas"].as_i64().unwrap_or(0);
                (
                    revision.as_str().unwrap_or_default().to_owned(),
                    set["spec"]["replicas"].as_i64().unwrap(),
                    available,
                )
            })
            .collect();
        sizes.sort();
        sizes
    }

    /// Hash that a Service selects.
    pub fn selects(&self, service: &str) -> String {
        let selector = &self.get(&SERVICE, service)["spec"]["selector"];
        selector["rollouts-pod-template-hash"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// Whether the status is about the latest spec.
pub fn is_observed(rollout: &Value) -> bool {
    let generation = rollout["metadata"]["generation"].to_string();
    rollout["status"]["observedGeneration"].as_str() == Some(&generation)
}
