//! Answers as a real server gave them to the same request.

use serde_json::{Value, json};

use super::{CONFIG_MAPS, PODS, Server, config_map, pod};
use crate::request::Reply;

const NAMESPACE: &str = "/api/v1/namespaces/default";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const JSON: &str = "application/json";

/// Status, message and warnings.
fn answer(
    server: &mut Server,
    (method, path): (&str, &str),
    body: &str,
    media: &str,
) -> (u16, String, Vec<String>) {
    let Reply::Full(reply) = server.raw(method, path, body, media) else {
        panic!("no whole answer to {method} {path}");
    };
    let value: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let warnings = reply.headers.get_all("warning").iter();
    let warnings = warnings.map(|warning| warning.to_str().unwrap_or_default().to_owned());
    let message = value["message"].as_str().unwrap_or_default().to_owned();
    (reply.status, message, warnings.collect())
}

fn refused(server: &mut Server, request: (&str, &str), body: &Value) -> (u16, String) {
    let (status, message, _) = answer(server, request, &body.to_string(), JSON);
    (status, message)
}

#[test]
fn options_of_a_wrong_type_delete_nothing() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let one = format!("{CONFIG_MAPS}/a");
    let field = |what: &str, field: &str, kind: &str| {
        format!("json: cannot unmarshal {what} into Go struct field {field} of type {kind}")
    };
    for (body, told) in [
        (
            r#"{"dryRun":"All"}"#,
            field("string", "DeleteOptions.dryRun", "[]string"),
        ),
        (
            r#"{"dryRun":[1]}"#,
            field("number", "DeleteOptions.dryRun", "string"),
        ),
        (
            r#"{"preconditions":"x"}"#,
            field("string", "DeleteOptions.preconditions", "v1.Preconditions"),
        ),
        (
            r#"{"preconditions":{"uid":1}}"#,
            field("number", "Preconditions.preconditions.uid", "types.UID"),
        ),
        (
            r#"{"propagationPolicy":1}"#,
            field(
                "number",
                "DeleteOptions.propagationPolicy",
                "v1.DeletionPropagation",
            ),
        ),
        (
            r#"{"orphanDependents":"yes"}"#,
            field("string", "DeleteOptions.orphanDependents", "bool"),
        ),
        (
            r#"{"gracePeriodSeconds":1.5}"#,
            field("number 1.5", "DeleteOptions.gracePeriodSeconds", "int64"),
        ),
        (
            r#"{"gracePeriodSeconds":99999999999999999999}"#,
            field(
                "number 99999999999999999999",
                "DeleteOptions.gracePeriodSeconds",
                "int64",
            ),
        ),
    ] {
        for path in [one.as_str(), CONFIG_MAPS] {
            let (status, message, _) = answer(&mut server, ("DELETE", path), body, JSON);
            assert_eq!(
                (status, message.as_str()),
                (400, told.as_str()),
                "{path} {body}"
            );
        }
        let eviction = format!(r#"{{"metadata":{{"name":"p"}},"deleteOptions":{body}}}"#);
        let path = format!("{PODS}/p/eviction");
        let (status, message, _) = answer(&mut server, ("POST", &path), &eviction, JSON);
        assert_eq!(status, 400, "{message}");
    }
    let (status, message, _) = answer(
        &mut server,
        ("DELETE", &one),
        "dryRun: All",
        "application/yaml",
    );
    assert_eq!(status, 400, "{message}");
    // What is unknown is passed over.
    server.ok(
        "DELETE",
        &one,
        &json!({"foo": 1, "GracePeriodSeconds": "x"}),
    );
}

#[test]
fn names_of_secrets_for_images_may_be_left_out_of_an_apply() {
    let mut server = Server::new();
    let applied = |secrets: Value| {
        let spec =
            json!({"containers": [{"name": "c", "image": "x"}], "imagePullSecrets": secrets});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec})
            .to_string()
    };
    let path = format!("{PODS}/a?fieldManager=m&dryRun=All");
    let mut apply = |secrets: Value| {
        let media = "application/apply-patch+yaml";
        answer(&mut server, ("PATCH", &path), &applied(secrets), media)
    };
    let (status, message, warnings) = apply(json!([{}]));
    assert_eq!(status, 201, "{message}");
    assert_eq!(
        warnings,
        [r#"299 - "spec.imagePullSecrets[0].name: invalid empty name \"\"""#]
    );
    let (status, message, _) = apply(json!([{}, {}]));
    let told = "failed to create typed patch object (/a; /v1, Kind=Pod): .spec.imagePullSecrets: \
        duplicate entries for key [name=\"\"]";
    assert_eq!((status, message.as_str()), (500, told));
}

