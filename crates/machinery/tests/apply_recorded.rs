//! Server-side apply against a kube-apiserver 1.36.3's recorded answers: the `managedFields` of new objects down to the
//! bytes, and the words of conflicts and refusals.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use machinery::apply::{
    ApplyError, FieldSet, PathElement, SingleVersion, Type, Write, apply, managed, update,
};
use machinery::builtin::defaults;
use machinery::decode;
use machinery::meta;
use machinery::schema::{TypeId, TypeTable};
use serde_json::{Value, json};

const NOW: &str = "2030-01-01T00:00:00Z";

fn recorded(file: &str) -> Option<Vec<String>> {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/kubernetes"
    ))
    .join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    Some(text.lines().map(ToOwned::to_owned).collect())
}

/// What the recording says of `managedFields`, as it stands in the line.
fn raw_fields(line: &str) -> Vec<&str> {
    let (_, rest) = line.split_once("\"managedFields\":[").unwrap();
    let mut out = Vec::new();
    for part in rest.split("\"fieldsV1\":").skip(1) {
        let mut depth = 0;
        let end = part.char_indices().find_map(|(at, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at + 1)
        });
        // Braces in quoted keys come in pairs.
        out.push(&part[..end.unwrap()]);
    }
    out
}

fn builtin(group: &str, version: &str, kind: &str) -> (TypeId, SingleVersion<'static>, Value) {
    let table = TypeTable::builtin();
    let id = table.type_of(group, version, kind).unwrap();
    let api_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let status = table.resources().iter().any(|resource| {
        (
            resource.group.as_str(),
            resource.version.as_str(),
            resource.kind.as_str(),
        ) == (group, version, kind)
            && resource.subresources.iter().any(|sub| sub.name == "status")
    });
    let mut reset: FieldSet = status
        .then(|| vec![PathElement::field("status")])
        .into_iter()
        .collect();
    if kind == "CertificateSigningRequest" {
        // Its strategy takes the requester from the request, and with it the whole spec.
        reset.insert(&[PathElement::field("spec")]);
    }
    let versions = SingleVersion {
        api_version,
        ty: Type::builtin(table, id),
        reset,
    };
    (id, versions, decode::normalise(id, &json!({})).unwrap())
}

/// What the server does to a new object before it asks who owns what.
fn defaulted(id: TypeId, (group, version, kind): (&str, &str, &str), sent: &Value) -> Value {
    let mut object = decode::normalise(id, sent).unwrap();
    defaults::apply(group, version, kind, &mut object);
    if kind == "DaemonSet" {
        // Added by the conversion to the internal type and back.
        object["metadata"]["annotations"] =
            json!({"deprecated.daemonset.template.generation": "0"});
    }
    decode::normalise(id, &object).unwrap()
}

