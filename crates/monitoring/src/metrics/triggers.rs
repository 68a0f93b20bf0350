//! Which changes upstream counts as triggers (`OnAdd`, `OnUpdate` and `OnDelete` of its `pkg/operator/resource_reconciler.go`):
//! a status that was written, most of all by the operator itself, is none.

use machinery::meta;
use runtime::{Change, Projection};
use serde_json::Value;

use crate::operator::bindings::FINALIZER;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It came, or was found at the start.
    Add,
    /// It is another than before.
    Update,
    /// It is gone.
    Delete,
}

impl Action {
    /// All.
    pub const ALL: [Self; 3] = [Self::Add, Self::Update, Self::Delete];

    /// The label `action`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// What happened to an object that was there before, or is there now.
    pub fn of(before: bool, after: bool) -> Self {
        match (before, after) {
            (false, _) => Self::Add,
            (true, true) => Self::Update,
            (true, false) => Self::Delete,
        }
    }
}

/// What a change of a workload counts as: an update that touches neither what is asked for, nor labels, nor annotations counts
/// as nothing, nor does one of a workload that is going and waits for nobody. `whole` is asked only where metadata leave it open.
pub fn of_workload<P: Projection>(
    change: &Change<P>,
    whole: impl Fn(&P) -> Value,
) -> Option<Action> {
    let (Some(old), Some(new)) = (&change.old, &change.new) else {
        change.meta()?;
        return Some(Action::of(change.old.is_some(), change.new.is_some()));
    };
    let (before, after) = (old.meta(), new.meta());
    let now = whole(new);
    let waits = meta::finalizers(&now).iter().any(|one| one == FINALIZER);
    if after.deleted.is_some() && !waits {
        return None;
    }
    let differs = before.generation != after.generation
        || before.labels != after.labels
        || meta::annotations(&whole(old)) != meta::annotations(&now);
    differs.then_some(Action::Update)
}

/// What a change of a StatefulSet counts as: any update does, its pods' too, unless it is going or was listed again.
pub fn of_set<P: Projection>(change: &Change<P>) -> Option<Action> {
    let meta = change.meta()?;
    let action = Action::of(change.old.is_some(), change.new.is_some());
    let before = change.old.as_ref().map(|old| old.meta().version);
    let counts = match action {
        Action::Add | Action::Delete => true,
        Action::Update => meta.deleted.is_none() && before != Some(meta.version),
    };
    counts.then_some(action)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use runtime::Whole;
    use serde_json::json;

    use super::*;

    fn object(metadata: &Value) -> Arc<Whole> {
        let mut object = json!({"metadata": {
            "name": "o", "namespace": "n", "generation": 1, "resourceVersion": "1",
        }});
        machinery::schema::api::merge(&mut object, json!({ "metadata": metadata }));
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn change(old: Option<Arc<Whole>>, new: Option<Arc<Whole>>) -> Change<Whole> {
        Change {
            old,
            new,
            initial: false,
        }
    }

    #[test]
    fn a_status_is_no_trigger_and_what_is_asked_for_is() {
        let of = |old, new| of_workload(&change(old, new), Whole::value);
        let before = || Some(object(&json!({})));
        assert_eq!(of(None, before()), Some(Action::Add));
        assert_eq!(of(before(), None), Some(Action::Delete));
        let going = json!("2030-01-01T00:00:00Z");
        for (metadata, wanted) in [
            (json!({"resourceVersion": "2"}), None),
            (json!({"generation": 2}), Some(Action::Update)),
            (json!({"labels": {"a": "b"}}), Some(Action::Update)),
            (json!({"annotations": {"a": "b"}}), Some(Action::Update)),
            (json!({"generation": 2, "deletionTimestamp": going}), None),
            (
                json!({"generation": 2, "deletionTimestamp": going, "finalizers": [FINALIZER]}),
                Some(Action::Update),
            ),
        ] {
            let after = Some(object(&metadata));
            assert_eq!(of(before(), after), wanted, "{metadata}");
        }
    }

    #[test]
    fn pods_of_a_set_are_triggers_unless_it_is_going() {
        let of = |old, new| of_set(&change(old, new));
        let before = || Some(object(&json!({})));
        assert_eq!(of(None, before()), Some(Action::Add));
        assert_eq!(of(before(), None), Some(Action::Delete));
        assert_eq!(of(before(), before()), None, "listed again");
        let next = Some(object(&json!({"resourceVersion": "2"})));
        assert_eq!(of(before(), next), Some(Action::Update));
        let going = json!({"resourceVersion": "2", "deletionTimestamp": "2030-01-01T00:00:00Z"});
        let going = Some(object(&going));
        assert_eq!(of(before(), going), None);
    }
}
