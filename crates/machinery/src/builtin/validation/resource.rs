//! Validation of resource.k8s.io: claims, their templates, classes of devices (`pkg/apis/resource/validation/validation.go`).
//! Slices are in `slice`, what is allocated in `status`.

mod slice;
mod status;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::read::{At, Errors};
use super::storage::driver_name;
use super::{FieldError, NameRule, meta};
use crate::cel::device;
use crate::names;

pub use status::update as status_update;

const MOST_REQUESTS: usize = 32;
const MOST_ALTERNATIVES: usize = 8;
const MOST_SELECTORS: usize = 32;
const MOST_CONSTRAINTS: usize = 32;
const MOST_CONFIGURATIONS: usize = 32;
const LONGEST_EXPRESSION: usize = 10 * 1024;
const LARGEST_PARAMETERS: usize = 10 * 1024;
const LONGEST_POOL: usize = 253;
const LONGEST_IDENTIFIER: usize = 32;
const NAME_OF_REQUEST: &str = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/// The rest of a new object; metadata is already checked.
pub fn create(kind: &str, object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    match kind {
        "ResourceClaim" => devices(&spec.child("devices"), errors),
        "ResourceClaimTemplate" => template(&spec, errors),
        "DeviceClass" => class(&spec, errors),
        "ResourceSlice" => slice::spec(&spec, None, errors),
        _ => {}
    }
}

/// An update through the main endpoint.
pub fn update(kind: &str, new: &At<'_>, old: &At<'_>, namespaced: bool, errors: &mut Errors) {
    let rule = NameRule::Subdomain;
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    match kind {
        "ResourceClaim" => {
            meta::builtin_create(new, rule, namespaced, errors);
            meta::builtin_update(new, old, errors);
            spec.immutable(old_spec.value(), "resource.ResourceClaimSpec", errors);
        }
        "ResourceClaimTemplate" => {
            meta::builtin_create(new, rule, namespaced, errors);
            template(&spec, errors);
            meta::builtin_update(new, old, errors);
            let go_type = "resource.ResourceClaimTemplateSpec";
            spec.immutable(old_spec.value(), go_type, errors);
        }
        "DeviceClass" => {
            meta::builtin_create(new, rule, namespaced, errors);
            meta::builtin_update(new, old, errors);
            class(&spec, errors);
        }
        _ => {
            meta::builtin_update(new, old, errors);
            slice::spec(&spec, Some(&old_spec), errors);
        }
    }
}

/// A list with a limit: the number of its items alone, if there are too many.
fn within<'a>(list: &At<'a>, most: usize, errors: &mut Errors) -> Vec<At<'a>> {
    let items = list.items();
    if items.len() > most {
        errors.push(FieldError::too_many(list.path(), items.len(), most));
        return Vec::new();
    }
    items
}

/// Items whose keys are reported where they come again.
fn unique(items: &[At<'_>], key: Option<&str>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for item in items {
        let text = key.map_or_else(|| item.text(), |key| item.child(key).text());
        if !seen.insert(text) {
            errors.push(FieldError::duplicate(item.path(), text));
        }
    }
}

fn label(name: &At<'_>, errors: &mut Errors) {
    name.complain(names::dns1123_label(name.text()), errors);
}

/// The requests of a claim and their alternatives by name.
type Requests<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn requests_of<'a>(devices: &At<'a>) -> Requests<'a> {
    let requests = devices.child("requests").items().into_iter();
    let named = requests.map(|request| {
        let alternatives = request.child("firstAvailable").items().into_iter();
        (
            request.child("name").text(),
            alternatives.map(|one| one.child("name").text()).collect(),
        )
    });
    named.collect()
}

