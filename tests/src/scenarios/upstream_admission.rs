//! Upstream's end-to-end tests of the webhooks, under their names (`test/e2e/prometheus_test.go`), and S5 of the acceptance.
//! A real server asks this process. `cargo xtask charts` has one ask the operator.

use anyhow::{Result, ensure};
use machinery::meta;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{ALERTMANAGER_CONFIG, PROMETHEUS_RULE, resource_of};
use crate::workloads::{routes, rule};

/// What a webhook has to say against an object; none if it is taken.
async fn denied(cluster: &Cluster, object: &Value) -> Result<Option<String>> {
    let mut object = object.clone();
    meta::set(&mut object, "namespace", json!(cluster.namespace));
    match cluster
        .client()
        .create(&resource_of(&object)?, &object)
        .await
    {
        Ok(_) => Ok(None),
        Err(error) => Ok(Some(error.to_string())),
    }
}

/// Has the server ask the webhooks, and waits until it does: a real one hears of them a little later.
async fn asked(cluster: &Cluster) -> Result<()> {
    cluster.answers_webhooks().await?;
    cluster.asks_webhooks().await?;
    let bad = routes("asked", "nobody");
    cluster
        .eventually("the webhooks are asked", async || {
            let mut bad = bad.clone();
            bad["spec"]["route"] = json!({"receiver": "none"});
            let rule = cluster.apply(&rule("asked", "vector(1)")).await?;
            let annotated = meta::annotation(&rule, "prometheus-operator-validated").is_some();
            cluster.delete(&PROMETHEUS_RULE, "asked").await?;
            let denied = denied(cluster, &bad).await?.is_some();
            if !denied {
                cluster.delete(&ALERTMANAGER_CONFIG, "asked").await?;
            }
            Ok((annotated && denied).then_some(()))
        })
        .await
}

/// testPromRulesMustBeAnnotated; what a rule says as a number becomes text
pub async fn prom_rules_must_be_annotated(cluster: &Cluster) -> Result<()> {
    asked(cluster).await?;
    let kept = cluster.apply(&rule("admission", "vector(1)")).await?;
    let said = meta::annotation(&kept, "prometheus-operator-validated");
    ensure!(said == Some("true"), "{said:?}");
    let stored = cluster.get(&PROMETHEUS_RULE, "admission").await?;
    ensure!(stored == kept, "another one is stored: {stored}");
    Ok(())
}

/// testInvalidRulesAreRejected: those that are there go on.
pub async fn promtest_invalid_rules_are_rejected(cluster: &Cluster) -> Result<()> {
    asked(cluster).await?;
    let good = cluster.apply(&rule("good", "up == 0")).await?;
    for expr in ["vector(1))", "sum(", "sum(up"] {
        let said = denied(cluster, &rule("bad", expr)).await?;
        let said = said.unwrap_or_default();
        ensure!(
            said.contains("prometheusrulevalidate.monitoring.coreos.com")
                && said.contains("Rules are not valid"),
            "{expr}: {said:?}"
        );
    }
    let change =
        json!({"spec": {"groups": [{"name": "g", "rules": [{"record": "a:b", "expr": "sum("}]}]}});
    let changed = cluster.merge(&PROMETHEUS_RULE, "good", change).await;
    ensure!(changed.is_err(), "a change for the worse is taken");
    let now = cluster.get(&PROMETHEUS_RULE, "good").await?;
    ensure!(now == good, "it changed: {now}");
    Ok(())
}

/// The part of testAlertmanagerConfigCRD that is refused: a mute time that isn't there, a sub-route that is none.
pub async fn invalid_alertmanager_configs_are_rejected(cluster: &Cluster) -> Result<()> {
    asked(cluster).await?;
    let with = |change: &Value| {
        let mut object = routes("bad", "hook");
        let route = json!({"receiver": "hook"});
        object["spec"]["route"] = machinery::patch::merge::apply(&route, change);
        object
    };
    let taken = denied(cluster, &routes("good", "hook")).await?;
    ensure!(taken.is_none(), "{taken:?}");
    for change in [
        json!({"muteTimeIntervals": ["na"]}),
        json!({"routes": ["invalid"]}),
        json!({"receiver": "nobody"}),
    ] {
        let said = denied(cluster, &with(&change)).await?;
        let said = said.unwrap_or_default();
        ensure!(
            said.contains("alertmanagerconfigsvalidate.monitoring.coreos.com")
                && said.contains("AlertmanagerConfig is invalid"),
            "{change}: {said:?}"
        );
    }
    let left = cluster.list(&ALERTMANAGER_CONFIG).await?;
    ensure!(left.len() == 1, "{} are there", left.len());
    Ok(())
}
