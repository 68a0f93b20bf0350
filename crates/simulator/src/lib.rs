//! The simulated world: a Kubernetes API server as a pure state machine, the built-in controllers an operator leans
//! on, and models of nodes. See `ARCHITECTURE.md`.
//!
//! Two forms of the same server: [`wire`] puts it in-process under a `kube::Client` on virtual time, [`serve`] puts it
//! behind TLS on loopback for real clients. Read [`world`] next.

pub mod apiserver;
pub mod builtin;
pub(crate) mod certificates;
pub mod clock;
pub mod conformance;
pub mod faults;
pub(crate) mod instrument;
pub mod nodes;
pub mod outside;
pub mod persist;
pub mod recorder;
pub mod request;
pub mod serve;
pub mod session;
pub mod sim_body;
pub mod status_error;
pub mod wire;
pub mod world;
