//! Replays of rule files.

use serde_json::{Value, json};

use super::Answer;
use crate::api::PrometheusRule;
use crate::api::read;
use crate::config::version::Version;
use crate::promql::Options;
use crate::rules::{Format, Reader, enforce_namespace};

/// The file of an object.
pub(super) fn file(input: &Value) -> Answer {
    let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
    let option = |name: &str| {
        let option = input.pointer(&format!("/parserOptions/{name}"));
        option.and_then(Value::as_bool).unwrap_or_default()
    };
    let rule: PrometheusRule = match read(input.get("rule").unwrap_or(&Value::Null)) {
        Ok(rule) => rule,
        Err(error) => return Answer::Error(error.to_string()),
    };
    let version = match Version::parse(text("version")) {
        Ok(version) => version,
        Err(error) => return Answer::Error(error.to_string()),
    };
    let reader = Reader {
        format: match text("format") {
            "thanos" => Format::Thanos,
            _ => Format::Prometheus,
        },
        version: &version,
        options: Options {
            experimental_functions: option("EnableExperimentalFunctions"),
            duration_expressions: option("ExperimentalDurationExpr"),
            extended_range_selectors: option("EnableExtendedRangeSelectors"),
            fill_modifiers: option("EnableBinopFillModifiers"),
        },
    };
    match reader.file(&rule.spec) {
        Ok(file) => Answer::Yaml(file.text),
        // Upstream says no more than this.
        Err(_) => Answer::Error("invalid rule".to_owned()),
    }
}

/// An object kept to its namespace.
pub(super) fn enforced(input: &Value) -> Answer {
    let mut object = input.get("rule").cloned().unwrap_or_default();
    let label = input.get("label").and_then(Value::as_str);
    let outcome = read::<PrometheusRule>(&object)
        .map_err(|error| error.to_string())
        .and_then(|mut rule| {
            let namespace = rule.metadata.namespace.clone();
            let group = rule.api_version.split('/').next().unwrap_or_default();
            let kind = format!("{namespace}|{}.{group}", rule.kind);
            let names = input.get("exclude").and_then(|all| all.get(&kind));
            let names = names.and_then(Value::as_array);
            let excluded = names.into_iter().flatten().any(|name| {
                let name = name.as_str().unwrap_or_default();
                name.is_empty() || name == rule.metadata.name
            });
            if let (false, Some(label)) = (excluded, label.filter(|label| !label.is_empty())) {
                enforce_namespace(&mut rule.spec, label, &namespace, Options::default())?;
            }
            Ok(rule)
        });
    let rule = match outcome {
        Ok(rule) => rule,
        Err(error) => return Answer::Error(error),
    };
    for (index, group) in rule.spec.groups.iter().enumerate() {
        for (place, one) in group.rules.iter().enumerate() {
            let path = format!("/spec/groups/{index}/rules/{place}");
            if let Some(fields) = object.pointer_mut(&path).and_then(Value::as_object_mut) {
                fields.insert("expr".to_owned(), json!(one.expr));
                fields.insert("labels".to_owned(), json!(one.labels));
            }
        }
    }
    Answer::Json(object)
}
