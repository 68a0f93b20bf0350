//! A world with the controllers in it, and a person who uses it.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use machinery::entropy::Entropy;
use monitoring::RunOptions;
use monitoring::admission::Admission;
use monitoring::api::crds;
use monitoring::operator::resources::SECRET;
use runtime::access::{Right, Verb};
use runtime::client::{Client, ClientOptions};
use runtime::resource::{
    CLUSTER_ROLE, CLUSTER_ROLE_BINDING, CUSTOM_RESOURCE_DEFINITION, NAMESPACE,
};
use runtime::{Clock, DeleteOptions, ObjectKey, Patch, ResourceRef};
use serde_json::{Value, json};
use simulator::apiserver::Options;
use simulator::clock::WorldClock;
use simulator::faults::{Call, Failure, Faults, Verdict};
use simulator::request::User;
use simulator::wire::Wire;
use simulator::world::{World, WorldHandle};

/// The controllers, as actor.
const CONTROLLERS: &str = "monitoring";
/// Longest virtual time that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// A namespace `team` in a world of its own.
pub struct Cluster {
    pub client: Client,
    world: WorldHandle,
}

/// Kinds that only few tests are about: serving schemas takes a simulation time.
const RARE: [&str; 2] = ["PrometheusAgent", "ThanosRuler"];

/// Plays in a world in which the controllers run. It doesn't serve the rare kinds, whose controllers are off then.
pub fn play(scenario: impl AsyncFnOnce(&Cluster)) {
    play_with(&[], RunOptions::default(), scenario);
}

/// The same with some of the rare kinds, and with other options.
pub fn play_with(rare: &[&str], run: RunOptions, scenario: impl AsyncFnOnce(&Cluster)) {
    play_as(rare, run, None, scenario);
}

/// The same, and the controllers may do what these rules of a role say, and nothing else.
pub fn play_granted(rules: &Value, run: RunOptions, scenario: impl AsyncFnOnce(&Cluster)) {
    play_as(&[], run, Some(rules), scenario);
}

fn play_as(
    rare: &[&str],
    run: RunOptions,
    rules: Option<&Value>,
    scenario: impl AsyncFnOnce(&Cluster),
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = WorldClock::anchored();
        let world = World::new(
            Options::default(),
            Entropy::seeded(1),
            simulator::builtin::all(),
            clock.now(),
        );
        let world = WorldHandle::new(world, clock);
        let pump = tokio::spawn(world.clone().pump());
        let person = kube::Client::new(Wire::new(&world, "person"), "default");
        let options = ClientOptions {
            clock: Clock::anchored(clock.now()),
            field_manager: "kubectl".to_owned(),
            ..ClientOptions::default()
        };
        let cluster = Cluster {
            client: Client::new(person, options),
            world: world.clone(),
        };
        cluster.prepare(rare).await;
        world.lock().recorder.keep_log();
        let mut wire = Wire::new(&world, CONTROLLERS);
        if let Some(rules) = rules {
            wire = wire.acting_as(cluster.grant(rules).await);
        }
        let own = kube::Client::new(wire, "default");
        let options = RunOptions {
            qps: None,
            clock: Clock::anchored(clock.now()),
            seed: Some(1),
            ..run
        };
        let (_trigger, shutdown) = runtime::shutdown::channel();
        let controllers = tokio::spawn(monitoring::run(own, options, shutdown));
        scenario(&cluster).await;
        assert!(!controllers.is_finished(), "the controllers ended");
        controllers.abort();
        pump.abort();
    });
}

impl Cluster {
    /// Has one of the rare kinds served that wasn't.
    pub async fn serve(&self, kind: &str) {
        for definition in crds::crds() {
            if definition.pointer("/spec/names/kind").unwrap() == kind {
                self.client
                    .create(&CUSTOM_RESOURCE_DEFINITION, &definition)
                    .await
                    .unwrap();
            }
        }
    }

    /// Answers reviews and conversions that are sent to `https://hooks.example`.
    pub fn answer_webhooks(&self) {
        let answer = |path: &str, review: &Value| -> Value {
            let body = review.to_string();
            let answer =
                Admission::default().answer(path, Some("application/json"), body.as_bytes());
            serde_json::from_slice(&answer.unwrap().body).unwrap()
        };
        self.world.services().register("hooks.example", answer);
    }

    /// Whoever has a role with these rules.
    async fn grant(&self, rules: &Value) -> User {
        let (namespace, name) = ("default", "prometheus-operator");
        let group = "rbac.authorization.k8s.io";
        let role = json!({
            "apiVersion": CLUSTER_ROLE.api_version(), "kind": "ClusterRole",
            "metadata": {"name": name}, "rules": rules,
        });
        let binding = json!({
            "apiVersion": CLUSTER_ROLE.api_version(), "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        });
        for (resource, object) in [(CLUSTER_ROLE, role), (CLUSTER_ROLE_BINDING, binding)] {
            self.client.create(&resource, &object).await.unwrap();
        }
        User::service_account(namespace, name)
    }

    /// What the controllers asked for and may not do.
    pub fn forbidden(&self) -> Vec<String> {
        let world = self.world.lock();
        let all = world.recorder.forbidden().iter();
        all.filter(|line| line.starts_with(CONTROLLERS))
            .cloned()
            .collect()
    }

    /// From now on no call gets through whose path holds that text.
    pub fn break_calls(&self, part: &'static str) {
        struct Broken(&'static str);
        impl Faults for Broken {
            fn before(&mut self, call: &Call<'_>) -> Verdict {
                if call.path.contains(self.0) {
                    Verdict::Fail(Failure::Reset)
                } else {
                    Verdict::Pass
                }
            }
        }
        self.world.lock().faults = Some(Box::new(Broken(part)));
    }

    async fn prepare(&self, rare: &[&str]) {
        for definition in crds::crds() {
            let kind = definition.pointer("/spec/names/kind").unwrap();
            let kind = kind.as_str().unwrap();
            if RARE.contains(&kind) && !rare.contains(&kind) {
                continue;
            }
            self.client
                .create(&CUSTOM_RESOURCE_DEFINITION, &definition)
                .await
                .unwrap();
        }
        self.namespace("team", &json!({})).await;
    }

    pub async fn namespace(&self, name: &str, labels: &Value) {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels},
        });
        self.client.create(&NAMESPACE, &namespace).await.unwrap();
    }

