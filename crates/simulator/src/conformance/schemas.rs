//! Objects of custom resources made from their schemas: valid ones, and ones with a single flaw. Pure: a seed gives the
//! same objects always.

use machinery::entropy::Entropy;
use regex::Regex;
use serde_json::{Map, Value, json};

/// An object to create, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What was done to it: `minimal`, `full`, `wrong type at spec.replicas`.
    pub title: String,
    /// The object.
    pub object: Value,
}

/// How deep optional fields are filled in.
const DEPTH: usize = 7;
/// Texts that match most patterns people write.
const TEXTS: [&str; 24] = [
    "a",
    "1",
    "1s",
    "10m",
    "1h",
    "a.b",
    "a/b",
    "a.b/c",
    "http://a.b",
    "https://a.b/c",
    "/a",
    "1Gi",
    "10%",
    "v1",
    "v1.2.3",
    "10.0.0.0/8",
    "10.0.0.1",
    "A",
    "aaaa",
    "0-1",
    "00000000-0000-0000-0000-000000000000",
    "arn:aws:iam::123456789012:role/a",
    "2024-01-01T00:00:00Z",
    "a=b",
];

/// Objects of a definition's storage version: a minimal one, fuller ones, and `flaws` with one flaw each.
pub fn samples(definition: &Value, seed: u64, flaws: usize) -> Vec<Sample> {
    let text = |pointer: &str| {
        definition
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    let stored = versions
        .into_iter()
        .flatten()
        .find(|version| version.get("storage") == Some(&Value::Bool(true)));
    let Some(version) = stored else {
        return Vec::new();
    };
    let schema = version
        .pointer("/schema/openAPIV3Schema")
        .cloned()
        .unwrap_or_default();
    let name = version
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let api_version = format!("{}/{name}", text("/spec/group"));
    let kind = text("/spec/names/kind");
    let dressed = |mut object: Value| {
        if let Some(fields) = object.as_object_mut() {
            fields.insert("apiVersion".to_owned(), json!(api_version));
            fields.insert("kind".to_owned(), json!(kind));
            fields.insert("metadata".to_owned(), json!({"name": "sample"}));
        }
        object
    };
    let mut chance = Entropy::seeded(seed);
    let mut made = Vec::new();
    let mut add = |title: String, object: Value| {
        let object = dressed(object);
        made.push(Sample { title, object });
    };
    add("minimal".to_owned(), value(&schema, 0, 0, &mut chance));
    let full = value(&schema, DEPTH, 1, &mut chance);
    add("full".to_owned(), full.clone());
    for round in 0..flaws {
        let mut object = match round % 4 {
            0 => full.clone(),
            1 => value(&schema, DEPTH, 2, &mut chance),
            _ => value(&schema, DEPTH, 4, &mut chance),
        };
        let mut places = Vec::new();
        collect(&schema, &object, &mut Vec::new(), &mut places);
        if places.is_empty() {
            continue;
        }
        let index = usize::try_from(chance.below(places.len() as u64)).unwrap_or_default();
        let Some((place, node)) = places.get(index) else {
            continue;
        };
        if let Some(title) = spoil(&mut object, place, node, &mut chance) {
            add(format!("{title} at {}", place.join(".")), object);
        }
    }
    made
}

fn word<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn whole(schema: &Value, key: &str) -> Option<i64> {
    schema.get(key).and_then(Value::as_i64)
}

fn once_in(chance: &mut Entropy, times: u64) -> bool {
    times <= 1 || chance.below(times) == 0
}

/// A value of a schema; optional fields are there once in `sparse` times, to a depth (`sparse` 0: never).
fn value(schema: &Value, depth: usize, sparse: u64, chance: &mut Entropy) -> Value {
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        let index = usize::try_from(chance.below(list.len().max(1) as u64)).unwrap_or_default();
        return list.get(index).cloned().unwrap_or_default();
    }
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return json!(1);
    }
    match word(schema, "type") {
        "object" => object(schema, depth, sparse, chance),
        "array" => {
            let least = whole(schema, "minItems").unwrap_or(0);
            let count = if depth == 0 { least } else { least.max(1) };
            let nothing = Value::Null;
            let items = schema.get("items").unwrap_or(&nothing);
            let below = depth.saturating_sub(1);
            Value::Array(
                (0..count)
                    .map(|_| value(items, below, sparse, chance))
                    .collect(),
            )
        }
        "string" => Value::from(string(schema)),
        "integer" => json!(whole(schema, "minimum").unwrap_or(1).max(1)),
        "number" => json!(1.5),
        "boolean" => json!(true),
        _ => json!({}),
    }
}

