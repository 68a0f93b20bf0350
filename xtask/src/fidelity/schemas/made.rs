//! Definitions of nobody: structural schemas with every kind of constraint, as chance has them. They are small, and unlike
//! upstream's they may be kept.
use serde_json::{Map, Value, json};

use super::super::area::Chance;

/// How deep lists, maps and objects are nested.
const DEPTH: usize = 3;
const PATTERNS: [&str; 5] = ["^[a-z]+$", "^v[0-9]+$", "a", r"^\d{1,3}%?$", "^(x|y)?$"];
const FORMATS: [&str; 14] = [
    "date-time",
    "date",
    "duration",
    "byte",
    "ipv4",
    "ipv6",
    "cidr",
    "uuid",
    "hostname",
    "email",
    "uri",
    "mac",
    "password",
    "unknown",
];

/// A definition whose only version is stored.
pub fn definition(chance: &mut Chance) -> Value {
    let spec = object(chance, DEPTH, true);
    let schema = json!({"type": "object", "required": ["spec"], "properties": {"spec": spec}});
    json!({"spec": {"group": "made.example.com", "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
}

/// Sets a field once in so many times.
fn maybe(
    schema: &mut Value,
    key: &str,
    times: usize,
    chance: &mut Chance,
    value: impl FnOnce(&mut Chance) -> Value,
) {
    if chance.once_in(times) {
        schema[key] = value(chance);
    }
}

/// Any schema; `once` if there is one value of it at most, so that a rule is cheap.
fn schema(chance: &mut Chance, depth: usize, once: bool) -> Value {
    let kinds = if depth == 0 { 6 } else { 12 };
    let mut schema = match chance.below(kinds) {
        0 | 1 => text(chance),
        2 => number("integer", chance),
        3 => number("number", chance),
        4 => json!({"type": "boolean"}),
        5 => return json!({"x-kubernetes-int-or-string": true}),
        6 | 7 => list(chance, depth - 1),
        8 => map(chance, depth - 1),
        _ => object(chance, depth - 1, once),
    };
    maybe(&mut schema, "nullable", 5, chance, |_| json!(true));
    schema
}

fn text(chance: &mut Chance) -> Value {
    let mut schema = json!({"type": "string"});
    match chance.below(6) {
        0 => {
            schema["enum"] = json!(["x", "y", "z"]);
            maybe(&mut schema, "default", 2, chance, |chance| {
                json!(chance.pick(&["x", "z"]))
            });
        }
        1 => schema["format"] = json!(chance.pick(&FORMATS)),
        2 => schema["pattern"] = json!(chance.pick(&PATTERNS)),
        3 => maybe(&mut schema, "default", 2, chance, |_| json!("a default")),
        _ => {
            maybe(&mut schema, "minLength", 2, chance, |chance| {
                json!(chance.below(4))
            });
            maybe(&mut schema, "maxLength", 2, chance, |chance| {
                json!(3 + chance.below(6))
            });
        }
    }
    schema
}

fn number(kind: &str, chance: &mut Chance) -> Value {
    let mut schema = json!({"type": kind});
    if chance.once_in(4) {
        schema["default"] = json!(chance.below(9));
        return schema;
    }
    maybe(&mut schema, "minimum", 2, chance, |chance| {
        json!(chance.below(5))
    });
    maybe(&mut schema, "maximum", 2, chance, |chance| {
        json!(5 + chance.below(20))
    });
    for (bound, exclusive) in [
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ] {
        if schema[bound].is_number() {
            maybe(&mut schema, exclusive, 4, chance, |_| json!(true));
        }
    }
    maybe(&mut schema, "multipleOf", 4, chance, |chance| {
        json!(2 + chance.below(3))
    });
    if kind == "integer" {
        maybe(&mut schema, "format", 3, chance, |chance| {
            json!(chance.pick(&["int32", "int64"]))
        });
    } else {
        maybe(&mut schema, "format", 5, chance, |chance| {
            json!(chance.pick(&["float", "double"]))
        });
    }
    schema
}

fn list(chance: &mut Chance, depth: usize) -> Value {
    let mut items = schema(chance, depth, false);
    let mut list = json!({"type": "array"});
    maybe(&mut list, "minItems", 4, chance, |chance| {
        json!(chance.below(3))
    });
    maybe(&mut list, "maxItems", 2, chance, |chance| {
        json!(2 + chance.below(3))
    });
    let kind = items["type"].as_str().unwrap_or_default().to_owned();
    if kind == "object" && items["properties"].is_object() && chance.once_in(2) {
        items["properties"]["name"] = json!({"type": "string"});
        items["required"] = json!(["name"]);
        if let Some(items) = items.as_object_mut() {
            items.remove("nullable");
        }
        list["x-kubernetes-list-type"] = json!("map");
        list["x-kubernetes-list-map-keys"] = json!(["name"]);
    } else if ["string", "integer"].contains(&kind.as_str()) && chance.once_in(2) {
        if let Some(items) = items.as_object_mut() {
            items.remove("nullable");
        }
        list["x-kubernetes-list-type"] = json!("set");
    }
    list["items"] = items;
    list
}

fn map(chance: &mut Chance, depth: usize) -> Value {
    let mut map = json!({"type": "object", "additionalProperties": schema(chance, depth, false)});
    maybe(&mut map, "minProperties", 4, chance, |chance| {
        json!(chance.below(3))
    });
    maybe(&mut map, "maxProperties", 3, chance, |chance| {
        json!(1 + chance.below(3))
    });
    map
}

fn object(chance: &mut Chance, depth: usize, once: bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for number in 0..=chance.below(5) {
        let name = format!("f{number}");
        properties.insert(name.clone(), schema(chance, depth, once));
        if chance.once_in(4) {
            required.push(name);
        }
    }
    let mut object = json!({"type": "object"});
    if once {
        let rules = rules(&properties, chance);
        if !rules.is_empty() {
            object["x-kubernetes-validations"] = json!(rules);
        }
    }
    if properties.len() > 1 && chance.once_in(5) {
        let key = chance.pick(&["anyOf", "oneOf", "allOf"]);
        object[key] = json!([{"required": ["f0"]}, {"required": ["f1"]}]);
    }
    object["properties"] = Value::Object(properties);
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    maybe(
        &mut object,
        "x-kubernetes-preserve-unknown-fields",
        6,
        chance,
        |_| json!(true),
    );
    object
}

/// Rules about an object's fields.
fn rules(properties: &Map<String, Value>, chance: &mut Chance) -> Vec<Value> {
    let mut rules = Vec::new();
    for (name, schema) in properties {
        if !chance.once_in(3) {
            continue;
        }
        let test = match schema["type"].as_str() {
            Some("integer") => format!("self.{name} < 10"),
            Some("number") => format!("self.{name} != 1.5"),
            Some("boolean") => format!("self.{name}"),
            Some("array") => format!("self.{name}.size() != 1"),
            Some("string") if schema["format"].is_null() => {
                format!("self.{name} in ['x', 'a', '']")
            }
            _ => continue,
        };
        let guarded = format!("!has(self.{name}) || {test}");
        rules.push(match chance.below(5) {
            0 => json!({"rule": guarded, "message": format!("{name} is not liked")}),
            1 => json!({"rule": guarded, "messageExpression": format!("'{name} is ' + 'not liked'")}),
            2 => json!({"rule": guarded, "fieldPath": format!(".{name}"), "reason": "FieldValueForbidden"}),
            3 => json!({"rule": format!("has(self.{name}) == has(oldSelf.{name})")}),
            _ => json!({"rule": guarded}),
        });
    }
    rules
}
