//! Elements of DER, as certificates, requests for them and keys are written: a tag, a length, and what is within.
//!
//! Nothing is copied, and nothing is known of what the elements mean.

/// Tag of a sequence.
pub const SEQUENCE: u8 = 0x30;
/// Tag of a set.
pub const SET: u8 = 0x31;
/// Tag of a whole number.
pub const INTEGER: u8 = 0x02;
/// Tag of a string of bits.
pub const BIT_STRING: u8 = 0x03;
/// Tag of a string of bytes.
pub const OCTET_STRING: u8 = 0x04;
/// Tag of an object identifier.
pub const OBJECT_IDENTIFIER: u8 = 0x06;

/// The first element: its tag, what is in it, and what follows it. Lengths of more than four bytes are none.
#[must_use]
pub fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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

/// What is in the first element, if it has that tag, and what follows it.
#[must_use]
pub fn within(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// The first element whole, with its head, if it has that tag, and what follows it.
#[must_use]
pub fn whole(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = within(tag, bytes)?;
    let whole = bytes.get(..bytes.len() - rest.len())?;
    Some((whole, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_end_where_their_length_says() {
        assert_eq!(
            element(&[0x02, 1, 7, 9]),
            Some((INTEGER, &[7][..], &[9][..]))
        );
        let long = [&[0x30, 0x81, 0x80][..], &[5; 0x80], &[6]].concat();
        assert_eq!(element(&long), Some((SEQUENCE, &[5; 0x80][..], &[6][..])));
        assert_eq!(whole(SEQUENCE, &long), Some((&long[..0x83], &[6][..])));
        assert_eq!(within(SET, &long), None);
    }

    #[test]
    fn what_is_cut_short_or_claims_too_much_is_none() {
        for cut in [
            &[][..],
            &[0x30],
            &[0x30, 2, 0],
            &[0x30, 0x82, 1],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(element(cut), None, "{cut:x?}");
        }
    }
}
