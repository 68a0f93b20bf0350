//! Pieces of pods: containers, environment, mounts, probes, volumes.

use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::Text;
use crate::api::common::SecretKeySelector;
use crate::path;

/// A container of ours; all of them drop every capability and write nothing into their root.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) image_pull_policy: Option<String>,
    pub(super) command: Vec<String>,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<EnvVar>,
    pub(super) ports: Vec<Port>,
    pub(super) volume_mounts: Vec<Value>,
    pub(super) startup_probe: Option<Probe>,
    pub(super) liveness_probe: Option<Probe>,
    pub(super) readiness_probe: Option<Probe>,
    pub(super) resources: Option<Value>,
}

impl Container {
    /// The container as it is written into a pod.
    pub(super) fn into_value(self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.insert(
                "securityContext".to_owned(),
                json!({
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                }),
            );
            fields.insert(
                "terminationMessagePolicy".to_owned(),
                json!("FallbackToLogsOnError"),
            );
        }
        value
    }
}

/// An environment variable.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvVar {
    name: String,
    value: Option<String>,
    value_from: Option<Value>,
}

impl EnvVar {
    /// With a fixed value.
    pub(super) fn text(name: &str, value: impl Text) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(value.into_text()),
            value_from: None,
        }
    }

    /// From a field of the pod, by path.
    pub(super) fn field(name: &str, field: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
            value_from: Some(json!({"fieldRef": {"fieldPath": field}})),
        }
    }

    /// From a key of a Secret.
    pub(super) fn secret(name: &str, key: Option<&SecretKeySelector>) -> Self {
        let reference =
            key.map(|key| json!({"name": key.name, "key": key.key, "optional": key.optional}));
        Self {
            name: name.to_owned(),
            value: None,
            value_from: Some(json!({"secretKeyRef": reference})),
        }
    }

    /// `POD_NAME`.
    pub(super) fn pod_name() -> Self {
        Self::field("POD_NAME", "metadata.name")
    }
}

/// A port of a container.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Port {
    name: String,
    #[serde(rename = "containerPort")]
    number: u16,
    protocol: Option<&'static str>,
}

impl Port {
    /// A port with a protocol.
    pub(super) fn new(name: &str, port: u16, protocol: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            number: port,
            protocol: Some(protocol),
        }
    }

    /// A port whose protocol the API server fills in.
    pub(super) fn bare(name: &str, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            number: port,
            protocol: None,
        }
    }
}

/// A probe; times in seconds.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probe {
    #[serde(flatten)]
    pub(super) handler: Handler,
    pub(super) initial_delay_seconds: i32,
    pub(super) timeout_seconds: i32,
    pub(super) period_seconds: i32,
    pub(super) failure_threshold: i32,
}

/// How a probe asks.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handler {
    http_get: Option<Value>,
    exec: Option<Value>,
}

impl Handler {
    /// A request to a port of the container, by name or number.
    pub(super) fn http(path: &str, port: impl Serialize, https: bool) -> Self {
        let scheme = https.then_some("HTTPS");
        Self {
            http_get: Some(json!({"path": path, "port": port, "scheme": scheme})),
            exec: None,
        }
    }

    /// A request from within the container, with the tool that is there.
    pub(super) fn local(port: u16, path: &str) -> Self {
        let url = path::url("http", &format!("localhost:{port}"), path);
        let script = format!(
            r#"if [ -x "$(command -v curl)" ]; then exec curl --fail {url}; elif [ -x "$(command -v wget)" ]; then exec wget -q -O /dev/null {url}; else exit 1; fi"#
        );
        Self {
            http_get: None,
            exec: Some(json!({"command": ["sh", "-c", script]})),
        }
    }
}

/// A mount.
pub(super) fn mount(name: &str, path: &str) -> Value {
    json!({"name": name, "mountPath": path})
}

/// A mount that cannot be written.
pub(super) fn read_only(name: &str, path: &str) -> Value {
    json!({"name": name, "mountPath": path, "readOnly": true})
}

/// A mount of one file or folder of a volume; all of it if the part is empty.
pub(super) fn mount_part(name: &str, path: &str, part: &str) -> Value {
    json!({"name": name, "mountPath": path, "subPath": part})
}

/// A volume with the keys of a Secret.
pub(super) fn secret_volume(name: &str, secret: &str) -> Value {
    json!({"name": name, "secret": {"secretName": secret}})
}

/// A volume with the keys of a ConfigMap.
pub(super) fn config_map_volume(name: &str, config_map: &str) -> Value {
    json!({"name": name, "configMap": {"name": config_map}})
}

/// A volume with rule files; the pod starts without them.
pub(super) fn rules_volume(name: &str, config_map: &str) -> Value {
    json!({"name": name, "configMap": {"name": config_map, "optional": true}})
}

/// An empty folder on the node's disk.
pub(super) fn empty_dir(name: &str) -> Value {
    json!({"name": name, "emptyDir": {}})
}

/// An empty folder in memory, for what must not reach a disk.
pub(super) fn memory(name: &str) -> Value {
    json!({"name": name, "emptyDir": {"medium": "Memory"}})
}

/// The Secrets that the TLS assets are spread over, as one volume. Their names are `prefix-<n>`.
pub(super) fn tls_assets(prefix: &str, secrets: usize) -> Value {
    let sources: Vec<Value> = (0..secrets)
        .map(|index| json!({"secret": {"name": format!("{prefix}-tls-assets-{index}")}}))
        .collect();
    json!({"name": "tls-assets", "projected": {"sources": sources}})
}
