//! The Prometheus configuration (upstream's `pkg/prometheus/promcfg.go`).
//!
//! `server` and `agent` put the document together; each kind of monitor has a file that makes its jobs.

mod additional;
mod agent;
mod alerting;
mod auth;
mod cloud;
mod discovery;
mod generator;
mod global;
mod histograms;
mod kubernetes;
mod pod_monitor;
mod probe;
mod relabel;
mod remote;
mod ruler;
mod scrape_class;
mod scrape_config;
mod server;
mod service_monitor;
mod sharding;
mod telemetry;

pub use agent::agent_configuration;
pub use generator::{ConfigError, Generated, Generator, Options, enforced_label};
pub(crate) use global::is_bare;
pub(crate) use histograms::bytes;
pub(crate) use ruler::built_with;
pub use ruler::ruler_remote_write;
pub use server::{Additional, Frame, Scraped, Selected, server_configuration, text_of_jobs};
pub use sharding::uneven_shards;

/// Where TLS assets are mounted.
pub(crate) const CERTIFICATES: &str = "/etc/prometheus/certs";
/// Where rule files are mounted.
pub(crate) const RULES: &str = "/etc/prometheus/rules";
/// Where logs go that are named by a bare file name.
pub(crate) const LOGS: &str = "/var/log/prometheus";
/// What runs if no version is set.
pub const DEFAULT_VERSION: &str = "v3.13.2";
