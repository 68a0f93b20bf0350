//! Validation of storage.k8s.io (`pkg/apis/storage/validation/validation.go`).

use std::collections::{BTreeMap, BTreeSet};

use super::core::inline_volume;
use super::pod::qualified_name;
use super::read::{At, Errors, same};
use super::{Allowance, FieldError, NameRule, meta};
use crate::names;
use crate::quantity::Quantity;

const MOST_PARAMETERS: usize = 512;
const LARGEST_PARAMETERS: usize = 256 * 1024;
const LONGEST_MESSAGE: usize = 1024;
const LONGEST_NODE_ID: usize = 256;
const LONGEST_DRIVER: usize = 63;
const SHORTEST_TOKEN: i64 = 600;
const LONGEST_TOKEN: i64 = 1 << 32;
const ONE_SOURCE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

/// The rest of a new object; metadata is already checked.
pub fn create(kind: &str, object: &At<'_>, errors: &mut Errors) {
    match kind {
        "CSIDriver" => driver(&object.child("spec"), errors),
        "CSINode" => node(&object.child("spec").child("drivers"), errors),
        "CSIStorageCapacity" => capacity(object, errors),
        "StorageClass" => storage_class(object, errors),
        "VolumeAttachment" => attachment(object, errors),
        "VolumeAttributesClass" => {
            provisioner(&object.child("driverName"), errors);
            let parameters = object.child("parameters");
            self::parameters(&parameters, errors);
            if parameters.is_empty() {
                errors.push(parameters.required("must contain at least one key/value pair"));
            }
        }
        _ => {}
    }
}

/// An update through the main endpoint.
pub fn update(kind: &str, new: &At<'_>, old: &At<'_>, namespaced: bool, errors: &mut Errors) {
    let rule = NameRule::of("storage.k8s.io", kind);
    match kind {
        "CSIDriver" => driver_update(new, old, errors),
        "CSINode" => {
            meta::builtin_create(new, rule, namespaced, errors);
            create(kind, new, errors);
            node_update(&new.child("spec"), &old.child("spec"), errors);
        }
        "CSIStorageCapacity" => {
            meta::builtin_create(new, rule, namespaced, errors);
            create(kind, new, errors);
            meta::builtin_update(new, old, errors);
            for (key, go_type) in [
                ("nodeTopology", "*metav1.LabelSelector"),
                ("storageClassName", "string"),
            ] {
                new.child(key)
                    .immutable(old.child(key).value(), go_type, errors);
            }
        }
        "StorageClass" => {
            meta::builtin_create(new, rule, namespaced, errors);
            create(kind, new, errors);
            meta::builtin_update(new, old, errors);
            for (key, go_type) in [
                ("parameters", "map string"),
                ("provisioner", "string"),
                ("reclaimPolicy", "*string"),
                ("volumeBindingMode", "*string"),
            ] {
                new.child(key)
                    .immutable(old.child(key).value(), go_type, errors);
            }
        }
        "VolumeAttachment" => attachment_update(new, old, errors),
        "VolumeAttributesClass" => {
            meta::builtin_update(new, old, errors);
            for key in ["driverName", "parameters"] {
                if !same(new.child(key).value(), old.child(key).value()) {
                    let detail = format!("updates to {key} are forbidden.");
                    errors.push(new.child(key).forbidden(detail));
                }
            }
            meta::builtin_create(new, rule, namespaced, errors);
            create(kind, new, errors);
        }
        _ => meta::builtin_update(new, old, errors),
    }
}

/// An update of an attachment: also of its status.
pub fn attachment_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let rule = NameRule::of("storage.k8s.io", "VolumeAttachment");
    meta::builtin_create(new, rule, false, errors);
    attachment(new, errors);
    new.child("spec").immutable(
        old.child("spec").value(),
        "storage.VolumeAttachmentSpec",
        errors,
    );
}

/// The name of a driver of devices or volumes, in any case.
pub fn driver_name(name: &At<'_>, errors: &mut Errors) {
    if name.is_empty() {
        errors.push(name.required(""));
        return;
    }
    if name.text().len() > LONGEST_DRIVER {
        errors.push(FieldError::too_long(name.path(), LONGEST_DRIVER));
    }
    name.complain(
        names::dns1123_subdomain(&name.text().to_lowercase()),
        errors,
    );
}

