use super::*;
use serde_json::json;

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    let version = match kind {
        "AlertmanagerConfig" => "v1alpha1",
        _ => "v1",
    };
    json!({
        "apiVersion": format!("{GROUP}/{version}"),
        "kind": kind,
        "metadata": {"name": name, "namespace": "team", "uid": "u"},
        "spec": spec,
    })
}

/// The places of what is wrong: which object, and where in it.
fn places(rendered: &Rendered) -> Vec<(usize, &str)> {
    let problems = rendered.problems.iter();
    problems
        .map(|problem| (problem.object, problem.path.as_str()))
        .collect()
}

#[test]
fn a_bad_monitor_is_told_and_the_others_become_jobs() {
    let monitor = |port: Value| json!({"selector": {}, "endpoints": [port]});
    let objects = [
        object(
            "Prometheus",
            "main",
            &json!({"scrapeInterval": "30s", "serviceMonitorSelector": {}, "ruleSelector": {}}),
        ),
        object("ServiceMonitor", "good", &monitor(json!({"port": "web"}))),
        object(
            "ServiceMonitor",
            "bad",
            &monitor(json!({"port": "web", "scrapeTimeout": "1m"})),
        ),
        object(
            "PrometheusRule",
            "rules",
            &json!({"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "sum("}]}]}),
        ),
    ];
    let rendered = render(&objects);
    assert_eq!(
        places(&rendered),
        [(2, "spec.endpoints[0]"), (3, "spec.groups[0].rules[0]")]
    );
    let names: Vec<&str> = rendered.files.iter().map(|file| &*file.name).collect();
    assert_eq!(names, ["prometheus.yaml", "StatefulSet prometheus-main"]);
    assert!(
        rendered.files[0]
            .text
            .contains("serviceMonitor/team/good/0")
    );
    assert!(!rendered.files[0].text.contains("bad"));
}

#[test]
fn a_config_that_alertmanager_would_refuse_is_left_out_alone() {
    let config = |name: &str, rules: Value| {
        let spec = json!({
            "route": {"receiver": "hook"},
            "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x.y/"}]}],
            "inhibitRules": rules,
        });
        object("AlertmanagerConfig", name, &spec)
    };
    let objects = [
        object(
            "Alertmanager",
            "main",
            &json!({"alertmanagerConfigSelector": {}}),
        ),
        config("a", json!([])),
        config("b", json!([{"equal": [""]}])),
        config("c", json!([])),
        config("d", json!([{"equal": ["job"]}])),
    ];
    let rendered = render(&objects);
    let told: Vec<(usize, &str)> = rendered
        .problems
        .iter()
        .map(|problem| (problem.object, problem.text.as_str()))
        .collect();
    let [(2, why)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(
        why.contains("would refuse it: spec.inhibitRules[0]: invalid label name"),
        "{why}"
    );
    let text = &rendered.files[0].text;
    for name in ["a", "c", "d"] {
        assert!(text.contains(&format!("team/{name}/hook")), "{text}");
    }
    assert!(!text.contains("team/b/hook"), "{text}");
}

#[test]
fn pods_of_every_workload_are_rendered_as_the_operator_would_have_them() {
    let objects = [
        object(
            "Prometheus",
            "main",
            &json!({"shards": 2, "serviceMonitorSelector": {}}),
        ),
        object("PrometheusAgent", "edge", &json!({"mode": "DaemonSet"})),
        object("PrometheusAgent", "hub", &json!({})),
        object("Alertmanager", "main", &json!({"replicas": 3})),
        object(
            "ThanosRuler",
            "main",
            &json!({"queryEndpoints": ["http://query:9090"]}),
        ),
    ];
    let rendered = render(&objects);
    assert_eq!(rendered.problems, []);
    let sets = rendered.files.iter();
    let sets = sets.filter(|file| file.name.contains("Set "));
    let names: Vec<String> = sets
        .clone()
        .map(|file| format!("{}: {}", file.owner, file.name))
        .collect();
    assert_eq!(
        names,
        [
            "Prometheus team/main: StatefulSet prometheus-main",
            "Prometheus team/main: StatefulSet prometheus-main-shard-1",
            "PrometheusAgent team/edge: DaemonSet prom-agent-edge",
            "PrometheusAgent team/hub: StatefulSet prom-agent-hub",
            "ThanosRuler team/main: StatefulSet thanos-ruler-main",
            "Alertmanager team/main: StatefulSet alertmanager-main",
        ]
    );
    for file in sets {
        let set = &machinery::yaml::parse_documents(&file.text).unwrap()[0];
        assert_eq!(set["metadata"]["namespace"], "team");
        // The UID and the digest are nobody's who has no cluster.
        assert_eq!(set["metadata"]["ownerReferences"], Value::Null);
        assert!(!file.text.contains("input-hash"), "{}", file.text);
        assert!(set["spec"]["template"]["spec"]["containers"][0].is_object());
    }
}

