//! What upstream's end-to-end suite asks of running Prometheus servers about rules, nodes, and what they share
//! (`test/e2e/prometheus_test.go`, `scrapeconfig_test.go`), by the names of its tests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use serving::Clients;

use super::api::Api;
use super::local_monitoring::{get, on_a_platform, until};
use super::local_upstream::{alert, fires, monitoring, no_target, secret, target};
use super::place::{Place, allow_looking, monitor, pools};
use super::site::{Authority, Site};

/// So many characters are more than half of what a ConfigMap of rules holds.
const LARGE: usize = 300_000;

/// testPromRulesExceedingConfigMapLimit: rules that are too many for one ConfigMap fire nevertheless, of a second one that the
/// pod doesn't have to be made anew for.
async fn has_more_rules_than_fit(place: &Place<'_>, web: &str) {
    let large = |name: &str| {
        let mut spec = fires(name);
        spec["groups"][0]["rules"][0]["annotations"] = json!({"note": "x".repeat(LARGE)});
        monitoring("PrometheusRule", name, &spec)
    };
    let generation = || async {
        let set = place.named("StatefulSet", "prometheus-one").await.unwrap();
        set["metadata"]["generation"].clone()
    };
    let before = generation().await;
    let second = "prometheus-one-rulefiles-1";
    place.create(&large("large-a")).await;
    alert(web, "large-a").await;
    assert!(place.named("ConfigMap", second).await.is_none());
    place.create(&large("large-b")).await;
    alert(web, "large-b").await;
    assert!(place.named("ConfigMap", second).await.is_some());
    alert(web, "large-a").await;
    assert_eq!(generation().await, before);
}

/// testPromSharedResourcesReconciliation: two servers take the same monitor, and lose it together.
async fn share_a_monitor(place: &Place<'_>, webs: [&str; 2], site: &Site) {
    let shared = monitor("ServiceMonitor", "shared", "site", &json!({"port": "web"}));
    place.stand_in("site", &[("web", site.port)]).await;
    place.create(&shared).await;
    let pool = "serviceMonitor/jobs/shared/0";
    for web in webs {
        target(web, pool).await;
    }
    place.delete("ServiceMonitor", "shared").await;
    for web in webs {
        no_target(web, pool).await;
    }
}

/// testScrapeConfigKubernetesNodeRole: every node is a target; one whose kubelet is a site of this test lets in whom it knows.
async fn asks_nodes(place: &Place<'_>, web: &str) {
    let authority = Authority::new("cluster");
    let known = Clients::Known {
        authorities: authority.certificate.clone(),
        mandatory: true,
    };
    let kubelet = Site::secure(&authority.identity("kubelet", "127.0.0.1"), known).await;
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "own"},
        "spec": {"taints": [{"key": "own", "effect": "NoSchedule"}]},
    });
    place.api.send("POST", "/api/v1/nodes", &node).await;
    let status = json!({"status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}},
    }});
    place
        .api
        .send("PATCH", "/api/v1/nodes/own/status", &status)
        .await;
    let client = authority.identity("prometheus", "prometheus");
    let mut material = secret("scraping-tls", "token", "bearer");
    material["stringData"] = json!({
        "token": "bearer", "ca.crt": authority.certificate, "cert.pem": client.certificate, "key.pem": client.key,
    });
    place.create(&material).await;
    let of = |key: &str| json!({"name": "scraping-tls", "key": key});
    let spec = json!({
        "scheme": "HTTPS", "authorization": {"credentials": of("token")}, "kubernetesSDConfigs": [{"role": "Node"}],
        "tlsConfig": {
            "insecureSkipVerify": true, "ca": {"secret": of("ca.crt")}, "cert": {"secret": of("cert.pem")},
            "keySecret": of("key.pem"),
        },
    });
    let mut config = monitoring("ScrapeConfig", "nodes", &spec);
    config["apiVersion"] = json!("monitoring.coreos.com/v1alpha1");
    place.create(&config).await;
    let pool = "scrapeConfig/jobs/nodes";
    assert_eq!(target(web, pool).await["instance"], "own");
    let asked = kubelet.until_asked("the kubelet", |_| true).await;
    assert!(
        asked.certified && asked.authorization == "Bearer bearer",
        "{asked:?}"
    );
    let found = pools(web).await.unwrap();
    // The simulated ones are three, and nobody listens there.
    assert_eq!(found.iter().filter(|one| *one == pool).count(), 4);
    place.delete("ScrapeConfig", "nodes").await;
    no_target(web, pool).await;
}

