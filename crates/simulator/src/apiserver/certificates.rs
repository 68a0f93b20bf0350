//! Requests for certificates as objects: their validation, the times of their conditions, and who may approve and sign them
//! (`pkg/apis/certificates/validation`, `pkg/registry/certificates`, `plugin/pkg/admission/certificates`).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use machinery::builtin::validation::{ErrorKind, FieldError};
use machinery::der::{SEQUENCE, within};
use machinery::{meta, names, pointer, time};
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use serde_json::{Value, json};

use super::ApiServer;
use super::rbac::rule::{Asked, Attributes, ResourceAsked};
use super::registry::Served;
use crate::certificates::request::Request;
use crate::request::User;
use crate::status_error::ApiError;

/// The signer of certificates that clients show this server.
pub(crate) const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
const APPROVED: &str = "Approved";
const DENIED: &str = "Denied";
const FAILED: &str = "Failed";
const SHORTEST: i64 = 600;
/// Longest domain of a signer's name, and longest name, in bytes.
const DOMAIN: usize = 253;
const NAME: usize = DOMAIN + 253 + 63 + 2;
const CONDITIONS: &str = "status.conditions";

/// Every usage, sorted.
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// Whether a resource is that of requests for certificates.
pub(crate) fn are_requests(served: &Served) -> bool {
    let resource = &served.resource;
    resource.group == "certificates.k8s.io" && resource.kind == "CertificateSigningRequest"
}

/// The request in an object.
pub(crate) fn request_of(object: &Value) -> Result<Request, String> {
    let text = pointer::text(object, "/spec/request");
    Request::parse(&STANDARD.decode(text).unwrap_or_default())
}

/// What the endpoints that take conditions do first: keep what is decided, and set the times that a client left out.
pub(crate) fn prepare(
    served: &Served,
    subresource: &str,
    new: &mut Value,
    old: &Value,
    now: Timestamp,
) {
    if !are_requests(served) || !matches!(subresource, "status" | "approval") {
        return;
    }
    if subresource == "status" {
        keep_decisions(new, old);
    } else if new.pointer("/status/conditions").is_none()
        && old.pointer("/status/conditions").is_some()
        && let Some(object) = new.as_object_mut()
    {
        // None at all are a removal of those there were.
        object.insert("status".to_owned(), json!({"conditions": []}));
    }
    let Some(conditions) = new
        .pointer_mut("/status/conditions")
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    for condition in conditions {
        let same = |key: &str, other: &Value| condition.get(key) == other.get(key);
        let before = pointer::items(old, "/status/conditions")
            .iter()
            .filter(|other| same("type", other) && same("status", other))
            .find_map(|other| {
                other
                    .get("lastTransitionTime")
                    .filter(|time| !time.is_null())
            })
            .cloned();
        let now = json!(time::rfc3339(now));
        let Some(fields) = condition.as_object_mut() else {
            continue;
        };
        let is_missing = |time: Option<&Value>| time.is_none_or(Value::is_null);
        if is_missing(fields.get("lastUpdateTime")) {
            fields.insert("lastUpdateTime".to_owned(), now.clone());
        }
        if is_missing(fields.get("lastTransitionTime")) {
            fields.insert("lastTransitionTime".to_owned(), before.unwrap_or(now));
        }
    }
}

/// Whoever signs leaves approvals and denials as they are, as long as there are as many.
fn keep_decisions(new: &mut Value, old: &Value) {
    for kind in [APPROVED, DENIED] {
        let olds = of_type(old, kind);
        if olds.len() != of_type(new, kind).len() {
            continue;
        }
        let olds: Vec<Value> = olds.into_iter().cloned().collect();
        let conditions = new
            .pointer_mut("/status/conditions")
            .and_then(Value::as_array_mut);
        let news = conditions.into_iter().flatten();
        let news = news.filter(|condition| pointer::text(condition, "/type") == kind);
        for (new, old) in news.zip(olds) {
            *new = old;
        }
    }
}

fn of_type<'a>(object: &'a Value, kind: &str) -> Vec<&'a Value> {
    pointer::items(object, "/status/conditions")
        .iter()
        .filter(|condition| pointer::text(condition, "/type") == kind)
        .collect()
}

/// Errors of a request, new or changed through an endpoint, beside those of its metadata.
pub(crate) fn validate(subresource: &str, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = spec_errors(new, old);
    errors.extend(condition_errors(new, old));
    let certificate = pointer::text(new, "/status/certificate");
    let is_kept = old.is_some_and(|old| pointer::text(old, "/status/certificate") == certificate);
    if !is_kept && let Err(text) = check_certificate(certificate) {
        errors.push(FieldError::invalid(
            "status.certificate",
            "<certificate data>",
            text,
        ));
    }
    if let Some(old) = old {
        errors.extend(change_errors(subresource, new, old));
    }
    errors
}

