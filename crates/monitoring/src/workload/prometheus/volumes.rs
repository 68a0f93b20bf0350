//! Volumes of server and agent pods and their mounts in the main container.

use serde_json::Value;

use super::member::Member;
use super::{CONFIG, CONFIG_OUT, LOG_VOLUME, STORAGE};
use crate::config::prometheus::{CERTIFICATES, LOGS, RULES, is_bare};
use crate::workload::arguments::Arguments;
use crate::workload::names::{VolumeNames, volume_of};
use crate::workload::pod::{
    config_map_volume, empty_dir, memory, mount, mount_part, read_only, rules_volume,
    secret_volume, tls_assets,
};
use crate::workload::web::{Mounted, PROMETHEUS_WEB_CONFIG, WebConfig};
use crate::workload::{Secrets, WorkloadError, parts};

/// What pods mount, and the reloader's part of it.
pub(super) struct Volumes {
    /// Volumes, and mounts of the main container.
    pub(super) main: Mounted,
    /// Mounts of the reloader and the init container.
    pub(super) reloader: Vec<Value>,
    /// Folders the reloader watches besides that of the configuration.
    pub(super) watched: Vec<String>,
    /// The web configuration, if the reloader is to use it.
    pub(super) reloader_web_config: Option<String>,
}

impl Member<'_> {
    /// What server and agent have in common.
    pub(super) fn volumes(&self, mounted: Secrets) -> Result<Volumes, WorkloadError> {
        let common = self.generator.common;
        let prefixed = self.prefixed();
        let mut main = Mounted {
            volumes: vec![
                parts::volume(&prefixed, mounted.configuration),
                tls_assets(&prefixed, mounted.tls),
                memory("config-out"),
            ],
            mounts: vec![
                read_only("config-out", CONFIG_OUT),
                read_only("tls-assets", CERTIFICATES),
            ],
        };
        if self.shard.is_some() {
            let name = self.volume_name();
            let name = self.storage(&name).mounted_name();
            main.mounts
                .push(mount_part(name, STORAGE, self.storage_folder()));
        }
        main.mounts.extend_from_slice(&common.volume_mounts);
        let mut names = VolumeNames::default();
        for secret in &common.secrets {
            let name = names.label("secret", secret)?;
            main.volumes.push(secret_volume(&name, secret));
            let path = format!("/etc/prometheus/secrets/{secret}");
            main.mounts.push(read_only(&name, &path));
        }
        for config_map in &common.config_maps {
            let name = names.label("configmap", config_map)?;
            main.volumes.push(config_map_volume(&name, config_map));
            let path = format!("/etc/prometheus/configmaps/{config_map}");
            main.mounts.push(read_only(&name, &path));
        }
        if common
            .scrape_failure_log_file
            .as_deref()
            .is_some_and(is_bare)
        {
            main.volumes.push(empty_dir(LOG_VOLUME));
            main.mounts.push(mount(LOG_VOLUME, LOGS));
        }
        Ok(Volumes {
            main,
            reloader: vec![mount("config", CONFIG), mount("config-out", CONFIG_OUT)],
            watched: Vec::new(),
            reloader_web_config: None,
        })
    }

    /// Adds rules and the query log of a server.
    pub(super) fn server_volumes(
        &self,
        to: &mut Volumes,
        query_log: Option<&str>,
        rules: &[String],
    ) -> Result<(), WorkloadError> {
        // One volume serves both logs.
        let scrape_log = self.generator.common.scrape_failure_log_file.as_deref();
        let logs = query_log.is_some_and(is_bare) && !scrape_log.is_some_and(is_bare);
        if logs {
            to.main.volumes.push(empty_dir(LOG_VOLUME));
        }
        for name in rules {
            let volume = volume_of(name)?;
            to.main.volumes.push(rules_volume(&volume, name));
            let path = format!("{RULES}/{name}");
            to.main.mounts.push(read_only(&volume, &path));
        }
        if logs {
            to.main.mounts.push(mount(LOG_VOLUME, LOGS));
        }
        Ok(())
    }

    /// Adds the web configuration, which is mounted whether it says anything or not. The reloader gets it if `always`, else
    /// if the user says anything: its older images don't know it.
    pub(super) fn web_config(
        &self,
        to: &mut Volumes,
        arguments: &mut Arguments,
        always: bool,
    ) -> Result<(), WorkloadError> {
        let web = self.generator.common.web.as_ref();
        let secret = format!("{}-web-config", self.prefixed());
        let config = WebConfig::new(
            PROMETHEUS_WEB_CONFIG,
            &secret,
            web.and_then(|web| web.tls_config.as_ref()),
            web.and_then(|web| web.http_config.as_ref()),
        )?;
        let mounted = config.mounted()?;
        arguments.set("web.config.file", config.path());
        if always || web.is_some() {
            to.reloader_web_config = Some(config.path());
            to.reloader.extend_from_slice(&mounted.mounts);
        }
        to.main.volumes.extend(mounted.volumes);
        to.main.mounts.extend(mounted.mounts);
        Ok(())
    }

    /// Shows the reloader the rules.
    pub(super) fn watch_rules(to: &mut Volumes, rules: &[String]) -> Result<(), WorkloadError> {
        for name in rules {
            let path = format!("{RULES}/{name}");
            to.reloader.push(mount(&volume_of(name)?, &path));
            to.watched.push(path);
        }
        Ok(())
    }
}
