//! The web configuration file: TLS, passwords and headers of the listener, as Prometheus' exporter-toolkit has them
//! (`web/tls_config.go`, `web/handler.go`). What isn't here (`rate_limit`, `client_allowed_sans`) is refused, as leaving
//! it out would let in more than was asked for.

mod tls;
mod users;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use thiserror::Error;

pub(crate) use users::Guard;

/// Why a file can't be used.
#[derive(Debug, Error)]
pub(crate) enum WebError {
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{0}")]
    Syntax(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Tls(#[from] serving::TlsError),
}

impl WebError {
    fn invalid<T>(text: impl Into<String>) -> Result<T, Self> {
        Err(Self::Invalid(text.into()))
    }
}

/// The file. Unknown keys are mistakes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    #[serde(rename = "tls_server_config")]
    tls: Option<tls::Server>,
    #[serde(rename = "http_server_config")]
    http: Option<Http>,
    #[serde(rename = "basic_auth_users")]
    users: Option<BTreeMap<String, String>>,
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Http {
    /// Accepted; there is nothing to be gained from it here.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
}

/// Headers that may be set, and their values where there is a choice.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// Reads a file.
pub(crate) fn load(path: &Path) -> Result<Config, WebError> {
    let text = read(path)?;
    let mut config = parse(&text)?;
    path.parent()
        .unwrap_or(Path::new(""))
        .clone_into(&mut config.folder);
    Ok(config)
}

fn read(path: &Path) -> Result<String, WebError> {
    std::fs::read_to_string(path).map_err(|source| WebError::File {
        path: path.to_owned(),
        source,
    })
}

/// An empty document is an empty configuration.
fn parse(text: &str) -> Result<Config, WebError> {
    let config: Option<Config> = serde_saphyr::from_str(text).map_err(|error| {
        // Without the lines of the file, which may hold secrets.
        WebError::Syntax(error.without_snippet().to_string())
    })?;
    Ok(config.unwrap_or_default())
}

impl Config {
    /// Whether all of it can be used.
    pub(crate) fn check(&self) -> Result<(), WebError> {
        self.tls()?;
        self.headers()?;
        users::check(self.users())
    }

    /// How connections are encrypted, if they are.
    pub(crate) fn tls(&self) -> Result<Option<serving::ServerConfig>, WebError> {
        match &self.tls {
            Some(server) if server.is_enabled() => server.load(&self.folder).map(Some),
            _ => Ok(None),
        }
    }

    /// Who may ask, and their hashed passwords; nobody in it: everybody.
    pub(crate) fn users(&self) -> Option<&BTreeMap<String, String>> {
        self.users.as_ref().filter(|users| !users.is_empty())
    }

    /// Headers of every answer.
    pub(crate) fn headers(&self) -> Result<HeaderMap, WebError> {
        let configured = self.http.as_ref().and_then(|http| http.headers.as_ref());
        let mut headers = HeaderMap::new();
        for (name, value) in configured.into_iter().flatten() {
            let Some((known, values)) = HEADERS.iter().find(|(known, _)| known == name) else {
                return WebError::invalid(format!("HTTP header {name:?} can not be configured"));
            };
            if !values.is_empty() && !values.contains(&value.as_str()) {
                return WebError::invalid(format!(
                    "invalid value for {name}. Expected one of: {values:?}, but got: {value:?}"
                ));
            }
            let header = HeaderName::from_bytes(known.as_bytes())
                .ok()
                .zip(HeaderValue::from_str(value).ok());
            match header {
                Some((name, value)) => headers.insert(name, value),
                None => return WebError::invalid(format!("invalid value for {name}")),
            };
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests;
