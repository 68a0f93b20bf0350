//! Signs approved requests for the certificates that this server and its nodes know.
//!
//! Mirrors `pkg/controller/certificates/signer/signer.go` and `pkg/apis/certificates/helpers.go`. Nothing is approved by itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::object::{self, items, text};
use super::write::{Work, Write};
use crate::apiserver::certificates::{CLIENT_SIGNER, request_of};
use crate::apiserver::resource::Resource;
use crate::certificates::issue::Authority;
use crate::certificates::request::{NameKind, Request};
use crate::session::{Change, Session};
use crate::status_error::ApiError;

const REQUESTS: Resource = Resource::new(
    "certificates.k8s.io",
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    false,
);
const KUBELET_CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const KUBELET_SERVING_SIGNER: &str = "kubernetes.io/kubelet-serving";
/// How long certificates count at most, in seconds: a year.
const LONGEST: i64 = 365 * 24 * 60 * 60;
/// How long they count at least.
const SHORTEST: i64 = 10 * 60;

/// The signing controller.
pub(crate) struct CertificateSigning {
    authority: Authority,
}

impl CertificateSigning {
    /// One that signs with that authority.
    pub(crate) fn new(authority: Authority) -> Self {
        Self { authority }
    }
}

impl Control for CertificateSigning {
    const NAME: &'static str = "certificate-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &REQUESTS, None)
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == REQUESTS {
            vec![control::itself(change)]
        } else {
            Vec::new()
        }
    }

    fn sync(
        &mut self,
        work: &mut Work<'_, '_>,
        (_, name): &Key,
    ) -> Result<Option<Timestamp>, ApiError> {
        let Some(found) = work.session.get(&REQUESTS, "", name) else {
            return Ok(None);
        };
        let Ok(request) = request_of(&found) else {
            return Ok(None);
        };
        let mut wanted = (*found).clone();
        match verdict(&found, &request) {
            None => return Ok(None),
            Some(Err(message)) => {
                let mut conditions = items(&found, "/status/conditions").to_vec();
                conditions.push(json!({
                    "type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": message,
                    "lastUpdateTime": object::stamp(work.now()),
                }));
                object::set(&mut wanted, &["status", "conditions"], json!(conditions));
            }
            Some(Ok(())) => {
                let serial = [0; 2].map(|_: i32| work.session.entropy.next_u64());
                let seconds = lifetime(object::integer(&found, "/spec/expirationSeconds"));
                let life = (work.now(), seconds);
                let usages = usages(&found);
                let Some(pem) = self.authority.sign(&request, serial, &usages, life) else {
                    return Ok(None);
                };
                object::set(
                    &mut wanted,
                    &["status", "certificate"],
                    json!(STANDARD.encode(pem)),
                );
            }
        }
        work.perform(vec![Write::UpdateStatus(REQUESTS, wanted)])?;
        Ok(None)
    }
}

fn usages(object: &Value) -> Vec<&str> {
    let usages = items(object, "/spec/usages").iter();
    usages.filter_map(Value::as_str).collect()
}

fn lifetime(asked: Option<i64>) -> i64 {
    asked.map_or(LONGEST, |seconds| seconds.clamp(SHORTEST, LONGEST))
}

/// Whether to sign a request, and why not; `None` for one that is nobody's to sign (any more, or yet).
fn verdict(object: &Value, request: &Request) -> Option<Result<(), String>> {
    let has = |kind| object::condition(object, kind).is_some();
    let is_approved = has("Approved") && !has("Denied");
    if !is_approved
        || object::is_true(object, "Failed")
        || !text(object, "/status/certificate").is_empty()
    {
        return None;
    }
    let usages = usages(object);
    match text(object, "/spec/signerName") {
        CLIENT_SIGNER => Some(client_usages(&usages)),
        KUBELET_CLIENT_SIGNER => Some(kubelet_client(request, &usages)),
        KUBELET_SERVING_SIGNER => Some(kubelet_serving(request, &usages)),
        _ => None,
    }
}

fn client_usages(usages: &[&str]) -> Result<(), String> {
    const NEEDED: &str = "client auth";
    let optional = ["digital signature", "key encipherment", NEEDED];
    if let Some(other) = usages.iter().find(|usage| !optional.contains(usage)) {
        return Err(format!("invalid usage for client certificate: {other}"));
    }
    if usages.contains(&NEEDED) {
        Ok(())
    } else {
        Err(format!(
            "missing required usage for client certificate: {NEEDED}"
        ))
    }
}

