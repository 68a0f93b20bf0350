//! What pods of servers and agents have in common: names, probes, reloaders, labels.

use serde_json::{Value, json};

use super::{CONFIG, CONFIG_FILE, OBJECT, SHARD, STORAGE_FOLDER};
use crate::api::workload::TopologySpreadConstraint;
use crate::config::prometheus::Generator;
use crate::config::version::Version;
use crate::config::yaml::filled;
use crate::path;
use crate::workload::Settings;
use crate::workload::metadata::{self, DEFAULT_CONTAINER, Texts, VERSION};
use crate::workload::pod::{EnvVar, Handler, Probe};
use crate::workload::reloader::{ConfigFile, Reload, Reloader};
use crate::workload::stateful_set::{PodSpec, pod_of, port_name, selector};
use crate::workload::storage::Storage;

/// Pods of one shard, or of all nodes.
pub(super) struct Member<'a> {
    pub(super) generator: Generator<'a>,
    pub(super) settings: &'a Settings,
    /// `prometheus` or `prom-agent`.
    pub(super) prefix: &'static str,
    /// Value of `app.kubernetes.io/name`.
    pub(super) program: &'static str,
    /// None in a DaemonSet, which has no shards.
    pub(super) shard: Option<i32>,
}

/// Three probes of a container.
pub(super) struct Probes {
    pub(super) startup: Probe,
    pub(super) readiness: Probe,
    pub(super) liveness: Probe,
}

impl Member<'_> {
    /// The version that runs.
    pub(super) fn version(&self) -> &Version {
        &self.generator.version
    }

    /// Prefix of everything that belongs to the object.
    pub(super) fn prefixed(&self) -> String {
        format!("{}-{}", self.prefix, self.generator.metadata.name)
    }

    /// Name of the volume with data, unless the claim has one.
    pub(super) fn volume_name(&self) -> String {
        format!("{}-db", self.prefixed())
    }

    /// Where data lies.
    pub(super) fn storage<'n>(&'n self, name: &'n str) -> Storage<'n> {
        Storage::new(self.generator.common.storage.as_ref(), name)
    }

    /// The folder of the volume that is mounted.
    pub(super) fn storage_folder(&self) -> &'static str {
        self.storage("").folder(STORAGE_FOLDER)
    }

    /// The prefix of all paths.
    pub(super) fn route_prefix(&self) -> &str {
        filled(&self.generator.common.route_prefix).unwrap_or("/")
    }

    /// Whether the version can be given a web configuration.
    pub(super) fn has_web_config(&self) -> bool {
        self.generator.supports((2, 24, 0))
    }

    /// Whether it serves HTTPS; a version that cannot stays on HTTP, whatever is asked for.
    pub(super) fn https(&self) -> bool {
        let web = self.generator.common.web.as_ref();
        self.has_web_config() && web.is_some_and(|web| web.tls_config.is_some())
    }

    /// Scheme of its URLs.
    pub(super) fn scheme(&self) -> &'static str {
        if self.https() { "https" } else { "http" }
    }

    /// Whether it listens on the loopback address only.
    pub(super) fn listen_local(&self) -> bool {
        self.generator.common.listen_local == Some(true)
    }

    fn signals(&self) -> bool {
        self.generator.common.reload_strategy.as_deref() == Some("ProcessSignal")
    }

    /// Startup, readiness and liveness. Ready means that the database is open, so the start may take long.
    pub(super) fn probes(&self) -> Probes {
        let probe = |page: &str, period: i32, failures: i32| {
            let path = path::clean(&format!("{}{page}", self.route_prefix()));
            let port = port_name(self.generator.common.port_name.as_deref());
            Probe {
                handler: if self.listen_local() {
                    Handler::local(9090, &path)
                } else {
                    Handler::http(&path, port, self.https())
                },
                timeout_seconds: 3,
                period_seconds: period,
                failure_threshold: failures,
                initial_delay_seconds: 0,
            }
        };
        let (period, failures) = startup(self.generator.common.maximum_startup_duration_seconds);
        Probes {
            startup: probe("/-/ready", period, failures),
            readiness: probe("/-/ready", 5, 3),
            liveness: probe("/-/healthy", 5, 6),
        }
    }

    /// The reloader of the init container.
    pub(super) fn init_reloader(&self, mounts: Vec<Value>, watched: Vec<String>) -> Reloader {
        let common = self.generator.common;
        Reloader {
            pull_policy: common.image_pull_policy.clone(),
            config: Some(ConfigFile {
                folder: CONFIG,
                name: "prometheus.yaml.gz",
                written: CONFIG_FILE,
            }),
            watched,
            log_level: common.log_level.clone(),
            log_format: common.log_format.clone(),
            mounts,
            env: self.reloader_env(),
            ..Reloader::default()
        }
    }

    /// The reloader of the sidecar.
    pub(super) fn reloader(
        &self,
        mounts: Vec<Value>,
        watched: Vec<String>,
        web_config_file: Option<String>,
    ) -> Reloader {
        let host = format!("{}:9090", self.settings.local_host);
        let url = |page: &str| {
            let path = path::clean(&format!("{}{page}", self.route_prefix()));
            path::url(self.scheme(), &host, &path)
        };
        let signals = self.signals();
        Reloader {
            reload: if signals {
                Reload::Signal(url("/api/v1/status/runtimeinfo"))
            } else {
                Reload::Url(url("/-/reload"))
            },
            listen_local: !signals && self.listen_local(),
            web_config_file,
            ..self.init_reloader(mounts, watched)
        }
    }

    fn reloader_env(&self) -> Vec<EnvVar> {
        let Some(shard) = self.shard else {
            let node = EnvVar::field("NODE_NAME", "spec.nodeName");
            return vec![node, EnvVar::text("SHARD", 0)];
        };
        let mut env = vec![EnvVar::text("SHARD", shard)];
        if let Some((zone, place)) = self.zone() {
            env.push(EnvVar::text("TOPOLOGY_ZONE", zone));
            env.push(EnvVar::text("INZONE_SHARD", place));
        }
        env
    }

    /// The zone of the shard and its place among the shards of that zone.
    fn zone(&self) -> Option<(&str, usize)> {
        let zones = self.generator.zones()?;
        let shard = usize::try_from(self.shard?).ok()?;
        let zone = zones.get(shard.checked_rem(zones.len())?)?;
        let zone = Some(zone.as_str()).filter(|zone| !zone.is_empty())?;
        Some((zone, shard.checked_div(zones.len())?))
    }

    /// Labels of the pods that selectors name.
    pub(super) fn selector(&self, more: &Texts) -> Texts {
        let name = &self.generator.metadata.name;
        let mut labels = metadata::selecting(self.program, name);
        labels.insert(OBJECT.to_owned(), name.clone());
        if let Some(shard) = self.shard {
            labels.insert(SHARD.to_owned(), shard.to_string());
        }
        metadata::add(&mut labels, more);
        metadata::add(&mut labels, &self.settings.labels);
        labels
    }

    /// Labels and annotations of the pods.
    pub(super) fn pod_metadata(&self, selector: &Texts) -> (Texts, Texts) {
        let mut labels = metadata::texts([(VERSION, &self.version().to_string())]);
        let mut annotations = metadata::texts([(DEFAULT_CONTAINER, "prometheus")]);
        if let Some(own) = &self.generator.common.pod_metadata {
            metadata::add(&mut labels, &own.labels);
            metadata::add(&mut annotations, &own.annotations);
        }
        metadata::add(&mut labels, selector);
        metadata::add(&mut labels, &self.settings.labels);
        (labels, annotations)
    }

    /// The pod without containers and volumes.
    pub(super) fn pod(&self, selector: &Texts) -> PodSpec {
        let common = self.generator.common;
        let mut pod = pod_of!(common);
        pod.share_process_namespace = Some(self.signals());
        pod.automount_service_account_token =
            Some(common.automount_service_account_token.unwrap_or(true));
        // A clean end writes a checkpoint, which takes time.
        pod.termination_grace_period_seconds =
            common.termination_grace_period_seconds.unwrap_or(600);
        pod.topology_spread_constraints = common
            .topology_spread_constraints
            .iter()
            .map(|constraint| spread(constraint, selector))
            .collect();
        if let Some((zone, _)) = self.zone() {
            pod.node_selector
                .insert("topology.kubernetes.io/zone".to_owned(), zone.to_owned());
        }
        if common.host_network == Some(true) {
            pod.on_host_network();
        }
        pod
    }

    /// The number of pods.
    pub(super) fn replicas(&self) -> i32 {
        let replicas = self.generator.common.replicas.unwrap_or(1);
        if replicas < 0 { 1 } else { replicas }
    }
}

