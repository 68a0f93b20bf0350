//! What must hold of monitoring at every revision of a simulated store: MON-1 to MON-5, ALL-1, ALL-2 and ALL-9. Written from
//! the outside: nothing here uses the code under test. What is about single writes, [`crate::witness`] judges.
//!
//! "Unchanged inputs write nothing" is counted: whatever is made changes at most as often as what it is made of did.

mod mounted;
mod shards;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use machinery::meta;
use serde_json::Value;
use simulator::apiserver::store::Committed;

use super::causes::Causes;
use super::violation;
use crate::objects::{number, text};
use crate::readers::File;
use crate::unpack;

const GROUP: &str = "monitoring.coreos.com/";
const OURS: &str = "prometheus-operator";
const SHARDED: [&str; 2] = ["Prometheus", "PrometheusAgent"];

/// Plurals of monitors, and what the names of their jobs begin with.
const MONITORS: [(&str, &str); 4] = [
    ("servicemonitors", "serviceMonitor"),
    ("podmonitors", "podMonitor"),
    ("probes", "probe"),
    ("scrapeconfigs", "scrapeConfig"),
];
const WORKLOADS: [&str; 4] = [
    "prometheuses",
    "prometheusagents",
    "alertmanagers",
    "thanosrulers",
];

/// What is looked at here.
pub(super) enum Subject<'t> {
    Secret,
    ConfigMap,
    Namespace,
    StatefulSet,
    DaemonSet,
    /// One of monitoring's own, by its plural.
    Custom(&'t str),
}

impl<'t> Subject<'t> {
    /// What is in a table; `None` for what isn't looked at.
    pub(super) fn of(table: &'t str) -> Option<Self> {
        Some(match table {
            "/secrets" => Self::Secret,
            "/configmaps" => Self::ConfigMap,
            "/namespaces" => Self::Namespace,
            "apps/statefulsets" => Self::StatefulSet,
            "apps/daemonsets" => Self::DaemonSet,
            table => Self::Custom(table.strip_prefix(GROUP)?),
        })
    }
}

/// Jobs of one configuration by name, and how often each changed.
#[derive(Default)]
struct Jobs {
    texts: BTreeMap<String, String>,
    changes: BTreeMap<String, usize>,
}

/// A StatefulSet that is there.
struct Set {
    object: Arc<Value>,
    /// How often its template changed and nobody but us had a hand in it.
    rolled: usize,
}

/// Watches commits one by one.
#[derive(Default)]
pub struct Monitoring {
    /// Workloads by kind, namespace and name, and how often what is made of them may have changed.
    workloads: BTreeMap<String, (Arc<Value>, usize)>,
    /// The same workloads by plural, namespace and name, as objects name them that they use.
    users: BTreeSet<String>,
    /// Objects that are selected, by table and key.
    selected: BTreeMap<String, Arc<Value>>,
    sets: BTreeMap<String, Set>,
    daemon_sets: BTreeMap<String, Arc<Value>>,
    jobs: BTreeMap<String, Jobs>,
    texts: BTreeMap<String, String>,
    /// Parts of configurations that are too large for one Secret.
    parts: unpack::Parts,
    /// The Secrets that ever held such parts: with the first of them, pods get a volume of several.
    spread: BTreeSet<String>,
    /// What Secrets of ours hold that pods mount as it is, by the Secret's namespace and name and that of the file.
    mountable: BTreeMap<(String, &'static str), String>,
    /// Keys of Secrets and ConfigMaps, by kind, namespace and name.
    held: BTreeMap<String, BTreeSet<String>>,
    /// Files of rules by workload and name, and how often the text of each changed.
    rules: BTreeMap<(String, String), (String, usize)>,
    /// How often something changed that jobs and rules are made of.
    causes: Causes,
    /// How often a StatefulSet was deleted while its workload's generation was the same.
    deleted: BTreeMap<(String, i64), usize>,
    /// Everything that a program was to load, and where it was first seen.
    pub files: BTreeMap<File, String>,
    /// What was violated, in words.
    pub violations: Vec<String>,
}

/// One commit.
pub(super) struct Change<'a> {
    pub(super) key: String,
    pub(super) before: Option<&'a Value>,
    pub(super) after: &'a Arc<Value>,
    pub(super) deleted: bool,
    /// When it was committed.
    pub(super) time: Timestamp,
}

impl Change<'_> {
    /// Whether something changed at a place, or the object came or went.
    pub(super) fn touches(&self, pointer: &str) -> bool {
        self.deleted
            || self
                .before
                .is_none_or(|before| before.pointer(pointer) != self.after.pointer(pointer))
    }

    /// Whether a person had a hand in it.
    fn by_hand(&self) -> bool {
        let hand = |object: &Value| -> Vec<Value> {
            let fields = object.pointer("/metadata/managedFields");
            let entries = fields.and_then(Value::as_array).into_iter().flatten();
            entries
                .filter(|entry| text(entry, "/manager") == "kubectl")
                .cloned()
                .collect()
        };
        self.before
            .is_some_and(|before| hand(before) != hand(self.after))
    }
}

