//! Whether a program would serve with the web configuration that is made for it (`web/tls_config.go` and `web/handler.go` of
//! `prometheus/exporter-toolkit`, and Go's `net/http`).
//!
//! A program that is running reads the file with every connection, and answers none as long as there is a fault in it.

use super::blame::{camel, told};
use super::client::refuse;
use super::fault::Fault;
use super::shape::{Node, Shape, Struct, field, nothing, since, text};
use super::{BARE_NAMES, Reader, Variables, alertmanager, read};
use crate::config::version::{Since, Version};
use crate::workload::{ALERTMANAGER_WEB_CONFIG, PROMETHEUS_WEB_CONFIG, THANOS_RULER_WEB_CONFIG};

/// Versions of TLS, the lowest first.
const VERSIONS: [&str; 4] = ["TLS10", "TLS11", "TLS12", "TLS13"];

/// What Go's servers can do and is safe (`tls.CipherSuites`).
const CIPHERS: [&str; 13] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// What counted as safe too before Go 1.22.
const OLD_CIPHERS: [&str; 4] = [
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];

/// One of these must be there for HTTP/2.
const OF_HTTP2: [&str; 2] = [
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
];

/// Who reads a web configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Prometheus, as a server or as an agent.
    Prometheus,
    /// Alertmanager.
    Alertmanager,
    /// Thanos Ruler.
    ThanosRuler,
}

/// Versions of a program that know more or less than those before.
struct Knows {
    /// It reads a web configuration.
    reads: Since,
    /// It sets headers.
    headers: Since,
    /// It is built with Go 1.22 or later.
    go_1_22: Since,
}

impl Server {
    /// What it is called.
    fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::Alertmanager => "Alertmanager",
            Self::ThanosRuler => "Thanos Ruler",
        }
    }

    /// Whether it reads a web configuration in that version.
    pub fn reads(self, version: &Version) -> bool {
        version.at_least(self.knows().reads)
    }

    /// The folder of its container in which the file lies.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Prometheus => PROMETHEUS_WEB_CONFIG,
            Self::Alertmanager => ALERTMANAGER_WEB_CONFIG,
            Self::ThanosRuler => THANOS_RULER_WEB_CONFIG,
        }
    }

    fn knows(self) -> Knows {
        let (reads, headers, go_1_22) = match self {
            Self::Prometheus => ((2, 24, 0), (2, 31, 0), BARE_NAMES),
            Self::Alertmanager => ((0, 22, 0), (0, 24, 0), alertmanager::BARE_NAMES),
            Self::ThanosRuler => ((0, 21, 0), (0, 24, 0), (0, 37, 0)),
        };
        Knows {
            reads,
            headers,
            go_1_22,
        }
    }
}

static WEB: Struct = Struct {
    fields: &[&[
        field("tls_server_config", Shape::Struct(&TLS)),
        field("http_server_config", Shape::Struct(&HTTP)),
    ]],
    check: |web, _| {
        let (tls, http) = (
            web.node("tls_server_config"),
            web.node("http_server_config"),
        );
        let offers_http2 = !http.present("http2") || http.flag("http2");
        let suites = tls.list("cipher_suites");
        let mut names = suites.iter().filter_map(text);
        let lacks = !suites.is_empty()
            && tls.text("min_version") != "TLS13"
            && !names.any(|name| OF_HTTP2.contains(&name.as_ref()));
        if offers_http2 && lacks {
            let why = format!(
                "HTTP/2 needs one of {}; add it, or set http2 of spec.web.httpConfig to false",
                OF_HTTP2.join(", ")
            );
            return Err(Fault::here(why)
                .within("cipher_suites")
                .within("tls_server_config"));
        }
        Ok(())
    },
};

static TLS: Struct = Struct {
    fields: &[&[
        field("cert_file", Shape::Text),
        field("key_file", Shape::Text),
        field(
            "client_auth_type",
            Shape::OneOf(&[
                "",
                "NoClientCert",
                "RequestClientCert",
                "RequireAnyClientCert",
                "RequireClientCert",
                "VerifyClientCertIfGiven",
                "RequireAndVerifyClientCert",
            ]),
        ),
        field("client_ca_file", Shape::Text),
        field("cipher_suites", Shape::List(&Shape::Text)),
        field(
            "curve_preferences",
            Shape::List(&Shape::OneOf(&[
                "CurveP256",
                "CurveP384",
                "CurveP521",
                "X25519",
            ])),
        ),
        field("min_version", Shape::OneOf(&VERSIONS)),
        field("max_version", Shape::OneOf(&VERSIONS)),
        field("prefer_server_cipher_suites", Shape::Flag),
    ]],
    check: |tls, _| {
        for name in ["cert_file", "key_file"] {
            if !tls.filled(name) {
                return refuse(&format!("missing {name}"));
            }
        }
        let anyone = ["", "NoClientCert"].contains(&tls.text("client_auth_type").as_ref());
        if tls.filled("client_ca_file") && anyone {
            let why = "client CA's have been configured without a Client Auth Policy; \
                       write RequireAndVerifyClientCert or another one"
                .to_owned();
            return Err(Fault::here(why).within("client_auth_type"));
        }
        check_versions(tls)
    },
};

