//! Reading a request for a certificate (PKCS #10, RFC 2986) and checking that who asks has the key.

use rustls::pki_types::pem::{PemObject as _, SectionKind};

use machinery::der::{BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, SET, element, whole, within};

use crate::serve::x509::Subject;

const ATTRIBUTES: u8 = 0xa0;
/// Object identifiers 1.2.840.113549.1.9.14 (extension request) and 2.5.29.17 (subject alternative name).
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// Object identifier 1.3.101.112, and the beginning of all of elliptic curves, 1.2.840.10045.
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d];

const MALFORMED: &str = "asn1: syntax error: data truncated";

/// A request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Who it is for.
    pub(crate) subject: Subject,
    /// The same in DER.
    pub(crate) name: Vec<u8>,
    /// The key (`SubjectPublicKeyInfo`, DER).
    pub(crate) key: Vec<u8>,
    /// What is in the extension with other names, in DER, if there is one.
    pub(crate) alternative_names: Option<Vec<u8>>,
    signed: Vec<u8>,
    /// Algorithm of the signature, without its head.
    algorithm: Vec<u8>,
    signature: Vec<u8>,
}

/// A kind of other name that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// An address of mail.
    Email,
    /// A name of DNS.
    Dns,
    /// A URI.
    Uri,
    /// An IP address.
    Ip,
}

impl Request {
    /// Reads a request in PEM. The error is Go's text.
    pub(crate) fn parse(pem: &[u8]) -> Result<Self, String> {
        const TYPE: &str = "PEM block type must be CERTIFICATE REQUEST";
        let first = <(SectionKind, Vec<u8>)>::from_pem_slice(pem);
        let Ok((SectionKind::Csr, der)) = first else {
            return Err(TYPE.to_owned());
        };
        Self::read(&der).ok_or_else(|| MALFORMED.to_owned())
    }

    fn read(der: &[u8]) -> Option<Self> {
        let (request, _) = within(SEQUENCE, der)?;
        let (signed, rest) = whole(SEQUENCE, request)?;
        let (algorithm, rest) = within(SEQUENCE, rest)?;
        let (signature, _) = within(BIT_STRING, rest)?;
        let (info, _) = within(SEQUENCE, signed)?;
        let (_, rest) = within(INTEGER, info)?;
        let (name, rest) = whole(SEQUENCE, rest)?;
        let (key, rest) = whole(SEQUENCE, rest)?;
        let (inside, _) = within(SEQUENCE, name)?;
        Some(Self {
            subject: Subject::read(inside)?,
            name: name.to_vec(),
            key: key.to_vec(),
            alternative_names: alternative_names(rest),
            signed: signed.to_vec(),
            algorithm: algorithm.to_vec(),
            signature: signature.split_first()?.1.to_vec(),
        })
    }

    /// Whether the signature is that of the request's key. The error is Go's text.
    pub(crate) fn check_signature(&self) -> Result<(), String> {
        let parts = || {
            let (key, _) = within(SEQUENCE, &self.key)?;
            let (algorithm, rest) = within(SEQUENCE, key)?;
            let (key, _) = within(BIT_STRING, rest)?;
            Some((algorithm, key.split_first()?.1))
        };
        let Some((algorithm, key)) = parts() else {
            return Err(MALFORMED.to_owned());
        };
        let known = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let mut fitting = known
            .all
            .iter()
            .filter(|known| {
                known.public_key_alg_id().as_ref() == algorithm
                    && known.signature_alg_id().as_ref() == self.algorithm
            })
            .peekable();
        if fitting.peek().is_none() {
            return Err("x509: cannot verify signature: algorithm unimplemented".to_owned());
        }
        if fitting.any(|known| {
            known
                .verify_signature(key, &self.signed, &self.signature)
                .is_ok()
        }) {
            return Ok(());
        }
        let family = element(algorithm).map(|(_, family, _)| family);
        Err(match family {
            Some(ED25519) => "x509: Ed25519 verification failure",
            Some(family) if family.starts_with(ELLIPTIC) => "x509: ECDSA verification failure",
            _ => "crypto/rsa: verification error",
        }
        .to_owned())
    }

    /// The kinds of the other names it asks for, in their order.
    pub(crate) fn kinds(&self) -> Vec<NameKind> {
        let mut kinds = Vec::new();
        let names = self.alternative_names.as_deref();
        let Some((mut names, _)) = names.and_then(|names| within(SEQUENCE, names)) else {
            return kinds;
        };
        while let Some((tag, _, after)) = element(names) {
            names = after;
            kinds.extend(match tag {
                0x81 => Some(NameKind::Email),
                0x82 => Some(NameKind::Dns),
                0x86 => Some(NameKind::Uri),
                0x87 => Some(NameKind::Ip),
                _ => None,
            });
        }
        kinds
    }
}

/// The value of the extension with other names, from the attributes of a request.
fn alternative_names(attributes: &[u8]) -> Option<Vec<u8>> {
    let (mut attributes, _) = within(ATTRIBUTES, attributes)?;
    while let Some((attribute, after)) = within(SEQUENCE, attributes) {
        attributes = after;
        let (_, kind, values) = element(attribute)?;
        if kind != EXTENSION_REQUEST {
            continue;
        }
        let (values, _) = within(SET, values)?;
        let (mut extensions, _) = within(SEQUENCE, values)?;
        while let Some((extension, after)) = within(SEQUENCE, extensions) {
            extensions = after;
            let (_, kind, value) = element(extension)?;
            if kind != ALTERNATIVE_NAME {
                continue;
            }
            let (tag, content, rest) = element(value)?;
            // Whether it is critical may stand between.
            let content = if tag == OCTET_STRING {
                content
            } else {
                within(OCTET_STRING, rest)?.0
            };
            return Some(content.to_vec());
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    /// A request of jane, in PEM.
    pub(crate) fn request(organisation: &str, names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "jane");
        params
            .distinguished_name
            .push(DnType::OrganizationName, organisation);
        let key = KeyPair::generate().unwrap();
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    #[test]
    fn a_request_says_who_asks_and_is_signed_by_its_key() {
        let read = Request::parse(request("dev", &["a.example", "10.0.0.1"]).as_bytes()).unwrap();
        assert_eq!(read.subject.common_name, "jane");
        assert_eq!(read.subject.organisations, ["dev"]);
        assert_eq!(read.kinds(), [NameKind::Dns, NameKind::Ip]);
        assert_eq!(read.check_signature(), Ok(()));
        let mut forged = read;
        forged.signed.push(0);
        let error = forged.check_signature().unwrap_err();
        assert_eq!(error, "x509: ECDSA verification failure");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let text = "PEM block type must be CERTIFICATE REQUEST";
        assert_eq!(Request::parse(b"").unwrap_err(), text);
        let other = request("dev", &[]).replace("CERTIFICATE REQUEST", "CERTIFICATE");
        assert_eq!(Request::parse(other.as_bytes()).unwrap_err(), text);
        let broken =
            "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n";
        assert_eq!(Request::parse(broken.as_bytes()).unwrap_err(), MALFORMED);
    }
}
