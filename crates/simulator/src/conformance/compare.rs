//! Comparing an answer with a recorded one that has placeholders (`<uid>`, `<time>`, …) for what differs by nature.

use regex::Regex;
use serde_json::Value;

const PLACEHOLDERS: [(&str, &str); 9] = [
    (
        "<uid>",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    ("<resourceVersion>", "[0-9]+"),
    (
        "<time>",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z",
    ),
    ("<clusterIP>", r"10\.96\.[0-9]+\.[0-9]+"),
    ("<nodePort>", "3[0-9]{4}"),
    ("<kube-api-access-5>", "kube-api-access-[a-z0-9]{5}"),
    ("<5>", "[a-z0-9]{5}"),
    ("<line>", "[0-9]+"),
    ("<ip>", r"[0-9.]+"),
];

/// Whether a text is the recorded one, placeholders standing for anything of their kind.
pub fn text_matches(expected: &str, found: &str) -> bool {
    if expected == found {
        return true;
    }
    if !expected.contains('<') {
        return false;
    }
    let mut pattern = regex::escape(expected);
    for (placeholder, class) in PLACEHOLDERS {
        pattern = pattern.replace(&regex::escape(placeholder), class);
    }
    Regex::new(&format!("(?s)^{pattern}$")).is_ok_and(|pattern| pattern.is_match(found))
}

/// The first place where an answer differs from the recorded one, as `path: expected …, found …`.
pub fn difference(expected: &Value, found: &Value) -> Option<String> {
    differs(expected, found, "")
}

fn differs(expected: &Value, found: &Value, path: &str) -> Option<String> {
    match (expected, found) {
        (Value::String(placeholder), Value::Number(number)) if placeholder.starts_with('<') => {
            (!text_matches(placeholder, &number.to_string()))
                .then(|| format!("{path}: {number} is no {placeholder}"))
        }
        (Value::String(expected), Value::String(found)) => (!text_matches(expected, found))
            .then(|| format!("{path}: expected {expected:?}, found {found:?}")),
        (Value::Object(expected), Value::Object(found)) => {
            for (key, value) in expected {
                match found.get(key) {
                    Some(other) => {
                        if let Some(text) = differs(value, other, &format!("{path}/{key}")) {
                            return Some(text);
                        }
                    }
                    None => return Some(format!("{path}/{key}: expected {value}, found nothing")),
                }
            }
            let extra = found.iter().find(|(key, _)| !expected.contains_key(*key));
            extra.map(|(key, value)| format!("{path}/{key}: expected nothing, found {value}"))
        }
        (Value::Array(expected), Value::Array(found)) => {
            for (index, (value, other)) in expected.iter().zip(found).enumerate() {
                if let Some(text) = differs(value, other, &format!("{path}/{index}")) {
                    return Some(text);
                }
            }
            (expected.len() != found.len()).then(|| {
                format!(
                    "{path}: expected {} elements, found {}",
                    expected.len(),
                    found.len()
                )
            })
        }
        _ => (expected != found).then(|| format!("{path}: expected {expected}, found {found}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_stand_for_their_kind_only() {
        assert!(text_matches("line <line>, uid", "line 110, uid"));
        assert!(!text_matches("line <line>, uid", "line x, uid"));
        assert_eq!(
            difference(&json!({"a": "<uid>"}), &json!({"a": "x"})),
            Some("/a: expected \"<uid>\", found \"x\"".to_owned())
        );
    }

    #[test]
    fn missing_and_extra_fields_are_differences() {
        assert!(difference(&json!({"a": 1}), &json!({})).is_some());
        assert!(difference(&json!({}), &json!({"a": 1})).is_some());
        assert_eq!(
            difference(&json!({"a": [1, "<line>"]}), &json!({"a": [1, "7"]})),
            None
        );
    }
}