fn devices(devices: &At<'_>, errors: &mut Errors) {
    let names = requests_of(devices);
    let requests = within(&devices.child("requests"), MOST_REQUESTS, errors);
    for request in &requests {
        self::request(request, errors);
    }
    unique(&requests, Some("name"), errors);
    for constraint in within(&devices.child("constraints"), MOST_CONSTRAINTS, errors) {
        references(&constraint.child("requests"), &names, errors);
        let (same, distinct) = (
            constraint.child("matchAttribute"),
            constraint.child("distinctAttribute"),
        );
        if same.is_set() {
            fully_qualified(&same, errors);
        } else if distinct.is_set() {
            fully_qualified(&distinct, errors);
        } else {
            errors.push(constraint.required(
                r#"exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set"#,
            ));
        }
    }
    for config in within(&devices.child("config"), MOST_CONFIGURATIONS, errors) {
        references(&config.child("requests"), &names, errors);
        configuration(&config, errors);
    }
}

fn request(request: &At<'_>, errors: &mut Errors) {
    label(&request.child("name"), errors);
    let (exactly, first) = (request.child("exactly"), request.child("firstAvailable"));
    match (exactly.is_set(), !first.is_empty()) {
        (false, false) => {
            let detail = "exactly one of `exactly` or `firstAvailable` is required";
            errors.push(request.required(detail));
        }
        (true, true) => errors.push(request.invalid_as(
            &Value::Null,
            "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set",
        )),
        (true, false) => wanted(&exactly, errors),
        (false, true) => {
            let alternatives = within(&first, MOST_ALTERNATIVES, errors);
            for one in &alternatives {
                label(&one.child("name"), errors);
                wanted(one, errors);
            }
            unique(&alternatives, Some("name"), errors);
        }
    }
}

fn wanted(request: &At<'_>, errors: &mut Errors) {
    let class = request.child("deviceClassName");
    if class.is_empty() {
        errors.push(class.required(""));
    } else {
        class.complain(names::dns1123_subdomain(class.text()), errors);
    }
    selectors(&request.child("selectors"), errors);
    let (mode, count) = (request.child("allocationMode"), request.child("count"));
    match mode.text() {
        "All" if count.int() != 0 => {
            errors.push(count.invalid("must not be specified when allocationMode is 'All'"));
        }
        "ExactCount" if count.int() <= 0 => {
            errors.push(count.invalid_as(count.int(), "must be greater than zero"));
        }
        "All" | "ExactCount" => {}
        _ => errors.push(mode.not_supported(&["All", "ExactCount"])),
    }
    for one in request.child("tolerations").items() {
        toleration(&one, errors);
    }
}

fn selectors(selectors: &At<'_>, errors: &mut Errors) {
    for selector in within(selectors, MOST_SELECTORS, errors) {
        let cel = selector.child("cel");
        if !cel.is_set() {
            errors.push(cel.required(""));
            continue;
        }
        let expression = cel.child("expression");
        if expression.text().len() > LONGEST_EXPRESSION {
            errors.push(FieldError::too_long(expression.path(), LONGEST_EXPRESSION));
        } else if let Err(why) = device::check(expression.text()) {
            errors.push(expression.unusable(expression.text(), why));
        }
    }
}

fn toleration(toleration: &At<'_>, errors: &mut Errors) {
    let (key, operator, value) = (
        toleration.child("key"),
        toleration.child("operator"),
        toleration.child("value"),
    );
    if !key.is_empty() {
        meta::label_name(&key, key.text(), errors);
    }
    match operator.text() {
        "Exists" if !value.is_empty() => {
            errors.push(value.invalid("must be empty for operator `Exists`"));
        }
        "Exists" => {}
        "Equal" => value.complain(names::label_value(value.text()), errors),
        _ => operator.one_of(&["Equal", "Exists"], errors),
    }
    let effect = toleration.child("effect");
    if !effect.is_empty() {
        effect.one_of(&["NoExecute", "NoSchedule", "None"], errors);
    }
}

fn taint(taint: &At<'_>, errors: &mut Errors) {
    let (key, value) = (taint.child("key"), taint.child("value"));
    meta::label_name(&key, key.text(), errors);
    if !value.is_empty() {
        value.complain(names::label_value(value.text()), errors);
    }
    taint
        .child("effect")
        .one_of(&["NoExecute", "NoSchedule", "None"], errors);
}

