//! The in-process form under a real `kube::Client`, on virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, ListParams, PostParams, WatchParams};
use kube::{Client, ResourceExt as _};
use simulator::faults::{Call, Failure, Faults, Verdict};
use simulator::wire::Wire;
use simulator::world::WorldHandle;

use super::virtual_time::simulate;

fn deployment() -> Deployment {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "nginx"}]}}},
    }))
    .unwrap()
}

async fn roll_out(world: &WorldHandle) -> String {
    world.lock().recorder.keep_trace();
    let client = Client::new(Wire::new(world, "user"), "default");
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    tokio::time::sleep(Duration::from_secs(1)).await;
    deployments
        .create(&PostParams::default(), &deployment())
        .await
        .unwrap();
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let status = deployments
            .get("web")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        if status.available_replicas == Some(3) {
            let pods: Api<Pod> = Api::default_namespaced(client);
            assert_eq!(
                pods.list(&ListParams::default()).await.unwrap().items.len(),
                3
            );
            return world.lock().recorder.trace().unwrap();
        }
    }
    panic!("the deployment never became available");
}

#[test]
fn a_header_without_a_token_makes_nobody_of_a_process() {
    let codes = simulate(|world| async move {
        let client = Client::new(Wire::new(&world, "user"), "default");
        let mut codes = Vec::new();
        for header in [
            None,
            Some(" "),
            Some("Bearer  a"),
            Some("Bearer"),
            Some("Basic a"),
        ] {
            let mut request = http::Request::get("/api/v1/namespaces/default");
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let request = request.body(kube::client::Body::empty()).unwrap();
            codes.push(client.send(request).await.unwrap().status().as_u16());
        }
        codes
    });
    assert_eq!(codes, [200, 200, 401, 401, 401]);
}

#[test]
fn a_deployment_becomes_available_in_virtual_time_and_runs_repeat_themselves() {
    let first = simulate(|world| async move { roll_out(&world).await });
    let second = simulate(|world| async move { roll_out(&world).await });
    assert_eq!(first, second);
}

#[test]
fn a_watch_ends_at_its_deadline_with_everything_seen() {
    use futures::TryStreamExt as _;
    let seen = simulate(|world| async move {
        let client = Client::new(Wire::new(&world, "user"), "default");
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        let watch = maps
            .watch(
                &WatchParams::default().timeout(20).fields("metadata.name=a"),
                "0",
            )
            .await
            .unwrap();
        let writer = maps.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let map = ConfigMap {
                metadata: kube::api::ObjectMeta {
                    name: Some("a".to_owned()),
                    ..Default::default()
                },
                ..Default::default()
            };
            writer.create(&PostParams::default(), &map).await.unwrap();
        });
        let events: Vec<_> = watch.try_collect().await.unwrap();
        events
            .iter()
            .filter_map(|event| match event {
                kube::api::WatchEvent::Added(map) => Some(map.name_any()),
                _ => None,
            })
            .collect::<Vec<_>>()
    });
    assert_eq!(seen, ["a"]);
}

/// Loses the reply of the first write.
struct LoseFirst(Arc<Mutex<u64>>);

impl Faults for LoseFirst {
    fn before(&mut self, call: &Call<'_>) -> Verdict {
        if call.actor == "user" && call.write == Some(1) {
            *self.0.lock().unwrap() = call.call;
            return Verdict::CommitThenFail(Failure::Reset);
        }
        Verdict::Pass
    }
}

#[test]
fn a_lost_reply_leaves_the_write_behind() {
    simulate(|world| async move {
        let hit = Arc::new(Mutex::new(0));
        world.lock().faults = Some(Box::new(LoseFirst(hit.clone())));
        let client = Client::new(Wire::new(&world, "user"), "default");
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        let map = ConfigMap {
            metadata: kube::api::ObjectMeta {
                name: Some("a".to_owned()),
                ..Default::default()
            },
            ..Default::default()
        };
        assert!(maps.create(&PostParams::default(), &map).await.is_err());
        assert_eq!(maps.get("a").await.unwrap().name_any(), "a");
        assert_eq!(*hit.lock().unwrap(), 1);
        assert_eq!(world.lock().recorder.counts("user").writes, 1);
    });
}
