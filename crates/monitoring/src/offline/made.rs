//! What goes with workloads, and what a server would say of it: Secrets, ConfigMaps and Services.

use machinery::builtin::defaults;
use machinery::builtin::validation::validate_create;
use machinery::meta;
use serde_json::{Value, json};

use super::World;

impl World<'_> {
    /// Tells of a workload why what goes with it would not be stored.
    pub(super) fn goes_with(&mut self, at: usize, made: impl IntoIterator<Item = Value>) {
        for object in made {
            for (path, text) in refusals(object) {
                self.problem(at, path, text);
            }
        }
    }
}

/// A ConfigMap with files.
pub(super) fn config_map<'a>(
    namespace: &str,
    name: &str,
    files: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Value {
    let data: serde_json::Map<String, Value> = files
        .into_iter()
        .map(|(name, text)| (name.clone(), json!(text)))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    })
}

/// Why an object would not be stored: where in its owner that comes from, and the text.
fn refusals(mut object: Value) -> Vec<(&'static str, String)> {
    // An owner has a UID from the server alone.
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
    }
    let (kind, name) = (
        meta::kind(&object).to_owned(),
        meta::name(&object).to_owned(),
    );
    // The server says itself what addresses a Service has.
    let address = object.pointer("/spec/clusterIP").cloned();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(address) = address
    {
        spec.insert("clusterIPs".to_owned(), json!([address]));
    }
    defaults::apply("", "v1", &kind, &mut object);
    let told = validate_create("", "v1", &kind, &object)
        .into_iter()
        .map(|error| {
            let of_metadata = error.field.starts_with("metadata");
            let too_large = !of_metadata && error.to_string().contains("Too long");
            let (path, cure) = if of_metadata {
                ("metadata.name", "give its owner a shorter name")
            } else if too_large {
                ("spec", "select less, or spread it over several workloads")
            } else if error.field.starts_with("data") {
                let cure = "give the object that the key is named after a shorter name";
                ("spec", cure)
            } else {
                ("spec", "correct the field that it is made of")
            };
            let text =
                format!("the {kind} {name:?} that goes with it would be refused: {error}; {cure}");
            (path, text)
        });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_would_refuse_is_told_with_its_name_and_the_remedy() {
        let file = |name: String, text: String| config_map("team", "rules", [(&name, &text)]);
        assert_eq!(refusals(file("a.yaml".to_owned(), "x".to_owned())), []);
        let large = refusals(file("a.yaml".to_owned(), "x".repeat((1 << 20) + 1)));
        let [("spec", text)] = large.as_slice() else {
            panic!("{large:?}");
        };
        assert!(
            text.starts_with("the ConfigMap \"rules\" that goes with it"),
            "{text}"
        );
        assert!(text.contains("1048576"), "{text}");
        assert!(
            text.ends_with("; select less, or spread it over several workloads"),
            "{text}"
        );
        let keys = refusals(file("a".repeat(254), "x".to_owned()));
        let [("spec", text)] = keys.as_slice() else {
            panic!("{keys:?}");
        };
        assert!(text.ends_with("named after a shorter name"), "{text}");
        let long = refusals(config_map("team", &"a".repeat(254), []));
        let [("metadata.name", text)] = long.as_slice() else {
            panic!("{long:?}");
        };
        assert!(text.ends_with("; give its owner a shorter name"), "{text}");
    }
}
