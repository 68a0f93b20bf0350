//! What a scrape class adds to a monitor that leaves it open.

use super::generator::Generator;
use crate::api::common::{
    AttachMetadata, Authorization, SafeAuthorization, SafeTlsConfig, TlsConfig,
};
use crate::api::common_prometheus::ScrapeClass;
use crate::config::assets::Scope;
use crate::config::yaml::{Mapping, filled};

impl Generator<'_> {
    /// `authorization` of a monitor, or of its class. Credentials of the class are Secrets of Prometheus' own namespace.
    pub(super) fn authorization_or_class(
        &self,
        out: &mut Mapping,
        scope: Scope,
        auth: Option<&SafeAuthorization>,
        class: &ScrapeClass,
    ) {
        let own = auth.filter(|auth| **auth != SafeAuthorization::default());
        let Some(own) = own else {
            self.authorization(out, self.own_scope(), class.authorization.as_ref());
            return;
        };
        let mut merged = Authorization {
            credentials_file: None,
            safe: own.clone(),
        };
        let mut from = scope;
        if let (None, Some(class)) = (&own.credentials, &class.authorization) {
            merged.safe.credentials.clone_from(&class.safe.credentials);
            if merged.safe.credentials.is_none() {
                merged.credentials_file.clone_from(&class.credentials_file);
            }
            from = self.own_scope();
        }
        self.authorization(out, from, Some(&merged));
    }

    /// `tls_config` of a monitor that may name files, or of its class, whose Secrets are of Prometheus' own namespace.
    pub(super) fn tls_or_class(
        &self,
        out: &mut Mapping,
        scope: Scope,
        tls: Option<&TlsConfig>,
        class: &ScrapeClass,
    ) {
        match (tls, &class.tls_config) {
            (None, class) => self.tls(out, self.own_scope(), class.as_ref()),
            (Some(tls), None) => self.tls(out, scope, Some(tls)),
            (Some(tls), Some(class)) => self.tls(out, scope, Some(&merged(tls, class))),
        }
    }

    /// `tls_config` of a monitor that may name no files.
    pub(super) fn safe_tls_or_class(
        &self,
        out: &mut Mapping,
        scope: Scope,
        tls: Option<&SafeTlsConfig>,
        class: &ScrapeClass,
    ) {
        let tls = tls.filter(|tls| **tls != SafeTlsConfig::default());
        let tls = tls.map(|tls| TlsConfig {
            tls: tls.clone(),
            ..TlsConfig::default()
        });
        self.tls_or_class(out, scope, tls.as_ref(), class);
    }

    /// `fallback_scrape_protocol`.
    pub(super) fn fallback_protocol(
        &self,
        out: &mut Mapping,
        own: Option<&String>,
        class: &ScrapeClass,
    ) {
        let protocol = own.or(class.fallback_scrape_protocol.as_ref());
        self.put_some_since(out, (3, 0, 0), "fallback_scrape_protocol", protocol);
    }
}

/// Files of the class stand in where the monitor says nothing.
fn merged(own: &TlsConfig, class: &TlsConfig) -> TlsConfig {
    let mut merged = own.clone();
    let unset = |reference: &Option<crate::api::common::SecretOrConfigMap>| {
        reference
            .as_ref()
            .is_none_or(|reference| reference.secret.is_none() && reference.config_map.is_none())
    };
    if filled(&own.ca_file).is_none() && unset(&own.tls.ca) {
        merged.ca_file.clone_from(&class.ca_file);
    }
    if filled(&own.cert_file).is_none() && unset(&own.tls.cert) {
        merged.cert_file.clone_from(&class.cert_file);
    }
    if filled(&own.key_file).is_none() && own.tls.key_secret.is_none() {
        merged.key_file.clone_from(&class.key_file);
    }
    merged
}

/// Whether metadata of the node is attached, if anybody said so.
pub(super) fn attach_node(own: Option<&AttachMetadata>, class: &ScrapeClass) -> Option<bool> {
    own.or(class.attach_metadata.as_ref())
        .map(|attach| attach.node.unwrap_or_default())
}