#[test]
fn what_is_wrong_with_a_workload_itself_is_told_where_it_is() {
    let credentials = json!({"key": "k", "name": "token"});
    let remote = json!({
        "url": "http://remote/", "oauth2": {
            "clientId": {"secret": credentials}, "clientSecret": credentials, "tokenUrl": "http://t/"},
        "authorization": {"credentials": credentials},
    });
    let objects = [
        object("Prometheus", "main", &json!({"remoteWrite": [remote]})),
        object("ThanosRuler", "main", &json!({"ruleSelector": {}})),
    ];
    let rendered = render(&objects);
    assert_eq!(places(&rendered), [(0, "spec.remoteWrite[0]"), (1, "spec")]);
    let text = &rendered.problems[1].text;
    assert!(text.contains("at least one query endpoint"), "{text}");
}

#[test]
fn a_configuration_that_is_the_users_is_told() {
    let warnings = |spec: &Value| render(&[object("Prometheus", "main", spec)]).warnings;
    let told = warnings(&json!({}));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].text.starts_with("without any selector"), "{told:?}");
    assert_eq!(warnings(&json!({"probeSelector": {}})), []);
}

#[test]
fn what_several_workloads_find_is_told_once() {
    let endpoint = json!({"port": "web", "scrapeTimeout": "1m"});
    let select = |interval: &str| json!({"scrapeInterval": interval, "serviceMonitorSelector": {}});
    let objects = [
        object("Prometheus", "a", &select("30s")),
        object("Prometheus", "b", &select("20s")),
        object(
            "ServiceMonitor",
            "slow",
            &json!({"selector": {}, "endpoints": [endpoint]}),
        ),
    ];
    assert_eq!(places(&render(&objects)), [(2, "spec.endpoints[0]")]);
}

#[test]
fn what_a_version_leaves_out_is_told_of_the_object_that_asks_for_it() {
    let endpoint =
        json!({"port": "web", "authorization": {"credentials": {"name": "s", "key": "token"}}});
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "s", "namespace": "team"}, "stringData": {"token": "t"},
    });
    let old = json!({"version": "v2.24.0", "serviceMonitorSelector": {}});
    let objects = [
        object("Prometheus", "old", &old),
        object(
            "ServiceMonitor",
            "web",
            &json!({"selector": {}, "endpoints": [endpoint]}),
        ),
        secret,
    ];
    let told = render(&objects).warnings;
    let told: Vec<(usize, bool)> = told
        .iter()
        .map(|warning| (warning.object, warning.text.contains("\"authorization\"")))
        .collect();
    assert!(told.contains(&(1, true)), "{told:?}");
    assert!(!told.contains(&(0, true)), "{told:?}");
}

#[test]
fn a_class_that_an_absent_prometheus_may_have_is_no_problem() {
    let monitor = json!({"selector": {}, "endpoints": [{"port": "web"}], "scrapeClass": "tls"});
    let monitor = object("ServiceMonitor", "web", &monitor);
    let alone = render(std::slice::from_ref(&monitor));
    assert_eq!(alone.problems, []);
    let told = alone.warnings.iter().map(|one| (one.object, &*one.path));
    assert_eq!(told.collect::<Vec<_>>(), [(0, "spec.scrapeClass")]);
    let selecting = object("Prometheus", "main", &json!({"serviceMonitorSelector": {}}));
    let rendered = render(&[monitor, selecting]);
    assert_eq!(places(&rendered), [(0, "spec.scrapeClass")]);
    assert_eq!(rendered.warnings, []);
}

