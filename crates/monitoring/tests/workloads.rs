//! What workloads promise beyond the recorded calls.
#![cfg(test)]

use monitoring::api::{Alertmanager, Prometheus, PrometheusAgent, ThanosRuler, read};
use monitoring::config::prometheus::Options;
use monitoring::workload::{
    AgentInput, Secrets, ServerInput, Settings, ThanosRulerInput, WorkloadError, agent_daemon_set,
    agent_stateful_set, alertmanager_service, alertmanager_stateful_set, prometheus_service,
    server_stateful_set, shard_name, shard_names, thanos_ruler_service, thanos_ruler_stateful_set,
};
use serde_json::{Value, json};

fn prometheus(spec: &Value) -> Prometheus {
    let object = json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus",
        "metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": spec,
    });
    read(&object).unwrap()
}

fn options() -> Options {
    Options {
        topology_sharding: true,
        retention_policies: true,
        ..Options::default()
    }
}

fn shard(prometheus: &Prometheus, settings: &Settings, shard: i32) -> Result<Value, WorkloadError> {
    let name = shard_name("prometheus", &prometheus.metadata.name, shard);
    server_stateful_set(ServerInput {
        name: &name,
        prometheus,
        settings,
        options: options(),
        shard,
        rule_config_maps: &["r-0".to_owned()],
        secrets: Secrets {
            tls: 2,
            configuration: 0,
        },
        input_hash: "h",
    })
    .map(|built| built.object)
}

fn server(spec: &Value) -> Value {
    shard(&prometheus(spec), &Settings::default(), 0).unwrap()
}

fn container<'a>(object: &'a Value, name: &str) -> &'a Value {
    let containers = object.pointer("/spec/template/spec/containers").unwrap();
    let mut containers = containers.as_array().unwrap().iter();
    containers
        .find(|container| container["name"] == name)
        .unwrap()
}

fn args<'a>(object: &'a Value, name: &str) -> Vec<&'a str> {
    let args = container(object, name)["args"].as_array().unwrap();
    args.iter()
        .map(|argument| argument.as_str().unwrap())
        .collect()
}

fn volumes(object: &Value) -> Vec<&str> {
    let volumes = object.pointer("/spec/template/spec/volumes").unwrap();
    let volumes = volumes.as_array().unwrap().iter();
    volumes
        .map(|volume| volume["name"].as_str().unwrap())
        .collect()
}

#[test]
fn two_long_names_of_secrets_make_two_volumes() {
    let long = "a-very-long-name-that-goes-on-and-on-and-on-and-on-until-it-is-cut-";
    let made = server(&json!({"secrets": [format!("{long}1"), format!("{long}2")]}));
    let mut names = volumes(&made);
    let before = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), before);
    let cut: String = format!("secret-{long}").chars().take(63).collect();
    assert!(names.contains(&cut.as_str()));
}

#[test]
fn both_logs_get_the_one_volume() {
    for (query, scrape, mounted) in [
        ("q.log", Some("/elsewhere/s.log"), true),
        ("q.log", Some("s.log"), true),
        ("q.log", None, true),
        ("/elsewhere/q.log", Some("/elsewhere/s.log"), false),
    ] {
        let made = server(&json!({"queryLogFile": query, "scrapeFailureLogFile": scrape}));
        let logs = volumes(&made)
            .iter()
            .filter(|name| **name == "log-file")
            .count();
        assert_eq!(logs, usize::from(mounted), "{query} {scrape:?}");
        let mounts = container(&made, "prometheus")["volumeMounts"]
            .as_array()
            .unwrap();
        let at = mounts
            .iter()
            .filter(|mount| mount["mountPath"] == "/var/log/prometheus");
        assert_eq!(at.count(), usize::from(mounted));
    }
}

#[test]
fn a_version_that_cannot_serve_tls_stays_on_http_everywhere() {
    let web = json!({"tlsConfig": {"keyFile": "/k", "certFile": "/c"}});
    let old = server(&json!({"version": "v2.23.0", "web": web, "thanos": {}}));
    let main = container(&old, "prometheus");
    assert!(main["readinessProbe"]["httpGet"].get("scheme").is_none());
    assert!(args(&old, "config-reloader").contains(&"--reload-url=http://localhost:9090/-/reload"));
    assert!(args(&old, "thanos-sidecar").contains(&"--prometheus.url=http://localhost:9090/"));
    assert!(!volumes(&old).contains(&"web-config"));
    let new = server(&json!({"version": "v2.24.0", "web": web}));
    assert_eq!(
        container(&new, "prometheus")["readinessProbe"]["httpGet"]["scheme"],
        "HTTPS"
    );
    assert!(
        args(&new, "config-reloader").contains(&"--reload-url=https://localhost:9090/-/reload")
    );
    assert!(
        volumes(&new)
            .iter()
            .all(|name| !name.starts_with("web-config-tls"))
    );
}

