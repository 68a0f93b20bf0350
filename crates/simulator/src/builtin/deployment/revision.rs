//! Revisions: which ReplicaSet is the new one, what its annotations say, and the ReplicaSet to create when there is none.
//!
//! Mirrors `pkg/controller/deployment/util/deployment_util.go` and `getNewReplicaSet` of `sync.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::size;
use crate::builtin::history;
use crate::builtin::object::{self, annotation, integer, text};

/// Number of a ReplicaSet in the Deployment's history, and on the Deployment the current one.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
/// Earlier numbers of a ReplicaSet that was rolled back to.
pub(crate) const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// `spec.replicas` of the Deployment when the ReplicaSet was last scaled.
pub(crate) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// `spec.replicas` plus surge at that time.
pub(crate) const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// Label of the pod template's hash.
pub(crate) const HASH_LABEL: &str = "pod-template-hash";

const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// Longest history kept, in characters.
const HISTORY_LIMIT: usize = 2000;

/// Longest name of a ReplicaSet (a DNS subdomain).
const NAME_LIMIT: usize = 253;

/// The ReplicaSets of one Deployment: the one with its template, if any, and all others, oldest first.
#[derive(Debug)]
pub(crate) struct Sets<'a> {
    /// The ReplicaSet whose template is the Deployment's.
    pub(crate) new: Option<&'a Value>,
    /// All others.
    pub(crate) old: Vec<&'a Value>,
}

impl<'a> Sets<'a> {
    /// Sorts owned ReplicaSets into new and old; of several with the same template the oldest is the new one.
    pub(crate) fn sort(deployment: &Value, owned: &[&'a Value]) -> Self {
        let mut all = owned.to_vec();
        all.sort_by(|a, b| object::by_age(a, b));
        let template = without_hash(deployment);
        let new = all.iter().copied().find(|s| without_hash(s) == template);
        let old = all
            .into_iter()
            .filter(|s| new.is_none_or(|n| object::uid(n) != object::uid(s)))
            .collect();
        Self { new, old }
    }

    /// Old ones, then the new one.
    pub(crate) fn all(&self) -> Vec<&'a Value> {
        self.old.iter().copied().chain(self.new).collect()
    }
}

/// The pod template without the hash label.
fn without_hash(owner: &Value) -> Value {
    let mut template = owner.pointer("/spec/template").cloned().unwrap_or_default();
    object::remove(&mut template, &["metadata", "labels", HASH_LABEL]);
    template
}

/// The number for the new ReplicaSet: the one after any old one's.
pub(crate) fn next_revision(sets: &Sets<'_>) -> i64 {
    let highest = sets.old.iter().map(|s| revision(s)).max();
    history::after(highest.unwrap_or(0))
}

/// The revision of a ReplicaSet; 0 where it has none or none that is a number.
pub(crate) fn revision(set: &Value) -> i64 {
    annotation(set, REVISION)
        .and_then(|v| v.parse().ok())
        .unwrap_or(0)
}

/// The ReplicaSet with the Deployment's annotations and revision brought up to date; equal to the input where nothing changes.
pub(crate) fn annotated(deployment: &Value, set: &Value, revision: i64) -> Value {
    let mut set = set.clone();
    for (key, value) in object::string_map(deployment, "/metadata/annotations") {
        if !NOT_COPIED.contains(&key.as_str()) {
            object::set(&mut set, &["metadata", "annotations", &key], json!(value));
        }
    }
    let before = annotation(&set, REVISION).unwrap_or("").to_owned();
    let Ok(number) = (if before.is_empty() {
        Ok(0)
    } else {
        before.parse::<i64>()
    }) else {
        return set;
    };
    if number >= revision {
        return set;
    }
    object::set(
        &mut set,
        &["metadata", "annotations", REVISION],
        json!(revision.to_string()),
    );
    if !before.is_empty()
        && let Some(history) = appended(annotation(&set, HISTORY).unwrap_or(""), &before)
    {
        object::set(
            &mut set,
            &["metadata", "annotations", HISTORY],
            json!(history),
        );
    }
    set
}

/// A history with one more number; the oldest go when it gets too long.
fn appended(history: &str, number: &str) -> Option<String> {
    let mut kept: Vec<&str> = history.split(',').filter(|n| !n.is_empty()).collect();
    kept.push(number);
    while kept.len() > 1 && kept.join(",").len() > HISTORY_LIMIT {
        kept.remove(0);
    }
    let joined = kept.join(",");
    (joined.len() <= HISTORY_LIMIT).then_some(joined)
}

