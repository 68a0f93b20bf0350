//! The imperative shell that every controller of Carrick runs in.
//!
//! A controller is a [`Reconciler`]: `observe` reads, `decide` and `status` are pure. Everything else is here: the
//! client with its retries ([`client`]), watches and projection caches ([`cache`]), the queue ([`queue`]), the driver
//! that performs a [`Plan`] ([`driver`]), events, leader election, metrics, health, and the [`Manager`] that wires
//! them. Time and chance enter at [`Clock`] and `machinery::entropy` only, so that a run on virtual time repeats itself.
//!
//! Nothing in this crate knows a product.

pub mod access;
pub mod account;
pub mod cache;
pub mod client;
pub mod clock;
pub mod controller;
pub mod driver;
pub mod effect;
pub mod error;
pub mod events;
pub mod fence;
pub mod health;
pub mod leader;
pub mod manager;
pub mod packed;
pub mod patch;
pub mod plan;
pub mod queue;
pub mod reconciler;
pub mod resource;
pub mod select;
pub mod shutdown;
#[cfg(test)]
mod testing;
pub mod watch;
pub mod web;

pub use account::Account;
pub use cache::{Cache, Change, Index, Meta, Projection, Scope, Whole};
pub use client::Client;
pub use clock::Clock;
pub use controller::{Controller, ControllerOptions};
pub use effect::{
    DeleteOptions, Effect, Event, EventType, IfExists, IfMissing, ObjectReference, Propagation,
};
pub use error::{Class, Error};
pub use events::{EventApi, EventRecorder};
pub use manager::{Manager, ManagerOptions};
pub use metrics;
pub use metrics::Registry;
pub use packed::Packed;
pub use patch::{Dialect, Patch};
pub use plan::{Failure, Performed, Plan, Planned, Requeue};
pub use reconciler::{Pass, Reader, Reconciler, Rejection, StatusWrite};
pub use resource::{ObjectKey, ResourceRef};
pub use shutdown::Shutdown;
