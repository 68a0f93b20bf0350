//! How web servers serve: their configuration file and the TLS material it names (upstream's `pkg/webconfig`).

use serde_json::Value;

use super::WorkloadError;
use super::names::unique_label;
use super::pod::{config_map_volume, read_only, secret_volume};
use crate::api::common::{SecretKeySelector, SecretOrConfigMap};
use crate::api::workload::{WebHttpConfig, WebHttpHeaders, WebTlsConfig};
use crate::config::yaml::{IntoNode, Mapping, filled};

const VOLUME: &str = "web-config";
/// Key of the Secret with the file, and its name.
pub const WEB_CONFIG_KEY: &str = "web-config.yaml";

/// Folder of the file in Prometheus' container.
pub const PROMETHEUS_WEB_CONFIG: &str = "/etc/prometheus/web_config";
/// Folder of the file in Alertmanager's container.
pub const ALERTMANAGER_WEB_CONFIG: &str = "/etc/alertmanager/web_config";
/// Folder of the file in Thanos Ruler's container.
pub const THANOS_RULER_WEB_CONFIG: &str = "/etc/thanos/web_config";

/// Volumes of a pod and their mounts in the container that needs them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mounted {
    /// Volumes.
    pub volumes: Vec<Value>,
    /// Mounts.
    pub mounts: Vec<Value>,
}

/// A web configuration file that was checked.
#[derive(Debug, Clone, Copy)]
pub struct WebConfig<'a> {
    folder: &'a str,
    secret: &'a str,
    tls: Option<&'a WebTlsConfig>,
    http: Option<&'a WebHttpConfig>,
}

impl<'a> WebConfig<'a> {
    /// A file in that folder, from that Secret.
    pub fn new(
        folder: &'a str,
        secret: &'a str,
        tls: Option<&'a WebTlsConfig>,
        http: Option<&'a WebHttpConfig>,
    ) -> Result<Self, WorkloadError> {
        tls.map_or(Ok(()), check).map_err(WorkloadError)?;
        Ok(Self {
            folder,
            secret,
            tls,
            http,
        })
    }

    /// Path of the file.
    pub fn path(&self) -> String {
        format!("{}/{WEB_CONFIG_KEY}", self.folder)
    }

    /// The file and the TLS material, mounted. The volume is there even if the file is empty, so that turning TLS on
    /// makes no new pods.
    pub fn mounted(&self) -> Result<Mounted, WorkloadError> {
        let mut mounted = file(VOLUME, self.secret, &self.path(), WEB_CONFIG_KEY);
        if let Some(tls) = self.tls {
            References::of_server(tls, self.folder.to_owned())
                .mount("web-config-tls-", &mut mounted)?;
        }
        Ok(mounted)
    }

    /// The text of the file; empty if nothing is set.
    pub fn text(&self) -> String {
        if self.tls.is_none() && self.http.is_none() {
            return String::new();
        }
        let mut document = Mapping::new();
        if let Some(tls) = self.tls {
            let references = References::of_server(tls, self.folder.to_owned());
            let mut server = Mapping::new();
            server.put_some("cert_file", references.certificate_file(tls));
            server.put_some("key_file", references.key_file(tls));
            server_settings(&mut server, tls, &references);
            document.put("tls_server_config", server);
        }
        if let Some(http) = self.http {
            document.put("http_server_config", http_server(http));
        }
        document.into_node().to_yaml()
    }
}

/// A file of a Secret, mounted alone.
pub(super) fn file(volume: &str, secret: &str, path: &str, key: &str) -> Mounted {
    let mount = serde_json::json!({
        "name": volume, "readOnly": true, "mountPath": path, "subPath": key,
    });
    Mounted {
        volumes: vec![secret_volume(volume, secret)],
        mounts: vec![mount],
    }
}

/// What comes after certificate and key.
pub(super) fn server_settings(out: &mut Mapping, tls: &WebTlsConfig, references: &References<'_>) {
    out.put_some("client_auth_type", filled(&tls.client_auth_type));
    let authority = filled(&tls.client_ca_file).map(str::to_owned);
    out.put_some(
        "client_ca_file",
        authority.or_else(|| references.authority_path()),
    );
    out.put_some("min_version", filled(&tls.min_version));
    out.put_some("max_version", filled(&tls.max_version));
    if !tls.cipher_suites.is_empty() {
        out.put("cipher_suites", &tls.cipher_suites);
    }
    out.put_some(
        "prefer_server_cipher_suites",
        tls.prefer_server_cipher_suites,
    );
    if !tls.curve_preferences.is_empty() {
        out.put("curve_preferences", &tls.curve_preferences);
    }
}