/// With no version between the lowest and the highest a program starts, and takes no connection.
fn check_versions(tls: Node<'_>) -> Result<(), Fault> {
    let level = |name: &str, default: &'static str| {
        let given = tls.text(name);
        let known = VERSIONS.iter().copied().enumerate();
        let mut known = known.filter(|(_, version)| *version == given);
        known.next().unwrap_or_else(|| {
            let mut all = VERSIONS.iter().copied().enumerate();
            all.find(|(_, version)| *version == default)
                .unwrap_or((0, default))
        })
    };
    let (lowest, min) = level("min_version", "TLS12");
    let (highest, max) = level("max_version", "TLS13");
    if lowest <= highest {
        return Ok(());
    }
    let why = format!(
        "{max} is lower than the lowest version, {min}, so that nobody could connect; write a higher one, or a lower minVersion"
    );
    Err(Fault::here(why).within("max_version"))
}

static HTTP: Struct = Struct {
    fields: &[&[
        field("http2", Shape::Flag),
        since("headers", Shape::Struct(&HEADERS), (0, 7, 0)),
    ]],
    check: nothing,
};

static HEADERS: Struct = Struct {
    fields: &[&[
        field("Content-Security-Policy", Shape::Text),
        field("Strict-Transport-Security", Shape::Text),
        field("X-Content-Type-Options", Shape::OneOf(&["nosniff"])),
        field("X-Frame-Options", Shape::OneOf(&["deny", "sameorigin"])),
        field("X-XSS-Protection", Shape::Text),
    ]],
    check: nothing,
};

/// Suites of ciphers that the Go knows which a program is built with.
fn check_suites(tls: Node<'_>, version: &Version, since: Since) -> Result<(), Fault> {
    let is_old = (version.major, version.minor, u64::MAX) < since;
    for (index, suite) in tls.list("cipher_suites").iter().enumerate() {
        let name = text(suite).unwrap_or_default();
        let name = name.as_ref();
        let was_known = OLD_CIPHERS.contains(&name);
        if CIPHERS.contains(&name) || was_known && is_old {
            continue;
        }
        let why = if was_known {
            let (major, minor, _) = since;
            format!(
                "unknown cipher: {name}, which isn't safe, from version {major}.{minor} on; remove it"
            )
        } else {
            format!(
                "unknown cipher: {name}; write one of {}",
                CIPHERS.join(", ")
            )
        };
        return Err(Fault::here(why)
            .at(index)
            .within("cipher_suites")
            .within("tls_server_config"));
    }
    Ok(())
}

fn read_web(text: &str, server: Server, version: &Version) -> Result<(), Fault> {
    let since = server.knows();
    if text.is_empty() || !version.at_least(since.reads) {
        return Ok(());
    }
    // The versions of fields are those of the toolkit.
    let toolkit = if version.at_least(since.headers) {
        "0.7.0"
    } else {
        "0.6.0"
    };
    let toolkit = Version::parse(toolkit).map_err(|error| Fault::here(error.to_string()))?;
    let reader = Reader {
        is_newer: false,
        stands_in: true,
        variables: Variables::None,
        ..Reader::new(&toolkit)
    };
    let document = read(text)?;
    let suites = Node::of(&document).node("tls_server_config");
    check_suites(suites, version, since.go_1_22)?;
    Shape::Struct(&WEB).check(&document, &reader)
}

/// Why a version of a program wouldn't serve with a text as its web configuration, by the fields of the workload.
pub fn check(text: &str, server: Server, version: &Version) -> Result<(), String> {
    read_web(text, server, version).map_err(|fault| {
        let fault = told(&of_workload(fault.path()), &fault);
        format!(
            "{} {version} would refuse the web configuration: {fault}",
            server.name()
        )
    })
}

