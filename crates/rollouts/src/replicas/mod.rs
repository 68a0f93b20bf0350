//! How many pods each ReplicaSet of a Rollout should have, and questions about ReplicaSets (upstream `utils/replicaset`).
//!
//! Pure functions over a [`Rollout`](crate::api::Rollout) and [`ReplicaSetView`]s. Arithmetic is 32-bit and wraps like Go's.

pub mod affinity;
pub mod canary;
pub mod find;
pub mod limits;
pub mod list;
pub mod metadata;
pub mod steps;
pub mod view;

#[cfg(test)]
mod tests;

pub use view::ReplicaSetView;
