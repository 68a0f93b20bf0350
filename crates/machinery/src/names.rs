//! Checks of names, label keys and label values with the server's texts: each returns the complaints, none if valid.
//! Mirrors `apimachinery/pkg/{api/validate/content,util/validation}`; lengths are in bytes.

const LABEL_FMT: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_MESSAGE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const SUBDOMAIN_FMT: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const SUBDOMAIN_MESSAGE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const DNS1035_FMT: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const DNS1035_MESSAGE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const WILDCARD_FMT: &str = r"\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const WILDCARD_MESSAGE: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const KEY_FMT: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const KEY_MESSAGE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const VALUE_FMT: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const VALUE_MESSAGE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const CONFIG_KEY_FMT: &str = "[-._a-zA-Z0-9]+";
const CONFIG_KEY_MESSAGE: &str =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
const ENV_FMT: &str = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const ENV_MESSAGE: &str = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit";
const RELAXED_ENV_MESSAGE: &str = "a valid environment variable name must consist only of printable ASCII characters other than '='";
const HEADER_FMT: &str = "[-A-Za-z0-9]+";
const HEADER_MESSAGE: &str = "a valid HTTP header must consist of alphanumeric characters or '-'";
const PERCENT_FMT: &str = "[0-9]+%";
const PERCENT_MESSAGE: &str =
    "a valid percent string must be a numeric string followed by an ending '%'";

/// Longest DNS-1123 label, label name and label value.
pub const LABEL_MAX_LENGTH: usize = 63;
/// Longest DNS-1123 subdomain.
pub const SUBDOMAIN_MAX_LENGTH: usize = 253;

/// Complaints about a lower-case DNS label: names of Namespaces, containers, volumes.
pub fn dns1123_label(text: &str) -> Vec<String> {
    let mut complaints = too_long(text, LABEL_MAX_LENGTH);
    if !matches_label(text) {
        complaints.push(if matches_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            regex_error(LABEL_MESSAGE, LABEL_FMT, &["my-name", "123-abc"])
        });
    }
    complaints
}

/// Complaints about a lower-case DNS subdomain: names of most objects.
pub fn dns1123_subdomain(text: &str) -> Vec<String> {
    let mut complaints = too_long(text, SUBDOMAIN_MAX_LENGTH);
    if !matches_subdomain(text) {
        complaints.push(regex_error(
            SUBDOMAIN_MESSAGE,
            SUBDOMAIN_FMT,
            &["example.com"],
        ));
    }
    complaints
}

/// Complaints about a DNS-1035 label: names of Services, singular and kind of a CRD.
pub fn dns1035_label(text: &str) -> Vec<String> {
    let mut complaints = too_long(text, LABEL_MAX_LENGTH);
    if !matches_label(text) || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        complaints.push(regex_error(
            DNS1035_MESSAGE,
            DNS1035_FMT,
            &["my-name", "abc-123"],
        ));
    }
    complaints
}

/// Complaints about a subdomain whose first label is `*`.
pub fn wildcard_dns1123_subdomain(text: &str) -> Vec<String> {
    let mut complaints = too_long(text, SUBDOMAIN_MAX_LENGTH);
    if !text.strip_prefix("*.").is_some_and(matches_subdomain) {
        complaints.push(regex_error(
            WILDCARD_MESSAGE,
            WILDCARD_FMT,
            &["*.example.com"],
        ));
    }
    complaints
}

/// Complaints about a label key, annotation key or finalizer: `[prefix/]name` (`IsQualifiedName`).
pub fn label_key(text: &str) -> Vec<String> {
    if is_label_key(text) {
        return Vec::new();
    }
    key_complaints(text)
}

