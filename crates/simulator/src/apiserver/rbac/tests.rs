//! Roles, bindings and identities as clients meet them. The texts are those of kube-apiserver 1.36.3.

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::super::tests::{Server, asking};
use super::cover::missing;
use super::rule::{Asked, Attributes, ResourceAsked, Rule};
use crate::request::{Reply, User};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const AUTHORIZATION: &str = "/apis/authorization.k8s.io/v1";

fn jane() -> User {
    User {
        name: "jane".to_owned(),
        groups: vec!["dev".to_owned(), "system:authenticated".to_owned()],
        ..User::default()
    }
}

impl Server {
    /// A call of somebody, with headers.
    fn as_user(
        &mut self,
        user: &User,
        headers: &[(&'static str, &str)],
        (method, path): (&str, &str),
        body: &Value,
    ) -> (u16, Value) {
        let mut request = asking(method, path, body);
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers.append(HeaderName::from_static(name), value);
        }
        request.user = Some(user.clone());
        match self.api.handle(&request, self.now, &mut self.entropy) {
            Reply::Full(response) | Reply::Later { last: response, .. } => (
                response.status,
                serde_json::from_slice(&response.body).unwrap_or_default(),
            ),
            Reply::List(_) | Reply::Watch { .. } | Reply::Log { .. } | Reply::Forward(_) => {
                (200, Value::Null)
            }
            Reply::Ask { .. } => panic!("a question"),
        }
    }

    fn jane(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.as_user(&jane(), &[], (method, path), body)
    }

    /// Gives jane rules in `default`, or everywhere.
    fn grant(&mut self, everywhere: bool, name: &str, rules: &Value) {
        let (kind, base) = if everywhere {
            ("ClusterRole", RBAC.to_owned())
        } else {
            ("Role", format!("{RBAC}/namespaces/default"))
        };
        let plural = kind.to_lowercase();
        self.ok(
            "POST",
            &format!("{base}/{plural}s"),
            &json!({"metadata": {"name": name}, "rules": rules}),
        );
        self.ok(
            "POST",
            &format!("{base}/{plural}bindings"),
            &json!({"metadata": {"name": name}, "subjects": [{"kind": "User", "name": "jane"}],
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}}),
        );
    }
}

fn message(answer: &(u16, Value)) -> (u16, &str) {
    let text = answer.1.get("message").and_then(Value::as_str);
    (answer.0, text.unwrap_or_default())
}

fn rule(text: &Value) -> Rule {
    Rule::of(text)
}

#[test]
fn rules_match_resources_subresources_names_and_paths() {
    let asked = |verb, resource, subresource, name| Attributes {
        verb,
        object: Asked::Resource(ResourceAsked {
            group: "apps",
            resource,
            subresource,
            namespace: "",
            name,
        }),
    };
    let scale = rule(&json!({"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get"]}));
    assert!(scale.allows(&asked("get", "deployments", "scale", "a")));
    assert!(!scale.allows(&asked("get", "deployments", "", "a")));
    assert!(!scale.allows(&asked("get", "deployments", "status", "a")));
    let own = rule(
        &json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["*"], "resourceNames": ["a"]}),
    );
    assert!(own.allows(&asked("delete", "deployments", "", "a")));
    assert!(!own.allows(&asked("delete", "deployments", "", "b")));
    assert!(!own.allows(&asked("create", "deployments", "", "")));
    assert!(!own.allows(&asked("get", "deployments", "scale", "a")));
    let paths = rule(&json!({"nonResourceURLs": ["/healthz/*", "/version"], "verbs": ["get"]}));
    let path = |path| Attributes {
        verb: "get",
        object: Asked::Path(path),
    };
    assert!(paths.allows(&path("/healthz/etcd")) && paths.allows(&path("/version")));
    assert!(!paths.allows(&path("/healthz")) && !paths.allows(&path("/version/")));
}

#[test]
fn what_is_missing_is_told_by_resource() {
    let held = [rule(
        &json!({"apiGroups": [""], "resources": ["pods", "*/log"], "verbs": ["get"]}),
    )];
    let wanted = rule(
        &json!({"apiGroups": [""], "resources": ["pods", "pods/log", "secrets"], "verbs": ["get", "list"]}),
    );
    let named = rule(
        &json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]}),
    );
    let lines = missing(&held, &[wanted.clone(), named.clone()]);
    assert_eq!(
        lines,
        [
            r#"{APIGroups:[""], Resources:["pods"], Verbs:["list"]}"#,
            r#"{APIGroups:[""], Resources:["pods/log"], Verbs:["list"]}"#,
            r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}"#,
        ]
    );
    assert_eq!(missing(&[named], &[wanted]).len(), 3);
}