fn spec_errors(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let request = request_of(new).and_then(|request| request.check_signature());
    if let Err(text) = request {
        let given = new.pointer("/spec/request").unwrap_or(&Value::Null);
        errors.push(FieldError::invalid("spec.request", given, text));
    }
    let usages: Vec<&str> = pointer::items(new, "/spec/usages")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if usages.is_empty() {
        errors.push(FieldError::required("spec.usages", ""));
    }
    // Nothing of the specification can change after creation: what was let in once stays.
    if old.is_none() {
        for (index, usage) in usages.iter().enumerate() {
            if !USAGES.contains(usage) {
                let field = format!("spec.usages[{index}]");
                errors.push(FieldError::not_supported(field, *usage, &USAGES));
            }
        }
        let mut seen = BTreeSet::new();
        for (index, usage) in usages.iter().enumerate() {
            if !seen.insert(usage) {
                let field = format!("spec.usages[{index}]");
                errors.push(FieldError::duplicate(field, *usage));
            }
        }
    }
    errors.extend(signer_errors(
        pointer::text(new, "/spec/signerName"),
        old.is_none(),
    ));
    if let Some(seconds) = pointer::integer(new, "/spec/expirationSeconds")
        && seconds < SHORTEST
    {
        errors.push(FieldError::invalid(
            "spec.expirationSeconds",
            seconds,
            "may not specify a duration less than 600 seconds (10 minutes)",
        ));
    }
    errors
}

fn signer_errors(signer: &str, is_new: bool) -> Vec<FieldError> {
    const FIELD: &str = "spec.signerName";
    if signer == LEGACY_SIGNER {
        let text = "the legacy signerName is not allowed via this API version";
        let refused = is_new.then(|| FieldError::invalid(FIELD, signer, text));
        return refused.into_iter().collect();
    }
    if signer.is_empty() {
        return vec![FieldError::required(FIELD, "")];
    }
    let Some((domain, path)) = signer
        .split_once('/')
        .filter(|(_, path)| !path.contains('/'))
    else {
        let text =
            "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return vec![FieldError::invalid(FIELD, signer, text)];
    };
    let too_long = |most: usize| {
        let text = format!("may not be more than {most} bytes");
        FieldError::new(ErrorKind::TooLong, FIELD, "", text)
    };
    let mut errors = Vec::new();
    if domain.len() > DOMAIN {
        errors.push(too_long(DOMAIN));
    }
    errors.extend(label_errors(FIELD, domain, names::dns1123_label));
    if !domain.contains('.') {
        let text = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(FIELD, domain, text));
    }
    errors.extend(label_errors(FIELD, path, names::dns1123_subdomain));
    if signer.len() > NAME {
        errors.push(too_long(NAME));
    }
    errors
}

/// What is wrong with the first bad label of a part.
fn label_errors(field: &str, part: &str, rule: fn(&str) -> Vec<String>) -> Vec<FieldError> {
    let mut labels = part.split('.').map(|label| (label, rule(label)));
    let Some((label, complaints)) = labels.find(|(_, complaints)| !complaints.is_empty()) else {
        return Vec::new();
    };
    let error = |complaint| {
        let text = format!("validating label {label:?}: {complaint}");
        FieldError::invalid(field, part, text)
    };
    complaints.into_iter().map(error).collect()
}

fn condition_errors(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let conditions = pointer::items(new, "/status/conditions");
    let both = |object: &Value| {
        !of_type(object, APPROVED).is_empty() && !of_type(object, DENIED).is_empty()
    };
    let allows_both = old.is_some_and(both);
    let mut earlier = BTreeSet::new();
    for (index, condition) in conditions.iter().enumerate() {
        let kind = pointer::text(condition, "/type");
        if kind.is_empty() {
            errors.push(FieldError::required(
                format!("{CONDITIONS}[{index}].type"),
                "",
            ));
        }
        let field = format!("{CONDITIONS}[{index}].status");
        let allowed: &[&str] = match kind {
            APPROVED | DENIED | FAILED => &["True"],
            _ => &["False", "True", "Unknown"],
        };
        match pointer::text(condition, "/status") {
            "" => errors.push(FieldError::required(field, "")),
            status if !allowed.contains(&status) => {
                errors.push(FieldError::not_supported(field, status, allowed));
            }
            _ => {}
        }
        let opposite = match kind {
            APPROVED => earlier.contains(DENIED),
            DENIED => earlier.contains(APPROVED),
            _ => false,
        };
        if opposite && !allows_both {
            let text = "Approved and Denied conditions are mutually exclusive";
            errors.push(FieldError::invalid(CONDITIONS, kind, text));
        }
        if !earlier.insert(kind) {
            let field = format!("{CONDITIONS}[{index}].type");
            errors.push(FieldError::duplicate(field, kind));
        }
    }
    errors
}

