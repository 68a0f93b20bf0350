//! `carrick run`: the controllers against a Kubernetes, with the flags of the Rollouts controller.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use machinery::duration::GoDuration;
use rollouts::RunOptions;
use runtime::shutdown;
use tracing_subscriber::EnvFilter;

use super::log::{LogForm, start_log};
use super::upstream_flags::UpstreamFlags;
use super::{Connection, VERSION, print};

/// client-go waits up to this many retry periods between two attempts.
const JITTER: f64 = 1.2;

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Products that have controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Product {
    Rollouts,
    Monitoring,
}

/// How the controllers run.
#[derive(Args)]
pub struct RunArgs {
    /// Which product's controllers; `--only monitoring` takes the flags of upstream's operator, which it prints with --help
    #[arg(long, value_enum, default_value = "rollouts")]
    only: Product,
    #[command(flatten)]
    connection: Connection,
    /// Only look after the namespace of the kubeconfig or of --namespace
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    namespaced: bool,
    /// Only look after objects whose instance label has this value
    #[arg(long, default_value = "")]
    instance_id: String,
    /// Take part in leader election
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    leader_elect: bool,
    /// The namespace of the Lease [default: that of the pod, else of the kubeconfig]
    #[arg(long)]
    leader_election_namespace: Option<String>,
    /// Others may take the Lease after this long without renewal
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    leader_election_lease_duration: Duration,
    /// The leader gives up after this long without a successful renewal
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    leader_election_renew_deadline: Duration,
    /// Time between attempts to take or renew the Lease
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    leader_election_retry_period: Duration,
    /// How many Rollouts are worked on at the same time
    #[arg(long, default_value_t = 10)]
    rollout_threads: usize,
    /// How many Services are worked on at the same time
    #[arg(long, default_value_t = 10)]
    service_threads: usize,
    /// Seconds after which a Rollout is looked at without a reason
    #[arg(long, default_value_t = 900)]
    rollout_resync: u64,
    /// Requests a second, for Kubernetes' own kinds and for custom resources each
    #[arg(long, default_value_t = 40.0)]
    qps: f64,
    /// Requests at once
    #[arg(long, default_value_t = 80)]
    burst: u32,
    /// Port of /metrics
    #[arg(long = "metricsPort", alias = "metricsport", default_value_t = 8090)]
    metrics_port: u16,
    /// Port of /healthz
    #[arg(long = "healthzPort", alias = "healthzport", default_value_t = 8080)]
    healthz_port: u16,
    /// Address of both ports
    #[arg(long, default_value_t = Ipv4Addr::UNSPECIFIED)]
    listen: Ipv4Addr,
    /// trace, debug, info, warn, error, fatal or panic
    #[arg(long, default_value = "info")]
    loglevel: String,
    /// How logs look
    #[arg(long, value_enum, default_value = "text")]
    logformat: LogFormat,
    /// Print the version, and do nothing else
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    version: bool,
    #[command(flatten)]
    upstream: UpstreamFlags,
}

impl RunArgs {
    /// Runs until a signal comes.
    pub fn run(self) -> Result<()> {
        if self.version {
            return print(&format!("{VERSION}\n"));
        }
        match self.only {
            Product::Rollouts => self.upstream.check()?,
            // That is another command, see `operator::asked_for`.
            Product::Monitoring => return super::fail("--only is given more than once"),
        }
        self.check_election()?;
        self.start_log()?;
        if let Some(text) = self.upstream.warning() {
            tracing::warn!("{text}");
        }
        super::block_on(self.serve())
    }

    async fn serve(self) -> Result<()> {
        let stop = shutdown::on_signals()?;
        let connected = self.connection.connect("carrick").await?;
        let in_pod = std::env::var("POD_NAMESPACE")
            .ok()
            .filter(|name| !name.is_empty());
        let lease_namespace = self
            .leader_election_namespace
            .or(in_pod)
            .unwrap_or_else(|| connected.namespace.clone());
        let listen = |port| SocketAddr::from((self.listen, port));
        let mut addresses = vec![listen(self.metrics_port), listen(self.healthz_port)];
        addresses.dedup();
        let options = RunOptions {
            namespace: if self.namespaced {
                connected.namespace.clone()
            } else {
                String::new()
            },
            instance_id: self.instance_id,
            leader_namespace: self.leader_elect.then_some(lease_namespace),
            lease_duration: self.leader_election_lease_duration,
            renew_deadline: self.leader_election_renew_deadline,
            retry_period: self.leader_election_retry_period,
            resync: Duration::from_secs(self.rollout_resync),
            rollout_workers: self.rollout_threads,
            service_workers: self.service_threads,
            qps: Some(self.qps),
            burst: self.burst,
            listen: addresses,
            ..RunOptions::default()
        };
        let controllers = ::rollouts::run(connected.client.kube().clone(), options, stop);
        let ended = Box::pin(controllers).await;
        ended.map_err(|error| super::ended(error, "`--metricsPort` or `--healthzPort`"))
    }

    /// What client-go demands of the three durations.
    fn check_election(&self) -> Result<()> {
        let lease = self.leader_election_lease_duration;
        let deadline = self.leader_election_renew_deadline;
        let retry = self.leader_election_retry_period;
        if !self.leader_elect {
            return Ok(());
        }
        if retry.is_zero() {
            return super::fail("--leader-election-retry-period must be greater than zero");
        }
        if lease <= deadline {
            return super::fail(
                "--leader-election-lease-duration must be greater than --leader-election-renew-deadline",
            );
        }
        if deadline <= retry.mul_f64(JITTER) {
            return super::fail(
                "--leader-election-renew-deadline must be greater than 1.2 times --leader-election-retry-period",
            );
        }
        Ok(())
    }

    fn start_log(&self) -> Result<()> {
        let level = level(&self.loglevel);
        let filter = EnvFilter::try_new(level)
            .ok()
            .filter(|_| is_level(level) || level.contains('='));
        let Some(filter) = filter else {
            return super::fail(format!(
                "unknown --loglevel {:?}\nhint: trace, debug, info, warn, error, fatal or panic",
                self.loglevel
            ));
        };
        let form = match self.logformat {
            LogFormat::Text => LogForm::Text,
            LogFormat::Json => LogForm::Json,
        };
        start_log(filter, form);
        Ok(())
    }
}

/// What logrus' names of levels are called here. Nothing that ends the process goes through the log, so that `fatal` and
/// `panic` leave nothing to be logged.
fn level(name: &str) -> &str {
    match name.to_ascii_lowercase().as_str() {
        "warning" => "warn",
        "fatal" | "panic" => "off",
        _ => name,
    }
}

/// Reads a duration as Go writes it.
fn duration(text: &str) -> Result<Duration, String> {
    GoDuration::parse(text)
        .ok()
        .and_then(GoDuration::to_std)
        .ok_or_else(|| "write 15s or 1m".to_owned())
}

/// Whether a text names a level; other words would silently name a crate.
fn is_level(text: &str) -> bool {
    text.parse::<tracing_subscriber::filter::LevelFilter>()
        .is_ok()
}

#[test]
fn logrus_names_of_levels_are_known() {
    let known = "trace debug info warn warning error fatal panic WARNING Fatal";
    for name in known.split(' ') {
        assert!(is_level(level(name)), "{name}");
    }
    assert!(!is_level(level("loud")));
}