#[test]
fn lists_and_watches_of_one_name_need_that_name_alone() {
    let mut server = Server::new();
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch", "create"],
        "resourceNames": ["a"]}]);
    server.grant(false, "own", &rules);
    let maps = "/api/v1/namespaces/default/configmaps";
    let one = |name: &str, more: &str| format!("{maps}?fieldSelector=metadata.name%3D{name}{more}");
    assert_eq!(server.jane("GET", &one("a", ""), &Value::Null).0, 200);
    assert_eq!(
        server.jane("GET", &one("a", "&watch=1"), &Value::Null).0,
        200
    );
    let other = server.jane("GET", &one("b", ""), &Value::Null);
    let text = "configmaps \"b\" is forbidden: User \"jane\" cannot list resource \"configmaps\" in API group \"\" in the \
                namespace \"default\"";
    assert_eq!(message(&other), (403, text));
    assert_eq!(server.jane("GET", maps, &Value::Null).0, 403);
    let create = server.jane("POST", maps, &json!({"metadata": {"name": "a"}}));
    assert_eq!(create.0, 403, "create never matches names");
    let missing = server.jane("GET", "/apis/foo/v1/bars", &Value::Null);
    assert_eq!(
        missing.0, 403,
        "before it is told that there is no such thing"
    );
}

#[test]
fn a_put_that_creates_needs_create() {
    let mut server = Server::new();
    let rules = json!([{"apiGroups": [""], "resources": ["services"], "verbs": ["update"]}]);
    server.grant(false, "put", &rules);
    let path = "/api/v1/namespaces/default/services/a";
    let service = json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}});
    let text = "services \"a\" is forbidden: User \"jane\" cannot create resource \"services\" in API group \"\" in the \
                namespace \"default\"";
    let refused = server.jane("PUT", path, &service);
    assert_eq!(message(&refused), (403, text));
    let rules = json!([{"apiGroups": [""], "resources": ["services"], "verbs": ["create"], "resourceNames": ["a"]}]);
    server.grant(false, "create", &rules);
    assert_eq!(server.jane("PUT", path, &service).0, 201);
}

#[test]
fn roles_change_rights_at_once_and_absent_ones_are_named() {
    let mut server = Server::new();
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]);
    server.grant(false, "r", &rules);
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(server.jane("GET", pods, &Value::Null).0, 200);
    assert_eq!(server.jane("GET", "/api/v1/pods", &Value::Null).0, 403);
    server.ok(
        "DELETE",
        &format!("{RBAC}/namespaces/default/roles/r"),
        &Value::Null,
    );
    let text = "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\": \
                RBAC: role.rbac.authorization.k8s.io \"r\" not found";
    let refused = server.jane("GET", pods, &Value::Null);
    assert_eq!(message(&refused), (403, text));
}

#[test]
fn nobody_hands_on_what_they_dont_have() {
    let mut server = Server::new();
    let rules = json!([{"apiGroups": ["rbac.authorization.k8s.io"], "verbs": ["create", "update", "patch"],
        "resources": ["roles", "rolebindings", "clusterroles"]}]);
    server.grant(true, "adm", &rules);
    let path = format!("{RBAC}/namespaces/default/roles");
    let reader = json!({"metadata": {"name": "e"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]});
    let text = "roles.rbac.authorization.k8s.io \"e\" is forbidden: user \"jane\" (groups=[\"dev\" \"system:authenticated\"]) is \
                attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], \
                Verbs:[\"get\"]}";
    assert_eq!(message(&server.jane("POST", &path, &reader)), (403, text));
    let own = json!({"metadata": {"name": "mine"}, "rules": rules});
    assert_eq!(server.jane("POST", &path, &own).0, 201);
    let more = json!({"rules": reader["rules"]});
    let mine = format!("{path}/mine");
    assert_eq!(server.jane("PATCH", &mine, &more).0, 403);
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"});
    let bookkeeping = json!({"metadata": {"ownerReferences": [owner]}});
    assert_eq!(server.jane("PATCH", &mine, &bookkeeping).0, 200);
    let sums = json!({"metadata": {"name": "q"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}});
    let text = "clusterroles.rbac.authorization.k8s.io \"q\" is forbidden: must have cluster-admin privileges to use the \
                aggregationRule";
    let refused = server.jane("POST", &format!("{RBAC}/clusterroles"), &sums);
    assert_eq!(message(&refused), (403, text));
    let rules = json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]}]);
    server.grant(false, "esc", &rules);
    assert_eq!(server.jane("POST", &path, &reader).0, 201);
}

