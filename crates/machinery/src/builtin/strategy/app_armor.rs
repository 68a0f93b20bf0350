//! The annotations in which pods named `AppArmor` profiles before there were fields (`applyAppArmorVersionSkew` of
//! `pkg/registry/core/pod/strategy.go`, `ApparmorFieldForAnnotation` of `pkg/api/pod/util.go`).

use serde_json::{Map, Value, json};

use crate::builtin::edit::{child, each, ensure, text};
use crate::builtin::{APP_ARMOR, validation};

type Object = Map<String, Value>;

/// The field that says what an annotation says; `None` for one that says nothing.
#[must_use]
pub fn profile_of(annotation: &str) -> Option<Value> {
    match annotation {
        "unconfined" => Some(json!({"type": "Unconfined"})),
        "runtime/default" => Some(json!({"type": "RuntimeDefault"})),
        other => other
            .strip_prefix("localhost/")
            .filter(|name| !name.is_empty())
            .map(|name| json!({"type": "Localhost", "localhostProfile": name})),
    }
}

/// Carries what the annotations of a new pod say into its fields. Returns a warning for each that was, and for each that
/// says nothing.
pub fn carry_over(pod: &mut Value) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(pod) = pod.as_object_mut() else {
        return warnings;
    };
    let annotations = child(pod, "metadata").and_then(|metadata| metadata.get("annotations"));
    let annotations = annotations.and_then(Value::as_object).cloned();
    let (Some(annotations), Some(spec)) = (annotations, child(pod, "spec")) else {
        return warnings;
    };
    let profile = |owner: &Object| {
        let found = owner.get("securityContext")?.get("appArmorProfile");
        found.filter(|profile| !profile.is_null()).cloned()
    };
    let windows = spec.get("os").and_then(|os| os.get("name")) == Some(&json!("windows"));
    if windows {
        return warnings;
    }
    let of_pod = profile(spec);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        each(spec, list, |container| {
            let key = format!("{APP_ARMOR}{}", text(container, "name"));
            let Some(annotation) = annotations.get(&key).and_then(Value::as_str) else {
                return;
            };
            if profile(container).is_some() {
                return;
            }
            let field = profile_of(annotation).filter(validation::is_app_armor_profile);
            if field.is_some() && field == of_pod {
                return;
            }
            if let Some(field) = field
                && let Some(context) = ensure(container, "securityContext")
            {
                context.insert("appArmorProfile".to_owned(), field);
            }
            warnings.push(format!(
                "metadata.annotations[{key}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"
            ));
        });
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields that a pod's containers have in the end, and how many warnings there are.
    fn carried(annotation: &str, mut spec: Value) -> (Value, usize) {
        if let Some(spec) = spec.as_object_mut() {
            spec.insert("containers".to_owned(), json!([{"name": "c"}]));
        }
        let key = format!("{APP_ARMOR}c");
        let mut pod = json!({"metadata": {"annotations": {key: annotation}}, "spec": spec});
        let warnings = carry_over(&mut pod).len();
        let field = pod.pointer("/spec/containers/0/securityContext/appArmorProfile");
        (field.cloned().unwrap_or_default(), warnings)
    }

    #[test]
    fn an_annotation_becomes_a_field_unless_it_says_nothing_new() {
        let default = json!({"type": "RuntimeDefault"});
        let local = json!({"type": "Localhost", "localhostProfile": "p"});
        let of_pod = json!({"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}});
        for (annotation, spec, expected) in [
            ("runtime/default", json!({}), (default, 1)),
            ("localhost/p", of_pod.clone(), (local, 1)),
            ("runtime/default", of_pod, (Value::Null, 0)),
            ("localhost/", json!({}), (Value::Null, 1)),
            ("localhost/ p", json!({}), (Value::Null, 1)),
            ("anything", json!({}), (Value::Null, 1)),
            (
                "unconfined",
                json!({"os": {"name": "windows"}}),
                (Value::Null, 0),
            ),
        ] {
            assert_eq!(carried(annotation, spec), expected, "{annotation}");
        }
    }
}
