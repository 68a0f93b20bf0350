//! Changes of the schema between atomic and granular, and of the version.

use super::*;

/// Two versions that name one field differently.
struct Renamed {
    old: Value,
    new: Value,
}

const OLD: &str = "example.com/v1alpha1";

impl Renamed {
    fn new() -> Self {
        let schema = |field: &str| {
            json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
                field: {"type": "string"}, "count": {"type": "integer"}}}}})
        };
        Self {
            old: schema("was"),
            new: schema("is"),
        }
    }
}

impl Versions for Renamed {
    fn type_in(&self, api_version: &str) -> Option<Type<'_>> {
        match api_version {
            OLD => Some(Type::custom(&self.old, false)),
            VERSION => Some(Type::custom(&self.new, false)),
            _ => None,
        }
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, Unconverted> {
        let (from, to) = match api_version {
            OLD => ("is", "was"),
            VERSION => ("was", "is"),
            _ => return Err(Unconverted::Missing),
        };
        let mut object = object.clone();
        object["apiVersion"] = json!(api_version);
        let spec = object["spec"].as_object_mut();
        if let Some(spec) = spec
            && let Some(value) = spec.remove(from)
        {
            spec.insert(to.to_owned(), value);
        }
        Ok(object)
    }

    fn reset_fields(&self, _: &str) -> Option<&FieldSet> {
        None
    }
}

fn in_version<'a>(versions: &'a Renamed, version: &'a str, manager: &'a str) -> Write<'a> {
    Write {
        api_version: version,
        ..write(versions, manager)
    }
}

fn config(version: &str, spec: &Value) -> Value {
    let mut config = thing(spec);
    config["apiVersion"] = json!(version);
    config
}

#[test]
fn fields_are_the_same_in_every_version() {
    let versions = Renamed::new();
    let old = in_version(&versions, OLD, "old");
    let live = apply(
        &old,
        None,
        &config(OLD, &json!({"was": "a", "count": 1})),
        false,
    )
    .unwrap();
    let live = versions.convert(&live.object, VERSION).unwrap();
    let new = in_version(&versions, VERSION, "new");
    let refused = apply(
        &new,
        Some(&live),
        &config(VERSION, &json!({"is": "b"})),
        false,
    );
    assert_eq!(
        refused.unwrap_err().to_string(),
        "Apply failed with 1 conflict: conflict with \"old\": .spec.was"
    );
    // The same manager applies in another version: what it leaves out goes, by its old name.
    let moved = in_version(&versions, VERSION, "old");
    let live = apply(
        &moved,
        Some(&live),
        &config(VERSION, &json!({"count": 1})),
        false,
    )
    .unwrap();
    assert_eq!(live.object["spec"], json!({"count": 1}));
    assert_eq!(owners(&live.object), ["old/Apply: .spec.count"]);
}

#[test]
fn an_object_that_does_not_fit_another_version_is_nobodys_and_takes_no_configuration() {
    let versions = Renamed::new();
    let old = in_version(&versions, OLD, "old");
    let live = apply(&old, None, &config(OLD, &json!({"was": "a"})), false).unwrap();
    let mut live = versions.convert(&live.object, VERSION).unwrap();
    let schema = versions.old.clone();
    let versions = Renamed {
        new: json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        old: schema,
    };
    // The old version doesn't know that field.
    live["spec"]["more"] = json!(1);
    let new = in_version(&versions, VERSION, "new");
    let refused = apply(&new, Some(&live), &config(VERSION, &json!({"x": 1})), true);
    assert_eq!(
        refused.unwrap_err().to_string(),
        ".spec.more: field not declared in schema"
    );
    let mut written = live.clone();
    written["spec"]["more"] = json!(2);
    update(&new, Some(&live), &mut written);
    assert_eq!(owners(&written), Vec::<String>::new());
}

#[test]
fn entries_of_versions_that_are_gone_go_too() {
    let versions = Renamed::new();
    let new = in_version(&versions, VERSION, "new");
    let mut live = apply(&new, None, &config(VERSION, &json!({"is": "a"})), false)
        .unwrap()
        .object;
    live["metadata"]["managedFields"][0]["apiVersion"] = json!("example.com/v0");
    let out = apply(
        &new,
        Some(&live),
        &config(VERSION, &json!({"is": "b"})),
        false,
    )
    .unwrap();
    assert_eq!(owners(&out.object), ["new/Apply: .spec.is"]);
    assert_eq!(out.object["spec"], json!({"is": "b"}));
}

#[test]
fn what_has_become_atomic_is_owned_whole() {
    let schema = |kind: &str| {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "m": {"type": "object", "x-kubernetes-map-type": kind, "additionalProperties": {"type": "string"}}}}}})
    };
    let (granular, atomic) = (schema("granular"), schema("atomic"));
    let single = |schema| SingleVersion {
        api_version: VERSION.to_owned(),
        ty: Type::custom(schema, false),
        reset: FieldSet::new(),
    };
    let before = single(&granular);
    let after = single(&atomic);
    let spec = json!({"m": {"a": "1"}});
    let live = apply(&write(&before, "one"), None, &thing(&spec), false)
        .unwrap()
        .object;
    assert_eq!(owners(&live), ["one/Apply: .spec.m.a"]);
    let live = apply(&write(&after, "two"), Some(&live), &thing(&spec), false)
        .unwrap()
        .object;
    let mut owners = owners(&live);
    owners.sort();
    assert_eq!(owners, ["one/Apply: .spec.m", "two/Apply: .spec.m"]);
}

#[test]
fn a_resource_without_a_schema_is_deduced() {
    let versions = SingleVersion {
        api_version: VERSION.to_owned(),
        ty: Type::deduced(),
        reset: FieldSet::new(),
    };
    let spec = json!({"a": {"b": [1]}, "c": 1});
    let live = apply(&write(&versions, "m"), None, &thing(&spec), false)
        .unwrap()
        .object;
    assert_eq!(owners(&live), ["m/Apply: .spec .spec.a .spec.c .spec.a.b"]);
}
