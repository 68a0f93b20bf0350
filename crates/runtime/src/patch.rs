//! What a patch says, in its dialect.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use crate::client::to_bytes;
use crate::error::Error;

/// A patch and its dialect.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// RFC 6902, an array of operations.
    Json(Value),
    /// RFC 7386.
    Merge(Value),
    /// Strategic merge; built-in kinds only.
    Strategic(Value),
    /// Server-side apply under the client's field manager.
    Apply {
        /// The fields this manager wants, with `apiVersion` and `kind`.
        body: Value,
        /// Take fields over from other managers.
        force: bool,
    },
    /// One of thousands in a plan, see [`Patch::packed`].
    Packed(Packed),
}

/// How a patch says what it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Strategic merge.
    Strategic,
    /// Server-side apply.
    Apply,
}

/// A patch as JSON text.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    dialect: Dialect,
    json: Bytes,
}

impl Patch {
    /// The same patch, not of server-side apply, with a body of text: a tree of values takes ten times as much memory, which
    /// counts in a plan of thousands.
    #[must_use]
    pub fn packed(self) -> Self {
        let dialect = self.dialect();
        match self {
            Self::Json(body) | Self::Merge(body) | Self::Strategic(body) => Self::Packed(Packed {
                dialect,
                json: body.to_string().into(),
            }),
            Self::Apply { .. } | Self::Packed(_) => self,
        }
    }

    /// The patch itself.
    pub fn body(&self) -> Cow<'_, Value> {
        match self {
            Self::Json(body)
            | Self::Merge(body)
            | Self::Strategic(body)
            | Self::Apply { body, .. } => Cow::Borrowed(body),
            // The text was written from a value.
            Self::Packed(packed) => {
                Cow::Owned(serde_json::from_slice(&packed.json).unwrap_or_default())
            }
        }
    }

    /// The patch itself as it is sent.
    pub(crate) fn bytes(&self) -> Result<Bytes, Error> {
        match self {
            Self::Json(body)
            | Self::Merge(body)
            | Self::Strategic(body)
            | Self::Apply { body, .. } => to_bytes(body),
            Self::Packed(packed) => Ok(packed.json.clone()),
        }
    }

    /// What it is written in.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Json(_) => Dialect::Json,
            Self::Merge(_) => Dialect::Merge,
            Self::Strategic(_) => Dialect::Strategic,
            Self::Apply { .. } => Dialect::Apply,
            Self::Packed(packed) => packed.dialect,
        }
    }
}

impl Dialect {
    /// Media type to send a patch with.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

/// In one word, for people.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Merge => "merge",
            Self::Strategic => "strategic",
            Self::Apply => "apply",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_packed_patch_says_and_sends_the_same() {
        for patch in [
            Patch::Json(json!([{"op": "remove", "path": "/a"}])),
            Patch::Merge(json!({"a": null, "ü": "\u{0}"})),
            Patch::Strategic(json!({"a": [1, {"$patch": "delete"}]})),
        ] {
            let packed = patch.clone().packed();
            assert!(matches!(packed, Patch::Packed(_)), "{packed:?}");
            assert_eq!(packed.body(), patch.body());
            assert_eq!(packed.dialect(), patch.dialect());
            assert_eq!(packed.bytes().unwrap(), patch.bytes().unwrap());
            assert_eq!(packed.clone().packed(), packed);
        }
    }

    #[test]
    fn server_side_apply_keeps_its_force() {
        let apply = Patch::Apply {
            body: json!({}),
            force: true,
        };
        assert_eq!(apply.clone().packed(), apply);
    }
}
