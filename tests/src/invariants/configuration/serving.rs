//! How programs serve: what Prometheus' toolkit of exporters refuses in a web configuration, and Alertmanager in the one of
//! its cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Found, items, known, parsed};
use crate::objects::text;

const SERVER: [&str; 13] = [
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_ca_file",
    "client_auth_type",
    "client_allowed_sans",
    "cipher_suites",
    "curve_preferences",
    "min_version",
    "max_version",
    "prefer_server_cipher_suites",
];
const CLIENT: [&str; 13] = [
    "ca",
    "cert",
    "key",
    "ca_file",
    "cert_file",
    "key_file",
    "ca_ref",
    "cert_ref",
    "key_ref",
    "server_name",
    "insecure_skip_verify",
    "min_version",
    "max_version",
];
const VERSIONS: [&str; 4] = ["TLS10", "TLS11", "TLS12", "TLS13"];
const CURVES: [&str; 4] = ["CurveP256", "CurveP384", "CurveP521", "X25519"];
const POLICIES: [&str; 6] = [
    "NoClientCert",
    "RequestClientCert",
    "RequireAnyClientCert",
    "RequireClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
];
/// Headers, and the values that each may have; any if there are none.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// The web configuration of a program. One that is empty says nothing.
pub fn web(text: &str) -> Found {
    if text.is_empty() {
        return Ok(());
    }
    let config = parsed(text)?;
    let parts = [
        "tls_server_config",
        "http_server_config",
        "rate_limit",
        "basic_auth_users",
    ];
    known(&config, &parts)?;
    if let Some(tls) = config.get("tls_server_config") {
        server(tls).map_err(|why| format!("tls_server_config: {why}"))?;
    }
    let Some(http) = config.get("http_server_config") else {
        return Ok(());
    };
    known(http, &["http2", "headers"])?;
    let headers = http.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        let value = value.as_str().ok_or("a header is no text")?;
        let header = HEADERS.iter().find(|(known, _)| known == name);
        let (_, values) = header.ok_or_else(|| format!("unknown header {name}"))?;
        if !values.is_empty() && !values.contains(&value) {
            return Err(format!("header {name} can't be {value:?}"));
        }
    }
    Ok(())
}

/// How the members of an Alertmanager's cluster talk to each other.
pub fn cluster(text: &str) -> Found {
    if text.is_empty() {
        return Ok(());
    }
    let config = parsed(text)?;
    known(&config, &["tls_server_config", "tls_client_config"])?;
    let part = |field: &str| config.get(field).ok_or_else(|| format!("no {field}"));
    server(part("tls_server_config")?).map_err(|why| format!("tls_server_config: {why}"))?;
    client(part("tls_client_config")?).map_err(|why| format!("tls_client_config: {why}"))
}

fn one_of(value: &Value, field: &str, known: &[&str]) -> Found {
    match value.get(field) {
        Some(Value::String(text)) if known.contains(&text.as_str()) => Ok(()),
        Some(other) => Err(format!("{field} can't be {other}")),
        None => Ok(()),
    }
}

fn server(tls: &Value) -> Found {
    known(tls, &SERVER)?;
    let says = |field: &str| !text(tls, field).is_empty();
    for [one, other] in [["/cert", "/cert_file"], ["/key", "/key_file"]] {
        if !says(one) && !says(other) {
            return Err(format!("neither {one} nor {other}"));
        }
    }
    one_of(tls, "client_auth_type", &POLICIES)?;
    one_of(tls, "min_version", &VERSIONS)?;
    one_of(tls, "max_version", &VERSIONS)?;
    let authority = says("/client_ca") || says("/client_ca_file");
    if authority && ["", "NoClientCert"].contains(&text(tls, "/client_auth_type")) {
        return Err("an authority for clients that aren't asked".to_owned());
    }
    for curve in items(tls, "curve_preferences") {
        if !curve.as_str().is_some_and(|curve| CURVES.contains(&curve)) {
            return Err(format!("unknown curve {curve}"));
        }
    }
    for suite in items(tls, "cipher_suites") {
        if !suite
            .as_str()
            .is_some_and(|suite| suite.starts_with("TLS_"))
        {
            return Err(format!("unknown suite {suite}"));
        }
    }
    Ok(())
}

