//! The webhooks of monitoring. In a world of the scenario's own nobody listens, questions go to the same functions; a real server
//! asks this process.

mod listener;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use monitoring::admission::{Admission, CONFIGS_VALIDATE, CONVERT, RULES_MUTATE, RULES_VALIDATE};
use runtime::ResourceRef;
use serde_json::{Value, json};

use self::listener::{Listener, listener};
use crate::cluster::{Cluster, Ground};
use crate::objects::{ALERTMANAGER_CONFIG, ALERTMANAGER_CONFIG_BETA, DEFINITION};
use crate::workloads::routes;

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
        definition["spec"]["conversion"] = conversion(&address(CONVERT));
    }
}

/// What a definition says of its conversion.
fn conversion(address: &Value) -> Value {
    json!({
        "strategy": "Webhook",
        "webhook": {"clientConfig": address, "conversionReviewVersions": ["v1"]},
    })
}

/// One webhook of upstream's configurations, which is asked about each object of a kind that is made or changed.
fn webhook(name: &str, resource: &str) -> Value {
    let rule = json!({
        "apiGroups": ["monitoring.coreos.com"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
        "resources": [resource],
    });
    json!({
        "name": format!("{name}.monitoring.coreos.com"), "rules": [rule],
        "admissionReviewVersions": ["v1", "v1beta1"], "sideEffects": "None", "failurePolicy": "Fail",
    })
}

impl Cluster {
    /// Answers the webhooks' questions from now on: in a world of the scenario's own whoever asks for their host, on a real
    /// server whoever asks this process. What converts AlertmanagerConfigs stands in their definition, there too.
    ///
    /// # Errors
    /// If a real server doesn't take the definition.
    pub async fn answers_webhooks(&self) -> Result<()> {
        match &self.ground {
            Ground::Simulated(world) => {
                let answer = |path: &str, review: &Value| {
                    let body = review.to_string().into_bytes();
                    let answer = Admission::default().answer(path, Some("application/json"), &body);
                    let answer = answer.map(|answer| serde_json::from_slice(&answer.body));
                    answer.and_then(Result::ok).unwrap_or(Value::Null)
                };
                world.services().register(HOST, answer);
                Ok(())
            }
            Ground::Real => self.converts_configs(listener()?).await,
        }
    }

    /// Has a real server serve both versions of AlertmanagerConfigs, which are everybody's: all scenarios say the same.
    async fn converts_configs(&self, listener: &Listener) -> Result<()> {
        let mut full = monitoring::api::crds::full_crds();
        full.retain(|one| machinery::meta::name(one).starts_with("alertmanagerconfigs."));
        for mut definition in full {
            definition["spec"]["conversion"] = conversion(&self.address(CONVERT)?);
            let name = machinery::meta::name(&definition).to_owned();
            self.merge(&DEFINITION, &name, definition).await?;
        }
        let what = format!("both versions, converted at {}", listener.address);
        self.eventually(&what, async || {
            let object = routes("conversion", "hook");
            self.apply(&object).await?;
            let read = self.get(&ALERTMANAGER_CONFIG_BETA, "conversion").await;
            self.delete(&ALERTMANAGER_CONFIG, "conversion").await?;
            read.map(|_| Some(()))
        })
        .await
    }

    /// Where a webhook is asked, as a configuration says it.
    fn address(&self, path: &str) -> Result<Value> {
        match self.ground {
            Ground::Simulated(_) => Ok(address(path)),
            Ground::Real => {
                let listener = listener()?;
                let bundle = STANDARD.encode(&listener.certificate);
                let url = format!("https://{}{path}", listener.address);
                Ok(json!({"url": url, "caBundle": bundle}))
            }
        }
    }

    /// Has the server ask about rules, then about AlertmanagerConfigs, as upstream's manifests do; of this namespace alone.
    ///
    /// # Errors
    /// If the server refuses them.
    pub async fn asks_webhooks(&self) -> Result<()> {
        let ask = |name: &str, resource: &str, path: &str| -> Result<Value> {
            let mut webhook = webhook(name, resource);
            webhook["clientConfig"] = self.address(path)?;
            let here = json!({"kubernetes.io/metadata.name": self.namespace});
            webhook["namespaceSelector"] = json!({"matchLabels": here});
            Ok(webhook)
        };
        let mutate = ask("prometheusrulemutate", "prometheusrules", RULES_MUTATE)?;
        let configs = "alertmanagerconfigs";
        let validate = [
            ask("prometheusrulevalidate", "prometheusrules", RULES_VALIDATE)?,
            ask("alertmanagerconfigsvalidate", configs, CONFIGS_VALIDATE)?,
        ];
        for (resource, webhooks) in [(MUTATING, &[mutate][..]), (VALIDATING, &validate)] {
            let object = json!({
                "apiVersion": resource.api_version(), "kind": resource.kind,
                "metadata": {"name": format!("admission-{}", self.namespace)}, "webhooks": webhooks,
            });
            self.client().create(&resource, &object).await?;
        }
        Ok(())
    }
}
