//! Certificates for requests, signed by the cluster's own authority
//! (`pkg/controller/certificates/authority/{authority,policies}.go`).

use jiff::{SignedDuration, Timestamp};
use rcgen::{KeyPair, SigningKey as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::request::Request;
use crate::serve::x509::{VERSION, from_subject};
use machinery::der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, whole};

const BOOLEAN: u8 = 0x01;
const UTC_TIME: u8 = 0x17;
const GENERALISED_TIME: u8 = 0x18;
const EXTENSIONS: u8 = 0xa3;
/// Object identifier 1.2.840.10045.4.3.2: what the authority's keys sign with.
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// Object identifiers of extended usages begin so: 1.3.6.1.5.5.7.3.
const PURPOSE: [u8; 7] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03];
/// How long before now a certificate begins to count, in seconds.
const BACKDATE: i64 = 5 * 60;
/// Shorter certificates, in seconds, are not shortened by what they begin earlier.
const SHORT: i64 = 8 * 60 * 60;

/// An authority: its certificate's name, and its key.
pub(crate) struct Authority {
    name: Vec<u8>,
    key: KeyPair,
}

impl Authority {
    /// The authority of a certificate and a key in PEM; `None` if they are none.
    pub(crate) fn read(certificate: &str, key: &str) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
        let (name, _) = whole(SEQUENCE, from_subject(&certificate)?)?;
        let key = KeyPair::from_pem(key).ok()?;
        Some(Self {
            name: name.to_vec(),
            key,
        })
    }

    /// A certificate (PEM) for a request: with `serial` as its number, for `usages` in the API's words, which counts for
    /// `seconds` from `now` on. `None` if it can't be signed.
    pub(crate) fn sign(
        &self,
        request: &Request,
        serial: [u64; 2],
        usages: &[&str],
        (now, seconds): (Timestamp, i64),
    ) -> Option<String> {
        let begin = now.checked_sub(SignedDuration::from_secs(BACKDATE)).ok()?;
        let lasts = if seconds < SHORT {
            seconds
        } else {
            seconds - BACKDATE
        };
        let end = now.checked_add(SignedDuration::from_secs(lasts)).ok()?;
        let algorithm = sequence(&[value(OBJECT_IDENTIFIER, ECDSA_WITH_SHA256)]);
        let mut number = vec![0x01];
        for part in serial {
            number.extend(part.to_be_bytes());
        }
        let tbs = sequence(&[
            value(VERSION, &value(INTEGER, &[2])),
            value(INTEGER, &number),
            algorithm.clone(),
            self.name.clone(),
            sequence(&[time(begin), time(end)]),
            request.name.clone(),
            request.key.clone(),
            value(EXTENSIONS, &sequence(&extensions(request, usages))),
        ]);
        let mut signature = vec![0];
        signature.extend(self.key.sign(&tbs).ok()?);
        let der = sequence(&[tbs, algorithm, value(BIT_STRING, &signature)]);
        Some(pem(&der))
    }
}

/// One element: tag, length and content.
fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|digit| *digit == 0).collect();
    match (digits.as_slice(), u8::try_from(digits.len())) {
        ([], _) => bytes.push(0),
        ([short], _) if *short < 0x80 => bytes.push(*short),
        (_, count) => {
            bytes.push(0x80 | count.unwrap_or(0));
            bytes.extend(&digits);
        }
    }
    bytes.extend(content);
    bytes
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    value(SEQUENCE, &elements.concat())
}

fn time(at: Timestamp) -> Vec<u8> {
    let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
    if year < 2050 {
        value(
            UTC_TIME,
            at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes(),
        )
    } else {
        let text = at.strftime("%Y%m%d%H%M%SZ").to_string();
        value(GENERALISED_TIME, text.as_bytes())
    }
}

fn extension(kind: &[u8], is_critical: bool, content: &[u8]) -> Vec<u8> {
    let mut parts = vec![value(OBJECT_IDENTIFIER, kind)];
    if is_critical {
        parts.push(value(BOOLEAN, &[0xff]));
    }
    parts.push(value(OCTET_STRING, content));
    sequence(&parts)
}

fn extensions(request: &Request, usages: &[&str]) -> Vec<Vec<u8>> {
    let mut extensions = Vec::new();
    let bits = usages.iter().filter_map(|usage| key_usage(usage));
    let bits = bits.fold(0_u16, |bits, bit| bits | 0x8000 >> bit);
    if bits != 0 {
        let unused = u8::try_from(bits.trailing_zeros() % 8).unwrap_or(0);
        let [first, second] = bits.to_be_bytes();
        let mut content = vec![unused, first];
        if second != 0 {
            content.push(second);
        }
        extensions.push(extension(KEY_USAGE, true, &value(BIT_STRING, &content)));
    }
    let mut purposes: Vec<u8> = usages.iter().filter_map(|usage| purpose(usage)).collect();
    purposes.sort_unstable();
    purposes.dedup();
    if !purposes.is_empty() {
        let purposes: Vec<Vec<u8>> = purposes
            .into_iter()
            .map(|last| value(OBJECT_IDENTIFIER, &[&PURPOSE[..], &[last]].concat()))
            .collect();
        extensions.push(extension(EXTENDED_KEY_USAGE, false, &sequence(&purposes)));
    }
    extensions.push(extension(BASIC_CONSTRAINTS, true, &sequence(&[])));
    if let Some(names) = &request.alternative_names {
        extensions.push(extension(ALTERNATIVE_NAME, false, names));
    }
    extensions
}

/// The bit of a usage in the extension of key usages.
fn key_usage(usage: &str) -> Option<u8> {
    Some(match usage {
        "signing" | "digital signature" => 0,
        "content commitment" => 1,
        "key encipherment" => 2,
        "data encipherment" => 3,
        "key agreement" => 4,
        "cert sign" => 5,
        "crl sign" => 6,
        "encipher only" => 7,
        "decipher only" => 8,
        _ => return None,
    })
}

/// The last number of a usage's object identifier.
fn purpose(usage: &str) -> Option<u8> {
    Some(match usage {
        "server auth" => 1,
        "client auth" => 2,
        _ => return None,
    })
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut lines = vec!["-----BEGIN CERTIFICATE-----".to_owned()];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        lines.push(line.to_owned());
        rest = after;
    }
    lines.push("-----END CERTIFICATE-----\n".to_owned());
    lines.join("\n")
}
