//! What Prometheus does with the labels of a target (its `model/relabel`).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use machinery::go_regex;
use regex::Regex;
use serde_json::Value;

use crate::md5;
use crate::objects::{number, text};

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// What the config-reloader writes in place of `$(NAME)`, by name.
pub type Variables = BTreeMap<String, String>;

/// One relabeling, read and compiled.
#[derive(Debug)]
pub struct Step {
    action: String,
    sources: Vec<String>,
    separator: String,
    regex: Regex,
    replacement: String,
    target: String,
    modulus: u64,
}

impl Step {
    /// A relabeling of a configuration, as it is once variables have their values.
    ///
    /// # Errors
    /// If its expression is none.
    pub fn read(step: &Value, variables: &Variables) -> Result<Self> {
        let filled = |text: &str| {
            let mut filled = text.to_owned();
            for (name, value) in variables {
                filled = filled.replace(&format!("$({name})"), value);
            }
            filled
        };
        // A number is what is left of a text without quotes.
        let said = |field: &str, default: &str| match step.get(field) {
            Some(Value::String(text)) => filled(text),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
                default.to_owned()
            }
        };
        let regex = format!("^(?s:{})$", said("regex", "(.*)"));
        Ok(Self {
            action: said("action", "replace"),
            sources: sources(step).map(str::to_owned).collect(),
            separator: said("separator", ";"),
            regex: go_regex::compile(&regex).map_err(anyhow::Error::msg)?,
            replacement: said("replacement", "$1"),
            target: said("target_label", ""),
            modulus: u64::try_from(number(step, "/modulus"))?,
        })
    }

    /// Relabels; false if the target is dropped.
    ///
    /// # Errors
    /// If the action isn't one, or can't be done.
    pub fn apply(&self, labels: &mut Labels) -> Result<bool> {
        let held = |name: &String| labels.get(name).map_or("", String::as_str);
        let values: Vec<&str> = self.sources.iter().map(held).collect();
        let value = values.join(&self.separator);
        let is_match = self.regex.is_match(&value);
        let made = match self.action.as_str() {
            "keep" => return Ok(is_match),
            "drop" => return Ok(!is_match),
            "keepequal" => return Ok(held(&self.target) == value),
            "dropequal" => return Ok(held(&self.target) != value),
            "hashmod" => hashmod(&value, self.modulus)?.to_string(),
            "lowercase" => value.to_lowercase(),
            "uppercase" => value.to_uppercase(),
            "replace" => {
                let Some(captures) = self.regex.captures(&value) else {
                    return Ok(true);
                };
                let mut made = String::new();
                captures.expand(&self.replacement, &mut made);
                made
            }
            "labelmap" => {
                let named = |name: &str| self.regex.replace(name, &self.replacement).into_owned();
                let mapped: Vec<(String, String)> = labels
                    .iter()
                    .filter(|(name, _)| self.regex.is_match(name))
                    .map(|(name, value)| (named(name), value.clone()))
                    .collect();
                labels.extend(mapped);
                return Ok(true);
            }
            "labeldrop" => {
                labels.retain(|name, _| !self.regex.is_match(name));
                return Ok(true);
            }
            "labelkeep" => {
                labels.retain(|name, _| self.regex.is_match(name));
                return Ok(true);
            }
            other => bail!("there is no relabeling {other}"),
        };
        if made.is_empty() {
            labels.remove(&self.target);
        } else {
            labels.insert(self.target.clone(), made);
        }
        Ok(true)
    }
}

/// The labels that a relabeling looks at.
pub fn sources(step: &Value) -> impl Iterator<Item = &str> {
    let sources = step.get("source_labels").and_then(Value::as_array);
    sources.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a relabeling does that; without an action it replaces.
pub fn does(step: &Value, action: &str) -> bool {
    let said = text(step, "/action");
    said == action || (said.is_empty() && action == "replace")
}

/// The part of a text: the last eight bytes of its digest as one number, divided.
fn hashmod(value: &str, modulus: u64) -> Result<u64> {
    let digest = md5::digest(value);
    let last: [u8; 8] = digest[8..].try_into()?;
    u64::from_be_bytes(last)
        .checked_rem(modulus)
        .context("hashmod without modulus")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_action_does_what_prometheus_does() {
        let before = || Labels::from([("a", "X"), ("b", "x")].map(|(k, v)| (k.into(), v.into())));
        let after = |mut step: Value| {
            let variables = Variables::from([("V".to_owned(), "x".to_owned())]);
            step["source_labels"] = json!(["b"]);
            let step = Step::read(&step, &variables).unwrap();
            let mut labels = before();
            let kept = step.apply(&mut labels).unwrap();
            let said: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            kept.then(|| said.join(" "))
        };
        let unchanged = Some("a=X b=x".to_owned());
        for (step, wanted) in [
            (
                json!({"action": "keep", "regex": "$(V)"}),
                unchanged.clone(),
            ),
            (json!({"action": "keep", "regex": "y"}), None),
            (json!({"action": "drop", "regex": "x"}), None),
            (
                json!({"action": "drop", "regex": "$(W)"}),
                unchanged.clone(),
            ),
            (json!({"action": "keepequal", "target_label": "a"}), None),
            (
                json!({"action": "dropequal", "target_label": "a"}),
                unchanged,
            ),
        ] {
            assert_eq!(after(step.clone()), wanted, "{step}");
        }
        for (step, wanted) in [
            (
                json!({"target_label": "c", "replacement": "<$1>"}),
                "a=X b=x c=<x>",
            ),
            (json!({"target_label": "a", "replacement": ""}), "b=x"),
            (json!({"target_label": "a", "regex": "y"}), "a=X b=x"),
            (
                json!({"action": "uppercase", "target_label": "c"}),
                "a=X b=x c=X",
            ),
            (
                json!({"action": "lowercase", "target_label": "a"}),
                "a=x b=x",
            ),
            (
                json!({"action": "labelmap", "regex": "(a)", "replacement": "${1}a"}),
                "a=X aa=X b=x",
            ),
            (json!({"action": "labeldrop", "regex": "a"}), "b=x"),
            (json!({"action": "labelkeep", "regex": "a"}), "a=X"),
            (
                json!({"action": "hashmod", "modulus": 1, "target_label": "a"}),
                "a=0 b=x",
            ),
        ] {
            assert_eq!(after(step.clone()).as_deref(), Some(wanted), "{step}");
        }
    }
}
