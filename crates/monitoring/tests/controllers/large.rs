//! Configurations that one Secret can't hold, with a config-reloader that reads no more than one.

use machinery::entropy::Entropy;
use monitoring::operator::resources::{ALERTMANAGER, PROMETHEUS, SCRAPE_CONFIG, SECRET};
use serde_json::json;

use crate::cluster::{Cluster, play};

/// Bytes that a Secret holds.
const HOLDS: usize = 1_048_576;

/// A job that hardly gets smaller when it is compressed: two take more than half of what a Secret holds.
async fn bulky_job(cluster: &Cluster, name: &str, seed: u64) {
    let mut chance = Entropy::seeded(seed);
    let note = (0..47_000).map(|_| format!("{:016x}", chance.next_u64()));
    let labels = json!({"note": note.collect::<String>()});
    let spec = json!({"staticConfigs": [{"targets": ["a:1"], "labels": labels}]});
    let object = json!({"spec": spec});
    cluster.create(&SCRAPE_CONFIG, "team", name, object).await;
}

#[test]
fn a_configuration_that_is_too_large_is_refused_with_its_secret_and_the_last_one_stays() {
    play(async |cluster| {
        let spec = json!({"scrapeConfigSelector": {}});
        cluster
            .create(&PROMETHEUS, "team", "main", json!({"spec": spec}))
            .await;
        bulky_job(cluster, "first", 1).await;
        bulky_job(cluster, "second", 2).await;
        cluster
            .until("it has both jobs", async || {
                cluster.configuration("main").await.contains("/second")
            })
            .await;
        cluster
            .until_condition(&PROMETHEUS, "main", "Reconciled", "True")
            .await;
        bulky_job(cluster, "third", 3).await;
        cluster
            .until_condition(&PROMETHEUS, "main", "Reconciled", "False")
            .await;
        let condition = cluster.condition(&PROMETHEUS, "main", "Reconciled").await;
        let message = condition["message"].as_str().unwrap();
        for part in [
            "Secret team/prometheus-main, which holds 1048576:",
            "--spread-large-configurations",
            "the last good configuration, if any, stays",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(cluster.get(&SECRET, "prometheus-main-config-1").await, None);
        let text = cluster.configuration("main").await;
        assert!(text.contains("/second") && !text.contains("/third"));
        cluster.delete(&SCRAPE_CONFIG, "first").await;
        cluster
            .until_condition(&PROMETHEUS, "main", "Reconciled", "True")
            .await;
        assert!(cluster.configuration("main").await.contains("/third"));
    });
}

#[test]
fn files_beside_an_alertmanagers_configuration_that_are_too_large_are_told_of() {
    play(async |cluster| {
        let text = "route: {receiver: none}\nreceivers: [{name: none}]\n";
        let file = |size: usize| json!({"stringData": {"alertmanager.yaml": text, "notes.tmpl": "x".repeat(size)}});
        cluster
            .create(&SECRET, "team", "routes", file(HOLDS - text.len()))
            .await;
        let spec = json!({"configSecret": "routes"});
        cluster
            .create(&ALERTMANAGER, "team", "main", json!({"spec": spec}))
            .await;
        cluster
            .until_condition(&ALERTMANAGER, "main", "Reconciled", "False")
            .await;
        let condition = cluster.condition(&ALERTMANAGER, "main", "Reconciled").await;
        let message = condition["message"].as_str().unwrap();
        for part in [
            "Secret team/alertmanager-main-generated, which holds 1048576:",
            "the Secret that spec.configSecret names",
        ] {
            assert!(message.contains(part), "{message}");
        }
        cluster.merge(&SECRET, "routes", file(1000)).await;
        cluster
            .until_condition(&ALERTMANAGER, "main", "Reconciled", "True")
            .await;
    });
}
