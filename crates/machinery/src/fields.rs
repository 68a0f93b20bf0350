//! Field selectors: `metadata.name=a,status.phase!=Running`. Mirrors `apimachinery/pkg/fields/selector.go`.

use std::fmt;

/// A conjunction of comparisons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// The comparisons, sorted by their text.
    pub terms: Vec<Term>,
}

/// One comparison of a field with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Path of the field, such as `metadata.name`.
    pub field: String,
    /// Whether the field must have the value, or must not.
    pub equals: bool,
    /// The value, unescaped.
    pub value: String,
}

/// Why a text is no field selector; prints Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldSelectorError {
    /// A part without operator.
    #[error("invalid selector: '{selector}'; can't understand '{part}'")]
    NotUnderstood {
        /// The whole selector.
        selector: String,
        /// The part in question.
        part: String,
    },
    /// A backslash before something that needs none.
    #[error("invalid field selector: invalid escape sequence: {0}")]
    Escape(String),
    /// A separator in a value that is not escaped; Go prints the code point as a number.
    #[error("invalid field selector: unescaped character in value: {0}")]
    Unescaped(u32),
}

impl Selector {
    /// Reads a selector; the empty text selects everything.
    pub fn parse(text: &str) -> Result<Self, FieldSelectorError> {
        let mut parts = split_terms(text);
        parts.sort_unstable();
        let mut terms = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let (field, operator, value) =
                split_term(part).ok_or_else(|| FieldSelectorError::NotUnderstood {
                    selector: text.to_owned(),
                    part: part.to_owned(),
                })?;
            terms.push(Term {
                field: field.to_owned(),
                equals: operator != "!=",
                value: unescape(value)?,
            });
        }
        Ok(Self { terms })
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether an object matches, its fields being given by `field_of`; an absent field counts as empty.
    pub fn matches<'a>(&self, mut field_of: impl FnMut(&str) -> Option<&'a str>) -> bool {
        self.terms
            .iter()
            .all(|term| (field_of(&term.field).unwrap_or_default() == term.value) == term.equals)
    }

    /// The value `field` must have, if the selector says so.
    pub fn required_value(&self, field: &str) -> Option<&str> {
        self.terms
            .iter()
            .find(|term| term.equals && term.field == field)
            .map(|term| term.value.as_str())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let operator = if term.equals { "=" } else { "!=" };
            write!(f, "{comma}{}{operator}{}", term.field, escape(&term.value))?;
        }
        Ok(())
    }
}

/// Puts a backslash before what has a meaning in a selector.
pub fn escape(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace(',', r"\,")
        .replace('=', r"\=")
}

fn unescape(value: &str) -> Result<String, FieldSelectorError> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => match chars.next() {
                Some(escaped @ ('\\' | ',' | '=')) => out.push(escaped),
                Some(other) => return Err(FieldSelectorError::Escape(format!("\\{other}"))),
                None => return Err(FieldSelectorError::Escape("\\".to_owned())),
            },
            ',' | '=' => return Err(FieldSelectorError::Unescaped(u32::from(next))),
            other => out.push(other),
        }
    }
    Ok(out)
}

fn split_terms(text: &str) -> Vec<&str> {
    let mut escaped = false;
    text.split(move |next: char| {
        let separates = next == ',' && !escaped;
        escaped = next == '\\' && !escaped;
        separates
    })
    .collect()
}

fn split_term(term: &str) -> Option<(&str, &str, &str)> {
    term.char_indices().find_map(|(at, _)| {
        let (field, rest) = term.split_at_checked(at)?;
        let operator = ["!=", "==", "="]
            .into_iter()
            .find(|operator| rest.starts_with(operator))?;
        Some((field, operator, rest.strip_prefix(operator)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_terms_must_hold() {
        let selector = Selector::parse("spec.nodeName=a,status.phase!=Running").unwrap();
        let pod = |node, phase| {
            move |field: &str| match field {
                "spec.nodeName" => Some(node),
                "status.phase" => Some(phase),
                _ => None,
            }
        };
        assert!(selector.matches(pod("a", "Pending")));
        assert!(!selector.matches(pod("a", "Running")));
        assert!(!selector.matches(pod("b", "Pending")));
        assert_eq!(selector.required_value("spec.nodeName"), Some("a"));
        assert_eq!(selector.required_value("status.phase"), None);
    }

    #[test]
    fn separators_in_values_are_escaped() {
        let selector = Selector::parse(r"a=x\,y\=z").unwrap();
        assert_eq!(selector.required_value("a"), Some("x,y=z"));
        assert_eq!(selector.to_string(), r"a=x\,y\=z");
        assert_eq!(Selector::parse("a==b").unwrap().to_string(), "a=b");
    }

    #[test]
    fn what_has_no_operator_is_not_understood() {
        assert_eq!(
            Selector::parse("a=b,c").unwrap_err().to_string(),
            "invalid selector: 'a=b,c'; can't understand 'c'"
        );
        assert_eq!(
            Selector::parse("a=b=c").unwrap_err().to_string(),
            "invalid field selector: unescaped character in value: 61"
        );
        assert_eq!(
            Selector::parse(r"a=\x").unwrap_err().to_string(),
            r"invalid field selector: invalid escape sequence: \x"
        );
    }
}
