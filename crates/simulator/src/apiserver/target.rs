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
        "api" => parts.next()?.clone_into(&mut target.version),
        "apis" => {
            parts.next()?.clone_into(&mut target.group);
            parts.next()?.clone_into(&mut target.version);
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

    fn target(parts: [&str; 6]) -> Target {
        let [group, version, plural, namespace, name, subresource] = parts.map(str::to_owned);
        Target {
            group,
            version,
            plural,
            namespace,
            name,
            subresource,
        }
    }

    #[test]
    fn paths_name_collections_objects_and_subresources() {
        let cases = [
            ("/api/v1/pods", Some(target(["", "v1", "pods", "", "", ""]))),
            (
                "/api/v1/namespaces/a/pods",
                Some(target(["", "v1", "pods", "a", "", ""])),
            ),
            (
                "/api/v1/namespaces/a/pods/p/log",
                Some(target(["", "v1", "pods", "a", "p", "log"])),
            ),
            (
                "/api/v1/namespaces",
                Some(target(["", "v1", "namespaces", "", "", ""])),
            ),
            (
                "/api/v1/namespaces/a",
                Some(target(["", "v1", "namespaces", "a", "a", ""])),
            ),
            (
                "/api/v1/namespaces/a/finalize",
                Some(target(["", "v1", "namespaces", "a", "a", "finalize"])),
            ),
            (
                "/api/v1/nodes/n/status",
                Some(target(["", "v1", "nodes", "", "n", "status"])),
            ),
            (
                "/apis/apps/v1/namespaces/a/deployments/d",
                Some(target(["apps", "v1", "deployments", "a", "d", ""])),
            ),
            ("/apis/apps/v1", None),
            ("/version", None),
        ];
        for (path, expected) in cases {
            assert_eq!(parse(path), expected, "{path}");
        }
    }
}
