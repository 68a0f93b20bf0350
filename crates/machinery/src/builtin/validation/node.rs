//! Validation of nodes.

use std::collections::BTreeSet;

use super::pod::{quantity_value, taint_effect};
use super::read::{At, Errors};
use super::{ErrorKind, FieldError, meta, net};
use crate::names;
use crate::ordered::ByValue;

/// A new node; metadata is already checked.
pub fn create(node: &At<'_>, errors: &mut Errors) {
    let spec = node.child("spec");
    taints(&spec.child("taints"), errors);
    resources(node, errors);
    let cidrs = spec.child("podCIDRs");
    for cidr in cidrs.items() {
        net::legacy_cidr(&cidr, cidr.text(), errors);
    }
    let families: Vec<bool> = cidrs
        .items()
        .iter()
        .map(|cidr| cidr.text().contains(':'))
        .collect();
    let dual = families.contains(&true) && families.contains(&false);
    if families.len() > 1 && (!dual || families.len() > 2) {
        errors.push(cidrs.invalid("may specify no more than one CIDR for each IP family"));
    }
}

/// An updated node, through the main endpoint or `/status`; metadata is already checked.
pub fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    resources(new, errors);
    let mut seen = BTreeSet::new();
    for address in new.child("status").child("addresses").items() {
        if !seen.insert(ByValue(address.value())) {
            errors.push(FieldError::duplicate(
                address.path(),
                address.dump("core.NodeAddress"),
            ));
        }
    }
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    let (cidrs, before) = (spec.child("podCIDRs"), old_spec.child("podCIDRs"));
    if !before.is_empty() && before.value() != cidrs.value() {
        errors
            .push(cidrs.forbidden("node updates may not change podCIDR except from \"\" to valid"));
    }
    let (provider, before) = (spec.child("providerID"), old_spec.child("providerID"));
    if !before.is_empty() && before.text() != provider.text() {
        errors.push(
            provider.forbidden("node updates may not change providerID except from \"\" to valid"),
        );
    }
    taints(&spec.child("taints"), errors);
    let external = spec.child("externalID");
    if external.text() != old_spec.child("externalID").text() {
        errors.push(external.forbidden("may not be updated"));
    }
}

fn resources(node: &At<'_>, errors: &mut Errors) {
    for list in ["capacity", "allocatable"] {
        let list = node.child("status").child(list);
        for (name, quantity) in list.entries() {
            quantity_value(name, &quantity.moved(list.path_of(name)), errors);
        }
    }
}

/// Taints; the server reports them below `metadata`.
fn taints(taints: &At<'_>, errors: &mut Errors) {
    let taints = taints.moved("metadata.taints");
    let mut seen = BTreeSet::new();
    for taint in taints.items() {
        let (key, value, effect) = (
            taint.child("key"),
            taint.child("value"),
            taint.child("effect"),
        );
        meta::label_name(&key, key.text(), errors);
        let complaints = names::label_value(value.text());
        if !complaints.is_empty() {
            errors.push(value.invalid_as(value.text(), complaints.join(";")));
        }
        taint_effect(&effect, errors);
        if !seen.insert((effect.text(), key.text())) {
            let detail = "taints must be unique by key and effect pair";
            errors.push(FieldError::new(
                ErrorKind::Duplicate,
                taint.path(),
                taint.dump("core.Taint"),
                detail,
            ));
        }
    }
}
