//! Requests for certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Server, asking};
use crate::certificates::request::tests::request;
use crate::request::{Reply, User};

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

fn asked(name: &str, organisation: &str) -> Value {
    let pem = STANDARD.encode(request(organisation, &[]));
    json!({"metadata": {"name": name}, "spec": {"request": pem, "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"]}})
}

fn causes(server: &mut Server, method: &str, path: &str, body: &Value) -> Vec<String> {
    let (status, reply) = server.call(method, path, body);
    assert_eq!(status, 422, "{reply}");
    let causes = reply["details"]["causes"].as_array().unwrap().iter();
    causes
        .map(|cause| {
            let text = |key: &str| cause[key].as_str().unwrap().to_owned();
            format!("{}: {}", text("field"), text("message"))
        })
        .collect()
}

#[test]
fn requests_are_checked() {
    let mut server = Server::new();
    let mut bad = asked("a", "dev");
    bad["spec"]["request"] = json!(STANDARD.encode("hello"));
    bad["spec"]["usages"] = json!(["client auth", "client auth", "fly"]);
    bad["spec"]["signerName"] = json!("nonsense");
    bad["spec"]["expirationSeconds"] = json!(599);
    let found = causes(&mut server, "POST", REQUESTS, &bad);
    assert_eq!(
        found[0],
        "spec.request: Invalid value: \"aGVsbG8=\": PEM block type must be CERTIFICATE REQUEST"
    );
    assert!(
        found[1]
            .starts_with("spec.usages[2]: Unsupported value: \"fly\": supported values: \"any\", ")
    );
    assert_eq!(
        found[2..],
        [
            "spec.usages[1]: Duplicate value: \"client auth\"",
            "spec.signerName: Invalid value: \"nonsense\": must be a fully qualified domain and path of the form \
             'example.com/signer-name'",
            "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)",
        ]
    );
    let (status, reply) = server.call("POST", REQUESTS, &asked("m", "system:masters"));
    assert_eq!(status, 403);
    assert_eq!(
        reply["message"],
        "certificatesigningrequests.certificates.k8s.io \"m\" is forbidden: use of kubernetes.io/kube-apiserver-client signer \
         with system:masters group is not allowed"
    );
}

#[test]
fn approvals_come_through_their_own_endpoint_and_stay() {
    let mut server = Server::new();
    server.ok("POST", REQUESTS, &asked("jane:x", "dev"));
    let path = format!("{REQUESTS}/jane:x");
    let (status, approval) = (format!("{path}/status"), format!("{path}/approval"));
    let approved = json!({"status": {"conditions": [{"type": "Approved", "status": "True"}]}});
    assert_eq!(
        causes(&mut server, "PATCH", &status, &approved),
        ["status.conditions: Forbidden: updates may not add a condition of type \"Approved\""]
    );
    let both = json!({"status": {"conditions": [{"type": "Approved", "status": "False"}, {"type": "Denied", "status": "True"}]}});
    assert_eq!(
        causes(&mut server, "PATCH", &approval, &both),
        [
            "status.conditions[0].status: Unsupported value: \"False\": supported values: \"True\"",
            "status.conditions: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive",
        ]
    );
    let made = server.ok("PATCH", &approval, &approved);
    assert!(made["status"]["conditions"][0]["lastTransitionTime"].is_string());
    let none = json!({"status": {"conditions": []}});
    assert_eq!(
        causes(&mut server, "PATCH", &approval, &none),
        ["status.conditions: Forbidden: updates may not remove a condition of type \"Approved\""]
    );
}

#[test]
fn who_approves_and_signs_needs_the_right_on_the_signer() {
    let mut server = Server::new();
    server.ok("POST", REQUESTS, &asked("a", "dev"));
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let rules = json!([{"apiGroups": ["certificates.k8s.io"], "verbs": ["*"],
        "resources": ["certificatesigningrequests", "certificatesigningrequests/approval", "certificatesigningrequests/status"]}]);
    let role = json!({"metadata": {"name": "r"}, "rules": rules});
    server.ok("POST", &format!("{rbac}/clusterroles"), &role);
    let binding = json!({"metadata": {"name": "r"}, "subjects": [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}});
    server.ok("POST", &format!("{rbac}/clusterrolebindings"), &binding);
    let approved = json!({"status": {"conditions": [{"type": "Approved", "status": "True"}]}});
    let failed = json!({"status": {"conditions": [{"type": "Failed", "status": "True"}]}});
    for (endpoint, body, verb) in [
        ("approval", approved, "approve"),
        ("status", failed, "sign"),
    ] {
        let mut request = asking("PATCH", &format!("{REQUESTS}/a/{endpoint}"), &body);
        request.user = Some(User {
            name: "bob".to_owned(),
            ..User::default()
        });
        let Reply::Full(reply) = server.api.handle(&request, server.now, &mut server.entropy)
        else {
            panic!("a stream")
        };
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let wanted = format!("user not permitted to {verb} requests with signerName");
        assert!(reply.status == 403 && text.contains(&wanted), "{text}");
    }
}
