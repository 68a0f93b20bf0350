//! Objects as bytes that are quick to write and to read, for those that nobody has asked for lately. Nobody else sees them.

use serde_json::{Map, Value};

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NATURAL: u8 = 3;
const NEGATIVE: u8 = 4;
const FRACTION: u8 = 5;
const TEXT: u8 = 6;
const LIST: u8 = 7;
const MAP: u8 = 8;

/// Appends a value.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(natural), _, _) => {
                out.push(NATURAL);
                write_count(natural, out);
            }
            (None, Some(negative), _) => {
                out.push(NEGATIVE);
                write_count(negative.unsigned_abs(), out);
            }
            (None, None, fraction) => {
                out.push(FRACTION);
                out.extend_from_slice(&fraction.unwrap_or_default().to_le_bytes());
            }
        },
        Value::String(text) => {
            out.push(TEXT);
            write_text(text, out);
        }
        Value::Array(items) => {
            out.push(LIST);
            write_count(items.len() as u64, out);
            for item in items {
                write(item, out);
            }
        }
        Value::Object(fields) => {
            out.push(MAP);
            write_count(fields.len() as u64, out);
            for (key, field) in fields {
                write_text(key, out);
                write(field, out);
            }
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_count(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the lowest first; all but the last have the eighth.
fn write_count(mut count: u64, out: &mut Vec<u8>) {
    while count >= 0x80 {
        out.push(count.to_le_bytes()[0] | 0x80);
        count >>= 7;
    }
    out.push(count.to_le_bytes()[0]);
}

/// Reads what [`write`] wrote; nothing of anything else.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { rest: bytes };
    reader.value()
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn count(&mut self) -> Option<u64> {
        let (mut count, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            count |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(count);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count()?;
        let bytes = self.bytes(length)?;
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            NATURAL => Value::from(self.count()?),
            NEGATIVE => Value::from(0_i64.checked_sub_unsigned(self.count()?)?),
            FRACTION => {
                let bytes = self.bytes(8)?.try_into().ok()?;
                Value::from(f64::from_le_bytes(bytes))
            }
            TEXT => Value::String(self.text()?),
            LIST => {
                let count = self.count()?;
                Value::Array((0..count).map(|_| self.value()).collect::<Option<_>>()?)
            }
            MAP => {
                let count = self.count()?;
                let field = |_| Some((self.text()?, self.value()?));
                Value::Object((0..count).map(field).collect::<Option<Map<_, _>>>()?)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_comes_back_as_it_was() {
        let value = json!({
            "": null, "long": "é<\u{1}".repeat(100), "list": [true, false, {}, [], ""],
            "numbers": [0, 1, 127, 128, u64::MAX, -1, i64::MIN, i64::MAX, 0.5, 1.0, -0.0],
        });
        let mut bytes = Vec::new();
        write(&value, &mut bytes);
        let read_again = read(&bytes);
        assert_eq!(read_again.as_ref(), Some(&value));
        assert_eq!(read_again.unwrap().to_string(), value.to_string());
    }

    #[test]
    fn what_was_cut_short_is_nothing() {
        let mut bytes = Vec::new();
        write(&json!({"a": ["text", 300, 0.5]}), &mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), None, "{end}");
        }
        assert_eq!(read(&[9]), None);
    }
}
