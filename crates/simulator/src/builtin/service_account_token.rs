//! Secrets of type `kubernetes.io/service-account-token` get the token of the `ServiceAccount` they name, and go with it.
//!
//! Mirrors `pkg/controller/serviceaccount/tokens_controller.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::object::{self, text};
use super::write::Work;
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

const TYPE: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const UID: &str = "kubernetes.io/service-account.uid";

/// Fills token Secrets.
pub(crate) struct Tokens {
    root_ca: String,
}

impl Tokens {
    /// With the certificate (PEM) clients should trust.
    pub(crate) fn new(root_ca: String) -> Self {
        Self { root_ca }
    }
}

fn is_token(secret: &Value) -> bool {
    text(secret, "/type") == TYPE
}

impl Control for Tokens {
    const NAME: &'static str = "tokens-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        let secrets = session.list(&known::SECRETS, None);
        let secrets = secrets.iter().filter(|secret| is_token(secret));
        secrets.map(|secret| control::key_of(secret)).collect()
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::SECRETS {
            let token = change.after.as_ref().is_some_and(|secret| is_token(secret));
            return token.then(|| control::itself(change)).into_iter().collect();
        }
        if change.resource != known::SERVICE_ACCOUNTS {
            return Vec::new();
        }
        let secrets = session.list(&known::SECRETS, Some(&change.namespace));
        let own = secrets.iter().filter(|secret| {
            is_token(secret)
                && machinery::meta::annotation(secret, ACCOUNT) == Some(change.name.as_str())
        });
        own.map(|secret| control::key_of(secret)).collect()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let (namespace, name) = (&key.0, &key.1);
        let secret = work.session.get(&known::SECRETS, namespace, name);
        let Some(secret) = secret.filter(|secret| is_token(secret)) else {
            return Ok(None);
        };
        let account = machinery::meta::annotation(&secret, ACCOUNT).unwrap_or_default();
        let account = work
            .session
            .get(&known::SERVICE_ACCOUNTS, namespace, account);
        let uid = machinery::meta::annotation(&secret, UID);
        let account = account
            .filter(|account| uid.is_none_or(|uid| uid.is_empty() || uid == object::uid(account)));
        let Some(account) = account else {
            let options = DeleteOptions {
                uid: Some(object::uid(&secret).to_owned()),
                ..DeleteOptions::default()
            };
            work.session
                .delete(&known::SECRETS, namespace, name, &options)?;
            return Ok(None);
        };
        let filled = ["token", "ca.crt", "namespace"].iter().all(|field| {
            secret
                .get("data")
                .is_some_and(|data| data.get(field).is_some())
        });
        if filled && uid.is_some() {
            return Ok(None);
        }
        let token = work.session.api.legacy_token(&account, name);
        let patch = json!({
            "metadata": {"annotations": {UID: object::uid(&account)}},
            "data": {
                "ca.crt": STANDARD.encode(&self.root_ca),
                "namespace": STANDARD.encode(namespace),
                "token": STANDARD.encode(token),
            },
        });
        work.session
            .patch_merge(&known::SECRETS, namespace, name, "", &patch)?;
        Ok(None)
    }
}