impl Monitoring {
    /// Takes note of one commit.
    pub fn see(&mut self, commit: &Committed) {
        // What isn't looked at stays packed: definitions are large.
        let Some(subject) = Subject::of(&commit.table) else {
            return;
        };
        let event = &commit.event;
        let before = event.before.as_ref().map(|version| version.entry());
        let before = before.as_ref().map(|entry| entry.value.as_ref());
        let after = event.after.entry();
        let change = Change {
            key: event.key.to_string(),
            before,
            after: &after.value,
            deleted: event.deleted,
            time: event.time,
        };
        self.observe(&subject, change);
    }

    pub(super) fn observe(&mut self, subject: &Subject<'_>, change: Change) {
        match subject {
            Subject::Secret => self.secret(&change),
            Subject::ConfigMap => self.config_map(&change),
            Subject::Namespace => self.causes.namespace(&change),
            Subject::StatefulSet => self.set(&change),
            Subject::DaemonSet if change.deleted => {
                self.daemon_sets.remove(&change.key);
            }
            Subject::DaemonSet => {
                self.daemon_sets.insert(change.key, change.after.clone());
            }
            Subject::Custom(plural) => self.custom(plural, &change),
        }
    }

    fn violated(&mut self, id: &str, object: &Value, what: &str) {
        self.violations.push(violation(id, object, what));
    }

    fn custom(&mut self, plural: &str, change: &Change) {
        if let (Some(before), false) = (change.before, change.deleted) {
            self.conditions(before, change.after);
        }
        let matters = ["/spec", "/metadata/labels", "/metadata/annotations"]
            .iter()
            .any(|pointer| change.touches(pointer));
        if WORKLOADS.contains(&plural) {
            self.workload(plural, change, matters);
            return;
        }
        let table = format!("{plural}/{}", change.key);
        if change.deleted {
            self.selected.remove(&table);
        } else {
            self.selected.insert(table, change.after.clone());
        }
        self.causes.selected(plural, change, matters);
    }

    fn workload(&mut self, plural: &str, change: &Change, matters: bool) {
        let name = format!("{}/{}", meta::kind(change.after), change.key);
        self.causes.workload(&name, change);
        let changes = self.workloads.get(&name).map_or(0, |(_, changes)| *changes);
        if !change.deleted {
            let changes = changes + usize::from(matters);
            self.users.insert(format!("{plural}/{}", change.key));
            self.workloads.insert(name, (change.after.clone(), changes));
            return;
        }
        self.workloads.remove(&name);
        self.users.remove(&format!("{plural}/{}", change.key));
    }

    /// ALL-1: nothing says that it is used by what is gone.
    fn bindings(&mut self) {
        let mut found = Vec::new();
        for selected in self.selected.values() {
            let bindings = selected.pointer("/status/bindings");
            for binding in bindings.and_then(Value::as_array).into_iter().flatten() {
                let part = |field: &str| text(binding, field);
                let (resource, name) = (part("/resource"), part("/name"));
                let user = format!("{resource}/{}/{name}", part("/namespace"));
                if !self.users.contains(&user) {
                    found.push((selected.clone(), user));
                }
            }
        }
        for (selected, user) in found {
            let what = format!("it says that it is used by {user}, which is gone");
            self.violated("ALL-1", &selected, &what);
        }
    }

    /// ALL-2 and ALL-9.
    fn conditions(&mut self, before: &Value, after: &Value) {
        let found = |object: &Value| -> Vec<(String, Value)> {
            let mut all = Vec::new();
            let mut add = |of: &str, list: Option<&Value>| {
                for condition in list.and_then(Value::as_array).into_iter().flatten() {
                    let name = format!("{of}{}", text(condition, "/type"));
                    all.push((name, condition.clone()));
                }
            };
            add("", object.pointer("/status/conditions"));
            let bindings = object.pointer("/status/bindings");
            for binding in bindings.and_then(Value::as_array).into_iter().flatten() {
                let of = format!(
                    "{}/{}/{} ",
                    text(binding, "/resource"),
                    text(binding, "/namespace"),
                    text(binding, "/name")
                );
                add(&of, binding.get("conditions"));
            }
            all
        };
        let old: BTreeMap<String, Value> = found(before).into_iter().collect();
        for (name, condition) in found(after) {
            if number(&condition, "/observedGeneration") > meta::generation(after) {
                let what = format!("{name} was concluded from a generation to come");
                self.violated("ALL-2", after, &what);
            }
            let Some(earlier) = old.get(&name) else {
                continue;
            };
            let same = |pointer: &str| text(earlier, pointer) == text(&condition, pointer);
            if same("/status") && !same("/lastTransitionTime") {
                let what = format!("{name}: lastTransitionTime moved without its status");
                self.violated("ALL-9", after, &what);
            }
        }
    }

