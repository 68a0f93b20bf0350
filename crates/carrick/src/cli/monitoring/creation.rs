//! What a server would say when the workloads made of manifests are created: the StatefulSet or DaemonSet, and the first pod
//! and claims that its controller makes. A real server takes a StatefulSet whose pods it refuses.

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError, validate_create};
use machinery::builtin::{defaults, strategy};
use machinery::schema::TypeTable;
use machinery::{decode, meta, yaml};
use monitoring::offline::File;
use serde_json::Value;
use simulator::builtin::first_member;

/// Where the name of an object stands.
pub(super) const NAME: &str = "metadata.name";

/// Why an object would not be created.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The field of the manifest that it comes from, as far as that can be told.
    pub(super) path: String,
    /// What is wrong, without the object and the field.
    pub(super) body: String,
    /// All of it, in the server's words.
    pub(super) text: String,
}

/// What is wrong with a workload that is made of `owner`; nothing with any other file.
pub(super) fn refusals(owner: &Value, file: &File) -> Vec<Refusal> {
    let is = |kind: &str| file.name.starts_with(&format!("{kind} "));
    if !is("StatefulSet") && !is("DaemonSet") {
        return Vec::new();
    }
    let documents = yaml::parse_documents(&file.text).unwrap_or_default();
    let mut found = Vec::new();
    for set in documents {
        let (set, errors) = created(set);
        found.extend(errors.iter().map(|error| refusal(owner, &set, error)));
        if is("DaemonSet") || set.is_null() {
            continue;
        }
        for member in first_member(&set) {
            let (member, errors) = created(member);
            found.extend(errors.iter().map(|error| refusal(owner, &member, error)));
        }
    }
    found
}

/// An object as a server would store it, and why it would not.
fn created(mut object: Value) -> (Value, Vec<FieldError>) {
    let (api_version, kind) = (meta::api_version(&object), meta::kind(&object).to_owned());
    let (group, version) = meta::group_version(api_version);
    let (group, version) = (group.to_owned(), version.to_owned());
    let kept = [api_version.to_owned(), kind.clone()].map(Value::from);
    let Some(ty) = TypeTable::builtin().type_of(&group, &version, &kind) else {
        return (object, Vec::new());
    };
    match decode::normalise(ty, &object) {
        Ok(normal) => object = normal,
        Err(error) => {
            let error = FieldError {
                kind: ErrorKind::Invalid,
                field: "spec".to_owned(),
                bad_value: BadValue::Omitted,
                detail: error.to_string(),
            };
            return (object, vec![error]);
        }
    }
    if let Some(fields) = object.as_object_mut() {
        for (key, value) in ["apiVersion", "kind"].into_iter().zip(kept) {
            fields.insert(key.to_owned(), value);
        }
    }
    defaults::apply(&group, &version, &kind, &mut object);
    strategy::prepare_for_create(&group, &version, &kind, &mut object);
    let errors = validate_create(&group, &version, &kind, &object);
    (object, errors)
}

fn refusal(owner: &Value, made: &Value, error: &FieldError) -> Refusal {
    let (kind, name) = (meta::kind(made), meta::name(made));
    let mut path = origin(owner, made, error);
    if path == "spec" && is_too_long(owner, &error.bad_value) {
        NAME.clone_into(&mut path);
    }
    Refusal {
        path,
        body: error.body(),
        text: format!("{kind} {name:?} is invalid: {error}"),
    }
}

/// Whether a value is a name that was made of the owner's, and no label any more.
fn is_too_long(owner: &Value, bad: &BadValue) -> bool {
    const MOST: usize = 63;
    match bad {
        BadValue::Text(bad) => bad.len() > MOST && bad.contains(meta::name(owner)),
        BadValue::Omitted | BadValue::Json(_) => false,
    }
}

