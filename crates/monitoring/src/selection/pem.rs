//! PEM blocks, as far as they must be looked at: whether there is one and whether it holds a certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Label and content of the first block.
pub(super) fn first_block(text: &str) -> Option<(String, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    // Headers of old encrypted keys end with an empty line.
    let body = body.split_once("\n\n").map_or(body, |(_, body)| body);
    let digits: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    Some((label.to_owned(), STANDARD.decode(digits).ok()?))
}

/// Whether the bytes look like an X.509 certificate: a sequence of a sequence, an algorithm and a signature.
pub(super) fn is_certificate(der: &[u8]) -> bool {
    let Some((0x30, body, [])) = element(der) else {
        return false;
    };
    let Some((0x30, _, rest)) = element(body) else {
        return false;
    };
    let Some((0x30, _, rest)) = element(rest) else {
        return false;
    };
    matches!(element(rest), Some((0x03, _, [])))
}

/// Tag, content and what follows of the first element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (
            digits
                .iter()
                .fold(0, |length, digit| (length << 8) | usize::from(*digit)),
            rest,
        )
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_and_looked_into() {
        let (label, bytes) = first_block(
            "x\n-----BEGIN CERTIFICATE-----\nMAow\nADAA AwAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        assert_eq!(label, "CERTIFICATE");
        assert!(!is_certificate(&bytes));
        assert!(is_certificate(&[0x30, 7, 0x30, 0, 0x30, 0, 0x03, 1, 0]));
        assert_eq!(first_block("no block"), None);
    }
}
