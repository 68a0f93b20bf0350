//! What a path names (`apiserver/pkg/endpoints/request/requestinfo.go`).

/// A resource path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// API group, empty for core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural name.
    pub plural: String,
    /// Namespace, empty for cluster scope and for all namespaces.
    pub namespace: String,
    /// Object name, empty for the collection.
    pub name: String,
    /// Subresource, empty for the object itself.
    pub subresource: String,
}

/// Reads a path below `/api` or `/apis`; `None` if it names no resource.
pub(crate) fn parse(path: &str) -> Option<Target> {
    let mut parts = path.split('/').skip(1).peekable();
    let mut target = Target::default();
    match parts.next()? {
        "api" => target.version = parts.next()?.to_owned(),
        "apis" => {
            target.group = parts.next()?.to_owned();
            target.version = parts.next()?.to_owned();
        }
        _ => return None,
    }
    let mut rest: Vec<&str> = parts.collect();
    if rest.last() == Some(&"") {
        rest.pop();
    }
    let (namespace, rest) = match rest.as_slice() {
        [] => return None,
        // `namespaces/NS/RESOURCE…`, but `namespaces/NAME/status` and `…/finalize` are the namespace's own.
        ["namespaces", namespace, resource, rest @ ..]
            if !(target.group.is_empty()
                && rest.is_empty()
                && matches!(*resource, "status" | "finalize")) =>
        {
            (*namespace, [&[*resource], rest].concat())
        }
        ["namespaces", name, rest @ ..] if target.group.is_empty() => {
            (*name, [&["namespaces", *name], rest].concat())
        }
        all => ("", all.to_vec()),
    };
    namespace.clone_into(&mut target.namespace);
    let mut rest = rest.into_iter();
    rest.next()?.clone_into(&mut target.plural);
    rest.next().unwrap_or_default().clone_into(&mut target.name);
    target.subresource = rest.collect::<Vec<_>>().join("/");
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(parts: [&str; 6]) -> Option<Target> {
        let [group, version, plural, namespace, name, subresource] = parts.map(str::to_owned);
        Some(Target {
            group,
            version,
            plural,
            namespace,
            name,
            subresource,
        })
    }

    #[test]
    fn paths_name_collections_objects_and_subresources() {
        let cases = [
            ("/api/v1/pods", target(["", "v1", "pods", "", "", ""])),
            (
                "/api/v1/namespaces/a/pods",
                target(["", "v1", "pods", "a", "", ""]),
            ),
            (
                "/api/v1/namespaces/a/pods/p/log",
                target(["", "v1", "pods", "a", "p", "log"]),
            ),
            (
                "/api/v1/namespaces",
                target(["", "v1", "namespaces", "", "", ""]),
            ),
            (
                "/api/v1/namespaces/a",
                target(["", "v1", "namespaces", "a", "a", ""]),
            ),
            (
                "/api/v1/namespaces/a/finalize",
                target(["", "v1", "namespaces", "a", "a", "finalize"]),
            ),
            (
                "/api/v1/nodes/n/status",
                target(["", "v1", "nodes", "", "n", "status"]),
            ),
            (
                "/apis/apps/v1/namespaces/a/deployments/d",
                target(["apps", "v1", "deployments", "a", "d", ""]),
            ),
            ("/apis/apps/v1", None),
            ("/version", None),
        ];
        for (path, expected) in cases {
            assert_eq!(parse(path), expected, "{path}");
        }
    }
}
