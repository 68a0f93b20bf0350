//! `JSONPath` templates in client-go's dialect: `{.items[*].metadata.name}`, ranges, filters, unions, recursive descent.
//! Mirrors `client-go/util/jsonpath`; maps are walked in key order, where Go's order is random.

mod eval;
mod parse;

use std::borrow::Cow;

use serde_json::Value;

/// A parsed template.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    nodes: Vec<parse::Node>,
    allow_missing_keys: bool,
}

/// A bad template, or one that does not fit the data; prints Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonPathError(pub(crate) String);

impl JsonPath {
    /// Reads a template: text with actions in braces.
    pub fn parse(template: &str) -> Result<Self, JsonPathError> {
        Ok(Self {
            nodes: parse::parse(template)?,
            allow_missing_keys: false,
        })
    }

    /// Reads what printer columns and the scale subresource hold: a path without braces, `.spec.replicas`.
    pub fn parse_field_path(path: &str) -> Result<Self, JsonPathError> {
        Self::parse(&format!("{{{path}}}")).map(|path| path.allow_missing_keys(true))
    }

    /// Whether an absent field is skipped (true) or an error (false, the default).
    #[must_use]
    pub fn allow_missing_keys(mut self, allow: bool) -> Self {
        self.allow_missing_keys = allow;
        self
    }

    /// The values found, one list for each piece of text or action (`FindResults`).
    pub fn find<'a>(&self, data: &'a Value) -> Result<Vec<Vec<Cow<'a, Value>>>, JsonPathError> {
        eval::find(&self.nodes, self.allow_missing_keys, data)
    }

    /// The first value found, if any: what a printer column shows.
    pub fn find_first<'a>(&self, data: &'a Value) -> Result<Option<Cow<'a, Value>>, JsonPathError> {
        Ok(self
            .find(data)?
            .into_iter()
            .next()
            .and_then(|values| values.into_iter().next()))
    }

    /// The template filled in (`Execute`): values of one action are separated by blanks, objects and lists are JSON.
    pub fn print(&self, data: &Value) -> Result<String, JsonPathError> {
        let mut out = String::new();
        for values in self.find(data)? {
            let texts: Vec<String> = values.iter().map(|value| print_value(value)).collect();
            out.push_str(&texts.join(" "));
        }
        Ok(out)
    }
}

/// A value as a template prints it: strings as they are, null as `null`, objects and lists as Go's JSON.
pub fn print_value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(number) => go_number(number),
        Value::Array(_) | Value::Object(_) => escape_html(&value.to_string()),
    }
}

/// Integers as they are, floating point numbers as Go's `%v`.
fn go_number(number: &serde_json::Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) => crate::go_json::show_float(float),
        None => number.to_string(),
    }
}

fn escape_html(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests;
