//! PEM blocks and what is in them, as far as it must be known before a program is given them: whether there is a certificate,
//! and whether a key is the one it is for (Go's `encoding/pem` and `tls.X509KeyPair`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use machinery::der::{
    BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element, within,
};

const BEGIN: &str = "-----BEGIN ";
const CERTIFICATE: &str = "CERTIFICATE";
/// What labels of keys end with.
const KEY: &str = "PRIVATE KEY";

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// `CERTIFICATE`, for example.
    label: String,
    /// What it holds.
    pub(super) bytes: Vec<u8>,
}

/// The readable blocks of a text; what else there is doesn't count.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(after) = begun(rest) {
        let (first, body) = after.split_once('\n').unwrap_or((after, ""));
        rest = body;
        if let Some((block, after)) = first
            .trim_end()
            .strip_suffix("-----")
            .and_then(|label| ended(label, body))
        {
            found.push(block);
            rest = after;
        }
    }
    found
}

/// What follows the next line that begins a block.
fn begun(text: &str) -> Option<&str> {
    text.strip_prefix(BEGIN).or_else(|| {
        text.split_once(&format!("\n{BEGIN}"))
            .map(|(_, after)| after)
    })
}

/// The block of this label that a body is, and what follows it.
fn ended<'a>(label: &str, body: &'a str) -> Option<(Block, &'a str)> {
    let end = format!("-----END {label}-----");
    let (mut body, after) = match body.strip_prefix(&end) {
        Some(after) => ("", after),
        None => body.split_once(&format!("\n{end}"))?,
    };
    // Headers of old encrypted keys.
    while let Some((_, lines)) = body
        .split_once('\n')
        .filter(|(first, _)| first.contains(':'))
    {
        body = lines;
    }
    let digits: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let block = Block {
        label: label.to_owned(),
        bytes: STANDARD.decode(digits).ok()?,
    };
    Some((block, after))
}

/// A certificate and the key it is for: both must be there, and belong together as far as that can be seen. Go's words.
pub(super) fn check_pair(certificate: &str, key: &str) -> Result<(), String> {
    let certificates = blocks(certificate);
    let labels = |blocks: &[Block]| {
        let labels = blocks.iter().map(|block| block.label.as_str());
        labels.collect::<Vec<&str>>().join(" ")
    };
    let leaf = certificates.iter().find(|block| block.label == CERTIFICATE);
    let leaf = leaf.ok_or_else(|| match certificates.as_slice() {
        [] => "tls: failed to find any PEM data in certificate input".to_owned(),
        [one] if one.label.ends_with(KEY) => "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched".to_owned(),
        all => format!(
            "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: [{}]",
            labels(all)
        ),
    })?;
    let keys = blocks(key);
    let is_key = |block: &&Block| block.label == KEY || block.label.ends_with(" PRIVATE KEY");
    let key = keys.iter().find(is_key).ok_or_else(|| match keys.as_slice() {
        [] => "tls: failed to find any PEM data in key input".to_owned(),
        [one] if one.label == CERTIFICATE => {
            "tls: found a certificate rather than a key in the PEM for the private key".to_owned()
        }
        all => format!(
            "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following types: [{}]",
            labels(all)
        ),
    })?;
    if !is_certificate(&leaf.bytes) {
        return Err("x509: malformed certificate".to_owned());
    }
    match (certified(&leaf.bytes), Public::of_key(key)) {
        (Some(public), Some(own)) => public.check(own),
        (None, _) | (_, None) => Ok(()),
    }
}

