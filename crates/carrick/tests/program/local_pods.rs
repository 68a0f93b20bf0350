//! Pods that are local processes, as clients of `carrick up` meet them: addresses, logs, restarts, probes, volumes, forwarded
//! ports and ends. Everything is waited for with watches.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::api::{Api, PATIENCE, PODS, exchange, runtime};
use super::common::{Folder, Up};

/// A pod of the example image, which is ready when it answers.
fn hello(name: &str, more: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": [{"name": "hello", "image": "carrick.dev/examples/hello",
            "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1}}]}});
    let container = &mut pod["spec"]["containers"][0];
    for (key, value) in more["container"].as_object().into_iter().flatten() {
        container[key] = value.clone();
    }
    for (key, value) in more["spec"].as_object().into_iter().flatten() {
        pod["spec"][key] = value.clone();
    }
    pod
}

fn address(pod: &Value) -> String {
    let ip = pod["status"]["podIP"].as_str().unwrap();
    assert!(ip.starts_with("127."), "{ip}");
    format!("{ip}:8080")
}

/// The page behind an address.
async fn page(address: &str) -> std::io::Result<String> {
    let body = exchange(address, "GET / HTTP/1.1\r\n\r\n").await?;
    Ok(body.trim().to_owned())
}

/// The process that listens at an address: it has it among its arguments.
fn process_at(address: &str) -> String {
    let wanted = format!("--listen={address}");
    let mut found = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let line = std::fs::read_to_string(path.join("cmdline")).ok()?;
        let arguments = line.split('\0').any(|argument| argument == wanted);
        arguments.then(|| path.file_name().map(|id| id.to_string_lossy().into_owned()))?
    });
    found.next().unwrap()
}

#[test]
fn a_pod_is_a_process_with_an_address_logs_restarts_and_an_end() {
    let folder = Folder::new("local-pod");
    let up = Up::start(&folder.0).unwrap();
    runtime().block_on(async {
        let api = Api::of(&folder.0).await;
        let env = json!({"container": {"env": [{"name": "GREETING", "value": "hi"}]}});
        api.send("POST", PODS, &hello("a", &env)).await;
        let pod = api.ready("a", 0).await;
        let address = address(&pod);
        assert_eq!(page(&address).await.unwrap(), "hi");
        let log = format!("{PODS}/a/log");
        assert!(api.text(&log).await.contains("listening on http://127."));

        // Policies are asked about the controllers' writes too, and told who they are.
        let policies = "/apis/admissionregistration.k8s.io/v1";
        let rule = json!({"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]});
        let policy = json!({"metadata": {"name": "p"}, "spec": {
            "matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}],
        }});
        api.send("POST", &format!("{policies}/validatingadmissionpolicies"), &policy).await;
        let binding = json!({"metadata": {"name": "b"}, "spec": {"policyName": "p", "validationActions": ["Deny"]}});
        api.send("POST", &format!("{policies}/validatingadmissionpolicybindings"), &binding).await;
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
            "spec": {"selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": 8080}]}});
        api.send("POST", "/api/v1/namespaces/default/services", &service).await;
        let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=a";
        let leads_there = |slice: Option<&Value>| {
            let endpoint = slice.and_then(|slice| slice.pointer("/endpoints/0"));
            endpoint.is_some_and(|endpoint| {
                endpoint["addresses"][0] == pod["status"]["podIP"] && endpoint["conditions"]["ready"] == true
            })
        };
        api.until(slices, leads_there).await;

        let killed = Command::new("kill").args(["-s", "KILL", &process_at(&address)]).status();
        assert!(killed.unwrap().success());
        let again = api.ready("a", 1).await;
        let last = &again["status"]["containerStatuses"][0]["lastState"]["terminated"];
        assert_eq!(last["exitCode"], 137);
        assert_eq!(page(&address).await.unwrap(), "hi");
        assert!(api.text(&format!("{log}?previous=true")).await.contains("GET / HTTP/1.1"));

        api.send("DELETE", &format!("{PODS}/a"), &json!({})).await;
        api.until(&format!("{PODS}?fieldSelector=metadata.name=a"), |pod| pod.is_none()).await;
        assert!(page(&address).await.is_err(), "nobody listens any more");
    });
    up.signal("INT");
    let (ended, _) = up.end();
    assert!(ended.status.success(), "{}", ended.stderr);
}

