use machinery::builtin::validation::FieldError;
use machinery::time;
use serde_json::{Value, json};

use super::*;

fn definition(schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "errs.err.example.com"},
        "spec": {
            "group": "err.example.com", "scope": "Namespaced", "names": {"plural": "errs", "kind": "Err"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}},
            }],
        },
    })
}

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["req"], "properties": {
            "req": {"type": "string"}, "en": {"type": "string", "enum": ["a", "b"]},
            "pat": {"type": "string", "pattern": "^x+$"}, "ml": {"type": "string", "maxLength": 3, "minLength": 2},
            "mi": {"type": "integer", "maximum": 5, "minimum": 1},
            "arr": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "lm": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                   "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": {"type": "string", "maxLength": 1}}}},
            "bool": {"type": "boolean"}, "ios": {"x-kubernetes-int-or-string": true},
            "dt": {"type": "string", "format": "date-time"}, "replicas": {"type": "integer", "default": 1},
        }},
        "status": {"type": "object", "properties": {"x": {"type": "string"}}},
    }})
}

fn established(mut definition: Value) -> Value {
    prepare_definition(&mut definition, None);
    let now = time::parse("2030-01-01T00:00:00Z").unwrap();
    while let Some(next) = advance(&definition, [], now) {
        definition = next;
    }
    definition
}

fn version() -> CustomVersion {
    served_versions(&established(definition(&schema()))).remove(0)
}

