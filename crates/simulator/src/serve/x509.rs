//! The little of X.509 that authentication needs: the subject of a client's certificate.

use machinery::der::{INTEGER, SEQUENCE, SET, element, within};

use crate::request::User;

pub(crate) const VERSION: u8 = 0xa0;
/// Object identifiers 2.5.4.3 (common name) and 2.5.4.10 (organisation).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

/// Who a certificate is about, or a request for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The common name, or empty.
    pub(crate) common_name: String,
    /// The organisations.
    pub(crate) organisations: Vec<String>,
}

impl Subject {
    /// Reads what is in a `Name`.
    pub(crate) fn read(mut name: &[u8]) -> Option<Self> {
        let mut subject = Self::default();
        while let Some((part, after)) = within(SET, name) {
            name = after;
            let (attribute, _) = within(SEQUENCE, part)?;
            let (_, kind, value) = element(attribute)?;
            let (_, value, _) = element(value)?;
            let value = String::from_utf8_lossy(value).into_owned();
            match kind {
                COMMON_NAME => subject.common_name = value,
                ORGANISATION => subject.organisations.push(value),
                _ => {}
            }
        }
        Some(subject)
    }
}

/// What is in a certificate (DER) from its subject on.
pub(crate) fn from_subject(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = within(SEQUENCE, certificate)?;
    let (mut rest, _) = within(SEQUENCE, certificate)?;
    if let Some((_, after)) = within(VERSION, rest) {
        rest = after;
    }
    let (_, rest) = within(INTEGER, rest)?; // serial number
    let (_, rest) = within(SEQUENCE, rest)?; // algorithm
    let (_, rest) = within(SEQUENCE, rest)?; // issuer
    let (_, rest) = within(SEQUENCE, rest)?; // validity
    Some(rest)
}

/// The user of a client certificate (DER): common name and organisations of its subject. `None` without a common name.
pub(crate) fn user_of(certificate: &[u8]) -> Option<User> {
    let (subject, _) = within(SEQUENCE, from_subject(certificate)?)?;
    let subject = Subject::read(subject)?;
    let mut user = User {
        name: subject.common_name,
        groups: subject.organisations,
        ..User::default()
    };
    user.groups.push("system:authenticated".to_owned());
    (!user.name.is_empty()).then_some(user)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn subjects_are_read_from_certificates_and_nothing_else() {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "jane");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "dev");
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let user = user_of(&der).unwrap();
        assert_eq!(user.name, "jane");
        assert_eq!(user.groups, ["dev", "system:authenticated"]);
        for length in 0..der.len().min(120) {
            assert_eq!(user_of(&der[..length]), None);
        }
    }
}
