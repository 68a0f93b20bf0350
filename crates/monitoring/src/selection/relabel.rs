//! Relabeling rules that Prometheus would refuse.

use machinery::go_regex;

use super::{At, Refusal};
use crate::api::common::RelabelConfig;
use crate::config::version::Version;

/// Checks a list of rules.
pub fn check_all(rules: &[RelabelConfig], version: &Version) -> Result<(), Refusal> {
    rules
        .iter()
        .enumerate()
        .try_for_each(|(index, rule)| check(rule, version).at(&format!("[{index}]")))
}

/// Checks one rule.
pub fn check(rule: &RelabelConfig, version: &Version) -> Result<(), Refusal> {
    let given = rule
        .action
        .as_deref()
        .filter(|action| !action.is_empty())
        .unwrap_or("replace");
    let action = given.to_lowercase();
    let is = |names: &[&str]| names.contains(&action.as_str());
    let of_case = is(&["lowercase", "uppercase"]);
    let of_equality = is(&["keepequal", "dropequal"]);
    if of_case && !version.at_least((2, 36, 0)) {
        return Err(format!(
            "{given} relabel action is only supported from Prometheus version 2.36.0"
        ));
    }
    if of_equality && !version.at_least((2, 41, 0)) {
        return Err(format!(
            "{given} relabel action is only supported from Prometheus version 2.41.0"
        ));
    }
    let pattern = rule.regex.as_deref().unwrap_or_default();
    check_pattern(pattern)?;
    let modulus = rule.modulus.unwrap_or_default();
    if modulus == 0 && is(&["hashmod"]) {
        return Err("relabel configuration for hashmod requires non-zero modulus".to_owned());
    }
    let target = rule.target_label.as_deref().unwrap_or_default();
    if is(&["replace", "hashmod"]) || of_case || of_equality {
        if target.is_empty() {
            return Err(format!(
                "relabel configuration for {given} action needs targetLabel value"
            ));
        }
        if !is_label_name(target, version) {
            return Err(format!(
                "{target:?} is invalid 'target_label' for {given} action"
            ));
        }
    }
    let replacement = rule.replacement.as_deref();
    let replaces = replacement.is_some_and(|replacement| replacement != "$1");
    if (of_case || of_equality) && replaces {
        return Err(format!("'replacement' can not be set for {given} action"));
    }
    if let Some(replacement) = replacement
        && is(&["labelmap"])
        && !(if version.at_least((3, 0, 0)) {
            !replacement.is_empty()
        } else {
            is_label_template(replacement)
        })
    {
        return Err(format!(
            "{replacement:?} is invalid 'replacement' for {given} action"
        ));
    }
    let separates = rule
        .separator
        .as_deref()
        .is_some_and(|separator| separator != ";");
    let matches = !pattern.is_empty() && pattern != "(.*)";
    if of_equality && (matches || modulus != 0 || separates) {
        return Err(format!(
            "{given} action requires only 'source_labels' and `target_label`, and no other fields"
        ));
    }
    let more = !rule.source_labels.is_empty()
        || !target.is_empty()
        || modulus != 0
        || separates
        || replaces;
    if is(&["labeldrop", "labelkeep"]) && more {
        return Err(format!(
            "{given} action requires only 'regex', and no other fields"
        ));
    }
    Ok(())
}

fn check_pattern(pattern: &str) -> Result<(), Refusal> {
    go_regex::check(&format!("^(?s:{pattern})$"))
        .map_err(|why| format!("invalid regex {pattern} for relabel configuration: {why}"))
}

/// Any non-empty text from Prometheus 3 on; letters, digits and underscores, not beginning with a digit, before.
pub fn is_label_name(name: &str, version: &Version) -> bool {
    if version.at_least((3, 0, 0)) {
        return !name.is_empty();
    }
    is_legacy_name(name)
}

/// Letters, digits and underscores, not beginning with a digit.
pub(crate) fn is_legacy_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A label name that may refer to groups, as `prefix_${1}`, by the old rules for names.
pub(crate) fn is_label_template(text: &str) -> bool {
    let mut rest = text;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut first = true;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = if c == '$' {
            let reference = match after.strip_prefix('{') {
                Some(inner) => inner.split_once('}').map(|(name, rest)| (name, Some(rest))),
                None => Some((after, None)),
            };
            match reference {
                Some((name, Some(rest))) if !name.is_empty() && name.chars().all(word) => rest,
                Some((name, None)) if name.starts_with(word) => name.trim_start_matches(word),
                _ => return false,
            }
        } else if word(c) && !(first && c.is_ascii_digit()) {
            after
        } else {
            return false;
        };
        first = false;
    }
    !first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_names_with_references() {
        for text in ["a", "prefix_$1", "${1}_x", "a1${name}", "$1$2"] {
            assert!(is_label_template(text), "{text}");
        }
        for text in ["", "1a", "a-b", "$", "${", "${}", "a b"] {
            assert!(!is_label_template(text), "{text}");
        }
    }

    #[test]
    fn patterns_are_compiled() {
        assert!(check_pattern("(a|b).*").is_ok());
        let refused = check_pattern("(a").unwrap_err();
        assert!(refused.contains("missing closing )"), "{refused}");
    }
}
