use serde_json::{Value, json};

use super::{CONFIG_MAPS, Server, config_map};

const BASE: &str = "/apis/admissionregistration.k8s.io/v1";

fn rules(operations: &[&str]) -> Value {
    json!([{
        "operations": operations, "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
    }])
}

fn webhook(failure_policy: &str) -> Value {
    json!({"metadata": {"name": "hook"}, "webhooks": [{
        "name": "a.example.com",
        "rules": rules(&["CREATE"]),
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": failure_policy,
    }]})
}

#[test]
fn what_a_webhook_has_to_be_asked_about_is_refused() {
    for (kind, table) in super::super::unasked::CONFIGURATIONS {
        let plural = table.rsplit('/').next().unwrap_or_default();
        let mut server = Server::new();
        server.ok("POST", CONFIG_MAPS, &config_map("before"));
        let hooks = format!("{BASE}/{plural}");
        server.ok("POST", &hooks, &webhook("Fail"));
        let (status, reply) = server.call("POST", CONFIG_MAPS, &config_map("a"));
        assert_eq!(
            (status, reply["message"].as_str()),
            (
                501,
                Some(
                    format!(
                        "{kind} \"hook\" has to be asked about this request, which is not supported by this version of \
                         Carrick"
                    )
                    .as_str()
                )
            )
        );
        let changed = json!({"metadata": {"name": "before"}, "data": {"x": "1"}});
        server.ok("PUT", &format!("{CONFIG_MAPS}/before"), &changed);
        server.ok("DELETE", &format!("{hooks}/hook"), &Value::Null);
        server.ok("POST", CONFIG_MAPS, &config_map("a"));
    }
}

#[test]
fn a_webhook_that_may_be_ignored_would_have_been_asked() {
    let mut server = Server::new();
    let hooks = format!("{BASE}/validatingwebhookconfigurations");
    server.ok("POST", &hooks, &webhook("Ignore"));
    let (code, _) = server.call("POST", CONFIG_MAPS, &config_map("a"));
    assert_eq!(code, 501);
}

#[test]
fn a_policy_counts_once_it_is_bound() {
    let mut server = Server::new();
    let policy = json!({"metadata": {"name": "p"}, "spec": {
        "matchConstraints": {"resourceRules": rules(&["DELETE"])},
        "validations": [{"expression": "false"}],
    }});
    server.ok(
        "POST",
        &format!("{BASE}/validatingadmissionpolicies"),
        &policy,
    );
    for name in ["a", "b"] {
        server.ok("POST", CONFIG_MAPS, &config_map(name));
    }
    server.ok("DELETE", &format!("{CONFIG_MAPS}/a"), &Value::Null);
    let binding = json!({"metadata": {"name": "b"}, "spec": {"policyName": "p", "validationActions": ["Deny"]}});
    server.ok(
        "POST",
        &format!("{BASE}/validatingadmissionpolicybindings"),
        &binding,
    );
    let (status, _) = server.call("DELETE", &format!("{CONFIG_MAPS}/b"), &Value::Null);
    assert_eq!(status, 501);
}
