//! Upstream's end-to-end tests of what an Alertmanager's configuration is made of, under their names
//! (`test/e2e/alertmanager_test.go`).

use anyhow::{Result, ensure};
use machinery::{meta, yaml};
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{ALERTMANAGER_CONFIG, ALERTMANAGER_CONFIG_BETA, SECRET, SERVICE, text};
use crate::subjects::MANAGER;
use crate::workloads::{config_map, object, routes, secret};

const GENERATED: &str = "alertmanager-test-generated";

/// A route of all that has a label, to a receiver without anything.
fn labelled(name: &str) -> Value {
    let matcher = json!({"name": "test", "value": "test", "matchType": "="});
    let spec = json!({
        "route": {"receiver": "webhook", "matchers": [matcher]}, "receivers": [{"name": "webhook"}],
    });
    object(&ALERTMANAGER_CONFIG, name, &spec)
}

/// That route in the configuration, kept to its namespace or not.
fn labelled_route(namespace: &str, name: &str, kept: bool) -> String {
    let kept = if kept {
        format!("    - namespace=\"{namespace}\"\n")
    } else {
        String::new()
    };
    format!(
        "  - receiver: {namespace}/{name}/webhook\n    matchers:\n    - test=\"test\"\n{kept}    continue: true\n"
    )
}

/// testAlertmanagerConfigMatcherStrategy, with the third strategy and a second namespace: no pod notices.
pub async fn alertmanager_config_matcher_strategy(cluster: &Cluster) -> Result<()> {
    let everywhere = json!({"alertmanagerConfigNamespaceSelector": {}});
    MANAGER.running(cluster, &everywhere).await?;
    let pods = cluster.pods().await?;
    let other = cluster.view("other");
    for namespace in [cluster, &other] {
        namespace.apply(&labelled("amcfg")).await?;
    }
    for (strategy, here, there) in [
        ("OnNamespace", true, true),
        ("None", false, false),
        ("OnNamespaceExceptForAlertmanagerNamespace", false, true),
    ] {
        let change = json!({"alertmanagerConfigMatcherStrategy": {"type": strategy}});
        MANAGER.changed(cluster, change).await?;
        let here = labelled_route(&cluster.namespace, "amcfg", here);
        let there = labelled_route(&other.namespace, "amcfg", there);
        cluster
            .until_routed("test", strategy, |text| {
                text.contains(&here) && text.contains(&there)
            })
            .await?;
    }
    cluster.assert_same_pods(&pods).await
}

/// Routes below routes, muted at times, and a receiver whose key is in a Secret.
fn sub_routes() -> Value {
    let matcher = |name: &str, kind: &str, value: &str| json!({"name": name, "matchType": kind, "value": value});
    let critical = matcher("severity", "=~", "critical|warning");
    let leaves = json!([
        {"receiver": "e2e", "matchers": [matcher("alertname", "=", "TargetDown")]},
        {"receiver": "e2e", "matchers": [critical], "muteTimeIntervals": ["test"]},
    ]);
    let below = json!({
        "receiver": "e2e", "groupBy": ["env", "instance"], "matchers": [matcher("job", "=", "db")],
        "routes": leaves,
    });
    let key = json!({"name": "testing-secret", "key": "testing-secret-key"});
    let times = json!({
        "times": [{"startTime": "08:00", "endTime": "17:00"}], "weekdays": ["Saturday", "Sunday"],
        "months": ["January:March"], "daysOfMonth": [{"start": 1, "end": 10}], "years": ["2030:2050"],
    });
    let spec = json!({
        "route": {"receiver": "e2e", "matchers": [matcher("service", "=", "webapp")], "routes": [below]},
        "receivers": [{"name": "e2e", "pagerdutyConfigs": [{"routingKey": key}]}],
        "muteTimeIntervals": [{"name": "test", "timeIntervals": [times]}],
    });
    object(&ALERTMANAGER_CONFIG, "sub-routes", &spec)
}

