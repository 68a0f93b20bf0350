use super::*;
use serde_json::json;

fn set(value: &Value) -> FieldSet {
    FieldSet::from_value(value).unwrap()
}

#[test]
fn text_keeps_the_order_of_the_server() {
    let text = concat!(
        r#"{"f:spec":{".":{},"f:b":{},"f:ports":{"k:{\"port\":80}":{".":{},"f:port":{}},"#,
        r#""k:{\"port\":443}":{"f:port":{}}},"f:set":{"v:2":{},"v:10":{},"v:\"a\"":{}}}}"#
    );
    let set = FieldSet::from_json(text).unwrap();
    assert_eq!(set.to_json(), text);
    assert_eq!(set.len(), 8);
    assert_eq!(FieldSet::from_value(&set.to_value()), Ok(set));
}

#[test]
fn elements_may_be_written_in_any_order_and_twice() {
    let set = set(
        &json!({"k:{\"p\":9}": {"f:a": {}}, "k:{\"p\":10}": {}, "v:1": {"f:b": {}}, "v:1.0": {"f:c": {}}}),
    );
    let text = r#"{"k:{\"p\":9}":{"f:a":{}},"k:{\"p\":10}":{},"v:1":{"f:c":{}}}"#;
    assert_eq!(set.to_json(), text);
    let mut joined = FieldSet::new();
    for path in set.paths().into_iter().rev() {
        joined.insert(&path);
    }
    assert_eq!(joined, set);
}

#[test]
fn what_is_not_known_is_left_out_with_what_is_below_it() {
    assert_eq!(
        set(&json!({"f:a": {"x:y": {"f:b": {}}}, "x:": {}, ".": {}})).to_json(),
        r#"{"f:a":{}}"#
    );
    assert!(FieldSet::from_json("{").is_err());
    assert!(FieldSet::from_value(&json!({"f:a": 1})).is_err());
    assert!(FieldSet::from_value(&json!({"a": {}})).is_err());
    assert_eq!(FieldSet::from_json("{}"), Ok(FieldSet::new()));
}

#[test]
fn a_member_does_not_stand_for_what_is_below_it() {
    let parent = set(&json!({"f:a": {}}));
    let child = set(&json!({"f:a": {"f:b": {}}}));
    assert_eq!(child.difference(&parent), child);
    assert_eq!(parent.difference(&child), parent);
    assert!(parent.intersection(&child).is_empty());
    assert!(child.recursive_difference(&parent).is_empty());
    assert_eq!(parent.recursive_difference(&child), parent);
    assert_eq!(
        parent.union(&child).to_json(),
        r#"{"f:a":{".":{},"f:b":{}}}"#
    );
}

#[test]
fn what_stays_the_same_is_shared() {
    let all = set(&json!({"f:a": {"f:x": {}, "f:y": {}}, "f:b": {}}));
    let part = set(&json!({"f:a": {"f:x": {}}}));
    let other = set(&json!({"f:a": {"f:z": {}}}));
    let above = set(&json!({"f:a": {}}));
    assert!(part.is_subset(&all) && !all.is_subset(&part));
    assert!(!other.is_subset(&all) && !above.is_subset(&all));
    for union in [part.union(&all), all.union(&part)] {
        assert!(union.is_shared_with(&all));
    }
    assert!(all.difference(&other).is_shared_with(&all));
    assert!(!all.difference(&part).is_shared_with(&all));
    let text = r#"{"f:a":{".":{},"f:x":{},"f:y":{},"f:z":{}},"f:b":{}}"#;
    assert_eq!(all.union(&other).union(&above).to_json(), text);
    assert_eq!(all.to_json(), r#"{"f:a":{"f:x":{},"f:y":{}},"f:b":{}}"#);
}

#[test]
fn paths_come_level_by_level() {
    let set = set(&json!({"f:a": {"f:x": {}}, "f:b": {}, "f:c": {".": {}, "f:y": {}}}));
    assert_eq!(set.to_string(), ".b\n.c\n.a.x\n.c.y");
    assert!(set.contains(&[PathElement::field("a"), PathElement::field("x")]));
    assert!(!set.contains(&[PathElement::field("a")]));
    assert!(!set.contains(&[]));
}
