//! Validation of webhook configurations (`pkg/apis/admissionregistration/validation/validation.go`). Policies
//! are in `policies`.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::read::{At, Errors};
use super::{bindings, meta, mutation, policies};
use crate::go_url::split_scheme;
use crate::names;

const URL_FORM: &str = "; desired format: https://host[/path]";

/// The webhooks of a configuration, or a policy of validating admission, or what binds one.
pub fn configuration(kind: &str, object: &At<'_>, errors: &mut Errors) {
    let mutating = match kind {
        "ValidatingWebhookConfiguration" => false,
        "MutatingWebhookConfiguration" => true,
        "ValidatingAdmissionPolicy" => return policies::policy(object, errors),
        "ValidatingAdmissionPolicyBinding" => return bindings::binding(object, errors),
        "MutatingAdmissionPolicy" => return mutation::policy(object, errors),
        "MutatingAdmissionPolicyBinding" => return mutation::binding(object, errors),
        _ => return,
    };
    let mut seen = BTreeSet::new();
    for hook in object.child("webhooks").items() {
        webhook(&hook, mutating, errors);
        review_versions(&hook.child("admissionReviewVersions"), errors);
        let name = hook.child("name");
        if !name.text().is_empty() && !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
}

fn webhook(hook: &At<'_>, mutating: bool, errors: &mut Errors) {
    qualified(&hook.child("name"), errors);
    for rule in hook.child("rules").items() {
        rule_with_operations(&rule, errors);
    }
    let known = |key: &str, values: &[&str], errors: &mut Errors| {
        if hook.child(key).is_set() {
            hook.child(key).known(values, errors);
        }
    };
    known("failurePolicy", &["Fail", "Ignore"], errors);
    known("matchPolicy", &["Equivalent", "Exact"], errors);
    let effects = hook.child("sideEffects");
    if effects.is_set() {
        effects.known(&["None", "NoneOnDryRun"], errors);
    } else {
        errors.push(effects.required("must specify one of None, NoneOnDryRun"));
    }
    let timeout = hook.child("timeoutSeconds");
    if timeout.is_set() && !(1..=30).contains(&timeout.int()) {
        errors.push(timeout.invalid("the timeout value must be between 1 and 30 seconds"));
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        meta::label_selector(&hook.child(selector), errors);
    }
    if mutating {
        known("reinvocationPolicy", &["IfNeeded", "Never"], errors);
    }
    client(&hook.child("clientConfig"), errors);
    policies::match_conditions(&hook.child("matchConditions"), false, errors);
}

/// A rule of a webhook or a policy.
pub(super) fn rule_with_operations(rule: &At<'_>, errors: &mut Errors) {
    operations(&rule.child("operations"), errors);
    self::rule(rule, errors);
}

/// Where a webhook is.
pub(super) fn client(client: &At<'_>, errors: &mut Errors) {
    let (url, service) = (client.child("url"), client.child("service"));
    match (url.is_set(), service.is_set()) {
        (true, false) => self::url(&url, errors),
        (false, true) => self::service(&service, errors),
        (true, true) | (false, false) => {
            errors.push(client.required("exactly one of url or service is required"));
        }
    }
}

/// The certificates a webhook is trusted by: base64 of PEM. Only that there is a PEM block is looked at.
pub(super) fn ca_bundle(bundle: &At<'_>, errors: &mut Errors) {
    if bundle.text().is_empty() {
        return;
    }
    let bytes = STANDARD.decode(bundle.text()).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let block = text
        .split_once("-----BEGIN ")
        .is_some_and(|(_, rest)| rest.contains("-----END "));
    if !block {
        errors.push(
            bundle.invalid("unable to load root certificates: unable to parse bytes as PEM block"),
        );
    }
}

/// A domain with at least three segments.
fn qualified(name: &At<'_>, errors: &mut Errors) {
    if name.text().is_empty() {
        errors.push(name.required(""));
        return;
    }
    let complaints = names::dns1123_subdomain(name.text());
    if !complaints.is_empty() {
        name.complain(complaints, errors);
    } else if name.text().split('.').count() < 3 {
        errors.push(
            name.invalid("should be a domain with at least three segments separated by dots"),
        );
    }
}

fn has_wildcard(list: &At<'_>) -> bool {
    list.items().iter().any(|item| item.text() == "*")
}

/// A wildcard stands alone.
fn alone(list: &At<'_>, what: &str, errors: &mut Errors) {
    if list.items().is_empty() {
        errors.push(list.required(""));
    }
    if list.items().len() > 1 && has_wildcard(list) {
        errors.push(list.invalid(format!("if '*' is present, must not specify other {what}")));
    }
}

fn operations(list: &At<'_>, errors: &mut Errors) {
    alone(list, "operations", errors);
    let known = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    for operation in list.items() {
        if !known.contains(&operation.text()) {
            errors.push(operation.not_supported(&known));
        }
    }
}

fn rule(rule: &At<'_>, errors: &mut Errors) {
    alone(&rule.child("apiGroups"), "API groups", errors);
    let versions = rule.child("apiVersions");
    alone(&versions, "API versions", errors);
    for version in versions.items() {
        if version.text().is_empty() {
            errors.push(version.required(""));
        }
    }
    resources(&rule.child("resources"), errors);
    let scope = rule.child("scope");
    if scope.is_set() {
        scope.known(&["*", "Cluster", "Namespaced"], errors);
    }
}

fn resources(list: &At<'_>, errors: &mut Errors) {
    let items = list.items();
    if items.is_empty() {
        errors.push(list.required(""));
    }
    let (mut whole, mut everywhere) = (BTreeSet::new(), BTreeSet::new());
    let mut plain = false;
    for item in &items {
        let name = item.text();
        if name.is_empty() {
            errors.push(item.required(""));
            continue;
        }
        let Some((resource, part)) = name.split_once('/') else {
            plain = name != "*";
            continue;
        };
        if whole.contains(resource) {
            errors.push(item.invalid(format!(
                "if '{resource}/*' is present, must not specify {name}"
            )));
        }
        if everywhere.contains(part) {
            errors.push(item.invalid(format!("if '*/{part}' is present, must not specify {name}")));
        }
        if part == "*" {
            whole.insert(resource);
        }
        if resource == "*" {
            everywhere.insert(part);
        }
    }
    let has = |name: &str| items.iter().any(|item| item.text() == name);
    if items.len() > 1 && has("*/*") {
        errors.push(list.invalid("if '*/*' is present, must not specify other resources"));
    }
    if has("*") && plain {
        errors.push(
            list.invalid(
                "if '*' is present, must not specify other resources without subresources",
            ),
        );
    }
}

fn review_versions(list: &At<'_>, errors: &mut Errors) {
    let items = list.items();
    if items.is_empty() {
        errors.push(list.required("must specify one of v1, v1beta1"));
        return;
    }
    let mut seen = BTreeSet::new();
    for item in &items {
        if !seen.insert(item.text()) {
            errors.push(item.invalid_as(item.text(), "duplicate version"));
            continue;
        }
        item.complain(names::dns1035_label(item.text()), errors);
    }
    if !seen.contains("v1") && !seen.contains("v1beta1") {
        errors.push(list.invalid("must include at least one of v1, v1beta1"));
    }
}

fn url(url: &At<'_>, errors: &mut Errors) {
    let (scheme, rest) = split_scheme(url.text()).unwrap_or((String::new(), url.text()));
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    // Without two slashes there is no host, only a path.
    let authority = rest.strip_prefix("//").unwrap_or_default();
    let authority = authority.split('/').next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if scheme != "https" {
        errors.push(url.invalid_as(
            scheme.as_str(),
            format!("'https' is the only allowed URL scheme{URL_FORM}"),
        ));
    }
    if host.is_empty() {
        errors.push(url.invalid_as(host, format!("host must be specified{URL_FORM}")));
    }
    for (given, what) in [
        (user, "user information is"),
        (fragment, "fragments are"),
        (query, "query parameters are"),
    ] {
        if !given.is_empty() {
            errors.push(url.invalid_as(given, format!("{what} not permitted in the URL")));
        }
    }
}

fn service(service: &At<'_>, errors: &mut Errors) {
    // The server looks at each of the two under the name of the other.
    for (key, named) in [("namespace", "name"), ("name", "namespace")] {
        if service.child(key).text().is_empty() {
            errors.push(service.renamed(key, named).required(""));
        }
    }
    let port = service.child("port");
    if !(1..=65535).contains(&port.int()) {
        errors.push(port.invalid("port is not valid: must be between 1 and 65535, inclusive"));
    }
    let path = service.child("path");
    match path.text() {
        "" | "/" => return,
        "//" => {
            errors.push(path.invalid("segment[0] may not be empty"));
            return;
        }
        text if !text.starts_with('/') => errors.push(path.invalid("must start with a '/'")),
        _ => {}
    }
    let mut rest = path.text().chars();
    rest.next();
    let rest = rest.as_str();
    for (index, step) in rest
        .strip_suffix('/')
        .unwrap_or(rest)
        .split('/')
        .enumerate()
    {
        if step.is_empty() {
            errors.push(path.invalid(format!("segment[{index}] may not be empty")));
            continue;
        }
        for complaint in names::dns1123_subdomain(step) {
            errors.push(path.invalid(format!("segment[{index}]: {complaint}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Errors of a configuration of one good webhook with some fields replaced.
    fn errors(kind: &str, changes: &Value) -> Vec<String> {
        let mut webhook = json!({
            "name": "w.example.com", "clientConfig": {"url": "https://a/b"}, "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        });
        for (key, value) in changes.as_object().unwrap() {
            if value.is_null() {
                webhook.as_object_mut().unwrap().remove(key);
            } else {
                webhook[key] = value.clone();
            }
        }
        let object = json!({"webhooks": [webhook]});
        let mut errors = Errors::new();
        configuration(kind, &At::new("", &object), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    fn said(changes: &Value) -> Vec<String> {
        let errors = errors("ValidatingWebhookConfiguration", changes);
        let prefix = "webhooks[0].";
        let strip = |text: &String| text.strip_prefix(prefix).unwrap_or(text).to_owned();
        errors.iter().map(strip).collect()
    }

    #[test]
    fn a_good_configuration_has_no_errors() {
        assert_eq!(said(&json!({})), Vec::<String>::new());
        let versions = json!({"admissionReviewVersions": ["v2", "v1"]});
        assert_eq!(said(&versions), Vec::<String>::new());
    }

    #[test]
    fn fields_are_reported_as_the_server_reports_them() {
        let cases = [
            (
                json!({"sideEffects": "Some"}),
                "sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"",
            ),
            (
                json!({"sideEffects": null}),
                "sideEffects: Required value: must specify one of None, NoneOnDryRun",
            ),
            (
                json!({"admissionReviewVersions": ["v2"]}),
                "admissionReviewVersions: Invalid value: [\"v2\"]: must include at least one of v1, v1beta1",
            ),
            (
                json!({"admissionReviewVersions": []}),
                "admissionReviewVersions: Required value: must specify one of v1, v1beta1",
            ),
            (
                json!({"timeoutSeconds": 31}),
                "timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
            ),
            (
                json!({"failurePolicy": "X"}),
                "failurePolicy: Unsupported value: \"X\": supported values: \"Fail\", \"Ignore\"",
            ),
            (
                json!({"name": "short"}),
                "name: Invalid value: \"short\": should be a domain with at least three segments separated by dots",
            ),
            (json!({"name": ""}), "name: Required value"),
            (
                json!({"clientConfig": {}}),
                "clientConfig: Required value: exactly one of url or service is required",
            ),
            (
                json!({"clientConfig": {"url": "http://a/b"}}),
                "clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
            ),
            (
                json!({"clientConfig": {"url": "HTTP://a/b"}}),
                "clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
            ),
            (
                json!({"clientConfig": {"url": "HTTPS:/x"}}),
                "clientConfig.url: Invalid value: \"\": host must be specified; desired format: https://host[/path]",
            ),
            (
                json!({"clientConfig": {"url": "https:///x"}}),
                "clientConfig.url: Invalid value: \"\": host must be specified; desired format: https://host[/path]",
            ),
            (
                json!({"clientConfig": {"url": "https://u:p@a/b"}}),
                "clientConfig.url: Invalid value: \"u:p\": user information is not permitted in the URL",
            ),
        ];
        for (changes, text) in cases {
            assert_eq!(said(&changes), [text]);
        }
        let again = errors(
            "MutatingWebhookConfiguration",
            &json!({"reinvocationPolicy": "X"}),
        );
        let text = "webhooks[0].reinvocationPolicy: Unsupported value: \"X\": supported values: \"IfNeeded\", \"Never\"";
        assert_eq!(again, [text]);
    }

    #[test]
    fn several_errors_come_in_the_servers_order() {
        let rules = json!({"rules": [{"operations": ["FOO", "*", "CREATE"], "apiGroups": [], "apiVersions": [""],
            "resources": ["*/*", "pods", "pods/status", "*", "pods/*"], "scope": "X"}]});
        assert_eq!(
            said(&rules),
            [
                "rules[0].operations: Invalid value: [\"FOO\",\"*\",\"CREATE\"]: if '*' is present, must not specify other operations",
                "rules[0].operations[0]: Unsupported value: \"FOO\": supported values: \"*\", \"CONNECT\", \"CREATE\", \"DELETE\", \"UPDATE\"",
                "rules[0].apiGroups: Required value",
                "rules[0].apiVersions[0]: Required value",
                "rules[0].resources[4]: Invalid value: \"pods/*\": if '*/*' is present, must not specify pods/*",
                "rules[0].resources: Invalid value: [\"*/*\",\"pods\",\"pods/status\",\"*\",\"pods/*\"]: if '*/*' is present, must not specify other resources",
                "rules[0].scope: Unsupported value: \"X\": supported values: \"*\", \"Cluster\", \"Namespaced\"",
            ]
        );
        let service = json!({"clientConfig": {"service": {"name": "", "namespace": "", "port": 70000, "path": "x"}}});
        let at = "clientConfig.service";
        assert_eq!(
            said(&service),
            [
                format!("{at}.name: Required value"),
                format!("{at}.namespace: Required value"),
                format!(
                    "{at}.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive"
                ),
                format!("{at}.path: Invalid value: \"x\": must start with a '/'"),
                format!("{at}.path: Invalid value: \"x\": segment[0] may not be empty"),
            ]
        );
        let url = json!({"clientConfig": {"url": "https://a/b?c=d#e"}});
        assert_eq!(
            said(&url),
            [
                "clientConfig.url: Invalid value: \"e\": fragments are not permitted in the URL",
                "clientConfig.url: Invalid value: \"c=d\": query parameters are not permitted in the URL",
            ]
        );
    }
}
