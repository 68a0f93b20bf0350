//! Replays of the Prometheus configuration.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Answer;
use crate::api::{ThanosRuler, read};
use crate::config::assets::Assets;
use crate::config::prometheus::{
    Additional, ConfigError, Generated, Options, Selected, agent_configuration, ruler_remote_write,
    server_configuration,
};
use crate::config::version::Version;

/// A server.
pub(super) fn server(input: &Value) -> Answer {
    answer(input, |selected, additional, assets, options| {
        let prometheus = object(input, "prometheus")?;
        server_configuration(&prometheus, selected, additional, assets, options)
    })
}

/// An agent.
pub(super) fn agent(input: &Value) -> Answer {
    answer(input, |selected, additional, assets, options| {
        let agent = object(input, "prometheusAgent")?;
        agent_configuration(&agent, selected, additional, assets, options)
    })
}

/// Where a ruler writes to.
pub(super) fn ruler(input: &Value) -> Answer {
    let field = |name: &str| input.get(name).cloned().unwrap_or_default();
    let metadata = json!({"name": field("name"), "namespace": field("namespace")});
    let spec = match field("remoteWrite") {
        Value::Null => json!({}),
        remote_write => json!({"remoteWrite": remote_write}),
    };
    let ruler: Result<ThanosRuler, _> = read(&json!({"metadata": metadata, "spec": spec}));
    let version = Version::parse(field("version").as_str().unwrap_or_default());
    match (ruler, version) {
        (Ok(ruler), Ok(version)) => told(ruler_remote_write(&ruler, &version, &assets(input))),
        (Err(error), _) => Answer::Error(error.to_string()),
        (_, Err(error)) => Answer::Error(error.to_string()),
    }
}

type Make<'a> =
    &'a dyn Fn(&Selected, &Additional, &Assets, Options) -> Result<Generated, ConfigError>;

fn answer(
    input: &Value,
    make: impl Fn(&Selected, &Additional, &Assets, Options) -> Result<Generated, ConfigError>,
) -> Answer {
    let make: Make = &make;
    let outcome = selected(input).and_then(|selected| {
        make(
            &selected,
            &additional(input),
            &assets(input),
            options(input),
        )
    });
    told(outcome)
}

fn told(made: Result<Generated, ConfigError>) -> Answer {
    match made {
        Ok(generated) => Answer::Yaml(generated.text),
        Err(error) => Answer::Error(error.to_string()),
    }
}

/// An argument that is an object.
pub(super) fn object<T: DeserializeOwned>(input: &Value, name: &str) -> Result<T, ConfigError> {
    let value = input.get(name).unwrap_or(&Value::Null);
    read(value).map_err(|error| ConfigError(format!("{name} cannot be read: {error}")))
}

fn objects<T: DeserializeOwned>(
    input: &Value,
    name: &str,
) -> Result<BTreeMap<String, T>, ConfigError> {
    let all = input.get(name).and_then(Value::as_object);
    all.into_iter()
        .flatten()
        .map(|(key, value)| {
            let object = read(value);
            object
                .map(|object| (key.clone(), object))
                .map_err(|error| ConfigError(format!("{name} {key} cannot be read: {error}")))
        })
        .collect()
}

fn selected(input: &Value) -> Result<Selected, ConfigError> {
    let rules = input.get("ruleConfigMapNames").and_then(Value::as_array);
    Ok(Selected {
        service_monitors: objects(input, "serviceMonitors")?,
        pod_monitors: objects(input, "podMonitors")?,
        probes: objects(input, "probes")?,
        scrape_configs: objects(input, "scrapeConfigs")?,
        rule_config_maps: rules
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    })
}

fn additional(input: &Value) -> Additional {
    let text = |name: &str| {
        let text = input.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Additional {
        scrape_configs: text("additionalScrapeConfigs"),
        alert_relabel_configs: text("additionalAlertRelabelConfigs"),
        alertmanager_configs: text("additionalAlertManagerConfigs"),
    }
}

/// The Secrets and ConfigMaps of a case.
pub(super) fn assets(input: &Value) -> Assets {
    let mut assets = Assets::default();
    for object in input
        .get("store")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        assets.insert(object);
    }
    assets
}

/// What the generator was told.
pub(super) fn options(input: &Value) -> Options {
    let flag = |name: &str| {
        input
            .get("options")
            .and_then(|options| options.get(name))
            .and_then(Value::as_bool)
            .unwrap_or_default()
    };
    Options {
        endpoint_slice_supported: flag("endpointSliceSupported"),
        daemon_set: flag("daemonSet"),
        topology_sharding: flag("topologySharding"),
        retention_policies: flag("retentionPolicies"),
        // Upstream has no rules for that.
        retains_shards: false,
        pod_topology_labels: flag("podTopologyLabels"),
        inline_tls: flag("inlineTLS"),
        bypass_version_check: flag("bypassVersionCheck"),
    }
}
