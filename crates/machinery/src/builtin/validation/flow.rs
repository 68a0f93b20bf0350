//! Validation of flowcontrol.apiserver.k8s.io (`pkg/apis/flowcontrol/validation/validation.go`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::read::{At, Errors, same};
use super::{ErrorKind, FieldError};
use crate::names;

const MOST_QUEUES: i64 = 10_000_000;
const HIGHEST_PRECEDENCE: i64 = 10_000;
/// How many bits a hash has that deals hands of queues.
const HASH_BITS: u32 = 60;
const ZERO_SHARES: &str = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
const EXEMPT: &str = "exempt";
const CATCH_ALL: &str = "catch-all";

const VERBS: [&str; 9] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "proxy",
    "update",
    "watch",
];

/// The rest of an object, new or changed; metadata is already checked.
pub fn object(kind: &str, object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    let name = object.child("metadata").child("name");
    match kind {
        "FlowSchema" => {
            schema(name.text(), &spec, errors);
            mandatory_schema(name.text(), &spec, errors);
        }
        "PriorityLevelConfiguration" => {
            let annotations = object.child("metadata").child("annotations");
            if annotations.key(ZERO_SHARES).is_set() {
                let detail = format!("annotation '{ZERO_SHARES}' is forbidden");
                errors.push(annotations.forbidden(detail));
            }
            level(name.text(), &spec, errors);
            mandatory_level(name.text(), &spec, errors);
        }
        _ => {}
    }
    status(&object.child("status"), errors);
}

/// Conditions have types of their own.
pub fn status(status: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for condition in status.child("conditions").items() {
        let kind = condition.child("type");
        if !seen.insert(kind.text()) {
            errors.push(FieldError::duplicate(kind.path(), kind.text()));
        }
        if kind.is_empty() {
            errors.push(kind.required(""));
        }
    }
}

fn schema(name: &str, spec: &At<'_>, errors: &mut Errors) {
    let precedence = spec.child("matchingPrecedence");
    let value = precedence.int();
    if value <= 0 {
        errors.push(precedence.invalid_as(value, "must be a positive value"));
    }
    if value > HIGHEST_PRECEDENCE {
        let detail = format!("must not be greater than {HIGHEST_PRECEDENCE}");
        errors.push(precedence.invalid_as(value, detail));
    }
    if value == 1 && name != EXEMPT {
        let detail = "only the schema named 'exempt' may have matchingPrecedence 1";
        errors.push(precedence.invalid_as(value, detail));
    }
    let method = spec.child("distinguisherMethod");
    let methods = ["ByNamespace", "ByUser"];
    if method.is_set() && !methods.contains(&method.child("type").text()) {
        errors.push(FieldError::not_supported(
            method.child("type").path(),
            method.dump("flowcontrol.FlowDistinguisherMethod"),
            &methods,
        ));
    }
    let level = spec.child("priorityLevelConfiguration").child("name");
    if level.is_empty() {
        errors.push(level.required("must reference a priority level"));
    } else {
        level.complain(names::dns1123_subdomain(level.text()), errors);
    }
    for rule in spec.child("rules").items() {
        self::rule(&rule, errors);
    }
}

fn rule(rule: &At<'_>, errors: &mut Errors) {
    let subjects = rule.child("subjects");
    if subjects.is_empty() {
        errors.push(subjects.required("subjects must contain at least one value"));
    }
    for one in subjects.items() {
        subject(&one, errors);
    }
    let (resources, others) = (rule.child("resourceRules"), rule.child("nonResourceRules"));
    if resources.is_empty() && others.is_empty() {
        let detail = "at least one of resourceRules and nonResourceRules has to be non-empty";
        errors.push(rule.required(detail));
    }
    for one in resources.items() {
        resource_rule(&one, errors);
    }
    for one in others.items() {
        verbs(&one.child("verbs"), errors);
        urls(&one.child("nonResourceURLs"), errors);
    }
}

