//! Validation of apiregistration.k8s.io (`kube-aggregator/pkg/apis/apiregistration/validation/validation.go`).

use super::names::path_segment;
use super::read::{At, Errors};
use super::{BadValue, meta};
use crate::names;

/// An API service, new or changed, with its metadata: it is called by the version and the group that it is for.
pub fn create(object: &At<'_>, errors: &mut Errors) {
    let spec = object.child("spec");
    let (group, version) = (spec.child("group"), spec.child("version"));
    let name = format!("{}.{}", version.text(), group.text());
    let rule = |given: &str, _prefix: bool| {
        let complaints = path_segment(given, false);
        if complaints.is_empty() && given != name {
            let shown = super::error::quote(&name);
            return vec![format!("must be `spec.version+\".\"+spec.group`: {shown}")];
        }
        complaints
    };
    meta::create(&object.child("metadata"), false, rule, errors);
    if group.is_empty() && version.text() != "v1" {
        let detail = "only v1 may have an empty group and it better be legacy kube";
        errors.push(group.required(detail));
    }
    if !group.is_empty() {
        group.complain(names::dns1123_subdomain(group.text()), errors);
    }
    version.complain(names::dns1035_label(version.text()), errors);
    for (key, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
        let number = spec.child(key);
        if !(1..=most).contains(&number.int()) {
            let detail = format!("must be positive and less than {most}");
            errors.push(number.invalid_as(number.int(), detail));
        }
    }
    trust(&spec, errors);
}

/// Where the API is served, and how that is known to be it.
fn trust(spec: &At<'_>, errors: &mut Errors) {
    let (service, bundle, insecure) = (
        spec.child("service"),
        spec.child("caBundle"),
        spec.child("insecureSkipTLSVerify"),
    );
    if !service.is_set() {
        if !bundle.is_empty() {
            let shown = format!("{} bytes", decoded(bundle.text()));
            errors.push(bundle.invalid_as(shown, "local APIServices may not have a caBundle"));
        }
        if insecure.is_true() {
            let detail = "local APIServices may not have insecureSkipTLSVerify";
            errors.push(insecure.invalid(detail));
        }
        return;
    }
    for key in ["namespace", "name"] {
        if service.child(key).is_empty() {
            errors.push(service.child(key).required(""));
        }
    }
    let port = service.child("port");
    let complaints = names::port_number(port.int());
    if !complaints.is_empty() {
        let detail = format!("port is not valid: {}", complaints.join(", "));
        errors.push(port.invalid_as(port.int(), detail));
    }
    if insecure.is_true() && !bundle.is_empty() {
        let shown = BadValue::Json("true".to_owned());
        errors.push(insecure.invalid_as(shown, "may not be true if caBundle is present"));
    }
}

/// How many bytes a text of base64 stands for.
fn decoded(text: &str) -> usize {
    text.len() / 4 * 3 - text.bytes().filter(|byte| *byte == b'=').count()
}

/// Conditions are true, false, or not known to be.
pub fn status(status: &At<'_>, errors: &mut Errors) {
    let known = ["True", "False", "Unknown"];
    for condition in status.child("conditions").items() {
        let status = condition.child("status");
        if !known.contains(&status.text()) {
            errors.push(status.not_supported(&known));
        }
    }
}

#[test]
fn an_api_is_called_by_its_version_and_group() {
    let said = |name: &str, spec: serde_json::Value| {
        let object = serde_json::json!({"metadata": {"name": name}, "spec": spec});
        let mut errors = Errors::new();
        create(&At::new("", &object), &mut errors);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let spec = serde_json::json!({"group": "g.example", "version": "v1", "groupPriorityMinimum": 20001, "versionPriority": 1,
        "caBundle": "YQ=="});
    assert_eq!(
        said("v1.g", spec),
        [
            "metadata.name: Invalid value: \"v1.g\": must be `spec.version+\".\"+spec.group`: \"v1.g.example\"",
            "spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000",
            "spec.caBundle: Invalid value: \"1 bytes\": local APIServices may not have a caBundle",
        ]
    );
}