/// A path by the fields of workloads: `tls_server_config.min_version` as `spec.web.tlsConfig.minVersion`.
fn of_workload(path: &str) -> String {
    let mut out = "spec.web".to_owned();
    for key in path.split('.').filter(|key| !key.is_empty()) {
        out.push('.');
        match key {
            "tls_server_config" => out.push_str("tlsConfig"),
            "http_server_config" => out.push_str("httpConfig"),
            header if header.contains('-') => {
                let mut letters = header.chars().filter(|c| *c != '-');
                out.extend(letters.next().map(|first| first.to_ascii_lowercase()));
                out.extend(letters);
            }
            key => out.push_str(&camel(key)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(server: Server, version: &str, text: &str) -> String {
        let version = Version::parse(version).unwrap();
        check(text, server, &version).err().unwrap_or_default()
    }

    fn of_tls(version: &str, more: &str) -> String {
        let text = format!("tls_server_config:\n  cert_file: /c\n  key_file: /k\n  {more}\n");
        said(Server::Prometheus, version, &text)
    }

    #[test]
    fn what_programs_serve_with_is_taken() {
        for text in [
            "",
            "http_server_config:\n  http2: false\n",
            "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: anything}}\n",
        ] {
            assert_eq!(said(Server::Alertmanager, "0.33.1", text), "", "{text}");
        }
        for more in [
            "",
            "min_version: TLS13",
            "max_version: TLS12",
            "{a}",
            "client_auth_type: RequireClientCert",
            "client_ca_file: /a\n  client_auth_type: VerifyClientCertIfGiven",
            "curve_preferences: [X25519, CurveP521]",
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
            "cipher_suites: [TLS_AES_128_GCM_SHA256]\n  min_version: TLS13",
        ] {
            let more = more.replace("{a}", "prefer_server_cipher_suites: true");
            assert_eq!(of_tls("3.13.2", &more), "", "{more}");
        }
    }

    #[test]
    fn a_fault_is_told_by_the_field_of_the_workload_with_what_to_do() {
        let place = "Prometheus 3.13.2 would refuse the web configuration: spec.web.tlsConfig";
        for (more, wanted) in [
            (
                "min_version: TLS9",
                ".minVersion: \"TLS9\" is none of TLS10, TLS11, TLS12, TLS13; write one of them (in its configuration: tls_server_config.min_version)",
            ),
            (
                "max_version: TLS11",
                ".maxVersion: TLS11 is lower than the lowest version, TLS12, so that nobody could connect; write a higher one, or a lower minVersion (in its configuration: tls_server_config.max_version)",
            ),
            (
                "curve_preferences: [X25519, P256]",
                ".curvePreferences[1]: \"P256\" is none of CurveP256, CurveP384, CurveP521, X25519; write one of them (in its configuration: tls_server_config.curve_preferences[1])",
            ),
            (
                "client_ca_file: /a",
                ".clientAuthType: client CA's have been configured without a Client Auth Policy; write RequireAndVerifyClientCert or another one (in its configuration: tls_server_config.client_auth_type)",
            ),
            (
                "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]",
                ".cipherSuites[0]: unknown cipher: TLS_RSA_WITH_AES_128_CBC_SHA, which isn't safe, from version 2.51 on; remove it (in its configuration: tls_server_config.cipher_suites[0])",
            ),
            (
                "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]",
                ".cipherSuites: HTTP/2 needs one of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; add it, or set http2 of spec.web.httpConfig to false (in its configuration: tls_server_config.cipher_suites)",
            ),
        ] {
            assert_eq!(of_tls("3.13.2", more), format!("{place}{wanted}"), "{more}");
        }
        let unknown = of_tls("3.13.2", "cipher_suites: [AES]");
        assert!(
            unknown.contains(".cipherSuites[0]: unknown cipher: AES; write one of TLS_AES_"),
            "{unknown}"
        );
        assert!(of_tls("3.13.2", "client_auth_type: Maybe").contains(".clientAuthType: "));
    }

    #[test]
    fn what_a_program_knows_depends_on_its_version() {
        // Built with an older Go.
        let old = "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]";
        assert_eq!(of_tls("2.50.1", old), "");
        assert_ne!(of_tls("2.51.0", old), "");
        let headers = "http_server_config:\n  headers:\n    X-Frame-Options: none\n";
        let place = "would refuse the web configuration: spec.web.httpConfig.headers";
        for (server, before, since) in [
            (Server::Prometheus, "2.30.3", "2.31.0"),
            (Server::Alertmanager, "0.23.0", "0.24.0"),
            (Server::ThanosRuler, "0.23.2", "0.24.0"),
        ] {
            let before = said(server, before, headers);
            assert!(
                before.contains(&format!("{place}: not known to this version; remove it")),
                "{before}"
            );
            let since = said(server, since, headers);
            let part = format!("{place}.xFrameOptions: \"none\" is none of deny, sameorigin;");
            assert!(since.contains(&part), "{since}");
        }
        // It isn't told of the file.
        assert_eq!(said(Server::Prometheus, "2.23.0", headers), "");
    }
}