/// Notes on a ReplicaSet how large its Deployment is meant to be.
pub(crate) fn note_size(deployment: &Value, set: &mut Value) {
    let desired = size::replicas(deployment);
    object::set(
        set,
        &["metadata", "annotations", DESIRED],
        json!(desired.to_string()),
    );
    object::set(
        set,
        &["metadata", "annotations", MAX],
        json!((desired + size::max_surge(deployment)).to_string()),
    );
}

/// The ReplicaSet to create for the Deployment's template, sized by its strategy.
pub(crate) fn new_set(deployment: &Value, sets: &Sets<'_>) -> Value {
    let template = deployment
        .pointer("/spec/template")
        .cloned()
        .unwrap_or_default();
    let collisions =
        integer(deployment, "/status/collisionCount").and_then(|n| i32::try_from(n).ok());
    let hash = machinery::hash::pod_template_hash(&template, collisions);
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": set_name(object::name(deployment), &hash), "namespace": object::namespace(deployment),
            "ownerReferences": [object::controller_reference(deployment)],
        },
        "spec": {"replicas": 0, "selector": deployment.pointer("/spec/selector"), "template": template},
    });
    if let Some(seconds) = integer(deployment, "/spec/minReadySeconds").filter(|s| *s != 0) {
        object::set(&mut set, &["spec", "minReadySeconds"], json!(seconds));
    }
    object::set(
        &mut set,
        &["spec", "selector", "matchLabels", HASH_LABEL],
        json!(hash),
    );
    object::set(
        &mut set,
        &["spec", "template", "metadata", "labels", HASH_LABEL],
        json!(hash),
    );
    let labels = set
        .pointer("/spec/template/metadata/labels")
        .cloned()
        .unwrap_or_default();
    object::set(&mut set, &["metadata", "labels"], labels);
    let mut set = annotated(deployment, &set, next_revision(sets));
    note_size(deployment, &mut set);
    let replicas = size::new_set_replicas(deployment, sets, 0);
    object::set(&mut set, &["spec", "replicas"], json!(replicas));
    set
}

fn set_name(deployment: &str, hash: &str) -> String {
    let room = NAME_LIMIT.saturating_sub(1 + hash.len());
    format!("{}-{hash}", deployment.get(..room).unwrap_or(deployment))
}

/// Old ReplicaSets that `revisionHistoryLimit` no longer keeps, lowest revision first. Those with pods stay.
pub(crate) fn to_clean_up<'a>(deployment: &Value, old: &[&'a Value]) -> Vec<&'a Value> {
    let limit =
        integer(deployment, "/spec/revisionHistoryLimit").filter(|l| *l != i64::from(i32::MAX));
    let Some(limit) = limit.and_then(|l| usize::try_from(l).ok()) else {
        return Vec::new();
    };
    let mut alive: Vec<&Value> = old
        .iter()
        .copied()
        .filter(|s| !object::is_terminating(s))
        .collect();
    alive.sort_by(|a, b| {
        revision(a)
            .cmp(&revision(b))
            .then_with(|| object::by_age(a, b))
    });
    let surplus = alive.len().saturating_sub(limit);
    let is_idle = |s: &&Value| {
        object::count(s, "/status/replicas") == 0
            && size::replicas(s) == 0
            && object::count(s, "/metadata/generation")
                <= object::count(s, "/status/observedGeneration")
    };
    alive.into_iter().take(surplus).filter(is_idle).collect()
}

/// A condition of a Deployment.
pub(crate) fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> Value {
    let now = object::stamp(now);
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": now, "lastTransitionTime": now})
}