/// What becomes of it: where in the configuration, and what.
fn sub_routes_of(namespace: &str) -> [(&'static str, Value); 3] {
    let receiver = format!("{namespace}/sub-routes/e2e");
    let muted = format!("{namespace}/sub-routes/test");
    let critical = r#"severity=~"critical|warning""#;
    let leaves = json!([
        {"receiver": receiver, "matchers": [r#"alertname="TargetDown""#]},
        {"receiver": receiver, "matchers": [critical], "mute_time_intervals": [muted]},
    ]);
    let below = json!({
        "receiver": receiver, "group_by": ["env", "instance"], "matchers": [r#"job="db""#], "routes": leaves,
    });
    let kept = format!("namespace=\"{namespace}\"");
    let route = json!({
        "receiver": receiver, "matchers": [r#"service="webapp""#, kept], "continue": true, "routes": [below],
    });
    let times = json!({
        "times": [{"start_time": "08:00", "end_time": "17:00"}], "weekdays": ["saturday", "sunday"],
        "days_of_month": ["1:10"], "months": ["1:3"], "years": ["2030:2050"],
    });
    let pager = json!([{"routing_key": "1234abc"}]);
    [
        ("/route/routes", route),
        (
            "/receivers",
            json!({"name": receiver, "pagerduty_configs": pager}),
        ),
        (
            "/mute_time_intervals",
            json!({"name": muted, "time_intervals": [times]}),
        ),
    ]
}

/// The document that a configuration is; null while it is none.
fn read(text: &str) -> Value {
    let documents = yaml::parse_documents(text).unwrap_or_default();
    documents.into_iter().next().unwrap_or_default()
}

/// testAlertmanagerConfigCRD: routes of a labelled namespace, but for one whose Secret lacks a key; without the label all go.
/// The Secret is followed, and what it takes with it is said to be missing.
pub async fn alertmanager_config_crd(cluster: &Cluster) -> Result<()> {
    let other = cluster.view("other");
    let labelled = json!({"matchLabels": {"monitored": "true"}});
    let selector = json!({"alertmanagerConfigNamespaceSelector": labelled});
    MANAGER.running(cluster, &selector).await?;
    let alone = cluster
        .until_routed("test", "there", |text| !text.is_empty())
        .await?;
    other.label_as_monitored(true).await?;
    let given = secret("testing-secret", &json!({"testing-secret-key": "1234abc"}));
    other.apply(&given).await?;
    other.apply(&sub_routes()).await?;
    let mut lacking = routes("missing-secret", "hook");
    let key = json!({"name": "testing-secret", "key": "non-existing-key"});
    lacking["spec"]["receivers"][0] =
        json!({"name": "hook", "pagerdutyConfigs": [{"routingKey": key}]});
    other.apply(&lacking).await?;
    let wanted = sub_routes_of(&other.namespace);
    let whole = |text: &str| {
        let document = read(text);
        let has = |(at, part): &(&str, Value)| {
            let list = document.pointer(at).and_then(Value::as_array);
            list.is_some_and(|list| list.contains(part))
        };
        wanted.iter().all(has) && !text.contains("missing-secret")
    };
    let made = cluster
        .until_routed("test", "what is below and muted", whole)
        .await?;
    let users = ["alertmanagers test False"];
    let told = other
        .until_bound(&ALERTMANAGER_CONFIG, "missing-secret", &users)
        .await?;
    let said = text(&told, "/status/bindings/0/conditions/0/message");
    ensure!(
        said.contains("non-existing-key") && said.contains("testing-secret"),
        "it says {said:?}"
    );
    other.delete(&SECRET, "testing-secret").await?;
    other
        .until_bound(&ALERTMANAGER_CONFIG, "sub-routes", &users)
        .await?;
    cluster
        .until_routed("test", "alone", |text| text == alone)
        .await?;
    other.apply(&given).await?;
    cluster
        .until_routed("test", "with the Secret again", |text| text == made)
        .await?;
    other.label_as_monitored(false).await?;
    cluster
        .until_routed("test", "as at first", |text| text == alone)
        .await
        .map(drop)
}

/// testAlertmanagerConfigVersions: what is written in one version is read in the other.
pub async fn alertmanager_config_versions(cluster: &Cluster) -> Result<()> {
    cluster.answers_webhooks().await?;
    MANAGER.running(cluster, &json!({})).await?;
    let pods = cluster.pods().await?;
    let with = |resource: &ResourceRef, name: &str, matcher: Value| {
        let route = json!({"receiver": "webhook", "continue": true, "matchers": [matcher]});
        let spec = json!({"route": route, "receivers": [{"name": "webhook"}]});
        let mut object = object(resource, name, &spec);
        meta::set(&mut object, "namespace", json!(cluster.namespace));
        object
    };
    let old = json!({"name": "job", "value": "webapp.+", "regex": true});
    let new = json!({"name": "job", "value": "webapp.+", "matchType": "=~"});
    let client = cluster.client();
    let object = with(&ALERTMANAGER_CONFIG, "amcfg-v1alpha1", old);
    client.create(&ALERTMANAGER_CONFIG, &object).await?;
    let object = with(&ALERTMANAGER_CONFIG_BETA, "amcfg-v1beta1", new.clone());
    client.create(&ALERTMANAGER_CONFIG_BETA, &object).await?;
    for (name, resource) in [
        ("amcfg-v1alpha1", &ALERTMANAGER_CONFIG_BETA),
        ("amcfg-v1beta1", &ALERTMANAGER_CONFIG),
    ] {
        let read = cluster.get(resource, name).await?;
        ensure!(
            read.pointer("/spec/route/continue") == Some(&json!(true)),
            "{read}"
        );
        let matcher = read.pointer("/spec/route/matchers/0");
        ensure!(
            resource != &ALERTMANAGER_CONFIG_BETA || matcher == Some(&new),
            "{name} has {matcher:?}"
        );
        let route = format!(
            "  - receiver: {}/{name}/webhook\n    matchers:\n    - job=~\"webapp.+\"\n",
            cluster.namespace
        );
        cluster
            .until_routed("test", name, |text| text.contains(&route))
            .await?;
    }
    cluster.assert_same_pods(&pods).await
}

/// testUserDefinedAlertmanagerConfigFromSecret: the Secret that is named is taken as it is, with its templates.
pub async fn user_defined_alertmanager_config_from_secret(cluster: &Cluster) -> Result<()> {
    let given = r#"route:
  receiver: "void"
receivers:
- name: "void"
inhibit_rules:
- target_matchers:
  - test!=dropped
  - expect=~this-value
  source_matchers:
  - test!=dropped
  - expect=~this-value
"#;
    let data = json!({"alertmanager.yaml": given, "template1.tmpl": "template1"});
    cluster.apply(&secret("amconfig", &data)).await?;
    // Without a selector nothing is merged, and nothing is written anew.
    let spec = json!({"configSecret": "amconfig", "alertmanagerConfigSelector": null});
    MANAGER.running(cluster, &spec).await?;
    let made = cluster
        .until_routed("test", "there", |text| !text.is_empty())
        .await?;
    ensure!(made == given, "it became {made}");
    let template = cluster.held(GENERATED, "template1.tmpl").await?;
    ensure!(template == "template1", "{template:?}");
    Ok(())
}

/// testUserDefinedAlertmanagerConfigFromCustomResource: a base configuration, with global settings out of Secrets.
pub async fn user_defined_alertmanager_config_from_custom_resource(
    cluster: &Cluster,
) -> Result<()> {
    let key = |name: &str, key: &str| json!({"name": name, "key": key});
    for object in [
        secret("smtp-auth", &json!({"password": "password"})),
        secret("victorops", &json!({"apikey": "abcdef1234567890"})),
        secret("webhook-client-secret", &json!({"test": "clientSecret"})),
        config_map("webhook-client-id", &json!({"test": "clientID"})),
        secret("template1", &json!({"template1.tmpl": "template1"})),
        config_map("template2", &json!({"template2.tmpl": "template2"})),
    ] {
        cluster.apply(&object).await?;
    }
    let base = json!({"route": {"receiver": "null"}, "receivers": [{"name": "null"}]});
    cluster
        .apply(&object(&ALERTMANAGER_CONFIG, "base", &base))
        .await?;
    let oauth2 = json!({
        "clientId": {"configMap": key("webhook-client-id", "test")},
        "clientSecret": key("webhook-client-secret", "test"), "tokenUrl": "https://test.com",
        "scopes": ["any"], "endpointParams": {"some": "value"},
    });
    let global = json!({
        "smtp": {
            "from": "from", "smartHost": {"host": "smtp.example.org", "port": "587"},
            "authPassword": key("smtp-auth", "password"), "requireTLS": true,
        },
        "resolveTimeout": "30s", "httpConfig": {"oauth2": oauth2, "followRedirects": true},
        "victorops": {"apiURL": "https://victorops.api.url", "apiKey": key("victorops", "apikey")},
    });
    let templates = json!([
        {"secret": key("template1", "template1.tmpl")},
        {"configMap": key("template2", "template2.tmpl")},
    ]);
    let configuration = json!({"name": "base", "global": global, "templates": templates});
    let spec =
        json!({"alertmanagerConfiguration": configuration, "alertmanagerConfigSelector": null});
    MANAGER.running(cluster, &spec).await?;
    let receiver = format!("{}/base/null", cluster.namespace);
    let wanted = format!(
        r"global:
  resolve_timeout: 30s
  http_config:
    oauth2:
      client_id: clientID
      client_secret: clientSecret
      scopes:
      - any
      token_url: https://test.com
      endpoint_params:
        some: value
    follow_redirects: true
  smtp_from: from
  smtp_smarthost: smtp.example.org:587
  smtp_auth_password: password
  smtp_require_tls: true
  victorops_api_url: https://victorops.api.url
  victorops_api_key: abcdef1234567890
route:
  receiver: {receiver}
receivers:
- name: {receiver}
templates:
- /etc/alertmanager/templates/template1.tmpl
- /etc/alertmanager/templates/template2.tmpl
"
    );
    let made = cluster
        .until_routed("test", "there", |text| !text.is_empty())
        .await?;
    // Keys stand in another order than upstream's.
    ensure!(read(&made) == read(&wanted), "it is another:\n{made}");
    Ok(())
}

/// testAMTemplateReloadConfig, up to the file that the reloader sees: no pod notices.
pub async fn am_template_reload_config(cluster: &Cluster) -> Result<()> {
    let given = |template: &str| {
        let text = "route: {receiver: hook}\nreceivers: [{name: hook}]\n";
        secret(
            "alertmanager-test",
            &json!({"alertmanager.yaml": text, "Template_1": template}),
        )
    };
    cluster.apply(&given("<html/>")).await?;
    MANAGER.running(cluster, &json!({})).await?;
    let pods = cluster.pods().await?;
    let before = cluster.routing("test").await?;
    cluster.apply(&given("<html>An Alert test</html>")).await?;
    cluster
        .eventually("the second template", async || {
            let held = cluster.held(GENERATED, "Template_1").await?;
            Ok(held.contains("An Alert test").then_some(()))
        })
        .await?;
    let after = cluster.routing("test").await?;
    ensure!(before == after, "the configuration changed:\n{after}");
    cluster.assert_same_pods(&pods).await
}

/// testAMExposingWithKubernetesAPI, up to what the API server's proxy looks for: a Service that leads to the pod's port.
pub async fn am_exposing_with_kubernetes_api(cluster: &Cluster) -> Result<()> {
    MANAGER.running(cluster, &json!({})).await?;
    let selector = json!({"alertmanager": "test", "app.kubernetes.io/name": "alertmanager"});
    cluster.expose(selector, 9093).await?;
    for name in ["exposed", "alertmanager-operated"] {
        cluster.get(&SERVICE, name).await?;
        let found = cluster.until_leads_to(name, ("web", 9093), 1).await?;
        let pod = text(&found, "/subsets/0/addresses/0/targetRef/name");
        ensure!(pod == "alertmanager-test-0", "{name} leads to {pod:?}");
    }
    Ok(())
}
