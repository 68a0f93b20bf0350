//! Field errors with the texts of Go's `field.Error` (`apimachinery/pkg/util/validation/field/errors.go`).

use std::cell::Cell;
use std::fmt;

use serde_json::Value;

pub(crate) use crate::decode::quote;
use crate::jsonpath::print_value;

/// What is wrong with a field; `reason()` of the error is the cause's reason in a Status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// A value that does not exist where it is looked up.
    NotFound,
    /// A missing value.
    Required,
    /// A value that must be unique and is not.
    Duplicate,
    /// A malformed value.
    Invalid,
    /// A value outside an enumeration.
    NotSupported,
    /// A value that is not permitted here.
    Forbidden,
    /// A value with too many bytes or characters.
    TooLong,
    /// A list with too many items.
    TooMany,
    /// A list with too few items.
    TooFew,
    /// A value that is too short.
    TooShort,
    /// A value of the wrong type.
    TypeInvalid,
    /// A failure that is not the client's.
    Internal,
}

/// The offending value as Go prints it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BadValue {
    /// Not shown at all.
    Omitted,
    /// A Go `string`, shown with `%q`.
    Text(String),
    /// Anything else: the text of Go's `json.Marshal`.
    Json(String),
}

/// One error of validation. `Display` is Go's `field.Error.Error()`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Path of the field, such as `spec.containers[0].name`.
    pub field: String,
    /// The offending value.
    pub bad_value: BadValue,
    /// More words; may be empty.
    pub detail: String,
}

impl ErrorKind {
    /// The `reason` of a Status cause.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::TooShort => "FieldValueTooShort",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::TooFew => "Too few",
            Self::TooShort => "Too short",
            Self::Internal => "Internal error",
        }
    }

    fn shows_value(self) -> bool {
        match self {
            Self::Required | Self::Forbidden | Self::TooLong | Self::TooShort | Self::Internal => {
                false
            }
            Self::NotFound
            | Self::Duplicate
            | Self::Invalid
            | Self::NotSupported
            | Self::TooMany
            | Self::TooFew
            | Self::TypeInvalid => true,
        }
    }
}

impl BadValue {
    /// How many bytes of it an error shows, but for quotes and escapes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Omitted => 0,
            Self::Text(text) | Self::Json(text) => text.len(),
        }
    }
}

impl From<&str> for BadValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for BadValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for BadValue {
    fn from(number: i64) -> Self {
        Self::Json(number.to_string())
    }
}

impl From<&Value> for BadValue {
    /// A JSON string counts as a Go `string`; objects print with sorted keys.
    fn from(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Number(_) => Self::Json(print_value(value)),
            other => Self::Json(go_json(other)),
        }
    }
}

impl FieldError {
    /// An error of any kind.
    pub fn new(
        kind: ErrorKind,
        field: impl Into<String>,
        bad_value: impl Into<BadValue>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            field: field.into(),
            bad_value: bad_value.into(),
            detail: detail.into(),
        }
    }

    /// `Invalid value: …`.
    pub fn invalid(
        field: impl Into<String>,
        bad_value: impl Into<BadValue>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(ErrorKind::Invalid, field, bad_value, detail)
    }

    /// `Required value`.
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Required, field, "", detail)
    }

    /// `Forbidden: …`.
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, field, "", detail)
    }

    /// `Duplicate value: …`.
    pub fn duplicate(field: impl Into<String>, bad_value: impl Into<BadValue>) -> Self {
        Self::new(ErrorKind::Duplicate, field, bad_value, "")
    }

    /// `Not found: …`.
    pub fn not_found(field: impl Into<String>, bad_value: impl Into<BadValue>) -> Self {
        Self::new(ErrorKind::NotFound, field, bad_value, "")
    }

    /// `Unsupported value: …: supported values: …`, the values in the given order.
    pub fn not_supported(
        field: impl Into<String>,
        bad_value: impl Into<BadValue>,
        supported: &[&str],
    ) -> Self {
        let quoted: Vec<String> = supported.iter().map(|value| quote(value)).collect();
        let detail = if quoted.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", quoted.join(", "))
        };
        Self::new(ErrorKind::NotSupported, field, bad_value, detail)
    }

    /// `Too long: may not be more than N bytes`.
    pub fn too_long(field: impl Into<String>, max_bytes: usize) -> Self {
        let unit = if max_bytes == 1 { "byte" } else { "bytes" };
        Self::new(
            ErrorKind::TooLong,
            field,
            "<value omitted>",
            format!("may not be more than {max_bytes} {unit}"),
        )
    }

    /// `Too many: N: must have at most M items`.
    pub fn too_many(field: impl Into<String>, actual: usize, max: usize) -> Self {
        let unit = if max == 1 { "item" } else { "items" };
        let actual = BadValue::Json(actual.to_string());
        Self::new(
            ErrorKind::TooMany,
            field,
            actual,
            format!("must have at most {max} {unit}"),
        )
    }

    /// The cause's reason in a Status, such as `FieldValueInvalid`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }

    /// The text without the field: the `message` of a Status cause.
    #[must_use]
    pub fn body(&self) -> String {
        let mut text = self.kind.text().to_owned();
        if self.kind.shows_value() {
            match &self.bad_value {
                BadValue::Omitted => {}
                BadValue::Text(value) => text = format!("{text}: {}", quote(value)),
                BadValue::Json(value) => text = format!("{text}: {value}"),
            }
        }
        if self.detail.is_empty() {
            text
        } else {
            format!("{text}: {}", self.detail)
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.field, self.body())
    }
}

/// How much text errors of one list may repeat where each of them shows all of it: that of the first, and a bound. An object is
/// refused for the first; who mends it is told the others.
#[derive(Debug)]
pub struct Allowance {
    is_first: Cell<bool>,
    bytes: Cell<usize>,
}

impl Default for Allowance {
    /// For lists of which an object may have many: 64 KiB.
    fn default() -> Self {
        Self::of(64 << 10)
    }
}

impl Allowance {
    /// So many bytes.
    pub fn of(bytes: usize) -> Self {
        Self {
            is_first: Cell::new(true),
            bytes: Cell::new(bytes),
        }
    }

    /// Whether another error may show a text of that length in bytes.
    pub fn takes(&self, length: usize) -> bool {
        let left = self.bytes.get().checked_sub(length.max(1));
        self.bytes.set(left.unwrap_or_default());
        self.is_first.replace(false) || left.is_some()
    }
}

/// Go's `json.Marshal` of a value: keys sorted, `<`, `>` and `&` escaped.
pub(crate) fn go_json(value: &Value) -> String {
    String::from_utf8(crate::go_json::to_vec(value, None)).unwrap_or_default()
}