#[test]
fn zones_count_and_shards_that_scrape_nothing_are_told() {
    let objects = [
        object(
            "Prometheus",
            "main",
            &json!({
                "serviceMonitorSelector": {}, "shards": 3,
                "shardingStrategy": {"mode": "Topology", "topology": {"values": ["a", "b"]}},
            }),
        ),
        object(
            "ServiceMonitor",
            "web",
            &json!({"selector": {}, "endpoints": [{"port": "web"}]}),
        ),
    ];
    let rendered = render(&objects);
    assert!(rendered.files[0].text.contains("$(TOPOLOGY_ZONE)"));
    assert!(
        rendered.files[1]
            .text
            .contains("topology.kubernetes.io/zone")
    );
    assert!(
        rendered
            .warnings
            .iter()
            .any(|one| one.text.contains("scrape nothing")),
        "{:?}",
        rendered.warnings
    );
}

#[test]
fn an_alertmanager_without_a_secret_sends_nowhere_and_takes_its_configs() {
    let objects = [
        object(
            "Alertmanager",
            "main",
            &json!({"alertmanagerConfigSelector": {}}),
        ),
        object(
            "AlertmanagerConfig",
            "routes",
            &json!({
                "route": {"receiver": "hook"},
                "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x.y/"}]}],
            }),
        ),
        object(
            "AlertmanagerConfig",
            "broken",
            &json!({"route": {"receiver": "nobody"}}),
        ),
    ];
    let rendered = render(&objects);
    assert!(
        rendered.files[0]
            .text
            .contains("receiver: team/routes/hook")
    );
    assert!(rendered.files[0].text.contains("namespace=\"team\""));
    assert_eq!(rendered.problems.len(), 1);
    assert_eq!(rendered.problems[0].object, 2);
}

#[test]
fn what_users_write_into_secrets_is_told_of_the_secret_and_its_key() {
    let secret = |name: &str, data: Value| {
        json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": "team"}, "stringData": data})
    };
    let reference = |key: &str| json!({"name": "own", "key": key});
    let spec = json!({
        "serviceMonitorSelector": {},
        "additionalScrapeConfigs": reference("jobs.yaml"),
        "additionalAlertRelabelConfigs": reference("rules"),
        "additionalAlertManagerConfigs": reference("missing"),
    });
    let texts = json!({
        "jobs.yaml": "- job_name: a\n  scrape_timeout: 5m\n",
        "rules": "- {action: keepall}\n",
    });
    let route = "route: {receiver: nobody}\nreceivers: []\n";
    let objects = [
        object("Prometheus", "main", &spec),
        secret("own", texts),
        object("Alertmanager", "main", &json!({})),
        secret("alertmanager-main", json!({"alertmanager.yaml": route})),
    ];
    let rendered = render(&objects);
    assert_eq!(
        places(&rendered),
        [
            (1, "stringData.jobs.yaml"),
            (1, "stringData.rules"),
            (0, "spec.additionalAlertManagerConfigs"),
            (3, "stringData.alertmanager.yaml"),
        ]
    );
    let text = &rendered.problems[0].text;
    assert!(
        text.starts_with("team/main: spec.additionalScrapeConfigs: Prometheus "),
        "{text}"
    );
    assert!(text.contains("[0]: scrape_timeout is greater"), "{text}");
    let text = &rendered.problems[3].text;
    assert!(text.contains("undefined receiver \"nobody\""), "{text}");
}

#[test]
fn what_goes_with_a_workload_must_fit_a_server() {
    let selecting = json!({"serviceMonitorSelector": {}});
    let objects = [
        object("Prometheus", &"p".repeat(250), &selecting),
        object("Prometheus", "main", &selecting),
        object("Alertmanager", "main", &json!({"portName": "Web"})),
    ];
    let rendered = render(&objects);
    let told = |object: usize, part: &str| {
        let mut problems = rendered.problems.iter();
        problems.any(|one| one.object == object && one.text.contains(part))
    };
    assert!(
        told(0, "; give its owner a shorter name"),
        "{:?}",
        rendered.problems
    );
    assert!(!told(1, ""), "{:?}", rendered.problems);
    assert!(
        told(
            2,
            "the Service \"alertmanager-operated\" that goes with it would be refused: spec.ports[0].name"
        ),
        "{:?}",
        rendered.problems
    );
}

/// Text that doesn't get smaller when it is compressed.
fn noise(letters: usize) -> String {
    let mut chance = machinery::entropy::Entropy::seeded(7);
    let words = (0..letters / 16).map(|_| format!("{:016x}", chance.next_u64()));
    words.collect()
}