fn driver(spec: &At<'_>, errors: &mut Errors) {
    for (key, name) in [
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ] {
        let field = spec.renamed(key, name);
        if !field.is_set() {
            errors.push(field.required(""));
        }
    }
    let policy = spec.child("fsGroupPolicy");
    let policies = ["File", "None", "ReadWriteOnceWithFSType"];
    if policy.is_set() && !policies.contains(&policy.text()) {
        errors.push(policy.not_supported(&policies));
    }
    let tokens = spec.child("tokenRequests");
    token_requests(&tokens, errors);
    let modes = spec.child("volumeLifecycleModes");
    for mode in modes.items() {
        if !["Persistent", "Ephemeral"].contains(&mode.text()) {
            errors.push(
                mode.moved(modes.path())
                    .not_supported(&["Persistent", "Ephemeral"]),
            );
        }
    }
    if !spec.child("seLinuxMount").is_set() {
        errors.push(spec.child("seLinuxMount").required(""));
    }
    let period = spec.child("nodeAllocatableUpdatePeriodSeconds");
    if period.is_set() && period.int() < 10 {
        errors.push(period.invalid("must be greater than or equal to 10 seconds"));
    }
    let in_secrets = spec.child("serviceAccountTokenInSecrets");
    if in_secrets.is_set() && tokens.is_empty() {
        errors.push(
            in_secrets
                .invalid("serviceAccountTokenInSecrets is set but no tokenRequests are specified"),
        );
    }
}

fn token_requests(tokens: &At<'_>, errors: &mut Errors) {
    let mut audiences = BTreeSet::new();
    for token in tokens.items() {
        let (audience, seconds) = (token.child("audience"), token.child("expirationSeconds"));
        if !audiences.insert(audience.text()) {
            errors.push(audience.duplicate());
            continue;
        }
        if seconds.is_set() && seconds.int() < SHORTEST_TOKEN {
            errors.push(seconds.invalid("may not specify a duration less than 10 minutes"));
        }
        if seconds.int() > LONGEST_TOKEN {
            errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
        }
    }
}

fn driver_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    driver(&spec, errors);
    for (key, name, go_type) in [
        ("attachRequired", "attachedRequired", "*bool"),
        ("volumeLifecycleModes", "volumeLifecycleModes", "[]string"),
    ] {
        spec.renamed(key, name)
            .immutable(old_spec.child(key).value(), go_type, errors);
    }
}

fn node(drivers: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for driver in drivers.items() {
        let (name, id) = (driver.child("name"), driver.child("nodeID"));
        driver_name(&name, errors);
        if id.is_empty() {
            errors.push(id.required(""));
        }
        if id.text().len() > LONGEST_NODE_ID {
            let detail = format!("must be {LONGEST_NODE_ID} characters or less");
            errors.push(id.invalid(detail));
        }
        let count = driver.child("allocatable").child("count");
        if count.int() < 0 {
            errors.push(count.invalid("must be greater than or equal to 0"));
        }
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        let mut keys = BTreeSet::new();
        for key in driver.child("topologyKeys").items() {
            let key = key.moved(driver.path());
            if key.is_empty() {
                errors.push(key.required(""));
            }
            if !keys.insert(key.text()) {
                errors.push(key.duplicate());
            }
            qualified_name(&key, errors);
        }
    }
}

/// A driver that stays may change how many volumes it can attach, and nothing else.
fn node_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let without_count = |driver: &At<'_>| {
        let mut fields = driver.map().cloned().unwrap_or_default();
        fields.remove("allocatable");
        serde_json::Value::Object(fields)
    };
    let drivers = new.child("drivers");
    for before in old.child("drivers").items() {
        for driver in drivers.items() {
            if driver.child("name").text() == before.child("name").text() {
                let now = without_count(&driver);
                At::new(drivers.path(), &now).immutable(
                    &without_count(&before),
                    "storage.CSINodeDriver",
                    errors,
                );
            }
        }
    }
}

fn capacity(object: &At<'_>, errors: &mut Errors) {
    meta::label_selector(&object.child("nodeTopology"), errors);
    let class = object.child("storageClassName");
    class.complain(names::dns1123_subdomain(class.text()), errors);
    let capacity = object.child("capacity");
    if Quantity::parse(capacity.text()).is_ok_and(|quantity| quantity.sign() < 0) {
        errors.push(capacity.invalid("must be greater than or equal to 0"));
    }
}

