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

    /// Whether the sets are as the schema has them.
    pub(super) fn is_settled(&self) -> bool {
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
        let mut written = written;
        managed::encode_with(next, |identity, owned| {
            let before = self.managers.get(identity).filter(|_| self.settled)?;
            let same = before.api_version == owned.api_version
                && before.fields.is_shared_with(&owned.fields);
            let entry = same.then(|| written.take(identity, &owned.api_version))??;
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
    fn take(&mut self, identity: &Identity, api_version: &str) -> Option<Value> {
        let is_it = |entry: &Value| managed::is_of(entry, identity, api_version);
        match self {
            Self::Shared(entries) => entries.iter().find(|entry| is_it(entry)).cloned(),
            Self::Own(entries) => entries
                .iter_mut()
                .find(|entry| is_it(entry))
                .map(Value::take),
        }
    }
}
