//! Pods of known images, with containers that only pretend to run: never a process in tests.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;

use super::*;
use crate::builtin::Settings;
use crate::nodes::containers::{Check, ContainerRuntime, Containers, Exit, LogText, Run, Volume};

/// What was asked for, and what the test says became of it.
#[derive(Default)]
struct Fake {
    calls: Mutex<Vec<String>>,
    volumes: Mutex<BTreeMap<String, Volume>>,
    runs: Mutex<Vec<Run>>,
    exit: Mutex<Option<Exit>>,
    /// What the next look of a probe shows.
    seen: Mutex<Option<Result<(), String>>>,
}

impl Fake {
    fn call(&self, text: &str) {
        self.calls.lock().unwrap().push(text.to_owned());
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    fn ends(&self, code: i64, at: Timestamp) {
        *self.exit.lock().unwrap() = Some(Exit { code, at });
    }
}

impl Containers for Fake {
    fn knows(&self, image: &str) -> bool {
        image.starts_with("known")
    }

    fn runs(&self, images: &[&str]) -> bool {
        images.iter().any(|image| self.knows(image))
    }

    fn open(&self, _: &Value, volumes: &BTreeMap<String, Volume>) -> Result<IpAddr, String> {
        self.call("open");
        *self.volumes.lock().unwrap() = volumes.clone();
        Ok(IpAddr::from([127, 9, 0, 1]))
    }

    fn refresh(&self, _: &str, volumes: &BTreeMap<String, Volume>) -> Result<(), String> {
        self.call("refresh");
        *self.volumes.lock().unwrap() = volumes.clone();
        Ok(())
    }

    fn check(&self, _: &str, _: &str, probe: &str, _: Check) {
        self.call(probe);
    }

    fn checked(&self, _: &str, _: &str, _: &str) -> Option<Result<(), String>> {
        self.seen.lock().unwrap().clone()
    }

    fn stop(&self, _: &str, _: &str, grace: std::time::Duration) {
        self.call(&format!("stop {}", grace.as_secs()));
    }

    fn start(&self, run: Run) -> Result<(), String> {
        self.call("start");
        self.runs.lock().unwrap().push(run);
        *self.exit.lock().unwrap() = None;
        Ok(())
    }

    fn exit(&self, _: &str, _: &str) -> Option<Exit> {
        *self.exit.lock().unwrap()
    }

    fn terminate(&self, _: &str) {
        self.call("terminate");
    }

    fn close(&self, _: &str) {
        self.call("close");
    }

    fn log(&self, _: &str, _: &str, _: bool) -> Option<LogText> {
        None
    }
}

fn cluster() -> (Cluster, Arc<Fake>) {
    let fake = Arc::new(Fake::default());
    let settings = Settings {
        containers: Some(ContainerRuntime(fake.clone())),
        ..Settings::default()
    };
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    let controllers = crate::builtin::with(settings);
    let world = World::new(Options::default(), Entropy::seeded(7), controllers, now);
    let mut cluster = Cluster { world, now };
    cluster.run(1);
    (cluster, fake)
}

fn pod(policy: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "labels": {"a": "b"}},
        "spec": {"restartPolicy": policy, "automountServiceAccountToken": false,
            "volumes": [{"name": "config", "configMap": {"name": "settings"}}],
            "containers": [{"name": "c", "image": "known:1", "args": ["--name=$(NAME)"], "ports": [{"containerPort": 81}],
                "env": [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}}],
                "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}]}]}})
}

fn config_map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}, "data": {"k": "v"}})
}

fn state(cluster: &mut Cluster) -> Value {
    cluster.get(&known::PODS, "p").unwrap()["status"].clone()
}

/// A pod whose containers are simulated, with the parts that a test is about.
fn simulated(volumes: &Value, env: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"automountServiceAccountToken": false, "volumes": volumes,
            "containers": [{"name": "c", "image": "unknown:1", "env": env}]}})
}

