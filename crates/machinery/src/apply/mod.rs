//! Server-side apply: objects merged by their schema, and `metadata.managedFields`, as a kube-apiserver does it.
//!
//! Promises the merged object, who owns which field afterwards, down to the order of `fieldsV1`, and the server's words
//! for conflicts and for configurations that do not fit. Pure: the time is given, and what a version of a kind looks
//! like comes through [`Versions`]. Mirrors `sigs.k8s.io/structured-merge-diff` and
//! `k8s.io/apimachinery/pkg/util/managedfields`.
//!
//! - [`apply`] is a PATCH of `application/apply-patch+yaml`, [`update`] every other write.
//! - [`FieldSet`] is a set of fields, [`managed`] reads and writes the entries that hold them.
//! - [`Type`] is what a schema says: a built-in type's, or a custom resource's.
//! - [`scale`] carries the ownership of `replicas` between an object and its `/scale`.

mod compare;
pub mod conflict;
mod element;
mod known;
mod kubectl;
pub mod managed;
mod members;
mod merge;
mod ownership;
pub mod path;
mod request;
mod rewritten;
pub mod scale;
mod set;
mod types;
mod update;
mod validate;

pub use conflict::{Conflict, Conflicts};
pub use known::Known;
pub use ownership::{SingleVersion, Unconverted, Versions};
pub use path::{Path, PathElement};
pub use request::{Applied, ApplyError, apply};
pub use set::{FieldSet, FieldsError};
pub use types::Type;
pub use update::{Write, keep_times, update, update_known};

#[cfg(test)]
mod tests;