    /// Creates an object in `namespace`.
    pub async fn create(&self, resource: &ResourceRef, namespace: &str, name: &str, rest: Value) {
        let mut object = rest;
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind);
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!(namespace);
        self.client.create(resource, &object).await.unwrap();
    }

    /// Merges a patch into an object of the namespace `team`.
    pub async fn merge(&self, resource: &ResourceRef, name: &str, patch: Value) {
        let key = if resource.namespaced {
            ObjectKey::new("team", name)
        } else {
            ObjectKey::cluster(name)
        };
        self.client
            .patch(resource, &key, None, &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// An object of the namespace `team`.
    pub async fn get(&self, resource: &ResourceRef, name: &str) -> Option<Value> {
        let key = ObjectKey::new("team", name);
        self.client.get(resource, &key).await.unwrap()
    }

    /// A condition of an object of the namespace `team`; null while it isn't there.
    pub async fn condition(&self, resource: &ResourceRef, name: &str, kind: &str) -> Value {
        let object = self.get(resource, name).await.unwrap();
        let conditions = object.pointer("/status/conditions");
        let conditions = conditions.and_then(Value::as_array).cloned();
        let mut found = conditions.unwrap_or_default().into_iter();
        found
            .find(|condition| condition["type"] == kind)
            .unwrap_or_default()
    }

    /// What an object of the namespace `team` says of who uses it.
    pub async fn bindings(&self, resource: &ResourceRef, name: &str) -> Vec<Value> {
        let object = self.get(resource, name).await.unwrap();
        let bindings = object.pointer("/status/bindings").and_then(Value::as_array);
        bindings.cloned().unwrap_or_default()
    }

    /// Deletes an object of the namespace `team`.
    pub async fn delete(&self, resource: &ResourceRef, name: &str) {
        let key = ObjectKey::new("team", name);
        let options = DeleteOptions::default();
        self.client.delete(resource, &key, &options).await.unwrap();
    }

    /// Waits until a condition of an object of the namespace `team` has this status.
    pub async fn until_condition(
        &self,
        resource: &ResourceRef,
        name: &str,
        kind: &str,
        status: &str,
    ) {
        self.until(&format!("{kind} of {name} is {status}"), async || {
            self.condition(resource, name, kind).await["status"] == status
        })
        .await;
    }

    /// The configuration in the Secret of a Prometheus, decompressed; empty while there is none.
    pub async fn configuration(&self, prometheus: &str) -> String {
        self.compressed(&format!("prometheus-{prometheus}"), "prometheus.yaml.gz")
            .await
    }

    /// What a Secret holds under a key, decompressed; empty while it isn't there.
    pub async fn compressed(&self, secret: &str, key: &str) -> String {
        let Some(secret) = self.get(&SECRET, secret).await else {
            return String::new();
        };
        let data = secret["data"][key].as_str().unwrap_or_default();
        let bytes = STANDARD.decode(data).unwrap();
        let mut text = String::new();
        if !bytes.is_empty() {
            flate2::read::GzDecoder::new(bytes.as_slice())
                .read_to_string(&mut text)
                .unwrap();
        }
        text
    }

    /// Waits until something holds.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let wait = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, wait).await.is_ok(),
            "{what}: not within {PATIENCE:?}"
        );
    }

    /// The writes of the controllers so far, `METHOD path`.
    pub fn writes(&self) -> Vec<String> {
        let world = self.world.lock();
        let lines = world.recorder.log().iter();
        lines
            .filter_map(|line| line.strip_prefix(CONTROLLERS))
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let (method, target) = (words.next()?, words.next()?);
                let path = target.split('?').next()?;
                Some(format!("{method} {path}"))
            })
            // Asking what one may do writes nothing.
            .filter(|line| !line.starts_with("GET") && !line.contains("accessreviews"))
            .collect()
    }

    /// Paths of all that the controllers listed and watched so far.
    pub fn collections(&self) -> BTreeSet<String> {
        let all = self.queries().into_iter();
        all.map(|(path, _)| path).collect()
    }

    /// The same, each with the query that it was asked with.
    pub fn queries(&self) -> BTreeSet<(String, String)> {
        let world = self.world.lock();
        let lines = world.recorder.log().iter();
        lines
            .filter_map(|line| {
                let mut words = line.strip_prefix(CONTROLLERS)?.split_whitespace();
                let (method, target) = (words.next()?.parse().ok()?, words.next()?);
                let verb = Right::of(&method, target)?.verb;
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                [Verb::List, Verb::Watch]
                    .contains(&verb)
                    .then(|| (path.to_owned(), query.to_owned()))
            })
            .collect()
    }

    /// What the controllers write while `time` passes.
    pub async fn written_within(&self, time: Duration) -> Vec<String> {
        let before = self.writes().len();
        tokio::time::sleep(time).await;
        self.writes().split_off(before)
    }

    /// Waits until the controllers have nothing more to write.
    pub async fn settled(&self) {
        while !self
            .written_within(Duration::from_secs(90))
            .await
            .is_empty()
        {}
    }
}
