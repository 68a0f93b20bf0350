//! What a workload itself says and its program would refuse isn't published: the status names the field and what to do, and
//! what pods have stays.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use monitoring::RunOptions;
use monitoring::operator::resources::{
    ALERTMANAGER, ALERTMANAGER_CONFIG, PROMETHEUS, SECRET, THANOS_RULER,
};
use runtime::ResourceRef;
use serde_json::{Value, json};

use crate::cluster::{Cluster, play, play_with};

const KINDS: &[&str] = &["ThanosRuler"];

const STAYS: &str = "; the last good configuration, if any, stays";

/// A text in a Secret of a workload.
async fn text(cluster: &Cluster, secret: &str, key: &str) -> String {
    let secret = cluster.get(&SECRET, secret).await.unwrap_or_default();
    let data = secret["data"][key].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
}

async fn begin(cluster: &Cluster, resource: &ResourceRef, spec: Value) {
    cluster
        .create(resource, "team", "main", json!({"spec": spec}))
        .await;
    cluster
        .until_condition(resource, "main", "Reconciled", "True")
        .await;
}

/// What a workload says once it can't be written.
async fn refused(cluster: &Cluster, resource: &ResourceRef) -> String {
    cluster
        .until_condition(resource, "main", "Reconciled", "False")
        .await;
    let condition = cluster.condition(resource, "main", "Reconciled").await;
    condition["message"].as_str().unwrap_or_default().to_owned()
}

fn web(more: &Value) -> Value {
    let mut tls = json!({
        "keySecret": {"name": "tls", "key": "key"}, "cert": {"secret": {"name": "tls", "key": "crt"}},
    });
    machinery::schema::api::merge(&mut tls, more.clone());
    json!({"web": {"tlsConfig": tls}})
}

#[test]
fn a_web_configuration_that_its_program_would_refuse() {
    play_with(KINDS, RunOptions::default(), async |cluster| {
        for (resource, secret, program, ready) in [
            (
                &PROMETHEUS,
                "prometheus-main-web-config",
                "Prometheus 3.13.2",
                json!({}),
            ),
            (
                &ALERTMANAGER,
                "alertmanager-main-web-config",
                "Alertmanager 0.33.1",
                json!({}),
            ),
            (
                &THANOS_RULER,
                "thanos-ruler-main-web-config",
                "Thanos Ruler 0.42.4",
                json!({"queryEndpoints": ["http://query:9090"]}),
            ),
        ] {
            let mut spec = ready;
            let good = web(&json!({"minVersion": "TLS12", "maxVersion": "TLS13"}));
            machinery::schema::api::merge(&mut spec, good);
            begin(cluster, resource, spec).await;
            let before = text(cluster, secret, "web-config.yaml").await;
            assert!(before.contains("min_version: TLS12"), "{before}");
            let bad = web(&json!({"minVersion": "TLS1.2"}));
            cluster.merge(resource, "main", json!({"spec": bad})).await;
            let message = refused(cluster, resource).await;
            assert_eq!(
                message,
                format!(
                    "{program} would refuse the web configuration: spec.web.tlsConfig.minVersion: \"TLS1.2\" is none of TLS10, TLS11, TLS12, TLS13; write one of them (in its configuration: tls_server_config.min_version){STAYS}"
                )
            );
            let now = text(cluster, secret, "web-config.yaml").await;
            assert_eq!(now, before);
            let cure = web(&json!({"minVersion": "TLS13"}));
            cluster.merge(resource, "main", json!({"spec": cure})).await;
            cluster
                .until_condition(resource, "main", "Reconciled", "True")
                .await;
            let now = text(cluster, secret, "web-config.yaml").await;
            assert!(now.contains("min_version: TLS13"), "{now}");
        }
    });
}

#[test]
fn a_remote_write_that_thanos_ruler_would_refuse() {
    play_with(KINDS, RunOptions::default(), async |cluster| {
        let write = |all: Value| json!({"queryEndpoints": ["http://q:1"], "remoteWrite": all});
        let one = json!({"url": "http://x/"});
        begin(cluster, &THANOS_RULER, write(json!([one]))).await;
        let secret = "thanos-ruler-main-config";
        let before = text(cluster, secret, "remote-write.yaml").await;
        assert!(before.contains("http://x/"), "{before}");
        let twice = json!({"spec": write(json!([one, one]))});
        cluster.merge(&THANOS_RULER, "main", twice).await;
        let message = refused(cluster, &THANOS_RULER).await;
        assert_eq!(
            message,
            format!(
                "Thanos Ruler 0.42.4 would refuse the remote-write configuration: spec.remoteWrite[1]: the same as [0]; remove one, or give it a name (in its configuration: remote_write[1]){STAYS}"
            )
        );
        assert_eq!(text(cluster, secret, "remote-write.yaml").await, before);
    });
}

#[test]
fn faults_of_a_base_are_told_by_its_fields_and_those_of_its_alertmanager_by_that_ones() {
    play(async |cluster| {
        let base = |rules: Value| {
            json!({"spec": {
                "route": {"receiver": "r"},
                "receivers": [{"name": "r", "webhookConfigs": [{"url": "http://x.y/"}]}],
                "inhibitRules": rules,
            }})
        };
        cluster
            .create(&ALERTMANAGER_CONFIG, "team", "base", base(json!([])))
            .await;
        let named = json!({"alertmanagerConfiguration": {"name": "base"}});
        begin(cluster, &ALERTMANAGER, named).await;
        let bad = base(json!([{"equal": [""]}]));
        cluster.merge(&ALERTMANAGER_CONFIG, "base", bad).await;
        let why = format!(
            "Alertmanager 0.33.1 would refuse it: spec.inhibitRules[0]: invalid label name \"\" in equal list; write letters, digits and underscores, no digit first (in its configuration: inhibit_rules[0]){STAYS}"
        );
        assert_eq!(
            refused(cluster, &ALERTMANAGER).await,
            format!("AlertmanagerConfig team/base: {why}")
        );
        cluster.settled().await;
        let accepted = async || {
            let bindings = cluster.bindings(&ALERTMANAGER_CONFIG, "base").await;
            bindings[0]["conditions"][0].clone()
        };
        assert_eq!(accepted().await["message"], why);
        cluster
            .merge(&ALERTMANAGER_CONFIG, "base", base(json!([])))
            .await;
        cluster
            .until_condition(&ALERTMANAGER, "main", "Reconciled", "True")
            .await;
        let secret = json!({"stringData": {"url": "ftp://genie/"}});
        cluster.create(&SECRET, "team", "genie", secret).await;
        let global = json!({"opsGenieApiUrl": {"name": "genie", "key": "url"}});
        let change = json!({"spec": {"alertmanagerConfiguration": {"global": global}}});
        cluster.merge(&ALERTMANAGER, "main", change).await;
        let message = refused(cluster, &ALERTMANAGER).await;
        assert_eq!(
            message,
            format!(
                "Alertmanager 0.33.1 would refuse it: spec.alertmanagerConfiguration.global.opsGenieApiUrl: unsupported scheme \"ftp\" for URL; write a URL as in http://host:port/path (in its configuration: global.opsgenie_api_url){STAYS}"
            )
        );
        cluster.settled().await;
        // The object isn't to blame.
        assert_eq!(accepted().await["status"], "True");
    });
}
