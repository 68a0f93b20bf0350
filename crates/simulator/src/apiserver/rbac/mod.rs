//! Role-based access control: what rules allow, whom they belong to, and what may be handed on.
//!
//! [`rule`] and [`cover`] are pure functions over rules, [`index`] knows who has which, [`defaults`] is what every server
//! starts with, and `escalation` is the part that looks at writes of roles and bindings.

pub mod cover;
pub mod defaults;
pub(crate) mod escalation;
pub mod index;
pub mod reconcile;
pub mod rule;
#[cfg(test)]
mod tests;

/// The API group of roles and bindings.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";