#[test]
fn a_simulated_pod_waits_for_its_volumes_too() {
    let (mut cluster, _) = cluster();
    let volumes = json!([
        {"name": "may", "secret": {"secretName": "absent", "optional": true}},
        {"name": "config", "configMap": {"name": "settings"}},
    ]);
    cluster.create(&known::PODS, simulated(&volumes, &json!([])));
    cluster.run(5);
    let status = state(&mut cluster);
    assert_eq!(status["phase"], "Pending");
    let waiting = &status["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "ContainerCreating");
    let events = cluster.list(&known::EVENTS);
    let mount: Vec<&str> = events
        .iter()
        .filter(|event| text(event, "/reason") == "FailedMount")
        .map(|event| text(event, "/message"))
        .collect();
    let missing =
        "MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found";
    assert_eq!(mount, [missing]);
    cluster.create(&known::CONFIG_MAPS, config_map());
    cluster.run(1);
    assert_eq!(state(&mut cluster)["phase"], "Running");
}

#[test]
fn a_simulated_container_waits_for_its_variables() {
    let (mut cluster, _) = cluster();
    let from = |key: &str| {
        let reference = json!({"name": "settings", "key": key});
        json!([{"name": "A", "valueFrom": {"configMapKeyRef": reference}}])
    };
    cluster.create(&known::PODS, simulated(&json!([]), &from("k")));
    cluster.run(5);
    let status = state(&mut cluster);
    let waiting = &status["containerStatuses"][0]["state"]["waiting"];
    let expected = json!({"reason": "CreateContainerConfigError", "message": "configmap \"settings\" not found"});
    assert_eq!((&status["phase"], waiting), (&json!("Pending"), &expected));
    let events = cluster.list(&known::EVENTS);
    let failed = events
        .iter()
        .find(|event| text(event, "/reason") == "Failed");
    let message = "Error: configmap \"settings\" not found";
    assert_eq!(text(failed.unwrap(), "/message"), message);
    cluster.create(&known::CONFIG_MAPS, config_map());
    cluster.run(1);
    assert_eq!(state(&mut cluster)["phase"], "Running");
}

#[test]
fn a_pod_waits_for_its_volumes_then_runs_with_what_its_spec_says() {
    let (mut cluster, fake) = cluster();
    cluster.create(&known::PODS, pod("Always"));
    cluster.run(5);
    assert_eq!(fake.calls(), Vec::<String>::new());
    let events = cluster.list(&known::EVENTS);
    let mount = events.iter().find(|e| text(e, "/reason") == "FailedMount");
    assert_eq!(
        text(mount.unwrap(), "/message"),
        "MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found"
    );
    assert_eq!(state(&mut cluster)["phase"], "Pending");
    cluster.create(&known::CONFIG_MAPS, config_map());
    cluster.run(5);
    assert_eq!(fake.calls(), ["open", "start"]);
    let run = fake.runs.lock().unwrap().pop().unwrap();
    assert_eq!(
        (run.args, run.ports),
        (vec!["--name=b".to_owned()], vec![81])
    );
    assert!(run.env.contains(&("NAME".to_owned(), "b".to_owned())));
    let files = BTreeMap::from([("k".to_owned(), b"v".to_vec())]);
    assert_eq!(
        *fake.volumes.lock().unwrap(),
        BTreeMap::from([("config".to_owned(), Volume::Files(files))])
    );
    let status = state(&mut cluster);
    assert_eq!(status["phase"], "Running");
    assert_eq!(status["podIP"], "127.9.0.1");
    assert_eq!(status["containerStatuses"][0]["ready"], true);
    assert!(
        conditions(&cluster.get(&known::PODS, "p").unwrap()).contains(&"Ready=True ".to_owned())
    );
}

#[test]
fn a_container_that_ends_again_and_again_backs_off() {
    let (mut cluster, fake) = cluster();
    cluster.create(&known::CONFIG_MAPS, config_map());
    cluster.create(&known::PODS, pod("Always"));
    cluster.run(5);
    assert_eq!(fake.calls(), ["open", "start"]);
    fake.ends(3, cluster.now);
    cluster.run(1);
    assert_eq!(fake.calls(), ["start"]);
    assert_eq!(
        state(&mut cluster)["containerStatuses"][0]["restartCount"],
        1
    );
    fake.ends(3, cluster.now);
    cluster.run(5);
    assert_eq!(fake.calls(), Vec::<String>::new());
    let container = state(&mut cluster)["containerStatuses"][0].clone();
    assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
    // It counts once it has been started again, as a kubelet counts.
    assert_eq!(container["restartCount"], 1);
    assert!(
        text(&container, "/state/waiting/message")
            .starts_with("back-off 10s restarting failed container=c pod=p_default(")
    );
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(state(&mut cluster)["phase"], "Running");
    cluster.run(6);
    assert_eq!(fake.calls(), ["start"]);
    let container = state(&mut cluster)["containerStatuses"][0].clone();
    assert_eq!(
        (&container["restartCount"], &container["ready"]),
        (&json!(2), &json!(true))
    );
}

#[test]
fn a_pod_that_is_not_restarted_ends_with_its_container() {
    let (mut cluster, fake) = cluster();
    cluster.create(&known::CONFIG_MAPS, config_map());
    cluster.create(&known::PODS, pod("OnFailure"));
    cluster.run(5);
    fake.ends(0, cluster.now);
    cluster.run(1);
    let status = state(&mut cluster);
    assert_eq!(status["phase"], "Succeeded");
    assert_eq!(
        status["containerStatuses"][0]["state"]["terminated"]["reason"],
        "Completed"
    );
}

#[test]
fn a_deleted_pod_has_its_grace_period() {
    let (mut cluster, fake) = cluster();
    cluster.create(&known::CONFIG_MAPS, config_map());
    cluster.create(&known::PODS, pod("Always"));
    cluster.run(5);
    fake.calls();
    cluster.delete(&known::PODS, "p", &DeleteOptions::default());
    cluster.run(29);
    assert_eq!(fake.calls(), ["terminate"]);
    cluster.run(2);
    assert_eq!(fake.calls(), ["close"]);
    assert_eq!(cluster.get(&known::PODS, "p"), None);
}

#[test]
fn a_mounted_config_map_that_changes_is_written_anew() {
    let (mut cluster, fake) = cluster();
    cluster.create(&known::CONFIG_MAPS, config_map());
    cluster.create(&known::PODS, pod("Always"));
    cluster.run(5);
    assert_eq!(fake.calls(), ["open", "start"]);
    let mut other = config_map();
    other["metadata"]["name"] = json!("other");
    cluster.create(&known::CONFIG_MAPS, other);
    cluster.run(1);
    assert_eq!(fake.calls(), Vec::<String>::new());
    cluster
        .patch(
            &known::CONFIG_MAPS,
            "settings",
            &json!({"data": {"k": "w"}}),
        )
        .unwrap();
    cluster.run(1);
    assert_eq!(fake.calls(), ["refresh"]);
    let files = BTreeMap::from([("k".to_owned(), b"w".to_vec())]);
    assert_eq!(
        *fake.volumes.lock().unwrap(),
        BTreeMap::from([("config".to_owned(), Volume::Files(files))])
    );
}

#[test]
fn a_pod_is_ready_when_its_probe_says_so_and_starts_again_when_it_does_not_live() {
    let (mut cluster, fake) = cluster();
    cluster.create(&known::CONFIG_MAPS, config_map());
    let mut probed = pod("Always");
    let container = &mut probed["spec"]["containers"][0];
    container["readinessProbe"] = json!({"httpGet": {"port": 81}, "periodSeconds": 1});
    container["livenessProbe"] =
        json!({"tcpSocket": {"port": 81}, "periodSeconds": 1, "initialDelaySeconds": 20});
    cluster.create(&known::PODS, probed);
    cluster.run(3);
    assert_eq!(fake.calls(), ["open", "start", "Readiness"]);
    assert_eq!(state(&mut cluster)["containerStatuses"][0]["ready"], false);
    *fake.seen.lock().unwrap() = Some(Ok(()));
    cluster.run(2);
    assert_eq!(state(&mut cluster)["containerStatuses"][0]["ready"], true);
    *fake.seen.lock().unwrap() = Some(Err("connection refused".to_owned()));
    cluster.run(30);
    let calls = fake.calls();
    assert!(calls.contains(&"stop 30".to_owned()), "{calls:?}");
    assert_eq!(state(&mut cluster)["containerStatuses"][0]["ready"], false);
    let events = cluster.list(&known::EVENTS);
    let unhealthy = events.iter().find(|e| text(e, "/reason") == "Unhealthy");
    assert_eq!(
        text(unhealthy.unwrap(), "/message"),
        "Readiness probe failed: connection refused"
    );
    let pod = &cluster.list(&known::PODS)[0];
    let (node, unhealthy) = (&pod["spec"]["nodeName"], unhealthy.unwrap());
    assert_eq!(
        unhealthy["source"],
        json!({"component": "kubelet", "host": node})
    );
    assert_eq!(&unhealthy["reportingInstance"], node);
    let part = &unhealthy["involvedObject"]["fieldPath"];
    assert_eq!(part, "spec.containers{c}");
    fake.ends(137, cluster.now);
    cluster.run(1);
    assert_eq!(fake.calls().first().map(String::as_str), Some("start"));
}
