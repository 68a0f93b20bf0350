//! How an API type describes itself: one macro writes the struct, its JSON form and its OpenAPI schema.
//!
//! JSON follows Go's `encoding/json` on upstream's structs (`pkg/apis/rollouts/v1alpha1`): `required` fields are always
//! written, `optional` ones are left out when they are zero, and an embedded struct is never zero. Fields keep upstream's
//! order, on which the step hash depends. Reading is lenient about absence: every field has a default.

use std::collections::BTreeMap;

pub use machinery::schema::api::{ApiSchema, ObjectSchema};
use serde::Serialize;

/// Go's `omitempty`: is this value left out of the JSON text?
pub trait Omit {
    /// True for false, 0, "", nil and empty lists and maps; never for a struct.
    fn omit(&self) -> bool;
}

macro_rules! omitted_if_zero {
    ($($ty:ty => $zero:expr;)*) => {$(
        impl Omit for $ty {
            fn omit(&self) -> bool {
                *self == $zero
            }
        }
    )*};
}

omitted_if_zero! {
    i32 => 0;
    i64 => 0;
    bool => false;
    String => *"";
}

impl<T> Omit for Option<T> {
    fn omit(&self) -> bool {
        self.is_none()
    }
}

impl<T> Omit for Vec<T> {
    fn omit(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Omit for BTreeMap<String, T> {
    fn omit(&self) -> bool {
        self.is_empty()
    }
}

/// Go's JSON text of an API struct: fields in their order, `<`, `>`, `&` and two line separators escaped.
pub fn go_text<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        // None of them can stand outside a string.
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// Declares an API struct: `required` fields first, then `optional` ones, then at most one inlined struct.
/// A field may name another schema than its type's: `"key" field: Type as schema_expression`.
macro_rules! api_object {
    ($(
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $(required { $($(#[doc = $rdoc:literal])+ $rjson:literal $rfield:ident : $rtype:ty $(as $rschema:expr)? ,)* })?
            $(optional { $($(#[doc = $odoc:literal])+ $ojson:literal $ofield:ident : $otype:ty $(as $oschema:expr)? ,)* })?
            $(inline { $(#[doc = $idoc:literal])+ $ifield:ident : $itype:ty, })?
        }
    )*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($($(#[doc = $rdoc])+ #[serde(rename = $rjson, default)] pub $rfield: $rtype,)*)?
            $($($(#[doc = $odoc])+
                #[serde(rename = $ojson, default, skip_serializing_if = "crate::api::schema::Omit::omit")]
                pub $ofield: $otype,)*)?
            $($(#[doc = $idoc])+ #[serde(flatten)] pub $ifield: $itype,)?
        }

        impl crate::api::schema::ApiSchema for $name {
            fn schema() -> serde_json::Value {
                crate::api::schema::ObjectSchema::default()
                    $($(.property($rjson, &[$($rdoc),+], true, crate::api::schema::api_object!(@schema $rtype $(, $rschema)?), serde_json::Value::Null))*)?
                    $($(.property($ojson, &[$($odoc),+], false, crate::api::schema::api_object!(@schema $otype $(, $oschema)?), serde_json::Value::Null))*)?
                    $(.inline(<$itype as crate::api::schema::ApiSchema>::schema()))?
                    .finish(serde_json::Value::Null)
            }
        }

        impl crate::api::schema::Omit for $name {
            fn omit(&self) -> bool {
                false
            }
        }
    )*};
    (@schema $type:ty, $schema:expr) => { $schema };
    (@schema $type:ty) => { <$type as crate::api::schema::ApiSchema>::schema() };
}
pub(crate) use api_object;

/// Declares an open enumeration: the values upstream knows, and `Other` for what it would also carry along.
macro_rules! api_enum {
    ($(
        $(#[doc = $doc:literal])+
        pub enum $name:ident { $($(#[doc = $vdoc:literal])+ $variant:ident = $text:literal,)+ }
    )*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[doc = $vdoc])+ $variant,)+
            /// Any other text, the empty one of an unset field included.
            Other(Box<str>),
        }

        impl $name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(Box::default())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.into()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::api::schema::ApiSchema for $name {
            fn schema() -> serde_json::Value {
                serde_json::json!({"type": "string"})
            }
        }

        impl crate::api::schema::Omit for $name {
            fn omit(&self) -> bool {
                self.as_str().is_empty()
            }
        }
    )*};
}
pub(crate) use api_enum;
