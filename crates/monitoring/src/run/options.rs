//! How the monitoring controllers run, and where they look.

use std::net::SocketAddr;
use std::sync::Arc;

use runtime::access::Right;
use runtime::web::Tls;
use runtime::{Clock, Scope};

use crate::access;
use crate::config::prometheus::Options;
use crate::config::version::{Since, Version};
use crate::kubelet;
use crate::operator::references::Source;
use crate::operator::resources::{ALERTMANAGER, PROMETHEUS, PROMETHEUS_AGENT, THANOS_RULER};
use crate::operator::selecting::Configuration;
use crate::operator::watched::{Namespaces, Watch};
use crate::workload::Settings;

/// How the monitoring controllers run; the defaults are upstream's flags.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Namespaces of what is selected, of Secrets and of `ConfigMap`s.
    pub namespaces: Namespaces,
    /// Namespaces of `AlertmanagerConfig`s.
    pub alertmanager_configs: Namespaces,
    /// Which Prometheus servers and agents are looked after.
    pub prometheuses: Watch,
    /// Which Alertmanagers are looked after.
    pub alertmanagers: Watch,
    /// Which Thanos Rulers are looked after.
    pub thanos_rulers: Watch,
    /// Which Secrets may be referred to.
    pub secrets: Selectors,
    /// Which `ConfigMap`s may be referred to.
    pub config_maps: Selectors,
    /// What pods are made with.
    pub settings: Settings,
    /// What can be switched on and off.
    pub gates: Gates,
    /// Workloads of a kind that are worked on at the same time.
    pub workers: usize,
    /// Requests a second; no limit if absent.
    pub qps: Option<f64>,
    /// Requests that may exceed `qps` at once.
    pub burst: u32,
    /// Namespace of the Lease for leader election; none if absent.
    pub leader_namespace: Option<String>,
    /// Addresses of health, metrics and webhooks.
    pub listen: Vec<SocketAddr>,
    /// How connections to these addresses are encrypted, if they are.
    pub tls: Option<Tls>,
    /// The Service of the kubelets, if there shall be one.
    pub kubelets: Option<kubelet::Options>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Seed of chance, for reproducible runs.
    pub seed: Option<u64>,
    /// Nothing is sent that needs another right; anything if absent, as where it is recorded what is sent.
    pub rights: Option<Arc<[Right]>>,
}

/// Selectors in their text form; empty for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors {
    /// Of labels.
    pub labels: String,
    /// Of fields.
    pub fields: String,
}

impl Selectors {
    fn selects_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// A scope narrowed by them.
    pub(super) fn within(&self, scope: Scope) -> Scope {
        let fields = [self.fields.as_str(), scope.field_selector.as_str()];
        let fields: Vec<&str> = fields.into_iter().filter(|one| !one.is_empty()).collect();
        Scope {
            label_selector: self.labels.clone(),
            field_selector: fields.join(","),
            ..scope
        }
    }
}

/// Upstream's feature gates of what is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "switches, each of its own")]
pub struct Gates {
    /// `PrometheusAgentDaemonSet`: agents can run on every node.
    pub daemon_sets: bool,
    /// `PrometheusTopologySharding`.
    pub topology_sharding: bool,
    /// `PrometheusShardRetentionPolicy`.
    pub shard_retention: bool,
    /// `StatusForConfigurationResources`.
    pub bindings: Bindings,
}

/// Whether selected objects say in their status which workloads use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bindings {
    /// They don't.
    Off,
    /// They do.
    On,
    /// They do, and workloads have upstream's finalizer, as where its gate is on.
    Kept,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            daemon_sets: false,
            topology_sharding: true,
            shard_retention: true,
            bindings: Bindings::On,
        }
    }
}

impl RunOptions {
    /// Of what only selected objects are watched.
    pub(super) fn selective(&self) -> Vec<Source> {
        let both = [
            (Source::Secret, &self.secrets),
            (Source::ConfigMap, &self.config_maps),
        ];
        let some = both
            .into_iter()
            .filter(|(_, selectors)| !selectors.selects_all());
        some.map(|(source, _)| source).collect()
    }

