//! Shapes of values, and how Go's strict YAML decoder (`gopkg.in/yaml.v2`) fills them: a text takes any scalar, nothing at all
//! fits everywhere, a field that a struct doesn't have is an error, and so is a key that comes twice.

use std::borrow::Cow;
use std::collections::BTreeSet;

use machinery::yaml::Ordered;
use serde_json::Value;

use super::Reader;
use super::fault::Fault;
use super::texts::{check_address, check_go_duration, check_http_url, check_size, parse_url};
use super::variables::Expanded;
use crate::config::version::Since;
use crate::duration;
use crate::redact;
use crate::template::{self, Of};

/// What a value must be.
pub(super) enum Shape {
    /// A text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer,
    /// A whole number that isn't negative.
    Unsigned,
    /// A number.
    Number,
    /// Prometheus' durations.
    Duration,
    /// Go's durations.
    GoDuration,
    /// Go's durations, or nanoseconds.
    Nanoseconds,
    /// Bytes with a unit: `10MB`, `1KiB`.
    Size,
    /// A URL as Go reads it.
    Url,
    /// A URL with scheme `http` or `https` and a host.
    HttpUrl,
    /// The same, unless it is a template.
    TemplateUrl,
    /// `host:port`.
    Address,
    /// An anchored regular expression.
    Pattern,
    /// The name of a label.
    LabelName,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these texts in any case.
    AnyCase(&'static [&'static str]),
    /// Anything.
    Any,
    /// A list.
    List(&'static Shape),
    /// A mapping with any keys.
    Map(&'static Shape),
    /// Texts by names of labels.
    Labels,
    /// A mapping with these fields.
    Struct(&'static Struct),
    /// A text, or a mapping with these fields.
    TextOr(&'static Struct),
    /// A list of mappings with these fields; nothing at all is one too.
    Integrations(&'static Struct),
    /// The same as a struct, about HTTP clients.
    Client(&'static Struct),
}

/// Fields of a mapping and what must hold among them.
pub(super) struct Struct {
    /// The fields, in groups that several structs share.
    pub(super) fields: &'static [&'static [Field]],
    /// What must hold once every field has its shape.
    pub(super) check: fn(Node<'_>, &Reader) -> Result<(), Fault>,
}

/// A field.
pub(super) struct Field {
    name: &'static str,
    shape: Shape,
    since: Since,
    /// The first version that doesn't know it any more.
    until: Option<Since>,
}

impl Field {
    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }
}

/// A field that every version knows.
pub(super) const fn field(name: &'static str, shape: Shape) -> Field {
    since(name, shape, (0, 0, 0))
}

/// A text that every version knows.
pub(super) const fn plain(name: &'static str) -> Field {
    field(name, Shape::Text)
}

/// A text that came with a version.
pub(super) const fn plain_since(name: &'static str, with: Since) -> Field {
    since(name, Shape::Text, with)
}

/// A field that came with a version.
pub(super) const fn since(name: &'static str, shape: Shape, since: Since) -> Field {
    Field {
        name,
        shape,
        since,
        until: None,
    }
}

/// A field that came with a version and went with another.
pub(super) const fn between(name: &'static str, shape: Shape, since: Since, until: Since) -> Field {
    Field {
        name,
        shape,
        since,
        until: Some(until),
    }
}

/// A mapping that has its shape.
#[derive(Clone, Copy)]
pub(super) struct Node<'a>(pub(super) &'a [(String, Ordered)]);

impl<'a> Node<'a> {
    /// The mapping of a value; empty if it is none.
    pub(super) fn of(value: &'a Ordered) -> Self {
        match value {
            Ordered::Map(entries) => Self(entries),
            Ordered::Scalar(_) | Ordered::List(_) => Self(&[]),
        }
    }

    /// A value that isn't nothing.
    pub(super) fn get(self, name: &str) -> Option<&'a Ordered> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value)
            .filter(|value| !is_null(value))
    }

    /// Whether the key is there, even with nothing behind it: then Go's zero value wins over a default.
    pub(super) fn present(self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Whether there is such a value.
    pub(super) fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A text, empty if there is none.
    pub(super) fn text(self, name: &str) -> Cow<'a, str> {
        self.get(name).and_then(text).unwrap_or_default()
    }

    /// Whether there is a text that isn't empty.
    pub(super) fn filled(self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// A flag.
    pub(super) fn flag(self, name: &str) -> bool {
        matches!(self.get(name), Some(Ordered::Scalar(Value::Bool(true))))
    }

    /// A number.
    pub(super) fn number(self, name: &str) -> Option<f64> {
        match self.get(name) {
            Some(Ordered::Scalar(Value::Number(number))) => number.as_f64(),
            Some(_) => None,
            None => self.present(name).then_some(0.0),
        }
    }

    /// The milliseconds of a duration, which has been looked at already.
    pub(super) fn milliseconds(self, name: &str) -> Option<u64> {
        duration::milliseconds(&self.text(name)).ok()
    }

    /// A list, empty if there is none.
    pub(super) fn list(self, name: &str) -> &'a [Ordered] {
        match self.get(name) {
            Some(Ordered::List(items)) => items,
            Some(Ordered::Scalar(_) | Ordered::Map(_)) | None => &[],
        }
    }

    /// A mapping, empty if there is none.
    pub(super) fn node(self, name: &str) -> Self {
        self.get(name).map_or(Self(&[]), Self::of)
    }

    /// How many of these are texts that aren't empty.
    pub(super) fn count(self, names: &[&str]) -> usize {
        names.iter().filter(|name| self.filled(name)).count()
    }
}

fn is_null(value: &Ordered) -> bool {
    matches!(value, Ordered::Scalar(Value::Null))
}

/// Whether the reloader may make something of a text that is no text any more: what holds of what it puts in is asked.
fn becomes(value: &Ordered, reader: &Reader, is_it: impl Fn(&Expanded) -> bool) -> bool {
    let Ordered::Scalar(Value::String(text)) = value else {
        return false;
    };
    let expanded = reader.variables.expanded(text);
    expanded.is_open || expanded.is_other() && is_it(&expanded)
}

/// A scalar as text.
pub(super) fn text(value: &Ordered) -> Option<Cow<'_, str>> {
    match value {
        Ordered::Scalar(Value::String(text)) => Some(Cow::Borrowed(text)),
        Ordered::Scalar(Value::Null) => Some(Cow::Borrowed("")),
        Ordered::Scalar(scalar) => Some(Cow::Owned(scalar.to_string())),
        Ordered::List(_) | Ordered::Map(_) => None,
    }
}

/// Nothing more is to be said of a struct.
#[allow(clippy::unnecessary_wraps, reason = "others of this type refuse")]
pub(super) fn nothing(_: Node<'_>, _: &Reader) -> Result<(), Fault> {
    Ok(())
}

impl Shape {
    /// Whether a value has the shape.
    pub(super) fn check(&self, value: &Ordered, reader: &Reader) -> Result<(), Fault> {
        if is_null(value) {
            return Ok(());
        }
        match self {
            Self::Any => Ok(()),
            Self::List(item) => check_list(item, value, reader),
            Self::Map(item) => check_map(item, value, reader, |_| Ok(())),
            Self::Labels => check_map(&Self::Text, value, reader, |name| {
                check_label_name(name, reader)
            }),
            Self::Struct(of) => of.check(value, reader),
            Self::TextOr(of) if matches!(value, Ordered::Map(_)) => of.check(value, reader),
            Self::Integrations(of) => check_integrations(of, value, reader),
            Self::Client(of) => of.check(value, reader.clients.as_deref().unwrap_or(reader)),
            Self::Nanoseconds if matches!(value, Ordered::Scalar(Value::Number(_))) => Ok(()),
            Self::Flag if becomes(value, reader, |_| false) => Ok(()),
            Self::Flag => match value {
                Ordered::Scalar(Value::Bool(_)) => Ok(()),
                other => Err(expected("true or false", other)),
            },
            Self::Integer | Self::Unsigned | Self::Number => self.check_number(value, reader),
            Self::Text
            | Self::TextOr(_)
            | Self::Duration
            | Self::GoDuration
            | Self::Nanoseconds
            | Self::Size
            | Self::Url
            | Self::HttpUrl
            | Self::TemplateUrl
            | Self::Address
            | Self::Pattern
            | Self::LabelName
            | Self::OneOf(_)
            | Self::AnyCase(_) => match text(value) {
                Some(text) => self.check_text(&text, reader).map_err(Fault::here),
                None => Err(expected("a text", value)),
            },
        }
    }

    fn check_number(&self, value: &Ordered, reader: &Reader) -> Result<(), Fault> {
        let Ordered::Scalar(Value::Number(number)) = value else {
            return if becomes(value, reader, |text| text.text.parse::<f64>().is_ok()) {
                Ok(())
            } else {
                Err(expected("a number", value))
            };
        };
        let negative = number.as_f64().is_some_and(|number| number < 0.0);
        if matches!(self, Self::Unsigned) && negative {
            return Err(Fault::here(format!("{number} is negative")));
        }
        // Of fractions Go compares the whole part.
        let is_larger = |than: f64| number.as_f64().is_some_and(|number| number > than);
        let is_signed = matches!(self, Self::Integer);
        let is_too_large = is_signed
            && (is_larger(2_f64.powi(63)) || number.is_u64() && !number.is_i64())
            || matches!(self, Self::Unsigned) && is_larger(2_f64.powi(64));
        if is_too_large {
            let why = format!("{number} is larger than 64 bits hold; write less");
            return Err(Fault::here(why));
        }
        Ok(())
    }

    fn check_text(&self, text: &str, reader: &Reader) -> Result<(), String> {
        let expanded = reader.variables.expanded(text);
        if expanded.is_open && !matches!(self, Self::Pattern) {
            return Ok(());
        }
        let checked = self.check_expanded(&expanded.text, reader);
        checked.map_err(|why| expanded.told(why))
    }

    fn check_expanded(&self, text: &str, reader: &Reader) -> Result<(), String> {
        match self {
            Self::Duration => duration::milliseconds(text).map(|_| ()),
            Self::GoDuration | Self::Nanoseconds => check_go_duration(text),
            Self::Size => check_size(text),
            Self::Url => parse_url(text).map(|_| ()),
            Self::TemplateUrl if text.contains("{{") => {
                template::check(text, Of::Configuration(reader.go()))
                    .map_err(|why| redact::without_quoted(&why))
                    .map_err(|why| format!("invalid template syntax: {why}"))
            }
            Self::TemplateUrl if text.is_empty() => Ok(()),
            Self::HttpUrl | Self::TemplateUrl => check_http_url(text),
            Self::Address => check_address(text),
            Self::Pattern => reader.pattern(&format!("^(?s:{text})$")),
            Self::LabelName => check_label_name(text, reader),
            Self::OneOf(known) if !known.contains(&text) => Err(unknown(text, known)),
            Self::AnyCase(known) if !known.contains(&text.to_lowercase().as_str()) => {
                Err(unknown(text, known))
            }
            Self::OneOf(_)
            | Self::AnyCase(_)
            | Self::Text
            | Self::TextOr(_)
            | Self::Flag
            | Self::Integer
            | Self::Unsigned
            | Self::Number
            | Self::Any
            | Self::List(_)
            | Self::Map(_)
            | Self::Labels
            | Self::Struct(_)
            | Self::Integrations(_)
            | Self::Client(_) => Ok(()),
        }
    }
}

impl Struct {
    fn check(&self, value: &Ordered, reader: &Reader) -> Result<(), Fault> {
        let Ordered::Map(entries) = value else {
            return Err(expected("a mapping", value));
        };
        check_keys(entries)?;
        for (key, value) in entries {
            let mut fields = self.fields.iter().copied().flatten();
            let found = fields.find(|field| field.name == key && reader.knows(field));
            match found {
                Some(field) => field.shape.check(value, reader),
                None if reader.is_newer => Ok(()),
                None => Err(Fault::here(self.unknown(key, reader))),
            }
            .map_err(|fault| fault.within(key))?;
        }
        (self.check)(Node(entries), reader)
    }

    fn unknown(&self, key: &str, reader: &Reader) -> String {
        let mut fields = self.fields.iter().copied().flatten();
        let version = &reader.version;
        if reader.stands_in {
            return "not known to this version; remove it".to_owned();
        }
        match fields.find(|field| field.name == key) {
            Some(Field {
                until: Some((major, minor, _)),
                ..
            }) => format!(
                "not known from version {major}.{minor} on, this one is {version}; remove it"
            ),
            Some(Field {
                since: (major, minor, patch),
                ..
            }) => format!(
                "known from version {major}.{minor}.{patch} on, this one is {version}; remove it or set another version"
            ),
            None => format!("no version up to {version} knows this field; remove it"),
        }
    }
}

impl Reader {
    fn knows(&self, field: &Field) -> bool {
        self.supports(field.since) && !field.until.is_some_and(|until| self.supports(until))
    }
}

fn unknown(text: &str, known: &[&str]) -> String {
    let written = known.iter().copied().filter(|known| !known.is_empty());
    let written: Vec<&str> = written.collect();
    format!("{text:?} is none of {}", written.join(", "))
}

/// The value itself isn't shown: it may be of a Secret.
fn expected(what: &str, found: &Ordered) -> Fault {
    let found = match found {
        Ordered::Scalar(Value::Number(_)) => "a number",
        Ordered::Scalar(Value::Bool(_)) => "true or false",
        Ordered::Scalar(_) => "a text",
        Ordered::List(_) => "a list",
        Ordered::Map(_) => "a mapping",
    };
    Fault::here(format!("expected {what}, found {found}"))
}

fn check_keys(entries: &[(String, Ordered)]) -> Result<(), Fault> {
    let mut keys = BTreeSet::new();
    match entries.iter().find(|(key, _)| !keys.insert(key.as_str())) {
        Some((key, _)) => Err(Fault::here("set twice; keep one".to_owned()).within(key)),
        None => Ok(()),
    }
}

fn check_list(item: &Shape, value: &Ordered, reader: &Reader) -> Result<(), Fault> {
    let Ordered::List(items) = value else {
        return Err(expected("a list", value));
    };
    for (index, one) in items.iter().enumerate() {
        if is_null(one) && matches!(item, Shape::Struct(_)) {
            return Err(Fault::here("empty or null section; remove it".to_owned()).at(index));
        }
        item.check(one, reader).map_err(|fault| fault.at(index))?;
    }
    Ok(())
}

fn check_integrations(of: &Struct, value: &Ordered, reader: &Reader) -> Result<(), Fault> {
    let Ordered::List(items) = value else {
        return Err(expected("a list", value));
    };
    for (index, one) in items.iter().enumerate() {
        if !is_null(one) {
            of.check(one, reader).map_err(|fault| fault.at(index))?;
        }
    }
    Ok(())
}

fn check_map(
    item: &Shape,
    value: &Ordered,
    reader: &Reader,
    check_key: impl Fn(&str) -> Result<(), String>,
) -> Result<(), Fault> {
    let Ordered::Map(entries) = value else {
        return Err(expected("a mapping", value));
    };
    check_keys(entries)?;
    for (key, value) in entries {
        let checked = check_key(key).map_err(Fault::here);
        checked
            .and_then(|()| item.check(value, reader))
            .map_err(|fault| fault.within(key))?;
    }
    Ok(())
}

/// Names of labels: any text from Prometheus 3 on, letters, digits and underscores before.
pub(super) fn check_label_name(name: &str, reader: &Reader) -> Result<(), String> {
    if crate::selection::relabel::is_label_name(name, &reader.version) {
        Ok(())
    } else {
        Err(format!("{name:?} is not a valid label name"))
    }
}
