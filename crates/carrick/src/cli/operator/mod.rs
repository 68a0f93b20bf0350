//! The monitoring controllers against a Kubernetes, with the commands and flags of upstream's operator: `carrick run --only
//! monitoring`, or the program called `operator`.

mod flags;
mod kubelet;
mod web;

use std::ffi::OsString;

use anyhow::Result;
use clap::{Arg, ArgAction, Args, Parser, ValueEnum};
use machinery::yaml::documents_to_string;
use monitoring::RunOptions;
use monitoring::api::crds;
use runtime::shutdown;
use tracing_subscriber::EnvFilter;

use super::log::{LogForm, start_log};
use super::{Connection, VERSION, print};
pub use flags::gates;
use flags::{Making, Scope, Unused};
use kubelet::Kubelet;
pub use web::{Defaults, Web};

/// As upstream's program is without flags.
const DEFAULTS: Defaults = Defaults {
    port: 8080,
    tls: false,
};

/// Looks after Prometheus servers and agents, Alertmanagers and Thanos Rulers.
#[derive(Parser)]
#[command(name = "operator", disable_version_flag = true)]
pub struct Operator {
    /// start, crds or full-crds
    #[arg(default_value = "start")]
    command: String,
    #[command(flatten)]
    connection: Connection,
    /// The address of the Kubernetes API server
    #[arg(long)]
    apiserver: Option<String>,
    /// Path to a client certificate file for TLS
    #[arg(long)]
    cert_file: Option<String>,
    /// Path to a client key file for TLS
    #[arg(long)]
    key_file: Option<String>,
    /// Path to a cert file for the certificate authority
    #[arg(long)]
    ca_file: Option<String>,
    /// Don't check the server's certificate
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = flags::boolean)]
    tls_insecure: Option<bool>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    making: Making,
    /// What is switched on and off: Name=true,Name=false,…
    #[arg(long)]
    feature_gates: Vec<String>,
    /// Take part in leader election, with a Lease in this namespace
    #[arg(long, value_name = "NAMESPACE")]
    leader_election_namespace: Option<String>,
    #[command(flatten)]
    kubelet: Kubelet,
    #[command(flatten)]
    web: Web,
    #[command(flatten)]
    log: Log,
    /// Print the version, and do nothing else
    #[arg(long)]
    version: bool,
    /// Print the version and nothing else, and do nothing else
    #[arg(long)]
    short_version: bool,
    #[command(flatten)]
    _unused: Unused,
}

/// The arguments of `carrick run --only monitoring …` as those of this program; `None` if it is another command.
pub fn asked_for(args: &[OsString]) -> Option<Vec<OsString>> {
    let (program, rest) = args.split_first()?;
    let (command, rest) = rest.split_first()?;
    if command != "run" {
        return None;
    }
    let joined = |arg: &OsString| arg == "--only=monitoring";
    let apart = |pair: &[OsString]| matches!(pair, [only, product] if only == "--only" && product == "monitoring");
    let (at, length) = match rest.iter().position(joined) {
        Some(at) => (at, 1),
        None => (rest.windows(2).position(apart)?, 2),
    };
    let (before, after) = rest.split_at(at);
    let after = after.iter().skip(length);
    let called = super::called(program, "run --only monitoring");
    let rest = before.iter().chain(after).cloned();
    Some([called].into_iter().chain(rest).collect())
}

/// The log.
#[derive(Args, Debug)]
pub struct Log {
    /// Least level that is logged
    #[arg(long, value_enum, default_value = "info", ignore_case = true)]
    log_level: LogLevel,
    /// How logs look
    #[arg(long, value_enum, default_value = "logfmt", ignore_case = true)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogLevel {
    All,
    Debug,
    Info,
    Warn,
    Error,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Logfmt,
    Json,
}

impl Operator {
    /// Reads arguments as Go's programs do: one dash is as good as two.
    ///
    /// # Errors
    /// If they aren't this command's.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        read_as_go(args)
    }

    /// Carries the command out.
    pub fn run(self) -> Result<()> {
        if self.version {
            return print(&format!(
                "prometheus-operator, version {VERSION} (Carrick)\n"
            ));
        }
        if self.short_version {
            return print(&format!("{VERSION}\n"));
        }
        match self.command.as_str() {
            "start" => self.start(),
            "crds" => print(&documents_to_string(&crds::crds())),
            "full-crds" => print(&documents_to_string(&crds::full_crds())),
            other => super::fail(format!(
                "Unknown command: {other}\nAvailable commands: crds, full-crds, start"
            )),
        }
    }

    fn start(self) -> Result<()> {
        self.log.start()?;
        let mut options = RunOptions {
            gates: flags::gates(&self.feature_gates.join(","))?,
            settings: self.making.settings(),
            leader_namespace: self.leader_election_namespace,
            listen: vec![self.web.listen(DEFAULTS)],
            tls: self.web.tls(DEFAULTS)?,
            kubelets: self.kubelet.options()?,
            ..RunOptions::default()
        };
        self.scope.apply(&mut options)?;
        let connection = Connection {
            server: self.apiserver.or(self.connection.server),
            client_certificate: self.cert_file.or(self.connection.client_certificate),
            client_key: self.key_file.or(self.connection.client_key),
            certificate_authority: self.ca_file.or(self.connection.certificate_authority),
            insecure_skip_tls_verify: self
                .tls_insecure
                .or(self.connection.insecure_skip_tls_verify),
            ..self.connection
        };
        super::block_on(async {
            let stop = shutdown::on_signals()?;
            let connected = connection.connect("PrometheusOperator").await?;
            let controllers = ::monitoring::run(connected.client.kube().clone(), options, stop);
            let ended = Box::pin(controllers).await;
            ended.map_err(|error| super::ended(error, super::LISTEN_ADDRESS))
        })
    }
}

