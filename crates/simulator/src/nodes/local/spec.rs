//! What a container gets: environment, arguments and volumes, from the pod's spec and the objects it names.
//!
//! Mirrors `makeEnvironmentVariables` of `pkg/kubelet/kubelet_pods.go` and `third_party/forked/golang/expansion`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::apiserver::resource::{Resource, known};
use crate::builtin::object::{self, flag, integer, items, string_map, text};
use crate::builtin::volume::facts;
use crate::nodes::containers::{Files, Mount, Run, Volume};
use crate::session::Session;

/// Seconds a token in a volume is good for, unless the pod says otherwise.
const TOKEN_SECONDS: i64 = 3607;

/// Everything the runner needs for a container; an error as a kubelet words it.
pub(super) fn run(
    session: &Session<'_>,
    pod: &Value,
    container: &Value,
    address: IpAddr,
) -> Result<Run, String> {
    let env = environment(session, pod, container, address)?;
    let strings = |key: &str| -> Vec<String> {
        let list = items(container, key).iter().filter_map(Value::as_str);
        list.map(|text| expand(text, &env)).collect()
    };
    let mounts = items(container, "/volumeMounts").iter().map(|mount| Mount {
        volume: text(mount, "/name").to_owned(),
        path: text(mount, "/mountPath").to_owned(),
        sub_path: text(mount, "/subPath").to_owned(),
    });
    Ok(Run {
        pod: object::uid(pod).to_owned(),
        container: text(container, "/name").to_owned(),
        image: text(container, "/image").to_owned(),
        command: strings("/command"),
        args: strings("/args"),
        ports: items(container, "/ports")
            .iter()
            .filter_map(|port| u16::try_from(integer(port, "/containerPort")?).ok())
            .collect(),
        mounts: mounts.collect(),
        env,
    })
}

/// The value of a variable, the last of its name.
fn lookup<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    env.iter()
        .rev()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Replaces `$(NAME)` by the variable's value; unknown ones stay, `$$` is `$`.