/// How a program speaks TLS to others.
pub(super) fn client(tls: &Value) -> Found {
    known(tls, &CLIENT)?;
    let ways = |of: &str| {
        let ways = ["", "_file", "_ref"].map(|way| format!("/{of}{way}"));
        ways.iter().filter(|way| !text(tls, way).is_empty()).count()
    };
    let [authority, certificate, key] = ["ca", "cert", "key"].map(ways);
    if authority > 1 || certificate > 1 || key > 1 {
        return Err("the same twice".to_owned());
    }
    if certificate != key {
        return Err("a certificate and a key, or neither".to_owned());
    }
    one_of(tls, "min_version", &VERSIONS)?;
    one_of(tls, "max_version", &VERSIONS)
}

/// The files that a configuration names.
pub fn files(text: &str) -> BTreeSet<String> {
    fn gather(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(path) if name.ends_with("_file") && !path.is_empty() => {
                            into.insert(path.clone());
                        }
                        other => gather(other, into),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|one| gather(one, into)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut files = BTreeSet::new();
    gather(&parsed(text).unwrap_or_default(), &mut files);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const TLS: &str = "{cert_file: /c, key_file: /k";

    #[test]
    fn what_a_server_refuses_is_found() {
        let of = |more: &str| format!("tls_server_config: {TLS}{more}}}\n");
        for good in [
            String::new(),
            of(""),
            of(", client_ca_file: /a, client_auth_type: RequireAndVerifyClientCert"),
            of(", min_version: TLS13, curve_preferences: [X25519]"),
            "http_server_config: {http2: true, headers: {X-Frame-Options: deny}}".to_owned(),
        ] {
            assert_eq!(web(&good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("tls_server_config: {".to_owned(), "line"),
            ("tls: {}".to_owned(), "unknown field tls"),
            ("tls_server_config: {cert_file: /c}".to_owned(), "/key_file"),
            (of(", ca_file: /a"), "unknown field ca_file"),
            (of(", min_version: TLS14"), "min_version"),
            (of(", min_version: 1.2"), "min_version"),
            (of(", client_auth_type: Ask"), "client_auth_type"),
            (of(", client_ca_file: /a"), "aren't asked"),
            (of(", curve_preferences: [P256]"), "unknown curve"),
            (of(", cipher_suites: [RC4]"), "unknown suite"),
            (
                "http_server_config: {headers: {X-Frame-Options: Deny}}".to_owned(),
                "Deny",
            ),
            (
                "http_server_config: {headers: {Server: x}}".to_owned(),
                "unknown header",
            ),
        ] {
            let error = web(&bad).expect_err(&bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn members_of_a_cluster_need_both_sides() {
        let of =
            |client: &str| format!("tls_server_config: {TLS}}}\ntls_client_config: {client}\n");
        for good in [
            "{cert_file: /c, key_file: /k, ca_file: /a, server_name: n}",
            "{}",
        ] {
            assert_eq!(cluster(&of(good)), Ok(()));
        }
        for bad in [
            "{cert_file: /c}",
            "{client_ca_file: /a}",
            "{ca: x, ca_file: /a}",
            "[]",
        ] {
            assert!(cluster(&of(bad)).is_err(), "{bad}");
        }
        assert!(cluster(&format!("tls_server_config: {TLS}}}\n")).is_err());
        assert!(cluster("tls_client_config: {}\n").is_err());
    }

    #[test]
    fn files_are_found_wherever_they_are_named() {
        let text = "a: [{tls_config: {ca_file: /a, ca: x}}]\nkey_file: /k\n";
        let found: Vec<String> = files(text).into_iter().collect();
        assert_eq!(found, ["/a", "/k"]);
    }
}