impl Log {
    /// Writes to standard error from now on.
    pub fn start(&self) -> Result<()> {
        let level = match self.log_level {
            LogLevel::All => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
            LogLevel::None => "off",
        };
        let format = match self.log_format {
            LogFormat::Logfmt => logs::Format::Logfmt,
            LogFormat::Json => logs::Format::Json,
        };
        start_log(EnvFilter::try_new(level)?, LogForm::Keyed(format));
        Ok(())
    }
}

/// Reads the arguments of a command as Go's programs do.
pub fn read_as_go<P: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<P, clap::Error> {
    let args = args.into_iter().map(two_dashes);
    let matches = P::command()
        .mut_args(last_wins)
        .try_get_matches_from(args)?;
    P::from_arg_matches(&matches)
}

/// Of a flag that is given several times the last one counts, but for lists, to which each adds, as in Go's programs.
fn last_wins(arg: Arg) -> Arg {
    if matches!(arg.get_action(), ArgAction::Append) {
        return arg;
    }
    let id = arg.get_id().clone();
    arg.overrides_with(id)
}

/// `-flag` as `--flag`; one letter after one dash stays what it is.
fn two_dashes(arg: OsString) -> OsString {
    match arg.to_str() {
        Some(text)
            if text.starts_with('-')
                && !text.starts_with("--")
                && text.chars().nth(1).is_some_and(char::is_alphabetic)
                && text.chars().nth(2).is_some_and(|c| c != '=') =>
        {
            OsString::from(format!("-{text}"))
        }
        Some(_) | None => arg,
    }
}

#[cfg(test)]
mod tests {
    use ::monitoring::workload::{ReloaderSettings, Settings};

    type Texts = std::collections::BTreeMap<String, String>;

    use super::*;

