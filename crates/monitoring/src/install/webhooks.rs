//! The webhooks as a Deployment of their own, as in upstream's `example/admission-webhook` and `Documentation/platform/webhook.md`,
//! with the certificate that these leave to the user.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use machinery::hash::hexadecimal;
use machinery::meta;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::secured;
use crate::admission::{CONFIGS_VALIDATE, CONVERT, RULES_MUTATE, RULES_VALIDATE};
use crate::api::{GROUP, crds};

/// Name of the webhooks' Deployment, Service and ServiceAccount; upstream's.
pub const NAME: &str = "prometheus-operator-admission-webhook";
/// The Secret with the certificate; upstream's name.
const SECRET: &str = "admission-webhook-certs";
/// Where the program looks for it.
const FOLDER: &str = "/etc/tls/private";
/// Says with which certificate pods were started, so that another one replaces them.
const DIGEST: &str = "carrick.dev/certificate";

/// What the webhooks prove with who they are, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The certificate of whoever signed theirs, which the API server trusts.
    pub authority: String,
    /// Their own, for [`host`].
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// The name under which the API server calls the webhooks of a namespace.
pub fn host(namespace: &str) -> String {
    format!("{NAME}.{namespace}.svc")
}

/// The webhooks of a namespace.
pub(super) struct Webhooks<'a> {
    pub(super) namespace: &'a str,
    pub(super) image: &'a str,
    pub(super) certified: &'a Certified,
}

impl Webhooks<'_> {
    /// The definitions, AlertmanagerConfig in both versions, which the webhooks convert into each other.
    pub(super) fn definitions(&self) -> Vec<Value> {
        let mut definitions = crds::full_crds();
        let name = format!("alertmanagerconfigs.{GROUP}");
        let converted = definitions
            .iter_mut()
            .filter(|definition| meta::name(definition) == name);
        for definition in converted {
            if let Some(spec) = definition.get_mut("spec").and_then(Value::as_object_mut) {
                spec.insert(
                    "conversion".to_owned(),
                    json!({
                        "strategy": "Webhook",
                        "webhook": {
                            "clientConfig": self.called(CONVERT),
                            "conversionReviewVersions": ["v1"],
                        },
                    }),
                );
            }
        }
        definitions
    }

    /// Everything else. What has the API server ask comes last.
    pub(super) fn objects(&self) -> Vec<Value> {
        vec![
            self.account(),
            self.secret(),
            self.service(),
            self.disruption_budget(),
            self.deployment(),
            configuration("Mutating", "rulesmutation", &self.rules_mutated()),
            configuration("Validating", "rulesvalidation", &self.rules_validated()),
            configuration(
                "Validating",
                "alertmanager-config-validation",
                &self.configs_validated(),
            ),
        ]
    }

    fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.namespace, "labels": labels()})
    }

    fn account(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": self.metadata(NAME),
            "automountServiceAccountToken": false,
        })
    }

    fn secret(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": self.metadata(SECRET),
            "type": "kubernetes.io/tls",
            "data": {
                "tls.crt": STANDARD.encode(&self.certified.certificate),
                "tls.key": STANDARD.encode(&self.certified.key),
            },
        })
    }

    fn service(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": self.metadata(NAME),
            "spec": {
                "ports": [{"name": "https", "port": 443, "targetPort": "https"}],
                "selector": labels(),
            },
        })
    }

    fn disruption_budget(&self) -> Value {
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": self.metadata(NAME),
            "spec": {"minAvailable": 1, "selector": {"matchLabels": labels()}},
        })
    }

    fn deployment(&self) -> Value {
        let digest = Sha256::digest(self.certified.certificate.as_bytes());
        let annotations = json!({
            "kubectl.kubernetes.io/default-container": NAME,
            DIGEST: hexadecimal(&digest),
        });
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": self.metadata(NAME),
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels()},
                "strategy": {"rollingUpdate": {"maxUnavailable": 1}},
                "template": {
                    "metadata": {"annotations": annotations, "labels": labels()},
                    "spec": self.pod(),
                },
            },
        })
    }

    fn pod(&self) -> Value {
        let probe = json!({"httpGet": {"path": "/healthz", "port": "https", "scheme": "HTTPS"}});
        let mut container = json!({
            "name": NAME, "image": self.image,
            "command": ["carrick", "admission-webhook"],
            "args": [
                "--web.enable-tls=true",
                format!("--web.cert-file={FOLDER}/tls.crt"),
                format!("--web.key-file={FOLDER}/tls.key"),
            ],
            "ports": [{"containerPort": 8443, "name": "https"}],
            "readinessProbe": probe,
            "resources": {
                "limits": {"cpu": "200m", "memory": "200Mi"},
                "requests": {"cpu": "50m", "memory": "50Mi"},
            },
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [{"mountPath": FOLDER, "name": "tls-certificates", "readOnly": true}],
        });
        // One on each of two nodes, as upstream has it.
        let apart = json!({
            "labelSelector": {"matchLabels": labels()},
            "namespaces": [self.namespace],
            "topologyKey": "kubernetes.io/hostname",
        });
        let mut pod = json!({
            "serviceAccountName": NAME,
            "automountServiceAccountToken": false,
            "affinity": {"podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [apart],
            }},
            "volumes": [{"name": "tls-certificates", "secret": {"secretName": SECRET}}],
        });
        secured(&mut pod, &mut container);
        pod
    }

    /// How the API server calls the webhook with that path.
    fn called(&self, path: &str) -> Value {
        json!({
            "service": {"name": NAME, "namespace": self.namespace, "path": path, "port": 443},
            "caBundle": STANDARD.encode(&self.certified.authority),
        })
    }

    fn rules_mutated(&self) -> Value {
        self.asked(
            "prometheusrulemutate",
            ("prometheusrules", "*"),
            RULES_MUTATE,
        )
    }

    fn rules_validated(&self) -> Value {
        self.asked(
            "prometheusrulevalidate",
            ("prometheusrules", "*"),
            RULES_VALIDATE,
        )
    }

    fn configs_validated(&self) -> Value {
        let configs = ("alertmanagerconfigs", "v1alpha1");
        self.asked("alertmanagerconfigsvalidate", configs, CONFIGS_VALIDATE)
    }

    /// A webhook that is asked about each object of a resource that is made or changed.
    fn asked(&self, name: &str, (resource, version): (&str, &str), path: &str) -> Value {
        json!({
            "name": format!("{name}.{GROUP}"),
            "clientConfig": self.called(path),
            "failurePolicy": "Fail",
            "namespaceSelector": {},
            "rules": [{
                "apiGroups": [GROUP], "apiVersions": [version],
                "operations": ["CREATE", "UPDATE"], "resources": [resource],
            }],
            "admissionReviewVersions": ["v1", "v1beta1"],
            "sideEffects": "None",
        })
    }
}

