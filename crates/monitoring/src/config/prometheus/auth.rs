//! Blocks about HTTP clients: authentication, TLS, proxies.

use super::CERTIFICATES;
use super::generator::Generator;
use crate::api::common::{
    Authorization, BasicAuth, OAuth2, ProxyConfig, SafeAuthorization, SafeTlsConfig, Sigv4,
    TlsConfig,
};
use crate::config::assets::Scope;
use crate::config::version::Since;
use crate::config::yaml::{Mapping, filled, natural, sorted};

const PROXY_DETAILS: Since = (2, 43, 0);

impl Generator<'_> {
    /// `basic_auth`.
    #[allow(
        clippy::unused_self,
        reason = "it is called as the others of its kind are"
    )]
    pub(super) fn basic_auth(&self, out: &mut Mapping, scope: Scope, auth: Option<&BasicAuth>) {
        let Some(auth) = auth else { return };
        let text = |reference: Option<&_>| {
            reference
                .and_then(|reference| scope.secret(reference).ok())
                .unwrap_or_default()
        };
        let block = Mapping::new()
            .with("username", text(auth.username.as_ref()))
            .with("password", text(auth.password.as_ref()));
        out.put("basic_auth", block);
    }

    /// `authorization` without a file.
    pub(super) fn safe_authorization(
        &self,
        out: &mut Mapping,
        scope: Scope,
        auth: Option<&SafeAuthorization>,
    ) {
        if let Some(auth) = auth {
            let auth = Authorization {
                credentials_file: None,
                safe: auth.clone(),
            };
            self.authorization(out, scope, Some(&auth));
        }
    }

    /// `authorization`.
    pub(super) fn authorization(
        &self,
        out: &mut Mapping,
        scope: Scope,
        auth: Option<&Authorization>,
    ) {
        let Some(auth) = auth else { return };
        let kind = filled(&auth.safe.r#type).unwrap_or("Bearer").trim();
        let mut block = Mapping::new().with("type", kind);
        let credentials = auth.safe.credentials.as_ref();
        block.put_some(
            "credentials",
            credentials.and_then(|reference| scope.secret(reference).ok()),
        );
        block.put_some("credentials_file", filled(&auth.credentials_file));
        self.put_since(out, (2, 26, 0), "authorization", block);
    }

    /// `bearer_token` of a Secret, or of the text itself.
    #[allow(
        clippy::unused_self,
        reason = "it is called as the others of its kind are"
    )]
    pub(super) fn bearer_token(
        &self,
        out: &mut Mapping,
        scope: Scope,
        reference: Option<&crate::api::common::SecretKeySelector>,
    ) {
        let named = reference
            .filter(|reference| reference.name.as_ref().is_some_and(|name| !name.is_empty()));
        out.put_some(
            "bearer_token",
            named.and_then(|reference| scope.secret(reference).ok()),
        );
    }

    /// `oauth2`; nothing if the client's credentials are missing.
    pub(super) fn oauth2(&self, out: &mut Mapping, scope: Scope, oauth2: Option<&OAuth2>) {
        let Some(oauth2) = oauth2 else { return };
        let (Ok(id), Ok(secret)) = (
            scope.text(&oauth2.client_id),
            scope.secret(&oauth2.client_secret),
        ) else {
            return;
        };
        let mut block = Mapping::new()
            .with("client_id", id)
            .with("client_secret", secret)
            .with("token_url", &oauth2.token_url);
        if !oauth2.scopes.is_empty() {
            block.put("scopes", &oauth2.scopes);
        }
        if !oauth2.endpoint_params.is_empty() {
            block.put("endpoint_params", natural(&oauth2.endpoint_params));
        }
        if self.supports(PROXY_DETAILS) {
            self.proxy(&mut block, scope, &oauth2.proxy);
            self.safe_tls(&mut block, scope, oauth2.tls_config.as_ref());
        } else if oauth2.tls_config.is_some() {
            self.unsupported("tls_config");
        }
        self.put_since(out, (2, 27, 0), "oauth2", block);
    }

    /// `proxy_url` and what belongs to it.
    pub(super) fn proxy(&self, out: &mut Mapping, scope: Scope, proxy: &ProxyConfig) {
        out.put_some("proxy_url", proxy.proxy_url.as_ref());
        self.put_some_since(out, PROXY_DETAILS, "no_proxy", proxy.no_proxy.as_ref());
        self.put_some_since(
            out,
            PROXY_DETAILS,
            "proxy_from_environment",
            proxy.proxy_from_environment.as_ref(),
        );
        if !proxy.proxy_connect_header.is_empty() {
            let headers = proxy
                .proxy_connect_header
                .iter()
                .map(|(name, values)| {
                    let values: Vec<String> = values
                        .iter()
                        .map(|value| scope.secret(value).unwrap_or_default())
                        .collect();
                    (name.clone(), values)
                })
                .collect();
            self.put_since(out, PROXY_DETAILS, "proxy_connect_header", sorted(&headers));
        }
    }

    /// `sigv4`.
    pub(super) fn sigv4(
        &self,
        out: &mut Mapping,
        scope: Scope,
        since: Since,
        sigv4: Option<&Sigv4>,
    ) {
        let Some(sigv4) = sigv4 else { return };
        let mut block = Mapping::new();
        block.put_some("region", filled(&sigv4.region));
        if let (Some(access), Some(secret)) = (&sigv4.access_key, &sigv4.secret_key) {
            let access = scope.secret(access).unwrap_or_default();
            let secret = scope.secret(secret).unwrap_or_default();
            if !access.is_empty() && !secret.is_empty() {
                block.put("access_key", access);
                block.put("secret_key", secret);
            }
        }
        block.put_some("profile", filled(&sigv4.profile));
        block.put_some("role_arn", filled(&sigv4.role_arn));
        self.put_some_since(
            &mut block,
            (3, 11, 0),
            "external_id",
            filled(&sigv4.external_id),
        );
        self.put_some_since(
            &mut block,
            (2, 54, 0),
            "use_fips_sts_endpoint",
            sigv4.use_fips_sts_endpoint.as_ref(),
        );
        self.put_since(out, since, "sigv4", block);
    }

    /// `tls_config` without files of the container.
    pub(super) fn safe_tls(&self, out: &mut Mapping, scope: Scope, tls: Option<&SafeTlsConfig>) {
        if let Some(tls) = tls {
            out.put("tls_config", self.safe_tls_block(scope, tls));
        }
    }

    /// `tls_config`.
    pub(super) fn tls(&self, out: &mut Mapping, scope: Scope, tls: Option<&TlsConfig>) {
        let Some(tls) = tls else { return };
        let mut block = self.safe_tls_block(scope, &tls.tls);
        block.put_some("ca_file", filled(&tls.ca_file));
        block.put_some("cert_file", filled(&tls.cert_file));
        block.put_some("key_file", filled(&tls.key_file));
        out.put("tls_config", block);
    }

    /// Notes the material of the files that a block names; certificate and key only as a pair.
    fn note_tls_files(&self, scope: Scope, tls: &SafeTlsConfig) {
        let filled = |text: Result<String, _>| text.ok().filter(|text| !text.is_empty());
        if let Some(reference) = &tls.ca
            && let Some(authority) = filled(scope.text(reference))
        {
            self.tls_file(scope.file_name(reference), authority);
        }
        if let (Some(cert), Some(key)) = (&tls.cert, &tls.key_secret)
            && let (Some(certificate), Some(private)) =
                (filled(scope.text(cert)), filled(scope.secret(key)))
        {
            self.tls_file(scope.file_name(cert), certificate);
            self.tls_file(scope.secret_file_name(key), private);
        }
    }

    fn safe_tls_block(&self, scope: Scope, tls: &SafeTlsConfig) -> Mapping {
        let mut block = Mapping::new();
        block.put_some("insecure_skip_verify", tls.insecure_skip_verify.as_ref());
        let file = |name: String| format!("{CERTIFICATES}/{name}");
        if !self.options.inline_tls {
            self.note_tls_files(scope, tls);
        }
        for (name, reference) in [("ca", &tls.ca), ("cert", &tls.cert)] {
            let named = reference
                .as_ref()
                .filter(|reference| reference.secret.is_some() || reference.config_map.is_some());
            let Some(reference) = named else { continue };
            if self.options.inline_tls {
                block.put_some(name, scope.text(reference).ok());
            } else {
                block.put(&format!("{name}_file"), file(scope.file_name(reference)));
            }
        }
        if let Some(key) = &tls.key_secret {
            if self.options.inline_tls {
                block.put_some("key", scope.secret(key).ok());
            } else {
                block.put("key_file", file(scope.secret_file_name(key)));
            }
        }
        block.put_some("server_name", filled(&tls.server_name));
        self.put_some_since(
            &mut block,
            (2, 35, 0),
            "min_version",
            tls.min_version.as_ref(),
        );
        self.put_some_since(
            &mut block,
            (2, 41, 0),
            "max_version",
            tls.max_version.as_ref(),
        );
        block
    }
}