#[test]
fn probes_decide_and_mounted_files_follow_their_config_map() {
    let folder = Folder::new("local-volumes");
    let _up = Up::start(&folder.0).unwrap();
    runtime().block_on(async {
        let api = Api::of(&folder.0).await;
        let maps = "/api/v1/namespaces/default/configmaps";
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "page"}, "data": {"text": "one"}});
        api.send("POST", maps, &map).await;
        let more = json!({
            "container": {"args": ["--file=/srv/text"], "volumeMounts": [{"name": "page", "mountPath": "/srv"}]},
            "spec": {"volumes": [{"name": "page", "configMap": {"name": "page"}}]},
        });
        api.send("POST", PODS, &hello("b", &more)).await;
        let address = address(&api.ready("b", 0).await);
        assert_eq!(page(&address).await.unwrap(), "one");
        api.send("PATCH", &format!("{maps}/page"), &json!({"data": {"text": "two"}})).await;
        let changed = async { while page(&address).await.unwrap() != "two" {} };
        tokio::time::timeout(PATIENCE, changed).await.expect("the file follows");

        let deaf = json!({"container": {"livenessProbe": {"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 1}}});
        api.send("POST", PODS, &hello("c", &deaf)).await;
        let list = format!("{PODS}?fieldSelector=metadata.name=c");
        let restarted = |pod: Option<&Value>| {
            let status = pod.and_then(|pod| pod.pointer("/status/containerStatuses/0/restartCount"));
            status.is_some_and(|count| *count != json!(0))
        };
        api.until(&list, restarted).await;
        let events = "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=c,reason=Unhealthy";
        let event = api.until(events, |event| event.is_some()).await.unwrap();
        let message = event["message"].as_str().unwrap();
        assert!(message.ends_with(":9: connect: connection refused"), "{message}");
    });
}

/// The newest kubectl, where `scripts/setup` installs it.
fn kubectl() -> Option<PathBuf> {
    let cache = std::env::var_os("CARRICK_CACHE").map(PathBuf::from);
    let home =
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/carrick");
    let program = cache.unwrap_or_else(home).join("kubectl/bin/kubectl");
    program.exists().then_some(program)
}

#[test]
fn kubectl_forwards_ports_to_the_process() {
    let Some(kubectl) = kubectl() else {
        println!("skipped: no kubectl; run scripts/setup kubectl");
        return;
    };
    let folder = Folder::new("local-forward");
    let _up = Up::start(&folder.0).unwrap();
    runtime().block_on(async {
        let api = Api::of(&folder.0).await;
        api.send(
            "POST",
            PODS,
            &hello("d", &json!({"container": {"args": ["--text=through"]}})),
        )
        .await;
        api.ready("d", 0).await;
        let mut forward = Command::new(kubectl);
        forward
            .env("KUBECONFIG", folder.join("kubeconfig"))
            .args(["port-forward", "pod/d", ":8080", "--address=127.0.0.1"])
            .stdout(Stdio::piped());
        let mut forward = forward.spawn().unwrap();
        let mut line = String::new();
        // Kept to the end: kubectl goes on printing, and dies where nobody reads.
        let mut output = BufReader::new(forward.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let local = line
            .strip_prefix("Forwarding from ")
            .and_then(|rest| rest.split(' ').next());
        let local = local.unwrap_or_else(|| panic!("{line}")).to_owned();
        let pages = futures::future::join_all((0..10).map(|_| page(&local))).await;
        let _ = forward.kill();
        let _ = forward.wait();
        for page in pages {
            assert_eq!(page.unwrap(), "through");
        }
    });
}
