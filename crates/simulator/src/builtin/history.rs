//! `ControllerRevisions`: the templates a StatefulSet or DaemonSet has had, as patches that bring them back.
//!
//! Mirrors `pkg/controller/history/controller_history.go`.

use std::cmp::Ordering;
use std::sync::Arc;

use machinery::labels::Selector;
use serde_json::{Value, json};

use super::object::{self, count};
use super::replica_set::decide::{Claim, adopted_references, claim, released_references};
use super::write::Work;
use crate::apiserver::resource::known;
use crate::status_error::ApiError;

/// Longest part of an owner's name in a revision's name, in bytes.
const PREFIX_LIMIT: usize = 223;

/// What a revision stores: a patch that replaces the owner's pod template by its present one.
pub(crate) fn data(owner: &Value) -> Value {
    let mut template = template(owner);
    object::set(&mut template, &["$patch"], json!("replace"));
    json!({"spec": {"template": template}})
}

fn template(owner: &Value) -> Value {
    owner
        .pointer("/spec/template")
        .cloned()
        .unwrap_or_else(|| json!({}))
}

/// The owner with the template that a revision stores.
pub(crate) fn restored(owner: &Value, revision: &Value) -> Value {
    let mut restored = owner.clone();
    if let Some(stored) = revision.pointer("/data/spec/template") {
        let mut template = stored.clone();
        object::remove(&mut template, &["$patch"]);
        object::set(&mut restored, &["spec", "template"], template);
    }
    restored
}

/// A revision without a number: `name` is the owner's name and the hash.
pub(crate) fn revision(owner: &Value, data: &Value, hash: &str, hash_label: &str) -> Value {
    let prefix = object::name(owner);
    let prefix = prefix.get(..PREFIX_LIMIT).unwrap_or(prefix);
    let mut labels = object::string_map(owner, "/spec/template/metadata/labels");
    labels.insert(hash_label.to_owned(), hash.to_owned());
    let mut metadata = json!({
        "name": format!("{prefix}-{hash}"), "namespace": object::namespace(owner), "labels": labels,
        "ownerReferences": [object::controller_reference(owner)],
    });
    if let Some(annotations) = owner.pointer("/metadata/annotations") {
        object::set(&mut metadata, &["annotations"], annotations.clone());
    }
    json!({"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "data": data, "revision": 0})
}

/// The number of a revision.
pub(crate) fn number(revision: &Value) -> i64 {
    count(revision, "/revision")
}

/// The number after another one; the largest, which anybody may give what has revisions, is followed as Go's integers are.
pub(crate) fn after(number: i64) -> i64 {
    number.wrapping_add(1)
}

/// By number, then age, then name.
pub(crate) fn order(a: &Value, b: &Value) -> Ordering {
    number(a).cmp(&number(b)).then_with(|| object::by_age(a, b))
}

/// Which revision has the owner's present template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The newest one.
    Newest(usize),
    /// An older one, which becomes the newest under this number.
    Renumber(usize, i64),
    /// None: create one with this number.
    Create(i64),
}

/// Looks for the data among revisions sorted by [`order`].
pub(crate) fn choose(sorted: &[Arc<Value>], data: &Value) -> Choice {
    let next = after(sorted.last().map_or(0, |r| number(r)));
    let equal = sorted.iter().rposition(|r| r.get("data") == Some(data));
    match equal {
        Some(index) if index + 1 == sorted.len() => Choice::Newest(index),
        Some(index) => Choice::Renumber(index, next),
        None => Choice::Create(next),
    }
}

/// The owner's revisions, oldest first, after adopting orphans and (where `release`) letting go what no longer matches.
pub(crate) fn owned(
    work: &mut Work<'_, '_>,
    owner: &Value,
    selector: &Selector,
    release: bool,
) -> Result<Vec<Arc<Value>>, ApiError> {
    let namespace = object::namespace(owner);
    let mut kept = Vec::new();
    for candidate in work
        .session
        .list(&known::CONTROLLER_REVISIONS, Some(namespace))
    {
        let verdict = claim(owner, selector, &candidate);
        let references = match verdict {
            Claim::Keep => {
                kept.push(candidate);
                continue;
            }
            Claim::Ignore => continue,
            Claim::Release if !release => continue,
            Claim::Release => released_references(owner, &candidate),
            Claim::Adopt => adopted_references(owner, &candidate),
        };
        let body =
            json!({"metadata": {"uid": object::uid(&candidate), "ownerReferences": references}});
        let patched = work.session.patch_merge(
            &known::CONTROLLER_REVISIONS,
            namespace,
            object::name(&candidate),
            "",
            &body,
        )?;
        if verdict == Claim::Adopt {
            kept.push(patched);
        }
    }
    kept.sort_by(|a, b| order(a, b));
    Ok(kept)
}

/// A revision under another number.
pub(crate) fn renumbered(revision: &Value, number: i64) -> Value {
    let mut renumbered = revision.clone();
    object::set(&mut renumbered, &["revision"], json!(number));
    renumbered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(image: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "web", "namespace": "d", "uid": "u", "annotations": {"note": "x"}},
            "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": image}]}}}})
    }

    fn stored(image: &str, number: i64) -> Arc<Value> {
        let owner = owner(image);
        let revision = revision(&owner, &data(&owner), image, "hash");
        Arc::new(renumbered(&revision, number))
    }

    #[test]
    fn a_revision_carries_labels_annotations_and_owner() {
        let made = stored("a", 3);
        assert_eq!(
            *made,
            json!({"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": 3,
                "metadata": {"name": "web-a", "namespace": "d", "labels": {"app": "web", "hash": "a"}, "annotations": {"note": "x"},
                    "ownerReferences": [object::controller_reference(&owner("a"))]},
                "data": {"spec": {"template": {"$patch": "replace", "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"image": "a"}]}}}}})
        );
        assert_eq!(restored(&owner("b"), &made), owner("a"));
    }

    #[test]
    fn a_template_seen_before_becomes_the_newest_again() {
        let sorted = [stored("a", 1), stored("b", 2)];
        let choice = |image: &str| choose(&sorted, &data(&owner(image)));
        assert_eq!(choice("b"), Choice::Newest(1));
        assert_eq!(choice("a"), Choice::Renumber(0, 3));
        assert_eq!(choice("c"), Choice::Create(3));
        assert_eq!(choose(&[], &data(&owner("a"))), Choice::Create(1));
    }
}
