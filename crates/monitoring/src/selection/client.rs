//! HTTP clients: at most one way to authenticate, references that resolve, TLS material that can be used.

use super::{At, Check, Refusal, pem};
use crate::api::common::{
    BasicAuth, HttpClientConfig, OAuth2, ProxyConfig, SafeAuthorization, SafeTlsConfig,
    SecretKeySelector, SecretOrConfigMap, TlsConfig,
};
use crate::config::yaml::filled;
use crate::url;

/// What a client is made of; borrowed from the many types that have these fields.
#[derive(Clone, Copy, Default)]
pub(super) struct Client<'a> {
    pub(super) basic: Option<&'a BasicAuth>,
    pub(super) authorization: Option<&'a SafeAuthorization>,
    pub(super) bearer: Option<&'a SecretKeySelector>,
    pub(super) oauth2: Option<&'a OAuth2>,
    pub(super) tls: Option<&'a SafeTlsConfig>,
    pub(super) proxy: Option<&'a ProxyConfig>,
}

impl<'a> From<&'a HttpClientConfig> for Client<'a> {
    fn from(client: &'a HttpClientConfig) -> Self {
        Self {
            basic: client.basic_auth.as_ref(),
            authorization: client.authorization.as_ref(),
            bearer: None,
            oauth2: client.oauth2.as_ref(),
            tls: client.tls_config.as_ref(),
            proxy: Some(&client.proxy),
        }
    }
}

impl Client<'_> {
    /// The checks of an endpoint's client before anything is looked up, without TLS.
    pub(super) fn authentication(self) -> Result<(), Refusal> {
        self.one_way()?;
        if let Some(authorization) = self.authorization {
            check_authorization(authorization).at("authorization")?;
        }
        self.oauth2.map_or(Ok(()), check_oauth2).at("oauth2")
    }

    /// No two ways to authenticate an endpoint's client.
    pub(super) fn one_way(self) -> Result<(), Refusal> {
        let methods = [
            ("authorization", self.authorization.is_some()),
            ("basicAuth", self.basic.is_some()),
            ("bearerTokenSecret", self.bearer.is_some()),
            ("oauth2", self.oauth2.is_some()),
        ];
        let mut set = methods
            .iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| *name);
        if let (Some(first), Some(second)) = (set.next(), set.next()) {
            return Err(format!(
                "{first} and {second} cannot be configured at the same time"
            ));
        }
        Ok(())
    }

    /// Prometheus refuses a whole configuration with two of them in one place.
    fn one_method(self) -> Result<(), Refusal> {
        let set = [
            self.basic.is_some(),
            self.oauth2.is_some(),
            self.authorization.is_some(),
        ];
        if set.into_iter().filter(|set| *set).count() > 1 {
            return Err(
                "at most one of basicAuth, oauth2 and authorization can be configured".to_owned(),
            );
        }
        Ok(())
    }
}

