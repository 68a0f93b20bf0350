//! The controllers at work in a simulated cluster, in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what goes wrong here is a failure of the test"
)]

mod alertmanager;
mod bad_input;
mod bindings;
mod cluster;
mod failing;
mod kubelets;
mod large;
mod log;
mod own_faults;
mod prometheus;
mod prometheus_agent;
mod rights;
mod scope;
mod secrets;
mod thanos_ruler;
mod webhooks;
