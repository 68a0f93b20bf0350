//! Reviews and what is said to them.

use base64::Engine as _;
use serde_json::{Value, json};

use super::*;

fn ask(path: &str, review: &Value) -> Value {
    let answer = Admission::default().answer(
        path,
        Some("application/json"),
        review.to_string().as_bytes(),
    );
    let answer = answer.unwrap();
    assert_eq!(
        (answer.status, answer.content_type),
        (200, "application/json")
    );
    serde_json::from_slice(&answer.body).unwrap()
}

fn review(version: &str, (resource, of): (&str, &str), object: &Value) -> Value {
    json!({"apiVersion": format!("admission.k8s.io/{version}"), "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "object": object,
        "resource": {"group": "monitoring.coreos.com", "version": of, "resource": resource},
    }})
}

fn rules(spec: &Value) -> Value {
    review(
        "v1",
        ("prometheusrules", "v1"),
        &json!({"metadata": {"name": "r"}, "spec": spec}),
    )
}

fn patch(answer: &Value) -> Value {
    assert_eq!(answer["response"]["patchType"], "JSONPatch");
    let patch = answer["response"]["patch"].as_str().unwrap();
    serde_json::from_slice(
        &base64::engine::general_purpose::STANDARD
            .decode(patch)
            .unwrap(),
    )
    .unwrap()
}

