//! Bodies of up to 3 MiB in which one small element comes again and again. Comparing each with all others takes minutes.

use super::bad_input::{APPLY, Case, JSON_PATCH, STRATEGIC};
use super::sockets::{CONFIG_MAPS, Client, JSON, MERGE, status};

/// So many small elements, in the order of their numbers or against it, between what stands before and behind them.
pub(super) fn many(
    before: &str,
    count: usize,
    element: impl Fn(usize) -> String,
    after: &str,
) -> Vec<u8> {
    let elements: Vec<String> = (0..count).map(|number| element(100_000 + number)).collect();
    let body = format!("{before}{}{after}", elements.join(","));
    assert!(body.len() <= 3_145_728, "{} bytes: {before}", body.len());
    body.into_bytes()
}

pub(super) const KINDS: &str = "/apis/many.example.com/v1/namespaces/default/things";

pub(super) async fn define_things(client: &Client) {
    let texts = serde_json::json!({"type": "array", "items": {"type": "string"}});
    let set = serde_json::json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}});
    let item = serde_json::json!({"type": "object", "required": ["k"], "properties": {
        "k": {"type": "integer"}, "v": {"type": "string", "maxLength": 1},
    }});
    let map = serde_json::json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item});
    let spec = serde_json::json!({"type": "object", "properties": {"texts": texts, "set": set, "map": map}});
    let definition = serde_json::json!({"metadata": {"name": "things.many.example.com"}, "spec": {
        "group": "many.example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
            "type": "object", "properties": {"spec": spec},
        }}}],
    }});
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = definition.to_string();
    let reply = client.send("POST", path, JSON, definition.as_bytes()).await;
    assert_eq!(status(&reply), 201, "{reply}");
    while status(&client.send("GET", KINDS, JSON, b"").await) != 200 {}
}

/// All of them.
pub(super) fn repetitions() -> Vec<Case> {
    [
        of_metadata(),
        of_custom_resources(),
        of_pods(),
        of_patches(),
        of_errors(),
    ]
    .concat()
}

const NAMED: &str = r#"{"metadata":{"name":"x","#;

fn owner(number: usize) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"a","name":"a","uid":"{number}"}}"#)
}

