//! What the API server does to an object before it stores it: unknown fields, schema, rules, defaults.

use serde_json::{Value, json};
use simulator::apiserver::custom::{CustomVersion, prepare_definition, served_versions};

/// The definitions, compiled.
pub(super) struct Definitions(Vec<CustomVersion>);

impl Definitions {
    pub(super) fn new() -> Self {
        let compiled = |mut crd: Value| {
            prepare_definition(&mut crd, None);
            // As if a server had accepted its names.
            let names = crd.pointer("/spec/names").cloned();
            if let Some(status) = crd.get_mut("status").and_then(Value::as_object_mut) {
                let established = json!([{"type": "Established", "status": "True"}]);
                status.insert("conditions".to_owned(), established);
                status.insert("acceptedNames".to_owned(), names.unwrap_or_default());
            }
            served_versions(&crd)
        };
        let crds = monitoring::api::crds::full_crds();
        Self(crds.into_iter().flat_map(compiled).collect())
    }

    /// Sets the defaults of an object; fields and what is wrong with them. Objects of other groups are left alone.
    pub(super) fn admit(&self, object: &mut Value) -> Vec<(String, String)> {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion").to_owned(), text("kind").to_owned());
        let ours = api_version.starts_with(&format!("{}/", monitoring::api::GROUP));
        if !ours {
            return Vec::new();
        }
        let found = self.0.iter().find(|version| {
            version.resource.kind == kind && version.resource.api_version() == api_version
        });
        let Some(version) = found else {
            return vec![(
                "kind".to_owned(),
                format!("there is no kind {kind} in {api_version}"),
            )];
        };
        let unknown = match version.prune_and_default(object) {
            Ok(unknown) => unknown,
            Err(error) => return vec![(error.field.clone(), error.to_string())],
        };
        let mut errors: Vec<(String, String)> = unknown
            .into_iter()
            .map(|text| {
                let path = text.split('"').nth(1).unwrap_or_default().to_owned();
                (path, text)
            })
            .collect();
        let refused = version.validate(object, None, &mut Vec::new());
        errors.extend(
            refused
                .into_iter()
                .map(|error| (error.field.clone(), error.to_string())),
        );
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_get_defaults_and_are_told_what_no_server_takes() {
        let definitions = Definitions::new();
        let mut monitor = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus",
            "metadata": {"name": "p"}, "spec": {"nosuch": 1}});
        let errors = definitions.admit(&mut monitor);
        let field = r#"unknown field "spec.nosuch""#.to_owned();
        assert_eq!(errors, [("spec.nosuch".to_owned(), field)]);
        assert_eq!(monitor["spec"]["scrapeInterval"], "30s");
        let mut nothing = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "Nothing"});
        let error = "there is no kind Nothing in monitoring.coreos.com/v1";
        let expected = [("kind".to_owned(), error.to_owned())];
        assert_eq!(definitions.admit(&mut nothing), expected);
    }
}
