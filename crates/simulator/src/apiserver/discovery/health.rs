//! `/livez`, `/readyz`, `/healthz` and the list of paths at `/` (`apiserver/pkg/server/healthz`).
//!
//! The checks have the names that the reference's have; what they stand for either can't fail here or isn't there.

use std::fmt::Write as _;

use http::{HeaderValue, header};

use super::{GroupEntry, TEXT, text};
use crate::instrument::Instruments;
use crate::request::{Request, Response};

/// Where a server tells whether it is well.
pub(crate) const PATHS: [&str; 3] = ["/healthz", "/livez", "/readyz"];

/// What every server waits for after its start, in order.
const HOOKS: [&str; 30] = [
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/peer-endpoint-reconciler-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/storage-readiness",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
];

/// The checks behind one of the paths, in order.
fn checks(name: &str) -> Vec<&'static str> {
    let (before, after): (&[&str], &[&str]) = match name {
        "readyz" => (
            &["ping", "log", "etcd", "etcd-readiness", "informer-sync"],
            &["shutdown"],
        ),
        _ => (
            &["ping", "log", "loopback-serving-certificate", "etcd"],
            &[],
        ),
    };
    [before, &HOOKS, after].concat()
}

/// Always well; `?verbose` lists the checks, `?exclude` leaves some out, a check's own path answers for it alone.
pub(super) fn respond(instruments: &Instruments, request: &Request) -> Response {
    let path = request.path.strip_prefix('/').unwrap_or_default();
    let (name, check) = match path.split_once('/') {
        Some((name, check)) => (name, Some(check)),
        None => (path, None),
    };
    let all = checks(name);
    let body = match check {
        Some(check) if all.contains(&check) => return text(request, TEXT, "ok".to_owned()),
        Some(_) => {
            let mut response = unsniffed(text(request, TEXT, "404 page not found\n".to_owned()));
            response.status = 404;
            return response;
        }
        None => {
            let well = all.iter().filter(|check| !is_excluded(request, check));
            instruments.checked(path_of(name), well.copied());
            if request.query_value("verbose").is_some() {
                verbose(name, &all, request)
            } else {
                "ok".to_owned()
            }
        }
    };
    unsniffed(text(request, TEXT, body))
}

/// The path without its slash, as a label.
fn path_of(name: &str) -> &'static str {
    match name {
        "livez" => "livez",
        "readyz" => "readyz",
        _ => "healthz",
    }
}

fn is_excluded(request: &Request, check: &str) -> bool {
    let mut query = request.query.iter();
    query.any(|(key, value)| key == "exclude" && value == check)
}

fn verbose(name: &str, all: &[&str], request: &Request) -> String {
    let excluded = request.query.iter().filter(|(key, _)| key == "exclude");
    let mut unknown: Vec<&str> = excluded.clone().map(|(_, value)| value.as_str()).collect();
    unknown.sort_unstable();
    unknown.dedup();
    let mut body = String::new();
    for check in all {
        let how = if is_excluded(request, check) {
            "excluded: ok"
        } else {
            "ok"
        };
        let _ = writeln!(body, "[+]{check} {how}");
        unknown.retain(|known| known != check);
    }
    if !unknown.is_empty() {
        let names: Vec<String> = unknown.iter().map(|name| format!("{name:?}")).collect();
        let names = names.join(",");
        let text = "some health checks cannot be excluded: no matches for";
        let _ = writeln!(body, "warn: {text} {names}");
    }
    body + &format!("{name} check passed\n")
}

/// Browsers are not to guess another type.
fn unsniffed(mut response: Response) -> Response {
    response.headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// `/`: the paths there are.
pub(super) fn root_paths(groups: &[GroupEntry]) -> String {
    let fixed = [
        "/.well-known/openid-configuration",
        "/api",
        "/api/v1",
        "/apis",
        "/apis/",
        "/healthz",
        "/livez",
        "/metrics",
        "/metrics/slis",
        "/openapi/v2",
        "/openapi/v3",
        "/openapi/v3/",
        "/openid/v1/jwks",
        "/readyz",
        "/version",
    ];
    let mut paths: Vec<String> = fixed.iter().map(|path| (*path).to_owned()).collect();
    for group in groups.iter().filter(|group| !group.name.is_empty()) {
        paths.push(format!("/apis/{}", group.name));
        let versions = group.versions.iter();
        paths.extend(versions.map(|(version, _)| format!("/apis/{}/{version}", group.name)));
    }
    for name in ["healthz", "livez", "readyz"] {
        let checks = checks(name).into_iter();
        paths.extend(checks.map(|check| format!("/{name}/{check}")));
    }
    paths.sort_unstable();
    let lines: Vec<String> = paths.iter().map(|path| format!("    \"{path}\"")).collect();
    format!("{{\n  \"paths\": [\n{}\n  ]\n}}", lines.join(",\n"))
}
