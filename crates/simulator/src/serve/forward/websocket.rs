//! Messages of a WebSocket as a server sees them (RFC 6455): masked ones come in, plain ones go out.

/// Longest payload of one frame, in bytes.
const LONGEST: u64 = 1 << 20;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// The frame ends its message.
const FINAL: u8 = 0x80;

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) enum Message {
    /// Bytes of a message, or of a part of one.
    Bytes(Vec<u8>),
    /// To be answered with a pong of the same bytes.
    Ping(Vec<u8>),
    /// The client ends the connection.
    Close,
}

/// A frame that no client may send.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::serve) struct Malformed;

/// Takes frames out of a stream of bytes.
#[derive(Default)]
pub(in crate::serve) struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// The messages that are whole with these bytes.
    pub(in crate::serve) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Message>, Malformed> {
        self.buffer.extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some((length, message)) = first(&self.buffer)? {
            self.buffer.drain(..length);
            messages.extend(message);
        }
        Ok(messages)
    }
}

/// The first frame of a buffer and its length there, if all of it came. Pongs say nothing.
fn first(buffer: &[u8]) -> Result<Option<(usize, Option<Message>)>, Malformed> {
    let [kind, length, rest @ ..] = buffer else {
        return Ok(None);
    };
    if length & 0x80 == 0 {
        return Err(Malformed); // a client's frames are masked
    }
    let (length, rest) = match length & 0x7f {
        126 => match rest.split_first_chunk::<2>() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), rest),
            None => return Ok(None),
        },
        short => (u64::from(short), rest),
    };
    if length > LONGEST {
        return Err(Malformed);
    }
    let length = usize::try_from(length).map_err(|_| Malformed)?;
    let Some((mask, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some(masked) = rest.get(..length) else {
        return Ok(None);
    };
    let payload = masked.iter().zip(mask.iter().cycle());
    let payload = payload.map(|(byte, mask)| byte ^ mask).collect();
    let message = match kind & 0x0f {
        // A continuation, text or bytes: what is carried is a stream, and where it was cut says nothing.
        0..=BINARY => Some(Message::Bytes(payload)),
        CLOSE => Some(Message::Close),
        PING => Some(Message::Ping(payload)),
        PONG => None,
        _ => return Err(Malformed),
    };
    Ok(Some((buffer.len() - rest.len() + length, message)))
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![FINAL | kind];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..126), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// A message of text.
pub(in crate::serve) fn text(payload: &[u8]) -> Vec<u8> {
    frame(TEXT, payload)
}

/// A message of bytes.
pub(in crate::serve) fn binary(payload: &[u8]) -> Vec<u8> {
    frame(BINARY, payload)
}

/// The answer to a ping.
pub(in crate::serve) fn pong(payload: &[u8]) -> Vec<u8> {
    frame(PONG, payload)
}

/// The end of the connection, without a complaint.
pub(in crate::serve) fn close() -> Vec<u8> {
    frame(CLOSE, &1000u16.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a client sends it.
    fn masked(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = frame(kind, payload);
        bytes[1] |= 0x80;
        let at = bytes.len() - payload.len();
        let mask = [1, 2, 3, 4];
        for (byte, mask) in bytes[at..].iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        bytes.splice(at..at, mask);
        bytes
    }

    #[test]
    fn messages_of_every_length_come_whole_however_they_are_cut() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload = vec![7; length];
            let mut decoder = Decoder::default();
            let mut got = Vec::new();
            for part in masked(BINARY, &payload).chunks(1000) {
                got.extend(decoder.push(part).unwrap());
            }
            assert_eq!(got, [Message::Bytes(payload)], "{length}");
        }
    }

    #[test]
    fn pings_and_ends_are_told_and_pongs_are_not() {
        let mut bytes = masked(PING, b"a");
        bytes.extend(masked(PONG, b"b"));
        bytes.extend(masked(CLOSE, b""));
        let mut decoder = Decoder::default();
        let got: Vec<Message> = bytes
            .iter()
            .flat_map(|byte| decoder.push(&[*byte]).unwrap())
            .collect();
        assert_eq!(got, [Message::Ping(b"a".to_vec()), Message::Close]);
    }

    #[test]
    fn what_is_not_masked_or_too_long_is_refused() {
        assert_eq!(
            Decoder::default().push(&frame(BINARY, b"a")),
            Err(Malformed)
        );
        let mut long = vec![FINAL | BINARY, 0xff];
        long.extend(u64::MAX.to_be_bytes());
        assert_eq!(Decoder::default().push(&long), Err(Malformed));
    }
}