/// Names of requests, or of one of their alternatives.
fn references(list: &At<'_>, names: &Requests<'_>, errors: &mut Errors) {
    let items = within(list, MOST_REQUESTS, errors);
    for item in &items {
        reference(item, names, errors);
    }
    unique(&items, None, errors);
}

fn reference(name: &At<'_>, requests: &Requests<'_>, errors: &mut Errors) {
    let parts: Vec<&str> = name.text().split('/').collect();
    if parts.len() > 2 {
        errors.push(name.invalid_as(name.text(), NAME_OF_REQUEST));
        return;
    }
    for part in &parts {
        for complaint in names::dns1123_label(part) {
            errors.push(name.invalid_as(*part, complaint));
        }
    }
    let known = match parts.as_slice() {
        [request] => requests.contains_key(request),
        [request, alternative] => requests
            .get(request)
            .is_some_and(|known| known.contains(alternative)),
        _ => false,
    };
    if !known {
        errors.push(name.invalid_as(name.text(), NAME_OF_REQUEST));
    }
}

fn configuration(config: &At<'_>, errors: &mut Errors) {
    let opaque = config.child("opaque");
    if !opaque.is_set() {
        errors.push(opaque.required(""));
        return;
    }
    driver_name(&opaque.child("driver"), errors);
    raw_object(&opaque.child("parameters"), errors);
}

/// JSON that only a driver understands.
fn raw_object(raw: &At<'_>, errors: &mut Errors) {
    if !raw.is_set() {
        errors.push(raw.required(""));
    } else if raw.value().to_string().len() > LARGEST_PARAMETERS {
        errors.push(FieldError::too_long(raw.path(), LARGEST_PARAMETERS));
    } else if !raw.value().is_object() {
        errors.push(raw.invalid_as("<value omitted>", "must be a valid JSON object"));
    }
}

fn template(spec: &At<'_>, errors: &mut Errors) {
    meta::of_template(&spec.child("metadata"), errors);
    devices(&spec.child("spec").child("devices"), errors);
}

fn class(spec: &At<'_>, errors: &mut Errors) {
    selectors(&spec.child("selectors"), errors);
    for config in within(&spec.child("config"), MOST_CONFIGURATIONS, errors) {
        configuration(&config, errors);
    }
    let name = spec.child("extendedResourceName");
    if name.is_set() && !is_extended_resource(name.text()) {
        errors.push(name.invalid("must be a valid extended resource name"));
    }
}

fn is_native_resource(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended_resource(name: &str) -> bool {
    !is_native_resource(name)
        && !name.starts_with("requests.")
        && names::label_key(&format!("requests.{name}")).is_empty()
}

/// The name of a pool: subdomains with slashes between them.
fn pool_name(name: &At<'_>, errors: &mut Errors) {
    if name.is_empty() {
        errors.push(name.required(""));
        return;
    }
    if name.text().len() > LONGEST_POOL {
        errors.push(FieldError::too_long(name.path(), LONGEST_POOL));
    }
    for part in name.text().split('/') {
        for complaint in names::dns1123_subdomain(part) {
            errors.push(name.invalid_as(part, complaint));
        }
    }
}

/// An identifier of C, behind a domain if there is one; what has more slashes is let through.
fn qualified(path: &str, name: &str, errors: &mut Errors) {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        [id] => identifier(path, id, errors),
        [domain, id] => {
            if domain.is_empty() {
                errors.push(FieldError::invalid(
                    path,
                    "",
                    "the domain must not be empty",
                ));
            } else {
                driver_name(&At::new(path, &Value::from(*domain)), errors);
            }
            if id.is_empty() {
                errors.push(FieldError::invalid(path, "", "the name must not be empty"));
            } else {
                identifier(path, id, errors);
            }
        }
        _ => {}
    }
}

