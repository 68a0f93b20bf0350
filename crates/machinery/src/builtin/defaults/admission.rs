//! Defaults of admissionregistration.k8s.io/v1.

use serde_json::{Map, Value, json};

use crate::builtin::edit::{at, child, each, set};

type Object = Map<String, Value>;

/// Sets the defaults of an admission configuration.
pub fn apply(kind: &str, object: &mut Value) {
    match kind {
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
            if let Some(object) = object.as_object_mut() {
                each(object, "webhooks", |webhook| {
                    self::webhook(webhook, kind == "MutatingWebhookConfiguration");
                });
            }
        }
        "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy" => {
            if let Some(spec) = at(object, "/spec") {
                set(spec, "failurePolicy", "Fail");
                if let Some(constraints) = child(spec, "matchConstraints") {
                    match_resources(constraints);
                }
            }
        }
        "ValidatingAdmissionPolicyBinding" | "MutatingAdmissionPolicyBinding" => {
            if let Some(resources) = at(object, "/spec/matchResources") {
                match_resources(resources);
            }
        }
        _ => {}
    }
}

fn webhook(webhook: &mut Object, mutating: bool) {
    set(webhook, "failurePolicy", "Fail");
    set(webhook, "matchPolicy", "Equivalent");
    set(webhook, "namespaceSelector", json!({}));
    set(webhook, "objectSelector", json!({}));
    set(webhook, "timeoutSeconds", 10);
    if mutating {
        set(webhook, "reinvocationPolicy", "Never");
    }
    if let Some(service) =
        child(webhook, "clientConfig").and_then(|config| child(config, "service"))
    {
        set(service, "port", 443);
    }
    each(webhook, "rules", |rule| set(rule, "scope", "*"));
}

fn match_resources(resources: &mut Object) {
    set(resources, "matchPolicy", "Equivalent");
    set(resources, "namespaceSelector", json!({}));
    set(resources, "objectSelector", json!({}));
    for list in ["resourceRules", "excludeResourceRules"] {
        each(resources, list, |rule| set(rule, "scope", "*"));
    }
}
