//! HTTP clients of receivers.

use serde_json::{Map, Value, json};

use super::{Converter, Refusal, TLS_ASSETS};
use crate::api::alertmanager_config::HttpConfig;
use crate::api::common::{
    BasicAuth, OAuth2, ProxyConfig, SafeTlsConfig, SecretKeySelector, SecretOrConfigMap,
};
use crate::config::alertmanager::block::Block;

impl Converter<'_> {
    /// `http_config`, if there is one.
    pub(super) fn http(self, http: Option<&HttpConfig>) -> Result<Option<Value>, Refusal> {
        let Some(http) = http else { return Ok(None) };
        let proxy = self
            .proxy(&http.proxy)?
            .maybe("proxy_url", http.proxy_url.as_ref());
        let basic = http.basic_auth.as_ref();
        let block = Block::default()
            .with(proxy)
            .put("follow_redirects", http.follow_redirects)
            .put("enable_http2", http.enable_http2)
            .put(
                "basic_auth",
                basic.map(|basic| self.basic(basic)).transpose()?.flatten(),
            )
            .put("authorization", self.authorization(http)?)
            .put(
                "tls_config",
                http.tls_config.as_ref().map(|tls| self.tls(tls)),
            );
        let bearer = self.maybe_secret(http.bearer_token_secret.as_ref(), "bearer token")?;
        let oauth2 = http.oauth2.as_ref().map(|oauth2| self.oauth2(oauth2));
        Ok(Some(
            block
                .maybe("bearer_token", bearer.as_ref())
                .put("oauth2", oauth2.transpose()?)
                .value(),
        ))
    }

    fn basic(self, basic: &BasicAuth) -> Result<Option<Value>, Refusal> {
        let nothing = SecretKeySelector::default();
        let user = self.maybe_secret(
            Some(basic.username.as_ref().unwrap_or(&nothing)),
            "BasicAuth username",
        )?;
        let password = self.maybe_secret(
            Some(basic.password.as_ref().unwrap_or(&nothing)),
            "BasicAuth password",
        )?;
        Ok(Block::default()
            .maybe("username", user.as_ref())
            .maybe("password", password.as_ref())
            .filled())
    }

    fn authorization(self, http: &HttpConfig) -> Result<Option<Value>, Refusal> {
        let Some(authorization) = &http.authorization else {
            return Ok(None);
        };
        let credentials = self.maybe_secret(
            authorization.credentials.as_ref(),
            "Authorization credentials",
        )?;
        let kind = authorization.r#type.as_deref().unwrap_or_default();
        let kind = if kind.is_empty() { "Bearer" } else { kind };
        let credentials = credentials.filter(|credentials| !credentials.is_empty());
        Ok(credentials.map(|credentials| json!({"type": kind, "credentials": credentials})))
    }

    fn oauth2(self, oauth2: &OAuth2) -> Result<Value, Refusal> {
        let id = self
            .scope
            .text(&oauth2.client_id)
            .map_err(|error| format!("failed to get clientID: {}", error.explain()))?;
        let secret = self.maybe_secret(Some(&oauth2.client_secret), "client secret")?;
        Ok(Block::default()
            .put("client_id", Some(id))
            .put("client_secret", secret)
            .put("token_url", Some(oauth2.token_url.clone()))
            .list("scopes", oauth2.scopes.clone())
            .map("endpoint_params", &oauth2.endpoint_params)
            .with(self.proxy(&oauth2.proxy)?)
            .value())
    }

    fn proxy(self, proxy: &ProxyConfig) -> Result<Block, Refusal> {
        let mut headers = Map::new();
        for (name, references) in &proxy.proxy_connect_header {
            let texts: Result<Vec<Option<String>>, Refusal> = references
                .iter()
                .map(|one| self.maybe_secret(Some(one), "proxyConnectHeader secretKey"))
                .collect();
            headers.insert(name.clone(), json!(texts?));
        }
        Ok(Block::default()
            .maybe("proxy_url", proxy.proxy_url.as_ref())
            .maybe("no_proxy", proxy.no_proxy.as_ref())
            .on("proxy_from_environment", proxy.proxy_from_environment)
            .put(
                "proxy_connect_header",
                Some(headers).filter(|headers| !headers.is_empty()),
            ))
    }

    /// `tls_config`; references become the files they are stored as.
    pub(super) fn tls(self, tls: &SafeTlsConfig) -> Value {
        let file = |reference: &Option<SecretOrConfigMap>| {
            let set = reference
                .as_ref()
                .filter(|reference| **reference != SecretOrConfigMap::default());
            set.map(|reference| self.public_file(reference))
        };
        let key = tls.key_secret.as_ref();
        let key = key.map(|key| self.secret_file(key));
        Block::default()
            .put("ca_file", file(&tls.ca))
            .put("cert_file", file(&tls.cert))
            .put("key_file", key)
            .maybe("server_name", tls.server_name.as_ref())
            .put(
                "insecure_skip_verify",
                Some(tls.insecure_skip_verify == Some(true)),
            )
            .maybe("min_version", tls.min_version.as_ref())
            .maybe("max_version", tls.max_version.as_ref())
            .value()
    }

    /// Path of the file of a certificate, whose content is noted.
    fn public_file(self, reference: &SecretOrConfigMap) -> String {
        match (&reference.secret, &reference.config_map) {
            (Some(secret), _) => self.secret_file(secret),
            (None, Some(config_map)) => {
                let name = self.scope.file_name(reference);
                let text = self.scope.config_map(config_map);
                self.noted(name, text.ok().map(String::into_bytes))
            }
            (None, None) => format!("{TLS_ASSETS}{}", self.scope.file_name(reference)),
        }
    }

    /// Path of the file of a key of a Secret, whose content is noted.
    fn secret_file(self, reference: &SecretKeySelector) -> String {
        let content = self.scope.bytes(reference).ok().map(<[u8]>::to_vec);
        self.noted(self.scope.secret_file_name(reference), content)
    }

    fn noted(self, name: String, content: Option<Vec<u8>>) -> String {
        let path = format!("{TLS_ASSETS}{name}");
        if let Some(content) = content {
            self.tls_files.borrow_mut().insert(name, content);
        }
        path
    }
}
