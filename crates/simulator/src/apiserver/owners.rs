//! `metadata.managedFields` of what is written: the kind behind an object as `machinery::apply` wants to see it
//! (`apiserver/pkg/endpoints/handlers/fieldmanager`, `GetResetFields` of `pkg/registry/*/*/strategy.go`).

mod reset;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use machinery::apply::{self, FieldSet, Known, Type, Unconverted, Versions, Write};
use machinery::decode;
use machinery::meta;
use machinery::schema::{TypeId, TypeTable};
use machinery::time;
use serde_json::{Value, json};

use super::ApiServer;
use super::convert;
use super::registry::{Backing, Served};
use super::store::Entry;
use super::write::Writer;
use crate::request::Request;

/// Longest name of a manager, in bytes.
const LONGEST: usize = 128;

/// The manager of what the server writes itself.
pub(crate) const SERVER: &str = "kube-apiserver";

/// Who writes, as far as `managedFields` name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author<'a> {
    /// The manager.
    pub manager: &'a str,
    /// Through which subresource; empty for the object itself.
    pub subresource: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// The manager a request names, or its User-Agent up to the first `/`.
pub(crate) fn manager_of(request: &Request) -> Cow<'_, str> {
    match request.query_value("fieldManager") {
        Some(named) if !named.is_empty() => Cow::Borrowed(named),
        Some(_) | None => {
            let agent = request.header(http::header::USER_AGENT).unwrap_or_default();
            shortened(agent.split('/').next().unwrap_or_default())
        }
    }
}

/// What can be printed, as far as it fits.
fn shortened(agent: &str) -> Cow<'_, str> {
    if agent.len() <= LONGEST && agent.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(agent);
    }
    let mut out = String::new();
    for character in agent.chars().filter(|character| !character.is_control()) {
        if out.len() + character.len_utf8() > LONGEST {
            break;
        }
        out.push(character);
    }
    Cow::Owned(out)
}

/// Whether the list of entries is empty.
pub(crate) fn asks_for_reset(sent: &Value) -> bool {
    let entries = sent.pointer("/metadata/managedFields");
    entries.and_then(Value::as_array).is_some_and(Vec::is_empty)
}

/// Puts an empty list of entries back, which decoding drops: it asks for tracking to begin anew.
pub(crate) fn keep_reset(asked: bool, object: &mut Value) {
    if asked {
        meta::set(object, "managedFields", json!([]));
    }
}

/// The same for a body as it was sent.
pub(crate) fn keep_reset_of(body: &[u8], yaml: bool, object: &mut Value) {
    if memchr::memmem::find(body, b"managedFields").is_none() {
        return;
    }
    let sent = if yaml {
        decode::decode_yaml_untyped(body)
    } else {
        decode::decode_untyped(body)
    };
    keep_reset(sent.is_ok_and(|sent| asks_for_reset(&sent.value)), object);
}

/// The versions of one resource, for writes through one endpoint.
struct ServedVersions<'a> {
    server: &'a ApiServer,
    served: &'a Served,
    subresource: &'a str,
    /// The definition, once a version of it is asked for that isn't served.
    definition: OnceCell<Option<Arc<Entry>>>,
}

impl ServedVersions<'_> {
    /// The resource in that version, if it is served.
    fn served_in(&self, api_version: &str) -> Option<&Served> {
        if is_version(self.served, api_version) {
            return Some(self.served);
        }
        let found = self
            .server
            .registry
            .of_kind(api_version, &self.served.resource.kind)?;
        (found.table == self.served.table).then_some(found.as_ref())
    }

    /// The schema of a version that is defined and not served.
    fn unserved(&self, api_version: &str) -> Option<&Value> {
        self.served.custom()?;
        let resource = &self.served.resource;
        let (_, version) = api_version
            .split_once('/')
            .filter(|(group, _)| *group == resource.group)?;
        let definition = self.definition.get_or_init(|| {
            let name = format!("{}.{}", resource.plural, resource.group);
            let table = "apiextensions.k8s.io/customresourcedefinitions";
            self.server.store.get(table, &name)
        });
        let definition = &definition.as_ref()?.value;
        let versions = definition.pointer("/spec/versions")?.as_array()?;
        let defined = versions
            .iter()
            .find(|known| known.get("name").and_then(Value::as_str) == Some(version))?;
        defined.pointer("/schema/openAPIV3Schema")
    }
}

