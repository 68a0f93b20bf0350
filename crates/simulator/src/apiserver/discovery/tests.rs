use serde_json::Value;

use super::*;
use crate::apiserver::Options;

fn get(path: &str, accept: &str, known: Option<&str>) -> Response {
    let api = ApiServer::new(Options::default());
    let mut headers = HeaderMap::new();
    set(&mut headers, header::ACCEPT, accept);
    if let Some(tag) = known {
        set(&mut headers, header::IF_NONE_MATCH, tag);
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = if query.is_empty() {
        Vec::new()
    } else {
        let (key, value) = query.split_once('=').unwrap_or((query, ""));
        vec![(key.to_owned(), value.to_owned())]
    };
    let request = Request {
        method: Method::GET,
        path: path.to_owned(),
        query,
        headers,
        body: Bytes::new(),
        user: None,
    };
    respond(&api, &request)
        .expect("a discovery path")
        .expect("an answer")
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn aggregated_discovery_is_served_to_who_asks_for_v2() {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                  application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    let response = get("/apis", accept, None);
    let document = json(&response);
    assert_eq!(document["kind"], "APIGroupDiscoveryList");
    assert_eq!(response.headers["content-type"], negotiate::AGGREGATED_V2);
    let apps = document["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["metadata"]["name"] == "apps")
        .unwrap();
    let deployments = &apps["versions"][0]["resources"][2];
    assert_eq!(deployments["resource"], "deployments");
    assert_eq!(
        deployments["subresources"][0]["responseKind"]["group"],
        "autoscaling"
    );

    let tag = response.headers["etag"].to_str().unwrap();
    let again = get("/apis", accept, Some(tag));
    assert_eq!((again.status, again.body.len()), (304, 0));
    let pretty = get("/apis?pretty=true", accept, None);
    assert!(pretty.body.len() > response.body.len());
    assert_eq!(pretty.headers["etag"], tag);
}

#[test]
fn legacy_discovery_is_served_to_everybody_else() {
    let v2beta1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    assert_eq!(json(&get("/apis", v2beta1, None))["kind"], "APIGroupList");
    assert_eq!(json(&get("/api", "*/*", None))["kind"], "APIVersions");
    assert_eq!(
        json(&get("/apis/autoscaling", "", None))["preferredVersion"]["version"],
        "v2"
    );
    let pods = json(&get("/api/v1", "application/json", None));
    assert_eq!(pods["groupVersion"], "v1");
    assert!(
        pods["resources"]
            .as_array()
            .unwrap()
            .iter()
            .any(|resource| resource["name"] == "pods/eviction")
    );
    let yaml = get("/apis/apps", "application/yaml", None);
    assert!(
        yaml.body
            .starts_with(b"apiVersion: v1\nkind: APIGroup\nname: apps\n")
    );
}

#[test]
fn health_endpoints_are_well() {
    assert_eq!(get("/readyz", "", None).body, "ok");
    assert_eq!(get("/livez/ping", "", None).body, "ok");
    assert!(
        get("/livez?verbose", "", None)
            .body
            .ends_with(b"livez check passed\n")
    );
    assert_eq!(json(&get("/version", "", None))["gitVersion"], "v1.36.3");
}

#[test]
fn versions_are_ordered_by_stability_then_number() {
    let mut versions = [
        "v1beta1", "foo10", "v2alpha1", "v1", "v10", "v2", "v1beta2", "bar",
    ];
    versions.sort_by(|a, b| entries::compare_versions(a, b));
    assert_eq!(
        versions,
        [
            "v10", "v2", "v1", "v1beta2", "v1beta1", "v2alpha1", "bar", "foo10"
        ]
    );
}
