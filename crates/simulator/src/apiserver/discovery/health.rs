//! `/livez`, `/readyz`, `/healthz` and the list of paths at `/`.

use crate::request::{Request, Response};

use super::GroupEntry;

const CHECKS: [&str; 3] = ["ping", "log", "etcd"];
const TEXT: &str = "text/plain; charset=utf-8";

/// Always well; `?verbose` lists the checks, a check's own path answers for it alone.
pub(super) fn respond(segments: &[&str], request: &Request) -> Response {
    let name = segments.first().copied().unwrap_or_default();
    match segments.get(1..).unwrap_or_default() {
        [] if request.query_value("verbose").is_some() => {
            let lines = CHECKS.map(|check| format!("[+]{check} ok\n")).concat();
            super::text(TEXT, format!("{lines}{name} check passed\n"))
        }
        [] => super::text(TEXT, "ok".to_owned()),
        [check] if CHECKS.contains(check) => super::text(TEXT, "ok".to_owned()),
        _ => Response {
            status: 404,
            ..super::text(TEXT, "404 page not found\n".to_owned())
        },
    }
}

/// `/`: the paths there are.
pub(super) fn root_paths(groups: &[GroupEntry]) -> String {
    let fixed = [
        "/api",
        "/api/v1",
        "/apis",
        "/apis/",
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ];
    let mut paths: Vec<String> = fixed.iter().map(|path| (*path).to_owned()).collect();
    for group in groups.iter().filter(|group| !group.name.is_empty()) {
        paths.push(format!("/apis/{}", group.name));
        paths.extend(
            group
                .versions
                .iter()
                .map(|(version, _)| format!("/apis/{}/{version}", group.name)),
        );
    }
    for check in CHECKS {
        paths.extend(
            ["healthz", "livez", "readyz"]
                .iter()
                .map(|name| format!("/{name}/{check}")),
        );
    }
    paths.sort_unstable();
    let lines: Vec<String> = paths.iter().map(|path| format!("    \"{path}\"")).collect();
    format!("{{\n  \"paths\": [\n{}\n  ]\n}}", lines.join(",\n"))
}