fn http_server(http: &WebHttpConfig) -> Mapping {
    let mut out = Mapping::new();
    out.put_some("http2", http.http2);
    out.put_some("headers", http.headers.as_ref().map(headers));
    out
}

fn headers(headers: &WebHttpHeaders) -> Mapping {
    let lower = |text: &Option<String>| filled(text).map(str::to_lowercase);
    let mut out = Mapping::new();
    out.put_some(
        "Content-Security-Policy",
        filled(&headers.content_security_policy),
    );
    out.put_some(
        "Strict-Transport-Security",
        filled(&headers.strict_transport_security),
    );
    out.put_some(
        "X-Content-Type-Options",
        lower(&headers.x_content_type_options),
    );
    out.put_some("X-Frame-Options", lower(&headers.x_frame_options));
    out.put_some("X-XSS-Protection", filled(&headers.x_xss_protection));
    out
}

/// Whether something is referred to at all.
pub(super) fn named(reference: Option<&SecretOrConfigMap>) -> Option<&SecretOrConfigMap> {
    reference.filter(|reference| **reference != SecretOrConfigMap::default())
}

fn named_key(reference: Option<&SecretKeySelector>) -> Option<&SecretKeySelector> {
    reference.filter(|reference| {
        !reference.key.is_empty()
            || filled(&reference.name).is_some()
            || reference.optional.is_some()
    })
}

/// Whether the TLS settings of a server are complete and say nothing twice.
pub(super) fn check(tls: &WebTlsConfig) -> Result<(), String> {
    let refuse = |text: &str| Err(text.to_owned());
    let one_of = |reference: &SecretOrConfigMap, what: &str| {
        if reference.secret.is_some() && reference.config_map.is_some() {
            return Err(format!(
                "invalid {what}: cannot specify both Secret and ConfigMap"
            ));
        }
        Ok(())
    };
    if let Some(authority) = named(tls.client_ca.as_ref()) {
        if filled(&tls.client_ca_file).is_some() {
            return refuse("cannot specify both clientCAFile and clientCA");
        }
        one_of(authority, "client CA")?;
    }
    if let Some(certificate) = named(tls.cert.as_ref()) {
        if filled(&tls.cert_file).is_some() {
            return refuse("cannot specify both cert and certFile");
        }
        one_of(certificate, "TLS certificate")?;
    }
    match (filled(&tls.key_file), named_key(tls.key_secret.as_ref())) {
        (Some(_), Some(_)) => return refuse("cannot specify both keyFile and keySecret"),
        (None, None) => return refuse("TLS private key must be defined"),
        (Some(_), None) | (None, Some(_)) => {}
    }
    if filled(&tls.cert_file).is_none() && named(tls.cert.as_ref()).is_none() {
        return refuse("TLS certificate must be defined");
    }
    Ok(())
}

/// TLS material in Secrets and `ConfigMaps`, mounted whole: a part of a volume would never be renewed.
pub(super) struct References<'a> {
    pub(super) folder: String,
    pub(super) key: Option<&'a SecretKeySelector>,
    pub(super) certificate: Option<&'a SecretOrConfigMap>,
    pub(super) authority: Option<&'a SecretOrConfigMap>,
}

impl<'a> References<'a> {
    /// Of a server, below that folder.
    pub(super) fn of_server(tls: &'a WebTlsConfig, folder: String) -> Self {
        Self {
            folder,
            key: tls.key_secret.as_ref(),
            certificate: tls.cert.as_ref(),
            authority: tls.client_ca.as_ref(),
        }
    }

