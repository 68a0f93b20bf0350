//! Upstream's end-to-end tests of what the definitions of Alertmanagers and their routes take and refuse, under their names
//! (`test/e2e/alertmanager_test.go`).

use anyhow::{Result, ensure};
use machinery::patch::merge;
use serde_json::{Value, json};

use super::upstream_definitions::{are_told_apart, refused_as};
use crate::cluster::Cluster;
use crate::objects::{ALERTMANAGER_CONFIG, ALERTMANAGER_CONFIG_BETA};
use crate::workloads::{alertmanager, routes};

/// Intervals of routes: a field, a text, and whether it is one.
const INTERVALS: [(&str, &str, bool); 11] = [
    ("groupInterval", "30s", true),
    ("groupInterval", "8m", true),
    ("groupInterval", "1h10m15s", true),
    ("groupInterval", "1y2w3d4h5m6s7ms", true),
    ("groupInterval", "500", false),
    ("groupInterval", "30sec", false),
    ("groupInterval", "invalid", false),
    ("repeatInterval", "4h", true),
    ("repeatInterval", "2d12h30m", true),
    ("repeatInterval", "3600", false),
    ("repeatInterval", "4hrs", false),
];

/// testAlertmanagerConfigCRDValidation, of each version that is served
pub async fn alertmanager_config_crd_validation(cluster: &Cluster) -> Result<()> {
    cluster.answers_webhooks().await?;
    for resource in [&ALERTMANAGER_CONFIG, &ALERTMANAGER_CONFIG_BETA] {
        let with = |route: &Value| {
            let mut object = routes("test", "hook");
            object["apiVersion"] = json!(resource.api_version());
            object["spec"]["route"] = merge::apply(&json!({"receiver": "hook"}), route);
            object
        };
        let alone = INTERVALS.map(|(field, text, valid)| (json!({field: text}), valid));
        let both = json!({"groupInterval": "5m", "repeatInterval": "4h"});
        let whole = [(json!({}), true), (both, true)];
        for (route, valid) in alone.into_iter().chain(whole) {
            let answer = refused_as(cluster, resource, &with(&route)).await?;
            ensure!(
                answer.is_none() == valid,
                "{} with {route}: valid is {valid}, but the answer {answer:?}",
                resource.version
            );
        }
    }
    Ok(())
}

/// testAlertmanagerCRDValidation
pub async fn alertmanager_crd_validation(cluster: &Cluster) -> Result<()> {
    let retention = |time: &str| json!({"retention": time});
    let dns = |config: Value| json!({"dnsPolicy": "ClusterFirst", "dnsConfig": config});
    let option = |name: &str, value: &str| json!({"name": name, "value": value});
    let whole = json!({
        "nameservers": ["8.8.4.4"], "searches": ["svc.cluster.local"],
        "options": [option("ndots", "5"), option("timeout", "2")],
    });
    let specs = [
        ("zero-time-without-unit", true, retention("0")),
        ("time-in-hours", true, retention("48h")),
        ("time-in-minutes", true, retention("60m")),
        ("time-in-seconds", true, retention("120s")),
        ("time-in-milli-seconds", true, retention("120ms")),
        ("complex-time", true, retention("1h30m15s")),
        ("time-missing-symbols", false, retention("120")),
        ("timeunit-misspelled", false, retention("120hh")),
        ("unaccepted-time", false, retention("15d")),
        (
            "valid-dns-policy-and-config",
            true,
            dns(json!({"nameservers": ["8.8.8.8"], "options": [option("ndots", "5")]})),
        ),
        (
            "invalid-dns-policy",
            false,
            json!({"dnsPolicy": "InvalidPolicy"}),
        ),
        ("valid-dns-config", true, dns(whole)),
        (
            "invalid-dns-config-nameservers",
            false,
            dns(json!({"nameservers": [""]})),
        ),
        (
            "invalid-dns-config-options",
            false,
            dns(json!({"options": [option("", "some-value")]})),
        ),
    ];
    let cases = specs.into_iter();
    let cases = cases.map(|(case, valid, spec)| (case, valid, alertmanager("test", &spec)));
    are_told_apart(cluster, cases.collect()).await
}
