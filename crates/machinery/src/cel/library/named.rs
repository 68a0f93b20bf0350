//! Named formats (`apiserver/pkg/cel/library/format.go`).

use super::super::value::Value;
use super::{Answer, give};
use crate::go_url::check_request_uri;
use crate::names;

/// The formats there are.
pub(in crate::cel) const NAMES: [&str; 13] = [
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    let known = |wanted: &str| NAMES.into_iter().find(|name| *name == wanted);
    match (function, args) {
        ("format.named", [Value::String(name)]) => give(match known(name) {
            Some(name) => Value::some(Value::Format(name)),
            None => Value::Optional(None),
        }),
        ("validate", [Value::Format(name), Value::String(text)]) => {
            let complaints = validate(name, text);
            give(if complaints.is_empty() {
                Value::Optional(None)
            } else {
                Value::some(Value::list(complaints.into_iter().map(Value::from)))
            })
        }
        (name, []) => {
            known(name.strip_prefix("format.")?).and_then(|name| give(Value::Format(name)))
        }
        _ => None,
    }
}

fn validate(format: &str, text: &str) -> Vec<String> {
    let prefix = || {
        text.strip_suffix('-')
            .map_or(text.to_owned(), |text| format!("{text}a"))
    };
    let unless = |holds: bool, complaint: &str| {
        if holds {
            Vec::new()
        } else {
            vec![complaint.to_owned()]
        }
    };
    match format {
        "dns1123Label" => names::dns1123_label(text),
        "dns1123Subdomain" => names::dns1123_subdomain(text),
        "dns1035Label" => names::dns1035_label(text),
        "qualifiedName" => names::label_key(text),
        "dns1123LabelPrefix" => names::dns1123_label(&prefix()),
        "dns1123SubdomainPrefix" => names::dns1123_subdomain(&prefix()),
        "dns1035LabelPrefix" => names::dns1035_label(&prefix()),
        "labelValue" => names::label_value(text),
        "uri" => check_request_uri(text).err().into_iter().collect(),
        "uuid" => unless(is_uuid(text), "does not match the UUID format"),
        "byte" => unless(is_base64(text), "invalid base64"),
        "date" => unless(crate::time::is_date(text), "invalid date"),
        _ => unless(crate::time::is_date_time(text), "invalid datetime"),
    }
}

/// Groups of four signs, at least one, the last of which may be padded (`govalidator.IsBase64`).
fn is_base64(text: &str) -> bool {
    let padding = text.len() - text.trim_end_matches('=').len();
    let mut signs = text.bytes().take(text.len() - padding);
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && padding <= 2
        && signs.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

#[test]
fn base64_is_what_has_whole_groups() {
    for text in ["AAAA", "AA==", "AAB=", "ab+/", "AAAAAA=="] {
        assert!(is_base64(text), "{text}");
    }
    for text in ["", "A", "AAA", "A===", "====", "AA=A", "AAA-", "AAAA\n"] {
        assert!(!is_base64(text), "{text}");
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    (groups == [8, 4, 4, 4, 12] || groups == [32])
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
