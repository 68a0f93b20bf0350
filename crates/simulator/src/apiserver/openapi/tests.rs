use super::*;
use crate::apiserver::Options;
use http::Method;
use serde_json::json;

fn get(path: &str, accept: &str) -> Response {
    get_from(&mut ApiServer::new(Options::default()), path, accept)
}

fn get_from(api: &mut ApiServer, path: &str, accept: &str) -> Response {
    let mut headers = HeaderMap::new();
    set(&mut headers, header::ACCEPT, accept);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = query
        .split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let request = Request {
        method: Method::GET,
        path: path.to_owned(),
        query: query.into_iter().collect(),
        headers,
        body: Bytes::new(),
        user: None,
    };
    respond(api, &request).expect("an OpenAPI path")
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn the_index_points_to_documents_that_may_be_kept_forever() {
    let index = json_of(&get("/openapi/v3", ""));
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        .as_str()
        .unwrap()
        .to_owned();
    let right = get(&url, JSON);
    assert_eq!(
        (
            right.status,
            right.headers["cache-control"].to_str().unwrap()
        ),
        (200, "public, immutable")
    );
    let wrong = get("/openapi/v3/apis/apps/v1?hash=X", JSON);
    assert_eq!(
        (wrong.status, wrong.headers["location"].to_str().unwrap()),
        (301, url.as_str())
    );
    assert_eq!(get("/openapi/v3/apis/nope/v1", JSON).status, 404);
}

#[test]
fn schemas_carry_descriptions_merge_keys_and_kinds() {
    let document = json_of(&get("/openapi/v3/apis/apps/v1", JSON));
    let schemas = &document["components"]["schemas"];
    assert_eq!(
        schemas["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"],
        json!([{"group": "apps", "version": "v1", "kind": "Deployment"}])
    );
    let mut containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"].clone();
    assert!(
        containers
            .as_object_mut()
            .unwrap()
            .remove("description")
            .is_some()
    );
    assert_eq!(
        containers,
        json!({
            "type": "array",
            "items": {"default": {}, "allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"}]},
            "x-kubernetes-list-map-keys": ["name"],
            "x-kubernetes-list-type": "map",
            "x-kubernetes-patch-merge-key": "name",
            "x-kubernetes-patch-strategy": "merge",
        })
    );
    assert_eq!(
        schemas["io.k8s.api.apps.v1.DeploymentStrategy"]["properties"]["type"]["enum"],
        json!(["Recreate", "RollingUpdate"])
    );
    assert_eq!(
        schemas["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["oneOf"],
        json!([{"type": "integer"}, {"type": "string"}])
    );
    assert!(!document.to_string().contains("#/$defs/"));
}

#[test]
fn patches_say_that_they_know_field_validation_and_dry_run() {
    let document = json_of(&get("/openapi/v3/apis/apps/v1", JSON));
    let patch =
        &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    let names: Vec<&str> = patch["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["dryRun", "fieldManager", "fieldValidation", "force"]
    );
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({"group": "apps", "version": "v1", "kind": "Deployment"})
    );
    let scale =
        &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["get"];
    assert_eq!(
        scale["x-kubernetes-group-version-kind"]["group"],
        "autoscaling"
    );
}

