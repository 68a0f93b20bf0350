//! `global`, `runtime`, `rule_files` and `storage`.

use std::collections::BTreeMap;

use super::generator::{ConfigError, Generator};
use super::histograms::{float, smaller};
use super::{LOGS, RULES};
use crate::api::prometheus::PrometheusSpec;
use crate::config::version::Since;
use crate::config::yaml::{Mapping, filled, sorted};
use crate::path;

impl Generator<'_> {
    /// What holds for every job.
    pub(super) fn global(&self) -> Mapping {
        let common = self.common;
        let mut out = Mapping::new();
        out.put(
            "scrape_interval",
            common.scrape_interval.as_deref().unwrap_or_default(),
        );
        out.put_some("scrape_timeout", filled(&common.scrape_timeout));
        self.scrape_protocols(&mut out, &common.scrape_protocols);
        out.put("external_labels", sorted(&self.external_labels()));
        self.global_limits(&mut out);
        let log = common.scrape_failure_log_file.as_deref().map(log_file);
        self.put_some_since(&mut out, (2, 55, 0), "scrape_failure_log_file", log);
        self.name_validation(&mut out, common.name_validation_scheme.as_ref());
        self.name_escaping(&mut out, common.name_escaping_scheme.as_ref());
        self.put_some_since(
            &mut out,
            (3, 4, 0),
            "convert_classic_histograms_to_nhcb",
            common.convert_classic_histograms_to_nhcb,
        );
        self.put_some_since(
            &mut out,
            (3, 5, 0),
            "always_scrape_classic_histograms",
            common.scrape_classic_histograms,
        );
        self.put_some_since(
            &mut out,
            (3, 8, 0),
            "scrape_native_histograms",
            common.scrape_native_histograms,
        );
        out
    }

    /// What a server has besides: evaluation of rules, the query log.
    pub(super) fn global_of_server(&self, out: &mut Mapping, spec: &PrometheusSpec) {
        out.put(
            "evaluation_interval",
            spec.evaluation_interval.as_deref().unwrap_or_default(),
        );
        self.put_some_since(
            out,
            (2, 53, 0),
            "rule_query_offset",
            spec.rule_query_offset.as_ref(),
        );
        let log = filled(&spec.query_log_file).map(log_file);
        self.put_some_since(out, (2, 16, 0), "query_log_file", log);
    }

    fn external_labels(&self) -> BTreeMap<String, String> {
        let common = self.common;
        let mut labels = BTreeMap::new();
        let mut reserve = |name: Option<&String>, default: &str, value: String| {
            let name = name.map_or(default, String::as_str);
            if !name.is_empty() {
                labels.insert(name.to_owned(), value);
            }
        };
        let itself = format!("{}/{}", self.metadata.namespace, self.metadata.name);
        reserve(
            common.prometheus_external_label_name.as_ref(),
            "prometheus",
            itself,
        );
        reserve(
            common.replica_external_label_name.as_ref(),
            "prometheus_replica",
            "$(POD_NAME)".to_owned(),
        );
        let strategy = common
            .sharding_strategy
            .as_ref()
            .filter(|_| self.options.topology_sharding);
        let strategy = strategy.filter(|strategy| strategy.mode.as_deref() == Some("Topology"));
        if let Some(topology) = strategy.and_then(|strategy| strategy.topology.as_ref()) {
            reserve(
                topology.external_label_name.as_ref(),
                "zone",
                "$(TOPOLOGY_ZONE)".to_owned(),
            );
        }
        for (name, value) in &common.external_labels {
            if labels.contains_key(name) {
                self.warn(format!(
                    "ignoring external label {name:?}: the name is reserved"
                ));
            } else {
                labels.insert(name.clone(), value.clone());
            }
        }
        labels
    }

    fn global_limits(&self, out: &mut Mapping) {
        let common = self.common;
        let body = smaller(
            filled(&common.body_size_limit),
            filled(&common.enforced_body_size_limit),
        );
        self.put_some_since(out, (2, 45, 0), "body_size_limit", body);
        let all: [(&str, Since, Option<i64>, Option<i64>); 6] = [
            (
                "sample_limit",
                (2, 45, 0),
                common.sample_limit,
                common.enforced_sample_limit,
            ),
            (
                "target_limit",
                (2, 45, 0),
                common.target_limit,
                common.enforced_target_limit,
            ),
            (
                "label_limit",
                (2, 45, 0),
                common.label_limit,
                common.enforced_label_limit,
            ),
            (
                "label_name_length_limit",
                (2, 45, 0),
                common.label_name_length_limit,
                common.enforced_label_name_length_limit,
            ),
            (
                "label_value_length_limit",
                (2, 45, 0),
                common.label_value_length_limit,
                common.enforced_label_value_length_limit,
            ),
            (
                "keep_dropped_targets",
                (2, 47, 0),
                common.keep_dropped_targets,
                common.enforced_keep_dropped_targets,
            ),
        ];
        for (key, since, own, enforced) in all {
            let own = own.filter(|own| *own > 0);
            let enforced = enforced.filter(|enforced| *enforced > 0);
            let limit = match (own, enforced) {
                (Some(own), Some(enforced)) => {
                    if own > enforced {
                        self.warn(format!(
                            "{key:?} {own} is above the enforced limit {enforced}"
                        ));
                    }
                    Some(own.min(enforced))
                }
                (own, enforced) => own.or(enforced),
            };
            self.put_some_since(out, since, key, limit);
        }
    }

    /// `runtime`.
    pub(super) fn runtime(&self, out: &mut Mapping) {
        if let Some(runtime) = &self.common.runtime {
            let mut block = Mapping::new();
            block.put_some("gogc", runtime.go_gc);
            self.put_since(out, (2, 53, 0), "runtime", block);
        }
    }

    /// `rule_files`, if rules are selected at all.
    pub(super) fn rule_files(out: &mut Mapping, spec: &PrometheusSpec, config_maps: &[String]) {
        if spec.rule_selector.is_some() {
            let files: Vec<String> = config_maps
                .iter()
                .map(|name| format!("{RULES}/{name}/*.yaml"))
                .collect();
            out.put("rule_files", files);
        }
    }

    /// What is known of `tsdb` in both modes.
    fn tsdb(&self, since_window: Since) -> Result<Mapping, ConfigError> {
        let mut out = Mapping::new();
        let Some(tsdb) = &self.common.tsdb else {
            return Ok(out);
        };
        let threshold = tsdb.stale_series_compaction_threshold.as_ref();
        if let Some(threshold) = threshold
            && !(0.0..=1.0).contains(&float(threshold))
        {
            return Err(ConfigError(format!(
                "`staleSeriesCompactionThreshold` must be between 0 and 1. The current value is {threshold}"
            )));
        }
        let floats = tsdb
            .chunk_encoding
            .as_ref()
            .and_then(|encoding| encoding.floats.as_deref());
        if floats == Some("Xor")
            && self
                .common
                .enable_features
                .iter()
                .any(|feature| feature == "st-storage")
        {
            return Err(ConfigError(
                "chunk encoding \"Xor\" is incompatible with --enable-feature=st-storage (XOR chunks do not store start timestamps)"
                    .to_owned(),
            ));
        }
        self.put_some_since(
            &mut out,
            since_window,
            "out_of_order_time_window",
            tsdb.out_of_order_time_window.as_ref(),
        );
        self.put_some_since(
            &mut out,
            (3, 10, 0),
            "stale_series_compaction_threshold",
            threshold.map(float),
        );
        if let Some(floats) = floats {
            let block = Mapping::new().with("floats", floats.to_lowercase());
            self.put_since(&mut out, (3, 13, 0), "chunk_encoding", block);
        }
        Ok(out)
    }

    /// `storage` of a server.
    pub(super) fn storage(
        &self,
        out: &mut Mapping,
        spec: &PrometheusSpec,
    ) -> Result<(), ConfigError> {
        let mut storage = Mapping::new();
        let mut tsdb = self
            .tsdb((2, 39, 0))
            .map_err(|error| error.within("generating storage_settings configuration failed"))?;
        if let Some(most) = spec
            .exemplars
            .as_ref()
            .and_then(|exemplars| exemplars.max_size)
        {
            let block = Mapping::new().with("max_exemplars", most);
            self.put_since(&mut storage, (2, 29, 0), "exemplars", block);
        }
        if self.supports((3, 11, 0)) {
            let (time, size) = (filled(&spec.retention), filled(&spec.retention_size));
            let mut retention = Mapping::new();
            retention.put_some(
                "time",
                time.or(if size.is_none() { Some("24h") } else { None }),
            );
            retention.put_some("size", size);
            tsdb.put("retention", retention);
        }
        if !tsdb.is_empty() {
            storage.put("tsdb", tsdb);
        }
        if !storage.is_empty() {
            self.put_since(out, (2, 29, 0), "storage", storage);
        }
        Ok(())
    }

    /// `storage` of an agent: one block, because Prometheus refuses the same key twice.
    pub(super) fn agent_storage(&self, out: &mut Mapping) -> Result<(), ConfigError> {
        let tsdb = self.tsdb((2, 54, 0))?;
        if !tsdb.is_empty() {
            out.put("storage", Mapping::new().with("tsdb", tsdb));
        }
        Ok(())
    }

    /// `metric_name_validation_scheme`.
    pub(super) fn name_validation(&self, out: &mut Mapping, scheme: Option<&String>) {
        let scheme = scheme.map(|scheme| scheme.to_lowercase());
        self.put_some_since(out, (3, 0, 0), "metric_name_validation_scheme", scheme);
    }

    /// `metric_name_escaping_scheme`.
    pub(super) fn name_escaping(&self, out: &mut Mapping, scheme: Option<&String>) {
        let scheme = scheme.and_then(|scheme| match scheme.as_str() {
            "AllowUTF8" => Some("allow-utf-8"),
            "Underscores" => Some("underscores"),
            "Dots" => Some("dots"),
            "Values" => Some("values"),
            _ => None,
        });
        self.put_some_since(out, (3, 4, 0), "metric_name_escaping_scheme", scheme);
    }
}

/// A file in the folder a program is started in lies in the volume for logs (upstream's `logFilePath`).
pub(super) fn log_file(name: &str) -> String {
    if is_bare(name) {
        path::clean(&format!("{LOGS}/{name}"))
    } else {
        name.to_owned()
    }
}

/// Whether a log goes to our volume (upstream's `UsesDefaultFileVolume`).
pub(crate) fn is_bare(file: &str) -> bool {
    let folder = file.rsplit_once('/');
    let folder = folder.map(|(folder, _)| format!("{folder}/"));
    !file.is_empty() && path::clean(&folder.unwrap_or_default()) == "."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_named_without_a_folder_go_to_our_volume() {
        for file in ["query.log", "./query.log", "a/../query.log"] {
            assert_eq!(log_file(file), "/var/log/prometheus/query.log", "{file}");
        }
        for file in ["", "/query.log", "a/query.log", "../query.log"] {
            assert!(!is_bare(file), "{file}");
            assert_eq!(log_file(file), file);
        }
    }
}
