use serde_json::{Value, json};

use super::rules::Rules;
use super::schema::Schema;

/// Errors, then warnings.
fn check(schema: &Value, new: &Value, old: Option<&Value>) -> Vec<String> {
    let Some(rules) = Rules::compile(schema) else {
        return vec!["no rules".to_owned()];
    };
    let found = rules.check(&Schema::compile(schema), new, old);
    let errors = found.errors.iter().map(ToString::to_string);
    let warnings = found.warnings.iter().map(|text| format!("warning: {text}"));
    errors.chain(warnings).collect()
}

fn with_rule(rule: &Value) -> Value {
    json!({"type": "object", "properties": {"spec": {"type": "object",
        "properties": {"n": {"type": "integer"}, "s": {"type": "string"}},
        "x-kubernetes-validations": [rule]}}})
}

#[test]
fn a_rule_that_does_not_hold_is_told_in_its_own_words() {
    let object = json!({"spec": {"n": 12, "s": "x"}});
    let cases = [
        (
            json!({"rule": "self.n < 10"}),
            "spec: Invalid value: failed rule: self.n < 10",
        ),
        (
            json!({"rule": "self.n < 10", "message": " too large "}),
            "spec: Invalid value: too large",
        ),
        (
            json!({"rule": "self.n < 10", "messageExpression": "'n is ' + string(self.n)", "message": "x"}),
            "spec: Invalid value: n is 12",
        ),
        (
            json!({"rule": "self.n < 10", "messageExpression": "'' + string([1][self.n])", "message": "x"}),
            "spec: Invalid value: x",
        ),
        (
            json!({"rule": "self.n < 10", "fieldPath": ".n", "reason": "FieldValueForbidden"}),
            "spec.n: Forbidden: failed rule: self.n < 10",
        ),
        (
            json!({"rule": "self.n < 10", "reason": "FieldValueRequired", "message": "m"}),
            "spec: Required value: m",
        ),
        (
            json!({"rule": "[1][self.n] == 1"}),
            r#"spec: Invalid value: "object": index out of bounds: 12 evaluating rule: [1][self.n] == 1"#,
        ),
    ];
    for (rule, wanted) in cases {
        assert_eq!(check(&with_rule(&rule), &object, None), [wanted], "{rule}");
    }
    let leaf = json!({"type": "object", "properties": {"n": {"type": "integer",
        "x-kubernetes-validations": [{"rule": "self < 10"}]}}});
    let found = check(&leaf, &json!({"n": 12}), None);
    assert_eq!(found, ["n: Invalid value: 12: failed rule: self < 10"]);
}

#[test]
fn rules_on_changes_see_the_old_value_where_it_can_be_found() {
    let immutable = json!([{"rule": "self == oldSelf", "message": "fixed"}]);
    let schema = json!({"type": "object", "properties": {
        "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": {"type": "string"},
                "v": {"type": "integer", "x-kubernetes-validations": immutable}}}},
        "any": {"type": "object", "additionalProperties":
            {"type": "integer", "x-kubernetes-validations": immutable}}}});
    let old = json!({"map": [{"k": "a", "v": 1}, {"k": "b", "v": 2}], "any": {"x": 1}});
    let new = json!({"map": [{"k": "b", "v": 3}, {"k": "c", "v": 9}], "any": {"x": 2, "y": 5}});
    assert_eq!(
        check(&schema, &new, Some(&old)),
        [
            "any[x]: Invalid value: 2: fixed",
            "map[0].v: Invalid value: 3: fixed"
        ]
    );
    assert!(check(&schema, &new, None).is_empty());
    let optional =
        with_rule(&json!({"rule": "oldSelf.hasValue() || self.n == 1", "optionalOldSelf": true}));
    assert_eq!(check(&optional, &json!({"spec": {"n": 2}}), None).len(), 1);
    let old = json!({"spec": {"n": 7}});
    assert!(check(&optional, &json!({"spec": {"n": 2}}), Some(&old)).is_empty());
}

#[test]
fn what_was_wrong_before_is_a_warning() {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "n": {"type": "integer", "x-kubernetes-validations": [{"rule": "self < 10"}]},
        "s": {"type": "string"}}}}});
    let old = json!({"spec": {"n": 12, "s": "a"}});
    let new = json!({"spec": {"n": 12, "s": "b"}});
    assert_eq!(
        check(&schema, &new, Some(&old)),
        ["warning: spec.n: Invalid value: 12: failed rule: self < 10"]
    );
    let worse = json!({"spec": {"n": 13, "s": "b"}});
    assert_eq!(
        check(&schema, &worse, Some(&old)),
        ["spec.n: Invalid value: 13: failed rule: self < 10"]
    );
}

