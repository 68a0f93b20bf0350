//! Bodies that a webhook compressed, as Go's HTTP client takes them: it asks for gzip, and unpacks what says that it is
//! (`gzipReader` of `net/http/transport.go`).

use std::io::{ErrorKind, Read as _};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// How every gzip begins.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Whether a response says that its body is compressed.
pub(super) fn is_packed(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING);
    encoding.is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

/// The body itself, of at most `limit` bytes. The error is Go's.
pub(super) fn unpacked(packed: &[u8], limit: usize) -> Result<Bytes, String> {
    // Go's reader ends where nothing begins.
    if packed.is_empty() {
        return Ok(Bytes::new());
    }
    let mut body = Vec::new();
    let room = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut reader = MultiGzDecoder::new(packed).take(room.saturating_add(1));
    match reader.read_to_end(&mut body) {
        Ok(length) if length > limit => Err("length limit exceeded".to_owned()),
        Ok(_) => Ok(Bytes::from(body)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err("unexpected EOF".to_owned()),
        Err(_) if !packed.starts_with(&MAGIC) => Err("gzip: invalid header".to_owned()),
        Err(error) => Err(format!("gzip: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(body: &[u8]) -> Bytes {
        let mut writer = GzEncoder::new(Vec::new(), Compression::default());
        writer.write_all(body).unwrap();
        Bytes::from(writer.finish().unwrap())
    }

    #[test]
    fn a_body_is_unpacked_or_complained_of_as_by_go() {
        let whole = packed(b"a body");
        let cut = whole.slice(..whole.len() - 3);
        let twice = Bytes::from([&whole[..], &whole[..]].concat());
        for (given, expected) in [
            (whole, Ok("a body")),
            (twice, Ok("a bodya body")),
            (Bytes::new(), Ok("")),
            (cut, Err("unexpected EOF")),
            (
                Bytes::from_static(b"no such thing"),
                Err("gzip: invalid header"),
            ),
            (packed(&[b'x'; 40]), Err("length limit exceeded")),
        ] {
            let expected = expected.map(Bytes::from).map_err(str::to_owned);
            assert_eq!(unpacked(&given, 20), expected);
        }
    }
}