#[test]
fn remote_write_in_an_old_version_costs_no_other_argument() {
    let spec = |version: &str| {
        json!({
            "version": version, "logFormat": "json", "enableFeatures": ["a", "b"],
            "remoteWrite": [{"url": "http://x", "messageVersion": "V2.0"}],
        })
    };
    let old = server(&spec("v2.53.0"));
    let old = args(&old, "prometheus");
    assert!(old.contains(&"--log.format=json") && old.contains(&"--enable-feature=a,b"));
    assert!(!old.contains(&"--enable-feature=metadata-wal-records"));
    for (version, sends) in [("v2.54.0", true), ("v3.3.1", true), ("v3.4.0", false)] {
        let made = server(&spec(version));
        let made = args(&made, "prometheus");
        assert_eq!(
            made.contains(&"--enable-feature=metadata-wal-records"),
            sends,
            "{version}"
        );
    }
}

#[test]
fn shards_differ_in_name_labels_and_zone_alone() {
    let object = prometheus(&json!({
        "shards": 4, "nodeSelector": {"x": "y"},
        "shardingStrategy": {"mode": "Topology", "topology": {"values": ["a", "b"]}},
    }));
    let names = shard_names("prometheus", "p", &object.spec.common);
    assert_eq!(
        names,
        [
            "prometheus-p",
            "prometheus-p-shard-1",
            "prometheus-p-shard-2",
            "prometheus-p-shard-3"
        ]
    );
    let made = shard(&object, &Settings::default(), 3).unwrap();
    assert_eq!(made["metadata"]["name"], "prometheus-p-shard-3");
    assert_eq!(made["metadata"]["namespace"], "n");
    assert_eq!(
        made["spec"]["selector"]["matchLabels"]["operator.prometheus.io/shard"],
        "3"
    );
    assert_eq!(
        made["spec"]["template"]["spec"]["nodeSelector"],
        json!({"topology.kubernetes.io/zone": "b", "x": "y"})
    );
    let env = container(&made, "config-reloader")["env"]
        .as_array()
        .unwrap();
    let value = |name: &str| env.iter().find(|one| one["name"] == name).unwrap()["value"].clone();
    assert_eq!(
        (value("SHARD"), value("INZONE_SHARD")),
        (json!("3"), json!("1"))
    );
    assert_eq!(value("TOPOLOGY_ZONE"), "b");
}

#[test]
fn labels_of_the_operator_win_and_the_old_label_selects_nothing() {
    let settings = Settings {
        labels: [("team".to_owned(), "ops".to_owned())].into(),
        legacy_app_label: true,
        ..Settings::default()
    };
    let object = prometheus(&json!({"podMetadata": {"labels": {"team": "mine", "own": "1"}}}));
    let made = shard(&object, &settings, 0).unwrap();
    let selector = &made["spec"]["selector"]["matchLabels"];
    assert_eq!(selector["team"], "ops");
    assert!(selector.get("app").is_none() && selector.get("own").is_none());
    let labels = &made["spec"]["template"]["metadata"]["labels"];
    assert_eq!(
        (&labels["team"], &labels["own"]),
        (&json!("ops"), &json!("1"))
    );
    assert_eq!(labels["app"], "prometheus");
    let sources = made["spec"]["template"]["spec"]["volumes"][1]["projected"]["sources"].clone();
    assert_eq!(sources[1]["secret"]["name"], "prometheus-p-tls-assets-1");
}

#[test]
fn spread_constraints_are_narrowed_to_the_object_or_to_the_shard() {
    let spread = |which: &str| {
        let made = server(&json!({"topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "additionalLabelSelectors": which,
            "labelSelector": {"matchExpressions": [{"key": "k", "operator": "Exists"}]},
        }]}));
        made["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"].clone()
    };
    let shard = spread("OnShard");
    assert_eq!(shard["matchLabels"]["operator.prometheus.io/shard"], "0");
    assert_eq!(shard["matchExpressions"][0]["key"], "k");
    let object = spread("OnResource");
    assert_eq!(object["matchLabels"]["prometheus"], "p");
    assert!(
        object["matchLabels"]
            .get("operator.prometheus.io/shard")
            .is_none()
    );
}

