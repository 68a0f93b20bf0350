//! The recorded 422 replies of a kube-apiserver 1.36.3 that come from validating built-in objects: message, reasons and
//! fields must be equal.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use machinery::builtin::{admission, defaults, strategy, validation};
use machinery::decode;
use machinery::patch::{json as json_patch, merge, strategic};
use machinery::schema::{BuiltinResource, TypeId, TypeTable};
use serde_json::{Value, json};

/// Cases whose error is not validation's, by a part of their message or path.
const NOT_OURS: [(&str, &str); 9] = [
    ("Options.meta.k8s.io", "options of the request"),
    ("customresourcedefinitions", "validation of CRDs"),
    ("/errs", "custom resources"),
    ("\"\" is invalid: patch:", "the patch does not fit the type"),
    (
        "the server rejected our request",
        "the patch does not apply",
    ),
    ("failed to allocate IP", "allocation needs all services"),
    (
        "provided port is not in the valid range",
        "allocation needs the server's range",
    ),
    ("TokenRequest", "a subresource with its own input"),
    ("subjectaccessreviews", "reviews are answered, not stored"),
];

struct Server {
    objects: BTreeMap<String, Value>,
}

struct Target {
    resource: &'static BuiltinResource,
    id: TypeId,
    namespace: String,
    name: String,
    subresource: String,
}

fn target(path: &str) -> Option<Target> {
    let path = path.split('?').next().unwrap();
    let mut parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if parts.len() < 3 {
        return None;
    }
    let (group, version) = if parts[0] == "api" {
        ("", parts[1])
    } else {
        (parts[1], parts[2])
    };
    if parts.len() < 4 && !group.is_empty() {
        return None;
    }
    parts.drain(..if group.is_empty() { 2 } else { 3 });
    let mut namespace = "";
    if parts[0] == "namespaces" && parts.len() > 2 {
        namespace = parts[1];
        parts.drain(..2);
    }
    let found = |resource: &&BuiltinResource| {
        resource.group == group && resource.version == version && resource.plural == parts[0]
    };
    let resource = TypeTable::builtin().resources().iter().find(found)?;
    Some(Target {
        resource,
        id: TypeTable::builtin().type_of(group, version, &resource.kind)?,
        namespace: namespace.to_owned(),
        name: parts.get(1).unwrap_or(&"").to_string(),
        subresource: parts.get(2).unwrap_or(&"").to_string(),
    })
}

impl Target {
    fn key(&self, name: &str) -> String {
        format!(
            "{}/{}/{}/{name}",
            self.resource.group, self.resource.plural, self.namespace
        )
    }

    fn parts(&self) -> (&str, &str, &str) {
        (
            &self.resource.group,
            &self.resource.version,
            &self.resource.kind,
        )
    }
}

impl Server {
    fn create(
        &mut self,
        target: &Target,
        body: &Value,
    ) -> Result<(), (String, Vec<validation::FieldError>)> {
        let (group, version, kind) = target.parts();
        let mut object = match body {
            Value::String(text) => {
                decode::decode(TypeTable::builtin(), target.id, text.as_bytes())
                    .unwrap()
                    .value
            }
            body => decode::normalise(target.id, body).unwrap(),
        };
        defaults::apply(group, version, kind, &mut object);
        let metadata = object["metadata"].as_object_mut().unwrap();
        if let (None, Some(prefix)) = (metadata.get("name"), metadata.get("generateName").cloned())
        {
            metadata.insert(
                "name".to_owned(),
                json!(format!("{}<5>", prefix.as_str().unwrap())),
            );
        }
        metadata.insert(
            "uid".to_owned(),
            json!("00000000-0000-4000-8000-000000000000"),
        );
        metadata.insert(
            "creationTimestamp".to_owned(),
            json!("2030-01-01T00:00:00Z"),
        );
        metadata.insert("resourceVersion".to_owned(), json!("1"));
        metadata.insert("generation".to_owned(), json!(1));
        if target.resource.namespaced {
            metadata.insert("namespace".to_owned(), json!(target.namespace));
        }
        if kind == "Service" {
            strategy::service::sync_cluster_ips(object.as_object_mut().unwrap(), None);
        }
        strategy::prepare_for_create(group, version, kind, &mut object);
        admission::create(group, kind, &mut object);
        if kind == "Pod" {
            admission::service_account(&mut object, &json!({}), "bcdfg");
            admission::priority(&mut object, None);
        }
        let name = object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let errors = validation::validate_create(group, version, kind, &object);
        if !errors.is_empty() {
            return Err((name, errors));
        }
        if kind == "Service" {
            object["spec"]["clusterIP"] = json!("10.96.0.10");
            object["spec"]["clusterIPs"] = json!(["10.96.0.10"]);
        }
        let mut object = decode::normalise(target.id, &object).unwrap();
        strategy::as_stored(group, kind, &mut object);
        self.objects.insert(target.key(&name), object);
        Ok(())
    }

