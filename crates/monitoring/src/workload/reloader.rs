//! The config-reloader: an init container and a sidecar of every pod (upstream's `pkg/operator/config_reloader.go`).

use machinery::quantity::Quantity;
use serde_json::{Map, Value, json};

use super::Settings;
use super::pod::{Container, EnvVar, Handler, Port, Probe};
use crate::config::yaml::filled;

const PORT: u16 = 8080;
/// Another one than the sidecar's, because the API server warns about a port that comes twice.
const INIT_PORT: u16 = 8081;

/// How the program is told to read its configuration again.
#[derive(Debug, Clone, Default)]
pub(super) enum Reload {
    /// Not at all: an init container.
    #[default]
    Never,
    /// A request to this URL.
    Url(String),
    /// A signal; this URL tells whether it was heeded.
    Signal(String),
}

/// One config-reloader.
#[derive(Debug, Clone, Default)]
pub(super) struct Reloader {
    /// How the program is told.
    pub(super) reload: Reload,
    /// When the image is pulled.
    pub(super) pull_policy: Option<String>,
    /// File that says how its own port is served.
    pub(super) web_config_file: Option<String>,
    /// It listens on the loopback address only.
    pub(super) listen_local: bool,
    /// The configuration, its folder, and the file with variables put in.
    pub(super) config: Option<ConfigFile>,
    /// Folders that are watched, without that of the configuration.
    pub(super) watched: Vec<String>,
    /// Level of the log.
    pub(super) log_level: Option<String>,
    /// Format of the log.
    pub(super) log_format: Option<String>,
    /// Mounts.
    pub(super) mounts: Vec<Value>,
    /// Variables besides the name of the pod.
    pub(super) env: Vec<EnvVar>,
}

/// What is read and what is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConfigFile {
    /// Folder of the configuration.
    pub(super) folder: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// Path of what is written.
    pub(super) written: &'static str,
}

impl Reloader {
    /// The sidecar.
    pub(super) fn sidecar(self, settings: &Settings) -> Value {
        let probe = (settings.reloader.probes).then(|| Probe {
            handler: if self.listen_local {
                Handler::local(PORT, "/healthz")
            } else {
                Handler::http("/healthz", PORT, false)
            },
            ..Probe::default()
        });
        let mut container = self.container(settings, "config-reloader", false);
        container.liveness_probe.clone_from(&probe);
        container.readiness_probe.clone_from(&probe);
        container.startup_probe = probe;
        container.into_value()
    }

    /// The init container, which ends when it has written the configuration.
    pub(super) fn init(self, settings: &Settings) -> Value {
        self.container(settings, "init-config-reloader", true)
            .into_value()
    }

    fn container(self, settings: &Settings, name: &str, init: bool) -> Container {
        let args = self.args(settings, init);
        let port = match (self.listen_local, init) {
            (true, _) => None,
            (false, true) => Some(Port::new("reloader-init", INIT_PORT, "TCP")),
            (false, false) => Some(Port::new("reloader-web", PORT, "TCP")),
        };
        let mut env = vec![EnvVar::pod_name()];
        env.extend(self.env);
        Container {
            name: name.to_owned(),
            image: settings.reloader.image.clone(),
            image_pull_policy: self.pull_policy,
            command: vec!["/bin/prometheus-config-reloader".to_owned()],
            args,
            env,
            ports: port.into_iter().collect(),
            volume_mounts: self.mounts,
            resources: Some(resources(settings)),
            ..Container::default()
        }
    }

    fn args(&self, settings: &Settings, init: bool) -> Vec<String> {
        let mut args = Vec::new();
        if init {
            args.push("--watch-interval=0".to_owned());
        }
        args.push(match (self.listen_local, init) {
            (true, _) => format!("--listen-address={}:{PORT}", settings.local_host),
            (false, true) => format!("--listen-address=:{INIT_PORT}"),
            (false, false) => format!("--listen-address=:{PORT}"),
        });
        if let Some(file) = filled(&self.web_config_file) {
            args.push(format!("--web-config-file={file}"));
        }
        match &self.reload {
            Reload::Never => {}
            Reload::Url(url) => args.push(format!("--reload-url={url}")),
            Reload::Signal(url) => {
                args.push("--reload-method=signal".to_owned());
                args.push(format!("--runtimeinfo-url={url}"));
            }
        }
        let mut watched = self.watched.clone();
        if let Some(config) = self.config {
            args.push(format!("--config-file={}/{}", config.folder, config.name));
            args.push(format!("--config-envsubst-file={}", config.written));
            // The folder, since that is what changes when the kubelet swaps its files.
            if !watched.iter().any(|folder| folder == config.folder) {
                watched.push(config.folder.to_owned());
            }
        }
        args.extend(
            watched
                .iter()
                .map(|folder| format!("--watched-dir={folder}")),
        );
        if let Some(level) = filled(&self.log_level).filter(|level| *level != "info") {
            args.push(format!("--log-level={level}"));
        }
        if let Some(format) = filled(&self.log_format).filter(|format| *format != "logfmt") {
            args.push(format!("--log-format={format}"));
        }
        args
    }
}

fn resources(settings: &Settings) -> Value {
    let reloader = &settings.reloader;
    let list = |cpu: &str, memory: &str| {
        let mut list = Map::new();
        for (resource, quantity) in [("cpu", cpu), ("memory", memory)] {
            if Quantity::parse(quantity).is_ok_and(|quantity| !quantity.is_zero()) {
                list.insert(resource.to_owned(), json!(quantity));
            }
        }
        list
    };
    json!({
        "limits": list(&reloader.cpu_limit, &reloader.memory_limit),
        "requests": list(&reloader.cpu_request, &reloader.memory_request),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ReloaderSettings;

    #[test]
    fn the_sidecar_listens_where_it_is_asked_to_and_is_probed_there() {
        let settings = Settings {
            reloader: ReloaderSettings {
                probes: true,
                cpu_limit: "0".to_owned(),
                ..ReloaderSettings::default()
            },
            local_host: "127.0.0.1".to_owned(),
            ..Settings::default()
        };
        let local = Reloader {
            listen_local: true,
            reload: Reload::Url("http://x".to_owned()),
            ..Reloader::default()
        };
        let sidecar = local.clone().sidecar(&settings);
        assert_eq!(
            sidecar["args"],
            json!(["--listen-address=127.0.0.1:8080", "--reload-url=http://x"])
        );
        assert_eq!(sidecar["ports"], json!([]));
        assert_eq!(sidecar["resources"]["limits"], json!({"memory": "50Mi"}));
        assert!(sidecar["startupProbe"]["exec"].is_object());
        let open = Reloader::default().sidecar(&settings);
        assert_eq!(open["livenessProbe"]["httpGet"]["port"], 8080);
        let init = Reloader::default().init(&settings);
        assert_eq!(init["args"][0], "--watch-interval=0");
        assert_eq!(init["ports"][0]["containerPort"], 8081);
        assert!(init["livenessProbe"].is_null());
    }
}
