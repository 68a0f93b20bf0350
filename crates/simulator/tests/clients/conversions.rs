//! Conversion webhooks under a real `kube::Client`, in this process on virtual time.

use futures::{StreamExt as _, pin_mut};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use simulator::outside::services::Trouble;
use simulator::wire::Wire;

use super::virtual_time;

fn made<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn definition() -> Value {
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
        }}})
    };
    json!({"metadata": {"name": "foos.conv.example.com"}, "spec": {
        "group": "conv.example.com", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
        "versions": [version("v1", false), version("v2", true)],
        "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {
            "service": {"namespace": "default", "name": "hook", "path": "/convert"},
        }}},
    }})
}

/// Says in `spec.was` which version an object came from.
fn convert(path: &str, review: &Value) -> Value {
    assert_eq!(path, "/convert");
    let request = &review["request"];
    let mut objects = request["objects"].clone();
    for object in objects.as_array_mut().unwrap() {
        let was = object["apiVersion"].clone();
        object["spec"] = json!({"was": was});
        object["apiVersion"] = request["desiredAPIVersion"].clone();
    }
    json!({"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1", "response": {
        "uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects,
    }})
}

fn api(client: &Client, version: &str) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: "conv.example.com".to_owned(),
        version: version.to_owned(),
        api_version: format!("conv.example.com/{version}"),
        kind: "Foo".to_owned(),
        plural: "foos".to_owned(),
    };
    Api::default_namespaced_with(client.clone(), &resource)
}

fn foo(name: &str) -> DynamicObject {
    made(json!({"apiVersion": "conv.example.com/v2", "kind": "Foo", "metadata": {"name": name}}))
}

async fn prepare(client: &Client) {
    let services: Api<Service> = Api::default_namespaced(client.clone());
    let service = json!({"metadata": {"name": "hook", "namespace": "default"}, "spec": {"ports": [{"port": 443}]}});
    services
        .create(&PostParams::default(), &made(service))
        .await
        .unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions
        .create(&PostParams::default(), &made(definition()))
        .await
        .unwrap();
    while api(client, "v2")
        .list(&ListParams::default())
        .await
        .is_err()
    {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[test]
fn a_service_of_this_process_converts_and_may_be_in_trouble() {
    virtual_time::simulate(|world| async move {
        let client = Client::new(Wire::new(&world, "test"), "default");
        prepare(&client).await;
        world.services().register("default/hook", convert);
        let (old, new) = (api(&client, "v1"), api(&client, "v2"));
        new.create(&PostParams::default(), &foo("a")).await.unwrap();
        let read = old.get("a").await.unwrap();
        assert_eq!(read.data["spec"]["was"], "conv.example.com/v2");
        let began = world.now();
        let cases = [
            (Trouble::Refuse, "connect: connection refused"),
            (
                Trouble::TimeOut,
                "convert?timeout=30s\": net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
            ),
            (
                Trouble::Deny("no".to_owned()),
                "conversion webhook for conv.example.com/v2, Kind=Foo failed: no",
            ),
            (Trouble::WrongUid, "got \"another\""),
            (
                Trouble::ExpiredCertificate,
                "x509: certificate has expired or is not yet valid: current time",
            ),
        ];
        for (trouble, text) in cases {
            world
                .services()
                .set_trouble("default/hook", Some(trouble.clone()));
            let error = old.get("a").await.unwrap_err().to_string();
            assert!(error.contains(text), "{trouble:?}: {error}");
            assert!(new.get("a").await.is_ok());
        }
        // Only the silent one took time.
        assert_eq!(world.now().duration_since(began).as_secs(), 30);
    });
}

#[test]
fn a_watch_shows_what_others_write_in_its_own_version() {
    virtual_time::simulate(|world| async move {
        let client = Client::new(Wire::new(&world, "test"), "default");
        prepare(&client).await;
        world.services().register("default/hook", convert);
        let (old, new) = (api(&client, "v1"), api(&client, "v2"));
        let quiet = WatchParams::default().disable_bookmarks();
        let stream = old.watch(&quiet, "0").await.unwrap();
        pin_mut!(stream);
        for name in ["a", "b"] {
            new.create(&PostParams::default(), &foo(name))
                .await
                .unwrap();
            let Some(Ok(WatchEvent::Added(seen))) = stream.next().await else {
                panic!("no event of {name}");
            };
            assert_eq!(seen.metadata.name.as_deref(), Some(name));
            assert_eq!(seen.data["spec"]["was"], "conv.example.com/v2");
        }
    });
}