#[test]
fn bindings_need_the_rules_or_the_right_to_bind() {
    let mut server = Server::new();
    let rules = json!([{"apiGroups": ["rbac.authorization.k8s.io"], "verbs": ["create"], "resources": ["rolebindings"]}]);
    server.grant(true, "adm", &rules);
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    let to = |name: &str, role: &str| {
        json!({"metadata": {"name": name}, "roleRef":
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}})
    };
    let absent = server.jane("POST", &bindings, &to("q", "absent"));
    let text = "rolebindings.rbac.authorization.k8s.io \"absent\" not found";
    assert_eq!(message(&absent), (404, text));
    assert_eq!(server.jane("POST", &bindings, &to("q", "adm")).0, 201);
    let view = to("v", "system:aggregate-to-view");
    assert_eq!(server.jane("POST", &bindings, &view).0, 403);
    server.grant(false, "gone", &json!([]));
    let role = format!("{RBAC}/namespaces/default/roles/gone");
    server.ok("DELETE", &role, &Value::Null);
    let refused = server.jane("POST", &bindings, &view);
    let errors = "; resolution errors: [rolebindings.rbac.authorization.k8s.io \"gone\" not found]";
    assert!(message(&refused).1.ends_with(errors), "{refused:?}");
    let rules = json!([{"apiGroups": ["rbac.authorization.k8s.io"], "verbs": ["bind"], "resources": ["clusterroles"],
        "resourceNames": ["system:aggregate-to-view"]}]);
    server.grant(false, "bind", &rules);
    assert_eq!(server.jane("POST", &bindings, &view).0, 201);
    assert_eq!(
        server.jane("POST", &bindings, &to("e", "cluster-admin")).0,
        403
    );
}

#[test]
fn impersonation_needs_a_right_and_gives_what_the_headers_say() {
    let mut server = Server::new();
    let review = ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews");
    let headers = [
        ("impersonate-user", "eve"),
        ("impersonate-group", "g"),
        ("impersonate-uid", "5"),
        ("impersonate-extra-acme.com%2fproject", "b"),
    ];
    let admin = User::admin("admin");
    let (status, answer) = server.as_user(&admin, &headers, review, &json!({}));
    assert_eq!(status, 201, "{answer}");
    assert_eq!(
        answer["status"]["userInfo"],
        json!({"username": "eve", "uid": "5", "groups": ["g", "system:authenticated"],
            "extra": {"acme.com/project": ["b"]}})
    );
    let list = ("GET", "/api/v1/configmaps");
    let refused = server.as_user(&jane(), &headers[..1], list, &Value::Null);
    let text = "configmaps is forbidden: User \"jane\" cannot impersonate-on:user-info:list resource \"configmaps\" in API group \
                \"\" at the cluster scope";
    assert_eq!(message(&refused), (403, text));
    let rules = json!([{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["eve"]}]);
    server.grant(true, "imp", &rules);
    let allowed = server.as_user(&jane(), &headers[..1], review, &json!({}));
    assert_eq!(allowed.0, 201);
    assert_eq!(
        server.as_user(&jane(), &headers[..2], review, &json!({})).0,
        403,
        "the group is not granted"
    );
    let account = [("impersonate-user", "system:serviceaccount:a:b")];
    let (_, answer) = server.as_user(&admin, &account, review, &json!({}));
    assert_eq!(
        answer["status"]["userInfo"]["groups"],
        json!([
            "system:serviceaccounts",
            "system:serviceaccounts:a",
            "system:authenticated"
        ])
    );
}

#[test]
fn the_way_that_led_to_somebody_is_tried_first_the_next_time() {
    let mut server = Server::new();
    let review = ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews");
    let rules = json!([{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["eve"]}]);
    server.grant(true, "imp", &rules);
    let max = [("impersonate-user", "max")];
    let refused = server.as_user(&jane(), &max, review, &json!({}));
    assert!(
        message(&refused)
            .1
            .contains("cannot impersonate-on:user-info:create")
    );
    let eve = [("impersonate-user", "eve")];
    assert_eq!(server.as_user(&jane(), &eve, review, &json!({})).0, 201);
    let refused = server.as_user(&jane(), &max, review, &json!({}));
    assert!(
        message(&refused)
            .1
            .contains("cannot impersonate resource \"users\"")
    );
}

#[test]
fn bindings_without_a_namespace_have_no_roles() {
    let mut server = Server::new();
    let rules = json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterrolebindings"], "verbs": ["create"]}]);
    server.grant(true, "binder", &rules);
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let mut refusal = |kind: &str| {
        let body = json!({"metadata": {"name": "b"}, "roleRef": {"kind": kind, "name": "r"}});
        let refused = server.jane("POST", bindings, &body);
        let (status, text) = message(&refused);
        (status, text.to_owned())
    };
    assert_eq!(
        refusal("Role"),
        (400, "Namespace parameter required.".to_owned())
    );
    assert_eq!(
        refusal("Odd"),
        (500, "unsupported role reference kind: \"Odd\"".to_owned())
    );
}