fn subject(subject: &At<'_>, errors: &mut Errors) {
    let own = match subject.child("kind").text() {
        "ServiceAccount" => "serviceAccount",
        "User" => "user",
        "Group" => "group",
        _ => {
            let kinds = ["Group", "ServiceAccount", "User"];
            errors.push(subject.child("kind").not_supported(&kinds));
            return;
        }
    };
    let kind = subject.child("kind").text();
    let chosen = subject.child(own);
    if !chosen.is_set() {
        let detail = format!("{own} is required when subject kind is '{kind}'");
        errors.push(chosen.required(&detail));
    } else if own == "serviceAccount" {
        service_account(&chosen, errors);
    } else if chosen.child("name").is_empty() {
        errors.push(chosen.child("name").required(""));
    }
    let others = [
        ("serviceAccount", "ServiceAccount"),
        ("user", "User"),
        ("group", "Group"),
    ];
    for (key, kind) in others.into_iter().filter(|(key, _)| *key != own) {
        if subject.child(key).is_set() {
            let detail = format!("{key} is forbidden when subject kind is not '{kind}'");
            errors.push(subject.child(key).forbidden(detail));
        }
    }
}

fn service_account(account: &At<'_>, errors: &mut Errors) {
    let (name, namespace) = (account.child("name"), account.child("namespace"));
    if name.is_empty() {
        errors.push(name.required(""));
    } else if name.text() != "*" {
        name.complain(names::dns1123_subdomain(name.text()), errors);
    }
    if namespace.is_empty() {
        errors.push(namespace.required("must specify namespace for service account"));
    } else {
        namespace.complain(names::dns1123_label(namespace.text()), errors);
    }
}

fn has_wildcard(list: &At<'_>) -> bool {
    list.items().iter().any(|item| item.text() == "*")
}

/// A wildcard stands alone.
fn alone(list: &At<'_>, what: &str, errors: &mut Errors) {
    if list.items().len() > 1 && has_wildcard(list) {
        errors.push(list.invalid(format!("if '*' is present, must not specify other {what}")));
    }
}

fn verbs(verbs: &At<'_>, errors: &mut Errors) {
    if verbs.is_empty() {
        errors.push(verbs.required("verbs must contain at least one value"));
    } else if has_wildcard(verbs) {
        alone(verbs, "verbs", errors);
    } else if !verbs
        .items()
        .iter()
        .all(|verb| VERBS.contains(&verb.text()))
    {
        errors.push(FieldError::not_supported(
            verbs.path(),
            verbs.dump("[]string"),
            &VERBS,
        ));
    }
}

fn resource_rule(rule: &At<'_>, errors: &mut Errors) {
    verbs(&rule.child("verbs"), errors);
    for (key, missing, others) in [
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ] {
        let list = rule.child(key);
        if list.is_empty() {
            let detail = format!("resource rules must supply at least one {missing}");
            errors.push(list.required(&detail));
        }
        alone(&list, others, errors);
    }
    let namespaces = rule.child("namespaces");
    if namespaces.is_empty() {
        if !rule.child("clusterScope").is_true() {
            let detail =
                "resource rules that are not cluster scoped must supply at least one namespace";
            errors.push(namespaces.required(detail));
        }
    } else if has_wildcard(&namespaces) {
        alone(&namespaces, "namespaces", errors);
    } else {
        for namespace in namespaces.items() {
            for complaint in names::dns1123_label(namespace.text()) {
                errors.push(namespace.invalid(format!(
                    "each member of this list must be '*' or a DNS-1123 label; {complaint}"
                )));
            }
        }
    }
}

fn urls(urls: &At<'_>, errors: &mut Errors) {
    if urls.is_empty() {
        errors.push(urls.required("nonResourceURLs must contain at least one value"));
    } else if has_wildcard(urls) {
        alone(urls, "non-resource URLs", errors);
    } else {
        for url in urls.items() {
            if let Some(complaint) = url_complaint(url.text()) {
                errors.push(url.invalid_as(url.text(), complaint));
            }
        }
    }
}