    fn patched(&self, target: &Target, case: &Value) -> Value {
        let old = &self.objects[&target.key(&target.name)];
        let body = &case["body"];
        match case["contentType"].as_str().unwrap() {
            "application/merge-patch+json" => merge::apply(old, body),
            "application/strategic-merge-patch+json" => {
                strategic::apply(old, body, target.id).unwrap()
            }
            "application/json-patch+json" => {
                json_patch::apply(old, body.to_string().as_bytes()).unwrap()
            }
            "application/apply-patch+yaml" => {
                let mut merged =
                    strategic::apply(old, body, target.id).unwrap_or_else(|_| old.clone());
                let containers = &body["spec"]["template"]["spec"]["containers"];
                if containers.is_array() {
                    let list = merged["spec"]["template"]["spec"]["containers"]
                        .as_array_mut()
                        .unwrap();
                    *list = old["spec"]["template"]["spec"]["containers"]
                        .as_array()
                        .unwrap()
                        .clone();
                    list.extend(containers.as_array().unwrap().iter().cloned());
                }
                merged
            }
            other => panic!("{other}"),
        }
    }

    fn update(&self, target: &Target, case: &Value) -> Vec<validation::FieldError> {
        let (group, version, kind) = target.parts();
        let old = &self.objects[&target.key(&target.name)];
        if target.subresource == "scale" {
            let mut scale = json!({"metadata": old["metadata"], "spec": {}});
            scale["spec"]["replicas"] = case["body"]["spec"]["replicas"].clone();
            return validation::validate_create("autoscaling", "v1", "Scale", &scale);
        }
        let mut new = decode::normalise(target.id, &self.patched(target, case)).unwrap();
        defaults::apply(group, version, kind, &mut new);
        if kind == "Service" {
            let (new, old) = (new.as_object_mut().unwrap(), old.as_object().unwrap());
            strategy::service::take_over(new, old);
        }
        strategy::prepare_for_update(group, version, kind, &mut new, old, None);
        admission::update(group, kind, &mut new, old);
        validation::validate_update(group, version, kind, &new, old)
    }
}

fn qualified(kind: &str, group: &str) -> String {
    if group.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}.{group}")
    }
}

fn is_ours(case: &Value) -> bool {
    let message = case["status"]["message"].as_str().unwrap_or_default();
    let path = case["path"].as_str().unwrap();
    case["code"] == json!(422)
        && !NOT_OURS
            .iter()
            .any(|(part, _)| message.contains(part) || path.contains(part))
}

#[test]
fn recorded_invalid_objects_are_refused_with_the_real_servers_words() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/kubernetes/errors.ndjson"
    );
    let Ok(text) = std::fs::read_to_string(PathBuf::from(path)) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let mut server = Server {
        objects: BTreeMap::new(),
    };
    let (mut compared, mut wrong) = (0, Vec::new());
    for case in text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        let (method, path) = (
            case["method"].as_str().unwrap(),
            case["path"].as_str().unwrap(),
        );
        let Some(target) = target(path) else { continue };
        if case["step"] == json!("setup") {
            match method {
                "POST" if !path.contains("customresource") => {
                    server.create(&target, &case["body"]).unwrap();
                }
                "DELETE" => {
                    let object = server.objects.get_mut(&target.key(&target.name)).unwrap();
                    object["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:00Z");
                    object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
                }
                _ => {}
            }
            continue;
        }
        if !is_ours(&case) {
            continue;
        }
        compared += 1;
        let (name, errors) = if method == "POST" {
            server
                .create(&target, &case["body"])
                .err()
                .unwrap_or_default()
        } else {
            (target.name.clone(), server.update(&target, &case))
        };
        let (group, _, kind) = target.parts();
        let scaled = target.subresource == "scale";
        let (kind, group) = if scaled {
            ("Scale", "autoscaling")
        } else {
            (kind, group)
        };
        let message = format!(
            "{} \"{name}\" is invalid: {}",
            qualified(kind, group),
            validation::message(&errors)
        );
        let causes: Vec<Value> = errors
            .iter()
            .map(|error| json!({"reason": error.reason(), "message": error.body(), "field": error.field}))
            .collect();
        let status = &case["status"];
        if status["message"] != json!(message) || status["details"]["causes"] != json!(causes) {
            wrong.push(format!(
                "{} {method} {path}\n ours   {message}\n theirs {}",
                case["id"],
                status["message"].as_str().unwrap()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 80, "only {compared} cases were compared");
}
