//! One version of one object: a whole value while it is likely to be asked for, the bytes of its JSON from then on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use machinery::apply::Known;
use serde_json::Value;

use super::packed::{Packed, Packer};

/// One version of one object as a whole value, shared by the table, the history and the watches.
#[derive(Debug)]
pub struct Entry {
    /// The object as it is read, `metadata.resourceVersion` included.
    pub value: Arc<Value>,
    /// The object as it was written, if it isn't read as that: a custom resource's schema may have changed since.
    written: Option<Arc<Value>>,
    /// Its revision.
    pub revision: u64,
    /// What happened to the object.
    pub happened: Happened,
    /// The line of a watch that says so, with the object as JSON in its storage version; made on first use.
    line: OnceLock<Bytes>,
    /// Its `managedFields`; read on first use.
    known: OnceLock<Known>,
    /// They are settled, though they aren't read yet.
    settled: bool,
}

/// What a new version of an object is to whom every version is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// The first.
    Added,
    /// A further one.
    Modified,
    /// The last.
    Deleted,
}

impl Happened {
    /// As watches name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

const LINE_BEGIN: &[u8] = b"{\"type\":\"";
const LINE_MIDDLE: &[u8] = b"\",\"object\":";
const LINE_END: &[u8] = b"}\n";

/// The line of a watch about an object.
pub fn line(happened: &str, object: &[u8]) -> Bytes {
    let parts = [
        LINE_BEGIN,
        happened.as_bytes(),
        LINE_MIDDLE,
        object,
        LINE_END,
    ];
    parts.concat().into()
}

/// The object in such a line.
fn object_of(line: &Bytes, happened: Happened) -> Bytes {
    let begin = LINE_BEGIN.len() + happened.name().len() + LINE_MIDDLE.len();
    let end = line.len().saturating_sub(LINE_END.len());
    line.slice(begin.min(end)..end)
}

impl Entry {
    /// A version of an object.
    pub fn new(value: Arc<Value>, revision: u64) -> Self {
        Self::of(Happened::Modified, value, revision)
    }

    pub(super) fn of(happened: Happened, value: Arc<Value>, revision: u64) -> Self {
        Self {
            value,
            written: None,
            revision,
            happened,
            line: OnceLock::new(),
            known: OnceLock::new(),
            settled: false,
        }
    }

    /// The same entry with its `managedFields`, which somebody has read already.
    pub(super) fn with_known(self, known: Known) -> Self {
        Self {
            known: OnceLock::from(known),
            ..self
        }
    }

    /// The `managedFields` of the object as it is read.
    pub(crate) fn known(&self) -> &Known {
        self.known.get_or_init(|| {
            if self.settled {
                Known::read_settled(&self.value)
            } else {
                Known::read(&self.value)
            }
        })
    }

    /// Whether its `managedFields` are settled, as far as is known without reading them.
    fn is_settled(&self) -> bool {
        self.known.get().map_or(self.settled, Known::is_settled)
    }

    /// The object as it was written.
    pub fn written(&self) -> &Arc<Value> {
        self.written.as_ref().unwrap_or(&self.value)
    }

    /// The same entry, read as `value`; `None` for what was written.
    pub(super) fn read_as(&self, value: Option<Value>) -> Self {
        let written = self.written().clone();
        let (value, written) = match value {
            Some(value) => (Arc::new(value), Some(written)),
            None => (written, None),
        };
        Self {
            written,
            ..Self::of(self.happened, value, self.revision)
        }
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> Weight {
        let mut weight = Weight::default();
        weight.add(&self.value, 0);
        if let Some(written) = &self.written {
            weight.add(written, 0);
        }
        weight
    }

    /// The line of a watch that says what happened. The object in it is written once, by `print`.
    pub fn line(&self, print: impl FnOnce(&Value) -> Vec<u8>) -> Bytes {
        let made = || line(self.happened.name(), &print(&self.value));
        self.line.get_or_init(made).clone()
    }

    /// The object as JSON; a part of that line.
    pub fn json(&self, print: impl FnOnce(&Value) -> Vec<u8>) -> Bytes {
        object_of(&self.line(print), self.happened)
    }
}

/// One version of an object as the store keeps it.
#[derive(Debug)]
pub struct Version {
    revision: u64,
    happened: Happened,
    /// It would come back unchanged from its bytes.
    is_plain: bool,
    /// About how many they are, if the store keeps it.
    bytes: usize,
    /// Where it stands among the versions that are whole.
    place: AtomicU64,
    form: Mutex<Form>,
}

#[derive(Debug)]
enum Form {
    Whole(Arc<Entry>),
    Packed {
        shown: Shown,
        /// What was written, if it is read as something else.
        written: Option<Packed>,
        /// Its `managedFields` are settled.
        settled: bool,
    },
}

#[derive(Debug)]
enum Shown {
    /// The line of a watch, which holds the object.
    Line(Bytes),
    /// The object alone; nobody has asked for a line yet.
    Object(Packed),
}

impl Version {
    /// A whole value that the store doesn't keep.
    pub fn new(entry: Arc<Entry>) -> Self {
        Self {
            revision: entry.revision,
            happened: entry.happened,
            is_plain: false,
            bytes: 0,
            place: AtomicU64::new(u64::MAX),
            form: Mutex::new(Form::Whole(entry)),
        }
    }

