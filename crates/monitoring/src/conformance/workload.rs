//! Replays of workloads and web configurations.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Answer;
use super::configuration::{object, options};
use crate::api::alertmanager::ClusterTlsConfig;
use crate::api::workload::PrometheusWebSpec;
use crate::api::{Alertmanager, Prometheus, PrometheusAgent, ThanosRuler, read};
use crate::workload::{
    AgentInput, Built, ClusterTls, Mounted, ReloaderSettings, Repair, Secrets, ServerInput,
    Settings, ThanosRulerInput, WebConfig, WorkloadError, agent_stateful_set, alertmanager_spec,
    alertmanager_stateful_set, server_stateful_set, thanos_ruler_stateful_set,
};

/// The kinds that are answered here.
pub(super) const KINDS: [&str; 9] = [
    "sts-prometheus",
    "sts-agent",
    "sts-alertmanager",
    "sts-thanosruler",
    "stsspec-alertmanager",
    "webconfig",
    "webconfig-mounts",
    "clustertls",
    "clustertls-mounts",
];

/// The answer to one of these kinds.
pub(super) fn answer(kind: &str, input: &Value) -> Answer {
    let made = match kind {
        "sts-prometheus" => server(input).map(whole),
        "sts-agent" => agent(input).map(whole),
        "sts-alertmanager" => alertmanager(input).map(whole),
        "sts-thanosruler" => ruler(input).map(whole),
        "stsspec-alertmanager" => spec(input).map(Answer::Json),
        "webconfig" => web(input).map(|(text, _)| Answer::Yaml(text)),
        "webconfig-mounts" => web(input).map(|(_, mounted)| mounts(&mounted)),
        "clustertls" => cluster_tls(input).map(|(text, _)| Answer::Yaml(text)),
        "clustertls-mounts" => cluster_tls(input).map(|(_, mounted)| mounts(&mounted)),
        _ => Err(WorkloadError(format!("{kind} is not replayed here"))),
    };
    made.unwrap_or_else(|error| Answer::Error(error.to_string()))
}

/// What was recorded has no type and no namespace, which the client put in, but an empty status.
fn whole(built: Built) -> Answer {
    let mut object = built.object;
    if let Some(fields) = object.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
        fields.insert(
            "status".to_owned(),
            json!({"replicas": 0, "availableReplicas": 0}),
        );
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("namespace");
    }
    Answer::Json(object)
}

fn text<'a>(input: &'a Value, key: &str) -> &'a str {
    input.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn argument<T: DeserializeOwned>(input: &Value, name: &str) -> Result<T, WorkloadError> {
    object(input, name).map_err(|error| WorkloadError(error.to_string()))
}

fn settings(input: &Value) -> Settings {
    let config = input.get("config").unwrap_or(&Value::Null);
    let reloader = config.get("ReloaderConfig").unwrap_or(&Value::Null);
    let map = |key: &str| {
        let map = config.get(key).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect()
    };
    let text = |of: &Value, key: &str| text(of, key).to_owned();
    Settings {
        annotations: map("Annotations"),
        labels: map("Labels"),
        local_host: text(config, "LocalHost"),
        cluster_domain: text(config, "ClusterDomain"),
        reloader: ReloaderSettings {
            image: text(reloader, "Image"),
            cpu_request: text(reloader, "CPURequests"),
            cpu_limit: text(reloader, "CPULimits"),
            memory_request: text(reloader, "MemoryRequests"),
            memory_limit: text(reloader, "MemoryLimits"),
            probes: reloader.get("EnableProbes").and_then(Value::as_bool) == Some(true),
            joins: false,
        },
        prometheus_image: text(config, "PrometheusDefaultBaseImage"),
        alertmanager_image: text(config, "AlertmanagerDefaultBaseImage"),
        thanos_image: text(config, "ThanosDefaultBaseImage"),
        repair: Repair::None,
        always_managed: false,
        legacy_app_label: false,
    }
}

fn shard(input: &Value) -> i32 {
    let shard = input.get("shard").and_then(Value::as_i64);
    i32::try_from(shard.unwrap_or_default()).unwrap_or_default()
}

fn tls_secrets(input: &Value) -> usize {
    let sources = input.pointer("/tlsShards/projected/sources");
    sources.and_then(Value::as_array).map_or(0, Vec::len)
}

fn secrets(input: &Value) -> Secrets {
    Secrets {
        tls: tls_secrets(input),
        configuration: 0,
    }
}

fn rules(input: &Value) -> Vec<String> {
    let names = input.get("ruleConfigMapNames").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

fn server(input: &Value) -> Result<Built, WorkloadError> {
    let prometheus: Prometheus = argument(input, "prometheus")?;
    server_stateful_set(ServerInput {
        name: text(input, "name"),
        prometheus: &prometheus,
        settings: &settings(input),
        options: options(input),
        shard: shard(input),
        rule_config_maps: &rules(input),
        secrets: secrets(input),
        input_hash: text(input, "inputHash"),
    })
}

fn agent(input: &Value) -> Result<Built, WorkloadError> {
    let agent: PrometheusAgent = argument(input, "prometheusAgent")?;
    agent_stateful_set(AgentInput {
        name: text(input, "name"),
        agent: &agent,
        settings: &settings(input),
        options: options(input),
        shard: shard(input),
        secrets: secrets(input),
        input_hash: text(input, "inputHash"),
    })
}

fn alertmanager(input: &Value) -> Result<Built, WorkloadError> {
    let alertmanager: Alertmanager = argument(input, "alertmanager")?;
    let (secrets, hash) = (tls_secrets(input), text(input, "inputHash"));
    alertmanager_stateful_set(&alertmanager, &settings(input), secrets, hash)
}

fn spec(input: &Value) -> Result<Value, WorkloadError> {
    let alertmanager: Alertmanager = argument(input, "alertmanager")?;
    alertmanager_spec(&alertmanager, &settings(input), tls_secrets(input))
}

fn ruler(input: &Value) -> Result<Built, WorkloadError> {
    let ruler: ThanosRuler = argument(input, "thanosRuler")?;
    thanos_ruler_stateful_set(ThanosRulerInput {
        ruler: &ruler,
        settings: &settings(input),
        rule_config_maps: &rules(input),
        tls_secrets: tls_secrets(input),
        input_hash: text(input, "inputHash"),
    })
}

fn mounts(mounted: &Mounted) -> Answer {
    Answer::Json(json!({"volumes": mounted.volumes, "volumeMounts": mounted.mounts}))
}

fn web(input: &Value) -> Result<(String, Mounted), WorkloadError> {
    let fields: PrometheusWebSpec = argument(input, "fields")?;
    let config = WebConfig::new(
        text(input, "mountingDir"),
        text(input, "secretName"),
        fields.tls_config.as_ref(),
        fields.http_config.as_ref(),
    )?;
    Ok((config.text(), config.mounted()?))
}

fn cluster_tls(input: &Value) -> Result<(String, Mounted), WorkloadError> {
    let tls: Option<ClusterTlsConfig> = input
        .get("clusterTLS")
        .filter(|tls| !tls.is_null())
        .map(read)
        .transpose()
        .map_err(|error| WorkloadError(error.to_string()))?;
    let (folder, name) = (text(input, "mountingDir"), text(input, "alertmanager"));
    let config = ClusterTls::new(folder, name, tls.as_ref())?;
    Ok((config.text(), config.mounted()?))
}