fn expand(text: &str, env: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let named = after.strip_prefix('(').and_then(|a| a.split_once(')'));
        if let Some((value, tail)) = named.and_then(|(name, tail)| Some((lookup(env, name)?, tail)))
        {
            out.push_str(value);
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn environment(
    session: &Session<'_>,
    pod: &Value,
    container: &Value,
    address: IpAddr,
) -> Result<Vec<(String, String)>, String> {
    let mut env = vec![("HOSTNAME".to_owned(), object::name(pod).to_owned())];
    // The cluster address of the API server leads nowhere on this machine; where it listens does.
    if let Some(endpoints) = session.get(&known::ENDPOINTS, "default", "kubernetes") {
        let host = text(&endpoints, "/subsets/0/addresses/0/ip").to_owned();
        let port = integer(&endpoints, "/subsets/0/ports/0/port").unwrap_or(443);
        env.push(("KUBERNETES_SERVICE_HOST".to_owned(), host));
        env.push(("KUBERNETES_SERVICE_PORT".to_owned(), port.to_string()));
    }
    for from in items(container, "/envFrom") {
        let prefix = text(from, "/prefix");
        for (key, resource) in [
            ("configMapRef", &known::CONFIG_MAPS),
            ("secretRef", &known::SECRETS),
        ] {
            if let Some(reference) = from.get(key)
                && let Some(found) = fetch(session, pod, resource, reference)?
            {
                let entries = entries(&found).into_iter();
                env.extend(entries.map(|(name, value)| {
                    (
                        format!("{prefix}{name}"),
                        String::from_utf8_lossy(&value).into_owned(),
                    )
                }));
            }
        }
    }
    for variable in items(container, "/env") {
        let name = text(variable, "/name").to_owned();
        let value = match variable.get("valueFrom") {
            None => Some(expand(text(variable, "/value"), &env)),
            Some(source) => value_from(session, pod, source, address)?,
        };
        if let Some(value) = value {
            env.push((name, value));
        }
    }
    Ok(env)
}

/// The value of a variable that comes from elsewhere; `None` where that is absent and may be.
pub(super) fn value_from(
    session: &Session<'_>,
    pod: &Value,
    source: &Value,
    address: IpAddr,
) -> Result<Option<String>, String> {
    if let Some(field) = source.get("fieldRef") {
        return field_value(pod, text(field, "/fieldPath"), address).map(Some);
    }
    for (key, resource) in [
        ("configMapKeyRef", &known::CONFIG_MAPS),
        ("secretKeyRef", &known::SECRETS),
    ] {
        let Some(reference) = source.get(key) else {
            continue;
        };
        let Some(found) = fetch(session, pod, resource, reference)? else {
            return Ok(None);
        };
        let wanted = text(reference, "/key");
        return match entries(&found).remove(wanted) {
            Some(value) => Ok(Some(String::from_utf8_lossy(&value).into_owned())),
            None if flag(reference, "/optional") => Ok(None),
            None => Err(format!(
                "couldn't find key {wanted} in {} {}/{}",
                resource.kind,
                object::namespace(pod),
                object::name(&found)
            )),
        };
    }
    Err("only fieldRef, configMapKeyRef and secretKeyRef are known for environment variables of local processes".to_owned())
}

fn field_value(pod: &Value, path: &str, address: IpAddr) -> Result<String, String> {
    if let Some((field, key)) = path
        .strip_suffix("']")
        .and_then(|path| path.split_once("['"))
    {
        let map = string_map(pod, &format!("/{}", field.replace('.', "/")));
        return Ok(map.get(key).cloned().unwrap_or_default());
    }
    Ok(match path {
        "status.podIP" | "status.podIPs" => address.to_string(),
        "status.hostIP" | "status.hostIPs" => "127.0.0.1".to_owned(),
        "metadata.name"
        | "metadata.namespace"
        | "metadata.uid"
        | "spec.nodeName"
        | "spec.serviceAccountName" => {
            text(pod, &format!("/{}", path.replace('.', "/"))).to_owned()
        }
        other => return Err(format!("unsupported fieldPath: {other}")),
    })
}

/// A ConfigMap or Secret that a pod names; `None` where it is absent and may be.
pub(super) fn fetch(
    session: &Session<'_>,
    pod: &Value,
    resource: &Resource,
    reference: &Value,
) -> Result<Option<std::sync::Arc<Value>>, String> {
    let name = match text(reference, "/name") {
        "" => text(reference, "/secretName"),
        name => name,
    };
    match session.get(resource, object::namespace(pod), name) {
        Some(found) => Ok(Some(found)),
        None if flag(reference, "/optional") => Ok(None),
        None => Err(format!(
            "{} {name:?} not found",
            resource.kind.to_lowercase()
        )),
    }
}

/// The entries of a ConfigMap or Secret.
fn entries(object: &Value) -> Files {
    let decoded = |key: &str| {
        let map = string_map(object, key).into_iter();
        map.map(|(key, value)| (key, STANDARD.decode(&value).unwrap_or_default()))
    };
    if text(object, "/kind") == "Secret" {
        return decoded("/data").collect();
    }
    let texts = string_map(object, "/data").into_iter();
    texts
        .map(|(key, value)| (key, value.into_bytes()))
        .chain(decoded("/binaryData"))
        .collect()
}

/// The files of a source: all entries, or those of `items` under their paths.
fn chosen(source: &Value, mut entries: Files, what: &str) -> Result<Files, String> {
    let wanted = items(source, "/items");
    if wanted.is_empty() {
        return Ok(entries);
    }
    let mut files = Files::new();
    for item in wanted {
        let key = text(item, "/key");
        match entries.remove(key) {
            Some(content) => {
                files.insert(text(item, "/path").to_owned(), content);
            }
            None if flag(source, "/optional") => {}
            None => return Err(format!("{what} references non-existent config key: {key}")),
        }
    }
    Ok(files)
}

/// The volumes of a pod; an error as the event `FailedMount` words it.
pub(super) fn volumes(
    session: &mut Session<'_>,
    pod: &Value,
) -> Result<BTreeMap<String, Volume>, String> {
    let mut volumes = BTreeMap::new();
    for volume in items(pod, "/spec/volumes") {
        let name = text(volume, "/name").to_owned();
        let made = one_volume(session, pod, volume).map_err(|error| not_mounted(&name, &error))?;
        volumes.insert(name, made);
    }
    Ok(volumes)
}

/// The text of the event `FailedMount`.
pub(super) fn not_mounted(volume: &str, error: &str) -> String {
    format!("MountVolume.SetUp failed for volume {volume:?} : {error}")
}

fn one_volume(session: &mut Session<'_>, pod: &Value, volume: &Value) -> Result<Volume, String> {
    if volume.get("emptyDir").is_some() {
        return Ok(Volume::Empty);
    }
    if let Some(claim) = volume.get("persistentVolumeClaim") {
        let (namespace, name) = (object::namespace(pod), text(claim, "/claimName"));
        return Ok(Volume::Claim(format!("{namespace}/{name}")));
    }
    if volume.get("ephemeral").is_some() {
        let (namespace, name) = (object::namespace(pod), facts::ephemeral_claim(pod, volume));
        return Ok(Volume::Claim(format!("{namespace}/{name}")));
    }
    if let Some(projected) = volume.get("projected") {
        let mut files = Files::new();
        for source in items(projected, "/sources") {
            files.extend(source_files(session, pod, source)?);
        }
        return Ok(Volume::Files(files));
    }
    source_files(session, pod, volume).map(Volume::Files)
}

/// The files of a source that is a ConfigMap or a Secret; `None` for another one.
pub(super) fn of_object(
    session: &Session<'_>,
    pod: &Value,
    source: &Value,
) -> Result<Option<Files>, String> {
    for (key, resource) in [
        ("configMap", &known::CONFIG_MAPS),
        ("secret", &known::SECRETS),
    ] {
        if let Some(reference) = source.get(key) {
            let found = fetch(session, pod, resource, reference)?;
            // Nobody asks for keys of what may be absent and is.
            let Some(found) = found else {
                return Ok(Some(Files::new()));
            };
            let what = resource.kind.to_lowercase();
            return chosen(reference, entries(&found), &what).map(Some);
        }
    }
    Ok(None)
}

/// The files of one source of a projected volume, or of a volume that is one.
fn source_files(session: &mut Session<'_>, pod: &Value, source: &Value) -> Result<Files, String> {
    if let Some(files) = of_object(session, pod, source)? {
        return Ok(files);
    }
    if let Some(reference) = source.get("downwardAPI") {
        let mut files = Files::new();
        for item in items(reference, "/items") {
            let field = text(item, "/fieldRef/fieldPath");
            let value = downward(pod, field)?;
            files.insert(text(item, "/path").to_owned(), value.into_bytes());
        }
        return Ok(files);
    }
    if let Some(reference) = source.get("serviceAccountToken") {
        let seconds = integer(reference, "/expirationSeconds").unwrap_or(TOKEN_SECONDS);
        let token = session.pod_token(pod, seconds);
        let path = text(reference, "/path").to_owned();
        return Ok(Files::from([(path, token.into_bytes())]));
    }
    Err("only configMap, secret, emptyDir, persistentVolumeClaim, ephemeral, projected and downwardAPI volumes are known for local processes".to_owned())
}

/// A field as a file has it: maps one entry a line.
fn downward(pod: &Value, path: &str) -> Result<String, String> {
    if matches!(path, "metadata.labels" | "metadata.annotations") {
        let map = string_map(pod, &format!("/{}", path.replace('.', "/")));
        let lines: Vec<String> = map
            .iter()
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        return Ok(lines.join("\n"));
    }
    let nowhere = IpAddr::from([127, 0, 0, 1]);
    field_value(pod, path, nowhere)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_expanded_as_kubernetes_does() {
        let env = [
            ("A".to_owned(), "1".to_owned()),
            ("A".to_owned(), "2".to_owned()),
        ];
        assert_eq!(expand("x$(A)y", &env), "x2y");
        assert_eq!(expand("$$(A) $(B) $ $(A", &env), "$(A) $(B) $ $(A");
    }

    #[test]
    fn items_choose_and_rename() {
        let entries = Files::from([
            ("a".to_owned(), b"1".to_vec()),
            ("b".to_owned(), b"2".to_vec()),
        ]);
        let one = json!({"items": [{"key": "b", "path": "sub/c"}]});
        assert_eq!(
            chosen(&one, entries.clone(), "configmap"),
            Ok(Files::from([("sub/c".to_owned(), b"2".to_vec())]))
        );
        let missing = json!({"items": [{"key": "z", "path": "z"}]});
        assert_eq!(
            chosen(&missing, entries, "configmap"),
            Err("configmap references non-existent config key: z".to_owned())
        );
    }

    #[test]
    fn fields_of_the_pod_are_read_by_path() {
        let pod = json!({"metadata": {"name": "p", "labels": {"a/b": "c"}}});
        let address = IpAddr::from([127, 9, 0, 1]);
        assert_eq!(
            field_value(&pod, "metadata.labels['a/b']", address),
            Ok("c".to_owned())
        );
        assert_eq!(
            field_value(&pod, "status.podIP", address),
            Ok("127.9.0.1".to_owned())
        );
        assert!(field_value(&pod, "spec.x", address).is_err());
    }
}