#[test]
fn reviews_tell_what_is_allowed_and_by_what() {
    let mut server = Server::new();
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
    server.grant(false, "r", &rules);
    let own = format!("{AUTHORIZATION}/selfsubjectaccessreviews");
    let get = json!({"spec": {"resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods"}}});
    let (_, answer) = server.jane("POST", &own, &get);
    let reason = "RBAC: allowed by RoleBinding \"r/default\" of Role \"r\" to User \"jane\"";
    assert_eq!(answer["status"], json!({"allowed": true, "reason": reason}));
    let delete = json!({"spec": {"resourceAttributes": {"namespace": "default", "verb": "delete", "resource": "pods"}}});
    let (_, answer) = server.jane("POST", &own, &delete);
    assert_eq!(answer["status"], json!({"allowed": false}));
    let rules = format!("{AUTHORIZATION}/selfsubjectrulesreviews");
    let (_, answer) = server.jane("POST", &rules, &json!({"spec": {"namespace": "default"}}));
    let found = &answer["status"]["resourceRules"];
    let pods = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
    assert!(found.as_array().unwrap().contains(&pods), "{found}");
    assert!(answer["status"]["nonResourceRules"][0]["nonResourceURLs"].is_array());
    let others = format!("{AUTHORIZATION}/subjectaccessreviews");
    let path = json!({"spec": {"groups": ["system:unauthenticated"],
        "nonResourceAttributes": {"path": "/version", "verb": "get"}}});
    let answer = server.ok("POST", &others, &path);
    assert_eq!(
        answer["status"]["reason"],
        "RBAC: allowed by ClusterRoleBinding \"system:public-info-viewer\" of ClusterRole \"system:public-info-viewer\" to Group \
         \"system:unauthenticated\""
    );
}

#[test]
fn tokens_hold_for_their_audience_and_time_while_their_account_lives() {
    let mut server = Server::new();
    let account = "/api/v1/namespaces/default/serviceaccounts/default";
    let token = |server: &mut Server, spec: Value| -> String {
        let answer = server.ok("POST", &format!("{account}/token"), &json!({"spec": spec}));
        answer["status"]["token"].as_str().unwrap().to_owned()
    };
    let review = |server: &mut Server, token: &str, audiences: Value| -> Value {
        let spec = json!({"token": token, "audiences": audiences});
        let path = "/apis/authentication.k8s.io/v1/tokenreviews";
        server.ok("POST", path, &json!({"spec": spec}))["status"].clone()
    };
    let own = token(&mut server, json!({"expirationSeconds": 600}));
    let status = review(&mut server, &own, json!([]));
    assert_eq!(
        status["user"]["username"],
        "system:serviceaccount:default:default"
    );
    let other = token(&mut server, json!({"audiences": ["a", "b"]}));
    let status = review(&mut server, &other, json!(["b", "c"]));
    assert_eq!(status["audiences"], json!(["b"]));
    assert_eq!(
        review(&mut server, &other, json!(["c"])),
        json!({"user": {}, "error": "[invalid bearer token, token audiences [\"a\" \"b\"] is invalid for the target audiences \
            [\"c\"]]"})
    );
    let now = server.now;
    assert!(server.api.token_user(&own, now).is_some());
    assert!(
        server.api.token_user(&other, now).is_none(),
        "not for this server"
    );
    assert!(server.api.token_user(&format!("{own}x"), now).is_none());
    server.wait(661);
    assert!(server.api.token_user(&own, server.now).is_none());
    let fresh = token(&mut server, json!({}));
    assert!(server.api.token_user(&fresh, server.now).is_some());
    server.ok("DELETE", account, &Value::Null);
    assert!(server.api.token_user(&fresh, server.now).is_none());
}

#[test]
fn bootstrap_tokens_are_secrets() {
    let mut server = Server::new();
    let data = json!({"token-id": "abcdef", "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true", "auth-extra-groups": "system:bootstrappers:a"});
    let secret = json!({"metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token",
        "stringData": data});
    server.ok("POST", "/api/v1/namespaces/kube-system/secrets", &secret);
    let user = server.api.token_user("abcdef.0123456789abcdef", server.now);
    let user = user.unwrap();
    assert_eq!(user.name, "system:bootstrap:abcdef");
    assert_eq!(
        user.groups,
        [
            "system:bootstrappers",
            "system:bootstrappers:a",
            "system:authenticated"
        ]
    );
    let other = server.api.token_user("abcdef.0123456789abcdeg", server.now);
    assert_eq!(other, None);
}
