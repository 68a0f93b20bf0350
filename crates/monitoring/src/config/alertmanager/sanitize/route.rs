//! Routes, inhibit rules and time intervals.

use serde_json::Value;

use super::{Fields, Refusal, Sanitizer, is_set, mappings, text};
use crate::duration::milliseconds;

impl Sanitizer<'_> {
    pub(super) fn route(&self, fields: &mut Fields) -> Result<(), Refusal> {
        if self.before((0, 22, 0)) && is_set(fields, "matchers") {
            return Err(format!(
                "invalid syntax in route config for 'matchers' comparison based matching is supported in Alertmanager >= 0.22.0 only (matchers={})",
                listed(fields, "matchers")
            ));
        }
        self.deprecated(fields, &["match", "match_re"]);
        self.drop_before((0, 22, 0), fields, "mute_time_intervals");
        self.drop_before((0, 24, 0), fields, "active_time_intervals");
        let wait = text(fields, "group_wait");
        if !wait.is_empty() {
            milliseconds(wait).map_err(|error| format!("group_wait: {error}"))?;
        }
        for key in ["group_interval", "repeat_interval"] {
            let interval = text(fields, key);
            if !interval.is_empty()
                && milliseconds(interval).map_err(|error| format!("{key}: {error}"))? == 0
            {
                fields.remove(key);
            }
        }
        for (index, child) in mappings(fields, "routes").enumerate() {
            self.route(child)
                .map_err(|refusal| format!("route[{index}]: {refusal}"))?;
        }
        drop_empty(fields, &["match", "match_re", "matchers"]);
        Ok(())
    }

    pub(super) fn inhibit_rule(&self, fields: &mut Fields) -> Result<(), Refusal> {
        if self.before((0, 22, 0)) {
            if is_set(fields, "source_matchers") || is_set(fields, "target_matchers") {
                return Err(format!(
                    "target_matchers and source_matchers matching is supported in Alertmanager >= 0.22.0 only (target_matchers={}, source_matchers={})",
                    listed(fields, "target_matchers"),
                    listed(fields, "source_matchers")
                ));
            }
            return Ok(());
        }
        let old = [
            "target_match",
            "target_match_re",
            "source_match",
            "source_match_re",
        ];
        self.deprecated(fields, &old);
        drop_empty(fields, &old);
        drop_empty(fields, &["target_matchers", "source_matchers", "equal"]);
        Ok(())
    }

    pub(super) fn time_interval(&self, fields: &mut Fields) {
        for interval in mappings(fields, "time_intervals") {
            self.drop_before((0, 25, 0), interval, "location");
        }
    }

    fn deprecated(&self, fields: &Fields, keys: &[&str]) {
        let used = |key: &&&str| {
            fields
                .get(**key)
                .and_then(Value::as_object)
                .is_some_and(|map| !map.is_empty())
        };
        if let Some(key) = keys.iter().find(used).filter(|_| !self.before((0, 22, 0))) {
            self.warn(format!(
                "'{key}' is deprecated and will be removed in a future version of Alertmanager"
            ));
        }
    }
}

/// A list as Go prints it.
fn listed(fields: &Fields, key: &str) -> String {
    let items = fields.get(key).and_then(Value::as_array);
    let texts: Vec<&str> = items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    format!("[{}]", texts.join(" "))
}

fn drop_empty(fields: &mut Fields, keys: &[&str]) {
    for key in keys {
        let empty = match fields.get(*key) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::Null) => true,
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
        };
        if empty {
            fields.remove(*key);
        }
    }
}