#[test]
fn a_signal_needs_one_process_namespace_and_no_reload_url() {
    let made = server(&json!({
        "reloadStrategy": "ProcessSignal", "listenLocal": true, "routePrefix": "/p/",
    }));
    assert_eq!(
        made["spec"]["template"]["spec"]["shareProcessNamespace"],
        true
    );
    let reloader = args(&made, "config-reloader");
    assert_eq!(
        reloader[..3],
        [
            "--listen-address=:8080",
            "--reload-method=signal",
            "--runtimeinfo-url=http://localhost:9090/p/api/v1/status/runtimeinfo",
        ]
    );
    let main = container(&made, "prometheus");
    assert!(main.get("ports").is_none());
    let script = main["livenessProbe"]["exec"]["command"][2]
        .as_str()
        .unwrap();
    assert!(
        script.contains("curl --fail http://localhost:9090/p/-/healthy;"),
        "{script}"
    );
    assert!(!args(&made, "prometheus").contains(&"--web.enable-lifecycle"));
}

#[test]
fn an_agent_on_every_node_has_neither_shards_nor_a_claim() {
    let object: PrometheusAgent = read(&json!({
        "apiVersion": "monitoring.coreos.com/v1alpha1", "kind": "PrometheusAgent",
        "metadata": {"name": "a", "namespace": "n", "uid": "u"},
        "spec": {"mode": "DaemonSet", "volumes": [{"name": "v", "emptyDir": {}}]},
    }))
    .unwrap();
    let input = AgentInput {
        name: "prom-agent-a",
        agent: &object,
        settings: &Settings::default(),
        options: options(),
        shard: 0,
        secrets: Secrets {
            tls: 1,
            configuration: 0,
        },
        input_hash: "h",
    };
    let made = agent_daemon_set(input).unwrap().object;
    assert_eq!(
        (&made["kind"], &made["metadata"]["name"]),
        (&json!("DaemonSet"), &json!("prom-agent-a"))
    );
    let labels = &made["spec"]["selector"]["matchLabels"];
    assert!(labels.get("operator.prometheus.io/shard").is_none());
    assert!(made["metadata"].get("annotations").is_none());
    let env = container(&made, "config-reloader")["env"]
        .as_array()
        .unwrap();
    assert_eq!(
        (&env[1]["name"], &env[2]["value"]),
        (&json!("NODE_NAME"), &json!("0"))
    );
    assert!(volumes(&made).contains(&"v"));
    assert!(args(&made, "config-reloader")[1].starts_with("--web-config-file="));
    let set = agent_stateful_set(input).unwrap().object;
    assert_eq!(set["spec"]["serviceName"], "prometheus-agent-operated");
    assert!(volumes(&set).contains(&"prom-agent-a-db"));
}

fn alertmanager(spec: &Value) -> Alertmanager {
    let metadata = json!({"name": "a", "namespace": "n", "uid": "u"});
    read(&json!({"kind": "Alertmanager", "metadata": metadata, "spec": spec})).unwrap()
}

#[test]
fn members_of_a_cluster_find_each_other_by_complete_names() {
    let settings = Settings {
        cluster_domain: "example.org".to_owned(),
        ..Settings::default()
    };
    let object = alertmanager(&json!({"replicas": 2, "version": "v0.21.0"}));
    let made = alertmanager_stateful_set(&object, &settings, 1, "h")
        .unwrap()
        .object;
    let args = args(&made, "alertmanager");
    assert!(args.contains(
        &"--cluster.peer=alertmanager-a-1.alertmanager-operated.n.svc.example.org.:9094"
    ));
    let newer = [
        "--cluster.label",
        "--web.config.file",
        "--cluster.peer-name",
    ];
    assert!(
        args.iter()
            .all(|argument| !newer.iter().any(|name| argument.starts_with(name)))
    );
    assert_eq!(
        made["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"],
        "200Mi"
    );
    let service = alertmanager_service(&object, &settings);
    assert_eq!(service["spec"]["publishNotReadyAddresses"], true);
    assert_eq!(
        service["metadata"]["labels"]["operated-alertmanager"],
        "true"
    );
}

