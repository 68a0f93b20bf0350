//! Certificates of clients: TLS takes every one whose key the client has, and whom it makes is found out afterwards. So a
//! certificate of another CA is answered with 401, not with a broken connection
//! (`apiserver/pkg/authentication/request/x509`).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::x509;
use crate::request::User;

/// Who a client is by its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Certified {
    /// It has none.
    None,
    /// One of our CA.
    User(User),
    /// One of another CA, or over, or without a name.
    Stranger,
}

/// Asks for a certificate and takes any; knows which are of the server's CA.
#[derive(Debug)]
pub(crate) struct ClientCertificates {
    own: Arc<dyn ClientCertVerifier>,
}

impl ClientCertificates {
    /// With what decides on a certificate.
    pub fn new(own: Arc<dyn ClientCertVerifier>) -> Self {
        Self { own }
    }

    /// Whom a chain of certificates makes.
    pub fn certified(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Certified {
        let Some((own, others)) = chain.split_first() else {
            return Certified::None;
        };
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let verified = self.own.verify_client_cert(own, others, now);
        match (verified, x509::user_of(own)) {
            (Ok(_), Some(user)) => Certified::User(user),
            (Ok(_), None) | (Err(_), _) => Certified::Stranger,
        }
    }
}

impl ClientCertVerifier for ClientCertificates {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.own.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.own
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.own
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.own.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, Issuer, KeyPair};

    use super::*;
    use crate::serve::tls::{Credentials, ca_params};

    #[test]
    fn a_certificate_counts_if_the_servers_ca_signed_it_and_it_is_not_over() {
        let (own, other) = (
            Credentials::generate().unwrap(),
            Credentials::generate().unwrap(),
        );
        let signed_by = |ca: &Credentials, name: &str| {
            let key = KeyPair::from_pem(&ca.ca_key).unwrap();
            let issuer = Issuer::new(ca_params().unwrap(), key);
            let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2040, 1, 1);
            let own = KeyPair::generate().unwrap();
            params.signed_by(&own, &issuer).unwrap().der().clone()
        };
        let clients = own.clients().unwrap();
        let year = |year: i16| {
            let date = jiff::civil::date(year, 1, 1).to_zoned(jiff::tz::TimeZone::UTC);
            date.unwrap().timestamp()
        };
        let jane = signed_by(&own, "jane");
        match clients.certified(std::slice::from_ref(&jane), year(2030)) {
            Certified::User(user) => assert_eq!(user.name, "jane"),
            other => panic!("{other:?}"),
        }
        let strangers = [
            (jane, year(2041)),
            (signed_by(&own, ""), year(2030)),
            (signed_by(&other, "jane"), year(2030)),
        ];
        for (certificate, when) in strangers {
            assert_eq!(clients.certified(&[certificate], when), Certified::Stranger);
        }
        assert_eq!(clients.certified(&[], year(2030)), Certified::None);
    }
}
