//! HTTP clients: `http_config`, `tls_config`, proxies, `oauth2`.

use super::{Fields, Refusal, Sanitizer, is_set, is_true, mapping, text};
use crate::config::headers::reserved;

const PROXY: [&str; 4] = [
    "proxy_url",
    "no_proxy",
    "proxy_from_environment",
    "proxy_connect_header",
];

impl Sanitizer<'_> {
    pub(super) fn http_client(&self, fields: &mut Fields) -> Result<(), Refusal> {
        for key in ["authorization", "oauth2"] {
            if is_set(fields, key) && self.before((0, 22, 0)) {
                return Err(format!(
                    "'{key}' set in 'http_config' but supported in Alertmanager >= 0.22.0 only"
                ));
            }
        }
        self.drop_before((0, 22, 0), fields, "follow_redirects");
        self.drop_before((0, 25, 0), fields, "enable_http2");
        if let Some(headers) = mapping(fields, "http_headers") {
            for name in headers.keys() {
                if let Some(reserved) = reserved(name) {
                    return Err(format!("setting header {reserved:?} is not allowed"));
                }
            }
        }
        self.drop_before((0, 28, 0), fields, "http_headers");
        if let Some(tls) = mapping(fields, "tls_config") {
            self.tls(tls)?;
        }
        self.proxy(fields)?;
        if let Some(oauth2) = mapping(fields, "oauth2") {
            self.oauth2(oauth2);
        }
        Ok(())
    }

    /// `http_config` below a receiver.
    pub(super) fn client_of(&self, fields: &mut Fields) -> Result<(), Refusal> {
        match mapping(fields, "http_config") {
            Some(client) => self.http_client(client),
            None => Ok(()),
        }
    }

    pub(super) fn tls(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.drop_before((0, 25, 0), fields, "min_version");
        self.drop_before((0, 25, 0), fields, "max_version");
        let (least, most) = (text(fields, "min_version"), text(fields, "max_version"));
        for version in [least, most] {
            if !["", "TLS10", "TLS11", "TLS12", "TLS13"].contains(&version) {
                return Err(format!("unknown TLS version: {version}"));
            }
        }
        if !most.is_empty() && least > most {
            return Err(format!(
                "max TLS version {most:?} must be greater than or equal to min TLS version {least:?}"
            ));
        }
        Ok(())
    }

    pub(super) fn proxy(&self, fields: &mut Fields) -> Result<(), Refusal> {
        if self.before((0, 26, 0)) {
            for key in ["proxy_from_environment", "no_proxy", "proxy_connect_header"] {
                self.drop_before((0, 26, 0), fields, key);
            }
            return Ok(());
        }
        let from_environment = is_true(fields, "proxy_from_environment");
        let (url, exceptions) = (is_set(fields, "proxy_url"), is_set(fields, "no_proxy"));
        let headers =
            mapping(fields, "proxy_connect_header").is_some_and(|headers| !headers.is_empty());
        let refuse = |text: &str| Err(text.to_owned());
        if headers && !from_environment && !url {
            return refuse(
                "if 'proxy_connect_header' is configured, 'proxy_url' or 'proxy_from_environment' must also be configured",
            );
        }
        if from_environment && url {
            return refuse(
                "if 'proxy_from_environment' is configured, 'proxy_url' must not be configured",
            );
        }
        if from_environment && exceptions {
            return refuse(
                "if 'proxy_from_environment' is configured, 'no_proxy' must not be configured",
            );
        }
        if !url && exceptions {
            return refuse("if 'no_proxy' is configured, 'proxy_url' must also be configured");
        }
        Ok(())
    }

    pub(super) fn oauth2(&self, fields: &mut Fields) {
        let used = ["proxy_url", "no_proxy", "proxy_connect_header"]
            .iter()
            .any(|key| is_set(fields, key));
        if used && self.before((0, 25, 0)) {
            for key in PROXY {
                fields.remove(key);
            }
            self.warn(
                "'proxyConfig' set in 'oauth2' but supported in Alertmanager >= 0.25.0 only - dropping field from provided config"
                    .to_owned(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Part, sanitize};
    use crate::config::version::Version;
    use serde_json::json;

    #[test]
    fn a_client_may_add_headers_that_it_does_not_set_itself() {
        let version = Version::parse("0.28.0").unwrap();
        let said = |name: &str| {
            let mut client = json!({"http_headers": {name: {"values": ["x"]}}});
            sanitize(Part::HttpClient, &mut client, &version)
        };
        for name in ["Accept-Language", "TE", "Upgrade", "X-Scope-OrgID"] {
            assert_eq!(said(name), Ok(Vec::new()), "{name}");
        }
        for (name, shown) in [
            ("keep-alive", "Keep-Alive"),
            ("WWW-Authenticate", "Www-Authenticate"),
            ("x-amz-date", "X-Amz-Date"),
            (
                "X-Prometheus-Scrape-Timeout-Seconds",
                "X-Prometheus-Scrape-Timeout-Seconds",
            ),
        ] {
            let why = format!("setting header {shown:?} is not allowed");
            assert_eq!(said(name), Err(why), "{name}");
        }
    }
}