    /// Namespaces in which objects of a kind are selected.
    pub fn selected(&self, kind: Configuration) -> &Namespaces {
        match kind {
            Configuration::AlertmanagerConfig => &self.alertmanager_configs,
            Configuration::ServiceMonitor
            | Configuration::PodMonitor
            | Configuration::Probe
            | Configuration::ScrapeConfig
            | Configuration::PrometheusRule => &self.namespaces,
        }
    }

    /// Which workloads of a kind are looked after, by its plural.
    pub fn workloads_of(&self, plural: &str) -> Option<&Watch> {
        let kinds = [
            (PROMETHEUS, &self.prometheuses),
            (PROMETHEUS_AGENT, &self.prometheuses),
            (ALERTMANAGER, &self.alertmanagers),
            (THANOS_RULER, &self.thanos_rulers),
        ];
        let mut found = kinds.into_iter().filter(|(kind, _)| kind.plural == plural);
        found.next().map(|(_, watch)| watch)
    }

    /// Namespaces in which there are workloads, and what is made for them.
    pub fn workloads(&self) -> Namespaces {
        let others = self
            .alertmanagers
            .namespaces
            .or(&self.thanos_rulers.namespaces);
        self.prometheuses.namespaces.or(&others)
    }

    /// Namespaces of what workloads select, and of what they and it refer to.
    pub fn everything(&self) -> Namespaces {
        self.workloads().or(&self.selectable())
    }

    /// Namespaces of what workloads select.
    pub fn selectable(&self) -> Namespaces {
        self.namespaces.or(&self.alertmanager_configs)
    }

    /// What the generator may count on, with these options and with that Kubernetes.
    pub(super) fn generator(&self, kubernetes: Option<&Version>) -> Options {
        let since = |since: Since| kubernetes.is_some_and(|version| version.at_least(since));
        Options {
            endpoint_slice_supported: since((1, 21, 0)),
            pod_topology_labels: since((1, 35, 0)),
            topology_sharding: self.gates.topology_sharding,
            retention_policies: self.gates.shard_retention,
            ..Options::default()
        }
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            namespaces: Namespaces::All,
            alertmanager_configs: Namespaces::All,
            prometheuses: Watch::default(),
            alertmanagers: Watch::default(),
            thanos_rulers: Watch::default(),
            secrets: Selectors::default(),
            config_maps: Selectors::default(),
            settings: Settings::default(),
            gates: Gates::default(),
            workers: 1,
            qps: Some(100.0),
            burst: 100,
            leader_namespace: None,
            listen: Vec::new(),
            tls: None,
            kubelets: None,
            clock: Clock::system(),
            seed: None,
            rights: Some(access::rights().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_with_some_kubernetes_is_used_from_there_on() {
        for (version, slices, labels) in [
            ("v1.20.15", false, false),
            ("v1.21.0", true, false),
            ("v1.34.9", true, false),
            ("v1.35.0", true, true),
            ("v1.36.3", true, true),
        ] {
            let version = Version::parse(version).unwrap();
            let options = RunOptions::default().generator(Some(&version));
            assert_eq!(options.endpoint_slice_supported, slices, "{version}");
            assert_eq!(options.pod_topology_labels, labels, "{version}");
        }
        let unknown = RunOptions::default().generator(None);
        assert!(!unknown.endpoint_slice_supported && !unknown.pod_topology_labels);
    }

    #[test]
    fn what_may_be_referred_to_is_selected_within_the_namespaces() {
        let selectors = Selectors {
            labels: "a=b".to_owned(),
            fields: "type!=x".to_owned(),
        };
        let denied = Namespaces::Except(["other".to_owned()].into());
        let scope = selectors.within(denied.scope());
        assert_eq!(scope.label_selector, "a=b");
        assert_eq!(scope.field_selector, "type!=x,metadata.namespace!=other");
        let scope = Selectors::default().within(denied.scope());
        assert_eq!(scope.field_selector, "metadata.namespace!=other");
        assert_eq!(Selectors::default().within(Scope::all()), Scope::all());
    }
}