/// testScrapeConfigDNSSDConfig, which upstream leaves out for want of a name: here are two, which the cluster's DNS would know.
async fn looks_up_names(place: &Place<'_>, web: &str, site: &Site) {
    let host = "site.jobs.svc.cluster.local";
    let relabelled = json!([{"sourceLabels": ["__meta_dns_name"], "targetLabel": "asked"}]);
    for (name, asked, config) in [
        (
            "by-address",
            host.to_owned(),
            json!({"type": "A", "port": site.port}),
        ),
        (
            "by-service",
            format!("_web._tcp.{host}"),
            json!({"type": "SRV"}),
        ),
    ] {
        let mut config = config;
        config["names"] = json!([asked]);
        let spec = json!({"dnsSDConfigs": [config], "relabelings": relabelled});
        let mut config = monitoring("ScrapeConfig", name, &spec);
        config["apiVersion"] = json!("monitoring.coreos.com/v1alpha1");
        place.create(&config).await;
        let pool = format!("scrapeConfig/jobs/{name}");
        assert_eq!(target(web, &pool).await["asked"], asked);
        place.delete("ScrapeConfig", name).await;
        no_target(web, &pool).await;
    }
}

/// Versions that were seen of what is made of a server, and how many there may be.
async fn versions(
    state: &std::path::Path,
    seen: &std::sync::Mutex<BTreeMap<String, BTreeSet<String>>>,
) {
    let api = Api::of(state).await;
    let place = Place {
        api: &api,
        namespace: "quiet",
    };
    loop {
        for kind in [
            "ConfigMap",
            "Secret",
            "StatefulSet",
            "Service",
            "ServiceMonitor",
        ] {
            for object in place.list(kind).await {
                let text = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
                let mut seen = seen.lock().unwrap();
                let versions = seen.entry(format!("{kind} {}", text("name"))).or_default();
                versions.insert(text("resourceVersion"));
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// testPromOnlyUpdatedOnRelevantChanges: from nothing to a server that scrapes and fires, each object is written at most so
/// often.
async fn writes_little(state: &std::path::Path, api: &Api, site: &Site) {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(BTreeMap::new()));
    let place = Place::new(api, "quiet", json!({})).await;
    let looking = {
        let (state, seen) = (state.to_owned(), seen.clone());
        tokio::spawn(async move { versions(&state, &seen).await })
    };
    place
        .create(&monitoring("PrometheusRule", "quiet", &fires("quiet")))
        .await;
    let more = json!({"serviceMonitorSelector": {}, "ruleSelector": {}});
    let note = json!({"test-annotation": "test-value"});
    place.begin_server("test", &note, &more).await;
    let web = place.web("test").await;
    place.stand_in("site", &[("web", site.port)]).await;
    let site = monitor("ServiceMonitor", "site", "site", &json!({"port": "web"}));
    place.create(&site).await;
    alert(&web, "quiet").await;
    target(&web, "serviceMonitor/quiet/site/0").await;
    looking.abort();
    let seen = seen.lock().unwrap().clone();
    for (object, most) in [
        ("ConfigMap prometheus-test-rulefiles-0", 2),
        ("Secret prometheus-test", 2),
        ("Secret prometheus-test-tls-assets-0", 2),
        ("StatefulSet prometheus-test", 3),
        ("Service prometheus-operated", 1),
        // Its status says who uses it, which upstream tells behind a gate alone.
        ("ServiceMonitor site", 2),
    ] {
        let versions = seen.get(object).map_or(0, BTreeSet::len);
        assert!((1..=most).contains(&versions), "{object}: {seen:?}");
    }
}

#[test]
fn servers_follow_what_they_share_and_what_changes() {
    on_a_platform("local-jobs", async |state, api| {
        allow_looking(api).await;
        let site = Site::plain().await;
        let place = Place::new(api, "jobs", json!({})).await;
        let one = json!({"serviceMonitorSelector": {}, "ruleSelector": {}});
        let two = json!({"serviceMonitorSelector": {}, "scrapeConfigSelector": {}});
        place.begin_server("one", &json!({}), &one).await;
        place.begin_server("two", &json!({}), &two).await;
        let (one, two) = (place.web("one").await, place.web("two").await);
        let shared = async {
            share_a_monitor(&place, [&one, &two], &site).await;
            tokio::join!(
                asks_nodes(&place, &two),
                looks_up_names(&place, &two, &site),
            );
        };
        tokio::join!(
            shared,
            has_more_rules_than_fit(&place, &one),
            writes_little(state, api, &site),
        );
        let loaded = "prometheus_config_last_reload_successful";
        let answer = get(&one, &format!("/api/v1/query?query={loaded}")).await;
        assert_eq!(answer["status"], "success", "{answer}");
        until("everything is loaded", || async {
            let request = "GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n";
            let metrics = super::api::exchange(&one, request).await.ok()?;
            metrics.contains(&format!("\n{loaded} 1\n")).then_some(())
        })
        .await;
    });
}
