//! The three patch formats a Kubernetes API server takes: JSON, merge and strategic merge.
//!
//! Mirrors `k8s.io/apiserver/pkg/endpoints/handlers/patch.go` and the libraries below it.

pub mod json;
pub mod merge;
pub mod strategic;

/// Why a patch was refused. The text is the server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// 400: the patch is no patch (`error decoding patch: …`, `invalid patch format of retainKeys`).
    #[error("{0}")]
    Malformed(String),
    /// 422 with the generic text: a JSON patch that does not fit the document; here the library's own words.
    #[error("{0}")]
    CannotApply(String),
    /// 413: more operations than allowed.
    #[error("The allowed maximum operations in a JSON patch is {allowed}, got {got}")]
    TooManyOperations {
        /// The limit.
        allowed: usize,
        /// How many the patch has.
        got: usize,
    },
    /// 500 without a reason.
    #[error("{0}")]
    Internal(String),
}
