//! TLS of the listener. Versions before 1.2 aren't spoken, whatever the file says.

use std::path::Path;

use serde::Deserialize;
use serving::{Clients, ServerConfig, Settings, Version};

use super::WebError;

/// The section `tls_server_config`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    cert: String,
    key: String,
    client_ca: String,
    cert_file: String,
    key_file: String,
    client_auth_type: String,
    client_ca_file: String,
    cipher_suites: Vec<String>,
    curve_preferences: Vec<String>,
    min_version: String,
    max_version: String,
    prefer_server_cipher_suites: Option<bool>,
}

impl Server {
    /// Whether connections are encrypted at all.
    pub(super) fn is_enabled(&self) -> bool {
        let texts = [
            &self.cert_file,
            &self.cert,
            &self.key_file,
            &self.key,
            &self.client_ca_file,
            &self.client_ca,
            &self.client_auth_type,
        ];
        texts.into_iter().any(|text| !text.is_empty())
    }

    /// Reads certificate and key; relative paths begin in the folder of the web configuration.
    pub(super) fn load(&self, folder: &Path) -> Result<ServerConfig, WebError> {
        let Some(certificate) = material(folder, &self.cert_file, &self.cert)? else {
            return WebError::invalid("missing one of cert or cert_file");
        };
        let Some(key) = material(folder, &self.key_file, &self.key)? else {
            return WebError::invalid("missing one of key or key_file");
        };
        let settings = Settings {
            versions: version(&self.min_version, Version::Tls12)?
                ..=version(&self.max_version, Version::Tls13)?,
            cipher_suites: self.cipher_suites.clone(),
            curves: self.curve_preferences.clone(),
            own_order: self.prefer_server_cipher_suites.unwrap_or(true),
            http2: false,
            clients: self.clients(folder)?,
        };
        Ok(settings.load(&certificate, &key)?)
    }

    /// Which certificates clients must show.
    fn clients(&self, folder: &Path) -> Result<Clients, WebError> {
        let authorities = material(folder, &self.client_ca_file, &self.client_ca)?;
        let mandatory = match self.client_auth_type.as_str() {
            "" | "NoClientCert" if authorities.is_some() => {
                return WebError::invalid(
                    "client CA's have been configured without a Client Auth Policy",
                );
            }
            "" | "NoClientCert" => return Ok(Clients::Anonymous),
            "RequestClientCert" => return Ok(Clients::Anyone { mandatory: false }),
            "RequireAnyClientCert" | "RequireClientCert" => {
                return Ok(Clients::Anyone { mandatory: true });
            }
            "VerifyClientCertIfGiven" => false,
            "RequireAndVerifyClientCert" => true,
            other => return WebError::invalid(format!("invalid ClientAuth: {other}")),
        };
        Ok(Clients::Known {
            authorities: authorities.unwrap_or_default(),
            mandatory,
        })
    }
}

fn version(text: &str, default: Version) -> Result<Version, WebError> {
    match text {
        "" => Ok(default),
        "TLS10" | "TLS11" => Ok(Version::Older),
        "TLS12" => Ok(Version::Tls12),
        "TLS13" => Ok(Version::Tls13),
        other => WebError::invalid(format!("unknown TLS version: {other}")),
    }
}

/// The text of a file, or what is in the configuration itself, if either.
fn material(folder: &Path, file: &str, inline: &str) -> Result<Option<String>, WebError> {
    if file.is_empty() {
        return Ok(Some(inline.to_owned()).filter(|text| !text.is_empty()));
    }
    super::read(&folder.join(file)).map(Some)
}
