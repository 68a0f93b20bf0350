//! The Rollout controller: canary without traffic routing, and blue-green.
//!
//! What it promises:
//! - An unchanged pod template never yields a new ReplicaSet, whoever made the present one ([`decide::replica_sets`]).
//! - Scale-ups come before scale-downs; no scale-down takes availability below `replicas - maxUnavailable`, no scale-up
//!   goes beyond `replicas + maxSurge` ([`decide::scale`]).
//! - A Service that serves users moves only to pods that serve ([`decide::services`]).
//! - People and tools write parts of the status; it is patched, never replaced ([`status`]).
//! - A second pass over an unchanged world plans nothing.
//!
//! Read [`decide`] next: it is the order in which things happen.

pub mod decide;
pub mod metadata;
pub mod observe;
pub mod status;
pub mod template;
