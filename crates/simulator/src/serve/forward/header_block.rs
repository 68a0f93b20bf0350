//! Header blocks of SPDY/3.1: pairs of names and values, compressed with one zlib stream per connection and direction that knows
//! a dictionary beforehand (section 2.6.10.1 of the protocol's draft).

use std::collections::BTreeMap;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, TINFL_LZ_DICT_SIZE, decompress};

/// Largest block that is taken, in bytes after decompression.
const LARGEST: usize = 64 * 1024;

/// The dictionary's words, each of them with its length before it.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age \
    allow authorization cache-control connection content-base content-encoding content-language content-length \
    content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since \
    if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate \
    proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning \
    www-authenticate method get status";
/// The one with a space in it, and those after it.
const LAST_WORDS: [&str; 8] = [
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
];
/// Its end.
const END: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505\
    203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden\
    404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable\
    Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT\
    chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,\
    publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

fn dictionary() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in WORDS.split_whitespace().chain(LAST_WORDS) {
        let length = u32::try_from(word.len()).unwrap_or_default();
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(word.as_bytes());
    }
    bytes.extend_from_slice(END.as_bytes());
    bytes
}

/// A block that can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The blocks that a client sends, in their order.
pub(super) struct Reader {
    state: Box<DecompressorOxide>,
    /// The last bytes that came out, as a ring: later blocks refer to them. It begins with the dictionary.
    window: Vec<u8>,
    at: usize,
    /// Bytes of the zlib stream's own head that are still to come.
    head: usize,
}

impl Reader {
    pub(super) fn new() -> Self {
        let mut window = dictionary();
        let at = window.len();
        window.resize(TINFL_LZ_DICT_SIZE, 0);
        Self {
            state: Box::default(),
            window,
            at,
            // Two bytes, and four that name the dictionary.
            head: 6,
        }
    }

    /// The stream doesn't name the dictionary, as those of [`Writer`].
    #[cfg(test)]
    pub(super) fn expect_no_dictionary(&mut self) {
        self.head = 2;
    }

    /// Names and values of a block. A name that is there several times has its values with a NUL in between.
    pub(super) fn read(&mut self, block: &[u8]) -> Result<BTreeMap<String, String>, Malformed> {
        let skip = self.head.min(block.len());
        self.head -= skip;
        let plain = self.inflate(block.get(skip..).unwrap_or_default())?;
        pairs(&plain).ok_or(Malformed)
    }

    fn inflate(&mut self, mut input: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut plain = Vec::new();
        loop {
            let (status, read, written) = decompress(
                &mut self.state,
                input,
                &mut self.window,
                self.at,
                TINFL_FLAG_HAS_MORE_INPUT,
            );
            let new = self.window.get(self.at..self.at + written);
            plain.extend_from_slice(new.unwrap_or_default());
            self.at = (self.at + written) % TINFL_LZ_DICT_SIZE;
            input = input.get(read..).unwrap_or_default();
            if plain.len() > LARGEST {
                return Err(Malformed);
            }
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput if input.is_empty() => return Ok(plain),
                _ => return Err(Malformed),
            }
        }
    }
}

fn pairs(mut plain: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut number = || {
        let (bytes, rest) = plain.split_first_chunk::<4>()?;
        plain = rest;
        Some(u32::from_be_bytes(*bytes))
    };
    let count = number()?;
    let mut pairs = BTreeMap::new();
    for _ in 0..count {
        let mut part = || {
            let (bytes, rest) = plain.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*bytes)).ok()?;
            let (part, rest) = rest.split_at_checked(length)?;
            plain = rest;
            Some(String::from_utf8_lossy(part).into_owned())
        };
        let name = part()?.to_lowercase();
        pairs.insert(name, part()?);
    }
    Some(pairs)
}

/// The blocks of this side: always empty ones, not compressed.
#[derive(Default)]
pub(super) struct Writer {
    has_begun: bool,
}

impl Writer {
    /// A block without any pair.
    pub(super) fn empty(&mut self) -> Vec<u8> {
        let mut block = Vec::new();
        if !std::mem::replace(&mut self.has_begun, true) {
            // A zlib stream that uses no dictionary.
            block.extend_from_slice(&[0x78, 0x01]);
        }
        // A stored piece of four bytes, which is not the last one: a count of 0. Then an empty piece: without it Go's reader asks
        // for more before it hands out what it has.
        block.extend_from_slice(&[0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0]);
        block.extend_from_slice(&[0, 0, 0, 0xff, 0xff]);
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_is_that_of_the_protocol() {
        let (mut a, mut b) = (1u32, 0u32);
        for byte in dictionary() {
            a = (a + u32::from(byte)) % 65_521;
            b = (b + a) % 65_521;
        }
        // Its Adler-32, which the head of every stream names.
        assert_eq!(b << 16 | a, 0xe3c6_a7c2);
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// Two blocks as zlib compresses them with the dictionary: the second one is little more than a reference.
    #[test]
    fn later_blocks_refer_to_earlier_ones_and_to_the_dictionary() {
        let blocks = [
            "78f9e3c6a7c202253a48f95b044eea16061606409ab308125f99a074cc68004e892545a989b9d0c2863515141500000000ffff",
            "225333a8a44a04000000ffff",
        ];
        let mut reader = Reader::new();
        for (block, kind) in blocks.iter().zip(["error", "data"]) {
            let pairs = reader.read(&bytes(block)).unwrap();
            assert_eq!(pairs["streamtype"], kind);
            assert_eq!((&*pairs["port"], &*pairs["requestid"]), ("8080", "0"));
        }
        assert_eq!(reader.read(&[0xff; 9]), Err(Malformed));
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut writer = Writer::default();
        let blocks = [writer.empty(), writer.empty()];
        let mut reader = Reader::new();
        reader.expect_no_dictionary();
        for block in blocks {
            assert!(block.ends_with(&[0, 0, 0xff, 0xff]), "flushed");
            assert_eq!(reader.read(&block), Ok(BTreeMap::new()));
        }
    }
}
