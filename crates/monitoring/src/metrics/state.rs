//! What is known of each workload since its last pass.

use std::collections::{BTreeMap, BTreeSet};

use runtime::ObjectKey;
use runtime::metrics::Exposition;

use super::Name;

/// Objects of a kind that a workload selects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those it takes note of.
    pub selected: usize,
    /// Those it can't use.
    pub rejected: usize,
}

/// What a pass saw and came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Whether all went well.
    pub ok: bool,
    /// StatefulSets that were deleted to be made anew.
    pub recreations: usize,
    /// What it asks for; `None` if nobody could see.
    pub spec: Option<Spec>,
    /// What it selects, by kind; as before if `None`.
    pub selected: Option<BTreeMap<String, Counts>>,
}

/// Numbers of a workload's spec.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spec {
    /// Replicas.
    pub replicas: i32,
    /// Shards, of those that have any.
    pub shards: Option<i32>,
    /// The enforced limit of samples, if there is one.
    pub sample_limit: Option<i64>,
}

#[derive(Default)]
struct Known {
    ok: bool,
    spec: Option<Spec>,
    selected: BTreeMap<String, Counts>,
}

/// What is known, by controller and workload. A controller that is on has an entry.
#[derive(Default)]
pub(super) struct State {
    workloads: BTreeMap<Name, BTreeMap<ObjectKey, Known>>,
    /// Kinds that were ever selected: their series stay.
    kinds: BTreeSet<(Name, String)>,
}

impl State {
    pub(super) fn begin(&mut self, name: Name) {
        self.workloads.entry(name).or_default();
    }

    pub(super) fn see(&mut self, name: Name, key: &ObjectKey, seen: Seen) {
        let known = self.workloads.entry(name).or_default();
        let known = known.entry(key.clone()).or_default();
        known.ok = seen.ok;
        known.spec = seen.spec.or(known.spec);
        if let Some(selected) = seen.selected {
            let kinds = selected.keys().map(|kind| (name, kind.clone()));
            self.kinds.extend(kinds);
            known.selected = selected;
        }
    }

    pub(super) fn forget(&mut self, name: Name, key: &ObjectKey) {
        if let Some(workloads) = self.workloads.get_mut(&name) {
            workloads.remove(key);
        }
    }

    /// The controllers that read a resource: their own alone, or all that are on.
    pub(super) fn readers(&self, plural: &str) -> Vec<Name> {
        let on = self.workloads.keys().copied();
        let reads = |name: &Name| match plural {
            "prometheuses" => *name == Name::Prometheus,
            "prometheusagents" => *name == Name::PrometheusAgent,
            "alertmanagers" | "alertmanagerconfigs" => *name == Name::Alertmanager,
            "thanosrulers" => *name == Name::ThanosRuler,
            "prometheusrules" => matches!(name, Name::Prometheus | Name::ThanosRuler),
            "servicemonitors" | "podmonitors" | "probes" | "scrapeconfigs" => {
                matches!(name, Name::Prometheus | Name::PrometheusAgent)
            }
            // The Service of the kubelets has counters of its own.
            "nodes" | "endpointslices" => false,
            _ => true,
        };
        on.filter(reads).collect()
    }

    pub(super) fn expose(&self, out: &mut Exposition) {
        for (name, workloads) in &self.workloads {
            let controller = ("controller", name.label());
            let help = "Number of objects per sync status (ok/failed)";
            for (status, ok) in [("failed", false), ("ok", true)] {
                let count = workloads.values().filter(|known| known.ok == ok).count();
                let labels = [controller, ("status", status)];
                out.gauge("prometheus_operator_syncs", help, &labels, number(count));
            }
            for (key, known) in workloads {
                expose_spec(out, controller, key, known.spec);
            }
        }
        for (name, kind) in &self.kinds {
            let workloads = self.workloads.get(name).into_iter().flatten();
            let counts: Vec<Counts> = workloads
                .filter_map(|(_, known)| known.selected.get(kind).copied())
                .collect();
            let selected = counts.iter().map(|counts| counts.selected).sum();
            let rejected = counts.iter().map(|counts| counts.rejected).sum();
            let help = "Number of resources managed by the operator's controller per state (selected/rejected)";
            for (state, count) in [("rejected", rejected), ("selected", selected)] {
                let labels = [
                    ("controller", name.label()),
                    ("resource", kind.as_str()),
                    ("state", state),
                ];
                let family = "prometheus_operator_managed_resources";
                out.gauge(family, help, &labels, number(count));
            }
        }
    }
}

fn expose_spec(
    out: &mut Exposition,
    controller: (&str, &str),
    key: &ObjectKey,
    spec: Option<Spec>,
) {
    let Some(spec) = spec else { return };
    let labels = [
        controller,
        ("name", key.name.as_str()),
        ("namespace", key.namespace.as_str()),
    ];
    out.gauge(
        "prometheus_operator_spec_replicas",
        "Number of expected replicas for the object.",
        &labels,
        f64::from(spec.replicas),
    );
    if let Some(shards) = spec.shards {
        let help = "Number of expected shards for the object.";
        out.gauge(
            "prometheus_operator_spec_shards",
            help,
            &labels,
            f64::from(shards),
        );
    }
    if let Some(limit) = spec.sample_limit {
        let help = "Global limit on the number of scraped samples per scrape target.";
        let limit = serde_json::json!(limit).as_f64().unwrap_or_default();
        let family = "prometheus_operator_prometheus_enforced_sample_limit";
        out.gauge(family, help, &labels, limit);
    }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
