//! The command line of Thanos Ruler, and the files it names.

use super::{RULES, Ruler, STORAGE, mount_key};
use crate::api::common::SecretKeySelector;
use crate::config::yaml::filled;
use crate::workload::arguments::Arguments;
use crate::workload::prometheus::grpc_tls;
use crate::workload::web::Mounted;

const REPLICA: &str = "thanos_ruler_replica";

impl Ruler<'_> {
    /// All arguments of ours but the web configuration; adds what they name to the mounts.
    pub(super) fn arguments(&self, mounted: &mut Mounted) -> Arguments {
        let spec = self.spec;
        let mut out = Arguments::default();
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        out.set("data-dir", STORAGE);
        out.set("eval-interval", or_empty(&spec.evaluation_interval));
        out.set("tsdb.retention", or_empty(&spec.retention));
        self.evaluation(&mut out);
        out.set("label", format!("{REPLICA}=\"$(POD_NAME)\""));
        for (name, value) in &spec.labels {
            out.set("label", format!("{name}=\"{value}\""));
        }
        out.set("alert.label-drop", REPLICA);
        out.set_all("alert.label-drop", &spec.alert_drop_labels);
        if self.listen_local() {
            out.set("http-address", "localhost:10902");
        }
        let level = filled(&spec.log_level).filter(|level| *level != "info");
        out.set_some("log.level", level);
        out.set_some("log.format", filled(&spec.log_format));
        out.set("rule-file", format!("{RULES}/*/*.yaml"));
        self.files(&mut out, mounted);
        if let Some(tls) = &spec.grpc_server_tls_config {
            grpc_tls(&mut out, tls, &self.version);
        }
        out.set_some("web.external-prefix", filled(&spec.external_prefix));
        out.set_some("web.route-prefix", filled(&spec.route_prefix));
        out.set_some("alert.query-url", filled(&spec.alert_query_url));
        out
    }

    fn evaluation(&self, out: &mut Arguments) {
        let spec = self.spec;
        if self.since((0, 38, 0)) {
            out.set_some("rule-query-offset", filled(&spec.rule_query_offset));
        }
        if self.since((0, 37, 0)) {
            let rules = spec.rule_concurrent_eval.filter(|rules| *rules > 0);
            out.set_some("rule-concurrent-evaluation", rules);
        }
        if self.since((0, 30, 0)) {
            out.set_some("for-outage-tolerance", filled(&spec.rule_outage_tolerance));
            out.set_some("for-grace-period", filled(&spec.rule_grace_period));
        }
        out.set_some("resend-delay", filled(&spec.resend_delay));
        if self.since((0, 39, 0)) && !spec.enable_features.is_empty() {
            out.set("enable-feature", spec.enable_features.join(","));
        }
    }

    fn files(&self, out: &mut Arguments, mounted: &mut Mounted) {
        let spec = self.spec;
        let remote_write = SecretKeySelector {
            name: Some(format!("{}-config", self.prefixed())),
            key: "remote-write.yaml".to_owned(),
            optional: None,
        };
        // Mounted whether it is used or not, so that using it makes one new pod, not two.
        let file = mount_key(mounted, "remote-write-config", &remote_write);
        if self.since((0, 24, 0)) && !spec.remote_write.is_empty() {
            out.set("remote-write.config-file", file);
        }
        let mut mount = |volume: &str, key: &SecretKeySelector| mount_key(mounted, volume, key);
        match &spec.query_config {
            Some(key) => out.set("query.config-file", mount("query-config", key)),
            None => out.set_all("query", &spec.query_endpoints),
        }
        match &spec.alertmanagers_config {
            Some(key) => {
                let file = mount("alertmanager-config", key);
                out.set("alertmanagers.config-file", file);
            }
            None => out.set_all("alertmanagers.url", &spec.alertmanagers_url),
        }
        for (name, volume, file, key) in [
            (
                "objstore.config-file",
                "objstorage-config",
                spec.object_storage_config_file.as_deref(),
                &spec.object_storage_config,
            ),
            (
                "tracing.config-file",
                "tracing-config",
                filled(&spec.tracing_config_file),
                &spec.tracing_config,
            ),
            (
                "alert.relabel-config-file",
                "alertrelabel-config",
                spec.alert_relabel_config_file.as_deref(),
                &spec.alert_relabel_configs,
            ),
        ] {
            match (file, key) {
                (Some(file), _) => out.set(name, file),
                (None, Some(key)) => {
                    let file = mount(volume, key);
                    out.set(name, file);
                }
                (None, None) => {}
            }
        }
    }
}
