//! Command lines of servers and agents.

use super::member::Member;
use super::{CONFIG_FILE, STORAGE};
use crate::api::prometheus::{PrometheusSpec, QuerySpec};
use crate::config::version::Since;
use crate::config::yaml::filled;
use crate::workload::arguments::{Arguments, Text};

impl Member<'_> {
    /// Appends an argument that came with `since`, or warns.
    fn set_since(&self, out: &mut Arguments, since: Since, name: &str, value: impl Text) {
        if self.generator.supports(since) {
            out.set(name, value);
        } else {
            self.generator.unsupported(name);
        }
    }

    fn set_some_since(
        &self,
        out: &mut Arguments,
        since: Since,
        name: &str,
        value: Option<impl Text>,
    ) {
        if let Some(value) = value {
            self.set_since(out, since, name, value);
        }
    }

    /// Whether the version is older than `end`.
    fn before(&self, end: Since) -> bool {
        self.generator.options.bypass_version_check || !self.version().at_least(end)
    }

    /// What server and agent have in common.
    fn common_arguments(&self) -> Arguments {
        let common = self.generator.common;
        let mut out = Arguments::default();
        out.set("config.file", CONFIG_FILE);
        if self.version().major == 2 {
            out.set("web.console.templates", "/etc/prometheus/consoles");
            out.set("web.console.libraries", "/etc/prometheus/console_libraries");
        }
        let strategy = common.reload_strategy.as_deref().unwrap_or("HTTP");
        if strategy == "HTTP" {
            out.flag("web.enable-lifecycle");
        }
        if let Some(web) = &common.web {
            let title = web.page_title.as_deref();
            self.set_some_since(&mut out, (2, 6, 0), "web.page-title", title);
            out.set_some("web.max-connections", web.max_connections);
        }
        self.receivers(&mut out);
        self.features(&mut out);
        out.set_some("web.external-url", filled(&common.external_url));
        out.set("web.route-prefix", self.route_prefix());
        let level = filled(&common.log_level).filter(|level| *level != "info");
        out.set_some("log.level", level);
        let format = filled(&common.log_format).filter(|format| *format != "logfmt");
        self.set_some_since(&mut out, (2, 6, 0), "log.format", format);
        if self.listen_local() {
            out.set("web.listen-address", "127.0.0.1:9090");
        }
        out
    }

    fn receivers(&self, out: &mut Arguments) {
        let common = self.generator.common;
        if common.enable_remote_write_receiver == Some(true) {
            self.set_since(out, (2, 33, 0), "web.enable-remote-write-receiver", "");
            let messages: Vec<&str> = common
                .remote_write_receiver_message_versions
                .iter()
                .map(|version| match version.as_str() {
                    "V2.0" => "io.prometheus.write.v2.Request",
                    _ => "prometheus.WriteRequest",
                })
                .collect();
            if !messages.is_empty() {
                let name = "web.remote-write-receiver.accepted-protobuf-messages";
                self.set_since(out, (2, 54, 0), name, messages.join(","));
            }
        }
        // Sending metadata with remote write 2.0 needed it, until 3.4 (prometheus-operator#7889).
        let sends_v2 = |version: &Option<String>| version.as_deref() == Some("V2.0");
        if common
            .remote_write
            .iter()
            .any(|write| sends_v2(&write.message_version))
            && !self.version().at_least((3, 4, 0))
        {
            self.set_since(out, (2, 54, 0), "enable-feature", "metadata-wal-records");
        }
        if common.enable_otlp_receiver.unwrap_or(common.otlp.is_some()) {
            if self.version().major >= 3 {
                out.flag("web.enable-otlp-receiver");
            } else {
                self.set_since(out, (2, 47, 0), "enable-feature", "otlp-write-receiver");
            }
        }
    }

    fn features(&self, out: &mut Arguments) {
        const XOR2: &str = "xor2-encoding";
        let common = self.generator.common;
        let features = &common.enable_features;
        if !features.is_empty() {
            self.set_since(out, (2, 25, 0), "enable-feature", features.join(","));
        }
        let encoding = common
            .tsdb
            .as_ref()
            .and_then(|tsdb| tsdb.chunk_encoding.as_ref());
        let floats = encoding.and_then(|encoding| encoding.floats.as_deref());
        if floats == Some("Xor2") && !features.iter().any(|feature| feature == XOR2) {
            self.set_since(out, (3, 13, 0), "enable-feature", XOR2);
        }
    }

    /// Of a server, up to the web configuration.
    pub(super) fn server_arguments(&self, spec: &PrometheusSpec) -> Arguments {
        let mut out = self.common_arguments();
        self.retention(&mut out, spec);
        out.set("storage.tsdb.path", STORAGE);
        if spec.enable_admin_api == Some(true) {
            out.flag("web.enable-admin-api");
        }
        if let Some(alert) = spec.rules.as_ref().and_then(|rules| rules.alert.as_ref()) {
            for (name, value) in [
                (
                    "rules.alert.for-outage-tolerance",
                    &alert.for_outage_tolerance,
                ),
                ("rules.alert.for-grace-period", &alert.for_grace_period),
                ("rules.alert.resend-delay", &alert.resend_delay),
            ] {
                self.set_some_since(&mut out, (2, 4, 0), name, filled(value));
            }
        }
        if let Some(query) = &spec.query {
            self.query(&mut out, query);
        }
        if spec.allow_overlapping_blocks == Some(true) {
            let name = "storage.tsdb.allow-overlapping-blocks";
            if self.before((2, 39, 0)) {
                self.set_since(&mut out, (2, 11, 0), name, "");
            } else {
                self.generator.unsupported(name);
            }
        }
        if let Some(compressed) = self.generator.common.wal_compression {
            let name = if compressed {
                "storage.tsdb.wal-compression"
            } else {
                "no-storage.tsdb.wal-compression"
            };
            self.set_since(&mut out, (2, 11, 0), name, "");
        }
        out
    }

    /// How long and how much data is kept; since 3.11 the configuration says it.
    fn retention(&self, out: &mut Arguments, spec: &PrometheusSpec) {
        const DEFAULT: &str = "24h";
        if self.version().at_least((3, 11, 0)) {
            return;
        }
        let (time, size) = (filled(&spec.retention), filled(&spec.retention_size));
        if self.before((2, 7, 0)) {
            out.set("storage.tsdb.retention", time.unwrap_or(DEFAULT));
        } else {
            let time = time.or_else(|| size.is_none().then_some(DEFAULT));
            out.set_some("storage.tsdb.retention.time", time);
        }
        self.set_some_since(out, (2, 7, 0), "storage.tsdb.retention.size", size);
    }

    fn query(&self, out: &mut Arguments, query: &QuerySpec) {
        out.set_some("query.lookback-delta", query.lookback_delta.as_deref());
        let samples = query.max_samples.filter(|samples| *samples > 0);
        self.set_some_since(out, (2, 5, 0), "query.max-samples", samples);
        let concurrency = query.max_concurrency.filter(|queries| *queries > 0);
        out.set_some("query.max-concurrency", concurrency);
        out.set_some("query.timeout", query.timeout.as_deref());
    }

    /// Of an agent, up to the web configuration.
    pub(super) fn agent_arguments(&self) -> Arguments {
        let mut out = self.common_arguments();
        if self.version().major == 2 {
            out.set("enable-feature", "agent");
        } else {
            out.flag("agent");
        }
        out.set("storage.agent.path", STORAGE);
        if let Some(compressed) = self.generator.common.wal_compression {
            out.flag(if compressed {
                "storage.agent.wal-compression"
            } else {
                "no-storage.agent.wal-compression"
            });
        }
        out
    }
}
