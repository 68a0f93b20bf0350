//! Built-in controllers at work in a whole world, on virtual time.

mod accounts;
mod apis;
mod autoscaling;
mod endpoints;
mod events;
mod lifecycle;
mod local;
mod logs;
mod managers;
mod replication;
mod services;
mod stateful;
mod webhooks;
mod workloads;

use std::sync::Arc;

use jiff::Timestamp;
use machinery::entropy::Entropy;
use serde_json::{Value, json};

use super::object::{self, text};
use crate::apiserver::Options;
use crate::apiserver::resource::{Resource, known};
use crate::session::{DeleteOptions, Session};
use crate::status_error::ApiError;
use crate::world::World;

/// A world with all built-in controllers, and its time.
struct Cluster {
    world: World,
    now: Timestamp,
}

impl Cluster {
    /// A cluster whose nodes are ready.
    fn new() -> Self {
        Self::seeded(7)
    }

    fn seeded(seed: u64) -> Self {
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let world = World::new(Options::default(), Entropy::seeded(seed), super::all(), now);
        let mut cluster = Self { world, now };
        cluster.run(1);
        cluster
    }

    /// Lets time pass; every timer on the way fires at its time.
    fn run(&mut self, seconds: i64) {
        let end = object::seconds_after(self.now, seconds);
        loop {
            let mut wake = self.world.poll(self.now);
            for _ in 0..1000 {
                if wake != Some(self.now) {
                    break;
                }
                wake = self.world.poll(self.now);
            }
            match wake.filter(|at| *at <= end) {
                Some(at) => {
                    assert!(at > self.now, "controllers never rest at {}", self.now);
                    self.now = at;
                }
                None => break,
            }
        }
        self.now = end;
        self.world.poll(self.now);
    }

    /// Lets time pass until something holds; returns the seconds it took.
    fn wait(&mut self, seconds: i64, holds: impl Fn(&mut Self) -> bool) -> i64 {
        for passed in 0..=seconds {
            if holds(self) {
                return passed;
            }
            self.run(1);
        }
        panic!("not within {seconds} s");
    }

    fn session(&mut self) -> Session<'_> {
        Session {
            api: &mut self.world.api,
            entropy: &mut self.world.entropy,
            faults: None,
            recorder: &mut self.world.recorder,
            actor: "test",
            now: self.now,
        }
    }

    fn create(&mut self, resource: &Resource, object: Value) -> Arc<Value> {
        self.session().create(resource, object).unwrap()
    }

    fn get(&mut self, resource: &Resource, name: &str) -> Option<Arc<Value>> {
        let namespace = if resource.namespaced { "default" } else { "" };
        self.session().get(resource, namespace, name)
    }

    fn list(&mut self, resource: &Resource) -> Vec<Arc<Value>> {
        self.session()
            .list(resource, resource.namespaced.then_some("default"))
    }

    fn patch(
        &mut self,
        resource: &Resource,
        name: &str,
        body: &Value,
    ) -> Result<Arc<Value>, ApiError> {
        let namespace = if resource.namespaced { "default" } else { "" };
        self.session()
            .patch_merge(resource, namespace, name, "", body)
    }

    fn delete(&mut self, resource: &Resource, name: &str, options: &DeleteOptions) {
        let namespace = if resource.namespaced { "default" } else { "" };
        self.session()
            .delete(resource, namespace, name, options)
            .unwrap();
    }

    fn deployment(&mut self, replicas: i64, image: &str) -> Arc<Value> {
        self.create(&known::DEPLOYMENTS, deployment(replicas, image))
    }

    fn is_rolled_out(&mut self, name: &str) -> bool {
        let deployment = self.get(&known::DEPLOYMENTS, name).unwrap();
        let wanted = object::count(&deployment, "/spec/replicas");
        [
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
        ]
        .iter()
        .all(|key| object::count(&deployment, &format!("/status/{key}")) == wanted)
            && object::count(&deployment, "/status/observedGeneration")
                == object::count(&deployment, "/metadata/generation")
    }

    /// Runs for a minute and returns what was written meanwhile, Leases and node heartbeats apart.
    fn writes_while_resting(&mut self) -> Vec<String> {
        let snapshot = |cluster: &mut Self| -> Vec<(String, String)> {
            let resources = cluster.session().resources();
            let skipped = [&known::LEASES, &known::NODES];
            let mut all = Vec::new();
            for resource in resources.iter().filter(|r| !skipped.contains(r)) {
                for object in cluster.session().list(resource, None) {
                    let id = format!(
                        "{} {}/{}",
                        resource.plural,
                        object::namespace(&object),
                        object::name(&object)
                    );
                    all.push((id, text(&object, "/metadata/resourceVersion").to_owned()));
                }
            }
            all
        };
        let before = snapshot(self);
        self.run(60);
        snapshot(self)
            .into_iter()
            .filter(|entry| !before.contains(entry))
            .map(|(id, _)| id)
            .collect()
    }
}

fn deployment(replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}},
    })
}

/// Types, statuses and reasons of an object's conditions, sorted.
fn conditions(object: &Value) -> Vec<String> {
    let one = |c: &Value| {
        format!(
            "{}={} {}",
            text(c, "/type"),
            text(c, "/status"),
            text(c, "/reason")
        )
    };
    let mut all: Vec<String> = object::items(object, "/status/conditions")
        .iter()
        .map(one)
        .collect();
    all.sort();
    all
}