/// Puts a condition at the end of the list, unless one with its status and reason is there already.
pub(crate) fn set_condition(conditions: &mut Vec<Value>, mut condition: Value) {
    let kind = text(&condition, "/type").to_owned();
    if let Some(current) = conditions.iter().find(|c| text(c, "/type") == kind)
        && text(current, "/status") == text(&condition, "/status")
    {
        if text(current, "/reason") == text(&condition, "/reason") {
            return;
        }
        let since = current
            .pointer("/lastTransitionTime")
            .cloned()
            .unwrap_or_default();
        object::set(&mut condition, &["lastTransitionTime"], since);
    }
    conditions.retain(|c| text(c, "/type") != kind);
    conditions.push(condition);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Value {
        json!({
            "metadata": {"name": "web", "namespace": "d", "uid": "dep", "annotations": {"note": "x", REVISION: "9"}},
            "spec": {"replicas": 4, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                "selector": {"matchLabels": {"app": "web"}}, "revisionHistoryLimit": 1,
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}},
        })
    }

    fn set(name: &str, revision: &str, image: &str) -> Value {
        json!({
            "metadata": {"name": name, "uid": name, "annotations": {REVISION: revision}, "creationTimestamp": "2030-01-01T00:00:00Z"},
            "spec": {"replicas": 0, "template": {"metadata": {"labels": {"app": "web", HASH_LABEL: name}},
                "spec": {"containers": [{"name": "c", "image": image}]}}},
        })
    }

    #[test]
    fn the_new_set_is_the_one_with_the_same_template() {
        let (a, b) = (set("a", "1", "i:0"), set("b", "2", "i:1"));
        let sets = Sets::sort(&deployment(), &[&b, &a]);
        assert_eq!(sets.new.map(object::name), Some("b"));
        assert_eq!(
            sets.old.iter().map(|s| object::name(s)).collect::<Vec<_>>(),
            ["a"]
        );
        assert_eq!(next_revision(&sets), 2);
        let last = set("a", &i64::MAX.to_string(), "i:0");
        assert_eq!(
            next_revision(&Sets::sort(&deployment(), &[&b, &last])),
            i64::MIN
        );
    }

    #[test]
    fn rolling_back_gives_a_new_revision_and_notes_the_old_one() {
        let rolled_back = annotated(&deployment(), &set("a", "1", "i:1"), 3);
        assert_eq!(
            rolled_back["metadata"]["annotations"],
            json!({"note": "x", REVISION: "3", HISTORY: "1"})
        );
        let again = annotated(&deployment(), &rolled_back, 5);
        assert_eq!(
            again["metadata"]["annotations"],
            json!({"note": "x", REVISION: "5", HISTORY: "1,3"})
        );
        assert_eq!(annotated(&deployment(), &again, 4), again);
    }

    #[test]
    fn a_created_set_carries_hash_owner_revision_and_size() {
        let old = set("a", "7", "i:0");
        let made = new_set(&deployment(), &Sets::sort(&deployment(), &[&old]));
        let hash = text(&made, "/metadata/labels/pod-template-hash").to_owned();
        assert_eq!(object::name(&made), format!("web-{hash}"));
        assert_eq!(
            made["spec"]["selector"],
            json!({"matchLabels": {"app": "web", HASH_LABEL: hash}})
        );
        assert_eq!(
            made["metadata"]["annotations"],
            json!({"note": "x", REVISION: "8", DESIRED: "4", MAX: "5"})
        );
        assert_eq!(made["spec"]["replicas"], 4);
    }

    #[test]
    fn idle_sets_beyond_the_history_limit_are_cleaned_up() {
        let (a, b, c) = (
            set("a", "1", "i:0"),
            set("b", "2", "i:2"),
            set("c", "3", "i:3"),
        );
        let doomed = to_clean_up(&deployment(), &[&c, &b, &a]);
        assert_eq!(
            doomed.into_iter().map(object::name).collect::<Vec<_>>(),
            ["a", "b"]
        );
    }

    #[test]
    fn a_condition_keeps_its_transition_time_while_its_status_stands() {
        let at = |s: &str| s.parse::<Timestamp>().unwrap();
        let mut conditions = vec![condition(
            "Progressing",
            "True",
            "A",
            "m",
            at("2030-01-01T00:00:00Z"),
        )];
        set_condition(
            &mut conditions,
            condition(
                "Progressing",
                "True",
                "A",
                "other",
                at("2030-01-01T00:00:05Z"),
            ),
        );
        assert_eq!(conditions[0]["message"], "m");
        set_condition(
            &mut conditions,
            condition("Progressing", "True", "B", "n", at("2030-01-01T00:00:05Z")),
        );
        assert_eq!(
            conditions,
            [
                json!({"type": "Progressing", "status": "True", "reason": "B", "message": "n",
                "lastUpdateTime": "2030-01-01T00:00:05Z", "lastTransitionTime": "2030-01-01T00:00:00Z"})
            ]
        );
    }
}
