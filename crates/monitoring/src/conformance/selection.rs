//! Replays of the checks of monitors and relabelings.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Answer;
use super::configuration::{assets, object};
use crate::api::Prometheus;
use crate::api::common::RelabelConfig;
use crate::api::kinds::Object;
use crate::config::prometheus::ConfigError;
use crate::config::version::Version;
use crate::selection::{Check, Refusal, relabel};

/// A monitor of any kind.
pub(super) fn monitor<S, T>(
    input: &Value,
    check: impl Fn(&Object<S, T>, Check) -> Result<(), Refusal>,
) -> Answer
where
    S: Default + DeserializeOwned,
    T: Default + DeserializeOwned,
{
    let checked = || -> Result<(), Refusal> {
        let text = |error: ConfigError| error.to_string();
        let monitor: Object<S, T> = object(input, "object").map_err(text)?;
        let prometheus: Prometheus = object(input, "prometheus").map_err(text)?;
        let (assets, version) = (assets(input), version(input)?);
        let scope = assets.within(&monitor.metadata.namespace);
        check(
            &monitor,
            Check {
                common: &prometheus.spec.common,
                version: &version,
                scope,
            },
        )
    };
    answer(checked())
}

/// One relabeling or a list of them.
pub(super) fn relabelings(input: &Value) -> Answer {
    let checked = || -> Result<(), Refusal> {
        let version = version(input)?;
        let text = |error: ConfigError| error.to_string();
        if input.get("relabel").is_some_and(Value::is_array) {
            let rules: Vec<RelabelConfig> = object(input, "relabel").map_err(text)?;
            let mut rules = rules.iter();
            rules.try_for_each(|rule| relabel::check(rule, &version))
        } else {
            let rule: RelabelConfig = object(input, "relabel").map_err(text)?;
            relabel::check(&rule, &version)
        }
    };
    answer(checked())
}

fn version(input: &Value) -> Result<Version, Refusal> {
    let text = input
        .get("version")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Version::parse(text).map_err(|error| error.to_string())
}

fn answer(checked: Result<(), Refusal>) -> Answer {
    match checked {
        Ok(()) => Answer::Json(json!(true)),
        Err(refusal) => Answer::Error(refusal),
    }
}