fn texts(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn complaints(spec: &Value) -> Vec<String> {
    texts(&version().validate(
        &json!({"apiVersion": "err.example.com/v1", "kind": "Err", "spec": spec}),
        None,
        &mut Vec::new(),
    ))
}

#[test]
#[allow(clippy::too_many_lines, reason = "a list of cases")]
fn invalid_fields_are_explained_in_the_words_of_the_server() {
    let cases = [
        (json!({}), vec!["spec.req: Required value"]),
        (
            json!({"req": 5}),
            vec![
                r#"spec.req: Invalid value: "integer": spec.req in body must be of type string: "integer""#,
            ],
        ),
        (
            json!({"req": "r", "en": "z"}),
            vec![r#"spec.en: Unsupported value: "z": supported values: "a", "b""#],
        ),
        (
            json!({"req": "r", "pat": "q"}),
            vec![r#"spec.pat: Invalid value: "q": spec.pat in body should match '^x+$'"#],
        ),
        (
            json!({"req": "r", "ml": "abcd"}),
            vec!["spec.ml: Too long: may not be more than 3 bytes"],
        ),
        (
            json!({"req": "r", "ml": "a"}),
            vec![r#"spec.ml: Invalid value: "a": spec.ml in body should be at least 2 chars long"#],
        ),
        (
            json!({"req": "r", "mi": 6}),
            vec!["spec.mi: Invalid value: 6: spec.mi in body should be less than or equal to 5"],
        ),
        (
            json!({"req": "r", "mi": 0}),
            vec!["spec.mi: Invalid value: 0: spec.mi in body should be greater than or equal to 1"],
        ),
        (
            json!({"req": "r", "mi": 1.5}),
            vec![
                r#"spec.mi: Invalid value: "number": spec.mi in body must be of type integer: "number""#,
                r#"<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.mi"#,
            ],
        ),
        (
            json!({"req": "r", "arr": ["a", "b", "c"]}),
            vec!["spec.arr: Too many: 3: must have at most 2 items"],
        ),
        (
            json!({"req": "r", "arr": "x"}),
            vec![
                r#"spec.arr: Invalid value: "string": spec.arr in body must be of type array: "string""#,
            ],
        ),
        (
            json!({"req": "r", "set": ["a", "a"]}),
            vec![r#"spec.set[1]: Duplicate value: "a""#],
        ),
        (
            json!({"req": "r", "lm": [{"k": "a"}, {"k": "a"}]}),
            vec![r#"spec.lm[1]: Duplicate value: {"k":"a"}"#],
        ),
        (
            json!({"req": "r", "lm": [{"v": "a"}]}),
            vec!["spec.lm[0].k: Required value"],
        ),
        (
            json!({"req": "r", "ios": true}),
            vec![
                r#"spec.ios: Invalid value: "boolean": spec.ios in body must be of type integer,string: "boolean""#,
            ],
        ),
        (
            json!({"req": "r", "dt": "x"}),
            vec![r#"spec.dt: Invalid value: "x": spec.dt in body must be of type date-time: "x""#],
        ),
        (
            json!({"req": "r", "en": "z", "pat": "q", "mi": 9}),
            vec![
                r#"spec.pat: Invalid value: "q": spec.pat in body should match '^x+$'"#,
                "spec.mi: Invalid value: 9: spec.mi in body should be less than or equal to 5",
                r#"spec.en: Unsupported value: "z": supported values: "a", "b""#,
            ],
        ),
        (
            json!("x"),
            vec![
                r#"spec: Invalid value: "string": spec in body must be of type object: "string""#,
                ".spec.replicas: Invalid value: 0: .spec.replicas accessor error: x is of the type string, expected map[string]interface{}",
            ],
        ),
        (
            json!({"req": "r", "replicas": -1}),
            vec![".spec.replicas: Invalid value: -1: should be a non-negative integer"],
        ),
        (json!({"req": "r", "ios": "10%", "mi": 2.0}), vec![]),
    ];
    for (spec, expected) in cases {
        assert_eq!(complaints(&spec), expected, "{spec}");
    }
}

#[test]
fn versions_with_other_schemas_have_other_selectable_fields() {
    let told = |fields: [&str; 2]| {
        let mut two = definition(&schema());
        let versions = two["spec"]["versions"].as_array_mut().unwrap();
        let mut second = versions[0].clone();
        second["name"] = json!("v2");
        second["storage"] = json!(false);
        second["schema"]["openAPIV3Schema"]["properties"]["more"] = json!({"type": "string"});
        versions.push(second);
        for (version, field) in versions.iter_mut().zip(fields) {
            version["selectableFields"] = json!([{"jsonPath": field}]);
        }
        texts(&validate_definition(&two, None))
            .into_iter()
            .filter(|text| text.contains("selectableFields"))
            .collect::<Vec<_>>()
    };
    let same = r#"spec.selectableFields: Invalid value: "": may only be set when validations.schema is included"#;
    assert_eq!(told([".spec.en", ".spec.en"]), [same]);
    assert_eq!(told([".spec.en", ".spec.req"]), [""; 0]);
}

#[test]
fn a_scale_needs_a_number_and_a_text_where_its_paths_lead() {
    let status = |status: Value| {
        let old = json!({"spec": {"req": "r"}});
        let mut new = old.clone();
        new["status"] = status;
        let errors = version().validate_status(&new, &old, &mut Vec::new());
        let own = texts(&errors).into_iter();
        own.filter(|text| text.starts_with('.')).collect::<Vec<_>>()
    };
    assert_eq!(status(json!({"replicas": 1, "selector": "a=b"})), [""; 0]);
    assert_eq!(status(Value::Null), [""; 0]);
    assert_eq!(
        status(json!(7)),
        [
            ".status.replicas: Invalid value: 0: .status.replicas accessor error: 7 is of the type int64, expected map[string]interface{}",
            r#".status.selector: Invalid value: "": .status.selector accessor error: 7 is of the type int64, expected map[string]interface{}"#,
        ]
    );
    assert_eq!(
        status(json!({"selector": null})),
        [
            r#".status.selector: Invalid value: "": .status.selector accessor error: <nil> is of the type <nil>, expected string"#
        ]
    );
}

#[test]
fn what_was_invalid_before_and_has_not_changed_is_let_through() {
    let version = version();
    let old = json!({"spec": {"req": "r", "pat": "q", "set": ["a", "a"], "lm": [{"k": "a", "v": "long"}, {"k": "b"}]}});
    let mut new = old.clone();
    new["spec"]["bool"] = json!(true);
    new["spec"]["set"] = json!(["b", "b"]);
    new["spec"]["lm"] = json!([{"k": "b", "v": "x"}, {"k": "a", "v": "long"}]);
    assert_eq!(
        texts(&version.validate(&new, Some(&old), &mut Vec::new())),
        Vec::<String>::new()
    );
    new["spec"]["pat"] = json!("z");
    new["spec"]["lm"][0]["v"] = json!("xy");
    assert_eq!(
        texts(&version.validate(&new, Some(&old), &mut Vec::new())),
        [
            r#"spec.pat: Invalid value: "z": spec.pat in body should match '^x+$'"#,
            "spec.lm[0].v: Too long: may not be more than 1 byte",
        ]
    );
}

#[test]
fn a_status_update_names_fields_below_the_status() {
    let errors =
        version().validate_status(&json!({"status": {"x": 5}}), &json!({}), &mut Vec::new());
    assert_eq!(
        texts(&errors),
        [r#"status.x: Invalid value: "integer": x in body must be of type string: "integer""#]
    );
}

#[test]
fn a_definition_is_served_once_its_names_are_accepted_and_it_is_established() {
    let mut fresh = definition(&schema());
    prepare_definition(&mut fresh, None);
    assert_eq!(
        fresh["status"],
        json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": ["v1"]})
    );
    assert_eq!(
        fresh["spec"]["names"],
        json!({"plural": "errs", "singular": "err", "kind": "Err", "listKind": "ErrList"})
    );
    let now = time::parse("2030-01-01T00:00:00Z").unwrap();
    let installing = advance(&fresh, [], now).unwrap();
    let established = advance(&installing, [], now).unwrap();
    assert_eq!(advance(&established, [], now), None);
    let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({"type": kind, "status": status, "lastTransitionTime": "2030-01-01T00:00:00Z", "reason": reason, "message": message});
    let accepted = condition("NamesAccepted", "True", "NoConflicts", "no conflicts found");
    let names = "the initial names have been accepted";
    assert_eq!(
        installing["status"]["conditions"],
        json!([
            accepted,
            condition("Established", "False", "Installing", names)
        ])
    );
    assert_eq!(
        established["status"]["conditions"],
        json!([
            accepted,
            condition("Established", "True", "InitialNamesAccepted", names)
        ])
    );
    assert_eq!(
        (
            served_versions(&installing).len(),
            served_versions(&established).len()
        ),
        (0, 1)
    );
}

#[test]
fn names_taken_in_the_group_are_refused() {
    let taken = established(definition(&schema()));
    let mut second = definition(&schema());
    second["metadata"]["name"] = json!("others.err.example.com");
    second["spec"]["names"] = json!({"plural": "others", "kind": "Err", "listKind": "OtherList"});
    prepare_definition(&mut second, None);
    let now = time::parse("2030-01-01T00:00:00Z").unwrap();
    let refused = advance(&second, [&taken], now).unwrap();
    let conditions = refused["status"]["conditions"].as_array().unwrap();
    assert_eq!(
        (&conditions[0]["reason"], &conditions[0]["message"]),
        (&json!("KindConflict"), &json!(r#""Err" is already in use"#))
    );
    assert_eq!(conditions[1]["reason"], "NotAccepted");
    assert_eq!(advance(&refused, [&taken], now), None);
    assert!(served_versions(&refused).is_empty());
}

fn definition_complaints(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut definition = definition(&schema());
    change(&mut definition);
    prepare_definition(&mut definition, None);
    texts(&validate_definition(&definition, None))
}

#[test]
fn bad_definitions_are_refused_in_the_words_of_the_server() {
    let root = "spec.validation.openAPIV3Schema";
    let schema_case = |schema: Value| {
        definition_complaints(|definition| {
            definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema;
        })
    };
    assert_eq!(definition_complaints(|_| {}), Vec::<String>::new());
    assert_eq!(
        definition_complaints(
            |definition| definition["metadata"]["name"] = json!("wrong.err.example.com")
        ),
        [
            r#"metadata.name: Invalid value: "wrong.err.example.com": must be spec.names.plural+"."+spec.group"#
        ]
    );
    assert_eq!(
        definition_complaints(|definition| definition["spec"]["scope"] = json!("Foo")),
        [r#"spec.scope: Unsupported value: "Foo": supported values: "Cluster", "Namespaced""#]
    );
    assert_eq!(
        definition_complaints(|definition| definition["spec"]["names"]["kind"] = json!("")),
        [
            "spec.names.singular: Required value",
            "spec.names.kind: Required value",
            "spec.names.listKind: Required value"
        ]
    );
    let dump = r#"[{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]"#;
    assert_eq!(
        definition_complaints(
            |definition| definition["spec"]["versions"][0]["storage"] = json!(false)
        ),
        [
            format!(
                "spec.versions: Invalid value: {dump}: must have exactly one version marked as storage version"
            ),
            "status.storedVersions: Invalid value: null: must have at least one stored version"
                .to_owned(),
        ]
    );
    assert_eq!(
        schema_case(json!({"properties": {}})),
        [format!(
            "{root}.type: Required value: must not be empty at the root"
        )]
    );
    assert_eq!(
        schema_case(json!({"type": "object", "properties": {"a": {"properties": {}}}})),
        [format!(
            "{root}.properties[a].type: Required value: must not be empty for specified object fields"
        )]
    );
    assert_eq!(
        schema_case(
            json!({"type": "object", "properties": {"a": {"type": "string", "default": 5}}})
        ),
        [format!(
            r#"{root}.properties[a].default: Invalid value: "integer":  in body must be of type string: "integer""#
        )]
    );
    assert_eq!(
        schema_case(json!({"type": "object", "properties": {
            "a": {"x-kubernetes-int-or-string": true, "default": true}}})),
        Vec::<String>::new()
    );
    assert_eq!(
        schema_case(json!({"type": "object", "properties": {
            "a": {"type": "string", "format": "nobody-knows", "default": 5}}})),
        [format!(
            r#"{root}.properties[a].default: Invalid value: "int64":  in body must be of type nobody-knows: "int64""#
        )]
    );
    assert_eq!(
        schema_case(
            json!({"type": "object", "properties": {"l": {"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}}}})
        ),
        [format!(
            "{root}.properties[l].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"
        )]
    );
    assert_eq!(
        definition_complaints(|definition| {
            definition["spec"]["versions"][0]["additionalPrinterColumns"] =
                json!([{"name": "a", "type": "foo", "jsonPath": "x"}]);
        }),
        [
            r#"spec.additionalPrinterColumns[0].type: Invalid value: "foo": must be one of boolean,date,integer,number,string"#,
            r#"spec.additionalPrinterColumns[0].JSONPath: Invalid value: "x": must be a simple json path starting with ."#,
        ]
    );
}

#[test]
fn a_conversion_webhook_is_checked_where_it_is_declared() {
    let said = |conversion: Value| {
        definition_complaints(|definition| definition["spec"]["conversion"] = conversion.clone())
    };
    let client = "spec.conversion.webhookClientConfig";
    let webhook = |client: Value, versions: Value| json!({"strategy": "Webhook", "webhook": {"clientConfig": client, "conversionReviewVersions": versions}});
    assert!(said(webhook(json!({"url": "https://a/b"}), json!(["v2", "v1"]))).is_empty());
    assert_eq!(
        said(webhook(json!({}), json!(["v1"]))),
        [format!(
            "{client}: Required value: exactly one of url or service is required"
        )]
    );
    assert_eq!(
        said(webhook(
            json!({"url": "http://a/b", "caBundle": "Zm9v"}),
            json!([])
        )),
        [
            format!(
                "{client}.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]"
            ),
            "spec.conversion.conversionReviewVersions: Required value".to_owned(),
        ]
    );
    assert_eq!(
        said(webhook(json!({"url": "https://a/b"}), json!(["v7"]))),
        [
            "spec.conversion.conversionReviewVersions: Invalid value: [\"v7\"]: must include at least one of v1, v1beta1"
        ]
    );
    let mut none = webhook(json!({"url": "https://a/b"}), json!(["v1"]));
    none["strategy"] = json!("None");
    assert_eq!(
        said(none),
        [
            format!("{client}: Forbidden: should not be set when strategy is not set to Webhook"),
            "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook"
                .to_owned(),
        ]
    );
}

#[test]
fn deprecated_versions_warn_and_name_a_newer_one() {
    let mut two = definition(&schema());
    two["spec"]["versions"] = json!([
        {"name": "v1beta1", "served": true, "storage": false, "deprecated": true, "schema": {"openAPIV3Schema": {"type": "object"}}},
        {"name": "v2", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}},
    ]);
    let versions = served_versions(&established(two));
    assert_eq!(
        versions[0].deprecation_warning.as_deref(),
        Some("err.example.com/v1beta1 Err is deprecated; use err.example.com/v2 Err")
    );
    assert_eq!(
        (
            versions[1].deprecation_warning.as_deref(),
            versions[0].storage_version.as_str()
        ),
        (None, "v2")
    );
}

#[test]
fn what_must_not_change_may_be_set_and_kept_but_not_changed() {
    let mut schema = schema();
    schema["properties"]["spec"]["properties"]["lm"]["x-kubernetes-validations"] =
        json!([{"rule": "self == oldSelf", "message": "is immutable"}]);
    let versions = served_versions(&established(definition(&schema)));
    let object = |lm: &Value| json!({"apiVersion": "err.example.com/v1", "kind": "Err", "spec": {"req": "a", "lm": lm}});
    let (one, two) = (object(&json!([{"k": "a"}])), object(&json!([{"k": "b"}])));
    let changed = texts(&versions[0].validate(&two, Some(&one), &mut Vec::new()));
    assert_eq!(changed, [r"spec.lm: Invalid value: is immutable"]);
    let unset = json!({"apiVersion": "err.example.com/v1", "kind": "Err", "spec": {"req": "a"}});
    assert!(
        versions[0]
            .validate(&one, Some(&one), &mut Vec::new())
            .is_empty()
    );
    assert!(
        versions[0]
            .validate(&one, Some(&unset), &mut Vec::new())
            .is_empty()
    );
}
