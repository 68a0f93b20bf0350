//! The Thanos sidecar.

use serde_json::Value;

use super::STORAGE;
use super::compaction::{Compaction, SHIPPER_FILE, thanos_version, uploads};
use super::member::Member;
use crate::api::prometheus::ThanosSpec;
use crate::api::workload::ThanosTlsConfig;
use crate::config::version::Version;
use crate::config::yaml::filled;
use crate::path;
use crate::workload::WorkloadError;
use crate::workload::arguments::Arguments;
use crate::workload::image::Image;
use crate::workload::pod::{Container, EnvVar, Port, mount, mount_part, secret_volume};
use crate::workload::settings::THANOS_VERSION;

const CONFIG: &str = "/etc/thanos/config";
const CLIENT_FILE: &str = "prometheus.http-client-file.yaml";
const CLIENT: &str = "thanos-prometheus-http-client-file";

/// A sidecar and the volume it needs.
pub(super) struct Sidecar {
    pub(super) container: Value,
    pub(super) volume: Option<Value>,
}

/// Arguments of Thanos' gRPC server that name files and limit TLS.
pub(in crate::workload) fn grpc_tls(out: &mut Arguments, tls: &ThanosTlsConfig, version: &Version) {
    out.set_some("grpc-server-tls-cert", filled(&tls.cert_file));
    out.set_some("grpc-server-tls-key", filled(&tls.key_file));
    out.set_some("grpc-server-tls-client-ca", filled(&tls.ca_file));
    if version.at_least((0, 37, 0)) {
        let least = match tls.tls.min_version.as_deref() {
            Some("TLS10") => Some("1.0"),
            Some("TLS11") => Some("1.1"),
            Some("TLS12") => Some("1.2"),
            Some("TLS13") => Some("1.3"),
            Some(_) | None => None,
        };
        out.set_some("grpc-server-tls-min-version", least);
    }
    if version.at_least((0, 42, 0)) {
        for (name, values) in [
            ("grpc-server-tls-ciphers", &tls.cipher_suites),
            ("grpc-server-tls-curves", &tls.curves),
        ] {
            if !values.is_empty() {
                out.set(name, values.join(","));
            }
        }
    }
}

impl Member<'_> {
    /// The sidecar.
    pub(super) fn sidecar(
        &self,
        thanos: &ThanosSpec,
        compaction: Compaction,
    ) -> Result<Sidecar, WorkloadError> {
        let common = self.generator.common;
        let image = Image {
            verbatim: thanos.image.as_deref(),
            base: thanos
                .base_image
                .as_deref()
                .unwrap_or(&self.settings.thanos_image),
            version: thanos.version.as_deref().unwrap_or(THANOS_VERSION),
            tag: thanos.tag.as_deref(),
            sha: thanos.sha.as_deref(),
        };
        let image = image.reference();
        let image = image.map_err(|error| error.within("failed to build image path"))?;
        let version = thanos_version(thanos)?;

        let mut env = Vec::new();
        // Of the user's mounts, only these two fields ever counted.
        let mut mounts: Vec<Value> = thanos
            .volume_mounts
            .iter()
            .map(|user| {
                let text = |key: &str| user.get(key).and_then(Value::as_str).unwrap_or_default();
                mount(text("name"), text("mountPath"))
            })
            .collect();
        let mut arguments = self.sidecar_addresses(thanos, &version);
        if uploads(thanos) {
            Self::object_storage(&mut arguments, &mut env, thanos, compaction);
            let name = self.volume_name();
            let name = self.storage(&name).mounted_name();
            mounts.push(mount_part(name, STORAGE, self.storage_folder()));
        }
        self.sidecar_behaviour(&mut arguments, &mut env, thanos, &version);
        let client = version.at_least((0, 24, 0));
        if client {
            arguments.set(
                "prometheus.http-client-file",
                format!("{CONFIG}/{CLIENT_FILE}"),
            );
            mounts.push(mount(CLIENT, CONFIG));
        }
        let mut args = vec!["sidecar".to_owned()];
        args.extend(arguments.joined(&thanos.additional_args)?);
        let container = Container {
            name: "thanos-sidecar".to_owned(),
            image,
            image_pull_policy: common.image_pull_policy.clone(),
            args,
            env,
            ports: vec![Port::bare("http", 10902), Port::bare("grpc", 10901)],
            volume_mounts: mounts,
            resources: thanos.resources.clone(),
            ..Container::default()
        };
        let secret = format!("{}-{CLIENT}", self.prefixed());
        Ok(Sidecar {
            container: container.into_value(),
            volume: client.then(|| secret_volume(CLIENT, &secret)),
        })
    }

    fn sidecar_addresses(&self, thanos: &ThanosSpec, version: &Version) -> Arguments {
        let mut out = Arguments::default();
        let prefix = path::clean(self.route_prefix());
        let host = &self.settings.local_host;
        out.set(
            "prometheus.url",
            format!("{}://{host}:9090{prefix}", self.scheme()),
        );
        let address = |local: Option<bool>| {
            let local = thanos.listen_local == Some(true) || local == Some(true);
            if local { "127.0.0.1" } else { "" }
        };
        let (grpc, http) = (thanos.grpc_listen_local, thanos.http_listen_local);
        out.set("grpc-address", format!("{}:10901", address(grpc)));
        out.set("http-address", format!("{}:10902", address(http)));
        if let Some(tls) = &thanos.grpc_server_tls_config {
            grpc_tls(&mut out, tls, version);
        }
        out
    }

    fn object_storage(
        out: &mut Arguments,
        env: &mut Vec<EnvVar>,
        thanos: &ThanosSpec,
        compaction: Compaction,
    ) {
        if let Some(file) = &thanos.object_storage_config_file {
            out.set("objstore.config-file", file);
        } else {
            out.set("objstore.config", "$(OBJSTORE_CONFIG)");
            let key = thanos.object_storage_config.as_ref();
            env.push(EnvVar::secret("OBJSTORE_CONFIG", key));
        }
        out.set("tsdb.path", STORAGE);
        if compaction == Compaction::Delayed {
            out.set("shipper.meta-file-name", SHIPPER_FILE);
            out.flag("shipper.ignore-unequal-block-size");
        }
    }

    fn sidecar_behaviour(
        &self,
        out: &mut Arguments,
        env: &mut Vec<EnvVar>,
        thanos: &ThanosSpec,
        version: &Version,
    ) {
        let common = self.generator.common;
        if let Some(file) = filled(&thanos.tracing_config_file) {
            out.set("tracing.config-file", file);
        } else if thanos.tracing_config.is_some() {
            out.set("tracing.config", "$(TRACING_CONFIG)");
            env.push(EnvVar::secret(
                "TRACING_CONFIG",
                thanos.tracing_config.as_ref(),
            ));
        }
        let level = filled(&thanos.log_level).or_else(|| filled(&common.log_level));
        out.set_some("log.level", level);
        let format = filled(&thanos.log_format).or_else(|| filled(&common.log_format));
        out.set_some("log.format", format);
        out.set_some("min-time", filled(&thanos.min_time));
        out.set_some("prometheus.ready_timeout", filled(&thanos.ready_timeout));
        if version.at_least((0, 29, 0)) {
            let (timeout, interval) = (&thanos.get_config_timeout, &thanos.get_config_interval);
            out.set_some("prometheus.get_config_timeout", filled(timeout));
            out.set_some("prometheus.get_config_interval", filled(interval));
        }
    }
}
