use serde_json::{Value, json};

use super::{CONFIG_MAPS, Server, config_map};

pub(super) const BASE: &str = "/apis/admissionregistration.k8s.io/v1";

fn rules(operations: &[&str]) -> Value {
    json!([{
        "operations": operations, "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
    }])
}

#[test]
fn a_policy_counts_once_it_is_bound() {
    const EXPRESSION: &str = "[JSONPatch{op: \"test\", path: \"/kind\", value: \"ConfigMap\"}]";
    let mut server = Server::new();
    let policy = json!({"metadata": {"name": "p"}, "spec": {
        "matchConstraints": {"resourceRules": rules(&["CREATE"])},
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": EXPRESSION}}],
    }});
    server.ok(
        "POST",
        &format!("{BASE}/mutatingadmissionpolicies"),
        &policy,
    );
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let binding = json!({"metadata": {"name": "b"}, "spec": {"policyName": "p"}});
    server.ok(
        "POST",
        &format!("{BASE}/mutatingadmissionpolicybindings"),
        &binding,
    );
    let (status, _) = server.call("POST", CONFIG_MAPS, &config_map("b"));
    assert_eq!(status, 501);
}
