//! Cases in which ours differs on purpose.

use serde_json::Value;

/// Cases and why they differ; each reason is a line in `docs/differences.md`.
const MARKED: &[(&str, &str)] = &[
    (
        "a1958e9cdb51",
        "the enforced namespace label reaches targets of a ScrapeConfig without relabelings",
    ),
    (
        "f45dc8badd0b",
        "the enforced namespace label reaches targets of a ScrapeConfig without relabelings",
    ),
    ("605069161a0f", "Azure discovery keeps its HTTP settings"),
    ("8cdfe701dacf", "Azure discovery keeps its HTTP settings"),
    (
        "2abd7d9cd803",
        "an old version refuses only the discoveries that are used",
    ),
    (
        "2d89c8b02edb",
        "an old version refuses the discovery that is used, not another one",
    ),
    (
        "ff87b27f2603",
        "the label of the case, a lone byte 0xff, cannot be written in JSON",
    ),
    (
        "cba7d67e3a7b",
        "empty durations of rules, which Prometheus refuses, are left out",
    ),
    (
        "ba0efaea3783",
        "an empty thread_by_date is accepted, as the message of the refusal says",
    ),
    (
        "466a97443095",
        "an empty thread_by_date is accepted, as the message of the refusal says",
    ),
];

/// Why a case differs.
pub(super) fn reason(id: &str) -> Option<&'static str> {
    MARKED
        .iter()
        .find(|(marked, _)| *marked == id)
        .map(|(_, reason)| *reason)
}

/// Why a case that differs may do so, by what it holds: whatever case shows one of these, ours differs on purpose.
pub(super) fn condition(kind: &str, case: &Value) -> Option<&'static str> {
    let error = case.get("err").and_then(Value::as_str).unwrap_or_default();
    let pagerduty = case.pointer("/in/global/pagerdutyUrl");
    let pagerduty = pagerduty.and_then(Value::as_str);
    match kind {
        "amcfg-init" if pagerduty.is_some_and(|url| !url.contains("://")) => {
            Some("a global pagerdutyUrl without a scheme, which Alertmanager refuses, is refused")
        }
        "select-alertmanagerconfig" if error.starts_with("mandatory field userKey is empty") => {
            Some("Pushover's keys may come from files, and an empty token is called so")
        }
        _ => None,
    }
}