fn fully_qualified(name: &At<'_>, errors: &mut Errors) {
    qualified(name.path(), name.text(), errors);
    if !name.text().contains('/') {
        let detail = "a fully qualified name must be a domain and a name separated by a slash";
        errors.push(name.invalid_as(name.text(), detail));
    }
}

fn identifier(path: &str, id: &str, errors: &mut Errors) {
    if id.len() > LONGEST_IDENTIFIER {
        errors.push(FieldError::too_long(path, LONGEST_IDENTIFIER));
    }
    let starts = id.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic());
    let goes_on = id
        .chars()
        .all(|one| one == '_' || one.is_ascii_alphanumeric());
    if !(starts && goes_on) {
        errors.push(FieldError::invalid(
            path,
            id,
            names::regex_error(
                "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric \
                 characters or '_'",
                "[A-Za-z_][A-Za-z0-9_]*",
                &["my_name", "MY_NAME", "MyName"],
            ),
        ));
    }
}

/// Names of conditions that a device waits for, and of those that say it failed: both or none, and no name twice.
fn binding_conditions(of: &At<'_>, errors: &mut Errors) {
    const MOST: usize = 4;
    let (wanted, failed) = (
        of.child("bindingConditions"),
        of.child("bindingFailureConditions"),
    );
    for list in [&wanted, &failed] {
        for name in within(list, MOST, errors) {
            meta::label_name(&name, name.text(), errors);
        }
    }
    unique(&wanted.items(), None, errors);
    let both: BTreeSet<&str> = wanted.items().iter().map(At::text).collect();
    let mut seen = BTreeSet::new();
    for name in failed.items() {
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        if both.contains(name.text()) {
            let detail = "bindingFailureConditions must not overlap with bindingConditions";
            errors.push(name.invalid_as(name.text(), detail));
        }
    }
    for (missing, other, detail) in [
        (
            &wanted,
            &failed,
            "bindingConditions are required to use bindingFailureConditions",
        ),
        (
            &failed,
            &wanted,
            "bindingFailureConditions are required to use bindingConditions",
        ),
    ] {
        if missing.is_empty() && !other.is_empty() {
            errors.push(missing.invalid_as(missing.dump("[]string"), detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(kind: &str, spec: &Value) -> Vec<String> {
        let object = json!({"spec": spec});
        let mut errors = Errors::new();
        create(kind, &At::new("", &object), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_claim_refers_to_its_own_requests() {
        let spec = json!({"devices": {
            "requests": [{"name": "r", "firstAvailable": [{"name": "s", "deviceClassName": "c", "allocationMode": "ExactCount", "count": 1}]}],
            "constraints": [{"requests": ["r", "r/s", "r/t", "a/b/c"], "matchAttribute": "d.example/x"}],
        }});
        assert_eq!(
            said("ResourceClaim", &spec),
            [
                format!(
                    "spec.devices.constraints[0].requests[2]: Invalid value: \"r/t\": {NAME_OF_REQUEST}"
                ),
                format!(
                    "spec.devices.constraints[0].requests[3]: Invalid value: \"a/b/c\": {NAME_OF_REQUEST}"
                ),
            ]
        );
    }

    #[test]
    fn a_class_chooses_devices_by_expressions() {
        let spec = |expression: &str| json!({"selectors": [{"cel": {"expression": expression}}]});
        assert_eq!(said("DeviceClass", &spec("true")), [""; 0]);
        assert_eq!(
            said("DeviceClass", &spec("device.driver")),
            [
                "spec.selectors[0].cel.expression: Invalid value: \"device.driver\": must evaluate to bool or the unknown type, not string"
            ]
        );
    }

    #[test]
    fn extended_resources_have_domains_of_others() {
        assert!(is_extended_resource("d.example/gpu"));
        for bad in ["cpu", "kubernetes.io/x", "requests.x/y", "a b/c"] {
            assert!(!is_extended_resource(bad), "{bad}");
        }
    }
}
