//! What below a version is dropped with a warning, what is refused, and what never makes sense.
//!
//! Works on the document itself: fields that nobody here knows stay as they are.

mod chat;
mod fields;
mod global;
mod http;
mod receivers;
mod route;

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::config::version::{Since, Version};

pub use fields::check_template_url;
pub(crate) use fields::{check_secret_template_url, check_secret_url, check_url_text};

/// A mapping of the document.
pub(crate) type Fields = Map<String, Value>;

/// Why a configuration is refused.
pub type Refusal = String;

/// Which part of a configuration a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The whole document.
    Document,
    /// `global`.
    Global,
    /// A route and those below it.
    Route,
    /// An inhibit rule.
    InhibitRule,
    /// A named time interval.
    TimeInterval,
    /// A receiver.
    Receiver,
    /// `http_config`.
    HttpClient,
    /// `tls_config`.
    Tls,
    /// The proxy fields of a client.
    Proxy,
    /// `oauth2`.
    OAuth2,
    /// A list entry of a receiver, by the key of the list.
    Integration(&'static str),
}

/// Makes a part fit for a version; what was dropped and why, in order.
pub fn sanitize(part: Part, value: &mut Value, version: &Version) -> Result<Vec<String>, Refusal> {
    let sanitizer = Sanitizer {
        version,
        warnings: RefCell::default(),
    };
    if let Some(fields) = value.as_object_mut() {
        sanitizer.part(part, fields)?;
    }
    Ok(sanitizer.warnings.take())
}

/// The version and what it cost.
pub(crate) struct Sanitizer<'a> {
    version: &'a Version,
    warnings: RefCell<Vec<String>>,
}

impl Sanitizer<'_> {
    fn part(&self, part: Part, fields: &mut Fields) -> Result<(), Refusal> {
        match part {
            Part::Document => self.document(fields),
            Part::Global => self.global(fields),
            Part::Route => self.route(fields),
            Part::InhibitRule => self.inhibit_rule(fields),
            Part::TimeInterval => {
                self.time_interval(fields);
                Ok(())
            }
            Part::Receiver => self.receiver(fields),
            Part::HttpClient => self.http_client(fields),
            Part::Tls => self.tls(fields),
            Part::Proxy => self.proxy(fields),
            Part::OAuth2 => {
                self.oauth2(fields);
                Ok(())
            }
            Part::Integration(list) => self.integration(list, fields),
        }
    }

    fn document(&self, fields: &mut Fields) -> Result<(), Refusal> {
        if let Some(global) = mapping(fields, "global") {
            self.global(global)?;
        }
        for receiver in mappings(fields, "receivers") {
            self.receiver(receiver)?;
        }
        for (index, rule) in mappings(fields, "inhibit_rules").enumerate() {
            self.inhibit_rule(rule)
                .map_err(|refusal| format!("inhibit_rules[{index}]: {refusal}"))?;
        }
        self.drop_before((0, 22, 0), fields, "mute_time_intervals");
        self.drop_before((0, 24, 0), fields, "time_intervals");
        for list in ["mute_time_intervals", "time_intervals"] {
            for interval in mappings(fields, list) {
                self.time_interval(interval);
            }
        }
        match mapping(fields, "route") {
            Some(route) => self.route(route),
            None => Ok(()),
        }
    }

    pub(crate) fn before(&self, since: Since) -> bool {
        !self.version.at_least(since)
    }

    pub(crate) fn warn(&self, text: String) {
        self.warnings.borrow_mut().push(text);
    }

    /// Drops a field that came with `since`.
    pub(crate) fn drop_before(&self, since: Since, fields: &mut Fields, key: &str) {
        if self.before(since) && is_set(fields, key) {
            fields.remove(key);
            let (major, minor, patch) = since;
            self.warn(format!(
                "'{key}' supported in Alertmanager >= {major}.{minor}.{patch} only - dropping field from provided config"
            ));
        }
    }

    /// Of a value and a file with it, the value wins.
    pub(crate) fn prefer(&self, fields: &mut Fields, value: &str, file: &str) {
        if is_set(fields, value) && is_set(fields, file) {
            fields.remove(file);
            self.warn(format!(
                "'{value}' and '{file}' are mutually exclusive - '{value}' has taken precedence"
            ));
        }
    }
}

/// Whether a field says something: neither null nor empty nor zero. False does.
pub(crate) fn is_set(fields: &Fields, key: &str) -> bool {
    match fields.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::Bool(_) | Value::Object(_)) => true,
    }
}

/// Whether a field is true.
pub(crate) fn is_true(fields: &Fields, key: &str) -> bool {
    fields.get(key).and_then(Value::as_bool) == Some(true)
}

/// The text of a field, empty if there is none.
pub(crate) fn text<'a>(fields: &'a Fields, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A mapping below a field.
pub(crate) fn mapping<'a>(fields: &'a mut Fields, key: &str) -> Option<&'a mut Fields> {
    fields.get_mut(key).and_then(Value::as_object_mut)
}

/// The mappings of a list below a field.
pub(crate) fn mappings<'a>(
    fields: &'a mut Fields,
    key: &str,
) -> impl Iterator<Item = &'a mut Fields> {
    let list = fields.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}
