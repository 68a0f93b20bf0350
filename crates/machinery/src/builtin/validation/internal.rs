//! Structs as Go prints them inside messages: `json.Marshal` of the *internal* API types, which have no JSON names.
//!
//! `data/internal_types.json` holds the fields of these types in Go's order: name as printed, type, name in the served
//! version (`^key`: of the parent object) and `omitempty`. It was made by reflection over `k8s.io/kubernetes` v1.36.3.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

type Fields = Vec<Vec<String>>;

static TYPES: LazyLock<BTreeMap<String, Fields>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../data/internal_types.json")).unwrap_or_default()
});

/// JSON with its keys in Go's order.
enum Node {
    Scalar(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// One line, as in `Invalid value: {"Type":"Foo","RollingUpdate":null}`.
pub fn to_json(go_type: &str, value: &Value) -> String {
    let mut out = String::new();
    node(go_type, value, &Value::Null).write(&mut out);
    out
}

/// Indented by one space a level, as the diff of a pod update shows it.
pub fn to_json_pretty(go_type: &str, value: &Value) -> String {
    let mut out = String::new();
    node(go_type, value, &Value::Null).write_pretty(&mut out, 1);
    out
}

fn node(go_type: &str, value: &Value, parent: &Value) -> Node {
    if let Some(inner) = go_type.strip_prefix('*') {
        return if value.is_null() {
            null()
        } else {
            node(inner, value, parent)
        };
    }
    if let Some(inner) = go_type.strip_prefix("[]") {
        return match value.as_array() {
            Some(items) => Node::List(items.iter().map(|item| node(inner, item, value)).collect()),
            None => null(),
        };
    }
    if let Some(inner) = go_type.strip_prefix("map ") {
        return match value {
            Value::Object(map) if !map.is_empty() => Node::Object(
                map.iter()
                    .map(|(key, item)| (key.clone(), node(inner, item, value)))
                    .collect(),
            ),
            // A map that was sent empty.
            Value::Array(_) => Node::Object(Vec::new()),
            _ => null(),
        };
    }
    match TYPES.get(go_type) {
        Some(fields) => Node::Object(
            fields
                .iter()
                .filter_map(|field| member(field, value, parent))
                .collect(),
        ),
        None => scalar(go_type, value),
    }
}

fn member(field: &[String], value: &Value, parent: &Value) -> Option<(String, Node)> {
    let [name, go_type, source, flags @ ..] = field else {
        return None;
    };
    let found = match source.strip_prefix('^') {
        Some(key) => parent.get(key),
        None => source
            .split('.')
            .try_fold(value, |value, key| value.get(key)),
    };
    let nothing = |found: &Value| found.is_null() || found.as_array().is_some_and(Vec::is_empty);
    if found.is_none_or(nothing) && flags.iter().any(|flag| flag.starts_with("omit")) {
        return None;
    }
    Some((
        name.clone(),
        node(go_type, found.unwrap_or(&Value::Null), value),
    ))
}

fn scalar(go_type: &str, value: &Value) -> Node {
    Node::Scalar(match (go_type, value) {
        ("string", Value::Null) => "\"\"".to_owned(),
        ("quantity", Value::Null) => "\"0\"".to_owned(),
        ("int" | "intorstring", Value::Null) => "0".to_owned(),
        ("bool", Value::Null) => "false".to_owned(),
        _ => super::error::go_json(value),
    })
}

fn null() -> Node {
    Node::Scalar("null".to_owned())
}

impl Node {
    fn write(&self, out: &mut String) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    separate(out, index);
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, item)) in members.iter().enumerate() {
                    separate(out, index);
                    out.push_str(&super::error::go_json(&Value::from(key.as_str())));
                    out.push(':');
                    item.write(out);
                }
                out.push('}');
            }
        }
    }

    fn write_pretty(&self, out: &mut String, depth: usize) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) if items.is_empty() => out.push_str("[]"),
            Self::Object(members) if members.is_empty() => out.push_str("{}"),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    separate(out, index);
                    line(out, depth);
                    item.write_pretty(out, depth + 1);
                }
                line(out, depth - 1);
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, item)) in members.iter().enumerate() {
                    separate(out, index);
                    line(out, depth);
                    out.push_str(&super::error::go_json(&Value::from(key.as_str())));
                    out.push_str(": ");
                    item.write_pretty(out, depth + 1);
                }
                line(out, depth - 1);
                out.push('}');
            }
        }
    }
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', depth));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn internal_structs_print_every_field_in_go_order() {
        let port = json!({"name": "b", "protocol": "TCP", "port": 80, "targetPort": "web"});
        let expected = r#"{"Name":"b","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":"web","NodePort":0}"#;
        assert_eq!(to_json("core.ServicePort", &port), expected);
    }

    #[test]
    fn host_namespaces_belong_to_the_internal_security_context() {
        let spec = json!({"hostNetwork": true, "securityContext": {}});
        assert!(
            to_json("core.PodSpec", &spec)
                .contains(r#""SecurityContext":{"HostNetwork":true,"HostPID":false"#)
        );
    }

    #[test]
    fn shared_types_keep_their_json_names() {
        let selector =
            json!({"matchExpressions": [{"values": ["x"], "key": "a", "operator": "In"}]});
        let expected = r#"{"matchExpressions":[{"key":"a","operator":"In","values":["x"]}]}"#;
        assert_eq!(to_json("*metav1.LabelSelector", &selector), expected);
        assert_eq!(to_json("*metav1.LabelSelector", &Value::Null), "null");
    }
}
