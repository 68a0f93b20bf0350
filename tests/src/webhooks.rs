//! The webhooks of monitoring in a world of the scenario's own: nobody listens, questions go to the same functions.

use monitoring::admission::{Admission, CONFIGS_VALIDATE, CONVERT, RULES_MUTATE, RULES_VALIDATE};
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Ground};

/// Where the webhooks are asked for.
const HOST: &str = "webhooks.example";

const VALIDATING: ResourceRef = ResourceRef::cluster(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
);
const MUTATING: ResourceRef = ResourceRef::cluster(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
);

fn address(path: &str) -> Value {
    json!({"url": format!("https://{HOST}{path}")})
}

/// Makes the definition of AlertmanagerConfigs serve both versions, which the webhook converts.
pub fn both_versions(definition: &mut Value) {
    let name = machinery::meta::name(definition).to_owned();
    let full = monitoring::api::crds::full_crds();
    let same = |full: &&Value| machinery::meta::name(full) == name;
    if let Some(full) = full.iter().find(same) {
        definition.clone_from(full);
    }
    if name.starts_with("alertmanagerconfigs.") {
        definition["spec"]["conversion"] = json!({
            "strategy": "Webhook",
            "webhook": {"clientConfig": address(CONVERT), "conversionReviewVersions": ["v1"]},
        });
    }
}

/// One webhook of upstream's configurations, which is asked about each object of a kind that is made or changed.
fn webhook(name: &str, resource: &str, path: &str) -> Value {
    let rule = json!({
        "apiGroups": ["monitoring.coreos.com"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
        "resources": [resource],
    });
    json!({
        "name": format!("{name}.monitoring.coreos.com"), "rules": [rule], "clientConfig": address(path),
        "admissionReviewVersions": ["v1", "v1beta1"], "sideEffects": "None", "failurePolicy": "Fail",
    })
}

impl Cluster {
    /// Answers the webhooks' questions from now on. A real server can't be made to ask this process; false says so.
    pub fn answers_webhooks(&self) -> bool {
        let Ground::Simulated(world) = &self.ground else {
            return false;
        };
        let answer = |path: &str, review: &Value| {
            let body = review.to_string().into_bytes();
            let answer = Admission::default().answer(path, Some("application/json"), &body);
            let answer = answer.map(|answer| serde_json::from_slice(&answer.body));
            answer.and_then(Result::ok).unwrap_or(Value::Null)
        };
        world.services().register(HOST, answer);
        true
    }

    /// Has the server ask about rules, then about AlertmanagerConfigs, as upstream's manifests do.
    ///
    /// # Errors
    /// If the server refuses them.
    pub async fn asks_webhooks(&self) -> anyhow::Result<()> {
        let configuration = |resource: &ResourceRef, webhooks: &[Value]| {
            json!({
                "apiVersion": resource.api_version(), "kind": resource.kind,
                "metadata": {"name": "admission"}, "webhooks": webhooks,
            })
        };
        let mutate = webhook("prometheusrulemutate", "prometheusrules", RULES_MUTATE);
        let validate = [
            webhook("prometheusrulevalidate", "prometheusrules", RULES_VALIDATE),
            webhook(
                "alertmanagerconfigsvalidate",
                "alertmanagerconfigs",
                CONFIGS_VALIDATE,
            ),
        ];
        for (resource, webhooks) in [(MUTATING, &[mutate][..]), (VALIDATING, &validate)] {
            let object = configuration(&resource, webhooks);
            self.client().create(&resource, &object).await?;
        }
        Ok(())
    }
}