fn finalizer(number: usize) -> String {
    format!(r#""a.b/{}""#, 999_999 - number)
}

fn of_metadata() -> Vec<Case> {
    let post = |body: Vec<u8>, status: u16| -> Case {
        ("POST", CONFIG_MAPS.to_owned(), JSON, body, status)
    };
    let labels = format!("{NAMED}\"labels\":{{");
    let owners = format!("{NAMED}\"ownerReferences\":[");
    let finalizers = format!("{NAMED}\"finalizers\":[");
    vec![
        post(
            many(&labels, 120_000, |n| format!(r#""-{n}":"""#), "}}}"),
            422,
        ),
        post(many(&owners, 30_000, owner, "]}}"), 500),
        post(many(&finalizers, 200_000, finalizer, "]}}"), 500),
        post(
            many(
                NAMED,
                120_000,
                |n| format!(r#""labels":{{"a{n}":""}}"#),
                "}}",
            ),
            500,
        ),
    ]
}

fn thing(list: &str, count: usize, element: &dyn Fn(usize) -> String, behind: &str) -> Vec<u8> {
    let before = format!(
        r#"{{"apiVersion":"many.example.com/v1","kind":"Thing","metadata":{{"name":"x"}},"spec":{{"{list}":["#
    );
    many(&before, count, element, &format!("{behind}]}}}}"))
}

fn keyed(number: usize) -> String {
    format!(r#"{{"k":{number}}}"#)
}

fn of_custom_resources() -> Vec<Case> {
    let post = |body: Vec<u8>| -> Case { ("POST", KINDS.to_owned(), JSON, body, 422) };
    let long = |number: usize| format!(r#"{{"k":{number},"v":"long"}}"#);
    vec![
        post(thing("set", 390_000, &|n| n.to_string(), ",100000")),
        post(thing("map", 200_000, &keyed, r#",{"k":100000}"#)),
        post(thing("texts", 100_000, &|n| n.to_string(), "")),
        (
            "PATCH",
            format!("{KINDS}/here"),
            MERGE,
            many(r#"{"spec":{"map":["#, 60_000, long, "]}}"),
            422,
        ),
        (
            "PATCH",
            format!("{KINDS}/x?fieldManager=m"),
            APPLY,
            thing("map", 70_000, &keyed, ""),
            500,
        ),
    ]
}

fn of_pods() -> Vec<Case> {
    let pod = |before: &str,
               count: usize,
               element: &dyn Fn(usize) -> String,
               after: &str|
     -> Case {
        let before = format!(
            r#"{{"metadata":{{"name":"x"}},"spec":{{"containers":[{{"name":"a","image":"i"{before}["#
        );
        let pods = "/api/v1/namespaces/default/pods".to_owned();
        (
            "POST",
            pods,
            JSON,
            many(&before, count, element, after),
            500,
        )
    };
    let variable = |number: usize| format!(r#"{{"name":"A{number}"}}"#);
    let spread = |number: usize| {
        format!(r#"{{"maxSkew":1,"topologyKey":"a{number}","whenUnsatisfiable":"DoNotSchedule"}}"#)
    };
    let container = |number: usize| format!(r#"{{"name":"b{number}","image":"i"}}"#);
    vec![
        pod(r#","env":"#, 110_000, &variable, "]}]}}"),
        pod(r#"}],"topologySpreadConstraints":"#, 40_000, &spread, "]}}"),
        pod(r#"}],"initContainers":"#, 30_000, &container, "]}}"),
    ]
}

fn of_patches() -> Vec<Case> {
    let patch = |media: &'static str, body: Vec<u8>, status: u16| -> Case {
        ("PATCH", format!("{CONFIG_MAPS}/here"), media, body, status)
    };
    let front = r#"{"op":"add","path":"/metadata/finalizers/0","value":0}"#;
    let fronts = format!("]}}{}]", format!(",{front}").repeat(9_999));
    let list = r#"[{"op":"add","path":"/metadata/finalizers","value":["#;
    let applied =
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"here","finalizers":["#;
    vec![
        patch(
            STRATEGIC,
            many(r#"{"metadata":{"finalizers":["#, 200_000, finalizer, "]}}"),
            500,
        ),
        patch(
            STRATEGIC,
            many(r#"{"metadata":{"ownerReferences":["#, 30_000, owner, "]}}"),
            500,
        ),
        patch(
            JSON_PATCH,
            many(list, 350_000, |n| n.to_string(), &fronts),
            422,
        ),
        (
            "PATCH",
            format!("{CONFIG_MAPS}/here?fieldManager=m"),
            APPLY,
            many(applied, 70_000, finalizer, "]}}"),
            500,
        ),
    ]
}

/// Faults that each show the whole list.
fn of_errors() -> Vec<Case> {
    let post = |path: &str, body: Vec<u8>| -> Case { ("POST", path.to_owned(), JSON, body, 422) };
    let quoted = |number: usize| format!(r#""{number}""#);
    let claim = |number: usize| format!(r#"{{"name":"a{number}","resourceClaimName":"c"}}"#);
    let unknown = |number: usize| format!(r#"{{"name":"b{number}"}}"#);
    let claims = many("", 30_000, claim, "");
    let claims = String::from_utf8_lossy(&claims);
    let containers = r#""containers":[{"name":"a","image":"i","resources":{"limits":{},"claims":["#;
    let class = r#"{"metadata":{"name":"x"},"provisioner":"a.b/c","reclaimPolicy":"Delete","volumeBindingMode":"Immediate","allowedTopologies":["#;
    let schema = r#"{"type":"object","properties":{"l":{"type":"array","items":{"type":"object","properties":{}},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["#;
    let definition = format!(
        r#"{{"metadata":{{"name":"xs.errors.example.com"}},"spec":{{"group":"errors.example.com","scope":"Namespaced","names":{{"plural":"xs","kind":"X"}},"versions":[{{"name":"v1","served":true,"storage":true,"schema":{{"openAPIV3Schema":{schema}"#
    );
    vec![
        post(
            "/api/v1/namespaces/default/resourcequotas",
            many(
                r#"{"metadata":{"name":"x"},"spec":{"scopes":["#,
                300_000,
                quoted,
                "]}}",
            ),
        ),
        post(
            "/apis/storage.k8s.io/v1/storageclasses",
            many(class, 1_000_000, |_| "{}".to_owned(), "]}"),
        ),
        post(
            "/api/v1/namespaces/default/pods",
            many(
                &format!(
                    r#"{{"metadata":{{"name":"x"}},"spec":{{"resourceClaims":[{claims}],{containers}"#
                ),
                60_000,
                unknown,
                "]}}]}}",
            ),
        ),
        post(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            many(&definition, 300_000, quoted, "]}}}}}]}}"),
        ),
    ]
}
