//! What the server tells of itself to Prometheus, in the in-process form on virtual time.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, ListParams, PostParams, WatchParams};
use kube::client::Body;
use simulator::request::User;
use simulator::wire::Wire;
use simulator::world::WorldHandle;

use super::virtual_time::simulate;

async fn send(client: &Client, method: &str, path: &str) -> http::Response<String> {
    let request = http::Request::builder().method(method).uri(path);
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = client.send(request).await.unwrap().into_parts();
    let body = body.collect_bytes().await.unwrap();
    http::Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
}

async fn scrape(client: &Client, path: &str) -> String {
    let reply = send(client, "GET", path).await;
    assert_eq!(reply.status(), 200);
    reply.into_body()
}

/// The lines that begin with that.
fn series<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.lines()
        .filter(|line| line.starts_with(start))
        .collect()
}

async fn play(world: &WorldHandle) -> (Client, String) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let client = Client::new(Wire::new(world, "user"), "default");
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let map: ConfigMap =
        serde_json::from_value(serde_json::json!({"metadata": {"name": "a"}})).unwrap();
    let mut watch = maps
        .watch(&WatchParams::default().timeout(20), "0")
        .await
        .unwrap()
        .boxed();
    maps.create(&PostParams::default(), &map).await.unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap_err();
    maps.list(&ListParams::default()).await.unwrap();
    // `kube` has it in the body, where upstream doesn't look for it either.
    let path = "/api/v1/namespaces/default/configmaps/a?dryRun=All";
    assert_eq!(send(&client, "DELETE", path).await.status(), 200);
    send(&client, "GET", "/api/v1/namespaces/default/none").await;
    send(&client, "GET", "/livez?exclude=ping").await;
    let during = scrape(&client, "/metrics").await;
    while watch.next().await.is_some() {}
    drop(watch);
    (client, during)
}

#[test]
fn requests_are_counted_by_what_they_ask_for() {
    let (during, after) = simulate(|world| async move {
        let (client, during) = play(&world).await;
        (during, scrape(&client, "/metrics").await)
    });
    let map = |dry_run: &str, scope: &str, verb: &str| {
        let rest = format!(r#"scope="{scope}",subresource="",verb="{verb}",version="v1"}}"#);
        (
            format!(
                r#"component="apiserver",dry_run="{dry_run}",group="",resource="configmaps",{rest}"#
            ),
            format!(r#"component="apiserver",group="",resource="configmaps",{rest}"#),
        )
    };
    let expected = [
        ("201", map("", "resource", "POST").0),
        ("409", map("", "resource", "POST").0),
        ("200", map("All", "resource", "DELETE").0),
        ("200", map("", "namespace", "LIST").0),
    ];
    for (code, labels) in &expected {
        let line = format!(r#"apiserver_request_total{{code="{code}",{labels} 1"#);
        assert!(
            during.lines().any(|known| known == line),
            "{line}: {during}"
        );
    }
    let healthy = r#"apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="",scope="",subresource="/livez",verb="GET",version=""} 1"#;
    assert!(during.lines().any(|known| known == healthy), "{during}");
    // What is no resource is none of the labels.
    assert!(!during.contains("none"), "{during}");
    let (_, watching) = map("", "namespace", "WATCH");
    let running = |text: &str, count: u32| {
        let line = format!("apiserver_longrunning_requests{{{watching} {count}");
        text.lines().any(|known| known == line)
    };
    assert!(running(&during, 1) && running(&after, 0), "{after}");
    // A watch took as long as it was open, by the world's clock.
    let watched = map("", "namespace", "WATCH").0.replace('}', "");
    let sum = format!("apiserver_request_duration_seconds_sum{{{watched}}} 20");
    let bucket = |le: u32, count: u32| {
        format!(r#"apiserver_request_duration_seconds_bucket{{{watched},le="{le}"}} {count}"#)
    };
    for line in [sum, bucket(15, 0), bucket(20, 1)] {
        assert!(after.lines().any(|known| known == line), "{line}: {after}");
    }
}

#[test]
fn what_there_is_is_told_and_the_same_every_time() {
    let run = || {
        simulate(|world| async move {
            let (client, _) = play(&world).await;
            send(&client, "GET", "/metrics").await
        })
    };
    let (first, second) = (run(), run());
    assert_eq!(first.body(), second.body());
    assert_eq!(
        first.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    );
    let text = first.body();
    for line in [
        "# TYPE apiserver_request_total counter",
        "# TYPE apiserver_request_duration_seconds histogram",
        "apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1",
        "apiserver_current_inflight_requests{request_kind=\"mutating\"} 0",
        "apiserver_storage_objects{resource=\"deployments.apps\"} 0",
        "apiserver_resource_objects{group=\"\",resource=\"configmaps\"} 6",
        "process_start_time_seconds 1893456000",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}: {text}");
    }
    let [build] = series(text, "kubernetes_build_info")[..] else {
        panic!("{text}");
    };
    assert!(
        build.contains("git_version=\"v1.36.3\",go_version="),
        "{build}"
    );
    // Nothing of the process, which no simulation repeats.
    assert_eq!(series(text, "process_").len(), 1, "{text}");
}

#[test]
fn checks_are_told_once_they_were_asked_for_and_counts_can_be_reset() {
    simulate(|world| async move {
        let (client, _) = play(&world).await;
        let text = scrape(&client, "/metrics/slis").await;
        for line in [
            "kubernetes_healthcheck{name=\"etcd\",type=\"livez\"} 1",
            "kubernetes_healthchecks_total{name=\"etcd\",status=\"success\",type=\"livez\"} 1",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
        assert!(!text.contains("ping") && !text.contains("readyz"), "{text}");
        let reset = send(&client, "DELETE", "/metrics").await;
        assert_eq!(reset.into_body(), "metrics reset\n");
        let text = scrape(&client, "/metrics").await;
        assert_eq!(series(&text, "apiserver_request_total").len(), 0, "{text}");
    });
}

#[test]
fn who_may_see_them_is_a_matter_of_roles() {
    let codes = simulate(|world| async move {
        let mut codes = Vec::new();
        for group in ["system:authenticated", "system:monitoring"] {
            let user = User {
                name: "somebody".to_owned(),
                groups: vec![group.to_owned()],
                ..User::default()
            };
            let client = Client::new(Wire::new(&world, "user").acting_as(user), "default");
            for (method, path) in [
                ("GET", "/metrics"),
                ("GET", "/metrics/slis"),
                ("DELETE", "/metrics"),
            ] {
                codes.push(send(&client, method, path).await.status().as_u16());
            }
        }
        codes
    });
    assert_eq!(codes, [403, 403, 403, 200, 200, 403]);
}
