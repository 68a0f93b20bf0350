//! Defaults of pods, their containers and probes (`pkg/apis/core/v1/defaults.go`).

use serde_json::{Map, Value, json};

use super::{resources, volumes};
use crate::builtin::edit::{at, child, each, ensure, set, set_zero, text};

type Object = Map<String, Value>;

/// The three lists of containers of a pod.
pub const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// A Pod: a spec's defaults and those that templates do not get.
pub fn pod(object: &mut Value) {
    if let Some(spec) = at(object, "/spec") {
        for list in ["containers", "initContainers"] {
            each(spec, list, requests_from_limits);
        }
        resources::pod_level(spec);
        set(spec, "enableServiceLinks", true);
        if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
            for list in ["containers", "initContainers"] {
                each(spec, list, host_ports);
            }
        }
        self::spec(spec);
    }
    if let Some(status) = at(object, "/status") {
        ips(status, "podIP", "podIPs");
    }
}

/// A pod spec, in pods and templates.
pub fn spec(spec: &mut Object) {
    set_zero(spec, "dnsPolicy", "ClusterFirst");
    set_zero(spec, "restartPolicy", "Always");
    set(spec, "securityContext", json!({}));
    set(spec, "terminationGracePeriodSeconds", 30);
    set_zero(spec, "schedulerName", "default-scheduler");
    service_account(spec);
    each(spec, "volumes", volumes::volume);
    for list in CONTAINER_LISTS {
        each(spec, list, container);
    }
    resources::round(spec, "overhead");
    if let Some(pod_level) = child(spec, "resources") {
        resources::requirements(pod_level);
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`; the conversions keep both equal.
fn service_account(spec: &mut Object) {
    let name = match (
        text(spec, "serviceAccountName"),
        text(spec, "serviceAccount"),
    ) {
        ("", deprecated) => deprecated.to_owned(),
        (name, _) => name.to_owned(),
    };
    if !name.is_empty() {
        spec.insert("serviceAccountName".to_owned(), name.clone().into());
        spec.insert("serviceAccount".to_owned(), name.into());
    }
}

fn container(container: &mut Object) {
    let policy = pull_policy(text(container, "image"));
    set_zero(container, "imagePullPolicy", policy);
    set_zero(container, "terminationMessagePath", "/dev/termination-log");
    set_zero(container, "terminationMessagePolicy", "File");
    each(container, "ports", |port| set_zero(port, "protocol", "TCP"));
    each(container, "env", |variable| {
        if let Some(source) = child(variable, "valueFrom") {
            if let Some(field) = child(source, "fieldRef") {
                set_zero(field, "apiVersion", "v1");
            }
            if let Some(file) = child(source, "fileKeyRef") {
                set(file, "optional", false);
            }
        }
    });
    if let Some(requirements) = ensure(container, "resources") {
        resources::requirements(requirements);
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = child(container, probe) {
            self::probe(probe);
        }
    }
    if let Some(lifecycle) = child(container, "lifecycle") {
        for hook in ["postStart", "preStop"] {
            if let Some(hook) = child(lifecycle, hook) {
                http_get(hook);
            }
        }
    }
}

fn probe(probe: &mut Object) {
    set_zero(probe, "timeoutSeconds", 1);
    set_zero(probe, "periodSeconds", 10);
    set_zero(probe, "successThreshold", 1);
    set_zero(probe, "failureThreshold", 3);
    http_get(probe);
    if let Some(grpc) = child(probe, "grpc") {
        set(grpc, "service", "");
    }
}

fn http_get(handler: &mut Object) {
    if let Some(get) = child(handler, "httpGet") {
        set_zero(get, "path", "/");
        set_zero(get, "scheme", "HTTP");
    }
}

fn requests_from_limits(container: &mut Object) {
    let Some(requirements) = child(container, "resources") else {
        return;
    };
    let Some(limits) = requirements
        .get("limits")
        .and_then(Value::as_object)
        .cloned()
    else {
        return;
    };
    if let Some(requests) = ensure(requirements, "requests") {
        for (name, quantity) in limits {
            set(requests, &name, quantity);
        }
    }
}

fn host_ports(container: &mut Object) {
    each(container, "ports", |port| {
        if let Some(number) = port.get("containerPort").cloned() {
            set_zero(port, "hostPort", number);
        }
    });
}

/// `status.podIP` and the first of `status.podIPs` are one value in the internal type; the former counts.
pub fn ips(status: &mut Object, single: &str, list: &str) {
    let first = status
        .get(list)
        .and_then(|ips| ips.pointer("/0/ip"))
        .cloned();
    match (status.get(single).cloned(), first) {
        (Some(ip), None) => {
            status.insert(list.to_owned(), json!([{ "ip": ip }]));
        }
        (Some(ip), Some(first)) if ip != first => {
            status.insert(list.to_owned(), json!([{ "ip": ip }]));
        }
        (None, Some(ip)) => {
            status.insert(single.to_owned(), ip);
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
}

/// The path of a repository has at most so many bytes (`distribution/reference`).
const LONGEST_REPOSITORY: usize = 255;

/// `Always` for the tag `latest`, which an image without tag and digest has too. What is no image has no tag.
pub fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image
        .split_once('@')
        .map_or((image, false), |(name, _)| (name, true));
    let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
    let tag = last.split_once(':').map_or("", |(_, tag)| tag);
    let untagged = name.get(..name.len() - tag.len()).unwrap_or(name);
    if !is_repository(untagged.strip_suffix(':').unwrap_or(untagged)) {
        return "IfNotPresent";
    }
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
        None if digest => "IfNotPresent",
        None => "Always",
    }
}

/// Whether a text is the name of a repository: perhaps a host, then parts in small letters (`distribution/reference`).
fn is_repository(name: &str) -> bool {
    let is_host = |first: &str| {
        first == "localhost" || first.contains(|c: char| matches!(c, '.' | ':') || c.is_uppercase())
    };
    let path = match name.split_once('/') {
        Some((first, rest)) if is_host(first) => rest,
        Some(_) | None => name,
    };
    // A name alone stands for one of the default registry's library.
    let library = if name.contains('/') {
        0
    } else {
        "library/".len()
    };
    if library + path.len() > LONGEST_REPOSITORY {
        return false;
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    path.split('/').all(|part| {
        part.starts_with(plain)
            && part.ends_with(plain)
            && part
                .chars()
                .all(|c| plain(c) || matches!(c, '.' | '_' | '-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_tag_or_with_latest_are_always_pulled() {
        let (longest, longer) = ("y".repeat(247), "y".repeat(248));
        let cases = [
            (longest.as_str(), "Always"),
            (longer.as_str(), "IfNotPresent"),
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.29", "IfNotPresent"),
            ("localhost:5000/nginx", "Always"),
            ("localhost:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:0123", "IfNotPresent"),
            ("nginx:latest@sha256:0123", "Always"),
            ("Host/nginx", "Always"),
            ("", "IfNotPresent"),
            ("no image", "IfNotPresent"),
            ("Nginx", "IfNotPresent"),
        ];
        for (image, policy) in cases {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn either_name_of_the_service_account_sets_both() {
        let mut template = json!({"spec": {"serviceAccount": "a"}});
        super::super::pod_template(&mut template);
        assert_eq!(template["spec"]["serviceAccountName"], "a");
        assert_eq!(template["spec"]["serviceAccount"], "a");
    }
}
