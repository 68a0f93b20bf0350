//! What is known of the entries of an object, so that the next write need not read them again.

use serde_json::Value;

use super::managed::{self, Identity, Managers};

/// The entries of an object as they were read or written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    managers: Managers,
    /// The object has them as [`managed::encode`] writes them, and their sets are as the schema has them, which doesn't
    /// change.
    settled: bool,
}

impl Known {
    /// Reads the entries of an object. What cannot be understood counts as none.
    pub fn read(object: &Value) -> Self {
        Self::unsettled(managed::decode(managed::entries(object)).unwrap_or_default())
    }

    /// Reads the entries of an object whose entries were [settled](Self::is_settled) when it was put away.
    pub fn read_settled(object: &Value) -> Self {
        Self {
            settled: true,
            ..Self::read(object)
        }
    }

    /// Entries that are in whatever form.
    pub(super) fn unsettled(managers: Managers) -> Self {
        Self {
            managers,
            settled: false,
        }
    }

    /// Entries that were written here; `fixed` if the schema doesn't change.
    pub(super) fn settled(managers: Managers, fixed: bool) -> Self {
        Self {
            managers,
            settled: fixed,
        }
    }

    /// Whether the object has the entries as they are written here, and the sets are as the schema has them for ever.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// The entries.
    pub fn managers(&self) -> &Managers {
        &self.managers
    }

    /// Whether an object has these entries.
    pub fn is_of(&self, object: &Value) -> bool {
        managed::encode(&self.managers) == managed::entries(object)
    }

    /// The form of the entries that follow these. `written` is the form of these, from which those are taken whose sets
    /// stay the same.
    pub(super) fn encode_next(&self, next: &Managers, written: Written<'_>) -> Vec<Value> {
        let (mut written, mut from) = (written, 0);
        managed::encode_with(next, |identity, owned| {
            let before = self.managers.get(identity).filter(|_| self.settled)?;
            let same = before.api_version == owned.api_version
                && before.fields.is_shared_with(&owned.fields);
            let entry = same.then(|| written.take(identity, &owned.api_version, &mut from))??;
            Some(if before.time == owned.time {
                entry
            } else {
                managed::timed(entry, &owned.time)
            })
        })
    }
}

/// Entries as an object has them.
pub(super) enum Written<'a> {
    /// Those of an object that stays.
    Shared(&'a [Value]),
    /// Those of an object that gets others.
    Own(Vec<Value>),
}

impl Written<'_> {
    /// The entry of a manager. It is looked for behind the last one first, as both come in one order.
    fn take(&mut self, identity: &Identity, api_version: &str, from: &mut usize) -> Option<Value> {
        let entries: &[Value] = match self {
            Self::Shared(entries) => entries,
            Self::Own(entries) => entries,
        };
        let is_it = |entry: &Value| managed::is_of(entry, identity, api_version);
        let at = (*from..entries.len())
            .chain(0..*from)
            .find(|at| entries.get(*at).is_some_and(is_it))?;
        *from = at + 1;
        match self {
            Self::Shared(entries) => entries.get(at).cloned(),
            Self::Own(entries) => entries.get_mut(at).map(Value::take),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::apply::{Type, Unconverted, Versions, Write, update, update_known};
    use crate::decode;
    use crate::schema::{TypeId, TypeTable};

    struct Fixed(TypeId);

    impl Versions for Fixed {
        fn type_in(&self, _: &str) -> Option<Type<'_>> {
            Some(Type::builtin(TypeTable::builtin(), self.0))
        }

        fn convert(&self, object: &Value, _: &str) -> Result<Value, Unconverted> {
            Ok(object.clone())
        }

        fn reset_fields(&self, _: &str) -> Option<&crate::apply::FieldSet> {
            None
        }

        fn are_fixed(&self) -> bool {
            true
        }
    }

    #[test]
    fn with_what_is_known_the_entries_are_the_same() {
        let id = TypeTable::builtin().type_of("", "v1", "ConfigMap").unwrap();
        let (versions, empty) = (Fixed(id), decode::normalise(id, &json!({})).unwrap());
        let map = |data: &Value, labels: &Value| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": {
                "name": "m", "uid": "u", "labels": labels}})
        };
        let states = [
            ("a", "1", map(&json!({"x": "1", "y": "1"}), &json!({}))),
            ("b", "2", map(&json!({"x": "1", "y": "2"}), &json!({}))),
            ("a", "3", map(&json!({"x": "2", "y": "2"}), &json!({}))),
            ("c", "4", map(&json!({"x": "2"}), &json!({"l": "1"}))),
            ("a", "4", map(&json!({"x": "2"}), &json!({"l": "1"}))),
            (
                "b",
                "5",
                map(&json!({"x": "3"}), &json!({"l": "2", "m": "2"})),
            ),
        ];
        for sends_back in [false, true] {
            let mut old: Option<(Value, Known)> = None;
            for (manager, minute, state) in &states {
                let write = Write {
                    versions: &versions,
                    api_version: "v1",
                    kind: "ConfigMap",
                    empty: &empty,
                    manager,
                    subresource: "",
                    now: &format!("2030-01-01T00:0{minute}:00Z"),
                };
                let mut new = state.clone();
                if let (true, Some((old, _))) = (sends_back, &old) {
                    let entries = managed::entries(old).to_vec();
                    managed::put_entries(&mut new, entries);
                }
                let mut plain = new.clone();
                let before = old.as_ref();
                update(&write, before.map(|(old, _)| old), &mut plain);
                let known = update_known(
                    &write,
                    before.map(|(old, _)| old),
                    before.map(|(_, known)| known),
                    (&mut new, &decode::Empties::default()),
                );
                assert_eq!(new, plain);
                assert!(known.is_of(&new) && known.is_settled());
                assert_eq!(Known::read_settled(&new), known);
                old = Some((new, known));
            }
            let (object, known) = old.unwrap();
            assert_eq!(known.managers().len(), 2, "{object}");
        }
    }
}