#[test]
fn the_budget_of_an_object_ends_validation() {
    let schema = json!({"type": "object", "properties": {"l": {"type": "array", "items": {"type": "array",
        "items": {"type": "integer"}, "x-kubernetes-validations": [{"rule": "self.all(x, self.all(y, x + y > 0))"}]}}}});
    let list: Vec<i64> = (1..450).collect();
    let object = json!({"l": vec![json!(list); 20]});
    let found = check(&schema, &object, None);
    let end = found.last().map(String::as_str).unwrap_or_default();
    assert!(
        end.ends_with("validation failed due to running out of cost budget, no further validation rules will be run")
            || end.contains("call cost exceeds limit"),
        "{end}"
    );
}

#[test]
fn finalizers_without_a_domain_are_warned_about_when_they_come() {
    let with = |names: &[&str]| json!({"metadata": {"finalizers": names}});
    let new = with(&["a", "b.c", "d.e/f", "orphan"]);
    assert_eq!(
        super::finalizer_warnings(&new, Some(&with(&["x"]))),
        [
            "metadata.finalizers: \"a\": prefer a domain-qualified finalizer name to avoid accidental conflicts with other \
             finalizer writers",
            "metadata.finalizers: \"b.c\": prefer a domain-qualified finalizer name including a path (/) to avoid accidental \
             conflicts with other finalizer writers"
        ]
    );
    assert!(super::finalizer_warnings(&new, Some(&new)).is_empty());
}

#[test]
fn rules_are_refused_for_what_they_may_cost() {
    let rule = |schema: Value, rule: &str| {
        let mut schema = schema;
        schema["x-kubernetes-validations"] = json!([{"rule": rule}]);
        let schema = json!({"type": "object", "properties": {"a": schema}});
        let errors = super::structural::errors(&schema, "s", false, false);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let texts = |most: Option<u64>| {
        let mut schema = json!({"type": "array", "items": {"type": "string", "maxLength": 10}});
        if let Some(most) = most {
            schema["maxItems"] = json!(most);
        }
        schema
    };
    let nested = "self.all(x, self.exists(y, x != y))";
    let found = rule(texts(None), nested);
    let wanted = "s.properties[a].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than \
                  100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are \
                  declared)";
    assert_eq!(found.first().map(String::as_str), Some(wanted));
    assert_eq!(rule(texts(Some(100)), nested), [""; 0]);
    assert_eq!(rule(texts(None), "self.size() < 3"), [""; 0]);
}

/// The fields and beginnings of all errors of a schema whose only property is that one.
fn errors_of(property: &Value) -> Vec<String> {
    let schema = json!({"type": "object", "properties": {"a": property}});
    let errors = super::structural::errors(&schema, "s", false, false);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_default_of_a_whole_resource_says_what_it_is() {
    let schema =
        json!({"type": "object", "default": {"a": 1}, "properties": {"a": {"type": "integer"}}});
    let errors = super::structural::errors(&schema, "s", false, false);
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "s.default.apiVersion: Required value",
            "s.default.kind: Required value"
        ]
    );
}

#[test]
fn defaults_of_a_maps_values_are_not_looked_at() {
    let wrong = json!({"type": "string", "default": 5});
    assert_eq!(errors_of(&wrong).len(), 1);
    let map = json!({"type": "object", "additionalProperties": wrong});
    assert_eq!(errors_of(&map), [""; 0]);
}

#[test]
fn a_rule_that_gives_no_bool_is_not_run_on_a_default() {
    let text =
        json!({"type": "string", "default": "x", "x-kubernetes-validations": [{"rule": "1"}]});
    let told = r#"s.properties[a].default: Invalid value: "string": rule compile error: cel expression must evaluate to a bool"#;
    assert_eq!(errors_of(&text), [told]);
}

