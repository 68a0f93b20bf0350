//! Bytes that are kept for long and read seldom, compressed: the JSON of objects in caches, of large objects in plans.
//!
//! Objects of one kind say mostly the same words, and an object the same ones many times; a tenth to a third of the JSON is left.

use std::cell::RefCell;
use std::sync::Arc;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Less isn't worth it.
const LEAST: usize = 256;

thread_local! {
    /// Its tables take a quarter of a megabyte, and longer to make than an object takes to compress.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Bytes, compressed where that makes them less. Clones share them. Equal bytes are packed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    bytes: Arc<[u8]>,
    /// How many there were before; absent if they are as they were.
    length: Option<usize>,
}

impl Packed {
    /// Packs bytes.
    pub fn new(bytes: &[u8]) -> Self {
        match deflated(bytes) {
            Some(packed) => Self {
                bytes: packed.into(),
                length: Some(bytes.len()),
            },
            None => Self {
                bytes: bytes.into(),
                length: None,
            },
        }
    }

    /// The bytes as they were.
    pub fn unpacked(&self) -> Vec<u8> {
        match self.length {
            Some(length) => inflated(&self.bytes, length),
            None => self.bytes.to_vec(),
        }
    }

    /// How many bytes there were.
    pub fn len(&self) -> usize {
        self.length.unwrap_or(self.bytes.len())
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// `None` if that would be no less.
fn deflated(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < LEAST {
        return None;
    }
    DEFLATE.with_borrow_mut(|deflate| {
        deflate.reset();
        // What doesn't end within that room stays as it is.
        let mut packed = Vec::with_capacity(bytes.len() * 3 / 4);
        let status = deflate.compress_vec(bytes, &mut packed, FlushCompress::Finish);
        matches!(status, Ok(Status::StreamEnd)).then_some(packed)
    })
}

fn inflated(packed: &[u8], length: usize) -> Vec<u8> {
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        let mut bytes = Vec::with_capacity(length);
        // They were written by the other half of this file: they are whole, and the room is enough.
        let status = inflate.decompress_vec(packed, &mut bytes, FlushDecompress::Finish);
        debug_assert!(matches!(status, Ok(Status::StreamEnd)), "{status:?}");
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use machinery::entropy::Entropy;

    #[test]
    fn bytes_come_out_as_they_went_in_and_what_repeats_takes_little() {
        let mut chance = Entropy::seeded(3);
        let noise: Vec<u8> = (0..5000)
            .map(|_| u8::try_from(chance.below(256)).unwrap())
            .collect();
        let words = "\"alert\":\"Errors\",\"expr\":\"rate(x[5m]) > 1\",".repeat(100);
        let long = "x".repeat(700_000);
        for (bytes, most) in [
            (&b""[..], 0),
            (&b"{}"[..], 2),
            (words.as_bytes(), words.len() / 10),
            (long.as_bytes(), long.len() / 10),
            (&noise, noise.len()),
        ] {
            let packed = Packed::new(bytes);
            assert_eq!((packed.len(), packed.is_empty()), (bytes.len(), most == 0));
            assert!(packed.bytes.len() <= most, "{}", packed.bytes.len());
            assert!(packed.unpacked() == bytes);
            assert_eq!(packed, Packed::new(bytes));
        }
    }
}
