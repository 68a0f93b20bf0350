//! Roles and bindings written by people who may write them, and not all that they would give.
use serde_json::{Map, Value, json};

use super::cast::{Actor, NAMES, enters, rule, rules, some};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;

const GROUP: &str = "rbac.authorization.k8s.io";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Roles, in a namespace and of the cluster.
pub fn roles(chance: &mut Chance) -> Vec<Step> {
    let mut steps = writers(chance);
    for _ in 0..14 {
        let cluster = chance.once_in(2);
        let (plural, kind) = if cluster {
            ("clusterroles", "ClusterRole")
        } else {
            ("roles", "Role")
        };
        let mut fields = Map::new();
        if !chance.once_in(12) {
            fields.insert("rules".to_owned(), json!(rules_to_give(cluster, chance)));
        }
        if cluster && chance.once_in(4) {
            let selectors = chance.pick(&[
                json!({"clusterRoleSelectors": [{"matchLabels": {"of": "${ns}"}}]}),
                json!({"clusterRoleSelectors": []}),
                json!({"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "Odd"}]}]}),
                json!({}),
            ]);
            fields.insert("aggregationRule".to_owned(), selectors);
        }
        steps.push(write(plural, kind, cluster, fields, chance));
    }
    steps
}

/// Bindings of roles that give more than their writer has, or don't exist.
pub fn bindings(chance: &mut Chance) -> Vec<Step> {
    let mut steps = writers(chance);
    for _ in 0..14 {
        let cluster = chance.once_in(2);
        let (plural, kind) = if cluster {
            ("clusterrolebindings", "ClusterRoleBinding")
        } else {
            ("rolebindings", "RoleBinding")
        };
        let mut fields = Map::new();
        if !chance.once_in(12) {
            let (role, name) = chance.pick(&[
                ("Role", "local"),
                ("Role", "local"),
                ("ClusterRole", "${ns}-global"),
                ("ClusterRole", "view"),
                ("ClusterRole", "cluster-admin"),
                ("Role", "none"),
                ("ClusterRole", "none"),
                ("Other", "local"),
                ("Role", ""),
            ]);
            let group = chance.pick(&[GROUP, GROUP, GROUP, "", "example.com"]);
            let mut reference = json!({"kind": role, "name": name});
            if !group.is_empty() {
                reference["apiGroup"] = json!(group);
            }
            fields.insert("roleRef".to_owned(), reference);
        }
        if !chance.once_in(6) {
            let subjects: Vec<Value> = (0..=chance.below(2)).map(|_| subject(chance)).collect();
            fields.insert("subjects".to_owned(), json!(subjects));
        }
        steps.push(write(plural, kind, cluster, fields, chance));
    }
    steps
}

/// A cast that may write roles and bindings, and now and then more than that.
fn writers(chance: &mut Chance) -> Vec<Step> {
    let writes = |resources: Value| {
        json!({"apiGroups": [GROUP], "resources": resources,
            "verbs": ["get", "create", "update", "patch", "delete"]})
    };
    let mut local = rules(2, false, chance);
    local.push(writes(json!(["roles", "rolebindings"])));
    let mut global = rules(2, true, chance);
    global.push(writes(json!(["clusterroles", "clusterrolebindings"])));
    if chance.once_in(3) {
        let mut more = json!({"apiGroups": [GROUP], "resources": some(&["roles", "clusterroles"], 2, chance),
            "verbs": some(&["bind", "escalate"], 2, chance)});
        if chance.once_in(2) {
            more["resourceNames"] = json!(some(&["local", "view", "a", "${ns}-a"], 3, chance));
        }
        global.push(more);
    }
    enters(local, global, chance)
}

fn rules_to_give(cluster: bool, chance: &mut Chance) -> Vec<Value> {
    let mut all: Vec<Value> = (0..=chance.below(3))
        .map(|_| rule(cluster, chance))
        .collect();
    if chance.once_in(8) {
        all.push(chance.pick(&[
            json!({"apiGroups": [""], "resources": ["pods"]}),
            json!({"verbs": ["get"]}),
            json!({"apiGroups": [""], "verbs": ["get"], "resources": ["pods"], "nonResourceURLs": ["/metrics"]}),
            json!({"nonResourceURLs": ["/metrics"], "verbs": ["get"]}),
            json!({"resources": ["pods"], "verbs": ["get"]}),
            json!({"apiGroups": [""], "resources": [], "verbs": ["get"]}),
            json!({}),
        ]));
    }
    if chance.once_in(3) {
        // What the writer has: the mark of its role.
        let mark = if cluster { "global" } else { "local" };
        return vec![
            json!({"apiGroups": ["marks.example.com"], "resources": [mark], "verbs": ["see"]}),
        ];
    }
    all
}

fn subject(chance: &mut Chance) -> Value {
    chance.pick(&[
        json!({"kind": "User", "name": "a"}),
        json!({"kind": "User", "name": "a", "apiGroup": GROUP}),
        json!({"kind": "Group", "name": "g", "apiGroup": "example.com"}),
        json!({"kind": "Group", "name": ""}),
        json!({"kind": "ServiceAccount", "name": "robot", "namespace": "${ns}"}),
        json!({"kind": "ServiceAccount", "name": "robot"}),
        json!({"kind": "ServiceAccount", "name": "Robot_", "namespace": "${ns}"}),
        json!({"kind": "ServiceAccount", "name": "robot", "namespace": "${ns}", "apiGroup": GROUP}),
        json!({"kind": "User", "name": "a", "namespace": "x"}),
        json!({"kind": "Other", "name": "a"}),
        json!({"name": "a"}),
    ])
}

/// One write of a role or binding.
fn write(
    plural: &str,
    kind: &str,
    cluster: bool,
    fields: Map<String, Value>,
    chance: &mut Chance,
) -> Step {
    let place = if cluster {
        format!("{RBAC}/{plural}")
    } else {
        format!("{RBAC}/namespaces/${{ns}}/{plural}")
    };
    let name = chance.pick(&NAMES);
    let name = if cluster && !name.starts_with("${ns}") {
        format!("${{ns}}-{name}")
    } else {
        name.to_owned()
    };
    let mut object = fields.clone();
    object.insert("metadata".to_owned(), json!({"name": name}));
    let query = chance.pick(&["", "", "", "", "dryRun=All", "fieldManager=me"]);
    let mark = if query.is_empty() { "" } else { "?" };
    let item = format!("{place}/{name}{mark}{query}");
    let actor = match chance.below(6) {
        0 => Actor::Admin,
        1 => Actor::Bearer,
        2 => Actor::Lost,
        3 => Actor::Staff,
        _ => Actor::Jane,
    };
    let step = match chance.below(10) {
        0..4 => Step::new("POST", format!("{place}{mark}{query}")).json(&object.into()),
        4..6 => Step::new("PUT", item).json(&object.into()),
        6 => {
            let patch = Value::Object(fields).to_string();
            Step::new("PATCH", item).body("application/merge-patch+json", patch)
        }
        7 => {
            object.insert("apiVersion".to_owned(), json!(format!("{GROUP}/v1")));
            object.insert("kind".to_owned(), json!(kind));
            let body = Value::Object(object).to_string();
            let force = chance.pick(&["", "&force=true"]);
            Step::new(
                "PATCH",
                format!("{place}/{name}?fieldManager=${{ns}}{force}"),
            )
            .body("application/apply-patch+yaml", body)
        }
        8 => {
            let patch =
                json!({"metadata": {"labels": {"a": chance.pick(&["1", "2"])}}}).to_string();
            Step::new("PATCH", item).body("application/strategic-merge-patch+json", patch)
        }
        _ => Step::new(chance.pick(&["DELETE", "GET"]), item),
    };
    actor.sends(step)
}
