//! The life of a definition: names are checked against the group, then it is established. Mirrors
//! `apiextensions-apiserver/pkg/controller/{status/naming_controller,establish}`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use machinery::time;
use serde_json::{Map, Value, json};

use crate::builtin::object;

/// One condition of a definition.
struct Condition {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// The definition's next state, or `None` if it has come to rest: first names are accepted or refused, in a second step
/// it is established. `others` are all definitions; those of other groups and the definition itself are skipped.
pub fn advance<'a>(
    definition: &Value,
    others: impl IntoIterator<Item = &'a Value>,
    now: Timestamp,
) -> Option<Value> {
    let named = with_names(definition, others, now);
    if definition.get("status") != Some(&named) {
        return Some(with_status(definition, named));
    }
    let accepted = condition_status(definition, "NamesAccepted") == Some("True");
    if !accepted || condition_status(definition, "Established") == Some("True") {
        return None;
    }
    let mut status = named;
    let condition = Condition {
        kind: "Established",
        status: "True",
        reason: "InitialNamesAccepted",
        message: "the initial names have been accepted".to_owned(),
    };
    set_condition(&mut status, &condition, now);
    Some(with_status(definition, status))
}

/// A copy with another status. Definitions are large: a copy is made when it is known that there is something to write.
fn with_status(definition: &Value, status: Value) -> Value {
    let mut next = definition.clone();
    object::set(&mut next, &["status"], status);
    next
}

/// Marks a definition that is being deleted: condition `Terminating`, reason `InstanceDeletionPending` at first, then
/// `InstanceDeletionInProgress` and `InstanceDeletionCompleted`.
pub fn set_terminating(definition: &mut Value, stage: Termination, now: Timestamp) {
    let (status, reason, message) = match stage {
        Termination::Pending => (
            "True",
            "InstanceDeletionPending",
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        ),
        Termination::InProgress => (
            "True",
            "InstanceDeletionInProgress",
            "CustomResource deletion is in progress",
        ),
        Termination::Completed => (
            "False",
            "InstanceDeletionCompleted",
            "removed all instances",
        ),
    };
    let condition = Condition {
        kind: "Terminating",
        status,
        reason,
        message: message.to_owned(),
    };
    let mut status = definition.get("status").cloned().unwrap_or_default();
    set_condition(&mut status, &condition, now);
    object::set(definition, &["status"], status);
}

/// How far the deletion of a definition has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Termination {
    /// DELETE was accepted.
    Pending,
    /// Instances are being deleted.
    InProgress,
    /// No instance is left.
    Completed,
}

/// The status of a condition.
pub fn condition_status<'a>(definition: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = definition.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))?
        .get("status")?
        .as_str()
}

/// The status in which names are accepted or refused.
fn with_names<'a>(
    definition: &Value,
    others: impl IntoIterator<Item = &'a Value>,
    now: Timestamp,
) -> Value {
    let (resources, kinds) = taken(definition, others);
    let spec = definition
        .pointer("/spec/names")
        .cloned()
        .unwrap_or_default();
    let accepted = definition
        .pointer("/status/acceptedNames")
        .cloned()
        .unwrap_or_default();
    let mut names = accepted.as_object().cloned().unwrap_or_default();
    let mut problem: Option<(&'static str, String)> = None;
    for (field, reason, used) in [
        ("plural", "PluralConflict", &resources),
        ("singular", "SingularConflict", &resources),
        ("shortNames", "ShortNamesConflict", &resources),
        ("kind", "KindConflict", &kinds),
        ("listKind", "ListKindConflict", &kinds),
    ] {
        let conflicts = conflicts(spec.get(field), accepted.get(field), used);
        if conflicts.is_empty() {
            copy(&mut names, &spec, field);
        } else {
            problem = Some((reason, aggregate(&conflicts)));
        }
    }
    copy(&mut names, &spec, "categories");
    let mut next = definition.get("status").cloned().unwrap_or_default();
    object::set(&mut next, &["acceptedNames"], Value::Object(names));
    let fine = problem.is_none();
    let (status, reason, message) = match problem {
        None => ("True", "NoConflicts", "no conflicts found".to_owned()),
        Some((reason, message)) => ("False", reason, message),
    };
    set_condition(
        &mut next,
        &Condition {
            kind: "NamesAccepted",
            status,
            reason,
            message,
        },
        now,
    );
    if condition_status(definition, "Established") != Some("True") {
        let (reason, message) = if fine {
            ("Installing", "the initial names have been accepted")
        } else {
            ("NotAccepted", "not all names are accepted")
        };
        let message = message.to_owned();
        set_condition(
            &mut next,
            &Condition {
                kind: "Established",
                status: "False",
                reason,
                message,
            },
            now,
        );
    }
    next
}

/// Resource names and kinds other definitions of the group have been given.
fn taken<'a>(
    definition: &Value,
    others: impl IntoIterator<Item = &'a Value>,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut resources, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    let name = definition.pointer("/metadata/name");
    for other in others {
        if other.pointer("/metadata/name") == name
            || other.pointer("/spec/group") != definition.pointer("/spec/group")
        {
            continue;
        }
        let text = |field: &str| {
            other
                .pointer(&format!("/status/acceptedNames/{field}"))
                .and_then(Value::as_str)
        };
        resources.extend(
            [text("plural"), text("singular")]
                .into_iter()
                .flatten()
                .map(str::to_owned),
        );
        let short = other
            .pointer("/status/acceptedNames/shortNames")
            .and_then(Value::as_array);
        resources.extend(
            short
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned),
        );
        kinds.extend(
            [text("kind"), text("listKind")]
                .into_iter()
                .flatten()
                .map(str::to_owned),
        );
    }
    resources.remove("");
    kinds.remove("");
    (resources, kinds)
}

fn conflicts(
    wanted: Option<&Value>,
    accepted: Option<&Value>,
    used: &BTreeSet<String>,
) -> Vec<String> {
    let texts = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        }
    };
    let ours = texts(accepted);
    let fresh = texts(wanted)
        .into_iter()
        .filter(|name| !ours.contains(name) && used.contains(name));
    fresh
        .map(|name| format!("{name:?} is already in use"))
        .collect()
}

fn aggregate(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn copy(names: &mut Map<String, Value>, spec: &Value, field: &str) {
    match spec.get(field) {
        Some(value) => names.insert(field.to_owned(), value.clone()),
        None => names.remove(field),
    };
}

/// Sets a condition; the transition time moves with the status only.
fn set_condition(status: &mut Value, condition: &Condition, now: Timestamp) {
    let mut conditions = status
        .get("conditions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let has_kind =
        |entry: &Value| entry.get("type").and_then(Value::as_str) == Some(condition.kind);
    let before = conditions.iter().position(has_kind);
    let mut transition = json!(time::rfc3339(now));
    if let Some(old) = before.and_then(|index| conditions.get(index))
        && old.get("status").and_then(Value::as_str) == Some(condition.status)
        && let Some(at) = old.get("lastTransitionTime")
    {
        transition = at.clone();
    }
    let entry = json!({
        "type": condition.kind, "status": condition.status, "lastTransitionTime": transition,
        "reason": condition.reason, "message": condition.message,
    });
    match before.and_then(|index| conditions.get_mut(index)) {
        Some(old) => *old = entry,
        None => conditions.push(entry),
    }
    object::set(status, &["conditions"], Value::Array(conditions));
}
