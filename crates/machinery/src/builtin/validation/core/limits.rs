//! `LimitRanges`.

use std::collections::BTreeSet;

use crate::builtin::validation::pod::{container_resource_name, overcommit_allowed, resource_name};
use crate::builtin::validation::read::{At, Errors};
use crate::names;
use crate::quantity::{Format, Quantity};

/// The limits of a `LimitRange`: minimum, defaults and maximum in order.
pub fn limit_range(object: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for limit in object.child("spec").child("limits").items() {
        let kind = limit.child("type");
        type_name(&kind, errors);
        if !seen.insert(kind.text()) {
            errors.push(kind.duplicate());
        }
        let pod = kind.text() == "Pod";
        let mut keys = BTreeSet::new();
        for list in [
            "max",
            "min",
            "default",
            "defaultRequest",
            "maxLimitRequestRatio",
        ] {
            let quantities = limit.child(list);
            if pod && matches!(list, "default" | "defaultRequest") {
                if !quantities.is_empty() {
                    errors.push(quantities.forbidden("may not be specified when `type` is 'Pod'"));
                }
                continue;
            }
            if list == "maxLimitRequestRatio" && kind.text() == "PersistentVolumeClaim" {
                storage_bound(&limit, errors);
            }
            for (name, quantity) in quantities.entries() {
                if matches!(kind.text(), "Pod" | "Container") {
                    container_resource_name(name, &quantity, errors);
                } else {
                    resource_name(name, &quantity, errors);
                }
                keys.insert(name);
            }
        }
        for key in keys {
            in_order(&limit, key, pod, errors);
        }
    }
}

fn storage_bound(limit: &At<'_>, errors: &mut Errors) {
    if !limit.child("min").key("storage").is_set() && !limit.child("max").key("storage").is_set() {
        let detail =
            "either minimum or maximum storage value is required, but neither was provided";
        errors.push(limit.child("limits").required(detail));
    }
}

fn type_name(kind: &At<'_>, errors: &mut Errors) {
    let complaints = names::label_key(kind.text());
    let known = matches!(kind.text(), "Pod" | "Container" | "PersistentVolumeClaim")
        || kind.text().contains('/');
    if complaints.is_empty() && !known {
        errors.push(kind.invalid("must be a standard limit type or fully qualified"));
    }
    kind.complain(complaints, errors);
}

fn in_order(limit: &At<'_>, key: &str, pod: bool, errors: &mut Errors) {
    let read = |list: &str| Quantity::parse(limit.child(list).key(key).text()).ok();
    let defaults = |list: &str| if pod { None } else { read(list) };
    let (min, max) = (read("min"), read("max"));
    let (default, request) = (defaults("default"), defaults("defaultRequest"));
    let low = (&min, "min value");
    let high = (&max, "max value");
    let requested = (&request, "default request value");
    let limited = (&default, "default value");
    let limit_of_request = (&default, "default limit value");
    // What must not be greater, than what, and which of the two is reported with whose value.
    let rules = [
        (low, high, "min", &min),
        (low, requested, "defaultRequest", &request),
        (requested, high, "defaultRequest", &request),
        (requested, limit_of_request, "defaultRequest", &request),
        (low, limited, "default", &min),
        (limited, high, "default", &max),
    ];
    for ((low, low_name), (high, high_name), list, shown) in rules {
        if let (Some(low), Some(high), Some(shown)) = (low, high, shown)
            && low > high
        {
            let detail = format!("{low_name} {low} is greater than {high_name} {high}");
            errors.push(
                limit
                    .child(list)
                    .key(key)
                    .invalid_as(shown.to_string(), detail),
            );
        }
    }
    ratio(limit, key, min.as_ref(), max.as_ref(), errors);
    if let (Some(default), Some(request), false) = (default, request, overcommit_allowed(key))
        && default != request
    {
        let detail = format!(
            "default value {default} must equal to defaultRequest value {request} in {key}"
        );
        errors.push(
            limit
                .child("defaultRequest")
                .key(key)
                .invalid_as(request.to_string(), detail),
        );
    }
}

fn ratio(
    limit: &At<'_>,
    key: &str,
    min: Option<&Quantity>,
    max: Option<&Quantity>,
    errors: &mut Errors,
) {
    let at = limit.child("maxLimitRequestRatio").key(key);
    let Ok(ratio) = Quantity::parse(at.text()) else {
        return;
    };
    if ratio < Quantity::from_int(1, Format::DecimalSi) {
        errors.push(at.invalid(format!("ratio {ratio} is less than 1")));
    }
    if let (Some(min), Some(max)) = (min, max) {
        let highest = max.as_f64() / min.as_f64();
        if ratio.as_f64() > highest {
            errors.push(at.invalid(format!(
                "ratio {ratio} is greater than max/min = {highest:.6}"
            )));
        }
    }
}
