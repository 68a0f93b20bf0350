//! What upstream's end-to-end suite asks of a running Prometheus about namespaces that aren't its own, and about Secrets there
//! (`test/e2e/prometheus_test.go`): by the names of its tests.

use serde_json::{Value, json};

use super::api::Api;
use super::local_monitoring::{get, on_a_platform, until};
use super::local_upstream::{alert, fires, monitoring, no_target, secret, target};
use super::place::{Place, allow_looking, failing, monitor, pools};
use super::site::Site;

/// testPromMultiplePrometheusRulesDifferentNS: rules of two namespaces fire as long as these have the label.
async fn takes_rules(api: &Api, web: &str) {
    let one = Place::new(api, "one", json!({"monitored": "true"})).await;
    let two = Place::new(api, "two", json!({"monitored": "true"})).await;
    let unseen = Place::new(api, "unseen", json!({})).await;
    for (place, name) in [(&unseen, "unseen"), (&one, "first"), (&two, "second")] {
        let rule = monitoring("PrometheusRule", name, &fires(name));
        place.create(&rule).await;
    }
    for name in ["first", "second"] {
        alert(web, name).await;
    }
    let firing = get(web, "/api/v1/alerts").await.to_string();
    assert!(!firing.contains("unseen"), "{firing}");
    for place in [&one, &two] {
        place.label(json!({"monitored": null})).await;
    }
    let gone = until("no alert", || async {
        let answer = get(web, "/api/v1/alerts").await;
        let alerts = answer.pointer("/data/alerts")?.as_array()?;
        alerts.is_empty().then_some(())
    });
    gone.await;
}

fn by_login() -> Value {
    let key = |key: &str| json!({"name": "auth", "key": key});
    json!({"port": "web", "path": "/basic", "basicAuth": {"username": key("user"), "password": key("pass")}})
}

fn auth(password: &str) -> Value {
    json!({"stringData": {"user": "user", "pass": password}})
}

/// testPromOpMatchPromAndServMonInDiffNSs and testPrometheusReconciliationOnSecretChanges: monitors of another namespace are
/// taken, each as soon as the Secret is there that it names, and no longer than that.
async fn follows_secrets(place: &Place<'_>, elsewhere: &Place<'_>, web: &str, site: &Site) {
    for place in [place, elsewhere] {
        place.stand_in("site", &[("web", site.port)]).await;
    }
    let logs_in = monitor("ServiceMonitor", "secured", "site", &by_login());
    place.create(&logs_in).await;
    let open = monitor("ServiceMonitor", "open", "site", &json!({"port": "web"}));
    for place in [elsewhere, place] {
        place.create(&open).await;
    }
    let labels = target(web, "serviceMonitor/frontend/open/0").await;
    assert_eq!(labels["namespace"], "frontend", "{labels}");
    assert_eq!(
        pools(web).await.unwrap(),
        ["serviceMonitor/frontend/open/0"]
    );

    let pool = "serviceMonitor/frontend/secured/0";
    let mut made = secret("auth", "user", "user");
    made["stringData"] = auth("pass")["stringData"].clone();
    place.create(&made).await;
    target(web, pool).await;
    place.change("Secret", "auth", &auth("other")).await;
    let why = failing(web, pool).await;
    assert!(why.contains("401"), "{why}");
    place.change("Secret", "auth", &auth("pass")).await;
    target(web, pool).await;
    place.delete("Secret", "auth").await;
    no_target(web, pool).await;
    target(web, "serviceMonitor/frontend/open/0").await;
}

/// testPromGetAuthSecret: a token is of the Secret beside the monitor, under its old name and its new one.
async fn shows_tokens(place: &Place<'_>, web: &str, site: &Site) {
    place.create(&secret("token", "it", "abc")).await;
    let key = json!({"name": "token", "key": "it"});
    let fields = [
        ("bearer", "bearerTokenSecret", key.clone()),
        (
            "authorization",
            "authorization",
            json!({"credentials": key}),
        ),
    ];
    for (name, field, value) in &fields {
        let endpoint = json!({"port": "web", "path": "/bearer", *field: value});
        let monitor = monitor("ServiceMonitor", name, "site", &endpoint);
        place.create(&monitor).await;
    }
    for (name, _, _) in fields {
        target(web, &format!("serviceMonitor/frontend/{name}/0")).await;
    }
    let asked = site.asked();
    let mut tokens = asked.iter().filter(|asked| asked.what == "GET /bearer");
    assert!(tokens.all(|asked| asked.authorization == "Bearer abc"));
}

#[test]
fn a_prometheus_takes_what_is_in_namespaces_of_a_label() {
    on_a_platform("local-namespaces", async |_, api| {
        allow_looking(api).await;
        let own = Place::new(api, "own", json!({})).await;
        let labelled = |name: &str, value: &str| json!({"matchLabels": {name: value}});
        let more = json!({
            "ruleSelector": {}, "ruleNamespaceSelector": labelled("monitored", "true"),
            "serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": labelled("team", "frontend"),
        });
        let web = own.server("test", &more).await;
        takes_rules(api, &web).await;
        let site = Site::plain().await;
        let frontend = Place::new(api, "frontend", json!({"team": "frontend"})).await;
        let backend = Place::new(api, "backend", json!({"team": "backend"})).await;
        follows_secrets(&frontend, &backend, &web, &site).await;
        shows_tokens(&frontend, &web, &site).await;
    });
}
