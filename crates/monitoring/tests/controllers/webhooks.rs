//! The webhooks as the API server asks them.

use monitoring::admission::{CONFIGS_VALIDATE, CONVERT, RULES_MUTATE, RULES_VALIDATE};
use monitoring::api::crds;
use monitoring::operator::resources::{ALERTMANAGER_CONFIG, PROMETHEUS_RULE};
use runtime::resource::CUSTOM_RESOURCE_DEFINITION;
use runtime::{Error, ObjectKey, ResourceRef};
use serde_json::{Value, json};

use crate::cluster::{Cluster, play};

fn configuration(kind: &str) -> ResourceRef {
    let plural = format!("{}s", kind.to_lowercase());
    ResourceRef {
        kind: kind.to_owned().into(),
        plural: plural.into(),
        ..ResourceRef::cluster("admissionregistration.k8s.io", "v1", "", "")
    }
}

/// Asks a webhook about what is written of a resource, as kube-prometheus-stack does.
async fn register(cluster: &Cluster, kind: &str, path: &str, (resource, version): (&str, &str)) {
    let webhook = json!({
        "name": format!("{resource}.monitoring.coreos.com"), "sideEffects": "None", "failurePolicy": "Fail",
        "admissionReviewVersions": ["v1", "v1beta1"],
        "clientConfig": {"url": format!("https://hooks.example{path}")},
        "rules": [{"apiGroups": ["monitoring.coreos.com"], "apiVersions": [version], "resources": [resource], "operations": ["CREATE", "UPDATE"]}],
    });
    let api = configuration(kind);
    let object = json!({"apiVersion": api.api_version(), "kind": kind, "metadata": {"name": resource}, "webhooks": [webhook]});
    cluster.client.create(&api, &object).await.unwrap();
}

async fn create(
    cluster: &Cluster,
    resource: &ResourceRef,
    name: &str,
    spec: Value,
) -> Result<Value, Error> {
    let object = json!({"apiVersion": resource.api_version(), "kind": resource.kind,
        "metadata": {"name": name, "namespace": "team"}, "spec": spec});
    cluster.client.create(resource, &object).await?.value()
}

#[test]
fn rules_are_mended_and_a_bad_one_never_gets_in() {
    play(async |cluster| {
        cluster.answer_webhooks();
        let rules = ("prometheusrules", "v1");
        register(cluster, "MutatingWebhookConfiguration", RULES_MUTATE, rules).await;
        register(
            cluster,
            "ValidatingWebhookConfiguration",
            RULES_VALIDATE,
            rules,
        )
        .await;
        let spec = |expr: &str| json!({"groups": [{"name": "g", "rules": [{"alert": "a", "expr": expr, "labels": {"severity": 1}}]}]});
        let created = create(cluster, &PROMETHEUS_RULE, "good", spec("up == 0"))
            .await
            .unwrap();
        assert_eq!(
            machinery::meta::annotation(&created, "prometheus-operator-validated"),
            Some("true")
        );
        assert_eq!(
            created["spec"]["groups"][0]["rules"][0]["labels"],
            json!({"severity": "1"})
        );

        let error = create(cluster, &PROMETHEUS_RULE, "bad", spec("sum("))
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "Invalid");
        let text = error.to_string();
        assert!(
            text.contains("denied the request: Rules are not valid"),
            "{text}"
        );
        assert_eq!(cluster.get(&PROMETHEUS_RULE, "bad").await, None);
    });
}

#[test]
fn an_alertmanager_config_is_validated_and_read_in_both_versions() {
    play(async |cluster| {
        cluster.answer_webhooks();
        let configs = ("alertmanagerconfigs", "v1alpha1");
        register(
            cluster,
            "ValidatingWebhookConfiguration",
            CONFIGS_VALIDATE,
            configs,
        )
        .await;
        let whole = crds::full_crds().into_iter();
        let mut whole = whole.filter(|one| one["spec"]["names"]["kind"] == "AlertmanagerConfig");
        let mut spec = whole.next().unwrap()["spec"].take();
        spec["conversion"] = json!({"strategy": "Webhook", "webhook": {
            "conversionReviewVersions": ["v1"], "clientConfig": {"url": format!("https://hooks.example{CONVERT}")}}});
        let name = "alertmanagerconfigs.monitoring.coreos.com";
        cluster
            .merge(&CUSTOM_RESOURCE_DEFINITION, name, json!({"spec": spec}))
            .await;

        let spec = |receiver: &str| {
            json!({
                "route": {"receiver": receiver, "matchers": [{"name": "a", "value": "b.*", "regex": true}]},
                "receivers": [{"name": "team", "opsgenieConfigs": [{"updateAlerts": true, "apiKey": {"name": "s", "key": "k"}}]}],
            })
        };
        let error = create(cluster, &ALERTMANAGER_CONFIG, "bad", spec("nobody"))
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("denied the request: AlertmanagerConfig is invalid"),
            "{error}"
        );
        create(cluster, &ALERTMANAGER_CONFIG, "good", spec("team"))
            .await
            .unwrap();

        let beta = ResourceRef {
            version: "v1beta1".into(),
            ..ALERTMANAGER_CONFIG
        };
        cluster
            .until("v1beta1 is served", async || {
                let key = ObjectKey::new("team", "good");
                cluster
                    .client
                    .get(&beta, &key)
                    .await
                    .is_ok_and(|found| found.is_some())
            })
            .await;
        let mut shown = cluster.get(&beta, "good").await.unwrap();
        assert_eq!(shown["apiVersion"], "monitoring.coreos.com/v1beta1");
        assert_eq!(
            shown["spec"]["route"]["matchers"][0],
            json!({"name": "a", "value": "b.*", "matchType": "=~"})
        );
        assert_eq!(
            shown["spec"]["receivers"][0]["opsgenieConfigs"][0].get("updateAlerts"),
            None
        );

        // Written as it was shown, nothing is lost.
        shown["spec"]["route"]["groupBy"] = json!(["job"]);
        cluster.client.update(&beta, &shown, None).await.unwrap();
        let stored = cluster.get(&ALERTMANAGER_CONFIG, "good").await.unwrap();
        assert_eq!(
            stored["spec"]["receivers"][0]["opsgenieConfigs"][0]["updateAlerts"],
            true
        );
        assert_eq!(stored["spec"]["route"]["groupBy"], json!(["job"]));
    });
}