#[test]
fn a_configuration_that_one_secret_cannot_hold_is_told_as_the_operator_does() {
    let labels = json!({"note": noise(2_400_000)});
    let targets = json!({"staticConfigs": [{"targets": ["a:1"], "labels": labels}]});
    let rendered = render(&[
        object("Prometheus", "main", &json!({"scrapeConfigSelector": {}})),
        json!({
            "apiVersion": "monitoring.coreos.com/v1alpha1", "kind": "ScrapeConfig",
            "metadata": {"name": "a", "namespace": "team"}, "spec": targets,
        }),
    ]);
    let [problem] = rendered.problems.as_slice() else {
        panic!("{} problems", rendered.problems.len());
    };
    assert_eq!((problem.object, problem.path.as_str()), (0, "spec"));
    let text = &problem.text;
    assert!(
        text.starts_with("the compressed configuration takes 1"),
        "{text}"
    );
    assert!(
        text.contains(" bytes in Secret team/prometheus-main, which holds 1048576: select fewer objects; or start the operator with"),
        "{text}"
    );
    // What the user's Secret holds beside the configuration counts, as in a cluster.
    let route = "route: {receiver: a}\nreceivers: [{name: a}]\n";
    let rendered = render(&[
        object("Alertmanager", "main", &json!({"configSecret": "routes"})),
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "routes", "namespace": "team"},
            "stringData": {"alertmanager.yaml": route, "a.tmpl": "x".repeat(1 << 20)},
        }),
    ]);
    let texts: Vec<&str> = rendered
        .problems
        .iter()
        .map(|one| one.text.as_str())
        .collect();
    let [text] = texts.as_slice() else {
        panic!("{texts:?}");
    };
    assert!(
        text.ends_with(" bytes in Secret team/alertmanager-main-generated, which holds 1048576: select fewer AlertmanagerConfigs, or take files out of the Secret that spec.configSecret names"),
        "{text}"
    );
}

#[test]
fn what_programs_would_not_serve_with_is_told_at_its_field() {
    let web = json!({"tlsConfig": {
        "certFile": "/c", "keyFile": "/k", "curvePreferences": ["X25519", "P-256"],
    }});
    let queries = json!(["http://q:1"]);
    let rendered = render(&[
        object("Prometheus", "main", &json!({"web": web})),
        object("PrometheusAgent", "edge", &json!({"web": web})),
        object("Alertmanager", "main", &json!({"web": web})),
        object(
            "ThanosRuler",
            "main",
            &json!({"web": web, "queryEndpoints": queries}),
        ),
        object(
            "ThanosRuler",
            "writes",
            &json!({"remoteWrite": [{"url": "http://x/"}, {"url": "http://x/"}], "queryEndpoints": queries}),
        ),
    ]);
    let field = "spec.web.tlsConfig.curvePreferences[1]";
    let mut found = places(&rendered);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (0, field),
            (1, field),
            (2, field),
            (3, field),
            (4, "spec.remoteWrite[1]")
        ]
    );
}

#[test]
fn a_fault_of_the_base_is_told_at_its_own_field() {
    let config = |rules: Value| {
        let spec = json!({
            "route": {"receiver": "hook"},
            "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x.y/"}]}],
            "inhibitRules": rules,
        });
        object("AlertmanagerConfig", "base", &spec)
    };
    let named = json!({"alertmanagerConfiguration": {"name": "base"}});
    let rendered = render(&[
        object("Alertmanager", "main", &named),
        config(json!([{"equal": [""]}])),
    ]);
    assert_eq!(places(&rendered), [(1, "spec.inhibitRules[0]")]);
    let text = &rendered.problems[0].text;
    assert!(
        text.contains("; write letters, digits and underscores, no digit first (in its configuration: inhibit_rules[0])"),
        "{text}"
    );
}

#[test]
fn a_web_configuration_is_among_what_is_read() {
    for (version, files) in [("0.25.0", 1), ("0.21.0", 0)] {
        let spec = json!({"version": version, "web": {"httpConfig": {"http2": false}}});
        let rendered = render(&[object("Alertmanager", "main", &spec)]);
        let mut found = rendered.files.iter();
        let found = found.by_ref().filter(|file| file.name == "web-config.yaml");
        let texts: Vec<&str> = found.map(|file| &*file.text).collect();
        assert_eq!(texts.len(), files, "{version}");
        assert!(texts.iter().all(|text| text.contains("http2: false")));
    }
}
