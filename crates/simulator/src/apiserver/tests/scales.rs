//! The Scale of an object in the forms a client may ask for.

use serde_json::{Value, json};

use super::Server;
use crate::conformance::request;
use crate::request::Reply;

const SETS: &str = "/apis/apps/v1/namespaces/default/replicasets";

fn shown(server: &mut Server, path: &str, form: &str) -> (u16, Value) {
    let accept = format!("application/json;as={form};g=meta.k8s.io;v=v1");
    let mut request = request("GET", path, b"", None);
    request
        .headers
        .insert(http::header::ACCEPT, accept.parse().unwrap());
    match server.api.handle(&request, server.now, &mut server.entropy) {
        Reply::Full(response) => (
            response.status,
            serde_json::from_slice(&response.body).unwrap(),
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scale_can_be_a_table_or_metadata_and_is_no_list() {
    let mut server = Server::new();
    let labels = json!({"app": "a"});
    let set = json!({"metadata": {"name": "a"}, "spec": {"replicas": 3, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let made = server.ok("POST", SETS, &set);
    let path = format!("{SETS}/a/scale");
    let (_, table) = shown(&mut server, &path, "Table");
    let columns = table["columnDefinitions"].as_array().unwrap();
    let names: Vec<&Value> = columns.iter().map(|column| &column["name"]).collect();
    assert_eq!(names, ["Name", "Desired", "Available", "Age"]);
    assert_eq!(table["rows"][0]["cells"], json!(["a", 3, 0, "0s"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let (_, whole) = shown(
        &mut server,
        &format!("{path}?includeObject=Object"),
        "Table",
    );
    assert_eq!(whole["rows"][0]["object"]["kind"], "Scale");
    let (_, partial) = shown(&mut server, &path, "PartialObjectMetadata");
    assert_eq!(partial["metadata"]["uid"], made["metadata"]["uid"]);
    let (status, refused) = shown(&mut server, &path, "PartialObjectMetadataList");
    assert_eq!(status, 406);
    assert_eq!(
        refused["message"],
        "you requested PartialObjectMetadataList, but the requested object is not a list (*autoscaling.Scale)"
    );
    let events = "/apis/events.k8s.io/v1/namespaces/default/events";
    let event = json!({"metadata": {"name": "e"}, "action": "a", "reason": "r", "type": "Normal",
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "x.example/c",
        "reportingInstance": "i", "regarding": {"namespace": "default"}});
    server.ok("POST", events, &event);
    let path = format!("{events}/e");
    let (_, refused) = shown(&mut server, &path, "PartialObjectMetadataList");
    let text = refused["message"].as_str().unwrap();
    assert!(text.ends_with("(*core.Event)"), "{text}");
}