#[test]
fn a_default_is_its_own_old_value_and_a_new_one() {
    let of = |rule: &str, optional: Option<bool>| {
        let rule = match optional {
            None => json!({"rule": rule}),
            Some(optional) => json!({"rule": rule, "optionalOldSelf": optional}),
        };
        errors_of(&json!({"type": "integer", "default": 1, "x-kubernetes-validations": [rule]}))
    };
    let failed = |rule: &str| {
        vec![format!(
            "s.properties[a].default: Invalid value: 1: failed rule: {rule}"
        )]
    };
    for (rule, optional, fails) in [
        ("self == oldSelf", None, false),
        ("self > oldSelf", None, true),
        ("self < 1", None, true),
        ("oldSelf.hasValue()", Some(true), true),
        ("!oldSelf.hasValue()", Some(true), true),
        ("oldSelf.orValue(1) == self", Some(true), false),
    ] {
        let wanted = if fails { failed(rule) } else { Vec::new() };
        assert_eq!(of(rule, optional), wanted, "{rule}");
    }
}

#[test]
fn rules_that_cannot_be_made_ready_are_refused() {
    let told = |rule: &Value| {
        let text = json!({"type": "string", "maxLength": 9, "x-kubernetes-validations": [rule]});
        let mut told = errors_of(&text);
        for told in &mut told {
            *told = told.split_off(told.find("instantiation").unwrap_or(0));
        }
        told
    };
    let failed = "instantiation failed: error parsing regexp: missing closing ): `(`";
    for rule in [
        json!({"rule": "self.find('(') == ''"}),
        json!({"rule": "self == ''", "messageExpression": "self.find('(')"}),
    ] {
        assert_eq!(told(&rule), [failed], "{rule}");
    }
}

#[test]
fn old_values_are_found_in_maps_of_all_sorts_there_are() {
    let transition = json!([{"rule": "self == oldSelf"}]);
    let of_sort = |sort: &str| {
        let inner =
            json!({"type": "string", "maxLength": 9, "x-kubernetes-validations": transition});
        let map =
            json!({"type": "object", "x-kubernetes-map-type": sort, "properties": {"b": inner}});
        errors_of(&map).len()
    };
    assert_eq!(
        (of_sort("atomic"), of_sort("granular"), of_sort("odd")),
        (0, 0, 2)
    );
}

#[test]
fn what_is_below_a_type_that_is_none_has_no_type_either_where_rules_are_around() {
    let rules = json!([{"rule": "self == 'x'"}]);
    let inner = json!({"type": "string", "x-kubernetes-validations": rules});
    let hiding = json!({"type": "text", "properties": {"b": inner}});
    let mut own_too = hiding.clone();
    own_too["x-kubernetes-validations"] = rules.clone();
    let above =
        json!({"type": "object", "properties": {"c": hiding}, "x-kubernetes-validations": rules});
    let hidden =
        "x-kubernetes-validations: Internal error: internal error: failed to construct type";
    for (schema, own, rule) in [
        (&own_too, "", true),
        (&above, ".properties[c]", true),
        // Nobody asks for the type of what has no rules and none around it.
        (&hiding, "", false),
    ] {
        let found = errors_of(schema);
        let form = format!("s.properties[a]{own}.type: Unsupported value");
        let rule = rule.then(|| format!("s.properties[a]{own}.properties[b].{hidden}"));
        let begins: Vec<String> = [form].into_iter().chain(rule).collect();
        assert_eq!(found.len(), begins.len(), "{found:?}");
        for (found, begin) in found.iter().zip(&begins) {
            assert!(found.starts_with(begin), "{found}");
        }
    }
}

#[test]
fn what_is_below_a_schema_without_a_type_has_none_either_though_both_are_well_formed() {
    let rules = json!([{"rule": "true"}]);
    let inner = json!({"type": "object", "x-kubernetes-validations": rules});
    let found = errors_of(&json!({
        "x-kubernetes-preserve-unknown-fields": true, "properties": {"b": inner}, "x-kubernetes-validations": rules,
    }));
    let of = |place: &str| {
        format!(
            "s.properties[a]{place}.x-kubernetes-validations: Internal error: internal error: failed to construct type information \
             for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations"
        )
    };
    assert_eq!(found, [of(".properties[b]"), of("")]);
}

#[test]
fn a_list_that_complains_about_its_items_does_not_hide_their_rules() {
    let costly =
        json!([{"rule": "self.split(',').all(x, self.split('.').exists(y, x.contains(y)))"}]);
    let items = json!({"type": "string", "x-kubernetes-validations": costly});
    let list = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": items});
    let schema = json!({"type": "object", "properties": {"a": list}});
    let errors = super::structural::errors(&schema, "s", false, false);
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "s.properties[a].items.type",
            "s.properties[a].items.x-kubernetes-validations[0].rule",
            "s.properties[a].items.x-kubernetes-validations[0].rule",
            "s"
        ]
    );
}