/// Whether a resource is of that version (`apps/v1`).
fn is_version(served: &Served, api_version: &str) -> bool {
    let resource = &served.resource;
    match api_version.split_once('/') {
        Some((group, version)) => group == resource.group && version == resource.version,
        None => resource.group.is_empty() && api_version == resource.version,
    }
}

/// The type of a custom resource with that schema.
fn custom_type(schema: &Value) -> Type<'_> {
    if schema.is_object() {
        Type::custom(schema, false)
    } else {
        Type::deduced()
    }
}

impl Versions for ServedVersions<'_> {
    fn type_in(&self, api_version: &str) -> Option<Type<'_>> {
        match self.served_in(api_version).map(|served| &served.backing) {
            Some(Backing::Builtin { type_id, .. }) => {
                Some(Type::builtin(TypeTable::builtin(), *type_id))
            }
            Some(Backing::Custom(version)) => Some(custom_type(version.open_api_schema())),
            None => self.unserved(api_version).map(custom_type),
        }
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, Unconverted> {
        let given = meta::api_version(object);
        if given == api_version {
            return Ok(object.clone());
        }
        if let Some(conversion) = self.served.asks() {
            let (_, version) = api_version.split_once('/').ok_or(Unconverted::Missing)?;
            let converted = self.server.ask_conversion(conversion, object, version);
            return converted.map_err(|error| Unconverted::Failed(error.message.clone()));
        }
        let (Some(from), Some(to)) = (self.served_in(given), self.served_in(api_version)) else {
            // Between versions of a custom resource only the name of the version changes.
            let mut object = object.clone();
            let fields = object.as_object_mut().ok_or(Unconverted::Missing)?;
            fields.insert("apiVersion".to_owned(), json!(api_version));
            return Ok(object);
        };
        let stored = convert::to_storage(from, object.clone());
        Ok(convert::from_storage(to, &stored))
    }

    fn reset_fields(&self, api_version: &str) -> Option<&FieldSet> {
        let served = self.served_in(api_version)?;
        // The strategy of a custom resource's version knows no other one.
        if served.custom().is_some() && !is_version(self.served, api_version) {
            return None;
        }
        reset::fields(served, self.subresource)
    }

    fn are_fixed(&self) -> bool {
        self.served.type_id().is_some()
    }
}

/// What an object is before anything is set.
fn empty(served: &Served) -> Cow<'static, Value> {
    static ZEROS: LazyLock<BTreeMap<TypeId, Value>> = LazyLock::new(|| {
        let table = TypeTable::builtin();
        let ids = table
            .resources()
            .iter()
            .filter_map(|entry| table.type_of(&entry.group, &entry.version, &entry.kind));
        ids.filter_map(|id| Some((id, zero(id)?))).collect()
    });
    let resource = &served.resource;
    match &served.backing {
        Backing::Builtin { type_id, .. } => match ZEROS.get(type_id) {
            Some(zero) => Cow::Borrowed(zero),
            None => Cow::Owned(zero(*type_id).unwrap_or_default()),
        },
        Backing::Custom(_) => {
            Cow::Owned(json!({"apiVersion": resource.api_version(), "kind": resource.kind}))
        }
    }
}

/// Go's zero value of a built-in type.
fn zero(type_id: TypeId) -> Option<Value> {
    decode::normalise(type_id, &json!({})).ok()
}

