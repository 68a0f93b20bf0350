//! Flags of upstream's operator (`cmd/operator/main.go`, `pkg/server/server.go`), so that its manifests and charts start this
//! one unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use machinery::duration::GoDuration;
use machinery::fields;
use machinery::labels::Selector;
use machinery::quantity::Quantity;
use monitoring::operator::watched::{Namespaces, Watch};
use monitoring::run::{Bindings, Gates, RunOptions, Selectors};
use monitoring::workload::{ReloaderSettings, Repair, Settings};

use crate::cli::fail;

/// What is looked after.
#[derive(Args, Debug)]
#[command(next_help_heading = "What is looked after")]
pub struct Scope {
    /// Only these namespaces
    #[arg(long, value_delimiter = ',')]
    namespaces: Vec<String>,
    /// All namespaces but these
    #[arg(long, value_delimiter = ',')]
    deny_namespaces: Vec<String>,
    /// Only Prometheus servers and agents in these namespaces
    #[arg(long, value_delimiter = ',')]
    prometheus_instance_namespaces: Vec<String>,
    /// Only Alertmanagers in these namespaces
    #[arg(long, value_delimiter = ',')]
    alertmanager_instance_namespaces: Vec<String>,
    /// Only Thanos Rulers in these namespaces
    #[arg(long, value_delimiter = ',')]
    thanos_ruler_instance_namespaces: Vec<String>,
    /// Only `AlertmanagerConfigs` in these namespaces
    #[arg(long, value_delimiter = ',')]
    alertmanager_config_namespaces: Vec<String>,
    /// Only Prometheus servers and agents with these labels
    #[arg(long, default_value = "", value_parser = selector)]
    prometheus_instance_selector: String,
    /// Only Alertmanagers with these labels
    #[arg(long, default_value = "", value_parser = selector)]
    alertmanager_instance_selector: String,
    /// Only Thanos Rulers with these labels
    #[arg(long, default_value = "", value_parser = selector)]
    thanos_ruler_instance_selector: String,
    /// Only workloads whose annotation operator.prometheus.io/controller-id has this value
    #[arg(long, default_value = "")]
    controller_id: String,
    /// Only Secrets with these labels may be referred to
    #[arg(long, default_value = "", value_parser = selector)]
    secret_label_selector: String,
    /// Only Secrets with these fields may be referred to
    #[arg(long, default_value = "", value_parser = secret_fields)]
    secret_field_selector: String,
    /// Only ConfigMaps with these labels may be referred to
    #[arg(long, default_value = "", value_parser = selector)]
    configmap_label_selector: String,
    /// Only ConfigMaps with these fields may be referred to
    #[arg(long, default_value = "", value_parser = object_fields)]
    configmap_field_selector: String,
}

/// What pods and other objects are made with.
#[derive(Args, Debug)]
#[command(next_help_heading = "What is made")]
pub struct Making {
    /// Image of the config-reloader
    #[arg(long, default_value_t = ReloaderSettings::default().image)]
    prometheus_config_reloader: String,
    /// CPU that each config-reloader asks for; 0 for none
    #[arg(long, default_value = "10m", value_parser = quantity)]
    config_reloader_cpu_request: String,
    /// CPU that each config-reloader may use; 0 for any
    #[arg(long, default_value = "10m", value_parser = quantity)]
    config_reloader_cpu_limit: String,
    /// Memory that each config-reloader asks for; 0 for none
    #[arg(long, default_value = "50Mi", value_parser = quantity)]
    config_reloader_memory_request: String,
    /// Memory that each config-reloader may use; 0 for any
    #[arg(long, default_value = "50Mi", value_parser = quantity)]
    config_reloader_memory_limit: String,
    /// Old flag for request and limit of CPU
    #[arg(long, value_parser = quantity)]
    config_reloader_cpu: Option<String>,
    /// Old flag for request and limit of memory
    #[arg(long, value_parser = quantity)]
    config_reloader_memory: Option<String>,
    /// Give pods the label `app` too, which Services of charts for operators before 0.52 select [default: whether an old flag
    /// for the config-reloader is given]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean)]
    legacy_app_label: Option<bool>,
    /// Probe the config-reloaders
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set)]
    enable_config_reloader_probes: bool,
    /// Spread a configuration that is too large for one Secret over several, which Carrick's own config-reloader joins, and no
    /// other: only with its image in --prometheus-config-reloader
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set)]
    spread_large_configurations: bool,
    /// Image of Alertmanager, without tag
    #[arg(long, default_value_t = Settings::default().alertmanager_image)]
    alertmanager_default_base_image: String,
    /// Image of Prometheus, without tag
    #[arg(long, default_value_t = Settings::default().prometheus_image)]
    prometheus_default_base_image: String,
    /// Image of Thanos, without tag
    #[arg(long, default_value_t = Settings::default().thanos_image)]
    thanos_default_base_image: String,
    /// Annotations of everything that is made: key=value,…
    #[arg(long, value_delimiter = ',', value_parser = pair)]
    annotations: Vec<(String, String)>,
    /// Labels of everything that is made, and of selectors: key=value,…
    #[arg(long, value_delimiter = ',', value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Host by which containers of a pod reach each other
    #[arg(long, default_value = "localhost")]
    localhost: String,
    /// Domain of the cluster, for complete names of Services
    #[arg(long, default_value = "")]
    cluster_domain: String,
    /// What is done about a pod that no update of its StatefulSet reaches
    #[arg(long, value_enum, default_value = "none")]
    repair_policy_for_statefulsets: RepairPolicy,
    /// Manage the configuration of a Prometheus without selectors too
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set)]
    disable_unmanaged_prometheus_configuration: bool,
}

