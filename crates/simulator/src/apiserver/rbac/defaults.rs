//! The roles and bindings every server has (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`), from `defaults.txt`.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::apiserver::resource::{Resource, known};

const TABLE: &str = include_str!("defaults.txt");
const CONTROLLER: &str = "system:controller:";

/// Every default role and binding with its resource, roles first.
pub fn objects() -> &'static [(Resource, Value)] {
    static OBJECTS: LazyLock<Vec<(Resource, Value)>> = LazyLock::new(|| read(TABLE));
    &OBJECTS
}

fn read(table: &str) -> Vec<(Resource, Value)> {
    let mut objects: Vec<(Resource, Value)> = Vec::new();
    let mut bindings = Vec::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["-", rule @ ..] => {
                let rules = objects
                    .last_mut()
                    .and_then(|(_, role)| role.get_mut("rules"));
                if let Some(rules) = rules.and_then(Value::as_array_mut) {
                    rules.extend(rule_of(rule));
                }
            }
            ["ClusterRole", name, marks @ ..] => {
                objects.push((known::CLUSTER_ROLES, cluster_role(name, marks)));
                if let Some(account) = name.strip_prefix(CONTROLLER) {
                    let subject = format!("ServiceAccount:kube-system/{account}");
                    bindings.push(binding("ClusterRole", name, name, &[&subject]));
                }
            }
            ["Role", name] => {
                let role = object("Role", name, json!({"rules": []}));
                objects.push((known::ROLES, role));
            }
            ["ClusterRoleBinding", name, role, subjects @ ..] => {
                bindings.push(binding("ClusterRole", name, role, subjects));
            }
            ["RoleBinding", name, role, subjects @ ..] => {
                bindings.push(binding("Role", name, role, subjects));
            }
            _ => {}
        }
    }
    objects.extend(bindings);
    objects
}

/// An object with the metadata that all defaults have. The name may be `NAMESPACE/NAME`.
fn object(kind: &str, name: &str, mut object: Value) -> Value {
    let mut metadata = json!({
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "name": name,
    });
    if let Some((namespace, name)) = name.split_once('/')
        && let Some(fields) = metadata.as_object_mut()
    {
        fields.insert("name".to_owned(), json!(name));
        fields.insert("namespace".to_owned(), json!(namespace));
    }
    if let Some(fields) = object.as_object_mut() {
        fields.insert(
            "apiVersion".to_owned(),
            json!("rbac.authorization.k8s.io/v1"),
        );
        fields.insert("kind".to_owned(), json!(kind));
        fields.insert("metadata".to_owned(), metadata);
    }
    object
}

fn cluster_role(name: &str, marks: &[&str]) -> Value {
    let label = |aggregate: &str| format!("rbac.authorization.k8s.io/aggregate-to-{aggregate}");
    let mut role = object("ClusterRole", name, json!({"rules": []}));
    for mark in marks {
        match mark.split_once('=') {
            Some(("part-of", aggregate)) => {
                machinery::meta::set_label(&mut role, &label(aggregate), "true");
            }
            Some(("sum-of", aggregate)) => {
                if let Some(fields) = role.as_object_mut() {
                    let selector = json!({"matchLabels": {label(aggregate): "true"}});
                    let selectors = json!({"clusterRoleSelectors": [selector]});
                    fields.insert("aggregationRule".to_owned(), selectors);
                }
            }
            _ => {}
        }
    }
    role
}

fn rule_of(words: &[&str]) -> Option<Value> {
    let list = |text: &str| -> Vec<String> {
        let items = text
            .split(',')
            .map(|item| if item == "core" { "" } else { item });
        items.map(str::to_owned).collect()
    };
    match words {
        [verbs, "path", paths] => {
            Some(json!({"nonResourceURLs": list(paths), "verbs": list(verbs)}))
        }
        [verbs, groups, resources] => Some(
            json!({"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}),
        ),
        [verbs, groups, resources, names] => Some(json!({
            "apiGroups": list(groups), "resourceNames": list(names),
            "resources": list(resources), "verbs": list(verbs),
        })),
        _ => None,
    }
}

fn binding(kind: &str, name: &str, role: &str, subjects: &[&str]) -> (Resource, Value) {
    let subjects: Vec<Value> = subjects
        .iter()
        .filter_map(|subject| subject.split_once(':'))
        .map(|(kind, name)| match name.split_once('/') {
            Some((namespace, name)) if kind == "ServiceAccount" => {
                json!({"kind": kind, "name": name, "namespace": namespace})
            }
            Some(_) | None => json!({"apiGroup": super::GROUP, "kind": kind, "name": name}),
        })
        .collect();
    let mut fields = json!({"roleRef": {"apiGroup": super::GROUP, "kind": kind, "name": role}});
    if !subjects.is_empty()
        && let Some(fields) = fields.as_object_mut()
    {
        fields.insert("subjects".to_owned(), subjects.into());
    }
    let binding = object(&format!("{kind}Binding"), name, fields);
    let resource = if kind == "Role" {
        known::ROLE_BINDINGS
    } else {
        known::CLUSTER_ROLE_BINDINGS
    };
    (resource, binding)
}