fn url_complaint(url: &str) -> Option<&'static str> {
    let stars = url.matches('*').count();
    if url.is_empty() {
        Some("must not be empty")
    } else if url == "/" {
        None
    } else if !url.starts_with('/') {
        Some("must start with slash")
    } else if url.contains(' ') {
        Some("must not contain white-space")
    } else if url.contains("//") {
        Some("must not contain double slash")
    } else if stars > 1 || (stars == 1 && !url.ends_with("/*")) {
        Some("wildcard can only do suffix matching")
    } else {
        None
    }
}

fn level(name: &str, spec: &At<'_>, errors: &mut Errors) {
    let (kind, limited, exempt) = (
        spec.child("type"),
        spec.child("limited"),
        spec.child("exempt"),
    );
    if (name == EXEMPT) != (kind.text() == "Exempt") {
        let detail = "must be 'Exempt' if and only if `name` is 'exempt'";
        errors.push(kind.invalid_as(kind.text(), detail));
    }
    match kind.text() {
        "Exempt" => {
            if limited.is_set() {
                errors.push(limited.forbidden("must be nil if the type is not Limited"));
            }
            shares(&exempt, errors);
            percent(&exempt, errors);
        }
        "Limited" => {
            if exempt.is_set() {
                errors.push(exempt.forbidden("must be nil if the type is Limited"));
            }
            if limited.is_set() {
                self::limited(&limited, errors);
            } else {
                errors.push(limited.required("must not be empty when type is Limited"));
            }
        }
        _ => kind.one_of(&["Exempt", "Limited"], errors),
    }
}

fn shares(of: &At<'_>, errors: &mut Errors) {
    let shares = of.child("nominalConcurrencyShares");
    if shares.int() < 0 {
        errors.push(shares.invalid("must be a non-negative integer"));
    }
}

fn percent(of: &At<'_>, errors: &mut Errors) {
    let percent = of.child("lendablePercent");
    if percent.is_set() && !(0..=100).contains(&percent.int()) {
        errors.push(percent.invalid("must be between 0 and 100, inclusive"));
    }
}

fn limited(limited: &At<'_>, errors: &mut Errors) {
    shares(limited, errors);
    let response = limited.child("limitResponse");
    let (kind, queuing) = (response.child("type"), response.child("queuing"));
    match kind.text() {
        "Reject" if queuing.is_set() => {
            let detail = "must be nil if limited.limitResponse.type is not Limited";
            errors.push(queuing.forbidden(detail));
        }
        "Reject" => {}
        "Queue" if queuing.is_set() => self::queuing(&queuing, errors),
        "Queue" => {
            let detail = "must not be empty if limited.limitResponse.type is Limited";
            errors.push(queuing.required(detail));
        }
        _ => kind.one_of(&["Queue", "Reject"], errors),
    }
    percent(limited, errors);
    let borrowing = limited.child("borrowingLimitPercent");
    if borrowing.int() < 0 {
        errors.push(borrowing.invalid("if specified, must be a non-negative integer"));
    }
}

fn queuing(queuing: &At<'_>, errors: &mut Errors) {
    let number = |key: &str| (queuing.child(key), queuing.child(key).int());
    let (length, most) = number("queueLengthLimit");
    if most <= 0 {
        errors.push(length.invalid_as(most, "must be positive"));
    }
    let (at, queues) = number("queues");
    if queues <= 0 {
        errors.push(at.invalid_as(queues, "must be positive"));
    } else if queues > MOST_QUEUES {
        let detail = format!("must not be greater than {MOST_QUEUES}");
        errors.push(at.invalid_as(queues, detail));
    }
    let (at, hand) = number("handSize");
    if hand <= 0 {
        errors.push(at.invalid_as(hand, "must be positive"));
    } else if hand > queues {
        let detail = format!("should not be greater than queues ({queues})");
        errors.push(at.invalid_as(hand, detail));
    } else if is_beyond_hash(queues, hand) {
        errors.push(at.invalid_as(
            hand,
            format!(
                "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {HASH_BITS}"
            ),
        ));
    }
}