/// Period and failures of the startup probe, in at most that many seconds.
fn startup(most: Option<i32>) -> (i32, i32) {
    match most.filter(|most| *most >= 60) {
        Some(most) => {
            let up = |a: i32, b: i32| {
                a.checked_div(b)
                    .map_or(0, |whole| whole + i32::from(a % b > 0))
            };
            let failures = up(most, 60);
            (up(most, failures), failures)
        }
        None => (15, 60),
    }
}

fn spread(constraint: &TopologySpreadConstraint, pods: &Texts) -> Value {
    let mut wanted = constraint.label_selector.clone();
    if let Some(which) = &constraint.additional_label_selectors {
        let labels = &mut wanted.get_or_insert_default().match_labels;
        for (key, value) in pods {
            if which != "OnResource" || key != SHARD {
                labels.insert(key.clone(), value.clone());
            }
        }
    }
    json!({
        "labelSelector": wanted.as_ref().map(selector),
        "matchLabelKeys": constraint.match_label_keys,
        "maxSkew": constraint.max_skew,
        "minDomains": constraint.min_domains,
        "nodeAffinityPolicy": constraint.node_affinity_policy,
        "nodeTaintsPolicy": constraint.node_taints_policy,
        "topologyKey": constraint.topology_key,
        "whenUnsatisfiable": constraint.when_unsatisfiable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_start_is_asked_about_once_a_minute_at_most() {
        assert_eq!(startup(None), (15, 60));
        assert_eq!(startup(Some(59)), (15, 60));
        assert_eq!(startup(Some(60)), (60, 1));
        assert_eq!(startup(Some(121)), (41, 3));
        assert_eq!(startup(Some(600)), (60, 10));
    }
}