    /// Keeps a whole value, and tells what that takes.
    pub(super) fn weighed(entry: Entry) -> (Arc<Self>, Weight) {
        let weight = entry.weight();
        let version = Self {
            revision: entry.revision,
            happened: entry.happened,
            is_plain: !weight.is_odd,
            bytes: weight.packed,
            place: AtomicU64::new(u64::MAX),
            form: Mutex::new(Form::Whole(Arc::new(entry))),
        };
        (Arc::new(version), weight)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn place(&self) -> u64 {
        self.place.load(Ordering::Relaxed)
    }

    pub(super) fn set_place(&self, place: u64) {
        self.place.store(place, Ordering::Relaxed);
    }

    fn form(&self) -> MutexGuard<'_, Form> {
        self.form.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happened to the object.
    pub fn happened(&self) -> Happened {
        self.happened
    }

    /// The object, read again if need be.
    pub fn entry(&self) -> Arc<Entry> {
        match &*self.form() {
            Form::Whole(entry) => entry.clone(),
            Form::Packed {
                shown,
                written,
                settled,
            } => {
                let (value, line) = match shown {
                    Shown::Line(line) => (read(&object_of(line, self.happened)), Some(line)),
                    Shown::Object(packed) => (unpacked(packed), None),
                };
                let written = written.as_ref().map(|packed| Arc::new(unpacked(packed)));
                let entry = Entry {
                    written,
                    settled: *settled,
                    ..Entry::of(self.happened, Arc::new(value), self.revision)
                };
                if let Some(line) = line {
                    // A fresh one, so nobody has set it.
                    let _ = entry.line.set(line.clone());
                }
                Arc::new(entry)
            }
        }
    }

    /// The line of a watch that says what happened, if somebody has asked for it before.
    pub fn known_line(&self) -> Option<Bytes> {
        match &*self.form() {
            Form::Whole(entry) => entry.line.get().cloned(),
            Form::Packed { shown, .. } => match shown {
                Shown::Line(line) => Some(line.clone()),
                Shown::Object(_) => None,
            },
        }
    }

    /// The object as JSON, if somebody has asked for that line before.
    pub fn known_json(&self) -> Option<Bytes> {
        let line = self.known_line()?;
        Some(object_of(&line, self.happened))
    }

    /// Whether it is kept whole.
    #[cfg(test)]
    pub(crate) fn is_whole(&self) -> bool {
        matches!(&*self.form(), Form::Whole(_))
    }

    /// Keeps the bytes alone from now on. An object that would come back changed stays whole. Others may ask for the version
    /// meanwhile.
    pub(super) fn pack(&self, packer: &mut Packer) {
        if !self.is_plain {
            return;
        }
        let entry = match &*self.form() {
            Form::Whole(entry) => entry.clone(),
            Form::Packed { .. } => return,
        };
        let shown = match entry.line.get() {
            Some(line) => Shown::Line(line.clone()),
            None => Shown::Object(packer.pack(&entry.value)),
        };
        let written = entry.written.as_deref();
        let form = Form::Packed {
            shown,
            written: written.map(|written| packer.pack(written)),
            settled: entry.is_settled(),
        };
        // What it was is freed after the lock.
        drop(std::mem::replace(&mut *self.form(), form));
    }

    /// Keeps it whole again; the object, and whether it was not.
    pub(super) fn unpack(&self) -> (Arc<Entry>, bool) {
        let entry = self.entry();
        let mut form = self.form();
        if let Form::Whole(known) = &*form {
            return (known.clone(), false);
        }
        *form = Form::Whole(entry.clone());
        (entry, true)
    }
}

/// What was packed here is whole.
fn unpacked(packed: &Packed) -> Value {
    packed.read().unwrap_or_default()
}

/// What was written here is read by the same library; see [`Weight::is_odd`].
fn read(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_default()
}

/// The reader of JSON goes down 128 levels.
const DEEPEST: usize = 100;

/// About how many bytes of memory an object takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// As a value.
    pub(super) whole: usize,
    /// As JSON.
    pub(super) packed: usize,
    /// It isn't the same once it was written and read: fractions and whole numbers are told apart by how they were
    /// written, and what is nested deeply isn't read.
    pub(super) is_odd: bool,
}

impl Weight {
    fn add(&mut self, value: &Value, depth: usize) {
        /// A node of the tree behind a map has room for eleven fields.
        const NODE: usize = 640;
        const FIELDS: usize = 8;
        self.is_odd |= depth >= DEEPEST;
        match value {
            Value::Null | Value::Bool(_) => self.packed += 4,
            Value::Number(number) => {
                self.packed += 4;
                self.is_odd |= number.is_f64();
            }
            Value::String(text) => self.add_text(text),
            Value::Array(items) => {
                self.whole += items.len() * size_of::<Value>();
                self.packed += items.len() + 2;
                for item in items {
                    self.add(item, depth + 1);
                }
            }
            Value::Object(fields) => {
                self.whole += fields.len().div_ceil(FIELDS) * NODE;
                self.packed += 2 * fields.len() + 2;
                for (key, field) in fields {
                    self.whole += key.len();
                    self.packed += key.len() + 2;
                    let before = self.whole;
                    self.add(field, depth + 1);
                    if key == "managedFields" {
                        // They are kept as sets too.
                        self.whole += self.whole - before;
                    }
                }
            }
        }
    }

