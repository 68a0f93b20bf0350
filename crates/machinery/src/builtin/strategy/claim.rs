//! The status of a `ResourceClaim` (`pkg/registry/resource/resourceclaim/strategy.go`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::Object;
use crate::builtin::edit::{child, text};

/// A device by driver, pool and name, and by its share if it has one.
type Device = [String; 4];

fn device(of: &Value) -> Option<Device> {
    let of = of.as_object()?;
    Some(["driver", "pool", "device", "shareID"].map(|key| text(of, key).to_owned()))
}

fn allocated(claim: &Object) -> BTreeSet<Device> {
    let results = claim
        .get("status")
        .and_then(|status| status.pointer("/allocation/devices/results"))
        .and_then(Value::as_array);
    results.into_iter().flatten().filter_map(device).collect()
}

/// What drivers say of devices that the claim had and has no more goes with them (`dropDeallocatedStatusDevices`).
pub(super) fn drop_deallocated_devices(new: &mut Object, old: &Object) {
    let kept = allocated(new);
    let gone: BTreeSet<Device> = allocated(old).difference(&kept).cloned().collect();
    let Some(status) = child(new, "status") else {
        return;
    };
    let Some(devices) = status.get_mut("devices").and_then(Value::as_array_mut) else {
        return;
    };
    devices.retain(|one| device(one).is_none_or(|one| !gone.contains(&one)));
    if devices.is_empty() {
        status.remove("devices");
    }
}

#[test]
fn devices_that_a_claim_lost_are_forgotten_and_others_stay() {
    let claim = |results: &[&str], devices: &[&str]| {
        let all = |names: &[&str]| -> Vec<Value> {
            let named = names.iter();
            let named =
                named.map(|name| serde_json::json!({"driver": "d", "pool": "p", "device": name}));
            named.collect()
        };
        let claim = serde_json::json!({"status": {
            "allocation": {"devices": {"results": all(results)}}, "devices": all(devices)}});
        claim.as_object().cloned().unwrap_or_default()
    };
    let mut new = claim(&["a"], &["a", "b", "never"]);
    drop_deallocated_devices(&mut new, &claim(&["a", "b"], &[]));
    assert_eq!(new, claim(&["a"], &["a", "never"]));
    let mut none = claim(&[], &["b"]);
    drop_deallocated_devices(&mut none, &claim(&["b"], &["b"]));
    assert_eq!(none["status"].get("devices"), None);
}