fn kubelet_client(request: &Request, usages: &[&str]) -> Result<(), String> {
    let kinds = request.kinds();
    let asks = |kind| kinds.contains(&kind);
    let names = [
        (asks(NameKind::Dns), "DNS subjectAltNames are not allowed"),
        (
            asks(NameKind::Email),
            "Email subjectAltNames are not allowed",
        ),
        (asks(NameKind::Ip), "IP subjectAltNames are not allowed"),
        (asks(NameKind::Uri), "URI subjectAltNames are not allowed"),
    ];
    of_nodes(request, &names)?;
    match_usages(
        usages,
        ["client auth", "digital signature", "key encipherment"],
    )?;
    named_as_node(request)
}

fn kubelet_serving(request: &Request, usages: &[&str]) -> Result<(), String> {
    let kinds = request.kinds();
    let asks = |kind| kinds.contains(&kind);
    let names = [
        (
            !asks(NameKind::Dns) && !asks(NameKind::Ip),
            "DNS or IP subjectAltName is required",
        ),
        (
            asks(NameKind::Email),
            "Email subjectAltNames are not allowed",
        ),
        (asks(NameKind::Uri), "URI subjectAltNames are not allowed"),
    ];
    of_nodes(request, &names)?;
    match_usages(
        usages,
        ["digital signature", "key encipherment", "server auth"],
    )?;
    named_as_node(request)
}

fn of_nodes(request: &Request, wrong: &[(bool, &str)]) -> Result<(), String> {
    if request.subject.organisations != ["system:nodes"] {
        return Err("subject organization is not system:nodes".to_owned());
    }
    let first = wrong.iter().find(|(is_wrong, _)| *is_wrong);
    first.map_or(Ok(()), |(_, text)| Err((*text).to_owned()))
}

/// All of these usages, or all but the one that keys of RSA need.
fn match_usages(usages: &[&str], wanted: [&str; 3]) -> Result<(), String> {
    let allowed = |usage: &str| wanted.contains(&usage);
    let needed = |usage: &&str| *usage == "key encipherment" || usages.contains(usage);
    if usages.iter().all(|usage| allowed(usage)) && wanted.iter().all(needed) {
        return Ok(());
    }
    Err(format!("usages did not match [{}]", wanted.join(" ")))
}

fn named_as_node(request: &Request) -> Result<(), String> {
    if request.subject.common_name.starts_with("system:node:") {
        Ok(())
    } else {
        Err("subject common name does not begin with system:node:".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificates::request;

    fn asked(signer: &str, usages: &[&str], conditions: &Value) -> Value {
        let pem = request::tests::request("dev", &[]);
        json!({"spec": {"signerName": signer, "usages": usages, "request": STANDARD.encode(pem)},
            "status": {"conditions": conditions}})
    }

    #[test]
    fn what_is_approved_and_known_is_signed() {
        let approved = json!([{"type": "Approved", "status": "True"}]);
        let of = |signer: &str, usages: &[&str], conditions: &Value| {
            let object = asked(signer, usages, conditions);
            let request = request_of(&object).unwrap();
            verdict(&object, &request)
        };
        assert_eq!(of(CLIENT_SIGNER, &["client auth"], &json!([])), None);
        assert_eq!(of("example.com/mine", &["client auth"], &approved), None);
        assert_eq!(of(CLIENT_SIGNER, &["client auth"], &approved), Some(Ok(())));
        let error = |text: &str| Some(Err(text.to_owned()));
        assert_eq!(
            of(CLIENT_SIGNER, &["digital signature"], &approved),
            error("missing required usage for client certificate: client auth")
        );
        assert_eq!(
            of(CLIENT_SIGNER, &["server auth"], &approved),
            error("invalid usage for client certificate: server auth")
        );
        assert_eq!(
            of(KUBELET_CLIENT_SIGNER, &["client auth"], &approved),
            error("subject organization is not system:nodes")
        );
    }

    #[test]
    fn lifetimes_stay_between_ten_minutes_and_a_year() {
        assert_eq!(lifetime(None), LONGEST);
        assert_eq!(lifetime(Some(LONGEST + 1)), LONGEST);
        assert_eq!(lifetime(Some(3600)), 3600);
    }
}