/// Some published forms say in annotations what is a field of the server's own.
fn complete(served: &Served, object: &mut Value) {
    let resource = &served.resource;
    match (resource.api_version().as_str(), resource.kind.as_ref()) {
        ("apps/v1", "DaemonSet")
            if meta::annotation(object, convert::TEMPLATE_GENERATION).is_none() =>
        {
            meta::set_annotation(object, convert::TEMPLATE_GENERATION, "0");
        }
        ("autoscaling/v1", "HorizontalPodAutoscaler") => {
            let stored = convert::to_storage(served, std::mem::take(object));
            *object = convert::from_storage(served, &stored);
        }
        _ => {}
    }
}

impl Writer<'_> {
    /// Does something as another manager.
    pub fn managed_by<T>(
        &mut self,
        manager: Option<&'static str>,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let own = std::mem::replace(&mut self.manager, manager.map(Cow::Borrowed));
        let result = run(self);
        self.manager = own;
        result
    }
}

impl ApiServer {
    /// Whoever writes owns what that sets, as long as nobody else has had a hand in it: before admission, in the
    /// requested version. `old` is what the stored object is in that version.
    ///
    /// Answers what the object's entries are, if they are stored like that.
    pub(crate) fn own_written(
        &self,
        served: &Served,
        subresource: &str,
        old: Option<(&Value, &Entry)>,
        new: &mut Value,
        writer: &Writer<'_>,
    ) -> Option<Known> {
        let manager = writer.manager.as_ref()?;
        let author = Author {
            manager,
            subresource,
            now: writer.now,
        };
        complete(served, new);
        // Nobody knows the fields of another kind, which only a custom object can claim to be: its managers are forgotten
        // (`UpdateNoErrors` of `managedfields/internal/fieldmanager.go`).
        if served.custom().is_some() && meta::kind(new) != served.resource.kind.as_ref() {
            meta::metadata_mut(new).remove("managedFields");
            return None;
        }
        let as_stored = served.type_id().is_some() && served.is_storage_version();
        let known = old.filter(|_| as_stored).map(|(_, entry)| entry.known());
        let old = old.map(|(old, _)| old);
        let next = self.as_write(served, author, |write| {
            apply::update_known(write, old, known, (new, &writer.empty))
        });
        // Who is asked may change them.
        (as_stored && !self.is_judged()).then_some(next)
    }

    /// Runs something that needs to know the write.
    fn as_write<T>(
        &self,
        served: &Served,
        author: Author<'_>,
        run: impl FnOnce(&Write<'_>) -> T,
    ) -> T {
        let versions = ServedVersions {
            server: self,
            served,
            subresource: author.subresource,
            definition: OnceCell::new(),
        };
        let (api_version, empty) = (served.resource.api_version(), empty(served));
        run(&Write {
            versions: &versions,
            api_version: &api_version,
            kind: &served.resource.kind,
            empty: &empty,
            manager: author.manager,
            subresource: author.subresource,
            now: &time::rfc3339(author.now),
        })
    }

    /// Sets the `managedFields` of an object after a write that is no apply. Both objects are decoded and defaulted, in
    /// the version of `served`; `new` carries the `managedFields` of the request. Without an old one it is a create.
    pub(crate) fn own(
        &self,
        served: &Served,
        author: Author<'_>,
        old: Option<&Value>,
        new: &mut Value,
    ) {
        complete(served, new);
        self.as_write(served, author, |write| apply::update(write, old, new));
    }

    /// Applies a configuration to an object, in the version of `served`; without an old one it is a create. The result
    /// isn't defaulted, and holds nulls where lists and maps lost their last part.
    pub(crate) fn merge(
        &self,
        served: &Served,
        author: Author<'_>,
        old: Option<&Value>,
        config: &Value,
        force: bool,
    ) -> Result<apply::Applied, apply::ApplyError> {
        self.as_write(served, author, |write| {
            apply::apply(write, old, config, force)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_from_user_agents_are_printable_and_not_too_long() {
        assert_eq!(shortened("kubectl"), "kubectl");
        assert_eq!(shortened("a\u{1}b"), "ab");
        assert_eq!(shortened(&"é".repeat(100)), "é".repeat(64));
    }
}
