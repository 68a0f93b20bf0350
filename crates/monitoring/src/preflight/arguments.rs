//! Values on command lines. A program that can't read one ends as soon as it starts, and so does each pod that a roll-out
//! replaces.

use serde_json::Value;

use super::texts::{check_go_duration, check_size, parse_url};
use crate::duration::milliseconds;

/// How a program reads a value.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// Prometheus' durations.
    Duration,
    /// Go's durations.
    GoDuration,
    /// Bytes with a unit.
    Size,
    /// A URL as Go reads it, without quotes around it.
    Url,
    /// A URL with scheme `http` or `https`.
    WebUrl,
}

/// An argument by its name, and the field of the workload that it comes from; other arguments are the user's own.
type Known = (&'static str, &'static str, Form);

const OWN: &str = "additionalArgs";

/// `cmd/prometheus/main.go`.
const PROMETHEUS: [Known; 12] = [
    ("web.external-url", "externalUrl", Form::Url),
    ("web.read-timeout", OWN, Form::Duration),
    ("storage.tsdb.retention.time", "retention", Form::Duration),
    ("storage.tsdb.retention.size", "retentionSize", Form::Size),
    ("storage.tsdb.min-block-duration", OWN, Form::Duration),
    ("storage.tsdb.max-block-duration", OWN, Form::Duration),
    ("storage.remote.flush-deadline", OWN, Form::Duration),
    (
        "rules.alert.for-outage-tolerance",
        "rules.alert.forOutageTolerance",
        Form::Duration,
    ),
    (
        "rules.alert.for-grace-period",
        "rules.alert.forGracePeriod",
        Form::Duration,
    ),
    (
        "rules.alert.resend-delay",
        "rules.alert.resendDelay",
        Form::Duration,
    ),
    (
        "query.lookback-delta",
        "query.lookbackDelta",
        Form::Duration,
    ),
    ("query.timeout", "query.timeout", Form::Duration),
];

/// `cmd/alertmanager/main.go`.
const ALERTMANAGER: [Known; 6] = [
    ("web.external-url", "externalUrl", Form::WebUrl),
    ("data.retention", "retention", Form::GoDuration),
    (
        "cluster.gossip-interval",
        "clusterGossipInterval",
        Form::GoDuration,
    ),
    (
        "cluster.pushpull-interval",
        "clusterPushpullInterval",
        Form::GoDuration,
    ),
    (
        "cluster.peer-timeout",
        "clusterPeerTimeout",
        Form::GoDuration,
    ),
    ("alerts.gc-interval", OWN, Form::GoDuration),
];

/// `cmd/thanos/rule.go`.
const THANOS_RULER: [Known; 6] = [
    ("eval-interval", "evaluationInterval", Form::Duration),
    ("tsdb.retention", "retention", Form::Duration),
    (
        "for-outage-tolerance",
        "ruleOutageTolerance",
        Form::Duration,
    ),
    ("for-grace-period", "ruleGracePeriod", Form::Duration),
    ("resend-delay", "resendDelay", Form::Duration),
    ("alert.query-url", "alertQueryUrl", Form::Url),
];

/// Checks the arguments of the programs in a StatefulSet or DaemonSet; the error names the field.
pub fn check_arguments(set: &Value) -> Result<(), String> {
    let containers = set.pointer("/spec/template/spec/containers");
    let containers = containers.and_then(Value::as_array).into_iter().flatten();
    for container in containers {
        let known: &[Known] = match container.get("name").and_then(Value::as_str) {
            Some("prometheus") => &PROMETHEUS,
            Some("alertmanager") => &ALERTMANAGER,
            Some("thanos-ruler") => &THANOS_RULER,
            Some(_) | None => continue,
        };
        let arguments = container.get("args").and_then(Value::as_array);
        let arguments = arguments.into_iter().flatten().filter_map(Value::as_str);
        arguments
            .filter_map(|argument| argument.trim_start_matches('-').split_once('='))
            .try_for_each(|(name, value)| check(known, name, value))?;
    }
    Ok(())
}

fn check(known: &[Known], name: &str, value: &str) -> Result<(), String> {
    let Some((_, field, form)) = known.iter().find(|(known, _, _)| *known == name) else {
        return Ok(());
    };
    // Of variables the kubelet makes what they stand for.
    if value.is_empty() || value.contains("$(") {
        return Ok(());
    }
    let checked = match form {
        Form::Duration => milliseconds(value).map(|_| ()),
        Form::GoDuration => check_go_duration(value),
        Form::Size => check_size(value),
        Form::Url => check_url(value),
        Form::WebUrl => check_web_url(value),
    };
    checked
        .map_err(|why| format!("{field}: {why}; correct it, no pod would start with this --{name}"))
}

fn check_url(text: &str) -> Result<(), String> {
    let is_quote = ['"', '\''];
    if text.starts_with(is_quote) || text.ends_with(is_quote) {
        return Err("URL must not begin or end with quotes".to_owned());
    }
    parse_url(text).map(|_| ())
}

fn check_web_url(text: &str) -> Result<(), String> {
    let scheme = parse_url(text)?.scheme;
    if ["http", "https"].contains(&scheme.as_str()) {
        Ok(())
    } else {
        Err(format!(
            "invalid {scheme:?} scheme, only 'http' and 'https' are supported"
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(container: &str, argument: &str) -> Result<(), String> {
        check_arguments(&json!({"spec": {"template": {"spec": {"containers": [
            {"name": "config-reloader", "args": ["--watch-interval=x"]},
            {"name": container, "args": ["--config.file=/etc/x", argument, "--web.enable-lifecycle"]},
        ]}}}}))
    }

    #[test]
    fn what_no_program_would_start_with_is_named() {
        for (container, argument, field) in [
            (
                "prometheus",
                "--storage.tsdb.retention.time=300y",
                "retention",
            ),
            (
                "prometheus",
                "--storage.tsdb.retention.size=20EB",
                "retentionSize",
            ),
            (
                "prometheus",
                "--web.external-url=http://x/%zz",
                "externalUrl",
            ),
            (
                "prometheus",
                "--web.external-url=\"http://x\"",
                "externalUrl",
            ),
            ("prometheus", "--query.timeout=5x", "query.timeout"),
            ("prometheus", "--web.read-timeout=x", "additionalArgs"),
            ("alertmanager", "--web.external-url=x", "externalUrl"),
            ("alertmanager", "--data.retention=9999999h", "retention"),
            ("thanos-ruler", "--eval-interval=300y", "evaluationInterval"),
        ] {
            let why = said(container, argument).unwrap_err();
            assert!(why.starts_with(&format!("{field}: ")), "{argument}: {why}");
        }
    }

    #[test]
    fn what_a_program_reads_may_stay() {
        for (container, argument) in [
            ("prometheus", "--storage.tsdb.retention.time=1y2w"),
            ("prometheus", "--storage.tsdb.retention.size=50GB"),
            ("prometheus", "--web.external-url=http://x/prefix/"),
            ("prometheus", "--web.external-url=prefix"),
            ("prometheus", "--query.timeout=$(TIMEOUT)"),
            ("alertmanager", "--web.external-url=https://x"),
            ("alertmanager", "--data.retention=120h"),
            ("alertmanager", "--cluster.listen-address="),
            ("sidecar", "--query.timeout=5x"),
        ] {
            assert_eq!(said(container, argument), Ok(()), "{argument}");
        }
    }
}
