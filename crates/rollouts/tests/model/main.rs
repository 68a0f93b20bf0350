//! Decisions against a model of a cluster: ReplicaSets that take their time, pods that fail, users who change their mind,
//! and a controller that may die after any write. The promises hold at every single write, and all ends well.
#![allow(
    clippy::pedantic,
    clippy::cmp_owned,
    reason = "test code that works on JSON values"
)]

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
