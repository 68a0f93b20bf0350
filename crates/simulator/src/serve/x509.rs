//! The little of X.509 that authentication needs: elements of DER, and the subject of a client's certificate.

use crate::request::User;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const VERSION: u8 = 0xa0;
/// Object identifiers 2.5.4.3 (common name) and 2.5.4.10 (organisation).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

/// The next element: its tag, what is in it, and what follows it.
pub(crate) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        let length = digits
            .iter()
            .fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// What is in the next element, if it has that tag, and what follows.
pub(crate) fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// The next element whole, with its head, if it has that tag, and what follows.
pub(crate) fn whole(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = expect(tag, bytes)?;
    let whole = bytes.get(..bytes.len() - rest.len())?;
    Some((whole, rest))
}

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
        while let Some((part, after)) = expect(SET, name) {
            name = after;
            let (attribute, _) = expect(SEQUENCE, part)?;
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
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (mut rest, _) = expect(SEQUENCE, certificate)?;
    if let Some((_, after)) = expect(VERSION, rest) {
        rest = after;
    }
    let (_, rest) = expect(INTEGER, rest)?; // serial number
    let (_, rest) = expect(SEQUENCE, rest)?; // algorithm
    let (_, rest) = expect(SEQUENCE, rest)?; // issuer
    let (_, rest) = expect(SEQUENCE, rest)?; // validity
    Some(rest)
}

/// The user of a client certificate (DER): common name and organisations of its subject. `None` without a common name.
pub(crate) fn user_of(certificate: &[u8]) -> Option<User> {
    let (subject, _) = expect(SEQUENCE, from_subject(certificate)?)?;
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
