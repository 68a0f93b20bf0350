//! Volumes of Alertmanager pods and their mounts.

use serde_json::{Value, json};

use super::{CONFIG, Cluster, STORAGE};
use crate::api::common::SecretOrConfigMap;
use crate::workload::WorkloadError;
use crate::workload::cluster_tls::{CLUSTER_TLS, ClusterTls};
use crate::workload::names::VolumeNames;
use crate::workload::pod::{
    config_map_volume, memory, mount, mount_part, read_only, secret_volume, tls_assets,
};
use crate::workload::storage::Storage;
use crate::workload::web::{ALERTMANAGER_WEB_CONFIG, Mounted, WebConfig};

const CONFIG_OUT: &str = "/etc/alertmanager/config_out";
const CERTIFICATES: &str = "/etc/alertmanager/certs";
const TEMPLATES: &str = "/etc/alertmanager/templates";
const TEMPLATES_VOLUME: &str = "notification-templates";

/// What pods mount, and the reloader's part of it.
pub(super) struct Volumes {
    /// Volumes, and mounts of the main container.
    pub(super) main: Mounted,
    /// Mounts of the reloader and the init container.
    pub(super) reloader: Vec<Value>,
    /// Folders the reloader watches.
    pub(super) watched: Vec<String>,
    /// The web configuration.
    pub(super) web_config: Option<String>,
    /// What says how the members of the cluster talk to each other.
    pub(super) cluster_tls: Option<String>,
}

impl Volumes {
    /// A volume that both containers see and the reloader watches.
    fn share(&mut self, volume: Value, name: &str, path: String) {
        self.main.volumes.push(volume);
        self.main.mounts.push(read_only(name, &path));
        self.reloader.push(read_only(name, &path));
        self.watched.push(path);
    }
}

impl Cluster<'_> {
    /// All volumes but those of data and of the user.
    pub(super) fn volumes(&self) -> Result<Volumes, WorkloadError> {
        let spec = self.spec;
        let prefixed = self.prefixed();
        let data = self.volume_name();
        let storage = Storage::new(spec.storage.as_ref(), &data);
        let folder = storage.folder("alertmanager-db");
        let mut out = Volumes {
            main: Mounted {
                volumes: vec![
                    secret_volume("config-volume", &format!("{prefixed}-generated")),
                    tls_assets(&prefixed, self.tls_secrets),
                    memory("config-out"),
                ],
                mounts: vec![
                    mount("config-volume", CONFIG),
                    read_only("config-out", CONFIG_OUT),
                    read_only("tls-assets", CERTIFICATES),
                    mount_part(storage.mounted_name(), STORAGE, folder),
                ],
            },
            reloader: vec![
                read_only("config-volume", CONFIG),
                mount("config-out", CONFIG_OUT),
            ],
            watched: vec![CONFIG.to_owned()],
            web_config: None,
            cluster_tls: None,
        };
        let base = spec.alertmanager_configuration.as_ref();
        if let Some(base) = base.filter(|base| !base.templates.is_empty()) {
            let volume = json!({
                "name": TEMPLATES_VOLUME,
                "projected": {"sources": templates(&base.templates)},
            });
            out.share(volume, TEMPLATES_VOLUME, TEMPLATES.to_owned());
        }
        let mut names = VolumeNames::default();
        for secret in &spec.secrets {
            let name = names.label("secret", secret)?;
            let path = format!("/etc/alertmanager/secrets/{secret}");
            out.share(secret_volume(&name, secret), &name, path);
        }
        for config_map in &spec.config_maps {
            let name = names.label("configmap", config_map)?;
            let path = format!("/etc/alertmanager/configmaps/{config_map}");
            out.share(config_map_volume(&name, config_map), &name, path);
        }
        out.main.mounts.extend_from_slice(&spec.volume_mounts);
        if self.since((0, 22, 0)) {
            self.web_config(&mut out, &prefixed)?;
        }
        if self.since((0, 24, 0)) {
            self.cluster_tls(&mut out)?;
        }
        Ok(out)
    }

    fn web_config(&self, out: &mut Volumes, prefixed: &str) -> Result<(), WorkloadError> {
        let web = self.spec.web.as_ref();
        let secret = format!("{prefixed}-web-config");
        let config = WebConfig::new(
            ALERTMANAGER_WEB_CONFIG,
            &secret,
            web.and_then(|web| web.tls_config.as_ref()),
            web.and_then(|web| web.http_config.as_ref()),
        )?;
        let mounted = config.mounted()?;
        out.web_config = Some(config.path());
        out.reloader.extend_from_slice(&mounted.mounts);
        out.main.volumes.extend(mounted.volumes);
        out.main.mounts.extend(mounted.mounts);
        Ok(())
    }

    /// The file is mounted even if it is empty, so that turning TLS on makes no new pods.
    fn cluster_tls(&self, out: &mut Volumes) -> Result<(), WorkloadError> {
        let name = &self.metadata.name;
        let tls = ClusterTls::new(CLUSTER_TLS, name, self.spec.cluster_tls.as_ref())
            .map_err(|error| error.within("failed to create the cluster TLS configuration"))?;
        let mounted = tls.mounted()?;
        out.cluster_tls = tls.path();
        out.main.volumes.extend(mounted.volumes);
        out.main.mounts.extend(mounted.mounts);
        Ok(())
    }
}

/// One folder of templates; of two with the same key, the first.
fn templates(references: &[SecretOrConfigMap]) -> Vec<Value> {
    let mut keys: Vec<&str> = Vec::new();
    let mut sources = Vec::new();
    for reference in references {
        let both = [
            ("configMap", &reference.config_map),
            ("secret", &reference.secret),
        ];
        for (kind, one) in both {
            let Some(one) = one else {
                continue;
            };
            if keys.contains(&one.key.as_str()) {
                break;
            }
            keys.push(&one.key);
            sources.push(json!({
                kind: {"name": one.name, "items": [{"key": one.key, "path": one.key}]},
            }));
        }
    }
    sources
}
