//! Built-in controllers: each an ordinary client of the simulated server.

pub(crate) mod control;
mod deployment;
mod event;
pub(crate) mod object;
pub(crate) mod pod;
mod replica_set;
mod scheduler;
mod write;

use jiff::Timestamp;

use self::control::Loop;
use crate::nodes::{DEFAULT_NODES, NodeAgent};
use crate::session::{Change, Session};

/// A built-in controller. It is level-triggered: `step` is called whenever something changed or its wake time came,
/// with the changes since its last step (its own included), and may be called at any time with none.
pub trait Builtin: Send {
    /// Name of the controller; its user is `system:serviceaccount:kube-system:NAME`.
    fn name(&self) -> &'static str;

    /// Reads, decides and writes. Returns when it wants to be called again even if nothing changes.
    fn step(&mut self, session: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp>;
}

/// All built-in controllers in the order they are stepped.
pub fn all() -> Vec<Box<dyn Builtin>> {
    vec![
        Box::new(Loop::new(deployment::Deployments)),
        Box::new(Loop::new(replica_set::ReplicaSets)),
        Box::new(Loop::new(scheduler::Scheduler)),
        Box::new(NodeAgent::new(&DEFAULT_NODES)),
    ]
}