impl Check<'_> {
    /// A client of a discovery: everything about it.
    pub(super) fn client(self, client: Client) -> Result<(), Refusal> {
        client.one_method()?;
        self.basic_auth(client.basic)?;
        self.authorization(client.authorization)?;
        self.oauth2(client.oauth2)?;
        self.safe_tls(client.tls)?;
        client.proxy.map_or(Ok(()), |proxy| self.proxy(proxy))
    }

    pub(super) fn basic_auth(self, auth: Option<&BasicAuth>) -> Result<(), Refusal> {
        let Some(auth) = auth else { return Ok(()) };
        for (field, reference) in [("username", &auth.username), ("password", &auth.password)] {
            let named = reference.as_ref().filter(|one| filled(&one.name).is_some());
            named
                .ok_or_else(|| format!("{field} isn't set: name a Secret and a key"))
                .and_then(|reference| self.secret(reference))
                .at(&format!("failed to get basic auth {field}"))?;
        }
        Ok(())
    }

    pub(super) fn authorization(self, auth: Option<&SafeAuthorization>) -> Result<(), Refusal> {
        let Some((auth, credentials)) =
            auth.and_then(|auth| Some((auth, auth.credentials.as_ref()?)))
        else {
            return Ok(());
        };
        check_authorization(auth)?;
        if filled(&credentials.name).is_some() {
            let kind = auth.r#type.as_deref().unwrap_or_default();
            self.secret(credentials).at(&format!(
                "failed to get authorization token of type {kind:?}"
            ))?;
        }
        Ok(())
    }

    pub(super) fn oauth2(self, oauth2: Option<&OAuth2>) -> Result<(), Refusal> {
        let Some(oauth2) = oauth2 else { return Ok(()) };
        check_oauth2(oauth2)?;
        self.text(&oauth2.client_id)
            .at("failed to get oauth2 client id")?;
        self.secret(&oauth2.client_secret)
            .at("failed to get oauth2 client secret")?;
        self.proxy_headers(&oauth2.proxy)
            .at("failed to get oauth2 proxyConfig")?;
        self.safe_tls(oauth2.tls_config.as_ref())
            .at("failed to get oauth2 tlsConfig")
    }

    pub(super) fn proxy(self, proxy: &ProxyConfig) -> Result<(), Refusal> {
        check_proxy(proxy)?;
        self.proxy_headers(proxy)
    }

    pub(super) fn proxy_headers(self, proxy: &ProxyConfig) -> Result<(), Refusal> {
        for (name, values) in &proxy.proxy_connect_header {
            for (index, value) in values.iter().enumerate() {
                self.secret(value).at(&format!("header[{name}][{index}]"))?;
            }
        }
        Ok(())
    }

    pub(super) fn safe_tls(self, tls: Option<&SafeTlsConfig>) -> Result<(), Refusal> {
        let Some(tls) = tls else { return Ok(()) };
        check_safe_tls(tls).at("failed to validate TLS configuration")?;
        self.tls_material(tls)
    }

    pub(super) fn tls(self, tls: Option<&TlsConfig>) -> Result<(), Refusal> {
        let Some(tls) = tls else { return Ok(()) };
        check_tls(tls).at("failed to validate TLS configuration")?;
        self.tls_material(&tls.tls)
    }

    fn tls_material(self, tls: &SafeTlsConfig) -> Result<(), Refusal> {
        let nothing = SecretOrConfigMap::default();
        let (ca, cert) = (
            tls.ca.as_ref().unwrap_or(&nothing),
            tls.cert.as_ref().unwrap_or(&nothing),
        );
        let ca_text = self
            .text(ca)
            .at(&format!("failed to get ca {:?}", shown(ca)))?;
        let cert_text = self
            .text(cert)
            .at(&format!("failed to get cert {:?}", shown(cert)))?;
        let key = tls.key_secret.as_ref();
        let place = |key: &SecretKeySelector| {
            format!("{}/{}", key.name.as_deref().unwrap_or_default(), key.key)
        };
        let key_text = match key {
            Some(key) => self
                .secret(key)
                .at(&format!("failed to get key {}", place(key)))?,
            None => String::new(),
        };
        if !ca_text.is_empty() {
            let what = format!("ca {}", shown(ca));
            let found = pem::blocks(&ca_text);
            let first = found
                .first()
                .ok_or_else(|| "failed to decode PEM block".to_owned())
                .at(&what)?;
            if !pem::is_certificate(&first.bytes) {
                return Err(format!(
                    "{what}: failed to parse certificate: x509: malformed certificate"
                ));
            }
        }
        if !cert_text.is_empty() && !key_text.is_empty() {
            let key = key.map(place).unwrap_or_default();
            pem::check_pair(&cert_text, &key_text)
                .at(&format!("cert {}, key <{key}>", shown(cert)))?;
        }
        Ok(())
    }
}

pub(super) fn check_authorization(auth: &SafeAuthorization) -> Result<(), Refusal> {
    let kind = auth
        .r#type
        .as_deref()
        .unwrap_or_default()
        .trim()
        .to_lowercase();
    if kind == "basic" {
        return Err(
            "'authorization' type cannot be set to \"basic\", use \"basicAuth\" instead".to_owned(),
        );
    }
    if auth.credentials.is_none() {
        return Err("'authorization' credentials are required".to_owned());
    }
    Ok(())
}

pub(super) fn check_oauth2(oauth2: &OAuth2) -> Result<(), Refusal> {
    if oauth2.token_url.is_empty() {
        return Err("OAuth2 tokenURL must be specified".to_owned());
    }
    if oauth2.client_id == SecretOrConfigMap::default() {
        return Err("OAuth2 'clientID' must be specified".to_owned());
    }
    check_either(&oauth2.client_id).at("invalid OAuth2 'clientID'")?;
    oauth2
        .tls_config
        .as_ref()
        .map_or(Ok(()), check_safe_tls)
        .at("invalid OAuth2 'tlsConfig'")?;
    check_proxy(&oauth2.proxy).at("invalid OAuth2 proxyConfig")
}

