//! Lines of a log as programs of Prometheus write them with Go's `slog`: logfmt, or an object each.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `key=value`.
    #[default]
    Logfmt,
    /// An object per line.
    Json,
}

impl Format {
    /// By upstream's word.
    pub fn named(text: &str) -> Option<Self> {
        match text {
            "logfmt" => Some(Self::Logfmt),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// A line with its end, of keys and values in that order; of several values of one key an object keeps the last.
    pub fn line(self, fields: &[(&str, String)]) -> String {
        match self {
            Self::Logfmt => logfmt(fields),
            Self::Json => json(fields),
        }
    }
}

fn logfmt(fields: &[(&str, String)]) -> String {
    let mut line = String::new();
    for (key, value) in fields {
        let separator = if line.is_empty() { "" } else { " " };
        let quoted = value
            .chars()
            .any(|c| c <= ' ' || matches!(c, '=' | '"' | '\u{7f}' | char::REPLACEMENT_CHARACTER));
        // Writing to a string can't fail. JSON's quotes are logfmt's.
        let _ = if quoted {
            write!(line, "{separator}{key}={}", Value::String(value.clone()))
        } else {
            write!(line, "{separator}{key}={value}")
        };
    }
    line.push('\n');
    line
}

fn json(fields: &[(&str, String)]) -> String {
    let fields = fields.iter();
    let object: Map<String, Value> = fields
        .map(|(key, value)| ((*key).to_owned(), Value::String(value.clone())))
        .collect();
    format!("{}\n", Value::Object(object))
}

#[test]
fn what_needs_quotes_gets_them() {
    let fields = [
        ("level", "info".to_owned()),
        ("msg", "it's \"bad\"\n".to_owned()),
        ("err", "a=b".to_owned()),
        ("dirs", String::new()),
    ];
    assert_eq!(
        Format::Logfmt.line(&fields),
        "level=info msg=\"it's \\\"bad\\\"\\n\" err=\"a=b\" dirs=\n"
    );
    let object: Value = serde_json::from_str(&Format::Json.line(&fields)).unwrap_or_default();
    let wanted =
        serde_json::json!({"level": "info", "msg": "it's \"bad\"\n", "err": "a=b", "dirs": ""});
    assert_eq!(object, wanted);
}
