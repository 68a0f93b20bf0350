//! Slices of resources: devices, what they are and what they have.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{binding_conditions, driver_name, label, pool_name, qualified, taint, unique, within};
use crate::builtin::validation::pod::node_selector;
use crate::builtin::validation::read::{At, Errors, same};
use crate::builtin::validation::{BadValue, FieldError};
use crate::names;
use crate::quantity::Quantity;

const MOST_DEVICES: usize = 128;
/// As many if some have taints or take part in counters.
const MOST_ADVANCED_DEVICES: usize = 64;
const MOST_COUNTER_SETS: usize = 8;
const MOST_COUNTERS: usize = 32;
const MOST_CONSUMPTIONS: usize = 2;
const MOST_TAINTS: usize = 16;
const MOST_ATTRIBUTES: usize = 32;
const LONGEST_VALUE: usize = 64;
const MOST_OPTIONS: usize = 10;
const LONGEST_KEY: usize = 63 + 1 + 32;
const ONE_PLACE: &str =
    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
const ONE_PLACE_OF_DEVICE: &str = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when \
                                   `perDeviceNodeSelection` is set to true in the ResourceSlice spec";

/// The spec, beside the one before.
pub fn spec(spec: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    driver_name(&spec.child("driver"), errors);
    pool(&spec.child("pool"), errors);
    if let Some(old) = old {
        let name = spec.child("pool").child("name");
        name.immutable(old.child("pool").child("name").value(), "string", errors);
        for (key, go_type) in [("driver", "string"), ("nodeName", "*string")] {
            spec.child(key)
                .immutable(old.child(key).value(), go_type, errors);
        }
    }
    place(spec, errors);
    let (devices, counters) = (spec.child("devices"), spec.child("sharedCounters"));
    if devices.is_set() && counters.is_set() {
        let detail = "only one of `sharedCounters` or `devices` is allowed";
        errors.push(spec.invalid_as("", detail));
    }
    let advanced = devices.items().iter().any(|device| {
        !device.child("taints").is_empty() || !device.child("consumesCounters").is_empty()
    });
    let most = if advanced {
        MOST_ADVANCED_DEVICES
    } else {
        MOST_DEVICES
    };
    let items = within(&devices, most, errors);
    let each = spec.child("perDeviceNodeSelection").is_true();
    for device in &items {
        let name = device.child("name");
        let before = old.and_then(|old| {
            let mut olds = old.child("devices").items().into_iter();
            olds.find(|old| old.child("name").text() == name.text())
        });
        self::device(device, before.as_ref(), each, errors);
    }
    unique(&items, Some("name"), errors);
    let sets = within(&counters, MOST_COUNTER_SETS, errors);
    for set in &sets {
        named_counters(set, "name", errors);
    }
    unique(&sets, Some("name"), errors);
}

fn pool(pool: &At<'_>, errors: &mut Errors) {
    pool_name(&pool.child("name"), errors);
    let (count, generation) = (pool.child("resourceSliceCount"), pool.child("generation"));
    count.positive(errors);
    if generation.int() < 0 {
        errors.push(generation.invalid("must be greater than or equal to zero"));
    }
}

/// Where the devices are: exactly one of several ways to say so.
fn place(spec: &At<'_>, errors: &mut Errors) {
    let mut found = Vec::new();
    let name = spec.child("nodeName");
    if !name.is_empty() {
        found.push("`nodeName`");
        name.complain(names::dns1123_subdomain(name.text()), errors);
    } else if name.is_set() {
        errors.push(name.invalid("must be either unset or set to a non-empty string"));
    }
    let selector = spec.child("nodeSelector");
    if selector.is_set() {
        found.push("`nodeSelector`");
        node_selector(&selector, errors);
        let terms = selector.child("nodeSelectorTerms");
        if terms.items().len() != 1 {
            let value = terms.dump("[]core.NodeSelectorTerm");
            errors.push(terms.invalid_as(value, "must have exactly one node selector term"));
        }
    }
    for (key, shown) in [
        ("allNodes", "`allNodes`"),
        ("perDeviceNodeSelection", "`perDeviceNodeSelection`"),
    ] {
        let flag = spec.child(key);
        if flag.is_true() {
            found.push(shown);
        } else if flag.is_set() {
            errors.push(flag.invalid("must be either unset or set to true"));
        }
    }
    match found.as_slice() {
        [] => errors.push(spec.required(ONE_PLACE)),
        [_] => {}
        several => errors.push(spec.invalid_as(
            format!("{{{}}}", several.join(", ")),
            format!("{ONE_PLACE}, but multiple fields are set"),
        )),
    }
}

