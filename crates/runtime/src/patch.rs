//! What a patch says, in its dialect.

use std::borrow::Cow;

use serde_json::Value;

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

/// A patch as JSON text.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    text: Box<str>,
    content_type: &'static str,
    dialect: &'static str,
}

impl Patch {
    /// The same patch, not of server-side apply, with a body of text: a tree of values takes ten times as much memory, which
    /// counts in a plan of thousands.
    #[must_use]
    pub fn packed(self) -> Self {
        match &self {
            Self::Json(body) | Self::Merge(body) | Self::Strategic(body) => Self::Packed(Packed {
                text: body.to_string().into(),
                content_type: self.content_type(),
                dialect: self.dialect(),
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
                Cow::Owned(serde_json::from_str(&packed.text).unwrap_or_default())
            }
        }
    }

    /// Media type to send it with.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json-patch+json",
            Self::Merge(_) => "application/merge-patch+json",
            Self::Strategic(_) => "application/strategic-merge-patch+json",
            Self::Apply { .. } => "application/apply-patch+yaml",
            Self::Packed(packed) => packed.content_type,
        }
    }

    /// The dialect in one word, for people.
    pub fn dialect(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Merge(_) => "merge",
            Self::Strategic(_) => "strategic",
            Self::Apply { .. } => "apply",
            Self::Packed(packed) => packed.dialect,
        }
    }
}
