//! The status of a claim: who uses it, which devices it got.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Requests, binding_conditions, configuration, driver_name, label, pool_name, reference,
    references, requests_of, unique, within,
};
use crate::builtin::validation::pod::node_selector;
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::{BadValue, meta};
use crate::ordered::ByValue;

const MOST_CONSUMERS: usize = 256;
const MOST_RESULTS: usize = 32;
const MOST_CONFIGURATIONS: usize = 64;

/// An update of a claim through `/status`.
pub fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    let names = requests_of(&new.child("spec").child("devices"));
    let (status, before) = (new.child("status"), old.child("status"));
    let reserved = status.child("reservedFor");
    let consumers = within(&reserved, MOST_CONSUMERS, errors);
    for consumer in &consumers {
        for key in ["resource", "name", "uid"] {
            if consumer.child(key).is_empty() {
                errors.push(consumer.child(key).required(""));
            }
        }
    }
    unique(&consumers, Some("uid"), errors);
    let allocation = status.child("allocation");
    let results = allocation.child("devices").child("results").items();
    let results: BTreeSet<_> = results.iter().map(parts).collect();
    for device in status.child("devices").items() {
        self::device(&device, &results, errors);
    }
    if !reserved.is_empty() && !allocation.is_set() {
        errors.push(reserved.forbidden("may not be specified when `allocated` is not set"));
    } else if new.child("metadata").child("deletionTimestamp").is_set() {
        let known = before.child("reservedFor").items();
        let is_new = |one: &At<'_>| !known.iter().any(|old| old.value() == one.value());
        if consumers.iter().any(is_new) {
            errors.push(reserved.forbidden(
                "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
            ));
        }
    }
    let old_allocation = before.child("allocation");
    if allocation.is_set() && old_allocation.is_set() {
        allocation.immutable(old_allocation.value(), "*resource.AllocationResult", errors);
    } else if allocation.is_set() {
        self::allocation(&allocation, &names, errors);
    }
}

fn allocation(allocation: &At<'_>, names: &Requests<'_>, errors: &mut Errors) {
    let devices = allocation.child("devices");
    for result in within(&devices.child("results"), MOST_RESULTS, errors) {
        reference(&result.child("request"), names, errors);
        driver_name(&result.child("driver"), errors);
        pool_name(&result.child("pool"), errors);
        label(&result.child("device"), errors);
        binding_conditions(&result, errors);
    }
    for config in within(&devices.child("config"), MOST_CONFIGURATIONS, errors) {
        config
            .child("source")
            .one_of(&["FromClaim", "FromClass"], errors);
        references(&config.child("requests"), names, errors);
        configuration(&config, errors);
    }
    if let Some(selector) = allocation.child("nodeSelector").set() {
        node_selector(&selector, errors);
    }
}

/// What a device is known by.
const PARTS: [&str; 4] = ["driver", "pool", "device", "shareID"];

type Parts<'a> = [ByValue<&'a Value>; 4];

fn parts<'a>(of: &At<'a>) -> Parts<'a> {
    PARTS.map(|key| ByValue(of.child(key).value()))
}

/// What a driver says of a device that the claim has.
fn device(device: &At<'_>, results: &BTreeSet<Parts<'_>>, errors: &mut Errors) {
    driver_name(&device.child("driver"), errors);
    pool_name(&device.child("pool"), errors);
    label(&device.child("device"), errors);
    if !results.contains(&parts(device)) {
        let text = |key: &str| {
            crate::builtin::validation::error::go_json(&device.child(key).text().into())
        };
        let [driver, pool, name, share] = PARTS.map(text);
        let shown =
            format!(r#"{{"Driver":{driver},"Pool":{pool},"Device":{name},"ShareID":{share}}}"#);
        errors.push(device.invalid_as(
            BadValue::Json(shown),
            "must be an allocated device in the claim",
        ));
    }
}