    fn add_text(&mut self, text: &str) {
        self.whole += text.len();
        let escaped = |byte: u8| byte < 0x20 || matches!(byte, b'<' | b'>' | b'&');
        let long = text.bytes().filter(|byte| escaped(*byte)).count();
        self.packed += text.len() + 5 * long + 2;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(value: Value) -> Arc<Version> {
        Version::weighed(Entry::of(Happened::Added, Arc::new(value), 7)).0
    }

    #[test]
    fn a_packed_version_comes_back_as_it_was() {
        let value = json!({"a": [1, -2, "\u{2028}<&>\u{1}", null, true, {}], "b": {"c": u64::MAX}});
        for asked in [false, true] {
            let version = version(value.clone());
            let print = |value: &Value| machinery::go_json::to_vec(value, None);
            let before = asked.then(|| version.entry().line(print));
            version.pack(&mut Packer::default());
            assert!(!version.is_whole());
            assert_eq!(version.known_line(), before);
            let entry = version.entry();
            assert_eq!(
                (entry.revision, entry.happened, entry.value.as_ref()),
                (7, Happened::Added, &value)
            );
            assert_eq!(entry.json(print), machinery::go_json::to_vec(&value, None));
            assert!(version.unpack().1 && version.is_whole());
        }
    }

    #[test]
    fn what_was_known_of_owners_is_known_after_packing() {
        let fields = json!({"f:data": {"f:a": {}}});
        let entry = json!({"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
        let value = Arc::new(json!({"metadata": {"managedFields": [entry]}}));
        for settled in [false, true] {
            let entry = Entry::of(Happened::Added, value.clone(), 7);
            let known = if settled {
                Known::read_settled(&value)
            } else {
                Known::read(&value)
            };
            let (version, _) = Version::weighed(entry.with_known(known));
            for _ in 0..2 {
                version.pack(&mut Packer::default());
                let entry = version.unpack().0;
                assert_eq!(entry.known().is_settled(), settled);
                assert_eq!(entry.known().managers().len(), 1);
            }
        }
    }

    #[test]
    fn what_was_written_is_packed_beside_what_is_read() {
        let (written, shown) = (json!({"a": 1, "b": 2}), json!({"a": 1}));
        let entry = Entry::of(Happened::Modified, Arc::new(written.clone()), 7);
        let (version, _) = Version::weighed(entry.read_as(Some(shown.clone())));
        version.pack(&mut Packer::default());
        assert!(!version.is_whole());
        let entry = version.entry();
        assert_eq!(
            (entry.value.as_ref(), entry.written().as_ref()),
            (&shown, &written)
        );
        let fraction = entry.read_as(None).read_as(Some(json!(1.0)));
        let (version, _) = Version::weighed(fraction);
        version.pack(&mut Packer::default());
        assert!(version.is_whole());
    }

    #[test]
    fn the_weight_is_about_that_of_the_bytes() {
        for value in [
            json!({"data": {"a": "x".repeat(1000), "b": "<".repeat(1000)}}),
            json!({"data": {"a": "\u{1}\n".repeat(1000)}}),
            json!({"items": (0..1000).map(|number| json!({"n": number, "ok": true})).collect::<Vec<_>>()}),
        ] {
            let entry = Entry::of(Happened::Added, Arc::new(value.clone()), 7);
            let json = machinery::go_json::to_vec(&value, None).len();
            let weight = entry.weight();
            assert!(
                weight.packed > json * 3 / 4 && weight.packed < json * 3,
                "{weight:?} of {json}"
            );
            assert!(weight.whole * 7 > json, "{weight:?} of {json}");
        }
    }

    #[test]
    fn what_would_come_back_changed_stays_whole() {
        let deep = (0..DEEPEST).fold(json!(1), |inner, _| json!([inner]));
        for value in [json!({"a": 1.0}), json!([1e300]), deep] {
            let version = version(value.clone());
            version.pack(&mut Packer::default());
            assert!(version.is_whole(), "{value}");
        }
    }
}