#[test]
fn a_cluster_whose_tls_is_half_said_is_refused() {
    let cluster = |client: &Value| {
        let tls = json!({"server": {"keyFile": "/k", "certFile": "/c"}, "client": client});
        let object = alertmanager(&json!({"clusterTLS": tls}));
        alertmanager_stateful_set(&object, &Settings::default(), 1, "h").map(|built| built.object)
    };
    let refused = cluster(&json!({})).unwrap_err().to_string();
    assert_eq!(
        refused,
        "failed to create the cluster TLS configuration: invalid client TLS configuration: certificate is required"
    );
    let made = cluster(&json!({
        "cert": {"secret": {"name": "s", "key": "c"}}, "keySecret": {"name": "s", "key": "k"},
    }))
    .unwrap();
    // The server's key is a file: no Secret without a name is mounted for it.
    let server = volumes(&made)
        .iter()
        .filter(|name| name.starts_with("cluster-tls-server"))
        .count();
    assert_eq!(server, 0);
    assert!(
        args(&made, "alertmanager")
            .iter()
            .any(|argument| argument.starts_with("--cluster.tls-config="))
    );
}

#[test]
fn a_ruler_needs_somebody_to_ask() {
    let ruler = |spec: &Value| -> ThanosRuler {
        let metadata = json!({"name": "t", "namespace": "n"});
        read(&json!({"kind": "ThanosRuler", "metadata": metadata, "spec": spec})).unwrap()
    };
    let build = |spec: &Value| {
        thanos_ruler_stateful_set(ThanosRulerInput {
            ruler: &ruler(spec),
            settings: &Settings::default(),
            rule_config_maps: &["r-0".to_owned()],
            tls_secrets: 1,
            input_hash: "h",
        })
        .map(|built| built.object)
    };
    assert_eq!(
        build(&json!({})).unwrap_err().to_string(),
        "t: thanos ruler requires query config or at least one query endpoint to be specified"
    );
    let made =
        build(&json!({"queryConfig": {"name": "q", "key": "k"}, "listenLocal": true})).unwrap();
    assert!(
        args(&made, "thanos-ruler")
            .contains(&"--query.config-file=/etc/thanos/config/query-config/k")
    );
    assert!(
        args(&made, "thanos-ruler")
            .last()
            .unwrap()
            .starts_with("--http.config=")
    );
    assert!(args(&made, "config-reloader").contains(&"--listen-address=localhost:8080"));
    let service = thanos_ruler_service(&ruler(&json!({})), &Settings::default());
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "web");
}

#[test]
fn the_service_of_a_server_with_thanos_has_its_port() {
    let ports = |spec: &Value| {
        let service = prometheus_service(&prometheus(spec), &Settings::default());
        service["spec"]["ports"].as_array().unwrap().len()
    };
    assert_eq!((ports(&json!({})), ports(&json!({"thanos": {}}))), (1, 2));
}

/// Where the recorded calls lie beside the checkout.
fn seed() -> Option<std::path::PathBuf> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/monitoring/seed"
    );
    Some(std::path::PathBuf::from(folder)).filter(|folder| folder.is_dir())
}

fn without_empty(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().filter_map(without_empty).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(fields) => {
            let fields: serde_json::Map<String, Value> = fields
                .iter()
                .filter_map(|(key, field)| Some((key.clone(), without_empty(field)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other.clone()),
    }
}

#[test]
fn the_server_of_an_old_chart_is_made_as_upstream_makes_it() {
    let Some(seed) = seed() else {
        eprintln!("skipped: no recorded calls");
        return;
    };
    let yaml = |name: &str| {
        let text = std::fs::read_to_string(seed.join(name)).unwrap();
        machinery::yaml::parse(&text).unwrap().value
    };
    let object: Prometheus = read(&yaml("prom.yaml")).unwrap();
    let prefix = format!("prometheus-{}", object.metadata.name);
    let rules: Vec<String> = (0..3)
        .map(|index| format!("{prefix}-rulefiles-{index}"))
        .collect();
    let mut ours = server_stateful_set(ServerInput {
        name: &prefix,
        prometheus: &object,
        settings: &Settings::default(),
        options: options(),
        shard: 0,
        rule_config_maps: &rules,
        secrets: Secrets {
            tls: 0,
            configuration: 0,
        },
        input_hash: "HASH",
    })
    .unwrap()
    .object;
    let fields = ours.as_object_mut().unwrap();
    fields.remove("apiVersion");
    fields.remove("kind");
    ours["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("namespace");
    let mut theirs = yaml("out-sts.yaml");
    theirs.as_object_mut().unwrap().remove("status");
    assert_eq!(without_empty(&ours), without_empty(&theirs));
}