/// Whether a hand of that many queues takes more bits than a hash has (`apiserver/pkg/util/shufflesharding`).
fn is_beyond_hash(deck: i64, hand: i64) -> bool {
    let number = |value: i64| f64::from(i32::try_from(value).unwrap_or(i32::MAX));
    (number(deck).log2() * number(hand)).ceil() > f64::from(HASH_BITS)
}

/// The two schemas that every server has can't be others.
fn mandatory_schema(name: &str, spec: &At<'_>, errors: &mut Errors) {
    let everything = |subjects: &[&str]| {
        let subjects: Vec<Value> = subjects
            .iter()
            .map(|group| json!({"kind": "Group", "group": {"name": group}}))
            .collect();
        json!([{"subjects": subjects,
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}])
    };
    let fixed = match name {
        EXEMPT => json!({"priorityLevelConfiguration": {"name": EXEMPT}, "matchingPrecedence": 1,
            "rules": everything(&["system:masters"])}),
        CATCH_ALL => {
            json!({"priorityLevelConfiguration": {"name": CATCH_ALL}, "matchingPrecedence": 10_000,
            "distinguisherMethod": {"type": "ByUser"},
            "rules": everything(&["system:unauthenticated", "system:authenticated"])})
        }
        _ => return,
    };
    if !same(spec.value(), &fixed) {
        let detail = format!("spec of '{name}' must equal the fixed value");
        errors.push(spec.invalid_struct("flowcontrol.FlowSchemaSpec", detail));
    }
}

fn mandatory_level(name: &str, spec: &At<'_>, errors: &mut Errors) {
    let (fixed, except) = match name {
        EXEMPT => (json!({"type": "Exempt"}), " except the 'spec.exempt' field"),
        CATCH_ALL => (
            json!({"type": "Limited", "limited": {"nominalConcurrencyShares": 5,
                "limitResponse": {"type": "Reject"}, "lendablePercent": 0}}),
            "",
        ),
        _ => return,
    };
    let mut have = spec.value().clone();
    if let (EXEMPT, Some(fields)) = (name, have.as_object_mut()) {
        fields.remove("exempt");
    }
    if !same(&have, &fixed) {
        let detail = format!("spec of '{name}'{except} must equal the fixed value");
        errors.push(FieldError::new(
            ErrorKind::Invalid,
            spec.path(),
            spec.dump("flowcontrol.PriorityLevelConfigurationSpec"),
            detail,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_hands_take_more_bits_than_a_hash_has() {
        assert!(!is_beyond_hash(1, 1));
        assert!(!is_beyond_hash(64, 10));
        assert!(is_beyond_hash(64, 11));
        assert!(is_beyond_hash(10_000_000, 3));
    }

    #[test]
    fn a_level_has_what_its_type_asks_for() {
        let said = |spec: Value| {
            let object = json!({"metadata": {"name": "a"}, "spec": spec});
            let mut errors = Errors::new();
            super::object(
                "PriorityLevelConfiguration",
                &At::new("", &object),
                &mut errors,
            );
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            said(json!({"type": "Limited", "exempt": {}})),
            [
                "spec.exempt: Forbidden: must be nil if the type is Limited",
                "spec.limited: Required value: must not be empty when type is Limited",
            ]
        );
        let queuing = json!({"queues": 64, "handSize": 30, "queueLengthLimit": 0});
        assert_eq!(
            said(
                json!({"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": queuing}}})
            ),
            [
                "spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: 0: must be positive",
                "spec.limited.limitResponse.queuing.handSize: Invalid value: 30: required entropy bits of deckSize 64 and handSize 30 should not be greater than 60",
            ]
        );
    }

    #[test]
    fn paths_end_in_a_wildcard_or_have_none() {
        for good in ["/", "/x", "/x/*"] {
            assert_eq!(url_complaint(good), None, "{good}");
        }
        for bad in ["", "x", "/a b", "/a//b", "/*/x", "/a*"] {
            assert!(url_complaint(bad).is_some(), "{bad}");
        }
    }
}