/// What is done about a stuck pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RepairPolicy {
    None,
    Evict,
    Delete,
}

/// Flags for what isn't here, or isn't needed.
#[derive(Args, Debug)]
#[command(next_help_heading = "Accepted for upstream's manifests, without effect")]
pub struct Unused {
    /// Secrets and ConfigMaps are always followed where they are referred to
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean)]
    watch_referenced_objects_in_all_namespaces: Option<bool>,
    /// There is no Go
    #[arg(long)]
    auto_gomemlimit_ratio: Option<f64>,
}

impl Scope {
    /// Puts what is looked after into the options.
    ///
    /// # Errors
    /// If namespaces are both allowed and denied.
    pub fn apply(self, options: &mut RunOptions) -> Result<()> {
        if !filled(&self.namespaces).is_empty() && !filled(&self.deny_namespaces).is_empty() {
            return fail(
                "--namespaces and --deny-namespaces are mutually exclusive, please provide only one of them",
            );
        }
        let all = match (filled(&self.namespaces), filled(&self.deny_namespaces)) {
            (only, _) if !only.is_empty() => Namespaces::Only(only),
            (_, except) if !except.is_empty() => Namespaces::Except(except),
            _ => Namespaces::All,
        };
        let or_all = |names: &[String]| {
            let names = filled(names);
            if names.is_empty() {
                all.clone()
            } else {
                Namespaces::Only(names)
            }
        };
        let watch = |names: &[String], selector: String| Watch {
            namespaces: or_all(names),
            selector,
            controller_id: self.controller_id.clone(),
        };
        options.prometheuses = watch(
            &self.prometheus_instance_namespaces,
            self.prometheus_instance_selector,
        );
        options.alertmanagers = watch(
            &self.alertmanager_instance_namespaces,
            self.alertmanager_instance_selector,
        );
        options.thanos_rulers = watch(
            &self.thanos_ruler_instance_namespaces,
            self.thanos_ruler_instance_selector,
        );
        options.alertmanager_configs = or_all(&self.alertmanager_config_namespaces);
        options.namespaces = all;
        options.secrets = Selectors {
            labels: self.secret_label_selector,
            fields: self.secret_field_selector,
        };
        options.config_maps = Selectors {
            labels: self.configmap_label_selector,
            fields: self.configmap_field_selector,
        };
        Ok(())
    }
}

impl Making {
    /// What pods and other objects are made with.
    pub fn settings(self) -> Settings {
        let default = ReloaderSettings::default();
        // An empty amount is none that was given.
        let old = |given: &Option<String>, value: String, default: String| {
            let given = given.iter().cloned().chain([value]);
            given
                .into_iter()
                .find(|amount| !amount.is_empty())
                .unwrap_or(default)
        };
        let (cpu, memory) = (self.config_reloader_cpu, self.config_reloader_memory);
        let of_old_chart = cpu.is_some() || memory.is_some();
        Settings {
            annotations: pairs(self.annotations),
            labels: pairs(self.labels),
            local_host: self.localhost,
            cluster_domain: self.cluster_domain,
            reloader: ReloaderSettings {
                image: self.prometheus_config_reloader,
                cpu_request: old(&cpu, self.config_reloader_cpu_request, default.cpu_request),
                cpu_limit: old(&cpu, self.config_reloader_cpu_limit, default.cpu_limit),
                memory_request: old(
                    &memory,
                    self.config_reloader_memory_request,
                    default.memory_request,
                ),
                memory_limit: old(
                    &memory,
                    self.config_reloader_memory_limit,
                    default.memory_limit,
                ),
                probes: self.enable_config_reloader_probes,
                joins: self.spread_large_configurations,
            },
            prometheus_image: self.prometheus_default_base_image,
            alertmanager_image: self.alertmanager_default_base_image,
            thanos_image: self.thanos_default_base_image,
            repair: match self.repair_policy_for_statefulsets {
                RepairPolicy::None => Repair::None,
                RepairPolicy::Evict => Repair::Evict,
                RepairPolicy::Delete => Repair::Delete,
            },
            always_managed: self.disable_unmanaged_prometheus_configuration,
            legacy_app_label: self.legacy_app_label.unwrap_or(of_old_chart),
        }
    }
}

fn pairs(given: Vec<(String, String)>) -> BTreeMap<String, String> {
    let pairs = given.into_iter();
    pairs.filter(|(key, _)| !key.is_empty()).collect()
}

