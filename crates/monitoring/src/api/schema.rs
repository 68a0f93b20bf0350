//! How an API type describes itself: one macro writes the struct, how it is read and its OpenAPI schema.
//!
//! Reading is lenient about absence: every field has a default, because objects that were stored under other definitions
//! than ours lack what ours demand. Absent and empty stay apart (`Option`), as Go's pointers keep them apart.

pub use machinery::schema::api::{ApiSchema, ObjectSchema, merge};

/// Declares API structs: fields, each with its JSON name, marked `required` if the schema demands it, and inlined structs
/// after them. `as { expression }` names another schema than the type's, `= { … }` adds to it.
macro_rules! api_object {
    ($(
        $(#[doc = $doc:literal])+
        pub struct $name:ident $(= $smore:tt)? {
            $($(#[doc = $fdoc:literal])+ $($required:ident)? $json:literal $field:ident : $ty:ty $(as $schema:block)? $(= $more:tt)? ,)*
            $(; $(#[doc = $idoc:literal])+ inline $ifield:ident : $ity:ty)*
        }
    )*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[doc = $fdoc])+ #[serde(rename = $json)] pub $field: $ty,)*
            $($(#[doc = $idoc])+ #[serde(flatten)] pub $ifield: $ity,)*
        }

        impl $crate::api::schema::ApiSchema for $name {
            fn schema() -> serde_json::Value {
                $crate::api::schema::ObjectSchema::default()
                    $(.property(
                        $json,
                        &[$($fdoc),+],
                        $crate::api::schema::api_object!(@required $($required)?),
                        $crate::api::schema::api_object!(@schema $ty $(, $schema)?),
                        $crate::api::schema::api_object!(@more $($more)?),
                    ))*
                    $(.inline(<$ity as $crate::api::schema::ApiSchema>::schema()))*
                    .finish($crate::api::schema::api_object!(@more $($smore)?))
            }
        }
    )*};
    (@required required) => { true };
    (@required) => { false };
    (@more $more:tt) => { serde_json::json!($more) };
    (@more) => { serde_json::Value::Null };
    (@schema $ty:ty, $schema:block) => { $schema };
    (@schema $ty:ty) => { <$ty as $crate::api::schema::ApiSchema>::schema() };
}
pub(crate) use api_object;
