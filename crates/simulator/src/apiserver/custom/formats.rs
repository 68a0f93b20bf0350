//! String formats that are checked (`kube-openapi/pkg/validation/strfmt`); unknown ones always match.

use std::collections::BTreeSet;

use machinery::{duration::GoDuration, names, time};
use serde_json::Value;

/// Formats of texts that are known; dashes in their names don't count.
const KNOWN: [&str; 24] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
];
/// And those of Kubernetes.
const OWN: [&str; 2] = ["k8sshortname", "k8slongname"];

/// Whether the server checks a format of values of that type.
pub(super) fn is_known(kind: &str, format: &str) -> bool {
    match kind {
        "" | "string" => {
            let name = format.replace('-', "");
            KNOWN.contains(&name.as_str()) || OWN.contains(&name.as_str())
        }
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    }
}

/// Warnings about formats in a definition's schemas that nobody checks, unless the old one had them.
pub fn format_warnings(new: &Value, old: Option<&Value>) -> Vec<String> {
    let before: BTreeSet<String> = old.into_iter().flat_map(unknown_formats).collect();
    let found = unknown_formats(new).into_iter();
    found
        .filter(|format| !before.contains(format))
        .map(|format| format!("unrecognized format {format:?}"))
        .collect()
}

fn unknown_formats(definition: &Value) -> Vec<String> {
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    let mut schemas: Vec<&Value> = Vec::new();
    for version in versions.into_iter().flatten() {
        let schema = version.pointer("/schema/openAPIV3Schema");
        schemas.extend(schema);
    }
    // What all versions share is looked at once.
    if schemas
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a == b))
    {
        schemas.truncate(1);
    }
    let mut found = Vec::new();
    for schema in schemas {
        gather(schema, &mut found);
    }
    found
}

fn gather(schema: &Value, found: &mut Vec<String>) {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    let format = text("format");
    if !format.is_empty() && !is_known(text("type"), format) {
        found.push(format.to_owned());
    }
    for key in ["items", "not", "additionalProperties"] {
        if let Some(inner) = schema.get(key).filter(|inner| inner.is_object()) {
            gather(inner, found);
        }
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        let list = schema.get(key).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .for_each(|inner| gather(inner, found));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (_, inner) in properties.into_iter().flatten() {
        gather(inner, found);
    }
}

/// Whole groups of four digits, the last with up to two `=`; an empty text isn't one
/// (`asaskevich/govalidator`, `patterns.go`).
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(digit)
}

/// Whether a text has a format.
pub(super) fn matches(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => time::is_date_time(text),
        "date" => time::is_date(text),
        "duration" => GoDuration::parse(text).is_ok() || is_long_duration(text),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "byte" => is_base64(text),
        "uuid" => is_uuid(text, None),
        "uuid3" => is_uuid(text, Some('3')),
        "uuid4" => is_uuid(text, Some('4')),
        "uuid5" => is_uuid(text, Some('5')),
        "bsonobjectid" => text.len() == 24 && is_hexadecimal(text),
        "hexcolor" => {
            let digits = text.strip_prefix('#').unwrap_or(text);
            matches!(digits.len(), 3 | 6) && is_hexadecimal(digits)
        }
        "rgbcolor" => is_rgb(text),
        "ssn" => is_ssn(text),
        "isbn" => is_isbn(text, 10) || is_isbn(text, 13),
        "isbn10" => is_isbn(text, 10),
        "isbn13" => is_isbn(text, 13),
        "k8s-short-name" => names::dns1123_label(text).is_empty(),
        "k8s-long-name" => names::dns1123_subdomain(text).is_empty(),
        "hostname" => names::dns1123_subdomain(&text.to_lowercase()).is_empty(),
        "email" => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        "uri" => {
            text.starts_with('/')
                || text
                    .split_once(':')
                    .is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
        }
        "mac" => is_mac(text),
        _ => true,
    }
}

/// Go's durations and whole days and weeks.
fn is_long_duration(text: &str) -> bool {
    let (number, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let units = [
        "d", "day", "days", "w", "week", "weeks", "hour", "hours", "minute", "minutes", "second",
        "seconds",
    ];
    !number.is_empty() && units.contains(&unit.trim())
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Groups of 8, 4, 4, 4 and 12 digits with or without a dash between them.
fn is_uuid(text: &str, version: Option<char>) -> bool {
    let mut rest = text;
    for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some((group, after)) = rest.split_at_checked(length) else {
            return false;
        };
        let first = group.chars().next().unwrap_or_default();
        let fits = match (index, version) {
            (2, Some(version)) => first == version,
            (3, Some('4' | '5')) => "89abAB".contains(first),
            _ => true,
        };
        if !fits || !is_hexadecimal(group) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// `rgb(0, 128, 255)`.
fn is_rgb(text: &str) -> bool {
    let inner = text
        .strip_prefix("rgb(")
        .and_then(|inner| inner.strip_suffix(')'));
    let parts: Vec<&str> = inner
        .into_iter()
        .flat_map(|inner| inner.split(','))
        .collect();
    let fits = |part: &&str| {
        let part = part.trim();
        let plain = part.bytes().all(|byte| byte.is_ascii_digit());
        plain && (part == "0" || !part.starts_with('0')) && part.parse::<u8>().is_ok()
    };
    parts.len() == 3 && parts.iter().all(fits)
}

/// Three, two and four digits with dashes or spaces between them.
fn is_ssn(text: &str) -> bool {
    let mut rest = text;
    for (index, length) in [3, 2, 4].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(['-', ' ']).unwrap_or(rest);
        }
        match rest.split_at_checked(length) {
            Some((digits, after)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                rest = after;
            }
            Some(_) | None => return false,
        }
    }
    rest.is_empty()
}

/// Ten or thirteen digits whose last one proves the others; dashes and spaces don't count.
fn is_isbn(text: &str, length: usize) -> bool {
    let digits: Vec<char> = text
        .chars()
        .filter(|c| *c != '-' && !c.is_ascii_whitespace())
        .collect();
    if digits.len() != length {
        return false;
    }
    let mut sum = 0;
    for (index, digit) in digits.iter().enumerate() {
        let last = index + 1 == length;
        let value = match digit.to_digit(10) {
            Some(value) => value,
            None if last && length == 10 && *digit == 'X' => 10,
            None => return false,
        };
        let place = u32::try_from(index).unwrap_or_default();
        let weight = match length {
            10 => place + 1,
            _ if place % 2 == 0 => 1,
            _ => 3,
        };
        sum += weight * value;
    }
    sum % if length == 10 { 11 } else { 10 } == 0
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    matches!(parts.len(), 6 | 8 | 20)
        && parts
            .iter()
            .all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[test]
fn base64_comes_in_whole_groups() {
    let found = ["", "aGk=", "aGl=", "aA==", "aGk", "a===", "aG-_", "aGkx"]
        .map(|text| matches("byte", text));
    assert_eq!(found, [false, true, true, true, false, false, false, true]);
}