fn configuration(kind: &str, name: &str, webhook: &Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": format!("{kind}WebhookConfiguration"),
        "metadata": {"name": format!("prometheus-operator-{name}"), "labels": labels()},
        "webhooks": [webhook],
    })
}

fn labels() -> Value {
    json!({"app.kubernetes.io/name": NAME})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (Certified, Vec<Value>, Vec<Value>) {
        let certified = Certified {
            authority: "an authority".to_owned(),
            certificate: "a certificate".to_owned(),
            key: "a key".to_owned(),
        };
        let webhooks = Webhooks {
            namespace: "n",
            image: "i",
            certified: &certified,
        };
        let (definitions, objects) = (webhooks.definitions(), webhooks.objects());
        (certified, definitions, objects)
    }

    fn of<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
        let mut found = objects.iter().filter(|object| meta::kind(object) == kind);
        found.next().unwrap()
    }

    #[test]
    fn whoever_is_asked_is_a_service_of_pods_that_have_the_certificate() {
        let (certified, _, objects) = made();
        let (service, deployment) = (of(&objects, "Service"), of(&objects, "Deployment"));
        let pod = &deployment["spec"]["template"];
        assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"]);
        assert_eq!(
            deployment["spec"]["selector"]["matchLabels"],
            pod["metadata"]["labels"]
        );
        let container = &pod["spec"]["containers"][0];
        assert_eq!(
            service["spec"]["ports"][0]["targetPort"],
            container["ports"][0]["name"]
        );
        let account = of(&objects, "ServiceAccount");
        assert_eq!(pod["spec"]["serviceAccountName"], meta::name(account));
        // The files that the program is told to read are those of the Secret.
        let (volume, mount) = (&pod["spec"]["volumes"][0], &container["volumeMounts"][0]);
        assert_eq!(volume["name"], mount["name"]);
        let secret = of(&objects, "Secret");
        assert_eq!(volume["secret"]["secretName"], meta::name(secret));
        let folder = mount["mountPath"].as_str().unwrap();
        for (argument, file, text) in [
            (1, "tls.crt", &certified.certificate),
            (2, "tls.key", &certified.key),
        ] {
            let told = container["args"][argument].as_str().unwrap();
            assert_eq!(told.split_once('=').unwrap().1, format!("{folder}/{file}"));
            let held = secret["data"][file].as_str().unwrap();
            assert_eq!(STANDARD.decode(held).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn the_api_server_trusts_whoever_it_asks_and_asks_for_what_is_answered() {
        let (certified, definitions, objects) = made();
        let service = of(&objects, "Service");
        let conversions = definitions.iter().filter_map(|definition| {
            let conversion = definition.pointer("/spec/conversion/webhook/clientConfig")?;
            assert_eq!(
                meta::name(definition),
                "alertmanagerconfigs.monitoring.coreos.com"
            );
            assert_eq!(definition["spec"]["versions"].as_array().unwrap().len(), 2);
            Some(conversion)
        });
        let asked = objects
            .iter()
            .filter_map(|object| object.pointer("/webhooks/0/clientConfig"));
        let all: Vec<&Value> = conversions.chain(asked).collect();
        for called in &all {
            let reference = &called["service"];
            assert_eq!(reference["name"], meta::name(service));
            assert_eq!(reference["namespace"], meta::namespace(service));
            assert_eq!(reference["port"], service["spec"]["ports"][0]["port"]);
            let bundle = STANDARD.decode(called["caBundle"].as_str().unwrap());
            assert_eq!(bundle.unwrap(), certified.authority.as_bytes());
        }
        let paths: Vec<&str> = all
            .iter()
            .map(|called| called["service"]["path"].as_str().unwrap())
            .collect();
        assert_eq!(
            paths,
            [CONVERT, RULES_MUTATE, RULES_VALIDATE, CONFIGS_VALIDATE]
        );
        assert_eq!(definitions.len(), crds::crds().len());
        assert_eq!(host("n"), "prometheus-operator-admission-webhook.n.svc");
    }
}
