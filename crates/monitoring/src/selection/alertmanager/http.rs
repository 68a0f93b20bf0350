//! HTTP clients of receivers.

use super::{Look, Refusal};
use crate::api::alertmanager_config::HttpConfig;
use crate::selection::client::{check_authorization, check_oauth2, check_proxy, check_safe_tls};

/// What holds for every version.
pub(super) fn validate_http(http: Option<&HttpConfig>) -> Result<(), Refusal> {
    let Some(http) = http else { return Ok(()) };
    let refuse = |text: &str| Err(text.to_owned());
    let bearer = http.bearer_token_secret.is_some();
    let (basic, oauth2) = (http.basic_auth.is_some(), http.oauth2.is_some());
    if (basic || oauth2) && bearer {
        return refuse(
            "at most one of 'basicAuth', 'oauth2' and 'bearerTokenSecret' must be configured",
        );
    }
    if let Some(authorization) = &http.authorization {
        if bearer {
            return refuse("'authorization' is not compatible with 'bearerTokenSecret'");
        }
        if basic || oauth2 {
            return refuse(
                "at most one of 'basicAuth', 'oauth2' and 'authorization' must be configured",
            );
        }
        check_authorization(authorization)?;
    }
    if let Some(client) = &http.oauth2 {
        if basic {
            return refuse(
                "at most one of 'basicAuth', 'oauth2' and 'authorization' must be configured",
            );
        }
        check_oauth2(client)?;
    }
    http.tls_config.as_ref().map_or(Ok(()), check_safe_tls)?;
    check_proxy(&http.proxy)
}

impl Look<'_> {
    /// What the version knows of a client, and whether its references resolve.
    pub(super) fn http(self, http: Option<&HttpConfig>) -> Result<(), Refusal> {
        self.http_fields(http)?;
        self.http_references(http)
    }

    pub(super) fn http_fields(self, http: Option<&HttpConfig>) -> Result<(), Refusal> {
        let Some(http) = http else { return Ok(()) };
        let proxy = &http.proxy;
        let by_proxy = proxy.no_proxy.is_some()
            || proxy.proxy_from_environment.is_some()
            || !proxy.proxy_connect_header.is_empty();
        let fields = [
            ("authorization", http.authorization.is_some(), (0, 22, 0)),
            ("oauth2", http.oauth2.is_some(), (0, 22, 0)),
            ("ProxyConfig", by_proxy, (0, 25, 0)),
        ];
        for (name, set, since) in fields {
            if set && self.before(since) {
                let (major, minor, patch) = since;
                return Err(format!(
                    "'{name}' config set in 'httpConfig' but supported in Alertmanager >= {major}.{minor}.{patch} only - current {}",
                    self.version
                ));
            }
        }
        Ok(())
    }

    pub(super) fn http_references(self, http: Option<&HttpConfig>) -> Result<(), Refusal> {
        let Some(http) = http else { return Ok(()) };
        self.resolves(http.bearer_token_secret.as_ref())?;
        self.client.authorization(http.authorization.as_ref())?;
        self.client.basic_auth(http.basic_auth.as_ref())?;
        self.tls(http.tls_config.as_ref())?;
        self.client.proxy_headers(&http.proxy)?;
        self.client.oauth2(http.oauth2.as_ref())
    }
}
