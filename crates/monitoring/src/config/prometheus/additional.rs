//! What users write in Prometheus' own syntax.

use machinery::yaml::Ordered;
use serde_json::Value;

use super::generator::{ConfigError, Generator};
use super::relabel::Rules;
use crate::config::yaml::{IntoNode, Mapping};
use crate::redact;

/// A list of mappings, empty for an empty text.
pub(super) fn mappings(text: &str, what: &str) -> Result<Vec<Mapping>, ConfigError> {
    let refused = |why: &str| ConfigError(format!("unmarshalling additional {what} failed: {why}"));
    let document = machinery::yaml::parse(text)
        .map_err(|error| refused(&redact::without_quoted(&error.to_string())))?;
    if let Some(duplicate) = document.duplicates.first() {
        return Err(refused(&format!("yaml: {duplicate}")));
    }
    let entries = match &document.value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) => entries,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return Err(refused("expected a list of mappings"));
        }
    };
    entries
        .iter()
        .map(|entry| match Ordered::from(entry) {
            Ordered::Map(entries) => Ok(Mapping::from(entries)),
            Ordered::Scalar(_) | Ordered::List(_) => Err(refused("expected a list of mappings")),
        })
        .collect()
}

impl Generator<'_> {
    /// The additional scrape jobs; with several shards each keeps its share of the targets.
    pub fn additional_jobs(&self, text: &str) -> Result<Vec<Mapping>, ConfigError> {
        let mut jobs = mappings(text, "scrape configs")
            .map_err(|error| error.within("generate additional scrape configs"))?;
        if self.options.daemon_set || !self.shards_all_jobs() {
            return Ok(jobs);
        }
        for job in &mut jobs {
            let mut rules = Rules::default();
            match job.remove("relabel_configs") {
                None => {}
                Some(Ordered::List(entries)) => {
                    for entry in entries {
                        let Ordered::Map(entry) = entry else {
                            return Err(ConfigError(
                                "generate additional scrape configs: error parsing relabel config: expected a mapping"
                                    .to_owned(),
                            ));
                        };
                        rules.0.push(Mapping::from(entry));
                    }
                }
                Some(Ordered::Scalar(_) | Ordered::Map(_)) => {
                    return Err(ConfigError(
                        "generate additional scrape configs: error parsing relabel configs: expected a list"
                            .to_owned(),
                    ));
                }
            }
            self.shard_unless_hashed(&mut rules);
            job.put("relabel_configs", rules.into_node());
        }
        Ok(jobs)
    }
}
