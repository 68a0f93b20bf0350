//! Gzip in parts: a text is compressed piece by piece, and the pieces that didn't change are not compressed again.
//!
//! Each part is compressed alone and ends on a byte, so that parts stand one after the other in one member, as every reader of
//! gzip takes it. A part costs about as much as its first few hundred bytes would; parts should be large.

use std::io::{self, Read, Write};

use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Magic number, method, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The last block, which is empty.
const LAST: [u8; 2] = [3, 0];

/// A part of a text, compressed.
#[derive(Debug)]
pub struct Part {
    bytes: Box<[u8]>,
    crc: Crc,
}

impl Part {
    /// Compresses a text.
    pub fn new(text: &str) -> io::Result<Self> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::default());
        out.write_all(text.as_bytes())?;
        // Without an end; what is written is whole bytes.
        out.flush()?;
        let bytes = out.get_ref().clone().into_boxed_slice();
        let mut crc = Crc::new();
        crc.update(text.as_bytes());
        Ok(Self { bytes, crc })
    }

    /// The text.
    pub fn text(&self) -> io::Result<String> {
        let mut text = String::new();
        let whole = self.bytes.chain(&LAST[..]);
        DeflateDecoder::new(io::BufReader::new(whole)).read_to_string(&mut text)?;
        Ok(text)
    }

    /// How many bytes it takes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it is of an empty text.
    pub fn is_empty(&self) -> bool {
        self.crc.amount() == 0
    }
}

/// The gzip of the texts of all parts, one after the other.
pub fn join<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut crc = Crc::new();
    for part in parts {
        out.extend_from_slice(&part.bytes);
        crc.combine(&part.crc);
    }
    out.extend_from_slice(&LAST);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_one_member_with_the_whole_text() {
        let texts = ["global: {}\n", &"- job_name: a\n".repeat(9000), "tail: ä\n"];
        let parts: Vec<Part> = texts.iter().map(|text| Part::new(text).unwrap()).collect();
        let bytes = join(&parts);
        let mut back = String::new();
        let mut reader = flate2::bufread::GzDecoder::new(bytes.as_slice());
        reader.read_to_string(&mut back).unwrap();
        assert_eq!(back, texts.concat());
        assert!(reader.into_inner().is_empty(), "nothing follows the member");
        for (part, text) in parts.iter().zip(texts) {
            assert_eq!(part.text().unwrap(), text);
        }
    }

    #[test]
    fn no_parts_are_an_empty_text() {
        let bytes = join([]);
        let mut back = String::new();
        let mut reader = flate2::read::GzDecoder::new(bytes.as_slice());
        reader.read_to_string(&mut back).unwrap();
        assert_eq!(back, "");
    }
}
