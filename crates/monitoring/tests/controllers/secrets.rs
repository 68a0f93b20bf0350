//! What a Secret holds is told nowhere: no status, no Event and no line of the log repeats it when it can't be used.

use monitoring::operator::resources::{ALERTMANAGER, ALERTMANAGER_CONFIG, PROMETHEUS, SECRET};
use runtime::resource::EVENT;
use serde_json::{Value, json};

use crate::cluster::{Cluster, play};
use crate::log::Lines;

/// A part of every secret here.
const HIDDEN: &str = "hunter2";

/// URLs that Alertmanager refuses: a host that isn't there, an escape, a control character, a port, another scheme.
const URLS: [&str; 6] = [
    "hunter2",
    "https://hooks.example.com/hunter2/%zz",
    "https://hooks.example.com/hunter2\nmore",
    "https://user:hunter2/x@hooks.example.com",
    "https://hunter2:hunter2:1/",
    "hunter2:x",
];

/// A receiver for each kind of integration whose URL is in a Secret.
fn integrations(key: &str) -> Vec<(&'static str, Value)> {
    let url = json!({"name": "urls", "key": key});
    vec![
        ("discordConfigs", json!({"apiURL": url})),
        ("slackConfigs", json!({"apiURL": url})),
        ("webhookConfigs", json!({"urlSecret": url})),
        ("msteamsConfigs", json!({"webhookUrl": url})),
        ("msteamsv2Configs", json!({"webhookUrl": url})),
    ]
}

/// What an object that isn't used says of it.
async fn config_says(cluster: &Cluster, name: &str) -> String {
    let bindings = cluster.bindings(&ALERTMANAGER_CONFIG, name).await;
    let condition = bindings[0]["conditions"][0].clone();
    assert_eq!(condition["status"], "False", "{name}: {condition}");
    condition["message"].as_str().unwrap().to_owned()
}

async fn check_events(cluster: &Cluster) {
    for event in cluster.client.list(&EVENT, "team", "").await.unwrap() {
        let event = serde_json::to_string(&event).unwrap();
        assert!(!event.contains(HIDDEN), "{event}");
    }
}

#[test]
fn urls_of_receivers() {
    let lines = Lines::of_all();
    let _guard = tracing::subscriber::set_default(lines.clone());
    play(async |cluster| {
        let mut urls = json!({"template": "https://x/{{ hunter2 \"hunter2\" }}"});
        for (index, url) in URLS.iter().enumerate() {
            urls[format!("url-{index}")] = json!(url);
        }
        cluster
            .create(&SECRET, "team", "urls", json!({"stringData": urls}))
            .await;
        let spec = json!({"alertmanagerConfigSelector": {}});
        cluster
            .create(&ALERTMANAGER, "team", "main", json!({"spec": spec}))
            .await;
        let mut names = Vec::new();
        let mut config = async |name: String, kind: &str, one: Value| {
            let mut receiver = json!({"name": "r"});
            receiver[kind] = json!([one]);
            let spec = json!({"route": {"receiver": "r"}, "receivers": [receiver]});
            cluster
                .create(&ALERTMANAGER_CONFIG, "team", &name, json!({"spec": spec}))
                .await;
            names.push(name);
        };
        for index in 0..URLS.len() {
            for (kind, one) in integrations(&format!("url-{index}")) {
                let name = format!("{}-{index}", kind.to_lowercase());
                config(name, kind, one).await;
            }
        }
        let template = json!({"urlSecret": {"name": "urls", "key": "template"}});
        config("template".to_owned(), "webhookConfigs", template).await;
        cluster.settled().await;
        for name in &names {
            let says = config_says(cluster, name).await;
            assert!(!says.contains(HIDDEN), "{name}: {says}");
        }
        let alertmanager = cluster.get(&ALERTMANAGER, "main").await.unwrap();
        assert!(!alertmanager["status"].to_string().contains(HIDDEN));
        check_events(cluster).await;
    });
    let lines = lines.all();
    assert!(!lines.is_empty());
    let told = lines.iter().find(|line| line.contains(HIDDEN));
    assert_eq!(told, None);
}

#[test]
fn configurations_in_secrets() {
    let receivers = |global: &str, receiver: &str| {
        format!("global: {global}\nroute: {{receiver: a}}\nreceivers: [{{name: a, {receiver}}}]\n")
    };
    let alertmanagers = [
        "global:\n  slack_api_url: |\n    https://hooks.example.com/hunter2\nroute: {receiver: a}\nreceivers: [{name: a}]\n".to_owned(),
        receivers("{slack_api_url: 'https://hooks.example.com/hunter2%zz'}", ""),
        receivers("{slack_api_url: *hunter2}", ""),
        receivers("{smtp_auth_password: !!int hunter2}", ""),
        receivers("{}", "webhook_configs: [{url: 'http://user:hunter2/x@y'}]"),
        receivers("{}", "webhook_configs: [{url: 'https://x/{{ hunter2 }}'}]"),
        receivers("{}", "discord_configs: [{webhook_url: hunter2}]"),
        receivers("{}", "msteams_configs: [{webhook_url: 'hunter2:x'}]"),
        receivers("{}", "mattermost_configs: [{webhook_url: 'https://hunter2:hunter2/'}]"),
        receivers("{}", "telegram_configs: [{bot_token: t, chat_id: 1, api_url: 'https://x/hunter2%'}]"),
        receivers("{http_config: {proxy_url: 'http://u:hunter2@[x'}}", ""),
    ];
    let jobs = [
        "- {job_name: a, proxy_url: 'http://u:hunter2/x@y'}",
        "- {job_name: a, http_sd_configs: [{url: 'https://x/hunter2%zz'}]}",
        "- {job_name: a, eureka_sd_configs: [{server: '//u:hunter2@x'}]}",
        "- {job_name: a, basic_auth: {password: *hunter2}}",
    ];
    let lines = Lines::of_all();
    let _guard = tracing::subscriber::set_default(lines.clone());
    play(async |cluster| {
        for name in ["alertmanager-main", "jobs"] {
            let empty = json!({"stringData": {}});
            cluster.create(&SECRET, "team", name, empty).await;
        }
        let spec = json!({"alertmanagerConfigSelector": {}});
        cluster
            .create(&ALERTMANAGER, "team", "main", json!({"spec": spec}))
            .await;
        let jobs_of = json!({"name": "jobs", "key": "jobs.yaml"});
        let spec = json!({"serviceMonitorSelector": {}, "additionalScrapeConfigs": jobs_of});
        cluster
            .create(&PROMETHEUS, "team", "main", json!({"spec": spec}))
            .await;
        for (resource, secret, key, texts) in [
            (
                &ALERTMANAGER,
                "alertmanager-main",
                "alertmanager.yaml",
                alertmanagers.to_vec(),
            ),
            (
                &PROMETHEUS,
                "jobs",
                "jobs.yaml",
                jobs.map(str::to_owned).to_vec(),
            ),
        ] {
            for text in texts {
                let data = json!({"stringData": {key: text}});
                cluster.merge(&SECRET, secret, data).await;
                cluster.settled().await;
                let condition = cluster.condition(resource, "main", "Reconciled").await;
                assert_eq!(condition["status"], "False", "{text}");
                let object = cluster.get(resource, "main").await.unwrap();
                let status = object["status"].to_string();
                assert!(!status.contains(HIDDEN), "{text}: {status}");
            }
        }
        check_events(cluster).await;
    });
    let lines = lines.all();
    let told = lines.iter().find(|line| line.contains(HIDDEN));
    assert_eq!(told, None);
}