fn provisioner(provisioner: &At<'_>, errors: &mut Errors) {
    if provisioner.is_empty() {
        errors.push(provisioner.required(""));
        return;
    }
    let lower = provisioner.text().to_lowercase();
    for complaint in names::label_key(&lower) {
        errors.push(provisioner.invalid_as(lower.as_str(), complaint));
    }
}

fn parameters(parameters: &At<'_>, errors: &mut Errors) {
    let entries = parameters.entries();
    if entries.len() > MOST_PARAMETERS {
        errors.push(FieldError::too_long(parameters.path(), MOST_PARAMETERS));
        return;
    }
    if entries.iter().any(|(key, _)| key.is_empty()) {
        errors.push(parameters.invalid_as("", "field can not be empty."));
    }
    if size(parameters) > LARGEST_PARAMETERS {
        errors.push(FieldError::too_long(parameters.path(), LARGEST_PARAMETERS));
    }
}

/// How many bytes a map of texts has.
fn size(map: &At<'_>) -> usize {
    let entries = map.entries();
    let sizes = entries
        .iter()
        .map(|(key, value)| key.len() + value.text().len());
    sizes.sum()
}

fn storage_class(class: &At<'_>, errors: &mut Errors) {
    provisioner(&class.child("provisioner"), errors);
    parameters(&class.child("parameters"), errors);
    let policy = class.child("reclaimPolicy");
    if !policy.is_empty() && !["Delete", "Retain"].contains(&policy.text()) {
        errors.push(policy.not_supported(&["Delete", "Retain"]));
    }
    let mode = class.child("volumeBindingMode");
    if !mode.is_set() {
        errors.push(mode.required(""));
    } else if !["Immediate", "WaitForFirstConsumer"].contains(&mode.text()) {
        errors.push(mode.not_supported(&["Immediate", "WaitForFirstConsumer"]));
    }
    topologies(&class.child("allowedTopologies"), errors);
}

type Term<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Terms differ from each other. The real server compares each also with as many empty ones as there are terms, so that an
/// empty term is reported once per term.
fn topologies(terms: &At<'_>, errors: &mut Errors) {
    let items = terms.items();
    let mut seen = BTreeMap::from([(Term::new(), items.len())]);
    // One list an object, and errors that are short: of a few hundred terms all are told.
    let allowance = Allowance::of(8 << 20);
    for item in &items {
        let expressions = item.child("matchLabelExpressions");
        let term = topology(&expressions, errors);
        let count = seen.entry(term).or_default();
        for _ in 0..*count {
            if !allowance.takes(expressions.path().len()) {
                break;
            }
            errors.push(FieldError::duplicate(expressions.path(), ""));
        }
        *count += 1;
    }
}

fn topology<'a>(expressions: &At<'a>, errors: &mut Errors) -> Term<'a> {
    let mut term = Term::new();
    for expression in expressions.items() {
        let (key, values) = (expression.child("key"), expression.child("values"));
        if values.is_empty() {
            errors.push(values.required(""));
        }
        let mut all = BTreeSet::new();
        for value in values.items() {
            if !all.insert(value.text()) {
                errors.push(value.duplicate());
            }
        }
        meta::label_name(&key, key.text(), errors);
        if term.insert(key.text(), all).is_some() {
            errors.push(key.duplicate());
        }
    }
    term
}

