//! Containers of users merged into ours (upstream's `pkg/k8s/merge.go`).

use machinery::decode;
use machinery::patch::strategic;
use machinery::schema::{TypeId, TypeTable};
use serde_json::{Map, Value};

use super::WorkloadError;

const HANDLERS: [&str; 4] = ["exec", "grpc", "httpGet", "tcpSocket"];

/// Our containers, each with what the user gives under its name merged in, then the user's others.
pub(super) fn merged(ours: Vec<Value>, users: &[Value]) -> Result<Vec<Value>, WorkloadError> {
    let ty = container()?;
    let users: Vec<Value> = users
        .iter()
        .map(|user| as_written(ty, user))
        .collect::<Result<_, _>>()?;
    let mut out = Vec::with_capacity(ours.len() + users.len());
    let mut merged_in: Vec<&str> = Vec::new();
    for container in ours {
        let container = as_written(ty, &container)?;
        match users.iter().rfind(|user| name(user) == name(&container)) {
            Some(user) => {
                out.push(patched(ty, &container, user)?);
                merged_in.push(name(user));
            }
            None => out.push(container),
        }
    }
    for user in users.iter().filter(|user| !merged_in.contains(&name(user))) {
        let last = users.iter().rfind(|other| name(other) == name(user));
        out.extend(last.cloned());
    }
    Ok(out)
}

fn container() -> Result<TypeId, WorkloadError> {
    TypeTable::builtin()
        .type_named("io.k8s.api.core.v1.Container")
        .ok_or_else(|| WorkloadError("the type Container is not known".to_owned()))
}

/// The container as Go's struct prints it: what says nothing is gone, so that it overwrites nothing.
fn as_written(ty: TypeId, container: &Value) -> Result<Value, WorkloadError> {
    decode::normalise(ty, container)
        .map_err(|error| WorkloadError(format!("container {:?}: {error}", name(container))))
}

fn name(container: &Value) -> &str {
    let name = container.get("name").and_then(Value::as_str);
    name.unwrap_or_default()
}

fn patched(ty: TypeId, ours: &Value, user: &Value) -> Result<Value, WorkloadError> {
    let merged = strategic::apply(ours, user, ty).map_err(|error| {
        WorkloadError(format!(
            "failed to generate merge patch for container {}: {error}",
            name(ours)
        ))
    })?;
    let mut merged = as_written(ty, &merged)?;
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let theirs = user.get(probe).and_then(Value::as_object);
        let both = merged.get_mut(probe).and_then(Value::as_object_mut);
        if let (Some(both), Some(theirs)) = (both, theirs) {
            one_handler(both, theirs);
        }
    }
    Ok(merged)
}

/// A probe has one handler: the user's, if merging left two.
fn one_handler(probe: &mut Map<String, Value>, theirs: &Map<String, Value>) {
    if HANDLERS
        .iter()
        .filter(|handler| probe.contains_key(**handler))
        .count()
        < 2
    {
        return;
    }
    for handler in HANDLERS {
        match theirs.get(handler) {
            Some(own) => probe.insert(handler.to_owned(), own.clone()),
            None => probe.remove(handler),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_user_gives_is_merged_and_what_says_nothing_changes_nothing() {
        let ours = json!({
            "name": "a", "image": "i", "args": ["--x"],
            "env": [{"name": "E", "value": "1"}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "livenessProbe": {"httpGet": {"path": "/", "port": 1}, "periodSeconds": 5},
        });
        let user = json!({
            "name": "a", "image": "", "args": [], "tty": false,
            "env": [{"name": "E", "value": "2"}, {"name": "F", "value": "3"}],
            "volumeMounts": [{"name": "w", "mountPath": "/v"}],
            "livenessProbe": {"tcpSocket": {"port": 2}},
        });
        let other = json!({"name": "b", "image": "j"});
        let all = merged(vec![ours], &[user, other]).unwrap();
        assert_eq!(all.len(), 2);
        let container = &all[0];
        assert_eq!(container["image"], "i");
        assert_eq!(container["args"], json!(["--x"]));
        assert_eq!(container["env"].as_array().unwrap().len(), 2);
        assert_eq!(
            container["volumeMounts"],
            json!([{"name": "w", "mountPath": "/v"}])
        );
        let probe = &container["livenessProbe"];
        assert_eq!(probe["periodSeconds"], 5);
        assert!(probe.get("httpGet").is_none() && probe.get("tcpSocket").is_some());
        assert_eq!(all[1]["name"], "b");
    }
}