fn change_errors(subresource: &str, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for kind in [APPROVED, DENIED, FAILED] {
        if of_type(new, kind).len() < of_type(old, kind).len() {
            let text = format!("updates may not remove a condition of type {kind:?}");
            errors.push(FieldError::forbidden(CONDITIONS, text));
        }
    }
    if subresource != "approval" {
        for kind in [APPROVED, DENIED] {
            if of_type(new, kind).len() > of_type(old, kind).len() {
                let text = format!("updates may not add a condition of type {kind:?}");
                errors.push(FieldError::forbidden(CONDITIONS, text));
            }
        }
    }
    let certificate = |object| pointer::text(object, "/status/certificate");
    if certificate(new) != certificate(old) {
        let text = match (subresource, certificate(old)) {
            ("status", "") => return errors,
            ("status", _) => "updates may not modify existing certificate content",
            _ => "updates may not set certificate content",
        };
        errors.push(FieldError::forbidden("status.certificate", text));
    }
    errors
}

/// Whether a text is nothing, or certificates in PEM (and base64).
fn check_certificate(text: &str) -> Result<(), String> {
    let pem = STANDARD.decode(text).unwrap_or_default();
    if pem.is_empty() {
        return Ok(());
    }
    let mut found = false;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&pem) {
        let Ok((SectionKind::Certificate, der)) = section else {
            let text = "only CERTIFICATE PEM blocks are allowed";
            return Err(text.to_owned());
        };
        let inside = within(SEQUENCE, &der).and_then(|(inside, _)| within(SEQUENCE, inside));
        if inside.is_none() {
            return Err("x509: malformed certificate".to_owned());
        }
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err("must contain at least one CERTIFICATE PEM block".to_owned())
    }
}

impl ApiServer {
    /// Refuses requests for members of `system:masters`, and approvals and certificates of whoever may not give them.
    pub(crate) fn check_signing(
        &self,
        served: &Served,
        subresource: &str,
        (new, old): (&Value, Option<&Value>),
        user: Option<&User>,
    ) -> Result<(), ApiError> {
        let name = meta::name(new);
        let refused = |text: &str| Err(ApiError::forbidden(&served.resource, name, text));
        let signer = |object| pointer::text(object, "/spec/signerName");
        let differs = |at: &str, old: &Value| new.pointer(at) != old.pointer(at);
        match (subresource, old) {
            ("", _) if signer(new) == CLIENT_SIGNER => match request_of(new) {
                Ok(request) => {
                    let masters = |group: &String| group == "system:masters";
                    if request.subject.organisations.iter().any(masters) {
                        return refused(&format!(
                            "use of {CLIENT_SIGNER} signer with system:masters group is not allowed"
                        ));
                    }
                    Ok(())
                }
                Err(text) => refused(&format!("failed to parse CSR: {text}")),
            },
            ("approval", Some(old)) if !self.may_use_signer(user, "approve", signer(old)) => {
                let signer = signer(old);
                refused(&format!(
                    "user not permitted to approve requests with signerName {signer:?}"
                ))
            }
            ("status", Some(old))
                if (differs("/status/certificate", old) || differs("/status/conditions", old))
                    && !self.may_use_signer(user, "sign", signer(old)) =>
            {
                let signer = signer(old);
                refused(&format!(
                    "user not permitted to sign requests with signerName {signer:?}"
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether somebody has a right on a signer, or on all of its domain. The server itself has.
    fn may_use_signer(&self, user: Option<&User>, verb: &str, signer: &str) -> bool {
        let Some(user) = user else {
            return true;
        };
        let domain = signer.split('/').next().unwrap_or_default();
        [signer, &format!("{domain}/*")].into_iter().any(|name| {
            let object = ResourceAsked {
                group: "certificates.k8s.io",
                resource: "signers",
                name,
                ..ResourceAsked::default()
            };
            let wanted = Attributes {
                verb,
                object: Asked::Resource(object),
            };
            self.decide(user, &wanted).allowed
        })
    }
}