    fn read(args: &str) -> Result<Operator, String> {
        let args = args.split_whitespace().map(OsString::from);
        Operator::read(args).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_of_the_charts_are_read() {
        for args in [
            // kube-prometheus-stack 14.0.1
            "operator --kubelet-service=kube-system/x-kubelet --log-format=logfmt --log-level=info --localhost=127.0.0.1 --prometheus-config-reloader=r:v0.46.0 --config-reloader-cpu=100m --config-reloader-memory=50Mi --web.enable-tls=true --web.cert-file=/cert/cert --web.key-file=/cert/key --web.listen-address=:10250 --web.tls-min-version=VersionTLS13",
            // kube-prometheus-stack 88.5.3
            "operator --kubelet-service=kube-system/x-kubelet --kubelet-endpoints=true --kubelet-endpointslice=false --localhost=127.0.0.1 --prometheus-config-reloader=r --config-reloader-cpu-request=0 --config-reloader-cpu-limit=0 --config-reloader-memory-request=0 --config-reloader-memory-limit=0 --thanos-default-base-image=quay.io/thanos/thanos:v0.42.4 --secret-field-selector=type!=kubernetes.io/dockercfg,type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1 --web.enable-tls=true --web.cert-file=/cert/cert --web.key-file=/cert/key --web.listen-address=:10250 --web.tls-min-version=VersionTLS13",
            // upstream's example
            "operator --kubelet-service=kube-system/kubelet --watch-referenced-objects-in-all-namespaces=true --disable-unmanaged-prometheus-configuration=true",
            "operator --web.enable-tls=1 --tls-insecure=t --kubelet-endpoints=0 --kubelet-http-metrics=False --log-level=INFO --log-format=JSON --labels= --annotations=",
            "operator -namespaces=a,b -web.enable-http2 -tls-insecure=false -labels x=y,z= start",
        ] {
            if let Err(error) = read(args) {
                panic!("{args}: {error}");
            }
        }
        let odd = read(
            "operator --labels= --config-reloader-cpu-limit= --enable-config-reloader-probes=T --spread-large-configurations",
        )
        .unwrap();
        let settings = odd.making.settings();
        let kept = Settings::default();
        assert_eq!(
            (settings.labels, settings.reloader),
            (
                kept.labels,
                ReloaderSettings {
                    probes: true,
                    joins: true,
                    ..kept.reloader
                }
            )
        );
        let old = read("operator --config-reloader-cpu=100m").unwrap();
        let reloader = old.making.settings().reloader;
        assert_eq!(
            (reloader.cpu_request.as_str(), reloader.cpu_limit.as_str()),
            ("100m", "100m")
        );
    }

    #[test]
    fn lists_grow_with_each_flag_and_of_anything_else_the_last_counts() {
        let operator = read("operator --feature-gates=PrometheusAgentDaemonSet=true --feature-gates PrometheusTopologySharding=true,PrometheusShardRetentionPolicy=true --feature-gates=PrometheusShardRetentionPolicy=false --labels=a=1,b=2 -labels a=3 --annotations=c=4 --annotations=d=5 --namespaces=x --namespaces=y,z --localhost=h --localhost=i --kubelet-endpoints=false --kubelet-endpoints --log-level=debug --log-level=warn --tls-insecure --tls-insecure=false").unwrap();
        let gates = flags::gates(&operator.feature_gates.join(",")).unwrap();
        assert_eq!(
            (
                gates.daemon_sets,
                gates.topology_sharding,
                gates.shard_retention
            ),
            (true, true, false)
        );
        assert_eq!(
            (operator.log.log_level, operator.tls_insecure),
            (LogLevel::Warn, Some(false))
        );
        let mut options = RunOptions::default();
        operator.scope.apply(&mut options).unwrap();
        for namespace in ["x", "y", "z"] {
            assert!(
                options.prometheuses.namespaces.contains(namespace),
                "{namespace}"
            );
        }
        let settings = operator.making.settings();
        let texts = |all: &[(&str, &str)]| {
            let all = all.iter();
            all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let wanted: (Texts, Texts) = (
            texts(&[("a", "3"), ("b", "2")]),
            texts(&[("c", "4"), ("d", "5")]),
        );
        assert_eq!((settings.labels, settings.annotations), wanted);
        assert_eq!(settings.local_host, "i");
    }

    #[test]
    fn amounts_that_are_none_are_refused_with_their_flag() {
        for flag in [
            "--config-reloader-cpu-request",
            "--config-reloader-cpu-limit",
            "--config-reloader-memory-request",
            "--config-reloader-memory-limit",
            "--config-reloader-cpu",
            "--config-reloader-memory",
        ] {
            let Err(error) = read(&format!("operator {flag}=lots")) else {
                panic!("{flag}");
            };
            assert!(
                error.contains(flag) && error.contains("write an amount"),
                "{error}"
            );
        }
    }

    #[test]
    fn pods_of_old_charts_have_the_label_that_their_services_select() {
        for (args, wanted) in [
            ("operator", false),
            ("operator --config-reloader-cpu-limit=1", false),
            ("operator --config-reloader-memory=50Mi", true),
            (
                "operator --config-reloader-cpu=1 --legacy-app-label=false",
                false,
            ),
            ("operator --legacy-app-label", true),
        ] {
            let settings = read(args).unwrap().making.settings();
            assert_eq!(settings.legacy_app_label, wanted, "{args}");
        }
    }

    #[test]
    fn it_is_run_by_its_name_or_as_a_product() {
        let asked = |line: &str| {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            asked_for(&args).map(|args| args.join(&OsString::from(" ")).into_string().unwrap())
        };
        let wanted = Some("carrick run --only monitoring -labels=a=b --version".to_owned());
        for line in [
            "/bin/carrick run --only monitoring -labels=a=b --version",
            "carrick run -labels=a=b --only=monitoring --version",
        ] {
            assert_eq!(asked(line), wanted, "{line}");
        }
        assert_eq!(asked("carrick run --only rollouts"), None);
        assert_eq!(asked("carrick up --only monitoring"), None);
    }

    #[test]
    fn namespaces_are_allowed_or_denied() {
        let options = |args: &str| {
            let mut options = RunOptions::default();
            read(args)
                .unwrap()
                .scope
                .apply(&mut options)
                .map(|()| options)
        };
        let made = options("operator --namespaces=a --alertmanager-instance-namespaces=b").unwrap();
        assert!(made.prometheuses.namespaces.contains("a"));
        assert!(!made.alertmanagers.namespaces.contains("a"));
        assert!(options("operator --namespaces=a --deny-namespaces=b").is_err());
    }

    #[test]
    fn a_dash_is_as_good_as_two() {
        let read = |text: &str| two_dashes(OsString::from(text)).into_string().unwrap();
        assert_eq!(read("-kubelet-service=a/b"), "--kubelet-service=a/b");
        assert_eq!(read("-n"), "-n");
        assert_eq!(read("--x"), "--x");
    }
}
