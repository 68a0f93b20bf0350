//! Monitoring: the kinds of `monitoring.coreos.com` and what is made of them. See ARCHITECTURE.md.
#![allow(
    clippy::doc_markdown,
    reason = "what is said of a field is its description in the definition, where backticks would be noise"
)]

pub mod access;
pub mod admission;
pub mod alertmanager;
pub mod api;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(test)]
mod defects;
pub mod duration;
pub mod install;
pub mod kubelet;
pub mod metrics;
pub mod offline;
pub mod operator;
mod path;
pub mod preflight;
pub mod prometheus;
pub mod prometheus_agent;
pub mod promql;
mod redact;
mod remedies;
pub mod rules;
pub mod run;
pub mod selection;
mod template;
pub mod thanos_ruler;
mod unquote;
pub mod url;
pub mod workload;

pub use run::{RunOptions, run};