#[test]
fn what_pods_say_of_their_profiles_and_files_is_warned_of() {
    let mut server = Server::new();
    let mut posted = |change: Value| {
        let mut body = pod("p");
        merged(&mut body, &change);
        answer(
            &mut server,
            ("POST", &format!("{PODS}?dryRun=All")),
            &body.to_string(),
            JSON,
        )
        .2
    };
    let key = "container.apparmor.security.beta.kubernetes.io/c";
    let annotated = json!({"metadata": {"annotations": {key: "runtime/default"}},
        "spec": {"containers": [{"name": "c", "image": "x"}]}});
    let told = format!(
        "299 - \"metadata.annotations[{key}]: deprecated since v1.30; use the \\\"appArmorProfile\\\" field instead\""
    );
    assert_eq!(posted(annotated), [told]);
    let sources = json!([
        {"configMap": {"name": "m", "items": [{"key": "a", "path": "x"}]}},
        {},
        {"secret": {"name": "s", "items": [{"key": "a", "path": "x/y"}, {"key": "b", "path": "z"}]}}]);
    let volumes = json!({"spec": {"volumes": [{"name": "v", "projected": {"sources": sources}}]}});
    assert_eq!(
        posted(volumes),
        [
            r#"299 - "volume \"v\" (Projected) has no sources provided""#,
            r#"299 - "volume \"v\" (Projected): overlapping paths: \"x/y\" (Secret \"s\") with \"x\" (ConfigMap \"m\")""#
        ]
    );
}

