//! The command line of Alertmanager.

use super::volumes::Volumes;
use super::{CONFIG_FILE, Cluster, STORAGE};
use crate::config::prometheus::bytes;
use crate::config::yaml::filled;
use crate::workload::arguments::{Arguments, clashes};

impl Cluster<'_> {
    /// All arguments of ours.
    pub(super) fn arguments(&self, volumes: &Volumes) -> Arguments {
        let spec = self.spec;
        let mut out = Arguments::default();
        out.set("config.file", CONFIG_FILE);
        out.set("storage.path", STORAGE);
        out.set(
            "data.retention",
            spec.retention.as_deref().unwrap_or_default(),
        );
        if spec.replicas == Some(1) && spec.force_enable_cluster_mode != Some(true) {
            // An empty address turns the cluster off, and a value that is empty is not written.
            out.flag("cluster.listen-address=");
        } else {
            out.set("cluster.listen-address", "[$(POD_IP)]:9094");
        }
        let address = if self.listen_local() {
            "127.0.0.1:9093"
        } else {
            ":9093"
        };
        out.set("web.listen-address", address);
        out.set_some("web.external-url", filled(&spec.external_url));
        if self.since((0, 27, 0)) && !spec.enable_features.is_empty() {
            out.set("enable-feature", spec.enable_features.join(","));
        }
        out.set("web.route-prefix", self.route_prefix());
        self.limits(&mut out);
        let level = filled(&spec.log_level).filter(|level| *level != "info");
        out.set_some("log.level", level);
        if self.since((0, 16, 0)) {
            let format = filled(&spec.log_format).filter(|format| *format != "logfmt");
            out.set_some("log.format", format);
        }
        self.cluster(&mut out);
        out.set_some("web.config.file", volumes.web_config.as_deref());
        out.set_some("cluster.tls-config", volumes.cluster_tls.as_deref());
        out
    }

    fn limits(&self, out: &mut Arguments) {
        let spec = self.spec;
        if let Some(web) = spec.web.as_ref().filter(|_| self.since((0, 17, 0))) {
            out.set_some("web.get-concurrency", web.get_concurrency);
            out.set_some("web.timeout", web.timeout);
        }
        if let Some(limits) = spec.limits.as_ref().filter(|_| self.since((0, 28, 0))) {
            out.set_some("silences.max-silences", limits.max_silences);
            let size = filled(&limits.max_per_silence_bytes).map(bytes);
            out.set_some("silences.max-per-silence-bytes", size);
        }
        if let Some(seconds) = spec.min_ready_seconds.filter(|_| self.since((0, 30, 0))) {
            let name = "dispatch.start-delay";
            if clashes(&[name], &spec.additional_args).is_empty() {
                out.set(name, format!("{seconds}s"));
            }
        }
    }

    fn cluster(&self, out: &mut Arguments) {
        let spec = self.spec;
        for (name, value) in [
            ("cluster.advertise-address", &spec.cluster_advertise_address),
            ("cluster.gossip-interval", &spec.cluster_gossip_interval),
            ("cluster.pushpull-interval", &spec.cluster_pushpull_interval),
            ("cluster.peer-timeout", &spec.cluster_peer_timeout),
        ] {
            out.set_some(name, filled(value));
        }
        if self.since((0, 30, 0)) {
            out.set("cluster.peer-name", "$(POD_NAME)");
        }
        let (namespace, name) = (&self.metadata.namespace, &self.metadata.name);
        // Addresses of pods are used again: the label keeps members of other clusters out.
        if self.since((0, 26, 0)) {
            let label = spec.cluster_label.clone();
            out.set(
                "cluster.label",
                label.unwrap_or_else(|| format!("{namespace}/{name}")),
            );
        }
        let (service, domain) = (self.service_name(), &self.settings.cluster_domain);
        let domain = if domain.is_empty() {
            service.to_owned()
        } else {
            format!("{service}.{namespace}.svc.{domain}.")
        };
        for index in 0..spec.replicas.unwrap_or_default() {
            out.set(
                "cluster.peer",
                format!("{}-{index}.{domain}:9094", self.prefixed()),
            );
        }
        out.set_all("cluster.peer", &spec.additional_peers);
        // The default of six hours would keep members that a rolling update replaced.
        out.set("cluster.reconnect-timeout", "5m");
    }
}