#[test]
fn good_rules_are_admitted_in_both_versions_of_reviews() {
    for version in ["v1", "v1beta1"] {
        let spec = json!({"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "up == 0", "for": ""}]}]});
        let review = review(version, ("prometheusrules", "v1"), &json!({"spec": spec}));
        let expected = json!({
            "apiVersion": format!("admission.k8s.io/{version}"), "kind": "AdmissionReview",
            "response": {"uid": "u", "allowed": true},
        });
        assert_eq!(ask(RULES_VALIDATE, &review), expected);
    }
}

#[test]
fn a_rule_that_prometheus_would_refuse_is_refused_with_each_cause() {
    let spec = json!({"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "sum("}, {"record": "b:", "expr": "up", "labels": {"ü": ""}}]}]});
    let expected = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": {"uid": "u", "allowed": false, "status": {
            "metadata": {}, "status": "Failure", "message": "Rules are not valid", "reason": "Invalid", "code": 422,
            "details": {"name": "prometheusrules", "causes": [
                {"message": "group \"g\", rule 1, \"a\": could not parse expression: 1:5: parse error: unexpected end of input"},
                {"message": "group \"g\", rule 2, \"b:\": invalid label name: ü"},
            ]},
        }},
    });
    assert_eq!(ask(RULES_VALIDATE, &rules(&spec)), expected);
}

#[test]
fn names_and_expressions_are_those_of_the_chosen_language() {
    let spec = json!({"groups": [{"name": "g", "rules": [{"record": "a.b", "expr": "sort_by_label(up, \"ü\")"}]}]});
    let body = rules(&spec).to_string();
    let allowed = |language: Language| {
        let answer = Admission { language }.answer(
            RULES_VALIDATE,
            Some("application/json"),
            body.as_bytes(),
        );
        let answer: Value = serde_json::from_slice(&answer.unwrap().body).unwrap();
        answer["response"]["allowed"].as_bool().unwrap()
    };
    let mut language = Language::default();
    assert!(!allowed(language));
    language.any_names = true;
    assert!(!allowed(language));
    language.options.experimental_functions = true;
    assert!(allowed(language));
}

#[test]
fn what_is_no_text_becomes_one_and_paths_are_escaped() {
    let object = json!({"metadata": {"name": "r", "annotations": {"a": "b"}}, "spec": {"groups": [
        {"name": "g", "rules": []},
        {"name": "h", "labels": {"group": 1}, "rules": [
            {"record": "r"},
            {"annotations": {"text": "x", "none": null, "list": ["a \"b\""]}, "labels": {"a/b~c": 1.5, "big": 1_000_000, "yes": true}},
        ]},
    ]}});
    let answer = ask(
        RULES_MUTATE,
        &review("v1", ("prometheusrules", "v1"), &object),
    );
    let expected = json!([
        {"op": "replace", "path": "/spec/groups/1/rules/1/annotations/list", "value": "[\"a \\\"b\\\"\"]"},
        {"op": "replace", "path": "/spec/groups/1/rules/1/labels/a~1b~0c", "value": "1.5"},
        {"op": "replace", "path": "/spec/groups/1/rules/1/labels/big", "value": "1000000"},
        {"op": "replace", "path": "/spec/groups/1/rules/1/labels/yes", "value": "true"},
        {"op": "add", "path": "/metadata/annotations/prometheus-operator-validated", "value": "true"},
    ]);
    assert_eq!(patch(&answer), expected);
    let operations = patch(&answer);
    let mended =
        machinery::patch::json::apply_operations(&object, operations.as_array().unwrap()).unwrap();
    assert_eq!(
        mended["spec"]["groups"][1]["rules"][1]["labels"]["a/b~c"],
        "1.5"
    );
}

#[test]
fn the_first_annotation_brings_their_map() {
    for metadata in [
        json!({}),
        json!({"annotations": {}}),
        json!({"annotations": null}),
    ] {
        let object = json!({"metadata": metadata, "spec": {}});
        let answer = ask(
            RULES_MUTATE,
            &review("v1", ("prometheusrules", "v1"), &object),
        );
        let expected = json!([{"op": "add", "path": "/metadata/annotations", "value": {"prometheus-operator-validated": "true"}}]);
        assert_eq!(patch(&answer), expected);
    }
}

#[test]
fn an_alertmanager_config_is_checked_in_the_words_of_its_version() {
    let spec = |intervals: &str| {
        json!({"route": {"receiver": "r"}, "receivers": [{"name": "r"}],
        intervals: [{"name": "n", "timeIntervals": [{"weekdays": ["Xaturday"]}]}]})
    };
    let asked = |version: &str, spec: Value| {
        let review = review(
            "v1",
            ("alertmanagerconfigs", version),
            &json!({"spec": spec}),
        );
        ask(CONFIGS_VALIDATE, &review)["response"]["status"].clone()
    };
    for (version, field, kind) in [
        ("v1alpha1", "muteTimeIntervals", "mute time interval"),
        ("v1beta1", "timeIntervals", "time interval"),
    ] {
        let status = asked(version, spec(field));
        assert_eq!(status["message"], "AlertmanagerConfig is invalid");
        assert_eq!(status["details"]["name"], "alertmanagerconfigs");
        let cause = status["details"]["causes"][0]["message"].as_str().unwrap();
        assert!(
            cause.starts_with(&format!("{kind}[0] is invalid: weekday range at 0")),
            "{cause}"
        );
        let good = json!({"route": {"receiver": "r"}, "receivers": [{"name": "r"}]});
        assert_eq!(asked(version, good), Value::Null);
    }
}

#[test]
fn what_was_not_asked_for_is_refused_by_name() {
    let wrong = |path: &str, resource: (&str, &str), object: Value| {
        let answer = ask(path, &review("v1", resource, &object));
        assert_eq!(answer["response"]["allowed"], false);
        answer["response"]["status"].clone()
    };
    let status = wrong(RULES_VALIDATE, ("prometheuses", "v1"), json!({}));
    assert_eq!(status["message"], "Unexpected resource kind");
    let cause = "expected resource to be prometheusrules, but received {monitoring.coreos.com v1 prometheuses}";
    assert_eq!(status["details"]["causes"], json!([{"message": cause}]));
    for (path, resource, object, message) in [
        (
            RULES_MUTATE,
            ("prometheusrules", "v2"),
            json!({}),
            "Unexpected resource kind",
        ),
        (
            RULES_VALIDATE,
            ("prometheusrules", "v1"),
            json!(null),
            "Cannot unmarshal rules from spec",
        ),
        (
            RULES_VALIDATE,
            ("prometheusrules", "v1"),
            json!({"spec": 1}),
            "Cannot unmarshal rules from spec",
        ),
        (
            RULES_MUTATE,
            ("prometheusrules", "v1"),
            json!(null),
            "Cannot unmarshal admission request",
        ),
        (
            RULES_MUTATE,
            ("prometheusrules", "v1"),
            json!({"metadata": {"annotations": {"a": 1}}}),
            "Cannot unmarshal admission request",
        ),
        (
            RULES_MUTATE,
            ("prometheusrules", "v1"),
            json!({"spec": {"groups": {}}}),
            "Cannot unmarshal rules from spec",
        ),
        (
            RULES_MUTATE,
            ("prometheusrules", "v1"),
            json!({"spec": {"groups": [{"rules": [{"labels": []}]}]}}),
            "Cannot unmarshal rules from spec",
        ),
        (
            CONFIGS_VALIDATE,
            ("prometheusrules", "v1"),
            json!({}),
            "Unexpected resource kind",
        ),
        (
            CONFIGS_VALIDATE,
            ("alertmanagerconfigs", "v1"),
            json!({}),
            "Unexpected resource version",
        ),
        (
            CONFIGS_VALIDATE,
            ("alertmanagerconfigs", "v1alpha1"),
            json!({"spec": {"receivers": 1}}),
            "Cannot unmarhsal config from spec",
        ),
    ] {
        assert_eq!(
            wrong(path, resource, object.clone())["message"],
            message,
            "{path} {object}"
        );
    }
    let spec = json!({"groups": [{"name": "g", "rules": [{"record": "r", "expr": "up", "labels": {"a": true}}]}]});
    let answer = ask(RULES_VALIDATE, &rules(&spec));
    let cause = "json: cannot unmarshal bool into Go struct field PrometheusRule.spec.groups.0.rules.0.labels.a of type string";
    assert_eq!(
        answer["response"]["status"]["details"]["causes"],
        json!([{"message": cause}])
    );
}

#[test]
fn requests_that_are_no_reviews_get_an_answer_too() {
    let answer = |content_type: Option<&str>, body: &str| {
        let answer = Admission::default()
            .answer(RULES_VALIDATE, content_type, body.as_bytes())
            .unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let json_type = Some("application/json");
    assert_eq!(
        answer(json_type, ""),
        (400, "request has no body\n".to_owned())
    );
    for odd in [
        None,
        Some("application/yaml"),
        Some("application/json; charset=utf-8"),
    ] {
        assert_eq!(
            answer(odd, "{}"),
            (
                415,
                "invalid Content-Type, want `application/json`\n".to_owned()
            )
        );
    }
    for body in ["{", "1", "{}", "{\"request\": {\"uid\": 1}}"] {
        let (status, text) = answer(json_type, body);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status, 200);
        assert_eq!(
            value["response"]["status"]["message"], "Unable to deserialize request",
            "{body}"
        );
        assert_eq!(value["response"]["uid"], "");
    }
    assert_eq!(
        Admission::default().answer("/other", json_type, b"{}"),
        None
    );
}

#[test]
fn conversions_keep_the_order_of_objects_and_name_what_cannot_be() {
    let object = |version: &str, kind: &str| json!({"apiVersion": format!("monitoring.coreos.com/{version}"), "kind": kind, "metadata": {"name": version}});
    let asked = |objects: Value| {
        let review = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "request": {
            "uid": "u", "desiredAPIVersion": "monitoring.coreos.com/v1beta1", "objects": objects}});
        let mut answer = ask(CONVERT, &review);
        answer["response"].take()
    };
    let expected = json!({
        "uid": "u", "result": {"metadata": {}, "status": "Success"},
        "convertedObjects": [{"apiVersion": "monitoring.coreos.com/v1beta1", "kind": "AlertmanagerConfig", "metadata": {"name": "v1alpha1"}}],
    });
    assert_eq!(
        asked(json!([object("v1alpha1", "AlertmanagerConfig")])),
        expected
    );
    for (odd, message) in [
        (
            object("v1beta1", "AlertmanagerConfig"),
            "conversion is not allowed between same type *v1beta1.AlertmanagerConfig",
        ),
        (
            object("v1", "AlertmanagerConfig"),
            "no kind \"AlertmanagerConfig\" is registered for version \"monitoring.coreos.com/v1\"",
        ),
        (
            object("v1", "Prometheus"),
            "kind \"Prometheus\" can't be converted, only AlertmanagerConfig can",
        ),
    ] {
        let response = asked(json!([object("v1alpha1", "AlertmanagerConfig"), odd]));
        assert_eq!(
            response["result"],
            json!({"metadata": {}, "status": "Failure", "message": message})
        );
        assert_eq!(response["convertedObjects"], json!([]));
    }
    for body in ["", "[", "{}", "{\"request\": null}"] {
        let answer = Admission::default()
            .answer(CONVERT, None, body.as_bytes())
            .unwrap();
        assert_eq!((answer.status, answer.body), (400, Vec::new()));
    }
}

#[test]
fn any_kind_of_review_is_read_as_upstreams_decoder_does() {
    // Its scheme knows no reviews, so that it reads one from whatever it is given.
    let spec = json!({"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "sum("}]}]});
    for (spec, allowed) in [(json!({"groups": []}), true), (spec, false)] {
        let mut review = rules(&spec);
        review["apiVersion"] = json!("v1");
        review["kind"] = json!("Pod");
        let answer = ask(RULES_VALIDATE, &review);
        assert_eq!(answer["response"]["allowed"], allowed);
        assert_eq!(
            (&answer["apiVersion"], &answer["kind"]),
            (&json!("v1"), &json!("Pod"))
        );
    }
}
