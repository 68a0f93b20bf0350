//! TLS of listeners: a certificate from PEM texts or files, versions, suites and curves by the names Go gives them.
//!
//! Versions before 1.2 aren't spoken, whatever is asked for. Nothing here knows of Kubernetes, of connections or of time.

mod certificates;
mod clients;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub use certificates::{Certificates, Files};
pub use clients::Clients;
pub use rustls::ServerConfig;

/// The names that Go has for suites, spoken here or not (`crypto/tls/cipher_suites.go`), and two more that Kubernetes' flags
/// take (`component-base/cli/flag/ciphersuites_flag.go`).
const SUITES: [&str; 27] = [
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
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
];

/// Why connections can't be encrypted so.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate, or its key, is none.
    #[error("failed to load X509KeyPair: {0}")]
    Pair(String),
    /// The authorities of clients are none.
    #[error("client CA: {0}")]
    Authorities(String),
    /// Nothing that is spoken is left.
    #[error("no TLS version that is still safe is among those allowed")]
    NoVersion,
    /// A name that Go doesn't know.
    #[error("unknown cipher: {0}")]
    UnknownCipher(String),
    /// A name that Go doesn't know.
    #[error("unknown curve: {0}")]
    UnknownCurve(String),
    /// Nothing that is spoken is left.
    #[error("none of the chosen curves is supported")]
    NoCurve,
    /// The TLS library refuses it.
    #[error("{0}")]
    Refused(#[from] rustls::Error),
}

/// Versions of TLS, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// One that isn't spoken.
    Older,
    /// 1.2.
    Tls12,
    /// 1.3.
    Tls13,
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// From the oldest version to the newest.
    pub versions: RangeInclusive<Version>,
    /// Suites of TLS 1.2 (those of 1.3 can't be chosen); empty for all. What is known but not spoken here is left out.
    pub cipher_suites: Vec<String>,
    /// Curves; empty for all. What is known but not spoken here is left out.
    pub curves: Vec<String>,
    /// Whether the order of our suites counts, not that of the client's.
    pub own_order: bool,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// What clients must show.
    pub clients: Clients,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            versions: Version::Tls12..=Version::Tls13,
            cipher_suites: Vec::new(),
            curves: Vec::new(),
            own_order: true,
            http2: false,
            clients: Clients::Anonymous,
        }
    }
}

impl Settings {
    /// The configuration of a listener with this certificate chain and this key, both PEM.
    pub fn load(&self, certificate: &str, key: &str) -> Result<ServerConfig, TlsError> {
        let chain = chain(certificate).map_err(TlsError::Pair)?;
        if chain.is_empty() {
            return Err(TlsError::Pair("no certificate in it".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| TlsError::Pair(error.to_string()))?;
        let provider = Arc::new(self.provider()?);
        let verifier = self.clients.verifier(&provider)?;
        let versions = self.spoken()?;
        let builder =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions)?;
        let mut config = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        }
        .with_single_cert(chain, key)?;
        config.ignore_client_order = self.own_order;
        if self.http2 {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(config)
    }

    fn spoken(&self) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
        let all = [
            (Version::Tls13, &rustls::version::TLS13),
            (Version::Tls12, &rustls::version::TLS12),
        ];
        let wanted = all
            .into_iter()
            .filter(|(version, _)| self.versions.contains(version));
        let versions: Vec<_> = wanted.map(|(_, version)| version).collect();
        if versions.is_empty() {
            return Err(TlsError::NoVersion);
        }
        Ok(versions)
    }

    fn provider(&self) -> Result<CryptoProvider, TlsError> {
        let mut provider = aws_lc_rs::default_provider();
        let chosen = &self.cipher_suites;
        // One that is left out because it is misspelt would be missed by nobody.
        let is_unknown = |name: &&String| !SUITES.contains(&name.as_str());
        if let Some(unknown) = chosen.iter().find(is_unknown) {
            return Err(TlsError::UnknownCipher(unknown.clone()));
        }
        if !chosen.is_empty() {
            provider.cipher_suites.retain(|suite| {
                let name = format!("{:?}", suite.suite());
                // The names of two may end without the hash.
                let short = name.trim_end_matches("_SHA256");
                let is_chosen = |wanted: &String| *wanted == name || wanted == short;
                suite.tls13().is_some() || chosen.iter().any(is_chosen)
            });
        }
        if !self.curves.is_empty() {
            provider.kx_groups = groups(&self.curves)?;
        }
        Ok(provider)
    }
}

fn groups(curves: &[String]) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
    let mut groups = Vec::new();
    for curve in curves {
        match curve.as_str() {
            "CurveP256" => groups.push(aws_lc_rs::kx_group::SECP256R1),
            "CurveP384" => groups.push(aws_lc_rs::kx_group::SECP384R1),
            "X25519" => groups.push(aws_lc_rs::kx_group::X25519),
            "X25519MLKEM768" => groups.push(aws_lc_rs::kx_group::X25519MLKEM768),
            "CurveP521" => {}
            unknown => return Err(TlsError::UnknownCurve(unknown.to_owned())),
        }
    }
    if groups.is_empty() {
        return Err(TlsError::NoCurve);
    }
    Ok(groups)
}

fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<_, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    certificates.map_err(|error| error.to_string())
}