fn attachment(object: &At<'_>, errors: &mut Errors) {
    let (spec, status) = (object.child("spec"), object.child("status"));
    driver_name(&spec.child("attacher"), errors);
    let source = spec.child("source");
    let (volume, inline) = (
        source.child("persistentVolumeName"),
        source.child("inlineVolumeSpec"),
    );
    match (inline.is_set(), volume.is_set()) {
        (false, false) => errors.push(source.required(ONE_SOURCE)),
        (true, true) => errors.push(source.forbidden(ONE_SOURCE)),
        (false, true) if volume.is_empty() => {
            errors.push(volume.required("must specify non empty persistentVolumeName"));
        }
        (false, true) => {}
        (true, false) => inline_volume(&inline, errors),
    }
    let node = spec.child("nodeName");
    node.complain(names::dns1123_subdomain(node.text()), errors);
    let data = status.child("attachmentMetadata");
    if size(&data) > LARGEST_PARAMETERS {
        errors.push(FieldError::too_long(data.path(), LARGEST_PARAMETERS));
    }
    for key in ["attachError", "detachError"] {
        let error = status.child(key);
        let (message, code) = (error.child("message"), error.child("errorCode"));
        if message.text().len() > LONGEST_MESSAGE {
            // The limit that is named is another one than that which is kept.
            errors.push(FieldError::too_long(message.path(), LARGEST_PARAMETERS));
        }
        if code.int() < 0 {
            let detail = "must be between 0 and 2147483647, inclusive";
            errors.push(code.invalid(detail));
        }
    }
    if volume.is_set() {
        volume.complain(names::dns1123_subdomain(volume.text()), errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::builtin::validation::{validate_create, validate_update};

    fn said(kind: &str, rest: &Value) -> Vec<String> {
        let object = with_name(rest);
        let errors = validate_create("storage.k8s.io", "v1", kind, &object);
        errors.iter().map(ToString::to_string).collect()
    }

    fn with_name(rest: &Value) -> Value {
        let mut object = json!({"metadata": {"name": "a", "resourceVersion": "1"}});
        for (key, value) in rest.as_object().unwrap() {
            object[key] = value.clone();
        }
        object
    }

    #[test]
    fn an_attachment_names_its_driver_one_volume_and_a_node() {
        let fields = |spec: Value| {
            let object = with_name(&json!({"spec": spec}));
            let found = validate_create("storage.k8s.io", "v1", "VolumeAttachment", &object);
            let fields = found.into_iter().map(|error| error.field);
            fields.collect::<Vec<_>>()
        };
        let source = json!({"persistentVolumeName": "v"});
        let spec =
            |attacher: &str| json!({"attacher": attacher, "source": source, "nodeName": "n"});
        assert_eq!(fields(spec("CSI.example.com")), [""; 0]);
        assert_eq!(fields(spec("example.com/p")), ["spec.attacher"]);
        assert_eq!(
            fields(json!({"attacher": "", "source": {}, "nodeName": ""})),
            ["spec.attacher", "spec.source", "spec.nodeName"]
        );
        let inline = json!({"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "nfs": {"server": "s", "path": "/"}});
        assert_eq!(
            fields(
                json!({"attacher": "d", "source": {"inlineVolumeSpec": inline}, "nodeName": "n"})
            ),
            [
                "spec.source.inlineVolumeSpec.capacity",
                "spec.source.inlineVolumeSpec.csi"
            ]
        );
    }

    #[test]
    fn an_empty_topology_is_a_duplicate_of_nothing() {
        let class = |terms: Value| json!({"provisioner": "p", "volumeBindingMode": "Immediate", "allowedTopologies": terms});
        let twice = json!([
            {"matchLabelExpressions": [{"key": "zone", "values": ["a", "b"]}]},
            {"matchLabelExpressions": [{"key": "zone", "values": ["b", "a"]}]},
        ]);
        assert_eq!(
            said("StorageClass", &class(twice)),
            ["allowedTopologies[1].matchLabelExpressions: Duplicate value: \"\""]
        );
        assert_eq!(
            said("StorageClass", &class(json!([{}]))),
            ["allowedTopologies[0].matchLabelExpressions: Duplicate value: \"\""]
        );
    }

    #[test]
    fn of_a_driver_on_a_node_only_the_count_changes() {
        let node = |driver: Value| with_name(&json!({"spec": {"drivers": [driver]}}));
        let old = node(json!({"name": "d", "nodeID": "n", "allocatable": {"count": 1}}));
        let said = |driver: Value| {
            let errors = validate_update("storage.k8s.io", "v1", "CSINode", &node(driver), &old);
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let more = json!({"name": "d", "nodeID": "n", "allocatable": {"count": 2}});
        assert_eq!(said(more), [""; 0]);
        assert_eq!(
            said(json!({"name": "d", "nodeID": "m"})),
            [
                "spec.drivers: Invalid value: {\"Name\":\"d\",\"NodeID\":\"m\",\"TopologyKeys\":null,\"Allocatable\":null}: field is immutable"
            ]
        );
    }
}
