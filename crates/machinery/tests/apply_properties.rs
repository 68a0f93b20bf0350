//! Laws of server-side apply, over generated sets, configurations and objects.

#![cfg(test)]

use std::sync::LazyLock;

use machinery::apply::{
    Applied, ApplyError, FieldSet, Path, PathElement, SingleVersion, Type, Write, apply, managed,
    update,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const VERSION: &str = "example.com/v1";

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "a-text": text, "b-text": text,
        "labels": {"type": "object", "additionalProperties": text},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
        "a-args": {"type": "array", "items": text}, "b-args": {"type": "array", "items": text},
        "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": text, "value": text,
                "inner": {"type": "object", "properties": {"x": text, "y": text}}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }}}})
});

static EMPTY: LazyLock<Value> = LazyLock::new(|| json!({"apiVersion": VERSION, "kind": "Thing"}));

fn versions() -> SingleVersion<'static> {
    SingleVersion {
        api_version: VERSION.to_owned(),
        ty: Type::custom(&SCHEMA, false),
        reset: FieldSet::new(),
    }
}

fn attempt(
    live: Option<&Value>,
    manager: &str,
    config: &Value,
    force: bool,
) -> Result<Applied, ApplyError> {
    let versions = versions();
    let write = write(&versions, manager);
    let mut out = apply(&write, live, config, force)?;
    out.object["metadata"]["uid"] = json!("u");
    Ok(out)
}

fn write<'a>(versions: &'a SingleVersion<'static>, manager: &'a str) -> Write<'a> {
    Write {
        versions,
        api_version: VERSION,
        kind: "Thing",
        empty: &EMPTY,
        manager,
        subresource: "",
        now: "2030-01-01T00:00:00Z",
    }
}

fn thing(spec: &Value) -> Value {
    json!({"apiVersion": VERSION, "kind": "Thing", "metadata": {"name": "t"}, "spec": spec})
}

/// The object without entries, lists of sets and maps in one order.
fn contents(object: &Value) -> Value {
    let mut spec = object["spec"].clone();
    for list in ["set", "items"] {
        if let Some(items) = spec.get_mut(list).and_then(Value::as_array_mut) {
            items.sort_by_key(ToString::to_string);
        }
    }
    spec
}

fn owned_by(object: &Value, manager: &str) -> FieldSet {
    let managers = managed::decode(managed::entries(object)).unwrap();
    managers
        .iter()
        .filter(|(identity, _)| identity.manager == manager)
        .fold(FieldSet::new(), |set, (_, owned)| set.union(&owned.fields))
}

fn element() -> impl Strategy<Value = PathElement> {
    let scalar = prop_oneof![
        any::<i32>().prop_map(|number| json!(number)),
        "[a-c\"<\\\\é]{0,2}".prop_map(|text| json!(text)),
        any::<bool>().prop_map(|flag| json!(flag)),
    ];
    prop_oneof![
        4 => "[a-d./:\"]{0,2}".prop_map(|name| PathElement::field(&name)),
        2 => btree_map("[a-c]", scalar.clone(), 1..3)
            .prop_map(|fields| PathElement::key(fields.into_iter().collect())),
        1 => scalar.prop_map(|value| {
            PathElement::from_key(&format!("v:{value}")).unwrap().unwrap()
        }),
        1 => (-1..4_i64).prop_map(PathElement::Index),
    ]
}

fn field_set() -> impl Strategy<Value = FieldSet> {
    vec(vec(element(), 1..4), 0..12)
        .prop_map(|paths: Vec<Path>| paths.into_iter().collect::<FieldSet>())
}

fn text() -> impl Strategy<Value = String> {
    "[xyz]{1,2}"
}

