//! Certificates: a CA of our own, kept in the state directory, and a fresh server certificate at each start.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use sha2::{Digest as _, Sha256};

use super::ServeError;
use super::clients::ClientCertificates;

/// What a server proves itself with, and what it knows its administrator by.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// The CA's certificate.
    pub ca_pem: String,
    /// The CA's key.
    pub ca_key: String,
    /// Bearer token of the administrator.
    pub token: String,
}

fn failed<E: std::fmt::Display>(error: E) -> ServeError {
    ServeError::Certificates(error.to_string())
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], ServeError> {
    let mut bytes = [0; N];
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| failed("the system has no randomness"))?;
    Ok(bytes)
}

/// What a CA of ours says of itself.
pub(super) fn ca_params() -> Result<CertificateParams, ServeError> {
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(failed)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "carrick");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2046, 1, 1);
    Ok(params)
}

impl Credentials {
    /// New ones.
    pub fn generate() -> Result<Self, ServeError> {
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = ca_params()?.self_signed(&key).map_err(failed)?;
        let token = URL_SAFE_NO_PAD.encode(random::<24>()?);
        Ok(Self {
            ca_pem: certificate.pem(),
            ca_key: key.serialize_pem(),
            token,
        })
    }

    /// The key tokens of `ServiceAccounts` are signed with: it is kept as long as the CA's, of which it is derived.
    pub fn token_key(&self) -> Result<[u8; 32], ServeError> {
        let key = KeyPair::from_pem(&self.ca_key).map_err(failed)?;
        let derived = Sha256::new()
            .chain_update("tokens of ServiceAccounts\0")
            .chain_update(key.serialized_der());
        Ok(derived.finalize().into())
    }

    /// Whose certificates of clients count: those that this CA signed.
    pub fn clients(&self) -> Result<Arc<ClientCertificates>, ServeError> {
        let mut trusted = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(self.ca_pem.as_bytes()).map_err(failed)?;
        trusted.add(own).map_err(failed)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let own = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider)
            .allow_unauthenticated()
            .build()
            .map_err(failed)?;
        Ok(Arc::new(ClientCertificates::new(own)))
    }

    /// TLS for a server at that address.
    pub fn server_config(
        &self,
        addr: SocketAddr,
        clients: Arc<ClientCertificates>,
    ) -> Result<rustls::ServerConfig, ServeError> {
        let ca = Issuer::new(
            ca_params()?,
            KeyPair::from_pem(&self.ca_key).map_err(failed)?,
        );
        let mut names = vec![
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
            "10.96.0.1".to_owned(),
            "kubernetes".to_owned(),
            "kubernetes.default".to_owned(),
            "kubernetes.default.svc".to_owned(),
            "kubernetes.default.svc.cluster.local".to_owned(),
        ];
        let own = addr.ip().to_string();
        if !names.contains(&own) {
            names.push(own);
        }
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "carrick-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2046, 1, 1);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &ca).map_err(failed)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_client_cert_verifier(clients)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).map_err(failed)?,
            )
            .map_err(failed)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// A kubeconfig for the administrator.
    pub fn kubeconfig(&self, addr: SocketAddr) -> String {
        let ca = STANDARD.encode(&self.ca_pem);
        let token = &self.token;
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             clusters:\n\
             - name: carrick\n  \
               cluster:\n    \
                 server: https://{addr}\n    \
                 certificate-authority-data: {ca}\n\
             contexts:\n\
             - name: carrick\n  \
               context:\n    \
                 cluster: carrick\n    \
                 user: admin\n\
             current-context: carrick\n\
             users:\n\
             - name: admin\n  \
               user:\n    \
                 token: {token}\n"
        )
    }
}
