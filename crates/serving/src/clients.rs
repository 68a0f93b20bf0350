//! Certificates of clients.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use crate::{TlsError, chain};

/// What clients must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clients {
    /// Nothing.
    Anonymous,
    /// Any certificate, of which only is checked that the client has its key.
    Anyone {
        /// Whether they must.
        mandatory: bool,
    },
    /// A certificate of one of these authorities.
    Known {
        /// Certificates of the authorities, PEM.
        authorities: String,
        /// Whether they must.
        mandatory: bool,
    },
}

impl Clients {
    pub(crate) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
        let (authorities, mandatory) = match self {
            Self::Anonymous => return Ok(None),
            Self::Anyone { mandatory } => {
                return Ok(Some(Arc::new(Anyone {
                    mandatory: *mandatory,
                    provider: Arc::clone(provider),
                })));
            }
            Self::Known {
                authorities,
                mandatory,
            } => (authorities, *mandatory),
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(chain(authorities).map_err(TlsError::Authorities)?);
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = if mandatory {
            builder
        } else {
            builder.allow_unauthenticated()
        };
        match builder.build() {
            Ok(verifier) => Ok(Some(verifier)),
            Err(error) => Err(TlsError::Authorities(error.to_string())),
        }
    }
}

#[derive(Debug)]
struct Anyone {
    mandatory: bool,
    provider: Arc<CryptoProvider>,
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