/// What is wrong with a label key.
fn key_complaints(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => *name,
        ["", name] => {
            complaints.push("prefix part must be non-empty".to_owned());
            *name
        }
        [prefix, name] => {
            complaints.extend(
                content_subdomain(prefix)
                    .into_iter()
                    .map(|text| format!("prefix part {text}")),
            );
            *name
        }
        _ => {
            let message = regex_error(KEY_MESSAGE, KEY_FMT, KEY_EXAMPLES);
            return vec![format!(
                "a valid label key {message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        complaints.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_MAX_LENGTH {
        complaints.push(format!(
            "name part must be no more than {LABEL_MAX_LENGTH} bytes"
        ));
    }
    if !matches_key(name) {
        complaints.push(format!(
            "name part {}",
            regex_error(KEY_MESSAGE, KEY_FMT, KEY_EXAMPLES)
        ));
    }
    complaints
}

/// Whether there is nothing to complain about, which is the usual case.
fn is_label_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let prefixed = prefix
        .is_none_or(|prefix| prefix.len() <= SUBDOMAIN_MAX_LENGTH && matches_subdomain(prefix));
    prefixed && name.len() <= LABEL_MAX_LENGTH && matches_key(name)
}

const KEY_EXAMPLES: &[&str] = &["MyName", "my.name", "123-abc"];

/// Complaints about a label value.
pub fn label_value(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if text.len() > LABEL_MAX_LENGTH {
        complaints.push(format!("must be no more than {LABEL_MAX_LENGTH} bytes"));
    }
    if !text.is_empty() && !matches_key(text) {
        complaints.push(regex_error(
            VALUE_MESSAGE,
            VALUE_FMT,
            &["MyValue", "my_value", "12345"],
        ));
    }
    complaints
}

/// Complaints about a key of a config map or Secret.
pub fn config_map_key(text: &str) -> Vec<String> {
    let mut complaints = too_long(text, SUBDOMAIN_MAX_LENGTH);
    if text.is_empty() || !text.bytes().all(is_key_byte) {
        complaints.push(regex_error(
            CONFIG_KEY_MESSAGE,
            CONFIG_KEY_FMT,
            &["key.name", "KEY_NAME", "key-name"],
        ));
    }
    complaints.extend(parent_directory(text));
    complaints
}

/// Complaints about a strict environment variable name.
pub fn env_var_name(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let starts_well = text
        .bytes()
        .next()
        .is_some_and(|first| !first.is_ascii_digit());
    if !starts_well || !text.bytes().all(is_key_byte) {
        complaints.push(regex_error(
            ENV_MESSAGE,
            ENV_FMT,
            &["my.env-name", "MY_ENV.NAME", "MyEnvName1"],
        ));
    }
    complaints.extend(parent_directory(text));
    complaints
}

/// Complaints about an environment variable name as containers may have since 1.34: printable ASCII without `=`.
pub fn relaxed_env_var_name(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if text.is_empty() {
        complaints.push("environment variable name must be non-empty".to_owned());
    }
    if text
        .bytes()
        .any(|byte| !(b' '..=b'~').contains(&byte) || byte == b'=')
    {
        complaints.push(RELAXED_ENV_MESSAGE.to_owned());
    }
    complaints
}

/// Complaints about the name of a container port.
pub fn port_name(text: &str) -> Vec<String> {
    let mut complaints = too_long(text, 15);
    if text.is_empty() || !text.bytes().all(is_label_byte) {
        complaints.push(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        );
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        complaints.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        complaints.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        complaints.push("must not begin or end with a hyphen".to_owned());
    }
    complaints
}

/// Complaints about a port number.
pub fn port_number(port: i64) -> Vec<String> {
    if (1..=65_535).contains(&port) {
        Vec::new()
    } else {
        vec!["must be between 1 and 65535, inclusive".to_owned()]
    }
}

/// Complaints about the name of an HTTP header.
pub fn http_header_name(text: &str) -> Vec<String> {
    if !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
    {
        return Vec::new();
    }
    vec![regex_error(HEADER_MESSAGE, HEADER_FMT, &["X-Header-Name"])]
}

/// Complaints about a percentage such as `25%`.
pub fn percent(text: &str) -> Vec<String> {
    let digits = text.strip_suffix('%').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    vec![regex_error(PERCENT_MESSAGE, PERCENT_FMT, &["1%", "93%"])]
}

/// Complaints about the reason of a condition.
pub fn condition_reason(text: &str) -> Vec<String> {
    let inner = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | ',' | ':');
    let ends = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let begins = |one: char| one.is_ascii_alphabetic();
    if text.starts_with(begins) && text.ends_with(ends) && text.chars().all(inner) {
        return Vec::new();
    }
    vec![regex_error(
        "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric \
         characters or '_,:', and must end with an alphanumeric character or '_'",
        "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?",
        &[
            "my_name",
            "MY_NAME",
            "MyName",
            "ReasonA,ReasonB",
            "ReasonA:ReasonB",
        ],
    )]
}