#[test]
fn new_objects_are_owned_as_a_real_server_says() {
    let Some(lines) = recorded("defaults.ndjson") else {
        return;
    };
    let mut wrong = Vec::new();
    let mut compared = 0;
    for line in &lines {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| case[key].as_str().unwrap();
        let (group, version, kind) = (text("group"), text("version"), text("kind"));
        let (id, versions, empty) = builtin(group, version, kind);
        let mut object = defaulted(id, (group, version, kind), &case["sent"]);
        let write = Write {
            versions: &versions,
            api_version: &versions.api_version,
            kind,
            empty: &empty,
            manager: "chk",
            subresource: "",
            now: NOW,
        };
        update(&write, None, &mut object);
        let mut ours = managed::entries(&object).to_vec();
        let bytes: Vec<String> = ours
            .iter()
            .map(|entry| FieldSet::from_value(&entry["fieldsV1"]).unwrap().to_json())
            .collect();
        for entry in &mut ours {
            entry.as_object_mut().unwrap().remove("time");
        }
        compared += 1;
        if json!(ours) != case["managedFields"] || bytes != raw_fields(line) {
            wrong.push(format!(
                "{kind} {}\n ours   {}\n theirs {}",
                text("name"),
                bytes.join(" "),
                raw_fields(line).join(" ")
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 70, "only {compared} objects were compared");
}

#[test]
fn what_a_server_stored_can_be_applied_to_itself_without_a_change() {
    let Some(lines) = recorded("defaults.ndjson") else {
        return;
    };
    for line in &lines {
        let numbers = line.replace("\"<nodePort>\"", "30000");
        let case: Value = serde_json::from_str(&numbers).unwrap();
        let text = |key: &str| case[key].as_str().unwrap();
        let (group, version, kind) = (text("group"), text("version"), text("kind"));
        let (_, versions, empty) = builtin(group, version, kind);
        let write = Write {
            versions: &versions,
            api_version: &versions.api_version,
            kind,
            empty: &empty,
            manager: "m",
            subresource: "",
            now: NOW,
        };
        let mut live = case["returned"].clone();
        live["metadata"]["managedFields"] = case["managedFields"].clone();
        let mut config = live.clone();
        config["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        let shared = apply(&write, Some(&live), &config, false).unwrap();
        assert!(!shared.changed, "{line}");
        let again = apply(&write, Some(&shared.object), &config, false).unwrap();
        assert_eq!(again, shared, "{line}");
        // And what it leaves out again is still the first manager's, or nobody's.
        let less = json!({"apiVersion": versions.api_version, "kind": kind, "metadata": {"name": text("name")}});
        let alone = apply(&write, Some(&shared.object), &less, false)
            .unwrap()
            .object;
        let owners = managed::decode(managed::entries(&alone)).unwrap();
        let before = managed::decode(managed::entries(&live)).unwrap();
        for (identity, owned) in before {
            assert_eq!(owners[&identity].fields, owned.fields, "{line}");
        }
    }
}

/// A server that knows what the recorded steps need.
#[derive(Default)]
struct Server {
    objects: BTreeMap<String, Value>,
    schema: Value,
}

struct Target {
    group: String,
    version: String,
    kind: String,
    name: String,
}

fn target(path: &str) -> Option<Target> {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, "namespaces", _, rest @ ..] => ("", *version, rest),
        ["apis", group, version, "namespaces", _, rest @ ..]
        | ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let kind = match *rest.first()? {
        "configmaps" => "ConfigMap",
        "deployments" => "Deployment",
        "errs" => "Err",
        "customresourcedefinitions" => "CustomResourceDefinition",
        _ => return None,
    };
    Some(Target {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        name: (*rest.get(1).unwrap_or(&"")).to_owned(),
    })
}

impl Server {
    fn run<T>(&self, target: &Target, manager: &str, run: impl FnOnce(&Write<'_>) -> T) -> T {
        let (versions, empty) = if target.kind == "Err" {
            let api_version = format!("{}/{}", target.group, target.version);
            let empty = json!({"apiVersion": api_version, "kind": "Err"});
            let versions = SingleVersion {
                api_version,
                ty: Type::custom(&self.schema, false),
                reset: [vec![PathElement::field("status")]].into_iter().collect(),
            };
            (versions, empty)
        } else {
            let (_, versions, empty) = builtin(&target.group, &target.version, &target.kind);
            (versions, empty)
        };
        run(&Write {
            versions: &versions,
            api_version: &versions.api_version,
            kind: &target.kind,
            empty: &empty,
            manager,
            subresource: "",
            now: NOW,
        })
    }

    fn key(target: &Target, name: &str) -> String {
        format!("{}/{name}", target.kind)
    }

    fn create(&mut self, target: &Target, body: &Value) {
        if target.kind == "CustomResourceDefinition" {
            self.schema = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
            return;
        }
        let mut object = if target.kind == "Err" {
            body.clone()
        } else {
            let (id, _, _) = builtin(&target.group, &target.version, &target.kind);
            defaulted(id, (&target.group, &target.version, &target.kind), body)
        };
        self.run(target, "chk", |write| update(write, None, &mut object));
        self.store(target, object);
    }

    fn store(&mut self, target: &Target, mut object: Value) {
        meta::set(&mut object, "uid", json!("u"));
        let name = meta::name(&object).to_owned();
        self.objects.insert(Self::key(target, &name), object);
    }

    fn apply(&mut self, target: &Target, path: &str, body: &Value) -> Result<Value, ApplyError> {
        let query = |key: &str| {
            let (_, query) = path.split_once('?')?;
            query
                .split('&')
                .find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
        };
        let live = self.objects.get(&Self::key(target, &target.name));
        let manager = query("fieldManager").unwrap_or_default();
        let force = query("force") == Some("true");
        self.run(target, manager, |write| {
            apply(write, live, body, force).map(|applied| applied.object)
        })
    }
}

/// What the endpoint refuses before it applies anything.
const NOT_OURS: [&str; 6] = [
    "PatchOptions.meta.k8s.io",
    "uid mismatch",
    "the object has been modified",
    "does not match the name on the URL",
    "YAML",
    "the body of the request",
];

fn expected(error: &ApplyError) -> Value {
    let mut status = json!({"message": error.to_string()});
    match error {
        ApplyError::Conflicts(conflicts) => {
            let causes: Vec<Value> = conflicts
                .0
                .iter()
                .map(|conflict| {
                    json!({"reason": machinery::apply::conflict::CAUSE, "message": conflict.message(),
                        "field": conflict.field()})
                })
                .collect();
            status["code"] = json!(409);
            status["details"] = json!({"causes": causes});
        }
        ApplyError::BadRequest(_) => status["code"] = json!(400),
        ApplyError::Internal(_) => status["code"] = json!(500),
    }
    status
}

#[test]
fn refusals_are_those_of_a_real_server() {
    let Some(lines) = recorded("errors.ndjson") else {
        return;
    };
    let mut server = Server::default();
    let mut compared = 0;
    for line in &lines {
        let case: Value = serde_json::from_str(line).unwrap();
        let path = case["path"].as_str().unwrap();
        let is_apply = case["contentType"] == json!("application/apply-patch+yaml");
        let Some(target) = target(path) else { continue };
        if case["step"] == json!("setup") {
            if case["method"] == json!("POST") {
                server.create(&target, &case["body"]);
            } else if is_apply {
                let object = server.apply(&target, path, &case["body"]).unwrap();
                server.store(&target, object);
            }
            continue;
        }
        let message = case["status"]["message"].as_str().unwrap_or_default();
        if !is_apply || NOT_OURS.iter().any(|words| message.contains(words)) {
            continue;
        }
        let body = match &case["body"] {
            Value::String(text) if text.is_empty() => json!({}),
            body => body.clone(),
        };
        compared += 1;
        let outcome = server.apply(&target, path, &body);
        if case["code"] == json!(422) {
            // Validation's word: the element without a name comes second.
            let merged = outcome.unwrap();
            let containers = &merged["spec"]["template"]["spec"]["containers"];
            assert_eq!(containers[1], json!({"image": "i"}), "{line}");
            continue;
        }
        let ours = expected(&outcome.unwrap_err());
        for key in ["message", "code", "details"] {
            assert_eq!(ours[key], case["status"][key], "{line}");
        }
    }
    assert!(compared > 15, "only {compared} cases were compared");
}
