//! Models of nodes: stages that pods and nodes pass through.
//!
//! [`NodeAgent`] stands in for the kubelets of all nodes. What a pod does is chosen by annotations; `stages.rs` has the table.

mod agent;
pub mod containers;
pub(crate) mod local;
pub(crate) mod log;
mod pending;
mod register;
mod stages;
mod status;

pub use agent::{DEFAULT_NODES, NodeAgent};
