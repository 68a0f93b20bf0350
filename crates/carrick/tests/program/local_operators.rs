//! What upstream's end-to-end suite asks of a running Prometheus about the namespaces that its operator looks after
//! (`test/e2e/denylist_test.go`, `prometheus_instance_namespaces_test.go`, `prometheus_test.go`, `scrapeconfig_test.go`): by the
//! names of its tests. Each has an operator of its own beside that of `carrick up`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::api::Api;
use super::common::PROGRAM;
use super::local_monitoring::{get, on_a_platform, until};
use super::local_upstream::{alert, fires, monitoring, no_target, target};
use super::place::{Place, allow_looking, monitor, pools};
use super::site::Site;

/// An operator of these namespaces; killed at the end.
struct Operator(Child);

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Operator {
    fn start(state: &Path, id: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["run", "--only", "monitoring"])
            .args(flags)
            .arg(format!("--controller-id={id}"))
            .args(["--web.listen-address=127.0.0.1:0", "--log-level=error"])
            .env("KUBECONFIG", state.join("kubeconfig"))
            .stdin(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

/// What makes a server that operator's.
fn choosing(id: &str) -> Value {
    json!({"operator.prometheus.io/controller-id": id})
}

fn monitored() -> Value {
    json!({"monitored": "true"})
}

/// Selects whatever is in namespaces that are labelled as monitored.
fn looking() -> Value {
    let labelled = json!({"matchLabels": monitored()});
    json!({
        "serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": labelled,
        "ruleSelector": {}, "ruleNamespaceSelector": labelled,
        "scrapeConfigSelector": {}, "scrapeConfigNamespaceSelector": labelled,
    })
}

/// A namespace with a site that is monitored.
async fn with_site<'a>(api: &'a Api, namespace: &'static str, site: &Site) -> Place<'a> {
    let place = Place::new(api, namespace, monitored()).await;
    place.stand_in("site", &[("web", site.port)]).await;
    let monitor = monitor("ServiceMonitor", "site", "site", &json!({"port": "web"}));
    place.create(&monitor).await;
    place
}

fn pool(namespace: &str) -> String {
    format!("serviceMonitor/{namespace}/site/0")
}

/// testDenyServiceMonitor
async fn denied_monitors_are_not_taken(state: &Path, api: &Api, site: &Site) {
    let flags = ["--deny-namespaces=denied"];
    let _operator = Operator::start(state, "denying", &flags);
    with_site(api, "denied", site).await;
    let allowed = with_site(api, "allowed", site).await;
    allowed
        .begin_server("test", &choosing("denying"), &looking())
        .await;
    let web = allowed.web("test").await;
    target(&web, &pool("allowed")).await;
    let found = pools(&web).await.unwrap();
    assert!(!found.contains(&pool("denied")), "{found:?}");
    allowed.delete("ServiceMonitor", "site").await;
    no_target(&web, &pool("allowed")).await;
}

/// testPrometheusInstanceNamespacesDenyList: a server may be where its monitors are denied.
async fn instances_of_denied_namespaces_are_served(state: &Path, api: &Api, site: &Site) {
    let flags = [
        "--deny-namespaces=refused,instance",
        "--prometheus-instance-namespaces=instance",
    ];
    let _operator = Operator::start(state, "refusing", &flags);
    let refused = with_site(api, "refused", site).await;
    let instance = with_site(api, "instance", site).await;
    let chosen = choosing("refusing");
    refused.begin_server("test", &chosen, &looking()).await;
    instance.begin_server("test", &chosen, &looking()).await;
    let web = instance.web("test").await;
    // Upstream's test looks whether there are none at once; here is one to wait for.
    with_site(api, "free", site).await;
    target(&web, &pool("free")).await;
    let found = pools(&web).await.unwrap();
    for place in ["refused", "instance"] {
        assert!(!found.contains(&pool(place)), "{place}: {found:?}");
    }
    let sets = refused.list("StatefulSet").await;
    assert!(sets.is_empty(), "{sets:?}");
}

/// testPrometheusInstanceNamespacesAllowList and …`NamespaceNotFound`: a server in one namespace, its monitors in another, and a
/// third that isn't there.
async fn instances_look_into_allowed_namespaces(state: &Path, api: &Api, site: &Site) {
    let flags = [
        "--namespaces=notfound,listed",
        "--prometheus-instance-namespaces=notfound,server",
    ];
    let _operator = Operator::start(state, "allowing", &flags);
    let listed = with_site(api, "listed", site).await;
    let server = with_site(api, "server", site).await;
    let chosen = choosing("allowing");
    listed.begin_server("test", &chosen, &looking()).await;
    server.begin_server("test", &chosen, &looking()).await;
    let web = server.web("test").await;
    let labels = target(&web, &pool("listed")).await;
    assert_eq!(labels["namespace"], "listed", "{labels}");
    assert_eq!(pools(&web).await.unwrap(), [pool("listed")]);
    comes_changes_and_goes(&listed, &web, site).await;
    listed.label(json!({"monitored": null})).await;
    no_target(&web, &pool("listed")).await;
    let sets = listed.list("StatefulSet").await;
    assert!(sets.is_empty(), "{sets:?}");
}

/// testScrapeConfigLifecycle, and …`InDifferentNS`
async fn comes_changes_and_goes(place: &Place<'_>, web: &str, site: &Site) {
    let spec = |version: &str| {
        let address = format!("127.0.0.1:{}", site.port);
        json!({"staticConfigs": [{"targets": [address], "labels": {"version": version}}]})
    };
    let mut config = monitoring("ScrapeConfig", "static", &spec("one"));
    config["apiVersion"] = json!("monitoring.coreos.com/v1alpha1");
    place.create(&config).await;
    let pool = format!("scrapeConfig/{}/static", place.namespace);
    assert_eq!(target(web, &pool).await["version"], "one");
    let patch = json!({"spec": spec("two")});
    place.change("ScrapeConfig", "static", &patch).await;
    let changed = until("the change", || async {
        (target(web, &pool).await["version"] == "two").then_some(())
    });
    changed.await;
    place.delete("ScrapeConfig", "static").await;
    no_target(web, &pool).await;
}

/// testOperatorNSScope: rules of namespaces that the operator doesn't look after don't fire.
async fn rules_of_other_namespaces_do_not_fire(state: &Path, api: &Api) {
    let flags = ["--namespaces=main,rules"];
    let _operator = Operator::start(state, "scoped", &flags);
    let arbitrary = Place::new(api, "arbitrary", monitored()).await;
    let rules = Place::new(api, "rules", monitored()).await;
    let main = Place::new(api, "main", json!({})).await;
    for (place, name) in [(&arbitrary, "outside"), (&rules, "inside")] {
        let rule = monitoring("PrometheusRule", name, &fires(name));
        place.create(&rule).await;
    }
    main.begin_server("test", &choosing("scoped"), &looking())
        .await;
    let web = main.web("test").await;
    alert(&web, "inside").await;
    let known = get(&web, "/api/v1/rules").await.to_string();
    assert!(
        known.contains("inside") && !known.contains("outside"),
        "{known}"
    );
}

#[test]
fn operators_configure_a_prometheus_from_their_namespaces_alone() {
    on_a_platform("local-operators", async |state, api| {
        allow_looking(api).await;
        let site = Site::plain().await;
        // Mostly waiting, each for a server of its own.
        tokio::join!(
            denied_monitors_are_not_taken(state, api, &site),
            instances_of_denied_namespaces_are_served(state, api, &site),
            instances_look_into_allowed_namespaces(state, api, &site),
            rules_of_other_namespaces_do_not_fire(state, api),
        );
    });
}