/// A proxy that makes sense.
pub(super) fn check_proxy(proxy: &ProxyConfig) -> Result<(), Refusal> {
    let from_environment = proxy.proxy_from_environment == Some(true);
    let (by_url, exceptions) = (
        filled(&proxy.proxy_url).is_some(),
        filled(&proxy.no_proxy).is_some(),
    );
    let refuse = |text: &str| Err(text.to_owned());
    if !proxy.proxy_connect_header.is_empty() && !from_environment && !by_url {
        return refuse(
            "if proxyConnectHeader is configured, proxyUrl or proxyFromEnvironment must also be configured",
        );
    }
    if from_environment && by_url {
        return refuse("if proxyFromEnvironment is configured, proxyUrl must not be configured");
    }
    if from_environment && exceptions {
        return refuse("if proxyFromEnvironment is configured, noProxy must not be configured");
    }
    if !by_url && exceptions {
        return refuse("if noProxy is configured, proxyUrl must also be configured");
    }
    for (name, values) in &proxy.proxy_connect_header {
        if values.is_empty() {
            return Err(format!(
                "proxyConnetHeader[{name}]: selector must not be empty"
            ));
        }
        if let Some(index) = values
            .iter()
            .position(|value| *value == SecretKeySelector::default())
        {
            return Err(format!(
                "proxyConnectHeader[{name}][{index}]: selector must be defined"
            ));
        }
    }
    proxy
        .proxy_url
        .as_deref()
        .map_or(Ok(()), |text| url::parse(text).map(|_| ()))
}

fn check_either(reference: &SecretOrConfigMap) -> Result<(), Refusal> {
    if reference.secret.is_some() && reference.config_map.is_some() {
        return Err("cannot specify both Secret and ConfigMap".to_owned());
    }
    Ok(())
}

fn is_set(reference: Option<&SecretOrConfigMap>) -> bool {
    reference.is_some_and(|reference| *reference != SecretOrConfigMap::default())
}

fn check_parts(tls: &SafeTlsConfig) -> Result<(), Refusal> {
    for (name, reference) in [("ca", &tls.ca), ("cert", &tls.cert)] {
        if let Some(reference) = reference {
            check_either(reference).at(&format!("{name} {}", shown(reference)))?;
        }
    }
    match (&tls.min_version, &tls.max_version) {
        (Some(least), Some(most)) if most < least => {
            Err("maxVersion must more than or equal to minVersion".to_owned())
        }
        _ => Ok(()),
    }
}

/// TLS without files.
pub(crate) fn check_safe_tls(tls: &SafeTlsConfig) -> Result<(), Refusal> {
    check_parts(tls)?;
    match (is_set(tls.cert.as_ref()), tls.key_secret.is_some()) {
        (true, false) => Err("client cert specified without client key".to_owned()),
        (false, true) => Err("client key specified without client cert".to_owned()),
        (true, true) | (false, false) => Ok(()),
    }
}

/// TLS that may name files.
pub(super) fn check_tls(tls: &TlsConfig) -> Result<(), Refusal> {
    check_parts(&tls.tls)?;
    let file = |file: &Option<String>| filled(file).is_some();
    let both = [
        (
            is_set(tls.tls.ca.as_ref()) && file(&tls.ca_file),
            "'caFile' and 'ca'",
        ),
        (
            is_set(tls.tls.cert.as_ref()) && file(&tls.cert_file),
            "'certFile' and 'cert'",
        ),
        (
            tls.tls.key_secret.is_some() && file(&tls.key_file),
            "'keyFile' and 'keySecret'",
        ),
    ];
    if let Some((_, names)) = both.iter().find(|(both, _)| *both) {
        return Err(format!("cannot specify both {names}"));
    }
    let has_cert = is_set(tls.tls.cert.as_ref()) || file(&tls.cert_file);
    let has_key = tls.tls.key_secret.is_some() || file(&tls.key_file);
    match (has_cert, has_key) {
        (true, false) => Err("cannot specify client cert without client key".to_owned()),
        (false, true) => Err("cannot specify client key without client cert".to_owned()),
        (true, true) | (false, false) => Ok(()),
    }
}

fn shown(reference: &SecretOrConfigMap) -> String {
    let named = |kind: &str, one: &SecretKeySelector| {
        format!(
            "<{kind}={},key={}>",
            one.name.as_deref().unwrap_or_default(),
            one.key
        )
    };
    match (&reference.secret, &reference.config_map) {
        (Some(secret), _) => named("secret", secret),
        (None, Some(config_map)) => named("configmap", config_map),
        (None, None) => "<empty>".to_owned(),
    }
}
