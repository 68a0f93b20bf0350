//! What every namespace starts with: ServiceAccount `default` and ConfigMap `kube-root-ca.crt`.
//!
//! Mirrors `pkg/controller/serviceaccount/serviceaccounts_controller.go` and `pkg/controller/certificates/rootcacertpublisher`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::endpoint_slice::tolerate_terminating;
use super::object::{self, text};
use super::write::{Work, Write, is_already_exists};
use crate::apiserver::resource::{Resource, known};
use crate::session::{Change, Session};
use crate::status_error::ApiError;

const ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";

/// Gives every namespace its ServiceAccount and CA certificate.
pub(crate) struct NamespaceContent {
    root_ca: String,
}

impl NamespaceContent {
    /// With the certificate (PEM) clients should trust.
    pub(crate) fn new(root_ca: String) -> Self {
        Self { root_ca }
    }
}

impl Control for NamespaceContent {
    const NAME: &'static str = "service-account-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::NAMESPACES, None)
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::NAMESPACES {
            return vec![control::itself(change)];
        }
        let is_account = change.resource == known::SERVICE_ACCOUNTS
            && change.name == ACCOUNT
            && change.after.is_none();
        let is_certificate = change.resource == known::CONFIG_MAPS && change.name == ROOT_CA;
        if is_account || is_certificate {
            vec![(String::new(), change.namespace.clone())]
        } else {
            Vec::new()
        }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let namespace = work.session.get(&known::NAMESPACES, "", &key.1);
        if namespace.is_none_or(|n| {
            object::is_terminating(&n) || text(&n, "/status/phase") == "Terminating"
        }) {
            return Ok(None);
        }
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": key.1}});
        ensure(work, &known::SERVICE_ACCOUNTS, account, None)?;
        let description = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the \
            internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";
        let certificate = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": self.root_ca},
            "metadata": {"name": ROOT_CA, "namespace": key.1, "annotations": {"kubernetes.io/description": description}},
        });
        ensure(work, &known::CONFIG_MAPS, certificate, Some("data"))?;
        Ok(None)
    }
}

/// Creates an object, or puts one field of it right.
fn ensure(
    work: &mut Work<'_, '_>,
    resource: &Resource,
    wanted: Value,
    field: Option<&str>,
) -> Result<(), ApiError> {
    let Some(current) =
        work.session
            .get(resource, object::namespace(&wanted), object::name(&wanted))
    else {
        return match work.session.create(resource, wanted) {
            Err(error) if !is_already_exists(&error) => tolerate_terminating(Err(error)).map(drop),
            Ok(_) | Err(_) => Ok(()),
        };
    };
    let Some(field) = field.filter(|f| current.get(*f) != wanted.get(*f)) else {
        return Ok(());
    };
    let mut corrected = (*current).clone();
    object::set(
        &mut corrected,
        &[field],
        wanted.get(field).cloned().unwrap_or_default(),
    );
    work.perform(vec![Write::Update(resource.clone(), corrected)])
}
