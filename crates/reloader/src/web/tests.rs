//! Files and what becomes of them.

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::*;
use crate::files::testing::Folder;

fn folder() -> Folder {
    let folder = Folder::new();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    folder.file("tls.crt", cert.pem().as_bytes());
    folder.file("tls.key", signing_key.serialize_pem().as_bytes());
    folder
}

fn loaded(folder: &Folder, text: &str) -> Result<Config, String> {
    let file = folder.file("web-config.yaml", text.as_bytes());
    let config = load(&file).map_err(|error| error.to_string())?;
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

const PAIR: &str = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n";

#[test]
fn an_empty_file_asks_for_nothing() {
    for text in [
        "",
        "---\n",
        "# nothing\n",
        "{}\n",
        "tls_server_config: {}\n",
        "basic_auth_users: {}\nhttp_server_config:\n",
    ] {
        let config = loaded(&Folder::new(), text).unwrap();
        assert!(config.tls().unwrap().is_none(), "{text}");
        assert!(config.users().is_none(), "{text}");
        assert!(config.headers().unwrap().is_empty(), "{text}");
    }
}

#[test]
fn what_the_operator_writes_is_understood() {
    let folder = folder();
    let text = format!(
        "{PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: tls.crt\n  min_version: TLS12\n  \
         max_version: TLS13\n  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n  \
         - TLS_RSA_WITH_AES_128_CBC_SHA\n  prefer_server_cipher_suites: false\n  curve_preferences:\n  - CurveP256\n\
         http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n"
    );
    let config = loaded(&folder, &text).unwrap();
    let tls = config.tls().unwrap().unwrap();
    assert!(!tls.ignore_client_order);
    let chosen = tls
        .crypto_provider()
        .cipher_suites
        .iter()
        .filter(|suite| suite.tls13().is_none());
    assert_eq!(chosen.count(), 1);
    assert_eq!(tls.crypto_provider().kx_groups.len(), 1);
    assert_eq!(config.headers().unwrap()["x-frame-options"], "deny");
}

#[test]
fn every_way_to_ask_for_client_certificates_is_known() {
    let folder = folder();
    let roots = "  client_ca_file: tls.crt\n";
    for (policy, roots) in [
        ("NoClientCert", ""),
        ("RequestClientCert", ""),
        ("RequireAnyClientCert", ""),
        ("RequireClientCert", roots),
        ("VerifyClientCertIfGiven", roots),
        ("RequireAndVerifyClientCert", roots),
    ] {
        loaded(
            &folder,
            &format!("{PAIR}  client_auth_type: {policy}\n{roots}"),
        )
        .unwrap();
    }
}

#[test]
fn mistakes_are_named() {
    let folder = folder();
    for (text, expected) in [
        (
            "tls_server_config:\n  cert_file: tls.crt\n",
            "missing one of key or key_file",
        ),
        (
            "tls_server_config:\n  key_file: tls.key\n",
            "missing one of cert or cert_file",
        ),
        (
            "tls_server_config:\n  cert_file: gone\n  key_file: tls.key\n",
            "gone: No such file",
        ),
        (
            "tls_server_config:\n  cert_file: tls.key\n  key_file: tls.key\n",
            "failed to load X509KeyPair",
        ),
        ("tls_server:\n", "unknown field `tls_server`"),
        ("rate_limit:\n  burst: 1\n", "unknown field `rate_limit`"),
        ("basic_auth_users:\n  me: secret\n", "is no bcrypt hash"),
        (
            "http_server_config:\n  headers:\n    Server: x\n",
            "HTTP header \"Server\" can not be configured",
        ),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: maybe\n",
            "invalid value for X-Frame-Options",
        ),
        (
            &format!("{PAIR}  client_ca_file: tls.crt\n"),
            "without a Client Auth Policy",
        ),
        (
            &format!("{PAIR}  client_auth_type: Some\n"),
            "invalid ClientAuth: Some",
        ),
        (
            &format!("{PAIR}  min_version: SSL3\n"),
            "unknown TLS version: SSL3",
        ),
        (&format!("{PAIR}  max_version: TLS11\n"), "no TLS version"),
        (
            &format!("{PAIR}  curve_preferences: [P1]\n"),
            "unknown curve: P1",
        ),
        (
            &format!("{PAIR}  cipher_suites: [none]\n"),
            "unknown cipher: none",
        ),
        (
            &format!("{PAIR}  client_allowed_sans: [a]\n"),
            "unknown field `client_allowed_sans`",
        ),
    ] {
        let error = loaded(&folder, text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn secrets_are_not_shown_in_errors() {
    let text = "basic_auth_users:\n  me: topsecret\n  me: topsecret\n";
    let error = loaded(&Folder::new(), text).unwrap_err();
    assert!(!error.contains("topsecret"), "{error}");
}
