//! `carrick run`: the controllers against a Kubernetes, with the flags of the Rollouts controller.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use rollouts::RunOptions;
use runtime::shutdown;
use tracing_subscriber::EnvFilter;

use super::Connection;

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// How the controllers run.
#[derive(Args)]
pub struct RunArgs {
    #[command(flatten)]
    connection: Connection,
    /// Only look after the namespace of the kubeconfig or of --namespace
    #[arg(long)]
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
    /// debug, info, warn or error
    #[arg(long, default_value = "info")]
    loglevel: String,
    /// How logs look
    #[arg(long, value_enum, default_value = "text")]
    logformat: LogFormat,
}

impl RunArgs {
    /// Runs until a signal comes.
    pub fn run(self) -> Result<()> {
        self.start_log()?;
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
            resync: Duration::from_secs(self.rollout_resync),
            rollout_workers: self.rollout_threads,
            service_workers: self.service_threads,
            qps: Some(self.qps),
            burst: self.burst,
            listen: addresses,
            ..RunOptions::default()
        };
        Ok(::rollouts::run(connected.client.kube().clone(), options, stop).await?)
    }

    fn start_log(&self) -> Result<()> {
        let filter = EnvFilter::try_new(&self.loglevel)
            .ok()
            .filter(|_| is_level(&self.loglevel) || self.loglevel.contains('='));
        let Some(filter) = filter else {
            return super::fail(format!(
                "unknown --loglevel {:?}\nhint: debug, info, warn or error",
                self.loglevel
            ));
        };
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(super::output::shows_colour(&std::io::stderr()))
            .with_writer(std::io::stderr);
        match self.logformat {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
        Ok(())
    }
}

/// Whether a text names a level; other words would silently name a crate.
fn is_level(text: &str) -> bool {
    text.parse::<tracing_subscriber::filter::LevelFilter>()
        .is_ok()
}