fn device(device: &At<'_>, old: Option<&At<'_>>, each: bool, errors: &mut Errors) {
    label(&device.child("name"), errors);
    let (attributes, capacity) = (device.child("attributes"), device.child("capacity"));
    let count = attributes.entries().len() + capacity.entries().len();
    if count > MOST_ATTRIBUTES {
        let detail = format!(
            "the total number of attributes and capacities must not exceed {MOST_ATTRIBUTES}"
        );
        errors.push(device.invalid_as(BadValue::Json(count.to_string()), detail));
    }
    for (key, value) in attributes.entries() {
        qualified(attributes.path(), key, errors);
        attribute(&value.moved(shortened(&attributes, key)), errors);
    }
    let shared = device.child("allowMultipleAllocations").is_true();
    for (key, value) in capacity.entries() {
        qualified(capacity.path(), key, errors);
        let policy = value
            .moved(shortened(&capacity, key))
            .child("requestPolicy");
        if policy.is_set() && shared {
            request_policy(&value.child("value"), &policy, errors);
        } else if policy.is_set() {
            errors.push(policy.forbidden("allowMultipleAllocations must be true"));
        }
    }
    let taints = device.child("taints");
    if old.is_none_or(|old| !same(old.child("taints").value(), taints.value())) {
        for one in within(&taints, MOST_TAINTS, errors) {
            taint(&one, errors);
        }
    }
    let consumed = within(&device.child("consumesCounters"), MOST_CONSUMPTIONS, errors);
    for one in &consumed {
        named_counters(one, "counterSet", errors);
    }
    unique(&consumed, Some("counterSet"), errors);
    device_place(device, each, errors);
    binding_conditions(device, errors);
}

/// Long keys lose their middle in paths.
fn shortened(map: &At<'_>, key: &str) -> String {
    let part = |range: std::ops::Range<usize>| key.get(range).unwrap_or_default();
    if key.len() <= LONGEST_KEY {
        return format!("{}[{key}]", map.path());
    }
    let rest = LONGEST_KEY - 3;
    let (head, tail) = (
        part(0..rest.div_ceil(2)),
        part(key.len() - rest / 2..key.len()),
    );
    format!("{}[{head}...{tail}]", map.path())
}

fn named_counters(set: &At<'_>, key: &str, errors: &mut Errors) {
    let name = set.child(key);
    if name.is_empty() {
        errors.push(name.required(""));
    } else {
        label(&name, errors);
    }
    let counters = set.child("counters");
    let count = counters.entries().len();
    if count == 0 {
        errors.push(counters.required(""));
    } else if count > MOST_COUNTERS {
        errors.push(FieldError::too_many(counters.path(), count, MOST_COUNTERS));
    } else {
        for (key, _) in counters.entries() {
            for complaint in names::dns1123_label(key) {
                errors.push(counters.invalid_as(key, complaint));
            }
        }
    }
}

fn device_place(device: &At<'_>, each: bool, errors: &mut Errors) {
    let (name, selector, all) = (
        device.child("nodeName"),
        device.child("nodeSelector"),
        device.child("allNodes"),
    );
    if !each {
        if name.is_set() || selector.is_set() || all.is_set() {
            errors.push(device.invalid_as(
                &Value::Null,
                "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in \
                 the ResourceSlice spec",
            ));
        }
        return;
    }
    let mut found = Vec::new();
    if !name.is_empty() {
        found.push("`nodeName`");
        name.complain(names::dns1123_subdomain(name.text()), errors);
    } else if name.is_set() {
        errors.push(name.invalid("must not be empty"));
    }
    if selector.is_set() {
        found.push("`nodeSelector`");
        node_selector(&selector, errors);
    }
    if all.is_true() {
        found.push("`allNodes`");
    } else if all.is_set() {
        errors.push(all.invalid("must be either unset or set to true"));
    }
    match found.as_slice() {
        [] => errors.push(device.required(ONE_PLACE_OF_DEVICE)),
        [_] => {}
        several => errors
            .push(device.invalid_as(format!("{{{}}}", several.join(", ")), ONE_PLACE_OF_DEVICE)),
    }
}

/// Versions as semver.org has them.
static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    const NUMBER: &str = r"(0|[1-9]\d*)";
    const PRE: &str = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)";
    const BUILD: &str = r"[0-9a-zA-Z-]+";
    Regex::new(&format!(
        r"^{NUMBER}\.{NUMBER}\.{NUMBER}(-{PRE}(\.{PRE})*)?(\+{BUILD}(\.{BUILD})*)?$"
    ))
    .ok()
});

fn attribute(attribute: &At<'_>, errors: &mut Errors) {
    let (text, version) = (attribute.child("string"), attribute.child("version"));
    if text.text().len() > LONGEST_VALUE {
        errors.push(FieldError::too_long(text.path(), LONGEST_VALUE));
    }
    if version.is_set() {
        let known = VERSION
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(version.text()));
        if !known {
            errors.push(version.invalid("must be a string compatible with semver.org spec 2.0.0"));
        }
        if version.text().len() > LONGEST_VALUE {
            errors.push(FieldError::too_long(version.path(), LONGEST_VALUE));
        }
    }
    let kinds = ["int", "bool", "string", "version"];
    let count = kinds
        .iter()
        .filter(|kind| attribute.child(kind).is_set())
        .count();
    let detail = "exactly one value must be specified";
    match count {
        0 => errors.push(attribute.invalid_as("", detail)),
        1 => {}
        _ => errors.push(attribute.invalid_struct("resource.DeviceAttribute", detail)),
    }
}