/// `message (e.g. 'a',  or 'b', regex used for validation is 'format')`, as the server words it.
pub fn regex_error(message: &str, format: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{format}')");
    }
    let examples: Vec<String> = examples
        .iter()
        .map(|example| format!("'{example}', "))
        .collect();
    format!(
        "{message} (e.g. {}regex used for validation is '{format}')",
        examples.join(" or ")
    )
}

fn content_subdomain(text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if text.len() > SUBDOMAIN_MAX_LENGTH {
        complaints.push(format!("must be no more than {SUBDOMAIN_MAX_LENGTH} bytes"));
    }
    if !matches_subdomain(text) {
        complaints.push(regex_error(
            SUBDOMAIN_MESSAGE,
            SUBDOMAIN_FMT,
            &["example.com"],
        ));
    }
    complaints
}

fn too_long(text: &str, limit: usize) -> Vec<String> {
    if text.len() > limit {
        vec![format!("must be no more than {limit} characters")]
    } else {
        Vec::new()
    }
}

fn parent_directory(text: &str) -> Option<String> {
    match text {
        "." => Some("must not be '.'".to_owned()),
        ".." => Some("must not be '..'".to_owned()),
        other if other.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    }
}

fn is_label_byte(byte: u8) -> bool {
    byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_key_byte(byte: u8) -> bool {
    matches!(byte, b'-' | b'_' | b'.') || byte.is_ascii_alphanumeric()
}

fn matches_label(text: &str) -> bool {
    is_label(text.as_bytes())
}

fn is_label(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| is_label_byte(*byte))
        && text.first() != Some(&b'-')
        && text.last() != Some(&b'-')
}

fn matches_subdomain(text: &str) -> bool {
    text.as_bytes().split(|byte| *byte == b'.').all(is_label)
}

fn matches_key(text: &str) -> bool {
    let ends_well = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    ends_well(text.bytes().next())
        && ends_well(text.bytes().last())
        && text.bytes().all(is_key_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_object_name_is_explained_with_the_expression_and_an_example() {
        assert_eq!(
            dns1123_subdomain("A_b"),
            [
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                 and must start and end with an alphanumeric character (e.g. 'example.com', regex used for \
                 validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ]
        );
        assert_eq!(dns1123_subdomain("a.b-c.d"), Vec::<String>::new());
        assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(
            dns1123_label(&"a".repeat(64)),
            ["must be no more than 63 characters"]
        );
    }

    #[test]
    fn label_keys_have_an_optional_prefix() {
        assert_eq!(label_key("example.com/Name_1"), Vec::<String>::new());
        assert_eq!(
            label_key("/a b"),
            [
                "prefix part must be non-empty",
                "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
                 an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation \
                 is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            ]
        );
        assert_eq!(label_key("a/b/c").len(), 1);
    }

    #[test]
    fn label_keys_are_told_from_others_in_short_as_at_length() {
        let long = [
            "a".repeat(63),
            "a".repeat(64),
            "a.".repeat(126) + "a",
            "a.".repeat(127),
        ];
        let short = ["", "a", "A_b.c-d", "-a", "a.", "é", "a b", "a..b"].map(str::to_owned);
        let parts: Vec<&String> = short.iter().chain(&long).collect();
        for name in &parts {
            let prefixed = parts.iter().map(|prefix| format!("{prefix}/{name}"));
            let twice = parts.iter().map(|prefix| format!("a/{prefix}/{name}"));
            for text in prefixed.chain(twice).chain([(*name).clone()]) {
                assert_eq!(
                    is_label_key(&text),
                    key_complaints(&text).is_empty(),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn label_values_may_be_empty_but_not_longer_than_63_bytes() {
        assert_eq!(label_value(""), Vec::<String>::new());
        assert_eq!(
            label_value(&"x".repeat(64)),
            ["must be no more than 63 bytes"]
        );
        assert_eq!(label_value("-x").len(), 1);
    }

    #[test]
    fn keys_of_config_maps_do_not_climb_directories() {
        assert_eq!(config_map_key(".."), ["must not be '..'"]);
        assert_eq!(config_map_key("..x"), ["must not start with '..'"]);
        assert_eq!(config_map_key("a/b").len(), 1);
    }
}
