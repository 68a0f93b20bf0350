//! Which field of an object isn't what its schema says.

use serde_json::Value;

/// The first value that has another type than the schema says: its path, and what it must be. Nothing counts as absent.
pub(super) fn mistyped(value: &Value, schema: &Value, path: &str) -> Option<(String, String)> {
    if value.is_null() {
        return None;
    }
    let either = schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
    let kind = schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    // A float without a fraction reaches a server as an integer.
    let whole = value
        .as_f64()
        .is_some_and(|number| number.fract() == 0.0 && number.abs() < 1e18);
    let fits = match kind {
        _ if either => value.is_string() || whole,
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => whole,
        "number" => value.is_number(),
        _ => true,
    };
    if !fits {
        let kind = if either { "int-or-string" } else { kind };
        return Some((path.to_owned(), must_be(kind, value)));
    }
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            let known = schema.get("properties").and_then(|known| known.get(name));
            let known = known.or_else(|| schema.get("additionalProperties"))?;
            let path = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            mistyped(field, known, &path)
        }),
        Value::Array(items) => {
            let schema = schema.get("items")?;
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| mistyped(item, schema, &format!("{path}[{index}]")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn must_be(kind: &str, value: &Value) -> String {
    let (wanted, remedy) = match kind {
        "object" => ("a mapping", "write fields and values"),
        "array" => ("a list", "write items after dashes"),
        "string" => ("a text", "put it in quotes"),
        "boolean" => ("true or false", "write one of them, without quotes"),
        "integer" => ("a whole number", "write one, without quotes"),
        "number" => ("a number", "write one, without quotes"),
        _ => ("a text or a whole number", "put it in quotes"),
    };
    let found = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    match value {
        Value::Number(number) => format!("must be {wanted}, {number} is {found}; {remedy}"),
        _ => format!("must be {wanted}, not {found}; {remedy}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::offline::render;

    #[test]
    fn a_value_of_another_type_is_told_by_its_field() {
        let rule = |expr: &serde_json::Value| {
            json!({"groups": [{"name": "a", "rules": [
                {"record": "b", "expr": expr},
            ]}]})
        };
        let field = "spec.groups[0].rules[0].expr";
        let quotes = "must be a text or a whole number";
        for (kind, spec, path, text) in [
            (
                "PrometheusRule",
                rule(&json!(1.5)),
                field,
                format!("{quotes}, 1.5 is a number; put it in quotes"),
            ),
            (
                "PrometheusRule",
                rule(&json!(true)),
                field,
                format!("{quotes}, not true or false; put it in quotes"),
            ),
            (
                "PrometheusRule",
                json!({"groups": [{"name": "a", "labels": {"b": 1}}]}),
                "spec.groups[0].labels.b",
                "must be a text, 1 is a number; put it in quotes".to_owned(),
            ),
            (
                "ServiceMonitor",
                json!({"endpoints": {"port": "a"}}),
                "spec.endpoints",
                "must be a list, not a mapping; write items after dashes".to_owned(),
            ),
            (
                "Prometheus",
                json!({"replicas": "2"}),
                "spec.replicas",
                "must be a whole number, not a text; write one, without quotes".to_owned(),
            ),
        ] {
            let object = json!({
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": kind,
                "metadata": {"name": "a", "namespace": "b"},
                "spec": spec,
            });
            let problems = render(&[object]).problems;
            let told: Vec<(&str, &str)> = problems
                .iter()
                .map(|problem| (problem.path.as_str(), problem.text.as_str()))
                .collect();
            assert_eq!(told, [(path, text.as_str())], "{kind}");
        }
        let object = json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": "a", "namespace": "b"},
            "spec": rule(&json!(1e3)),
        });
        assert_eq!(render(&[object]).problems, []);
    }
}