fn object(schema: &Value, depth: usize, sparse: u64, chance: &mut Entropy) -> Value {
    let mut fields = Map::new();
    let mut required: Vec<&str> = Vec::new();
    let lists = ["anyOf", "oneOf"].iter().filter_map(|key| {
        let first = schema.get(key)?.as_array()?.first()?;
        first.get("required")?.as_array()
    });
    let own = schema.get("required").and_then(Value::as_array);
    for list in own.into_iter().chain(lists) {
        required.extend(list.iter().filter_map(Value::as_str));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        let optional = depth > 0 && sparse > 0 && once_in(chance, sparse);
        if required.contains(&key.as_str()) || optional {
            let below = depth.saturating_sub(1);
            fields.insert(key.clone(), value(property, below, sparse, chance));
        }
    }
    let additional = schema
        .get("additionalProperties")
        .filter(|found| found.is_object());
    let least = whole(schema, "minProperties").unwrap_or(0);
    if let Some(additional) = additional.filter(|_| depth > 0 || least > 0) {
        let below = depth.saturating_sub(1);
        fields.insert("key".to_owned(), value(additional, below, sparse, chance));
    }
    Value::Object(fields)
}

fn string(schema: &Value) -> String {
    let pattern = Some(word(schema, "pattern")).filter(|pattern| !pattern.is_empty());
    let pattern = pattern.map(Regex::new);
    let fits = |text: &str| {
        let matches = match &pattern {
            Some(pattern) => pattern.as_ref().is_ok_and(|pattern| pattern.is_match(text)),
            None => true,
        };
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        matches
            && whole(schema, "minLength").is_none_or(|least| length >= least)
            && whole(schema, "maxLength").is_none_or(|most| length <= most)
    };
    match word(schema, "format") {
        "date-time" => return "2024-01-01T00:00:00Z".to_owned(),
        "date" => return "2024-01-01".to_owned(),
        "duration" => return "1h".to_owned(),
        "byte" => return "aGk=".to_owned(),
        "ipv4" => return "10.0.0.1".to_owned(),
        "uri" => return "http://a.b".to_owned(),
        _ => {}
    }
    let found = TEXTS.iter().find(|text| fits(text));
    found.map_or_else(
        || "a".repeat(usize::try_from(whole(schema, "minLength").unwrap_or(1)).unwrap_or(1)),
        |text| (*text).to_owned(),
    )
}

