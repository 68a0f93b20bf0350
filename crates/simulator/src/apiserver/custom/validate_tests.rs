use serde_json::{Value, json};

use super::rules::Rules;
use super::schema::Schema;
use super::validate::validate;

fn errors(schema: &Value, new: &Value, old: Option<&Value>) -> Vec<String> {
    let found = validate(&Schema::compile(schema), "", new, old);
    found.iter().map(ToString::to_string).collect()
}

fn one(schema: &Value, value: &Value) -> Vec<String> {
    let around = json!({"type": "object", "properties": {"a": schema}});
    errors(&around, &json!({"a": value}), None)
}

/// Errors of a label's change in an object.
fn relabelled(schema: &Value, object: &Value) -> Vec<String> {
    let mut new = object.clone();
    new["metadata"]["labels"] = json!({"a": "b"});
    errors(schema, &new, Some(object))
}

#[test]
fn an_error_of_what_changed_is_told_and_one_of_what_did_not_is_not() {
    let spec =
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
    let mut schema = json!({"type": "object", "required": ["spec"], "properties": {"spec": spec}});
    let lacking = json!({"metadata": {"name": "x"}});
    assert_eq!(relabelled(&schema, &lacking), ["spec: Required value"]);
    // The object's own metadata is not in its schema: nobody knows that it is as it was.
    assert_eq!(
        errors(&schema, &lacking, Some(&lacking)),
        ["spec: Required value"]
    );
    let inner = json!({"metadata": {"name": "x"}, "spec": {"b": 1}});
    assert_eq!(relabelled(&schema, &inner), ["spec.a: Required value"]);
    let known = json!({"metadata": {"name": "x"}, "spec": {}});
    assert_eq!(relabelled(&schema, &known), Vec::<String>::new());
    schema["properties"]["spec"]["additionalProperties"] = json!({"type": "string"});
    assert_eq!(relabelled(&schema, &inner), Vec::<String>::new());
}

#[test]
fn elements_of_a_keyed_list_have_counterparts_and_those_of_others_have_not() {
    let items = json!({"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "string", "maxLength": 1}}});
    let mut list = json!({"type": "array", "items": items, "maxItems": 1});
    let around = |list: &Value| json!({"type": "object", "properties": {"l": list}});
    let old = json!({"l": [{"k": "a", "v": "long"}, {"k": "b"}]});
    let new = json!({"l": [{"k": "b"}, {"k": "a", "v": "long"}]});
    assert_eq!(
        errors(&around(&list), &new, Some(&old)),
        [
            "l[1].v: Too long: may not be more than 1 byte",
            "l: Too many: 2: must have at most 1 item"
        ]
    );
    list["x-kubernetes-list-type"] = json!("map");
    list["x-kubernetes-list-map-keys"] = json!(["k"]);
    assert_eq!(
        errors(&around(&list), &new, Some(&old)),
        Vec::<String>::new()
    );
    let keyless = json!({"l": [{"v": "long"}]});
    assert_eq!(
        errors(&around(&list), &keyless, Some(&keyless)),
        ["l[0].v: Too long: may not be more than 1 byte"]
    );
}

#[test]
fn alternatives_are_asked_about_what_did_not_change_too() {
    let schema = json!({"type": "object", "properties": {"s": {"type": "object",
        "properties": {"a": {"type": "string"}, "n": {"type": "integer"}},
        "allOf": [{"properties": {"a": {"maxLength": 1}}}],
        "not": {"properties": {"a": {"pattern": "^x"}}}}}});
    let old = json!({"s": {"a": "xx", "n": 1}});
    let new = json!({"s": {"a": "xx", "n": 2}});
    assert_eq!(
        errors(&schema, &new, Some(&old)),
        [
            "s.a: Too long: may not be more than 1 byte",
            r#"<nil>: Invalid value: "": "s" must validate all the schemas (allOf). None validated"#,
            r#"<nil>: Invalid value: "": "s" must not validate the schema (not)"#,
        ]
    );
}

#[test]
fn of_alternatives_that_fail_the_one_that_was_looked_at_most_is_told() {
    let schema = json!({"anyOf": [{"required": ["x"]},
        {"required": ["y"], "properties": {"a": {"minLength": 1}}}], "type": "object"});
    assert_eq!(
        one(&schema, &json!({"a": "b"})),
        [
            r#"<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)"#,
            "a.y: Required value"
        ]
    );
    assert_eq!(
        one(&schema, &json!({})),
        [
            r#"<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)"#,
            "a.x: Required value"
        ]
    );
}

#[test]
fn an_integer_is_compared_with_what_is_left_of_a_bound_without_its_fraction() {
    let number = |more: &Value, value: Value| {
        let mut schema = json!({"type": "number"});
        for (key, bound) in more.as_object().unwrap() {
            schema[key] = bound.clone();
        }
        one(&schema, &value)
    };
    let none = Vec::<String>::new();
    assert_eq!(number(&json!({"minimum": 1.5}), json!(1)), none);
    assert_eq!(
        number(&json!({"minimum": 1.5}), json!(1.0)),
        ["a: Invalid value: 1: a in body should be greater than or equal to 1.5"]
    );
    assert_eq!(
        number(
            &json!({"maximum": 1e6, "exclusiveMaximum": true}),
            json!(1e7)
        ),
        ["a: Invalid value: 1e+07: a in body should be less than 1e+06"]
    );
    assert_eq!(
        number(&json!({"multipleOf": 0.5}), json!(3)),
        ["a: Invalid value: 0: factor MultipleOf declared for a must be positive: 0"]
    );
    assert_eq!(number(&json!({"multipleOf": 0.1}), json!(0.3)), none);
    assert_eq!(
        one(&json!({"type": "integer", "maximum": 1.5}), &json!(2)),
        [
            r#"<nil>: Invalid value: "": Maximum boundary value must be of type integer (default format) in a"#,
            "a: Invalid value: 2: a in body should be less than or equal to 1.5"
        ]
    );
    assert_eq!(
        number(&json!({"format": "float"}), json!(1e39)),
        [
            r#"<nil>: Invalid value: "": Checked value must be of type number with format float in a"#
        ]
    );
}

#[test]
fn an_enumeration_takes_what_go_converts_to_one_of_its_values() {
    let schema = json!({"x-kubernetes-int-or-string": true, "enum": ["a", 2, null]});
    for value in [json!("a"), json!(97), json!(2.0)] {
        assert_eq!(one(&schema, &value), Vec::<String>::new(), "{value}");
    }
    let nullable = json!({"type": "string", "nullable": true, "enum": ["a", null]});
    assert_eq!(
        one(&nullable, &json!(null)),
        [r#"a: Unsupported value: null: supported values: "a", "null""#]
    );
}

#[test]
fn a_format_that_nobody_checks_is_none() {
    let schema = json!({"type": "string", "format": "nobody-knows"});
    assert_eq!(
        one(&schema, &json!([])),
        [r#"a: Invalid value: "array": a in body must be of type string: "array""#]
    );
}

#[test]
fn rules_inside_alternatives_alone_are_none() {
    let rule = json!([{"rule": "self.a == 1"}]);
    let inner = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "allOf": [{"x-kubernetes-validations": rule}]});
    assert!(Rules::compile(&inner).is_none());
}
