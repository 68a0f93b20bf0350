//! The definitions' defaults, for workloads that an API server stored without them: definitions of before 2022 have none.
//!
//! They are kept in `data/defaults.json`, which `cargo xtask generate` writes from the definitions: to make those takes tens of
//! megabytes, which a controller would need for this alone.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::crds::crds;

/// Defaults of a value and of its parts; parts without any are left out.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Defaults {
    #[serde(rename = "default", skip_serializing_if = "Option::is_none")]
    own: Option<Value>,
    /// By name.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: Box<[(Box<str>, Defaults)]>,
    /// Of items of a list, or of values of a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    each: Option<Box<Defaults>>,
}

type ByKind = BTreeMap<String, Defaults>;

static BY_KIND: LazyLock<ByKind> = LazyLock::new(|| {
    // A test compares what is there with what the definitions say.
    serde_json::from_str(include_str!("../../data/defaults.json")).unwrap_or_default()
});

/// What `data/defaults.json` is to be: a line for each kind.
pub fn text() -> String {
    let lines = of_definitions().into_iter().map(|(kind, defaults)| {
        let defaults = serde_json::to_string(&defaults).unwrap_or_default();
        format!("{kind:?}:{defaults}")
    });
    let lines: Vec<String> = lines.collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn of_definitions() -> ByKind {
    let definitions = crds();
    let of = |definition: &Value| {
        let kind = definition.pointer("/spec/names/kind")?.as_str()?;
        let schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema")?;
        Some((kind.to_owned(), Defaults::of(schema)?))
    };
    definitions.iter().filter_map(of).collect()
}

impl Defaults {
    fn of(schema: &Value) -> Option<Self> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flatten();
        let each = ["items", "additionalProperties"]
            .iter()
            .find_map(|keyword| Self::of(schema.get(keyword)?));
        let defaults = Self {
            own: schema.get("default").cloned(),
            fields: properties
                .filter_map(|(name, schema)| Some((name.as_str().into(), Self::of(schema)?)))
                .collect(),
            each: each.map(Box::new),
        };
        (defaults != Self::default()).then_some(defaults)
    }

    fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, defaults) in &*self.fields {
                    let name = &**name;
                    if let (None, Some(own)) = (fields.get(name), &defaults.own) {
                        fields.insert(name.to_owned(), own.clone());
                    }
                    if let Some(field) = fields.get_mut(name) {
                        defaults.fill(field);
                    }
                }
                if let Some(each) = &self.each {
                    for field in fields.values_mut() {
                        each.fill(field);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(each) = &self.each {
                    for item in items {
                        each.fill(item);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The object with the defaults of its kind wherever it says nothing, as the present definitions would have stored it.
pub fn applied(mut object: Value) -> Value {
    if let Some(defaults) = BY_KIND.get(machinery::meta::kind(&object)) {
        defaults.fill(&mut object);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_kept_is_what_the_definitions_say() {
        assert_eq!(*BY_KIND, of_definitions(), "hint: make generate");
        assert!(
            text() == include_str!("../../data/defaults.json"),
            "hint: make generate"
        );
    }

    #[test]
    fn what_is_said_stays_and_the_rest_is_filled_in() {
        let spec = json!({"scrapeInterval": "15s", "thanos": {}, "web": {"pageTitle": "x"}});
        let object = applied(json!({"kind": "Prometheus", "spec": spec}));
        let wanted = json!({
            "scrapeInterval": "15s", "evaluationInterval": "30s", "portName": "web", "shards": 1,
            "thanos": {"blockSize": "2h"}, "web": {"pageTitle": "x"},
        });
        assert_eq!(object["spec"], wanted);
        let manager = applied(json!({"kind": "Alertmanager", "spec": {}}));
        assert_eq!(
            manager["spec"],
            json!({"portName": "web", "retention": "120h"})
        );
        let other = json!({"kind": "Pod", "spec": {}});
        assert_eq!(applied(other.clone()), other);
    }
}
