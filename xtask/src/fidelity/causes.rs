//! What is wrong with a custom object comes in no order: the real server finds it by walking through Go's maps of properties
//! (`kube-openapi/pkg/validation/validate/object_validator.go`, `apiextensions-apiserver/pkg/apiserver/schema/cel`), so that two
//! answers to one request differ. It walks through those of the devices of a `ResourceSlice` and of the overhead of a
//! `RuntimeClass` too (`validateMap` of `pkg/apis/resource/validation`, `ValidateResourceRequirements`), and of the properties
//! of a definition's schemas (`ValidateCustomResourceDefinitionOpenAPISchema`). Here it comes in the order of its text; nothing
//! is left out.
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// One cause, as compact or indented JSON.
static CAUSE: LazyLock<Regex> = LazyLock::new(|| {
    let text = r#""((?:[^"\\]|\\.)*)""#;
    let pattern =
        format!(r#"\{{\s*"reason":\s*{text},\s*"message":\s*{text},\s*"field":\s*{text}\s*\}}"#);
    Regex::new(&pattern).unwrap_or_else(|_| unreachable!("a pattern of our own"))
});
/// The group of the object, which isn't Kubernetes' own; the object may have no name.
static GROUP: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#""details":\s*\{\s*(?:"name":\s*"[^"]*",\s*)?"group":\s*"([^"]+)""#;
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("a pattern of our own"))
});

/// What is wrong with the keys of a ConfigMap or a Secret, which Go keeps in a map too (`pkg/apis/core/validation`).
static OF_DATA: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#""field":\s*"(?:data|binaryData)\["#;
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("a pattern of our own"))
});

/// Kinds of Kubernetes' own whose maps are walked through.
static WALKED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#""group":\s*"(resource|node|apiextensions)\.k8s\.io",\s*"kind":\s*"(ResourceSlice|RuntimeClass|CustomResourceDefinition)""#;
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("a pattern of our own"))
});

/// The body of a reply with what is wrong with a custom object, a slice or data, in the order of its text.
pub fn in_order(body: &str) -> String {
    let custom = GROUP
        .captures(body)
        .is_some_and(|found| !found[1].ends_with(".k8s.io") && found[1].contains('.'));
    let in_no_order = custom || WALKED.is_match(body) || OF_DATA.is_match(body);
    if !in_no_order || !body.contains("\"Invalid\"") {
        return body.to_owned();
    }
    let told = |causes: &[(String, String)]| {
        let mut texts: Vec<&str> = Vec::new();
        for (text, _) in causes {
            if !texts.contains(&text.as_str()) {
                texts.push(text);
            }
        }
        format!("[{}]", texts.join(", "))
    };
    let cause = |found: Captures| (format!("{}: {}", &found[3], &found[2]), found[0].to_owned());
    let mut causes: Vec<(String, String)> = CAUSE.captures_iter(body).map(cause).collect();
    let before = told(&causes);
    // A message that says something else than its causes is left alone.
    if causes.len() < 2 || !body.contains(&before) {
        return body.to_owned();
    }
    causes.sort_unstable();
    let body = body.replacen(&before, &told(&causes), 1);
    let mut causes = causes.into_iter().map(|(_, cause)| cause);
    CAUSE
        .replace_all(&body, |_: &Captures| causes.next().unwrap_or_default())
        .into_owned()
}

/// A Warning about a rule that was broken before.
static EXCUSED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern =
        r#"^299 - "[^" ]+: (?:Invalid value|Forbidden|Required value|Duplicate value)(?:: |")"#;
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("a pattern of our own"))
});

/// A Warning of a policy of admission: policies are kept in a map (`policySource` of `apiserver/pkg/admission/plugin/policy`).
const OF_POLICY: &str = "299 - \"Validation failed for ValidatingAdmissionPolicy ";

