//! Shards that are no longer wanted: deleted, or kept until their data is too old to matter (upstream's
//! `processShardRetention`).

use machinery::meta;
use machinery::time::{Timestamp, parse, rfc3339};
use serde_json::{Value, json};

use crate::api::prometheus::PrometheusSpec;
use crate::config::yaml::filled;
use crate::duration::milliseconds;

/// Says until when a shard is kept.
const DEADLINE: &str = "operator.prometheus.io/deletion-deadline";
/// A deadline that never comes: Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";
const DEFAULT_RETENTION: &str = "24h";

/// What becomes of a shard that is no longer wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excess {
    /// It is deleted, its pods first.
    Delete,
    /// It stays for now.
    Keep,
    /// It stays until a deadline, which is noted: a merge patch.
    Note(Value),
}

/// What becomes of a StatefulSet beyond the wanted shards. `policies` tells whether shards can be kept at all. The error
/// says why nothing can be decided, which keeps the shard.
pub fn excess_shard(
    spec: &PrometheusSpec,
    stored: &Value,
    policies: bool,
    now: Timestamp,
) -> Result<Excess, String> {
    let Some(policy) = spec.retained_shards().filter(|_| policies) else {
        return Ok(Excess::Delete);
    };
    if let Some(deadline) = meta::annotation(stored, DEADLINE) {
        if deadline == NEVER {
            return Ok(Excess::Keep);
        }
        let deadline = parse(deadline).map_err(|error| error.to_string())?;
        return Ok(if now > deadline {
            Excess::Delete
        } else {
            Excess::Keep
        });
    }
    let retention = match &policy.retain {
        Some(retain) => Some(retain.retention_period.as_str()),
        None => match (filled(&spec.retention), filled(&spec.retention_size)) {
            // Kept by size, data has no age at which it goes.
            (None, Some(_)) => None,
            (time, _) => Some(time.unwrap_or(DEFAULT_RETENTION)),
        },
    };
    let kept = retention.map_or(Ok(0), milliseconds)?;
    let deadline = if kept == 0 {
        NEVER.to_owned()
    } else {
        let kept = std::time::Duration::from_millis(kept);
        let at = now.checked_add(kept).map_err(|error| error.to_string())?;
        rfc3339(at)
    };
    Ok(Excess::Note(
        json!({"metadata": {"annotations": {DEADLINE: deadline}}}),
    ))
}

/// How long a shard is kept from now on, if there is an end to that.
pub fn kept_for(stored: &Value, now: Timestamp) -> Option<std::time::Duration> {
    let deadline = meta::annotation(stored, DEADLINE).filter(|deadline| *deadline != NEVER)?;
    let left = parse(deadline).ok()?.as_second() - now.as_second();
    // The deadline itself is still kept.
    let seconds = u64::try_from(left).unwrap_or(0) + 1;
    Some(std::time::Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::read;

    fn at(text: &str) -> Timestamp {
        parse(text).unwrap()
    }

    fn decide(spec: &Value, stored: &Value) -> Result<Excess, String> {
        let spec: PrometheusSpec = read(spec).unwrap();
        excess_shard(&spec, stored, true, at("2030-01-01T00:00:00Z"))
    }

    fn noted(deadline: &str) -> Value {
        json!({"metadata": {"annotations": {DEADLINE: deadline}}})
    }

    #[test]
    fn a_shard_goes_at_once_unless_it_is_to_be_kept() {
        for spec in [
            json!({}),
            json!({"shardRetentionPolicy": {}}),
            json!({"shardRetentionPolicy": {"whenScaled": "Delete"}}),
        ] {
            assert_eq!(decide(&spec, &json!({})), Ok(Excess::Delete));
        }
        let spec: PrometheusSpec =
            read(&json!({"shardRetentionPolicy": {"whenScaled": "Retain"}})).unwrap();
        let now = at("2030-01-01T00:00:00Z");
        assert_eq!(
            excess_shard(&spec, &json!({}), false, now),
            Ok(Excess::Delete)
        );
    }

    #[test]
    fn the_deadline_is_noted_once_and_kept() {
        let kept = |more: Value| {
            let mut spec = json!({"shardRetentionPolicy": {"whenScaled": "Retain"}});
            crate::api::schema::merge(&mut spec, more);
            spec
        };
        for (more, deadline) in [
            (json!({}), "2030-01-02T00:00:00Z"),
            (json!({"retention": "10d"}), "2030-01-11T00:00:00Z"),
            (json!({"retentionSize": "1GB"}), NEVER),
            (
                json!({"retentionSize": "1GB", "shardRetentionPolicy": {"retain": {"retentionPeriod": "1h"}}}),
                "2030-01-01T01:00:00Z",
            ),
        ] {
            let note = Excess::Note(noted(deadline));
            assert_eq!(decide(&kept(more), &json!({})), Ok(note));
        }
        let spec = || kept(json!({}));
        assert_eq!(
            decide(&spec(), &noted("2029-12-31T23:59:59Z")),
            Ok(Excess::Delete)
        );
        assert_eq!(
            decide(&spec(), &noted("2030-01-01T00:00:01Z")),
            Ok(Excess::Keep)
        );
        assert_eq!(decide(&spec(), &noted(NEVER)), Ok(Excess::Keep));
        assert!(decide(&spec(), &noted("tomorrow")).is_err());
    }
}
