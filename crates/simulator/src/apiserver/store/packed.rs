//! Objects as bytes that are quick to write and to read, for those that nobody has asked for lately. Nobody else sees them.
//!
//! Objects of one template have much in common: containers, labels, who owns which fields. Such parts are kept once.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

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
const PART: u8 = 9;

/// A part that several objects may have, as bytes.
type Part = Arc<[u8]>;

/// An object as bytes.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Box<[u8]>,
    /// What stands in the places that [`PART`] marks, in order.
    parts: Box<[Part]>,
}

impl Packed {
    /// The object again; nothing of bytes that nobody wrote here.
    pub(super) fn read(&self) -> Option<Value> {
        let mut reader = Reader {
            rest: &self.bytes,
            parts: self.parts.iter(),
        };
        reader.value()
    }
}

/// Writes objects.
#[derive(Debug, Default)]
pub(super) struct Packer {
    out: Vec<u8>,
    parts: Vec<Part>,
    pool: Pool,
}

impl Packer {
    /// An object as bytes.
    pub(super) fn pack(&mut self, object: &Value) -> Packed {
        self.out.clear();
        self.parts.clear();
        self.fields(object, |packer, key, field| match key {
            "metadata" => packer.metadata(field),
            "spec" => packer.fields(field, |packer, _, field| packer.part(field)),
            _ => write(field, &mut packer.out),
        });
        Packed {
            bytes: self.out.as_slice().into(),
            parts: self.parts.as_slice().into(),
        }
    }

    fn metadata(&mut self, metadata: &Value) {
        self.fields(metadata, |packer, key, field| match (key, field) {
            ("managedFields", Value::Array(entries)) => {
                packer.out.push(LIST);
                write_count(entries.len() as u64, &mut packer.out);
                for entry in entries {
                    packer.entry(entry);
                }
            }
            _ => packer.part(field),
        });
    }

    /// Of one manager's fields a few are an object's own, such as the addresses of a pod.
    fn entry(&mut self, entry: &Value) {
        self.fields(entry, |packer, _, field| {
            packer.fields(field, |packer, _, field| {
                packer.fields(field, |packer, _, field| packer.part(field));
            });
        });
    }

    /// Writes a map, and its fields as the caller wants them; anything else as it is.
    fn fields(&mut self, value: &Value, write_field: impl Fn(&mut Self, &str, &Value)) {
        let Value::Object(fields) = value else {
            write(value, &mut self.out);
            return;
        };
        self.out.push(MAP);
        write_count(fields.len() as u64, &mut self.out);
        for (key, field) in fields {
            write_text(key, &mut self.out);
            write_field(self, key, field);
        }
    }

    /// Writes a value that other objects may have too.
    fn part(&mut self, value: &Value) {
        /// Shorter ones are cheaper in their place.
        const LONG: usize = 96;
        let begin = self.out.len();
        write(value, &mut self.out);
        let written = self.out.get(begin..).unwrap_or_default();
        if written.len() < LONG {
            return;
        }
        self.parts.push(self.pool.shared(written));
        self.out.truncate(begin);
        self.out.push(PART);
    }
}

/// The parts that were new last.
#[derive(Debug, Default)]
struct Pool {
    parts: BTreeSet<Part>,
    order: VecDeque<Part>,
}

impl Pool {
    /// So many are looked through. One that is forgotten comes in anew, so that of what a hundred thousand objects have a
    /// few hundred copies are kept at worst.
    const MOST: usize = 1024;

    /// The part of these bytes that is there already, or from now on.
    fn shared(&mut self, bytes: &[u8]) -> Part {
        if let Some(known) = self.parts.get(bytes) {
            return known.clone();
        }
        let part = Part::from(bytes);
        self.parts.insert(part.clone());
        self.order.push_back(part.clone());
        if self.order.len() > Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.parts.remove(&oldest);
        }
        part
    }
}

/// Appends a value.
fn write(value: &Value, out: &mut Vec<u8>) {
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

struct Reader<'a> {
    rest: &'a [u8],
    parts: std::slice::Iter<'a, Part>,
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
            PART => {
                let part = self.parts.next()?;
                let mut reader = Reader {
                    rest: part,
                    parts: std::slice::Iter::default(),
                };
                reader.value()?
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str) -> Value {
        let long: Map<String, Value> = (0..20).map(|n| (format!("f:{n}"), json!({}))).collect();
        json!({
            "metadata": {"name": name, "labels": {"long": "x".repeat(100)}, "managedFields": [
                {"manager": "m", "fieldsV1": {"f:status": {"f:conditions": long, "f:podIPs": {name: {}}}}},
            ]},
            "spec": {"containers": [{"name": "c", "image": "x".repeat(100)}], "nodeName": name},
            "status": {"message": "x".repeat(100)},
        })
    }

    #[test]
    fn a_value_comes_back_as_it_was() {
        let value = json!({
            "": null, "long": "é<\u{1}".repeat(100), "list": [true, false, {}, [], ""],
            "numbers": [0, 1, 127, 128, u64::MAX, -1, i64::MIN, i64::MAX, 0.5, 1.0, -0.0],
        });
        let mut packer = Packer::default();
        let odd = json!({"spec": "x".repeat(100), "metadata": {"managedFields": [[value], 1], "labels": value}});
        for value in [
            value.clone(),
            json!({"spec": value}),
            json!([value]),
            odd,
            pod("p"),
        ] {
            let read_again = packer.pack(&value).read();
            assert_eq!(read_again.as_ref(), Some(&value));
            assert_eq!(read_again.unwrap().to_string(), value.to_string());
        }
    }

    #[test]
    fn what_pods_of_a_template_have_in_common_is_kept_once() {
        let mut packer = Packer::default();
        let (one, other) = (packer.pack(&pod("one")), packer.pack(&pod("other")));
        assert_eq!(one.parts.len(), 3);
        for (one, other) in one.parts.iter().zip(&other.parts) {
            assert!(Arc::ptr_eq(one, other));
        }
        assert_eq!(packer.pool.parts.len(), 3);
        for number in 0..2 * Pool::MOST {
            packer.pool.shared(number.to_string().as_bytes());
        }
        assert_eq!(packer.pool.parts.len(), Pool::MOST);
        assert_eq!(one.read(), Some(pod("one")));
        let again = packer.pack(&pod("one"));
        assert!(!Arc::ptr_eq(&again.parts[0], &one.parts[0]));
    }

    #[test]
    fn what_was_cut_short_is_nothing() {
        let whole = Packer::default().pack(&json!({"a": ["text", 300, 0.5]}));
        let cut = |bytes: &[u8]| Packed {
            bytes: bytes.into(),
            parts: [].into(),
        };
        for end in 0..whole.bytes.len() {
            assert_eq!(cut(&whole.bytes[..end]).read(), None, "{end}");
        }
        for tag in [PART, PART + 1] {
            assert_eq!(cut(&[tag]).read(), None);
        }
    }
}