/// The field of `owner` that a field of what is made of it comes from; `spec` where that can't be told.
fn origin(owner: &Value, made: &Value, error: &FieldError) -> String {
    let field = error.field.as_str();
    if meta::kind(made) == "PersistentVolumeClaim" {
        return match field.strip_prefix("spec") {
            Some(rest) => format!("spec.storage.volumeClaimTemplate.spec{rest}"),
            None => "spec.storage.volumeClaimTemplate".to_owned(),
        };
    }
    let (field, containers) = match field.strip_prefix("spec.template.") {
        Some(field) => (field, "/spec/template/spec"),
        None => (field, "/spec"),
    };
    let claims = "spec.volumeClaimTemplates[0]";
    if let Some(rest) = field.strip_prefix(claims) {
        return format!("spec.storage.volumeClaimTemplate{rest}");
    }
    if field == "spec.hostname" || field == NAME {
        return NAME.to_owned();
    }
    let field = field.strip_prefix("metadata.").unwrap_or(field);
    for map in ["labels", "annotations"] {
        if field.starts_with(map) {
            return of_map(owner, map, &error.bad_value);
        }
    }
    let Some(field) = field.strip_prefix("spec.") else {
        return "spec".to_owned();
    };
    for list in ["containers", "initContainers", "volumes"] {
        if let Some((index, rest)) = item(field, list) {
            return of_item(owner, (made, containers), (list, index, rest));
        }
    }
    existing(owner, field)
}

/// A label or annotation of pods: the user's own, or one that follows from the name.
fn of_map(owner: &Value, map: &str, bad: &BadValue) -> String {
    let own = owner.pointer(&format!("/spec/podMetadata/{map}"));
    let BadValue::Text(bad) = bad else {
        return format!("spec.podMetadata.{map}");
    };
    let mut entries = own.and_then(Value::as_object).into_iter().flatten();
    let found = entries.find(|(key, value)| *key == bad || value.as_str() == Some(bad));
    match found {
        Some((key, _)) => format!("spec.podMetadata.{map}.{key}"),
        None if bad.contains(meta::name(owner)) => NAME.to_owned(),
        None => format!("spec.podMetadata.{map}"),
    }
}

/// `containers[2].image` as 2 and `.image`.
fn item<'f>(field: &'f str, list: &str) -> Option<(usize, &'f str)> {
    let rest = field.strip_prefix(list)?.strip_prefix('[')?;
    let (index, rest) = rest.split_once(']')?;
    Some((index.parse().ok()?, rest))
}

/// A field of a container or volume: of the user's own with that name, if there is one.
fn of_item(
    owner: &Value,
    (made, below): (&Value, &str),
    (list, index, rest): (&str, usize, &str),
) -> String {
    let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    let wanted = made
        .pointer(&format!("{below}/{list}/{index}"))
        .and_then(name);
    let own = owner
        .pointer(&format!("/spec/{list}"))
        .and_then(Value::as_array);
    let found = own.and_then(|own| own.iter().position(|one| name(one) == wanted));
    match found {
        Some(at) if wanted.is_some() => format!("spec.{list}[{at}]{rest}"),
        Some(_) | None if list == "volumes" => "spec".to_owned(),
        Some(_) | None => {
            let rest = rest.strip_prefix('.').unwrap_or_default();
            match (item(rest, "volumeMounts"), made.pointer(below)) {
                (Some((mount, rest)), Some(spec)) => {
                    let mount = spec.pointer(&format!("/{list}/{index}/volumeMounts/{mount}"));
                    of_mount(owner, mount, rest)
                }
                _ => existing(owner, rest),
            }
        }
    }
}

/// A field of a mount that the user wants in the program's own container.
fn of_mount(owner: &Value, mount: Option<&Value>, rest: &str) -> String {
    let path = |mount: &Value| mount.get("mountPath").cloned();
    let own = owner
        .pointer("/spec/volumeMounts")
        .and_then(Value::as_array);
    let wanted = mount.and_then(path);
    let found = own.and_then(|own| own.iter().position(|one| path(one) == wanted));
    found.map_or_else(
        || "spec".to_owned(),
        |at| format!("spec.volumeMounts[{at}]{rest}"),
    )
}

/// A field of the spec, if the owner has one with that name.
fn existing(owner: &Value, field: &str) -> String {
    let first = field.split(['.', '[']).next().unwrap_or_default();
    let there = owner.get("spec").and_then(|spec| spec.get(first));
    if there.is_some() {
        format!("spec.{field}")
    } else {
        "spec".to_owned()
    }
}
