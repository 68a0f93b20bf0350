//! Progressive delivery: the kinds of `argoproj.io/v1alpha1` and their controllers. See ARCHITECTURE.md.

pub mod access;
pub mod api;
pub mod commands;
pub mod conditions;
pub mod info;
pub mod install;
mod malformed;
pub mod metrics;
pub mod phase;
pub mod plan;
pub mod replicas;
pub mod rollout;
pub mod run;
pub mod service;
pub mod validation;
pub mod views;

pub use run::{RunOptions, run};