/// Puts fields of a change into an object.
fn merged(object: &mut Value, change: &Value) {
    match (object, change) {
        (Value::Object(object), Value::Object(change)) => {
            for (key, value) in change {
                merged(object.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (object, change) => *object = change.clone(),
    }
}

#[test]
fn a_pod_for_windows_has_what_windows_has() {
    let mut server = Server::new();
    let mut told = |spec: Value| {
        let mut body = pod("p");
        merged(&mut body, &json!({"spec": spec}));
        refused(&mut server, ("POST", &format!("{PODS}?dryRun=All")), &body).1
    };
    assert_eq!(
        told(json!({"securityContext": {"windowsOptions": {"hostProcess": true}}})),
        "Pod \"p\" is invalid: spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any \
         hostProcess containers"
    );
    assert_eq!(
        told(
            json!({"os": {"name": "windows"}, "hostPID": true, "securityContext": {"runAsUser": 1}})
        ),
        "Pod \"p\" is invalid: [spec.hostPID: Forbidden: cannot be set for a windows pod, \
         spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod]"
    );
    for (user, what) in [
        ("", "runAsUserName cannot be an empty string"),
        (
            "a\\b\\c",
            "runAsUserName cannot contain more than one backslash",
        ),
        (
            "...",
            "runAsUserName's User cannot contain only periods or spaces",
        ),
        ("d d.\\u", ""),
        (
            ".d\\u",
            "runAsUserName's Domain doesn't match the NetBios nor the DNS format",
        ),
    ] {
        let options = json!({"windowsOptions": {"runAsUserName": user}});
        let message = told(json!({"securityContext": options}));
        assert_eq!(
            message.contains("runAsUserName"),
            !what.is_empty(),
            "{user}: {message}"
        );
        assert!(message.contains(what), "{user}: {message}");
    }
}

#[test]
fn values_that_a_real_server_refuses_are_refused_in_its_words() {
    let mut server = Server::new();
    let job = json!({"spec": {"template": {"spec": {"restartPolicy": "Never",
        "containers": [{"name": "c", "image": "x"}]}}}});
    let zone = |zone: &str| json!({"metadata": {"name": "c"}, "spec": {"schedule": "* * * * *", "timeZone": zone, "jobTemplate": job}});
    let crons = "/apis/batch/v1/namespaces/default/cronjobs?dryRun=All";
    let scaler = json!({"metadata": {"name": "h"}, "spec": {"maxReplicas": 5, "behavior": {"scaleUp": {"policies": []}},
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    let scalers = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers?dryRun=All";
    // `[]` and `{"auths":` with a zero byte.
    let config = |data: &str| {
        json!({"metadata": {"name": "s"}, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": data}})
    };
    let secrets = format!("{NAMESPACE}/secrets?dryRun=All");
    let redacted = |why: &str| {
        format!(
            "Secret \"s\" is invalid: data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": {why}"
        )
    };
    for (path, body, code, told) in [
        (
            crons,
            zone("europe/berlin"),
            422,
            "CronJob.batch \"c\" is invalid: spec.timeZone: Invalid value: \"europe/berlin\": unknown time zone europe/berlin"
                .to_owned(),
        ),
        (
            crons,
            zone("Local"),
            422,
            "CronJob.batch \"c\" is invalid: spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time \
             zone as defined in https://www.iana.org/time-zones"
                .to_owned(),
        ),
        (crons, zone("Europe/Berlin"), 201, String::new()),
        (crons, zone("UTC"), 201, String::new()),
        (
            scalers,
            scaler,
            422,
            "HorizontalPodAutoscaler.autoscaling \"h\" is invalid: spec.behavior.scaleUp.policies: Required value: must \
             specify at least one Policy"
                .to_owned(),
        ),
        (
            &secrets,
            config("W10="),
            422,
            redacted("json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ),
        (
            &secrets,
            config("eyJhdXRocyI6AH0="),
            422,
            redacted("invalid character '\\x00' looking for beginning of value"),
        ),
        (
            &format!("{NAMESPACE}/bindings"),
            json!({"target": {"kind": "Node", "name": "n"}}),
            400,
            "Name parameter required.".to_owned(),
        ),
    ] {
        assert_eq!(refused(&mut server, ("POST", path), &body), (code, told), "{path} {body}");
    }
}

#[test]
fn what_a_feature_that_is_off_would_read_is_dropped() {
    let mut server = Server::new();
    let claim = json!({"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "x", "namespace": "other"}}});
    let claims = format!("{NAMESPACE}/persistentvolumeclaims");
    let made = server.ok("POST", &claims, &claim);
    assert_eq!(made["spec"]["dataSourceRef"], Value::Null);
    let node = json!({"metadata": {"name": "n"}, "spec": {"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.1.0/24"]}});
    let made = server.ok("POST", "/api/v1/nodes", &node);
    assert_eq!(made["spec"]["podCIDRs"], json!(["10.0.0.0/24"]));
}

#[test]
fn schemas_are_asked_what_they_have_that_no_structural_one_has() {
    let mut server = Server::new();
    let mut told = |schema: Value| {
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
            {"type": "object", "properties": {"a": schema}}}});
        let body = json!({"metadata": {"name": "zs.w.dev"}, "spec": {"group": "w.dev", "scope": "Namespaced",
            "names": {"plural": "zs", "kind": "Z"}, "versions": [version]}});
        refused(&mut server, ("POST", DEFINITIONS), &body).1
    };
    let at = "CustomResourceDefinition.apiextensions.k8s.io \"zs.w.dev\" is invalid: \
        spec.validation.openAPIV3Schema.properties[a]";
    for (schema, words) in [
        (
            json!({"type": "array", "items": {"type": "string"}, "additionalItems": false}),
            ".additionalItems: Forbidden: additionalItems is not supported",
        ),
        (
            json!({"type": "array", "items": [{"type": "string"}]}),
            ".items: Forbidden: items must be a schema object and not an array",
        ),
        (
            json!({"type": "array", "items": {"$ref": "#/x"}}),
            ".items.$ref: Forbidden: $ref is not supported",
        ),
        (
            json!({"$ref": "#/x"}),
            ".$ref: Forbidden: $ref is not supported",
        ),
    ] {
        assert_eq!(told(schema), format!("{at}{words}"));
    }
}

#[test]
fn what_can_t_be_read_or_reached_is_told_in_the_servers_words() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let one = format!("{CONFIG_MAPS}/a");
    let large = "18446744073709551616";
    let range = format!("strconv.ParseUint: parsing \"{large}\": value out of range");
    let body = json!({"metadata": {"name": "a", "resourceVersion": large}});
    assert_eq!(
        refused(&mut server, ("PUT", &one), &body),
        (500, range.clone())
    );
    let path = format!("{CONFIG_MAPS}?resourceVersion={large}");
    let told =
        format!("invalid resource version: resourceVersion: Invalid value: \"{large}\": {range}");
    assert_eq!(
        refused(&mut server, ("GET", &path), &Value::Null),
        (400, told)
    );
    let signed = json!({"metadata": {"name": "a", "resourceVersion": "+1"}});
    let told = "strconv.ParseUint: parsing \"+1\": invalid syntax".to_owned();
    assert_eq!(refused(&mut server, ("PUT", &one), &signed), (500, told));
    let test = r#"{"op":"test","path":"/kind","value":"ConfigMap"}"#;
    let many = format!("[{}]", vec![test; 10_001].join(","));
    let (status, message, _) = answer(
        &mut server,
        ("PATCH", &one),
        &many,
        "application/json-patch+json",
    );
    let told = "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001";
    assert_eq!((status, message.as_str()), (413, told));
    server.ok("POST", PODS, &pod("p"));
    for (path, code, told) in [
        ("nodes/n/proxy/metrics", 404, "nodes \"n\" not found"),
        (
            "namespaces/default/pods/https:q:1/proxy",
            404,
            "pods \"q\" not found",
        ),
        (
            "namespaces/default/services/a:b:c:d/proxy",
            400,
            "invalid service request \"a:b:c:d\"",
        ),
        (
            "namespaces/default/pods/p/proxy/x",
            501,
            "the proxy to pods is not supported by this version of Carrick",
        ),
    ] {
        let path = format!("/api/v1/{path}");
        assert_eq!(
            refused(&mut server, ("GET", &path), &Value::Null),
            (code, told.to_owned())
        );
    }
}