    fn is_ours(object: &Value) -> bool {
        meta::label(object, "managed-by") == Some(OURS)
    }

    /// The workload that an object is made for, by name, while it is there.
    fn owner(&self, made: &Value) -> Option<(String, Arc<Value>, usize)> {
        let owner = meta::controller_of(made)?;
        let name = format!("{}/{}/{}", owner.kind, meta::namespace(made), owner.name);
        let (workload, changes) = self.workloads.get(&name)?;
        (meta::uid(workload) == owner.uid).then(|| (name, workload.clone(), *changes))
    }

    /// Pods of what this object is made for may be replaced once more than it changes.
    fn may_roll(&mut self, made: &Value) {
        let name = self.owner(made).map(|(name, _, _)| name);
        if let Some((_, changes)) = name.and_then(|name| self.workloads.get_mut(&name)) {
            *changes += 1;
        }
    }

    fn set(&mut self, change: &Change) {
        let owner = self.owner(change.after);
        if let Some((_, workload, _)) = &owner {
            self.retained(change, workload);
        }
        if change.deleted {
            self.sets.remove(&change.key);
            if let Some((_, workload, _)) = owner {
                let generation = meta::generation(&workload);
                let times = self.deleted.entry((change.key.clone(), generation));
                let times = times.or_default();
                *times += 1;
                if *times > 1 {
                    let what = format!("deleted {times} times for one generation of its workload");
                    self.violated("MON-2", change.after, &what);
                }
            }
            return;
        }
        let rolled = self.sets.get(&change.key).map_or(0, |set| set.rolled);
        let rolls = change.before.is_some() && change.touches("/spec/template");
        let by_hand = change.by_hand();
        // What somebody did by hand is taken back.
        let rolled = if by_hand {
            rolled.saturating_sub(1)
        } else {
            rolled + usize::from(rolls)
        };
        if let (true, Some((_, _, changes))) = (rolls && !by_hand, owner)
            && rolled >= changes
        {
            let what = format!(
                "pods are replaced for the {rolled}. time, its workload changed {changes} times"
            );
            self.violated("MON-5", change.after, &what);
        }
        let object = change.after.clone();
        self.sets.insert(change.key.clone(), Set { object, rolled });
    }

    /// What holds once nothing moves any more: ALL-1, MON-1 of files that name others, MON-2 and MON-4.
    pub fn settled(&mut self) {
        self.bindings();
        let workloads: Vec<Arc<Value>> = self
            .workloads
            .values()
            .map(|(workload, _)| workload.clone())
            .collect();
        for workload in workloads {
            let untouched = workload.pointer("/spec/paused") == Some(&Value::Bool(true))
                || meta::deletion_timestamp(&workload).is_some();
            let reconciled = workload
                .pointer("/status/conditions")
                .is_none_or(|conditions| {
                    let mut all = conditions.as_array().into_iter().flatten();
                    all.any(|condition| {
                        text(condition, "/type") == "Reconciled"
                            && text(condition, "/status") == "True"
                    })
                });
            // Somebody else's operator, or nobody's.
            let is_of = |set: &Value| {
                meta::controller_of(set).is_some_and(|owner| owner.uid == meta::uid(&workload))
            };
            let seen = self.sets.values().any(|set| is_of(&set.object))
                || self.daemon_sets.values().any(|set| is_of(set));
            if !untouched && reconciled && (seen || !self.deleted.is_empty()) {
                self.whole(&workload);
            }
        }
    }

    fn whole(&mut self, workload: &Value) {
        let kind = meta::kind(workload);
        let prefix = match kind {
            "Prometheus" => "prometheus",
            "PrometheusAgent" => "prom-agent",
            "Alertmanager" => "alertmanager",
            _ => "thanos-ruler",
        };
        let shards = shards::wanted(workload);
        let base = format!("{prefix}-{}", meta::name(workload));
        let wanted = (0..shards).map(|shard| shards::name(&base, shard));
        let namespace = meta::namespace(workload);
        let everywhere = text(workload, "/spec/mode") == "DaemonSet";
        let is_there = self
            .daemon_sets
            .contains_key(&format!("{namespace}/{base}"));
        if kind == "PrometheusAgent" && everywhere != is_there {
            let what = if everywhere { "is missing" } else { "is left" };
            self.violated("MON-2", workload, &format!("DaemonSet {base} {what}"));
        }
        for name in wanted {
            let is_there = self.sets.contains_key(&format!("{namespace}/{name}"));
            if everywhere && is_there {
                self.violated("MON-2", workload, &format!("StatefulSet {name} is left"));
            }
            if !everywhere && !is_there {
                self.violated("MON-2", workload, &format!("StatefulSet {name} is missing"));
            }
        }
        self.mounted(workload, &base);
        if SHARDED.contains(&kind) && !everywhere {
            self.divided(workload, &base, shards);
        }
    }
}