fn amount(at: &At<'_>) -> Option<Quantity> {
    at.is_set()
        .then(|| Quantity::parse(at.text()).ok())
        .flatten()
}

/// How much of a capacity may be asked for.
fn request_policy(capacity: &At<'_>, policy: &At<'_>, errors: &mut Errors) {
    let (values, range, default) = (
        policy.child("validValues"),
        policy.child("validRange"),
        policy.child("default"),
    );
    if !values.is_empty() && range.is_set() {
        errors.push(policy.forbidden(
            r#"exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time"#,
        ));
    } else if !values.is_empty() {
        if default.is_set() {
            valid_values(capacity, &values, &default, errors);
        } else {
            errors.push(default.required("required when validValues is defined"));
        }
    } else if range.is_set() {
        if default.is_set() {
            valid_range(capacity, &range, &default, errors);
        } else {
            errors.push(default.required("required when validRange is defined"));
        }
    }
}

fn valid_values(capacity: &At<'_>, values: &At<'_>, default: &At<'_>, errors: &mut Errors) {
    let items = values.items();
    for (one, next) in items.iter().zip(items.iter().skip(1)) {
        if amount(one) > amount(next) {
            errors.push(next.invalid("values must be sorted in ascending order"));
        }
    }
    for item in within(values, MOST_OPTIONS, errors) {
        if amount(&item) > amount(capacity) {
            let detail = format!("option is larger than capacity value: {}", capacity.text());
            errors.push(item.invalid(detail));
        }
    }
    let mut seen = BTreeSet::new();
    for item in &items {
        let value = amount(item).map(|amount| amount.value());
        if !seen.insert(value) {
            let text = value.map(|value| value.to_string()).unwrap_or_default();
            errors.push(FieldError::duplicate(item.path(), text));
        }
    }
    if !items.iter().any(|item| amount(item) == amount(default)) {
        let detail = "default value is not valid according to the requestPolicy";
        errors.push(values.invalid_as(default.text(), detail));
    }
}

fn valid_range(capacity: &At<'_>, range: &At<'_>, default: &At<'_>, errors: &mut Errors) {
    let (min, max, step) = (range.child("min"), range.child("max"), range.child("step"));
    if !min.is_set() {
        errors.push(min.required("required when validRange is defined"));
        return;
    }
    let mut above = |at: &At<'_>, one: &At<'_>, other: &At<'_>, words: &str| {
        if amount(one) > amount(other) {
            errors.push(at.invalid_as(one.text(), format!("{words}: {}", other.text())));
        }
    };
    above(&min, &min, capacity, "min is larger than capacity value");
    if amount(default) < amount(&min) {
        let detail = format!("default is less than min: {}", min.text());
        errors.push(min.invalid_as(default.text(), detail));
    }
    if max.is_set() {
        let mut above = |at: &At<'_>, one: &At<'_>, other: &At<'_>, words: &str| {
            if amount(one) > amount(other) {
                errors.push(at.invalid_as(one.text(), format!("{words}: {}", other.text())));
            }
        };
        above(&max, &min, &max, "min is larger than max");
        above(&max, &max, capacity, "max is larger than capacity value");
        above(&max, default, &max, "default is more than max");
    }
    if step.is_set() {
        for value in [Some(default), Some(&max).filter(|max| max.is_set())]
            .into_iter()
            .flatten()
        {
            let number = |at: &At<'_>| amount(at).map_or(0, |amount| amount.value());
            let size = number(&step);
            if size != 0 && (number(value) - number(&min)) % size != 0 {
                let detail = format!(
                    "value is not a multiple of a given step ({}) from ({})",
                    step.text(),
                    min.text()
                );
                errors.push(step.invalid_as(value.text(), detail));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(changes: &Value) -> Vec<String> {
        let mut value = json!({"driver": "d.example", "nodeName": "n",
            "pool": {"name": "p", "resourceSliceCount": 1}, "devices": [{"name": "x"}]});
        for (key, changed) in changes.as_object().unwrap() {
            value[key] = changed.clone();
        }
        let mut errors = Errors::new();
        spec(&At::new("spec", &value), None, &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn devices_are_in_exactly_one_place() {
        assert_eq!(said(&json!({})), [""; 0]);
        assert_eq!(
            said(&json!({"allNodes": true})),
            [format!(
                "spec: Invalid value: \"{{`nodeName`, `allNodes`}}\": {ONE_PLACE}, but multiple fields are set"
            )]
        );
    }

    #[test]
    fn attributes_have_one_value_and_names_of_c() {
        let device = json!([{"name": "x", "attributes": {"a-b": {"bool": true}, "v": {"version": "1.2"}, "w": {"int": 1, "string": "s"}}}]);
        let texts = said(&json!({"devices": device}));
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert_eq!(
            texts[2],
            "spec.devices[0].attributes[w]: Invalid value: {\"IntValue\":1,\"BoolValue\":null,\"StringValue\":\"s\",\
             \"VersionValue\":null,\"IntValues\":null,\"BoolValues\":null,\"StringValues\":null,\"VersionValues\":null}: exactly \
             one value must be specified"
        );
    }
}
