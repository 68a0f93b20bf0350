//! Frames of SPDY/3.1, as far as forwarding needs them.

use std::collections::BTreeMap;

use super::header_block::{Reader, Writer};

/// Longest frame that is taken, in bytes.
const LONGEST: usize = 1 << 20;
/// Most bytes of a stream in one frame of this side.
pub(super) const PIECE: usize = 32 * 1024;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GO_AWAY: u16 = 7;
const HEADERS: u16 = 8;
/// Nothing more comes in this stream from this side.
const LAST: u8 = 1;
/// `REFUSED_STREAM`: nothing was done for it.
const REFUSED: u32 = 3;

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// A new stream.
    Open {
        /// Its number.
        stream: u32,
        /// What it is for; names are lower case.
        headers: BTreeMap<String, String>,
    },
    /// Bytes of a stream.
    Data {
        /// Its number.
        stream: u32,
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether the client sends no more of them.
        last: bool,
    },
    /// The client gave a stream up.
    Reset {
        /// Its number.
        stream: u32,
    },
    /// To be sent back as it is.
    Ping(u32),
    /// The client ends the connection.
    GoAway,
}

/// A frame that can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes frames out of a stream of bytes.
pub(super) struct Decoder {
    buffer: Vec<u8>,
    headers: Reader,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            buffer: Vec::new(),
            headers: Reader::new(),
        }
    }

    /// The frames that are whole with these bytes, without those that change nothing here.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, Malformed> {
        self.buffer.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some((head, rest)) = self.buffer.split_first_chunk::<8>() {
            let [_, _, _, _, flags, length @ ..] = *head;
            let [high, middle, low] = length.map(usize::from);
            let length = high << 16 | middle << 8 | low;
            if length > LONGEST {
                return Err(Malformed);
            }
            let Some(payload) = rest.get(..length) else {
                break;
            };
            let [a, b, c, d, ..] = *head;
            let first = u32::from_be_bytes([a, b, c, d]);
            let frame = if first >> 31 == 0 {
                Some(Frame::Data {
                    stream: first,
                    bytes: payload.to_vec(),
                    last: flags & LAST != 0,
                })
            } else {
                control(u16::from_be_bytes([c, d]), payload, &mut self.headers)?
            };
            frames.extend(frame);
            self.buffer.drain(..8 + length);
        }
        Ok(frames)
    }
}

fn number(payload: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let (bytes, rest) = payload.split_first_chunk::<4>().ok_or(Malformed)?;
    Ok((u32::from_be_bytes(*bytes) & 0x7fff_ffff, rest))
}

/// A control frame; `None` for one that changes nothing here.
fn control(kind: u16, payload: &[u8], headers: &mut Reader) -> Result<Option<Frame>, Malformed> {
    // Every header block has to be read: the next one refers to it.
    let mut read = |block: &[u8]| headers.read(block).map_err(|_| Malformed);
    Ok(match kind {
        SYN_STREAM => {
            let (stream, rest) = number(payload)?;
            // The associated stream, a priority, a slot.
            let block = rest.get(6..).ok_or(Malformed)?;
            Some(Frame::Open {
                stream,
                headers: read(block)?,
            })
        }
        SYN_REPLY | HEADERS => {
            read(number(payload)?.1)?;
            None
        }
        RST_STREAM => Some(Frame::Reset {
            stream: number(payload)?.0,
        }),
        PING => Some(Frame::Ping(number(payload)?.0)),
        GO_AWAY => Some(Frame::GoAway),
        _ => None,
    })
}

fn control_frame(kind: u16, payload: &[u8]) -> Vec<u8> {
    let [version, kind] = [0x8003, kind].map(u16::to_be_bytes);
    let mut frame = [version, kind].concat();
    frame.push(0);
    frame.extend(length(payload));
    frame.extend_from_slice(payload);
    frame
}

fn length(payload: &[u8]) -> [u8; 3] {
    let [_, length @ ..] = u32::try_from(payload.len())
        .unwrap_or_default()
        .to_be_bytes();
    length
}

/// A stream is accepted.
pub(super) fn accept(stream: u32, headers: &mut Writer) -> Vec<u8> {
    let mut payload = stream.to_be_bytes().to_vec();
    payload.extend(headers.empty());
    control_frame(SYN_REPLY, &payload)
}

/// A stream is refused.
pub(super) fn refuse(stream: u32) -> Vec<u8> {
    let payload = [stream, REFUSED].map(u32::to_be_bytes).concat();
    control_frame(RST_STREAM, &payload)
}

/// The answer to a ping.
pub(super) fn ping(id: u32) -> Vec<u8> {
    control_frame(PING, &id.to_be_bytes())
}

/// Bytes of a stream, at most [`PIECE`] of them.
pub(super) fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    piece(stream, bytes, 0)
}

/// The end of a stream.
pub(super) fn end(stream: u32) -> Vec<u8> {
    piece(stream, b"", LAST)
}

fn piece(stream: u32, bytes: &[u8], flags: u8) -> Vec<u8> {
    let mut frame = stream.to_be_bytes().to_vec();
    frame.push(flags);
    frame.extend(length(bytes));
    frame.extend_from_slice(bytes);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let mut headers = Writer::default();
        let bytes = [
            accept(3, &mut headers),
            ping(5),
            data(3, b"hello"),
            end(3),
            refuse(7),
            control_frame(4, &[0; 4]),
            control_frame(GO_AWAY, &[0; 8]),
        ]
        .concat();
        let wanted = [
            Frame::Ping(5),
            Frame::Data {
                stream: 3,
                bytes: b"hello".to_vec(),
                last: false,
            },
            Frame::Data {
                stream: 3,
                bytes: Vec::new(),
                last: true,
            },
            Frame::Reset { stream: 7 },
            Frame::GoAway,
        ];
        for size in [1, 3, bytes.len()] {
            let mut decoder = Decoder::new();
            decoder.headers.expect_no_dictionary();
            let got: Vec<Frame> = bytes
                .chunks(size)
                .flat_map(|part| decoder.push(part).unwrap())
                .collect();
            assert_eq!(got, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_too_long_or_too_short_is_refused() {
        let long = [0, 0, 0, 1, 0, 0xff, 0xff, 0xff];
        assert_eq!(Decoder::new().push(&long), Err(Malformed));
        let short = control_frame(SYN_STREAM, &[0; 4]);
        assert_eq!(Decoder::new().push(&short), Err(Malformed));
    }
}
