//! How often what a job or a file of rules is made of changed: its own object, the namespace that this is in, the workload, and
//! whatever the two name. Nothing else is a reason for it to change, so that a change of one object allows none elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use machinery::meta;
use serde_json::Value;

use super::monitoring::Change;

/// Fields of a workload that are about its pods, and that no configuration or rule is made of.
const OF_PODS: [&str; 17] = [
    "affinity",
    "containers",
    "image",
    "imagePullPolicy",
    "initContainers",
    "logFormat",
    "logLevel",
    "minReadySeconds",
    "nodeSelector",
    "podMetadata",
    "replicas",
    "resources",
    "securityContext",
    "serviceAccountName",
    "storage",
    "tolerations",
    "web",
];

/// Objects and how often each changed. That one is made for the first time is no change: what is made of it comes once.
#[derive(Default)]
pub(super) struct Causes {
    /// Monitors and rules by table, namespace and name.
    selected: BTreeMap<String, (Arc<Value>, usize)>,
    /// Workloads by kind, namespace and name, also those that are gone.
    workloads: BTreeMap<String, (Arc<Value>, usize)>,
    /// Namespaces by name.
    namespaces: BTreeMap<String, usize>,
    /// Secrets and ConfigMaps of others by namespace and name; that one comes is a change for whoever names it already.
    held: BTreeMap<String, usize>,
}

fn count(
    objects: &mut BTreeMap<String, (Arc<Value>, usize)>,
    key: String,
    change: &Change,
    matters: bool,
) {
    let first = !objects.contains_key(&key);
    let (object, changes) = objects
        .entry(key)
        .or_insert_with(|| (change.after.clone(), 0));
    object.clone_from(change.after);
    *changes += usize::from(matters && !first);
}

impl Causes {
    /// A monitor or a rule changed in a way that may matter, or not.
    pub(super) fn selected(&mut self, plural: &str, change: &Change, matters: bool) {
        let key = format!("{plural}/{}", change.key);
        count(&mut self.selected, key, change, matters);
    }

    /// A workload changed: what is about its pods alone is no reason for another job or file of rules.
    pub(super) fn workload(&mut self, name: &str, change: &Change) {
        let spec = |object: &Value| {
            let spec = object.get("spec").and_then(Value::as_object);
            let mut spec = spec.cloned().unwrap_or_default();
            spec.retain(|field, _| !OF_PODS.contains(&field.as_str()));
            spec
        };
        let matters = change.deleted
            || change
                .before
                .is_none_or(|before| spec(before) != spec(change.after));
        count(&mut self.workloads, name.to_owned(), change, matters);
    }

    /// The labels of a namespace changed.
    pub(super) fn namespace(&mut self, change: &Change) {
        let changes = self.namespaces.entry(change.key.clone()).or_default();
        *changes += usize::from(change.before.is_some() && change.touches("/metadata/labels"));
    }

    /// A Secret or a ConfigMap of somebody else's changed.
    pub(super) fn held(&mut self, change: &Change) {
        let changes = self.held.entry(change.key.clone()).or_default();
        *changes += usize::from(change.touches("/data"));
    }

    /// How often a workload, or what it names, changed.
    fn of_workload(&self, name: &str) -> usize {
        let Some((workload, changes)) = self.workloads.get(name) else {
            return 0;
        };
        changes + self.named_by(workload)
    }

    /// How often the Secrets and ConfigMaps changed that an object names.
    fn named_by(&self, object: &Value) -> usize {
        let mut names = BTreeSet::new();
        texts(object.get("spec").unwrap_or(&Value::Null), &mut names);
        let namespace = meta::namespace(object);
        let held = names.iter().map(|name| format!("{namespace}/{name}"));
        held.filter_map(|key| self.held.get(&key)).sum()
    }

    /// How often an object changed that is selected, its namespace, and what it names.
    fn of_selected(&self, object: &Value, changes: usize) -> usize {
        let namespace = self.namespaces.get(meta::namespace(object));
        changes + namespace.copied().unwrap_or_default() + self.named_by(object)
    }

    /// How often a job may have changed after it came: a job is named after its monitor, that begins with `prefix`.
    pub(super) fn of_job(&self, job: &str, prefixes: &[(&str, &str)], workload: &str) -> usize {
        let monitor = prefixes.iter().find_map(|(plural, prefix)| {
            let mut parts = job.strip_prefix(prefix)?.strip_prefix('/')?.split('/');
            let key = format!("{plural}/{}/{}", parts.next()?, parts.next()?);
            self.selected.get(&key)
        });
        let monitor = monitor.map(|(monitor, changes)| self.of_selected(monitor, *changes));
        monitor.unwrap_or_default() + self.of_workload(workload)
    }

    /// How often a file of rules may have changed after it came: it is named after the namespace, name and uid of its object.
    pub(super) fn of_rules(&self, file: &str, workload: &str) -> usize {
        let mut rules = self.selected.values();
        let rule = rules.find(|(object, _)| {
            let named = [
                meta::namespace(object),
                meta::name(object),
                meta::uid(object),
            ];
            meta::kind(object) == "PrometheusRule" && file == format!("{}.yaml", named.join("-"))
        });
        let rule = rule.map(|(rule, changes)| self.of_selected(rule, *changes));
        rule.unwrap_or_default() + self.of_workload(workload)
    }
}

/// All texts in a value.
fn texts<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) => {
            found.insert(text);
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
