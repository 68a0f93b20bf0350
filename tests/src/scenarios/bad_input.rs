//! Input that is wrong: an error or a condition that names object, field and remedy, while others go on.

use anyhow::{Context as _, Result, bail, ensure};
use http::{Method, Request};
use kube::client::Body;
use serde_json::{Value, json};

use super::{blue_green, canary};
use crate::cluster::Cluster;
use crate::objects::{self, ROLLOUT, SERVICE, text};

/// Message of condition InvalidSpec.
fn complaint(rollout: &Value) -> Option<&str> {
    let conditions = rollout.pointer("/status/conditions")?.as_array()?;
    let invalid = conditions
        .iter()
        .find(|condition| text(condition, "/type") == "InvalidSpec")?;
    Some(text(invalid, "/message"))
}

/// Applies a Rollout and waits for what the controller has to say against it.
async fn refused(cluster: &Cluster, rollout: &Value, why: &str) -> Result<()> {
    let name = machinery::meta::name(rollout);
    cluster.apply(rollout).await?;
    let wanted = format!("The Rollout {name:?} is invalid: {why}");
    let seen = cluster
        .until("a complaint", &ROLLOUT, name, |rollout| {
            complaint(rollout).is_some()
        })
        .await?;
    ensure!(
        complaint(&seen) == Some(&wanted),
        "{:?} instead of {wanted:?}",
        complaint(&seen)
    );
    let phase = format!("InvalidSpec: {wanted}");
    ensure!(
        text(&seen, "/status/message") == phase && text(&seen, "/status/phase") == "Degraded",
        "{:?}",
        seen.get("status")
    );
    ensure!(
        cluster.replica_sets(name).await?.is_empty(),
        "{name} has ReplicaSets"
    );
    Ok(())
}

fn with_canary(name: &str, canary: &Value) -> Value {
    objects::rollout(name, 1, "web:1", &json!({"canary": canary}))
}

/// Specs that the controller refuses; one of them is put right, and a good Rollout goes on meanwhile.
pub async fn is_refused_by_condition(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&objects::rollout("good", 2, "web:1", &canary::strategy()))
        .await?;
    let mut no_selector = with_canary("a", &json!({}));
    no_selector["spec"]
        .as_object_mut()
        .context("a spec")?
        .remove("selector");
    refused(
        cluster,
        &no_selector,
        "spec.selector: Required value: Rollout has missing field '.spec.selector'",
    )
    .await?;
    let zero = with_canary("b", &json!({"maxSurge": 0, "maxUnavailable": "0%"}));
    refused(cluster, &zero, "spec.strategy.maxSurge: Invalid value: 0: MaxSurge and MaxUnavailable both can not be zero").await?;
    let heavy = with_canary("c", &json!({"steps": [{"setWeight": 101}]}));
    refused(cluster, &heavy, "spec.strategy.steps[0].setWeight: Invalid value: 101: SetWeight needs to be between 0 and 100").await?;
    let both = with_canary("d", &json!({"steps": [{"setWeight": 10, "pause": {}}]}));
    let shown = "step.Experiment: false step.Pause: true step.SetWeight: true step.Analysis: false";
    let why = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause";
    refused(
        cluster,
        &both,
        &format!("spec.strategy.steps[0]: Invalid value: {shown:?}: {why}"),
    )
    .await?;

    cluster.until_step("good", "Healthy", 8).await?;
    cluster.set_image(&ROLLOUT, "good", "web:2").await?;
    cluster
        .until_step("good", "Paused CanaryPauseStep", 1)
        .await?;
    cluster
        .apply(&with_canary("c", &json!({"steps": [{"setWeight": 100}]})))
        .await?;
    let healed = cluster.until_phase("c", "Healthy").await?;
    ensure!(
        complaint(&healed).is_none(),
        "the complaint stays: {:?}",
        complaint(&healed)
    );
    Ok(())
}

