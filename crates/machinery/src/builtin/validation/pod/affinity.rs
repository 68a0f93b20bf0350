//! Affinity of pods to nodes and to other pods.

use std::collections::{BTreeMap, BTreeSet};

use crate::builtin::validation::meta;
use crate::builtin::validation::read::{At, Errors};
use crate::names;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// `affinity` of a pod.
pub fn affinity(affinity: &At<'_>, errors: &mut Errors) {
    let node = affinity.child("nodeAffinity");
    if let Some(selector) = node.child(REQUIRED).set() {
        node_selector(&selector, errors);
    }
    for term in node.child(PREFERRED).items() {
        weight(&term, errors);
        node_term(&term.child("preference"), false, errors);
    }
    for side in ["podAffinity", "podAntiAffinity"] {
        let side = affinity.child(side);
        for term in side.child(REQUIRED).items() {
            pod_term(&term, errors);
        }
        for term in side.child(PREFERRED).items() {
            weight(&term, errors);
            pod_term(&term.child("podAffinityTerm"), errors);
        }
    }
}

fn weight(term: &At<'_>, errors: &mut Errors) {
    let weight = term.child("weight");
    if !(1..=100).contains(&weight.int()) {
        errors.push(weight.invalid_as(weight.int(), "must be in the range 1-100"));
    }
}

/// A node selector that nodes must match.
pub fn node_selector(selector: &At<'_>, errors: &mut Errors) {
    let terms = selector.child("nodeSelectorTerms");
    if terms.is_empty() {
        errors.push(terms.required("must have at least one node selector term"));
    }
    for term in terms.items() {
        node_term(&term, true, errors);
    }
}

fn node_term(term: &At<'_>, check_values: bool, errors: &mut Errors) {
    for requirement in term.child("matchExpressions").items() {
        node_requirement(&requirement, check_values, errors);
    }
    for requirement in term.child("matchFields").items() {
        field_requirement(&requirement, errors);
    }
}

fn node_requirement(requirement: &At<'_>, check_values: bool, errors: &mut Errors) {
    let (operator, values) = (requirement.child("operator"), requirement.child("values"));
    match operator.text() {
        "In" | "NotIn" => {
            if values.is_empty() {
                errors
                    .push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
        }
        "Exists" | "DoesNotExist" => {
            if !values.is_empty() {
                errors.push(values.forbidden(
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                ));
            }
        }
        "Gt" | "Lt" => {
            if values.items().len() != 1 {
                errors
                    .push(values.required(
                        "must be specified single value when `operator` is 'Lt' or 'Gt'",
                    ));
            }
        }
        other => errors.push(operator.invalid_as(other, "not a valid selector operator")),
    }
    meta::label_name(
        &requirement.child("key"),
        requirement.child("key").text(),
        errors,
    );
    if check_values {
        for value in values.items() {
            value.complain(names::label_value(value.text()), errors);
        }
    }
}

fn field_requirement(requirement: &At<'_>, errors: &mut Errors) {
    let (key, operator) = (requirement.child("key"), requirement.child("operator"));
    let values = requirement.child("values");
    match operator.text() {
        "In" | "NotIn" => {
            if values.items().len() != 1 {
                let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                errors.push(values.required(detail));
            }
        }
        other => errors.push(operator.invalid_as(other, "not a valid selector operator")),
    }
    if key.text() == "metadata.name" {
        for value in values.items() {
            value.complain(names::dns1123_subdomain(value.text()), errors);
        }
    } else {
        errors.push(key.invalid_as(key.text(), "not a valid field selector key"));
    }
}

fn pod_term(term: &At<'_>, errors: &mut Errors) {
    for selector in ["labelSelector", "namespaceSelector"] {
        meta::label_selector(&term.child(selector), errors);
    }
    for namespace in term.child("namespaces").items() {
        namespace
            .moved(term.path_of("namespace"))
            .complain(names::dns1123_label(namespace.text()), errors);
    }
    match_label_keys(term, errors);
    let topology = term.child("topologyKey");
    if topology.is_empty() {
        errors.push(topology.required("can not be empty"));
    }
    meta::label_name(&topology, topology.text(), errors);
}

/// `matchLabelKeys` and `mismatchLabelKeys` beside a `labelSelector`.
pub fn match_label_keys(term: &At<'_>, errors: &mut Errors) {
    let selector = term.child("labelSelector");
    let lists = [
        term.child("matchLabelKeys"),
        term.child("mismatchLabelKeys"),
    ];
    for list in lists.iter().filter(|list| !list.is_empty()) {
        if !selector.is_set() {
            errors.push(list.forbidden("must not be specified when labelSelector is not set"));
            continue;
        }
        for key in list.items() {
            meta::label_name(&key, key.text(), errors);
        }
    }
    let [matching, mismatching] = lists;
    let keys = matching.items();
    let last: BTreeMap<&str, usize> = keys.iter().map(At::text).zip(0..).collect();
    let mut seen: BTreeSet<&str> = selector
        .child("matchLabels")
        .entries()
        .iter()
        .map(|(key, _)| *key)
        .collect();
    for expression in selector.child("matchExpressions").items() {
        let key = expression.child("key").text();
        if let (Some(index), true) = (last.get(key), seen.contains(key)) {
            let at = expression.moved(format!("{}[{index}]", term.path()));
            errors.push(at.invalid_as(key, "exists in both matchLabelKeys and labelSelector"));
        }
        seen.insert(key);
    }
    let mismatched: BTreeSet<&str> = mismatching.items().iter().map(At::text).collect();
    for key in keys.iter().filter(|key| mismatched.contains(key.text())) {
        errors.push(key.invalid("exists in both matchLabelKeys and mismatchLabelKeys"));
    }
}