/// A Warning about a format in a schema, whose properties are in a map (`GetUnrecognizedFormats` of
/// `apiextensions-apiserver/pkg/apis/apiextensions/validation`).
const OF_FORMAT: &str = "299 - \"unrecognized format ";

/// Headers with what the rules of a custom object excuse, found in the same way, and what policies and formats warn of, in the
/// order of its text.
pub fn warnings_in_order(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let excused = |(name, value): &(String, String)| name == "warning" && EXCUSED.is_match(value);
    let begins =
        |(name, value): &(String, String), text| name == "warning" && value.starts_with(text);
    let alike = |one: &_, other: &_| {
        excused(one) && excused(other)
            || [OF_POLICY, OF_FORMAT]
                .iter()
                .any(|text| begins(one, text) && begins(other, text))
    };
    for run in headers.chunk_by_mut(alike) {
        run.sort_unstable();
    }
    headers
}

#[test]
fn warnings_about_rules_come_in_one_order_and_others_as_they_are() {
    let warnings = |texts: [&str; 4]| texts.map(|text| ("warning".to_owned(), text.to_owned()));
    let (a, b) = (
        r#"299 - "spec.a: Invalid value: 1""#,
        r#"299 - "spec.b: Forbidden: no""#,
    );
    let other = r#"299 - "unknown field 'a'""#;
    let sorted = warnings_in_order(warnings([other, b, a, other]).to_vec());
    assert_eq!(sorted, warnings([other, a, b, other]));
    let apart = warnings([b, other, a, other]).to_vec();
    assert_eq!(warnings_in_order(apart.clone()), apart);
    let (p, q) = (format!("{OF_POLICY}'p'\""), format!("{OF_POLICY}'q'\""));
    let judged = warnings_in_order(warnings([&q, &p, b, a]).to_vec());
    assert_eq!(judged, warnings([&p, &q, a, b]));
    let formats = ["one", "two"].map(|format| format!("{OF_FORMAT}{format}\""));
    let [one, two] = &formats;
    let told = warnings_in_order(warnings([two, one, &q, b]).to_vec());
    assert_eq!(told, warnings([one, two, &q, b]));
}

#[test]
fn causes_of_custom_objects_come_in_one_order() {
    let cause = |field: &str| {
        format!(
            r#"{{"reason":"FieldValueInvalid","message":"Invalid value: \"{field}\"","field":"{field}"}}"#
        )
    };
    let body = |group: &str, fields: [&str; 2]| {
        let told = fields.map(|field| format!(r#"{field}: Invalid value: \"{field}\""#));
        format!(
            r#"{{"message":"A \"b\" is invalid: [{}]","reason":"Invalid","details":{{"name":"b","group":"{group}","kind":"A","causes":[{},{}]}}}}"#,
            told.join(", "),
            cause(fields[0]),
            cause(fields[1])
        )
    };
    let sorted = body("x.example.com", ["a", "b"]);
    assert_eq!(in_order(&body("x.example.com", ["b", "a"])), sorted);
    assert_eq!(in_order(&sorted), sorted);
    let nameless = |text: &str| text.replace(r#""name":"b","#, "");
    let unsorted = nameless(&body("x.example.com", ["b", "a"]));
    assert_eq!(in_order(&unsorted), nameless(&sorted));
    let of_kubernetes = body("apiextensions.k8s.io", ["b", "a"]);
    assert_eq!(in_order(&of_kubernetes), of_kubernetes);
    let of_definitions = |text: &str| {
        let kind = |kind: &str| format!(r#","kind":"{kind}","causes""#);
        text.replace(&kind("A"), &kind("CustomResourceDefinition"))
    };
    assert_eq!(
        in_order(&of_definitions(&of_kubernetes)),
        of_definitions(&body("apiextensions.k8s.io", ["a", "b"]))
    );
    assert_ne!(in_order(&body("x.example.com", ["b", "c"])), sorted);
    let data = body("", ["data[a]", "data[b]"]);
    assert_eq!(in_order(&body("", ["data[b]", "data[a]"])), data);
}
