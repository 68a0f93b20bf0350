//! The kinds that requests are about: where they are, valid bodies of them, and values worth trying in their fields.

use serde_json::{Value, json};

/// A kind.
#[allow(clippy::struct_field_names, reason = "objects call it kind")]
pub struct Kind {
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    pub root: &'static str,
    /// Plural name.
    pub plural: &'static str,
    /// Name of the kind.
    pub kind: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Its subresources that take objects of the kind.
    pub status: bool,
    /// Whether it can be scaled.
    pub scale: bool,
    /// A valid body without apiVersion, kind and metadata.
    pub body: &'static str,
    /// `POINTER VALUE`: what may be set in it, valid or not.
    pub fields: &'static [&'static str],
    /// Field selectors that it may know.
    pub selectors: &'static [&'static str],
}

impl Kind {
    /// `v1` or `GROUP/VERSION`.
    pub fn api_version(&self) -> &'static str {
        self.root
            .strip_prefix("/apis/")
            .or_else(|| self.root.strip_prefix("/api/"))
            .unwrap_or(self.root)
    }

    /// The collection's path.
    pub fn collection(&self) -> String {
        if self.namespaced {
            format!("{}/namespaces/${{ns}}/{}", self.root, self.plural)
        } else {
            format!("{}/{}", self.root, self.plural)
        }
    }

    /// The name of an object: cluster-scoped ones share a space.
    pub fn name(&self, short: &str) -> String {
        if self.namespaced {
            short.to_owned()
        } else {
            format!("${{ns}}-{short}")
        }
    }

    /// The path of an object.
    pub fn item(&self, short: &str) -> String {
        format!("{}/{}", self.collection(), self.name(short))
    }

    /// A valid object.
    pub fn object(&self, short: &str) -> Value {
        let mut object = json!({
            "apiVersion": self.api_version(),
            "kind": self.kind,
            "metadata": {"name": self.name(short), "labels": {"run": "${ns}", "letter": short}},
        });
        if let (Ok(Value::Object(body)), Some(object)) =
            (serde_json::from_str(self.body), object.as_object_mut())
        {
            object.extend(body);
        }
        object
    }
}

/// What may be set in our own kind.
pub const WIDGET: &[&str] = &[
    r"/spec/size 12",
    r"/spec/size -1",
    r"/spec/size 1.5",
    r"/spec/size 1.0",
    r#"/spec/size "3""#,
    r"/spec/size null",
    r#"/spec/colour "blue""#,
    r#"/spec/colour "pink""#,
    r"/spec/colour null",
    r"/spec/note null",
    r#"/spec/note "n""#,
    r"/spec/unknown 1",
    r#"/spec/parts [{"name":"a","weight":1},{"name":"b"}]"#,
    r#"/spec/parts [{"name":"a"},{"name":"a"}]"#,
    r#"/spec/parts [{"weight":1}]"#,
    r#"/spec/parts [{"name":"a","extra":1}]"#,
    r#"/spec/tags ["x","y"]"#,
    r#"/spec/tags ["x","x"]"#,
    r#"/spec/tags ["x",1]"#,
    r"/spec/either 5",
    r#"/spec/either "50%""#,
    r"/spec/either 5.5",
    r"/spec/ratio 0.25",
    r"/spec/ratio 1e30",
    r"/spec/ratio 3",
    r#"/spec/when "2019-01-01T00:00:00Z""#,
    r#"/spec/when "soon""#,
    r#"/spec/code "AB-12""#,
    r#"/spec/code "ab""#,
    r#"/spec/free {"x":{"y":[1,"a",null]}}"#,
    r"/spec/nested {}",
    r#"/spec/nested {"depth":{}}"#,
    r#"/spec/nested {"depth":{"level":99}}"#,
    r#"/spec/map {"a":"1","b":2}"#,
    r#"/spec/map {"a":"1","b":"2","c":"3","d":"4"}"#,
    r#"/status {"sold":2}"#,
    r"/status/sold -2",
    r#"/status/sold "x""#,
    r"/status/replicas 2",
    r#"/status/selector "a=b""#,
];

/// Our own kinds.
pub fn definitions() -> Vec<Value> {
    let integer = |minimum: i64| json!({"type": "integer", "minimum": minimum});
    let spec = json!({"type": "object", "required": ["size"], "properties": {
        "size": {"type": "integer", "minimum": 0, "maximum": 10, "description": "How large"},
        "colour": {"type": "string", "enum": ["red", "green", "blue"], "default": "green"},
        "note": {"type": "string", "nullable": true, "maxLength": 5},
        "parts": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "weight": integer(0)}}},
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "either": {"x-kubernetes-int-or-string": true},
        "ratio": {"type": "number", "maximum": 100},
        "when": {"type": "string", "format": "date-time"},
        "code": {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "nested": {"type": "object", "properties": {"depth": {"type": "object", "default": {},
            "properties": {"level": {"type": "integer", "default": 7, "maximum": 9}}}}},
        "map": {"type": "object", "maxProperties": 3, "additionalProperties": {"type": "string"}},
        "replicas": {"type": "integer", "format": "int32"},
    }});
    let status = json!({"type": "object", "properties": {
        "sold": integer(0), "replicas": {"type": "integer"}, "selector": {"type": "string"},
    }});
    let widget = json!({"type": "object", "properties": {"spec": spec, "status": status}});
    let gauge = json!({"type": "object", "properties": {
        "value": {"type": "integer"},
        "any": {"x-kubernetes-preserve-unknown-fields": true},
        "either": {"x-kubernetes-int-or-string": true},
    }});
    let definition = |kind: &str, plural: &str, scope: &str, version: Value| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.fidelity.example")},
            "spec": {
                "group": "fidelity.example",
                "scope": scope,
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
                "versions": [version],
            },
        })
    };
    vec![
        definition(
            "Widget",
            "widgets",
            "Namespaced",
            json!({
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": widget},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}},
                "selectableFields": [{"jsonPath": ".spec.colour"}],
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                    {"name": "Colour", "type": "string", "jsonPath": ".spec.colour", "priority": 1},
                    {"name": "Parts", "type": "string", "jsonPath": ".spec.parts[*].name", "description": "Names"},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
            }),
        ),
        definition(
            "Gauge",
            "gauges",
            "Cluster",
            json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": gauge}}),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::KINDS;
    use super::*;

    #[test]
    fn bodies_and_fields_are_json() {
        for kind in KINDS {
            let object = kind.object("a");
            assert!(
                object.as_object().expect("an object").len() > 3,
                "{}",
                kind.kind
            );
            for field in kind.fields {
                let (pointer, value) = field.split_once(' ').expect("pointer and value");
                assert!(pointer.starts_with('/'));
                serde_json::from_str::<Value>(value).expect(field);
            }
        }
    }
}