#[test]
fn version_2_is_one_document_in_json_and_in_protobuf() {
    let document = json_of(&get("/openapi/v2", JSON));
    assert_eq!(document["swagger"], "2.0");
    let metadata = &document["definitions"]["io.k8s.api.core.v1.Pod"]["properties"]["metadata"];
    assert_eq!(
        metadata["$ref"],
        "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    );
    assert!(
        document["paths"]
            .as_object()
            .unwrap()
            .contains_key("/api/v1/namespaces/{namespace}/pods/{name}")
    );
    // Old clients refuse a definition whose enum holds texts if this has a type.
    let anything =
        &document["definitions"]["io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"];
    let keys: Vec<&String> = anything.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["description"]);
    let binary = get(
        "/openapi/v2",
        "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    );
    assert_eq!(binary.status, 200);
    // Field 1 is the version of Swagger, a text of three characters.
    let version = b"\x0a\x032.0";
    assert!(
        binary
            .body
            .windows(version.len())
            .any(|part| part == version)
    );
}

#[test]
fn documents_are_made_once_for_each_state_of_the_definitions() {
    let mut api = ApiServer::new(Options::default());
    let apps = "/openapi/v3/apis/apps/v1";
    let [first, again] = [(); 2].map(|()| get_from(&mut api, apps, JSON).body);
    assert_eq!(first.as_ptr(), again.as_ptr());
    let [everything, once_more] = [(); 2].map(|()| get_from(&mut api, "/openapi/v2", JSON));
    assert_eq!(everything.body.as_ptr(), once_more.body.as_ptr());
    let definition = json!({
        "metadata": {"name": "gadgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "gadgets", "kind": "Gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
        "status": {"conditions": [{"type": "Established", "status": "True"}],
            "acceptedNames": {"plural": "gadgets", "kind": "Gadget", "singular": "gadget", "listKind": "GadgetList"}},
    });
    api.serve_definition("gadgets.example.com", Some(&definition));
    let gadgets = "/openapi/v3/apis/example.com/v1";
    assert_eq!(get_from(&mut api, gadgets, JSON).status, 200);
    let kept = get_from(&mut api, apps, JSON).body;
    assert_eq!(first.as_ptr(), kept.as_ptr());
    let changed = get_from(&mut api, "/openapi/v2", JSON);
    assert_ne!(everything.headers["etag"], changed.headers["etag"]);
    assert!(json_of(&changed)["definitions"]["com.example.v1.Gadget"].is_object());
    api.serve_definition("gadgets.example.com", None);
    assert_eq!(get_from(&mut api, gadgets, JSON).status, 404);
    let back = get_from(&mut api, "/openapi/v2", JSON);
    assert_eq!(everything.body, back.body);
}

#[test]
fn what_keeps_unknown_fields_is_an_object_and_no_more_in_version_2() {
    let mut api = ApiServer::new(Options::default());
    let definition = json!({
        "metadata": {"name": "gadgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "gadgets", "kind": "Gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "selectableFields": [{"jsonPath": ".spec"}],
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    "required": ["spec"], "properties": {"spec": {"type": "string"}}}}}]},
        "status": {"conditions": [{"type": "Established", "status": "True"}],
            "acceptedNames": {"plural": "gadgets", "kind": "Gadget", "singular": "gadget", "listKind": "GadgetList"}},
    });
    api.serve_definition("gadgets.example.com", Some(&definition));
    let document = json_of(&get_from(&mut api, "/openapi/v2", JSON));
    assert_eq!(
        document["definitions"]["com.example.v1.Gadget"],
        json!({"type": "object", "x-kubernetes-selectable-fields": [{"fieldPath": "spec"}],
            "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Gadget"}]})
    );
}

#[test]
fn what_may_be_null_is_of_no_type_and_not_required_in_version_2() {
    let mut api = ApiServer::new(Options::default());
    let nothing = json!({"type": "string", "nullable": true});
    let spec = json!({"type": "object", "required": ["a", "b"], "properties": {"a": nothing, "b": {"type": "string"}}});
    let only = json!({"type": "object", "required": ["a"], "properties": {"a": nothing}});
    let keeps = json!({"type": "object", "required": ["a"], "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"a": nothing}});
    let definition = json!({
        "metadata": {"name": "gadgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "gadgets", "kind": "Gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "properties": {"spec": spec, "only": only, "keeps": keeps}}}}]},
        "status": {"conditions": [{"type": "Established", "status": "True"}],
            "acceptedNames": {"plural": "gadgets", "kind": "Gadget", "singular": "gadget", "listKind": "GadgetList"}},
    });
    api.serve_definition("gadgets.example.com", Some(&definition));
    let document = json_of(&get_from(&mut api, "/openapi/v2", JSON));
    let properties = &document["definitions"]["com.example.v1.Gadget"]["properties"];
    assert_eq!(
        [
            &properties["spec"],
            &properties["only"],
            &properties["keeps"]
        ],
        [
            &json!({"type": "object", "required": ["b"], "properties": {"a": {}, "b": {"type": "string"}}}),
            &json!({"type": "object", "properties": {"a": {}}}),
            &json!({"required": ["a"], "x-kubernetes-preserve-unknown-fields": true}),
        ]
    );
}