/// Reads `Name=true,Name=false,…`; what isn't named is as Carrick has it.
pub fn gates(text: &str) -> Result<Gates> {
    let mut gates = Gates::default();
    for one in text.split(',').filter(|one| !one.trim().is_empty()) {
        let (name, value) = one.split_once('=').unwrap_or((one, ""));
        let Ok(value) = boolean(value.trim()) else {
            return fail(format!(
                "--feature-gates: {one:?} isn't `Name=true` or `Name=false`"
            ));
        };
        match name.trim() {
            "PrometheusTopologySharding" => gates.topology_sharding = value,
            "PrometheusShardRetentionPolicy" => gates.shard_retention = value,
            "StatusForConfigurationResources" => {
                gates.bindings = if value { Bindings::Kept } else { Bindings::Off };
            }
            "PrometheusAgentDaemonSet" => gates.daemon_sets = value,
            "RemoteWriteCustomResourceDefinition" => {
                if value {
                    tracing::warn!(
                        gate = name.trim(),
                        "has no effect in this version of Carrick"
                    );
                }
            }
            unknown => {
                return fail(format!(
                    "feature gate {unknown:?} is unknown (supported feature gates: PrometheusAgentDaemonSet, PrometheusShardRetentionPolicy, PrometheusTopologySharding, RemoteWriteCustomResourceDefinition, StatusForConfigurationResources)"
                ));
            }
        }
    }
    Ok(gates)
}

fn filled(names: &[String]) -> BTreeSet<String> {
    let names = names
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// A boolean as Go's `strconv.ParseBool` reads it.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// Nothing is no pair, which has no key.
fn pair(text: &str) -> Result<(String, String), String> {
    if text.is_empty() {
        return Ok(Default::default());
    }
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| "write key=value".to_owned())?;
    Ok((key.to_owned(), value.to_owned()))
}

/// An amount of CPU or memory as it is written; none is 0 or nothing.
fn quantity(text: &str) -> Result<String, String> {
    let why = match Quantity::parse(text) {
        Ok(amount) if amount.sign() < 0 => "less than nothing".to_owned(),
        Err(error) if !text.is_empty() => error.to_string(),
        Ok(_) | Err(_) => return Ok(text.to_owned()),
    };
    Err(format!(
        "{why}; write an amount such as 100m or 50Mi, or 0 for none"
    ))
}

/// Reads a duration as Go writes it, longer than none; else the hint is what is wrong.
pub(super) fn positive(text: &str, hint: &str) -> Result<Duration, String> {
    let duration = GoDuration::parse(text).ok().and_then(GoDuration::to_std);
    let duration = duration.filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| hint.to_owned())
}

pub(super) fn selector(text: &str) -> Result<String, String> {
    let parsed = Selector::parse(text).map_err(|error| error.to_string());
    parsed.map(|_| text.to_owned())
}

/// A selector of fields that Secrets have.
fn secret_fields(text: &str) -> Result<String, String> {
    field_selector(text, &["type", "metadata.name", "metadata.namespace"])
}

/// A selector of fields that every object has.
fn object_fields(text: &str) -> Result<String, String> {
    field_selector(text, &["metadata.name", "metadata.namespace"])
}

/// Refused here: the API server would refuse it again and again.
fn field_selector(text: &str, known: &[&str]) -> Result<String, String> {
    let parsed = fields::Selector::parse(text).map_err(|error| {
        format!("{error}; write field=value or field!=value, with commas between")
    })?;
    let unknown = |term: &&fields::Term| !known.contains(&term.field.as_str());
    match parsed.terms.iter().find(unknown) {
        Some(term) => Err(format!(
            "there is no field {:?} to select by; there are {}",
            term.field,
            known.join(", ")
        )),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_to_select_by_are_known_and_compared() {
        let good = "type!=kubernetes.io/dockercfg,metadata.name=a";
        for text in ["", good] {
            assert_eq!(secret_fields(text).as_deref(), Ok(text));
        }
        for (wrong, why) in [
            ("type", "write field=value"),
            (
                "data=x",
                "there are type, metadata.name, metadata.namespace",
            ),
        ] {
            let told = secret_fields(wrong).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert!(object_fields(good).is_err());
    }

    #[test]
    fn amounts_are_read_and_what_is_none_refused() {
        for text in ["", "0", "100m", "50Mi", "1.5"] {
            assert_eq!(quantity(text).as_deref(), Ok(text));
        }
        for wrong in ["lots", "-5", "5 Mi", "1MiB"] {
            let why = quantity(wrong).unwrap_err();
            assert!(
                why.ends_with("; write an amount such as 100m or 50Mi, or 0 for none"),
                "{why}"
            );
        }
    }

    #[test]
    fn gates_are_read_and_unknown_ones_refused() {
        let made =
            gates("StatusForConfigurationResources=false,PrometheusAgentDaemonSet=true").unwrap();
        assert_eq!(
            made,
            Gates {
                bindings: Bindings::Off,
                daemon_sets: true,
                ..Gates::default()
            }
        );
        assert_eq!(gates("").unwrap(), Gates::default());
        for wrong in [
            "Nonsense=true",
            "PrometheusTopologySharding",
            "PrometheusTopologySharding=2",
        ] {
            assert!(gates(wrong).is_err(), "{wrong}");
        }
    }
}
