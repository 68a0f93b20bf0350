//! TLS of the listener. Versions before 1.2 aren't spoken, whatever the file says.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use serde::Deserialize;

use super::WebError;

/// The section `tls_server_config`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    cert: String,
    key: String,
    client_ca: String,
    cert_file: String,
    key_file: String,
    client_auth_type: String,
    client_ca_file: String,
    cipher_suites: Vec<String>,
    curve_preferences: Vec<String>,
    min_version: String,
    max_version: String,
    prefer_server_cipher_suites: Option<bool>,
}

impl Server {
    /// Whether connections are encrypted at all.
    pub(super) fn is_enabled(&self) -> bool {
        let texts = [
            &self.cert_file,
            &self.cert,
            &self.key_file,
            &self.key,
            &self.client_ca_file,
            &self.client_ca,
            &self.client_auth_type,
        ];
        texts.into_iter().any(|text| !text.is_empty())
    }

    /// Reads certificate and key; relative paths begin in the folder of the web configuration.
    pub(super) fn load(&self, folder: &Path) -> Result<ServerConfig, WebError> {
        let Some(certificate) = material(folder, &self.cert_file, &self.cert)? else {
            return WebError::invalid("missing one of cert or cert_file");
        };
        let Some(key) = material(folder, &self.key_file, &self.key)? else {
            return WebError::invalid("missing one of key or key_file");
        };
        let chain = certificates(&certificate)?;
        if chain.is_empty() {
            return WebError::invalid("failed to load X509KeyPair: no certificate in it");
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .or_else(|error| WebError::invalid(format!("failed to load X509KeyPair: {error}")))?;
        let provider = Arc::new(self.provider()?);
        let verifier = self.verifier(folder, &provider)?;
        let versions = self.versions()?;
        let builder =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions)?;
        let mut config = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        }
        .with_single_cert(chain, key)?;
        config.ignore_client_order = self.prefer_server_cipher_suites.unwrap_or(true);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, WebError> {
        let number = |text: &str, default| match text {
            "" => Ok(default),
            "TLS10" | "TLS11" => Ok(11),
            "TLS12" => Ok(12),
            "TLS13" => Ok(13),
            other => WebError::invalid(format!("unknown TLS version: {other}")),
        };
        let range = number(&self.min_version, 12)?..=number(&self.max_version, 13)?;
        let all = [(13, &rustls::version::TLS13), (12, &rustls::version::TLS12)];
        let wanted = all.into_iter().filter(|(number, _)| range.contains(number));
        let versions: Vec<_> = wanted.map(|(_, version)| version).collect();
        if versions.is_empty() {
            return WebError::invalid(
                "no TLS version that is still safe between min_version and max_version",
            );
        }
        Ok(versions)
    }

    /// Cipher suites of TLS 1.2 (those of 1.3 can't be chosen) and curves. What is known but not spoken here is left out.
    fn provider(&self) -> Result<CryptoProvider, WebError> {
        let mut provider = aws_lc_rs::default_provider();
        if !self.cipher_suites.is_empty() {
            if let Some(unknown) = self
                .cipher_suites
                .iter()
                .find(|name| !name.starts_with("TLS_"))
            {
                return WebError::invalid(format!("unknown cipher: {unknown}"));
            }
            provider.cipher_suites.retain(|suite| {
                let name = format!("{:?}", suite.suite());
                // Go's names of two end without the hash.
                let short = name.trim_end_matches("_SHA256");
                suite.tls13().is_some()
                    || self
                        .cipher_suites
                        .iter()
                        .any(|wanted| *wanted == name || wanted == short)
            });
        }
        if !self.curve_preferences.is_empty() {
            let mut groups = Vec::new();
            for curve in &self.curve_preferences {
                match curve.as_str() {
                    "CurveP256" => groups.push(aws_lc_rs::kx_group::SECP256R1),
                    "CurveP384" => groups.push(aws_lc_rs::kx_group::SECP384R1),
                    "X25519" => groups.push(aws_lc_rs::kx_group::X25519),
                    "X25519MLKEM768" => groups.push(aws_lc_rs::kx_group::X25519MLKEM768),
                    "CurveP521" => {}
                    other => return WebError::invalid(format!("unknown curve: {other}")),
                }
            }
            if groups.is_empty() {
                return WebError::invalid("none of curve_preferences is supported");
            }
            provider.kx_groups = groups;
        }
        Ok(provider)
    }

    /// Which certificates clients must show.
    fn verifier(
        &self,
        folder: &Path,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, WebError> {
        let authorities = material(folder, &self.client_ca_file, &self.client_ca)?;
        let mandatory = match self.client_auth_type.as_str() {
            "" | "NoClientCert" if authorities.is_some() => {
                return WebError::invalid(
                    "client CA's have been configured without a Client Auth Policy",
                );
            }
            "" | "NoClientCert" => return Ok(None),
            "RequestClientCert" => return Ok(Some(Anyone::verifier(false, provider))),
            "RequireAnyClientCert" | "RequireClientCert" => {
                return Ok(Some(Anyone::verifier(true, provider)));
            }
            "VerifyClientCertIfGiven" => false,
            "RequireAndVerifyClientCert" => true,
            other => return WebError::invalid(format!("invalid ClientAuth: {other}")),
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(&authorities.unwrap_or_default())?);
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = if mandatory {
            builder
        } else {
            builder.allow_unauthenticated()
        };
        match builder.build() {
            Ok(verifier) => Ok(Some(verifier)),
            Err(error) => WebError::invalid(format!("client_ca: {error}")),
        }
    }
}

/// The text of a file, or what is in the configuration itself, if either.
fn material(folder: &Path, file: &str, inline: &str) -> Result<Option<String>, WebError> {
    if file.is_empty() {
        return Ok(Some(inline.to_owned()).filter(|text| !text.is_empty()));
    }
    super::read(&folder.join(file)).map(Some)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, WebError> {
    let certificates: Result<_, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    certificates.or_else(|error| WebError::invalid(format!("certificate: {error}")))
}

/// Any certificate, of which only is checked that the client has its key.
#[derive(Debug)]
struct Anyone {
    mandatory: bool,
    provider: Arc<CryptoProvider>,
}

impl Anyone {
    fn verifier(mandatory: bool, provider: &Arc<CryptoProvider>) -> Arc<dyn ClientCertVerifier> {
        Arc::new(Self {
            mandatory,
            provider: Arc::clone(provider),
        })
    }
}

impl ClientCertVerifier for Anyone {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