/// A spec of which nothing but maps and lists is shared with those of another prefix.
fn spec(prefix: &'static str) -> impl Strategy<Value = Map<String, Value>> {
    let item = (
        proptest::option::of(text()),
        proptest::option::of((proptest::option::of(text()), proptest::option::of(text()))),
    );
    let name = move |text: String| format!("{prefix}{text}");
    (
        proptest::option::of(text()),
        proptest::option::of(vec(text(), 0..3)),
        proptest::option::of(btree_map(text().prop_map(name), text(), 0..4)),
        proptest::option::of(btree_set(text().prop_map(name), 0..4)),
        proptest::option::of(btree_map(text().prop_map(name), item, 0..4)),
        proptest::option::of(btree_map(text().prop_map(name), text(), 0..3)),
    )
        .prop_map(move |(text, args, labels, set, items, free)| {
            let items = items.map(|items| {
                items
                    .into_iter()
                    .map(|(name, (value, inner))| {
                        let inner = inner.map(|(x, y)| present([("x", json!(x)), ("y", json!(y))]));
                        present([
                            ("name", json!(name)),
                            ("value", json!(value)),
                            ("inner", json!(inner)),
                        ])
                    })
                    .collect::<Vec<_>>()
            });
            let mut out = present([
                ("labels", json!(labels)),
                ("set", json!(set)),
                ("items", json!(items)),
                ("free", json!(free)),
            ]);
            for (name, value) in [("text", json!(text)), ("args", json!(args))] {
                if !value.is_null() {
                    out.insert(format!("{prefix}-{name}"), value);
                }
            }
            out
        })
}

fn present<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn config(prefix: &'static str) -> impl Strategy<Value = Value> {
    spec(prefix).prop_map(|spec| thing(&Value::Object(spec)))
}