/// Every value with a schema in an object.
fn collect<'a>(
    schema: &'a Value,
    value: &Value,
    place: &mut Vec<String>,
    places: &mut Vec<(Vec<String>, &'a Value)>,
) {
    if !place.is_empty() {
        places.push((place.clone(), schema));
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let known = schema
                    .get("properties")
                    .and_then(|properties| properties.get(key));
                let below = known.or_else(|| {
                    schema
                        .get("additionalProperties")
                        .filter(|found| found.is_object())
                });
                if let Some(below) = below {
                    place.push(key.clone());
                    collect(below, value, place, places);
                    place.pop();
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                for (index, value) in list.iter().enumerate() {
                    place.push(index.to_string());
                    collect(items, value, place, places);
                    place.pop();
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn at<'a>(object: &'a mut Value, place: &[String]) -> Option<&'a mut Value> {
    let mut current = object;
    for step in place {
        current = match current {
            Value::Object(map) => map.get_mut(step)?,
            Value::Array(list) => list.get_mut(step.parse::<usize>().ok()?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(current)
}

/// Does one thing to a value; what it was.
fn spoil(
    object: &mut Value,
    place: &[String],
    schema: &Value,
    chance: &mut Entropy,
) -> Option<&'static str> {
    let kind = word(schema, "type");
    let mut flaws: Vec<(&'static str, Value)> = vec![("null", Value::Null)];
    for (other, value) in [
        ("string", json!("text")),
        ("integer", json!(7)),
        ("number", json!(7.5)),
        ("boolean", json!(false)),
        ("object", json!({"a": 1})),
        ("array", json!(["a"])),
    ] {
        if other != kind {
            flaws.push(("wrong type", value));
        }
    }
    if schema.get("enum").is_some() {
        flaws.push(("out of enum", json!("no-such-value")));
    }
    match kind {
        "string" => {
            flaws.push(("empty text", json!("")));
            flaws.push(("odd text", json!("?! ü")));
            if let Some(most) = whole(schema, "maxLength").filter(|most| *most < 5000) {
                let length = usize::try_from(most + 1).unwrap_or(1);
                flaws.push(("too long", json!("a".repeat(length))));
            }
        }
        "integer" | "number" => {
            for (key, by) in [("minimum", -1), ("maximum", 1)] {
                if let Some(bound) = whole(schema, key) {
                    flaws.push(("out of range", json!(bound + by)));
                }
            }
            flaws.push(("large", json!(3_000_000_000_i64)));
            flaws.push(("negative", json!(-5)));
        }
        "object" => {
            let required = schema.get("required").and_then(Value::as_array);
            let first = required.and_then(|list| list.first()?.as_str());
            let mut without = at(object, place)?.clone();
            if let (Some(key), Some(map)) = (first, without.as_object_mut()) {
                map.remove(key);
                flaws.push(("without a required field", without));
            }
            let mut unknown = at(object, place)?.clone();
            if let Some(map) = unknown.as_object_mut() {
                map.insert("noSuchField".to_owned(), json!({"a": 1}));
                flaws.push(("unknown field", unknown));
            }
            flaws.push(("empty object", json!({})));
        }
        "array" => {
            let list = at(object, place)?.as_array().cloned().unwrap_or_default();
            let twice: Vec<Value> = list.iter().chain(&list).cloned().collect();
            flaws.push(("everything twice", Value::Array(twice)));
            flaws.push(("empty list", json!([])));
            flaws.push(("null element", json!([null])));
            if let Some(most) = whole(schema, "maxItems").filter(|most| *most < 200) {
                let item = list.first().cloned().unwrap_or_default();
                let count = usize::try_from(most + 1).unwrap_or(1);
                flaws.push(("too many", Value::Array(vec![item; count])));
            }
        }
        _ => {}
    }
    let index = usize::try_from(chance.below(flaws.len() as u64)).unwrap_or_default();
    let (title, value) = flaws.into_iter().nth(index)?;
    *at(object, place)? = value;
    Some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_objects_and_another_one_others() {
        let spec = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "pattern": "^v[0-9]$"}, "b": {"type": "integer", "minimum": 2},
            "c": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}}}});
        let schema = json!({"type": "object", "properties": {"spec": spec}, "required": ["spec"]});
        let definition = json!({"spec": {"group": "g.example.com", "names": {"kind": "K"}, "versions": [
            {"name": "v1", "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
        let first = samples(&definition, 7, 20);
        assert_eq!(first, samples(&definition, 7, 20));
        assert_ne!(first, samples(&definition, 8, 20));
        let minimal = first.first().map(|sample| &sample.object);
        let wanted = json!({"apiVersion": "g.example.com/v1", "kind": "K", "metadata": {"name": "sample"},
            "spec": {"a": "v1"}});
        assert_eq!(minimal, Some(&wanted));
        assert!(
            first
                .iter()
                .any(|sample| sample.title.starts_with("wrong type"))
        );
    }
}