/// A Service that isn't there yet, and one that two Rollouts claim. A release of a third goes on meanwhile.
pub async fn names_services_that_are_missing_or_taken(cluster: &Cluster) -> Result<()> {
    cluster
        .apply(&objects::rollout("good", 2, "web:1", &canary::strategy()))
        .await?;
    let first = objects::rollout("web", 1, "web:1", &blue_green::strategy());
    let why = r#"spec.strategy.blueGreen.activeService: Invalid value: "active": service "active" not found"#;
    refused(cluster, &first, why).await?;
    for service in ["active", "preview"] {
        cluster.apply(&objects::service(service, "web")).await?;
    }
    cluster.until_phase("web", "Healthy").await?;
    let before = cluster.get(&SERVICE, "active").await?;
    cluster.until_step("good", "Healthy", 8).await?;
    cluster.set_image(&ROLLOUT, "good", "web:2").await?;

    let mut second = objects::rollout("other", 1, "web:2", &blue_green::strategy());
    second["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
    second["spec"]["template"]["metadata"]["labels"] = json!({"app": "web"});
    let why = r#"spec.strategy.blueGreen.activeService: Invalid value: "active": Service "active" is managed by another Rollout"#;
    refused(cluster, &second, why).await?;
    ensure!(
        cluster.get(&SERVICE, "active").await? == before,
        "the Service changed"
    );
    cluster
        .until_step("good", "Paused CanaryPauseStep", 1)
        .await?;
    cluster.until_phase("web", "Healthy").await.map(drop)
}

/// A quantity that no pod can have: the pods go without it, and so does the stored Rollout once the controller has written to
/// it, or typed clients could not read it.
pub async fn is_mended_where_it_is_malformed(cluster: &Cluster) -> Result<()> {
    let mut rollout = objects::rollout("web", 1, "web:1", &canary::strategy());
    rollout["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"memory": "invalid", "cpu": "1m"}});
    cluster.apply(&rollout).await?;
    let healthy = cluster.until_phase("web", "Healthy").await?;
    let requests = healthy.pointer("/spec/template/spec/containers/0/resources/requests");
    ensure!(
        requests == Some(&json!({"cpu": "1m"})),
        "requests are {requests:?}"
    );
    let sets = cluster.replica_sets("web").await?;
    ensure!(sets.len() == 1, "{} ReplicaSets", sets.len());
    Ok(())
}

/// Sends a body as it is, and returns the status code and message of the answer.
async fn post(
    cluster: &Cluster,
    path: &str,
    content_type: &str,
    body: String,
) -> Result<(u64, String)> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("Content-Type", content_type);
    let response = cluster
        .client()
        .kube()
        .send(request.body(Body::from(body.into_bytes()))?)
        .await?;
    let code = u64::from(response.status().as_u16());
    let bytes = http_body_util::BodyExt::collect(response.into_body())
        .await?
        .to_bytes();
    let status: Value = serde_json::from_slice(&bytes)
        .with_context(|| String::from_utf8_lossy(&bytes).into_owned())?;
    Ok((code, text(&status, "/message").to_owned()))
}

/// What the API server itself refuses: malformed YAML, unknown fields, objects that are too large.
pub async fn is_refused_by_the_server(cluster: &Cluster) -> Result<()> {
    let path = ROLLOUT.collection_path(&cluster.namespace);
    let (code, message) = post(cluster, &path, "application/yaml", "a: [b".to_owned()).await?;
    ensure!(
        code == 400 && message.contains("yaml"),
        "malformed YAML: {code} {message}"
    );

    let mut rollout = objects::rollout("web", 1, "web:1", &canary::strategy());
    rollout["spec"]["replcas"] = json!(3);
    let strict = format!("{path}?fieldValidation=Strict");
    let (code, message) = post(cluster, &strict, "application/json", rollout.to_string()).await?;
    let wanted = r#"Rollout in version "v1alpha1" cannot be handled as a Rollout: strict decoding error: unknown field "spec.replcas""#;
    ensure!(
        (code, message.as_str()) == (400, wanted),
        "unknown field: {code} {message}"
    );
    let stored = cluster.apply(&rollout).await?;
    ensure!(
        stored.pointer("/spec/replcas").is_none(),
        "an unknown field is stored"
    );
    cluster.until_phase("web", "Healthy").await?;

    rollout["metadata"]["name"] = json!("large");
    rollout["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "value": "x".repeat(3 << 20)}]);
    let (code, message) = post(cluster, &path, "application/json", rollout.to_string()).await?;
    ensure!(
        (code, message.as_str()) == (413, "Request entity too large: limit is 3145728"),
        "3 MB: {code} {message}"
    );
    if cluster.find(&ROLLOUT, "large").await?.is_some() {
        bail!("the large object is stored");
    }
    Ok(())
}