    /// Adds volumes and mounts.
    pub(super) fn mount(&self, prefix: &str, to: &mut Mounted) -> Result<(), WorkloadError> {
        // A key that is a file of the container is in no Secret.
        if let Some(secret) = self.key.filter(|key| filled(&key.name).is_some()) {
            let name = secret.name.as_deref().unwrap_or_default();
            let volume = unique_label(&format!("{prefix}secret-key-"), name)?;
            to.volumes.push(secret_volume(&volume, name));
            to.mounts.push(read_only(&volume, &self.key_folder(secret)));
        }
        for (reference, what, short) in [
            (self.certificate, "cert", "cert"),
            (self.authority, "client-ca", "ca"),
        ] {
            let Some(reference) = named(reference) else {
                continue;
            };
            let (kind, one) = source(reference);
            let name = one.and_then(|one| one.name.as_deref()).unwrap_or_default();
            let volume = unique_label(&format!("{prefix}{kind}-{what}-"), name)?;
            to.volumes.push(if kind == "secret" {
                secret_volume(&volume, name)
            } else {
                config_map_volume(&volume, name)
            });
            to.mounts.push(read_only(
                &volume,
                &format!("{}/{kind}/{name}-{short}", self.folder),
            ));
        }
        Ok(())
    }

    fn key_folder(&self, secret: &SecretKeySelector) -> String {
        let name = secret.name.as_deref().unwrap_or_default();
        format!("{}/secret/{name}-key", self.folder)
    }

    /// File with the key, in a mounted Secret.
    pub(super) fn key_path(&self) -> Option<String> {
        self.key
            .map(|secret| format!("{}/{}", self.key_folder(secret), secret.key))
    }

    fn path(&self, reference: Option<&SecretOrConfigMap>, short: &str) -> Option<String> {
        let (kind, one) = source(named(reference)?);
        let one = one?;
        let name = one.name.as_deref().unwrap_or_default();
        Some(format!("{}/{kind}/{name}-{short}/{}", self.folder, one.key))
    }

    /// File with the certificate, in a mounted Secret or ConfigMap.
    pub(super) fn certificate_path(&self) -> Option<String> {
        self.path(self.certificate, "cert")
    }

    /// File with the authority, in a mounted Secret or ConfigMap.
    pub(super) fn authority_path(&self) -> Option<String> {
        self.path(self.authority, "ca")
    }

    /// File with the certificate of a server, wherever it is.
    pub(super) fn certificate_file(&self, tls: &WebTlsConfig) -> Option<String> {
        let file = filled(&tls.cert_file).map(str::to_owned);
        file.or_else(|| self.certificate_path())
    }

    /// File with the key of a server, wherever it is.
    pub(super) fn key_file(&self, tls: &WebTlsConfig) -> Option<String> {
        let file = filled(&tls.key_file).map(str::to_owned);
        file.or_else(|| self.key_path())
    }
}

fn source(reference: &SecretOrConfigMap) -> (&'static str, Option<&SecretKeySelector>) {
    match &reference.secret {
        Some(secret) => ("secret", Some(secret)),
        None => ("configmap", reference.config_map.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::read;
    use serde_json::json;

    #[test]
    fn a_key_that_is_a_file_needs_no_volume() {
        let tls: WebTlsConfig = read(&json!({
            "keyFile": "/k", "cert": {"configMap": {"name": "c", "key": "crt"}},
        }))
        .unwrap();
        let web = WebConfig::new("/web", "s", Some(&tls), None).unwrap();
        let mounted = web.mounted().unwrap();
        assert_eq!(mounted.volumes.len(), 2);
        assert_eq!(mounted.mounts[1]["mountPath"], "/web/configmap/c-cert");
        assert_eq!(
            web.text(),
            "tls_server_config:\n  cert_file: /web/configmap/c-cert/crt\n  key_file: /k\n"
        );
    }

    #[test]
    fn what_is_incomplete_or_said_twice_is_refused() {
        for (tls, text) in [
            (json!({}), "TLS private key must be defined"),
            (json!({"keyFile": "/k"}), "TLS certificate must be defined"),
            (
                json!({"keyFile": "/k", "keySecret": {"key": "k"}}),
                "cannot specify both keyFile and keySecret",
            ),
            (
                json!({"certFile": "/c", "cert": {"secret": {"key": "k"}}}),
                "cannot specify both cert and certFile",
            ),
        ] {
            let tls: WebTlsConfig = read(&tls).unwrap();
            let refused = WebConfig::new("/web", "s", Some(&tls), None).unwrap_err();
            assert_eq!(refused.to_string(), text);
        }
    }
}
