//! Hooks for faults: what a scenario may do to a call before the server sees it, or to its reply.

use crate::status_error::ApiError;

/// One call of one actor. Counters start at 1 and follow the deterministic order of calls.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// Who calls: `mgr0`, or a built-in controller's name.
    pub actor: &'a str,
    /// This is the actor's n-th call.
    pub call: u64,
    /// This is the actor's n-th write, if it is one.
    pub write: Option<u64>,
    /// HTTP method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Body.
    pub body: &'a [u8],
}

/// How a caller is failed.
#[derive(Debug, Clone)]
pub enum Failure {
    /// A Status reply.
    Status(ApiError),
    /// The connection breaks.
    Reset,
    /// Nothing comes back, ever: the caller times out, or is killed.
    Silence,
}

/// What happens to a call.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is handled.
    Pass,
    /// It never reaches the server.
    Fail(Failure),
    /// It is handled, and the caller sees the failure instead of the reply.
    CommitThenFail(Failure),
}

/// Decides over calls.
pub trait Faults: Send {
    /// Called before each call is handled.
    fn before(&mut self, call: &Call<'_>) -> Verdict;
}