/// The public part of a key, as far as it can be read without arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Public<'a> {
    /// The modulus.
    Rsa(&'a [u8]),
    /// The point; a private key may leave it out.
    Curve(Option<&'a [u8]>),
}

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const CURVE: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

impl<'a> Public<'a> {
    fn check(self, own: Self) -> Result<(), String> {
        let same = match (self, own) {
            (Self::Rsa(one), Self::Rsa(other))
            | (Self::Curve(Some(one)), Self::Curve(Some(other))) => one == other,
            (Self::Curve(_), Self::Curve(_)) => true,
            (Self::Rsa(_), Self::Curve(_)) | (Self::Curve(_), Self::Rsa(_)) => {
                return Err("tls: private key type does not match public key type".to_owned());
            }
        };
        if same {
            Ok(())
        } else {
            Err("tls: private key does not match public key".to_owned())
        }
    }

    fn of_key(key: &'a Block) -> Option<Self> {
        let (body, _) = within(SEQUENCE, &key.bytes)?;
        match key.label.as_str() {
            "RSA PRIVATE KEY" => Self::of_rsa(body),
            "EC PRIVATE KEY" => Some(Self::of_curve(body)),
            KEY => {
                let (_, rest) = within(INTEGER, body)?;
                let (algorithm, rest) = within(SEQUENCE, rest)?;
                let (held, _) = within(OCTET_STRING, rest)?;
                let (held, _) = within(SEQUENCE, held)?;
                match within(OBJECT_IDENTIFIER, algorithm)?.0 {
                    RSA => Self::of_rsa(held),
                    CURVE => Some(Self::of_curve(held)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The fields of PKCS 1: version, modulus and more.
    fn of_rsa(body: &'a [u8]) -> Option<Self> {
        let (_, rest) = within(INTEGER, body)?;
        within(INTEGER, rest).map(|(modulus, _)| Self::Rsa(modulus))
    }

    /// The fields of SEC 1: version, the key, and perhaps its curve and its point.
    fn of_curve(body: &'a [u8]) -> Self {
        let mut rest = body;
        while let Some((tag, content, after)) = element(rest) {
            if tag == 0xa1 {
                return Self::Curve(within(BIT_STRING, content).map(|(point, _)| point));
            }
            rest = after;
        }
        Self::Curve(None)
    }
}

/// The public key of a certificate.
fn certified(der: &[u8]) -> Option<Public<'_>> {
    let (body, _) = within(SEQUENCE, der)?;
    let (mut rest, _) = within(SEQUENCE, body)?;
    // A version is said only if it isn't the first; serial number, algorithm, issuer, validity and subject follow.
    if let Some((0xa0, _, after)) = element(rest) {
        rest = after;
    }
    for _ in 0..5 {
        rest = element(rest)?.2;
    }
    let (info, _) = within(SEQUENCE, rest)?;
    let (algorithm, rest) = within(SEQUENCE, info)?;
    let (bits, _) = within(BIT_STRING, rest)?;
    match within(OBJECT_IDENTIFIER, algorithm)?.0 {
        RSA => {
            let (key, _) = within(SEQUENCE, bits.get(1..)?)?;
            within(INTEGER, key).map(|(modulus, _)| Public::Rsa(modulus))
        }
        CURVE => Some(Public::Curve(Some(bits))),
        _ => None,
    }
}

/// Whether the bytes look like an X.509 certificate: a sequence of a sequence, an algorithm and a signature.
pub(super) fn is_certificate(der: &[u8]) -> bool {
    let Some((SEQUENCE, body, [])) = element(der) else {
        return false;
    };
    let Some((_, rest)) = within(SEQUENCE, body) else {
        return false;
    };
    let Some((_, rest)) = within(SEQUENCE, rest) else {
        return false;
    };
    matches!(element(rest), Some((BIT_STRING, _, [])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl ecparam -genkey` writes it: what the curve is, then the key.
    const CURVE_KEY: &str = "\
-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIA3K5FH03/rFEKiaqluyavEbpNT5J/5VMmuPuN1hukKPoAoGCCqGSM49
AwEHoUQDQgAEc4z4KrWyDZfVH0jtJ6t5UjjfEhgHcSun2g94pZgOYg+5vMLkFVUG
+CUWoiX0JGFTYD+Gz/jeP18A8DTAd3x+7w==
-----END EC PRIVATE KEY-----
";
    /// The certificate for it.
    const CURVE_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbjCCARWgAwIBAgIUaieR1ABGoCpccpkx1lm6tG6No0MwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjExMjgwMDAwNTJaGA8yMTI2MTEwNDAwMDA1Mlow
DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHOM+Cq1sg2X
1R9I7SereVI43xIYB3Erp9oPeKWYDmIPubzC5BVVBvglFqIl9CRhU2A/hs/43j9f
APA0wHd8fu+jUzBRMB0GA1UdDgQWBBQD6MoJaHjlpj+SpLwk6cdy8vhCKTAfBgNV
HSMEGDAWgBQD6MoJaHjlpj+SpLwk6cdy8vhCKTAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0cAMEQCIHecW7Sftab4VpdFPjLGY//Mn0tTVEz+i/sMe8O0ABi5
AiBOPzMF82XAN4fn1UhKv6TOnMXPrYtBivhIaKaHsEO0XQ==
-----END CERTIFICATE-----
";
    /// The same key as PKCS 8.
    const CURVE_KEY_8: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDcrkUfTf+sUQqJqq
W7Jq8Ruk1Pkn/lUya4+43WG6Qo+hRANCAARzjPgqtbINl9UfSO0nq3lSON8SGAdx
K6faD3ilmA5iD7m8wuQVVQb4JRaiJfQkYVNgP4bP+N4/XwDwNMB3fH7v
-----END PRIVATE KEY-----
";
    /// Another.
    const OTHER_CURVE_KEY: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFVZYnPS0QAsvSXN2GTVpSb1J7sCwttAjA0gQgY5u2OfoAoGCCqGSM49
AwEHoUQDQgAENk6LOFbqaX+CT7RhIanrWOcB6fscksPUrsKJwNfaP6K3RKuwi4pX
bKrmd+5AzuM3QjWv/scaQ/g1Mq/DX0xspg==
-----END EC PRIVATE KEY-----
";
    /// A short one.
    const RSA_KEY: &str = "\
-----BEGIN RSA PRIVATE KEY-----
MIIBOwIBAAJBAMNUvYz+ieMewN986kOoGLf/MAIx8yykfvz28QXyYD1jPE4c2X/9
Hs4DRiwjqm4V1bZlzVjxATS5nKhuJR0ACpsCAwEAAQJBAKZQ7xywVsPWGa+xct6s
sG9qj3wu/7lRTvchZFQF7kAVUw4W4p4fc3auDW7HUIRbdyeYcMNhq9D+DTxifDbd
qaECIQDxHyN1lu5gI/LgNYJA1cMGEfwYKGcrBYwly0V6p0CQiQIhAM9iRgc+kjEn
MJgJ0mJgJKleAOfm/LvBomJT3Gg+q1EDAiBSbZatqD8tVpy80Q4KJAlbleJcT9OU
/Xx/nxHNcEe+IQIgLKCSP0bYwNkVHPKoImFcIlJHUaAkbOcLYat4N7qctS8CIQDE
mD1y0WgfOD8SIJBuwJpVonZx1j6WGKdPHxiaQZZA1A==
-----END RSA PRIVATE KEY-----
";
    /// The certificate for it.
    const RSA_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBcTCCARugAwIBAgIUQtvfnAm/XIjguYNfC3V/AthoEZAwDQYJKoZIhvcNAQEL
BQAwDDEKMAgGA1UEAwwBYjAgFw0yNjExMjgwMDAwNTJaGA8yMTI2MTEwNDAwMDA1
MlowDDEKMAgGA1UEAwwBYjBcMA0GCSqGSIb3DQEBAQUAA0sAMEgCQQDDVL2M/onj
HsDffOpDqBi3/zACMfMspH789vEF8mA9YzxOHNl//R7OA0YsI6puFdW2Zc1Y8QE0
uZyobiUdAAqbAgMBAAGjUzBRMB0GA1UdDgQWBBRob/cnDlfa1FrfWTcSPfpJ++Ai
cTAfBgNVHSMEGDAWgBRob/cnDlfa1FrfWTcSPfpJ++AicTAPBgNVHRMBAf8EBTAD
AQH/MA0GCSqGSIb3DQEBCwUAA0EAaAeEmWZaayq1Uo/ftW0x/WJ1MehoiqOkRmsc
LPNq5kWtDp8OIegWlH9zpgH1zMTOe7VM4erTJVmbV4RDFUNZgw==
-----END CERTIFICATE-----
";
    /// The same key as PKCS 8.
    const RSA_KEY_8: &str = "\
-----BEGIN PRIVATE KEY-----
MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEAw1S9jP6J4x7A33zq
Q6gYt/8wAjHzLKR+/PbxBfJgPWM8ThzZf/0ezgNGLCOqbhXVtmXNWPEBNLmcqG4l
HQAKmwIDAQABAkEAplDvHLBWw9YZr7Fy3qywb2qPfC7/uVFO9yFkVAXuQBVTDhbi
nh9zdq4NbsdQhFt3J5hww2Gr0P4NPGJ8Nt2poQIhAPEfI3WW7mAj8uA1gkDVwwYR
/BgoZysFjCXLRXqnQJCJAiEAz2JGBz6SMScwmAnSYmAkqV4A5+b8u8GiYlPcaD6r
UQMCIFJtlq2oPy1WnLzRDgokCVuV4lxP05T9fH+fEc1wR74hAiAsoJI/RtjA2RUc
8qgiYVwiUkdRoCRs5wthq3g3upy1LwIhAMSYPXLRaB84PxIgkG7AmlWidnHWPpYY
p08fGJpBlkDU
-----END PRIVATE KEY-----
";
    /// Another.
    const OTHER_RSA_KEY: &str = "\
-----BEGIN RSA PRIVATE KEY-----
MIIBOgIBAAJBALQiJKjc9+G1FM0xmR+kEVqzNOiWKWvRZcmWcw6THRhkx1ac/d93
oJ5o0NaBogr2EVonmaM/gBbBCPmy33tDnjcCAwEAAQJAIhOrd76Frk9BZigR3ah+
F/h6890kbN8qMF6j2Yf/IxPsWczUcOmYlqb94fpX5x5VfwhKgwrTzshuqZjpMG1W
0QIhANgPtU6cr1pCjIrzovSTPteQgijt0htcCSgfxUPBRLpTAiEA1W5HKIOeKYdF
sXHgah+VRFTc3sdnt95FIB4eR/1sOA0CIAetnzrY9J5XiRkTCXJ5nR0aBJYhxXq1
bZngbyk2QBQDAiEAwJxtC1r8eW3ir2idpigqhSgwy7wZFg45Q+rqWP2TlGECICuJ
zQWuwTQBChixegPIauJBBwjvaZmiiCSZjGWvoojA
-----END RSA PRIVATE KEY-----
";

    #[test]
    fn blocks_are_found_and_looked_into() {
        let found =
            blocks("x\n-----BEGIN CERTIFICATE-----\nMAow\nADAA AwAA\n-----END CERTIFICATE-----\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].label, "CERTIFICATE");
        assert!(!is_certificate(&found[0].bytes));
        assert!(is_certificate(&[0x30, 7, 0x30, 0, 0x30, 0, 0x03, 1, 0]));
        assert_eq!(blocks("no block"), []);
    }

    #[test]
    fn what_is_no_block_is_passed_over() {
        let text = "-----BEGIN A-----\nMAA=\n-----END B-----\n-----BEGIN C-----\r\nProc-Type: 4\r\n\r\nMAA=\r\n-----END C-----\r\n x-----BEGIN D-----\nMAA=\n-----END D-----\n";
        let labels: Vec<String> = blocks(text).into_iter().map(|block| block.label).collect();
        assert_eq!(labels, ["C"]);
    }

    #[test]
    fn pairs_that_belong_together_are_taken_in_whatever_form() {
        let whole = format!("{RSA_KEY}{RSA_CERTIFICATE}");
        for (certificate, key) in [
            (CURVE_CERTIFICATE, CURVE_KEY),
            (CURVE_CERTIFICATE, CURVE_KEY_8),
            (RSA_CERTIFICATE, RSA_KEY),
            (RSA_CERTIFICATE, RSA_KEY_8),
            (&whole, &whole),
        ] {
            assert_eq!(check_pair(certificate, key), Ok(()), "{key}");
        }
    }

    #[test]
    fn what_is_no_pair_is_refused_in_the_words_of_go() {
        let other = "tls: private key does not match public key";
        for (certificate, key, why) in [
            (CURVE_CERTIFICATE, OTHER_CURVE_KEY, other),
            (RSA_CERTIFICATE, OTHER_RSA_KEY, other),
            (
                CURVE_CERTIFICATE,
                RSA_KEY,
                "tls: private key type does not match public key type",
            ),
            (
                CURVE_KEY_8,
                CURVE_CERTIFICATE,
                "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
            ),
            (
                CURVE_CERTIFICATE,
                CURVE_CERTIFICATE,
                "tls: found a certificate rather than a key in the PEM for the private key",
            ),
            (
                "x",
                CURVE_KEY,
                "tls: failed to find any PEM data in certificate input",
            ),
            (
                CURVE_CERTIFICATE,
                "",
                "tls: failed to find any PEM data in key input",
            ),
        ] {
            assert_eq!(check_pair(certificate, key), Err(why.to_owned()), "{key}");
        }
    }
}
