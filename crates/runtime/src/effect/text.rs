//! Effects in one line each, for people.

use std::fmt;

use super::Effect;
use crate::resource::{ObjectKey, ResourceRef};

/// `Kind/subresource namespace/name`.
fn write_target(
    f: &mut fmt::Formatter<'_>,
    resource: &ResourceRef,
    subresource: Option<&str>,
    key: &ObjectKey,
) -> fmt::Result {
    f.write_str(&resource.kind)?;
    if let Some(subresource) = subresource {
        write!(f, "/{subresource}")?;
    }
    write!(f, " {key}")
}

/// One line, as `carrick plan` prints it.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create {
                resource,
                object,
                if_exists: _,
            } => {
                f.write_str("create ")?;
                write_target(f, resource, None, &ObjectKey::of(object))
            }
            Self::Update {
                resource,
                object,
                subresource,
            } => {
                f.write_str("update ")?;
                write_target(f, resource, *subresource, &ObjectKey::of(object))
            }
            Self::Packed {
                resource,
                key,
                is_update,
                object: _,
            } => {
                f.write_str(if *is_update { "update " } else { "create " })?;
                write_target(f, resource, None, key)
            }
            Self::Patch {
                resource,
                key,
                subresource,
                patch,
                if_missing: _,
            } => {
                f.write_str("patch  ")?;
                write_target(f, resource, *subresource, key)?;
                write!(f, " ({}) {}", patch.dialect(), patch.body())
            }
            Self::Delete {
                resource,
                key,
                options,
            } => {
                f.write_str("delete ")?;
                write_target(f, resource, None, key)?;
                match options.propagation {
                    Some(propagation) => write!(f, " ({})", propagation.as_str()),
                    None => Ok(()),
                }
            }
            Self::Evict { key, uid: _ } => write!(f, "evict  Pod {key}"),
            Self::Event {
                regarding,
                related: _,
                kind,
                reason,
                message,
            } => write!(
                f,
                "event  {} {} on {} {}: {message}",
                kind.as_str(),
                reason,
                regarding.kind,
                ObjectKey::new(regarding.namespace.clone(), regarding.name.clone()),
            ),
        }
    }
}