/// A configuration and one that leaves some of it out.
fn config_and_less() -> impl Strategy<Value = (Value, Value)> {
    (spec("a"), any::<u8>()).prop_map(|(spec, mask)| {
        let less: Map<String, Value> = spec
            .iter()
            .enumerate()
            .filter(|(index, _)| mask >> index & 1 == 1)
            .map(|(_, (name, value))| {
                let mut value = value.clone();
                if let Some(items) = value.as_array_mut()
                    && mask & 64 == 64
                {
                    items.pop();
                }
                (name.clone(), value)
            })
            .collect();
        (thing(&Value::Object(spec)), thing(&Value::Object(less)))
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("spec".to_owned()),
        Just("metadata".to_owned()),
        Just("labels".to_owned()),
        Just("items".to_owned()),
        Just("set".to_owned()),
        Just("name".to_owned()),
        Just("free".to_owned()),
        Just("f:a".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(name.clone(), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_come_back_from_fields_v1(set in field_set()) {
        prop_assert_eq!(&FieldSet::from_json(&set.to_json()).unwrap(), &set);
        prop_assert_eq!(&FieldSet::from_value(&set.to_value()).unwrap(), &set);
        let text: Value = serde_json::from_str(&set.to_json()).unwrap();
        prop_assert_eq!(text, set.to_value());
        prop_assert_eq!(set.paths().len(), set.len());
    }

    #[test]
    fn sets_follow_the_laws_of_sets(a in field_set(), b in field_set(), c in field_set()) {
        let empty = FieldSet::new();
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(
            a.intersection(&b.union(&c)),
            a.intersection(&b).union(&a.intersection(&c))
        );
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert_eq!(a.difference(&b).intersection(&b), empty.clone());
        prop_assert_eq!(a.difference(&a), empty.clone());
        prop_assert_eq!(a.union(&empty), a.clone());
        for path in a.union(&b).paths() {
            prop_assert_eq!(
                a.difference(&b).contains(&path),
                a.contains(&path) && !b.contains(&path)
            );
        }
        let deep = a.recursive_difference(&b);
        prop_assert_eq!(deep.difference(&a), empty);
        for path in deep.paths() {
            prop_assert!((1..=path.len()).all(|end| !b.contains(&path[..end])));
        }
    }

    #[test]
    fn applying_again_changes_nothing(one in config("a"), two in config("b")) {
        let live = attempt(None, "one", &one, false).unwrap().object;
        let live = attempt(Some(&live), "two", &two, false).unwrap().object;
        for (manager, config) in [("one", &one), ("two", &two)] {
            let again = attempt(Some(&live), manager, config, false).unwrap();
            prop_assert!(!again.changed);
            prop_assert_eq!(&again.object, &live);
        }
    }

    #[test]
    fn managers_of_different_fields_commute(one in config("a"), two in config("b")) {
        let both = |first: (&str, &Value), second: (&str, &Value)| {
            let live = attempt(None, first.0, first.1, false).unwrap().object;
            attempt(Some(&live), second.0, second.1, false).unwrap().object
        };
        let one_first = both(("one", &one), ("two", &two));
        let two_first = both(("two", &two), ("one", &one));
        prop_assert_eq!(contents(&one_first), contents(&two_first));
        for manager in ["one", "two"] {
            prop_assert_eq!(owned_by(&one_first, manager), owned_by(&two_first, manager));
        }
    }

    #[test]
    fn what_its_only_owner_leaves_out_belongs_to_nobody((more, less) in config_and_less(), other in config("b")) {
        let live = attempt(None, "other", &other, false).unwrap().object;
        let untouched = contents(&attempt(Some(&live), "m", &less, false).unwrap().object);
        let full = attempt(Some(&live), "m", &more, false).unwrap().object;
        let after = attempt(Some(&full), "m", &less, false).unwrap().object;
        let gone = owned_by(&full, "m")
            .difference(&owned_by(&after, "m"))
            .difference(&owned_by(&after, "other"));
        let managers = managed::decode(managed::entries(&after)).unwrap();
        for owned in managers.values() {
            prop_assert!(owned.fields.intersection(&gone).is_empty());
        }
        // Nothing is left of it: the object is as if it had never been applied.
        prop_assert_eq!(present_only(&contents(&after)), present_only(&untouched));
    }

    #[test]
    fn force_always_succeeds_and_then_owns_what_it_applied(one in config("a"), two in config("a")) {
        let live = attempt(None, "one", &one, false).unwrap().object;
        let forced = attempt(Some(&live), "two", &two, true).unwrap().object;
        let alone = attempt(None, "two", &two, false).unwrap().object;
        prop_assert_eq!(owned_by(&forced, "two"), owned_by(&alone, "two"));
        match attempt(Some(&live), "two", &two, false) {
            Ok(applied) => prop_assert_eq!(applied.object, forced),
            Err(ApplyError::Conflicts(conflicts)) => {
                let taken = owned_by(&live, "one").difference(&owned_by(&forced, "one"));
                prop_assert_eq!(conflicts.fields(), taken);
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn an_update_owns_exactly_what_changed(one in config("a"), two in config("a")) {
        let versions = versions();
        let live = attempt(None, "one", &one, false).unwrap().object;
        let mut new = live.clone();
        new["spec"] = two["spec"].clone();
        update(&write(&versions, "two"), Some(&live), &mut new);
        let (before, after) = (owned_by(&live, "one"), owned_by(&new, "one"));
        prop_assert!(after.difference(&before).is_empty());
        let mut unchanged = live.clone();
        update(&write(&versions, "two"), Some(&live), &mut unchanged);
        prop_assert_eq!(unchanged, live);
    }

    #[test]
    fn no_input_is_too_strange(live in any_json(), config in any_json(), entries in any_json()) {
        let versions = versions();
        let write = write(&versions, "m");
        let (mut live, mut config) = (live, thing(&config));
        if live.is_object() {
            live["metadata"] = json!({"uid": "u", "managedFields": entries});
        }
        let _ = apply(&write, Some(&live), &config, true);
        let _ = apply(&write, None, &config, false);
        update(&write, Some(&live), &mut config);
        let _ = FieldSet::from_value(&live);
    }
}

/// A value without nulls and what is empty. Nobody owns an empty list, so it goes with the last element somebody puts in;
/// a map that somebody owns as an empty one becomes null when its last field goes.
fn present_only(value: &Value) -> Value {
    let Value::Object(fields) = value else {
        return value.clone();
    };
    let fields: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| (name.clone(), present_only(value)))
        .filter(|(_, value)| !value.is_null() && *value != json!([]) && *value != json!({}))
        .collect();
    if fields.is_empty() {
        return Value::Null;
    }
    Value::Object(fields)
}
