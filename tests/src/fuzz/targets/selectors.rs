//! Label selectors and field selectors, as queries have them and as objects have them.

use anyhow::{Result, ensure};
use machinery::{fields, labels};

use super::variant;
use crate::fuzz::{Target, general};

/// The target.
pub struct Selectors;

impl Target for Selectors {
    fn name(&self) -> &'static str {
        "selectors"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "app",
            "in",
            "notin",
            "exists",
            "!",
            "=",
            "==",
            "!=",
            ">",
            "<",
            "(a,b)",
            ",",
            "a.b/c",
            "metadata.name",
            "\\,",
            "\\\\",
            "\\=",
            "matchLabels",
            "matchExpressions",
            "{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"b\"]}",
            "DoesNotExist",
            "NotIn",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<String> {
        let (number, bytes) = variant(input, 3);
        let text = String::from_utf8_lossy(bytes);
        match number {
            0 => label(&text),
            1 => field(&text),
            _ => object(&text),
        }
    }
}

fn label(text: &str) -> Result<String> {
    match labels::Selector::parse(text) {
        Ok(selector) => again(&selector).map(|count| format!("ok label {count}")),
        Err(error) => Ok(general(&format!("label {error}"))),
    }
}

/// Printed and read again, it is the same.
fn again(selector: &labels::Selector) -> Result<usize> {
    let printed = selector.to_string();
    let read = labels::Selector::parse(&printed);
    ensure!(
        read.as_ref().is_ok_and(|read| read.to_string() == printed
            && read.requirements().len() == selector.requirements().len()),
        "printed and read again it is another selector: {printed:?}, {read:?}"
    );
    let example = [("app", "a"), ("a", "b"), ("n", "5")];
    let example = example.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let example = example.into();
    ensure!(
        read.is_ok_and(|read| read.matches(&example) == selector.matches(&example)),
        "printed and read again it selects something else: {printed:?}"
    );
    Ok(selector.requirements().len().min(5))
}

fn field(text: &str) -> Result<String> {
    let selector = match fields::Selector::parse(text) {
        Ok(selector) => selector,
        Err(error) => return Ok(general(&format!("field {error}"))),
    };
    let printed = selector.to_string();
    let read = fields::Selector::parse(&printed);
    ensure!(
        read.as_ref()
            .is_ok_and(|read| sorted(read) == sorted(&selector)),
        "printed and read again it is another field selector: {selector:?}, {printed:?}, {read:?}"
    );
    Ok(format!("ok field {}", selector.is_empty()))
}

/// The comparisons by what they are about: they stand in the order of their texts, and `==` is printed as `=`.
fn sorted(selector: &fields::Selector) -> Vec<(&str, bool, &str)> {
    let terms = selector.terms.iter();
    let mut terms: Vec<_> = terms
        .map(|term| (term.field.as_str(), term.equals, term.value.as_str()))
        .collect();
    terms.sort_unstable();
    terms
}

fn object(text: &str) -> Result<String> {
    let Ok(value) = serde_json::from_str(text) else {
        return Ok("no JSON".to_owned());
    };
    match labels::Selector::from_label_selector(&value) {
        // Only an object can select nothing at all.
        Ok(selector) if selector == labels::Selector::nothing() => Ok("ok nothing".to_owned()),
        Ok(selector) => again(&selector).map(|count| format!("ok object {count}")),
        Err(error) => Ok(general(&format!("object {error}"))),
    }
}
