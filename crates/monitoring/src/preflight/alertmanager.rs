//! Whether Alertmanager would take a configuration (`config.Load`), before it is published.
//!
//! Routes, inhibit rules, names and HTTP clients are looked at as a whole; of a receiver's integrations what they must have, for
//! some of their fields may be unknown here.

use std::collections::BTreeSet;

use machinery::go_regex;
use machinery::yaml::Ordered;
use serde_json::Value;

use super::client::{CLIENT, TLS, check_client, refuse};
use super::fault::Fault;
use super::receivers::{GLOBAL_FIELDS, RECEIVER_LISTS, check_integrations};
use super::shape::{Node, Shape, Struct, between, field, since, text};
use super::{Reader, once};
use crate::api::alertmanager_config::TimeRange;
use crate::config::alertmanager::{interval, texts};
use crate::config::version::Version;
use crate::selection::relabel::is_legacy_name;

/// The first version whose fields aren't known here.
const UNKNOWN: (u64, u64, u64) = (0, 35, 0);

const TEXTS: Shape = Shape::List(&Shape::Text);
const MATCHERS: Shape = TEXTS;
const REGEXPS: Shape = Shape::Map(&Shape::Pattern);

static DOCUMENT: Struct = Struct {
    fields: &[&[
        field("global", Shape::Struct(&GLOBAL)),
        field("route", Shape::Struct(&ROUTE)),
        field("inhibit_rules", Shape::List(&Shape::Struct(&INHIBIT))),
        field("receivers", Shape::List(&Shape::Struct(&RECEIVER))),
        field("templates", TEXTS),
        since(
            "mute_time_intervals",
            Shape::List(&Shape::Struct(&INTERVAL)),
            (0, 22, 0),
        ),
        since(
            "time_intervals",
            Shape::List(&Shape::Struct(&INTERVAL)),
            (0, 24, 0),
        ),
        since("tracing", Shape::Any, (0, 30, 0)),
        since("event_recorder", Shape::Any, (0, 33, 0)),
    ]],
    check: check_document,
};

static GLOBAL: Struct = Struct {
    fields: &[
        &[
            field("resolve_timeout", Shape::Duration),
            field("http_config", Shape::Client(&HTTP)),
            since("smtp_tls_config", Shape::Client(&TLS), (0, 28, 0)),
            between("hipchat_api_url", Shape::Text, (0, 0, 0), (0, 23, 0)),
            between("hipchat_auth_token", Shape::Text, (0, 0, 0), (0, 23, 0)),
        ],
        GLOBAL_FIELDS,
    ],
    check: super::receivers::check_global,
};

/// `http_config`.
pub(super) static HTTP: Struct = Struct {
    fields: &[CLIENT],
    check: check_client,
};

static ROUTE: Struct = Struct {
    fields: &[&[
        field("receiver", Shape::Text),
        field("group_by", TEXTS),
        field("match", Shape::Map(&Shape::Text)),
        field("match_re", REGEXPS),
        since("matchers", MATCHERS, (0, 22, 0)),
        since("mute_time_intervals", TEXTS, (0, 22, 0)),
        since("active_time_intervals", TEXTS, (0, 24, 0)),
        field("continue", Shape::Flag),
        field("routes", Shape::List(&Shape::Struct(&ROUTE))),
        field("group_wait", Shape::Duration),
        field("group_interval", Shape::Duration),
        field("repeat_interval", Shape::Duration),
        since("labels", Shape::Map(&Shape::Text), (0, 33, 0)),
    ]],
    check: check_route,
};

fn check_route(route: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    check_names(route.node("match"), reader).map_err(|fault| fault.within("match"))?;
    check_matchers(route, "matchers")?;
    let mut labels = BTreeSet::new();
    for label in route.list("group_by").iter().filter_map(text) {
        let fault = |why: String| Err(Fault::here(why).within("group_by"));
        if label != "..." && !is_label_name(&label, reader) {
            return fault(format!("invalid label name {label:?}"));
        }
        if !labels.insert(label.clone()) {
            return fault(format!("duplicated label {label:?}"));
        }
    }
    if labels.len() > 1 && labels.contains("...") {
        return refuse("cannot have wildcard group_by (`...`) and other labels at the same time");
    }
    for name in ["group_interval", "repeat_interval"] {
        if route.milliseconds(name) == Some(0) {
            return Err(Fault::here("cannot be zero".to_owned()).within(name));
        }
    }
    Ok(())
}

/// Since 0.27 names may hold any character.
fn is_label_name(name: &str, reader: &Reader) -> bool {
    if reader.supports((0, 27, 0)) {
        !name.is_empty()
    } else {
        is_legacy_name(name)
    }
}

fn check_names(labels: Node<'_>, _: &Reader) -> Result<(), Fault> {
    match labels.0.iter().find(|(name, _)| !is_legacy_name(name)) {
        Some((name, _)) => refuse(&format!("invalid label name {name:?}")),
        None => Ok(()),
    }
}

fn check_matchers(of: Node<'_>, name: &str) -> Result<(), Fault> {
    for (index, matchers) in of.list(name).iter().enumerate() {
        let matchers = text(matchers).unwrap_or_default();
        check_matcher(&matchers).map_err(|why| Fault::here(why).at(index).within(name))?;
    }
    Ok(())
}

/// One or several matchers: `{a="b", c=~"d"}`.
fn check_matcher(text: &str) -> Result<(), String> {
    let bad = || format!("bad matcher format: {text}");
    let bare = text.trim();
    let bare = bare.strip_prefix('{').unwrap_or(bare);
    let bare = bare.strip_suffix('}').unwrap_or(bare);
    for one in split_outside_quotes(bare) {
        if one.trim().is_empty() {
            continue;
        }
        let at = operator(&one).ok_or_else(bad)?;
        let (name, rest) = one.split_at_checked(at).ok_or_else(bad)?;
        let (operator, value) = ["=~", "!~", "!=", "="]
            .iter()
            .find_map(|operator| Some((*operator, rest.strip_prefix(operator)?)))
            .ok_or_else(bad)?;
        if name.trim().is_empty() {
            return Err(bad());
        }
        let value = unquoted(value.trim())
            .ok_or_else(|| format!("matcher value contains unescaped double quote: {value}"))?;
        if operator.ends_with('~') {
            go_regex::check(&format!("^(?:{value})$"))?;
        }
    }
    Ok(())
}

/// Where the operator begins, outside quotes.
fn operator(text: &str) -> Option<usize> {
    let mut quoted = false;
    let found = text.char_indices().find(|(_, c)| {
        if *c == '"' {
            quoted = !quoted;
        }
        !quoted && (*c == '=' || *c == '!')
    });
    found.map(|(at, _)| at)
}

fn split_outside_quotes(text: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == ',' && !quoted {
            parts.push(std::mem::take(&mut part));
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        part.push(c);
    }
    parts.push(part);
    parts
}

/// The text between quotes, or without any; `None` for quotes that don't fit.
fn unquoted(text: &str) -> Option<String> {
    let (inner, closes) = match text.strip_prefix('"') {
        Some(rest) => (rest.strip_suffix('"')?, true),
        None => (text, false),
    };
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None if closes => return None,
                None => value.push('\\'),
            },
            '"' => return None,
            c => value.push(c),
        }
    }
    Some(value)
}

static INHIBIT: Struct = Struct {
    fields: &[&[
        since("name", Shape::Text, (0, 30, 0)),
        field("source_match", Shape::Map(&Shape::Text)),
        field("source_match_re", REGEXPS),
        since("source_matchers", MATCHERS, (0, 22, 0)),
        field("target_match", Shape::Map(&Shape::Text)),
        field("target_match_re", REGEXPS),
        since("target_matchers", MATCHERS, (0, 22, 0)),
        field("equal", TEXTS),
    ]],
    check: |rule, reader| {
        for side in ["source_match", "target_match"] {
            check_names(rule.node(side), reader).map_err(|fault| fault.within(side))?;
        }
        check_matchers(rule, "source_matchers")?;
        check_matchers(rule, "target_matchers")?;
        let equal = rule.list("equal").iter().filter_map(text);
        match equal
            .into_iter()
            .find(|label| !is_label_name(label, reader))
        {
            Some(label) => refuse(&format!("invalid label name {label:?} in equal list")),
            None => Ok(()),
        }
    },
};

static RECEIVER: Struct = Struct {
    fields: &[
        &[
            field("name", Shape::Text),
            since("labels", Shape::Map(&Shape::Text), (0, 33, 0)),
        ],
        RECEIVER_LISTS,
    ],
    check: |receiver, _| {
        if !receiver.filled("name") {
            return refuse("missing name in receiver");
        }
        Ok(())
    },
};

static INTERVAL: Struct = Struct {
    fields: &[&[
        field("name", Shape::Text),
        field("time_intervals", Shape::List(&Shape::Struct(&TIMES))),
    ]],
    check: |of, _| {
        if !of.filled("name") {
            return refuse("missing name in time interval");
        }
        Ok(())
    },
};

/// What is wrong with a text.
type Check = fn(&str) -> Result<(), String>;

static TIMES: Struct = Struct {
    fields: &[&[
        field("times", Shape::List(&Shape::Map(&Shape::Text))),
        field("weekdays", TEXTS),
        field("days_of_month", TEXTS),
        field("months", TEXTS),
        field("years", TEXTS),
        since("location", Shape::Text, (0, 25, 0)),
    ]],
    check: |of, _| {
        let ranges: [(&str, Check); 4] = [
            ("weekdays", |text| {
                // In objects days have numbers too, not here.
                if text.chars().any(|c| !c.is_ascii_lowercase() && c != ':') {
                    return Err(format!("{text} is not a valid weekday"));
                }
                interval::weekdays(text).map(|_| ())
            }),
            ("months", |text| interval::months(text).map(|_| ())),
            ("years", |text| interval::years(text).map(|_| ())),
            ("days_of_month", check_days),
        ];
        for (index, one) in of.list("times").iter().enumerate() {
            let one = Node::of(one);
            let text = |name: &str| Some(one.text(name).into_owned());
            let range = TimeRange {
                start_time: text("start_time"),
                end_time: text("end_time"),
            };
            interval::times(&range).map_err(|why| Fault::here(why).at(index).within("times"))?;
        }
        for (name, check) in ranges {
            for (index, one) in of.list(name).iter().enumerate() {
                let one = text(one).unwrap_or_default();
                check(&one).map_err(|why| Fault::here(why).at(index).within(name))?;
            }
        }
        Ok(())
    },
};

/// A day of the month, or the first and the last; counted from the end if negative.
fn check_days(text: &str) -> Result<(), String> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let day = |text: &str| {
        let day = text.parse::<i32>().ok();
        let day = day.filter(|day| *day != 0 && (-31..=31).contains(day));
        day.ok_or_else(|| format!("{text} is not a valid day of the month"))
    };
    let (first, last) = (day(first)?, day(last)?);
    let from_start = |day: i32| if day < 0 { 28 + day } else { day };
    if (first < 0 && last > 0) || from_start(first) > from_start(last) {
        return Err(format!("end day {last} is always before start day {first}"));
    }
    Ok(())
}

fn check_document(document: Node<'_>, _: &Reader) -> Result<(), Fault> {
    let global = document.node("global");
    let mut receivers = BTreeSet::new();
    for (index, receiver) in document.list("receivers").iter().enumerate() {
        let receiver = Node::of(receiver);
        let within = |fault: Fault| fault.at(index).within("receivers");
        let name = receiver.text("name");
        check_integrations(receiver, global).map_err(within)?;
        if !receivers.insert(name.clone()) {
            let why = format!("notification config name {name:?} is not unique");
            return Err(within(Fault::here(why)));
        }
    }
    let mut intervals = BTreeSet::new();
    for list in ["mute_time_intervals", "time_intervals"] {
        for one in document.list(list) {
            let name = Node::of(one).text("name");
            if !intervals.insert(name.clone()) {
                let why = format!("time interval {name:?} is not unique");
                return Err(Fault::here(why).within(list));
            }
        }
    }
    if !document.has("route") {
        return refuse("no routes provided");
    }
    let route = document.node("route");
    check_root(route)
        .and_then(|()| check_uses(route, &receivers, &intervals))
        .map_err(|fault| fault.within("route"))
}

fn check_root(route: Node<'_>) -> Result<(), Fault> {
    if !route.filled("receiver") {
        return refuse("root route must specify a default receiver");
    }
    let lists = ["matchers", "mute_time_intervals", "active_time_intervals"];
    let matches = ["match", "match_re"];
    if let Some(name) = lists.iter().find(|name| !route.list(name).is_empty()) {
        return refuse(&format!("root route must not have any {name}"));
    }
    if matches.iter().any(|name| !route.node(name).0.is_empty()) {
        return refuse("root route must not have any matchers");
    }
    if route.flag("continue") {
        return refuse("cannot have continue in root route");
    }
    Ok(())
}

type Names<'a> = BTreeSet<std::borrow::Cow<'a, str>>;

/// Receivers and intervals that routes name must be there.
fn check_uses(route: Node<'_>, receivers: &Names<'_>, intervals: &Names<'_>) -> Result<(), Fault> {
    for (index, child) in route.list("routes").iter().enumerate() {
        check_uses(Node::of(child), receivers, intervals)
            .map_err(|fault| fault.at(index).within("routes"))?;
    }
    let receiver = route.text("receiver");
    if !receiver.is_empty() && !receivers.contains(&receiver) {
        let why = format!("undefined receiver {receiver:?} used in route");
        return Err(Fault::here(why).within("receiver"));
    }
    for list in ["active_time_intervals", "mute_time_intervals"] {
        for name in route.list(list).iter().filter_map(text) {
            if !intervals.contains(&name) {
                let why = format!("undefined time interval {name:?} used in route");
                return Err(Fault::here(why).within(list));
            }
        }
    }
    Ok(())
}

/// Versions of Prometheus whose HTTP clients know the same as those of a version of Alertmanager, newest first.
const CLIENTS: [((u64, u64, u64), &str); 7] = [
    ((0, 31, 0), "3.9.0"),
    ((0, 28, 0), "3.1.0"),
    ((0, 27, 0), "2.50.0"),
    ((0, 26, 0), "2.48.0"),
    ((0, 25, 0), "2.41.0"),
    ((0, 22, 0), "2.27.0"),
    ((0, 0, 0), "2.20.0"),
];

impl Reader {
    /// The reader of a version of Alertmanager.
    fn of_alertmanager(version: &Version) -> Self {
        let reader = Self {
            version: version.clone(),
            is_newer: version.at_least(UNKNOWN),
            stands_in: false,
            clients: None,
        };
        let alike = CLIENTS.iter().find(|(since, _)| reader.supports(*since));
        let clients = alike.and_then(|(_, version)| Version::parse(version).ok());
        Self {
            clients: clients.map(|version| {
                Box::new(Self {
                    version,
                    is_newer: reader.is_newer,
                    stands_in: true,
                    clients: None,
                })
            }),
            ..reader
        }
    }
}

/// Whether a version of Alertmanager would take a text as its configuration.
pub fn check(text: &str, version: &Version) -> Result<(), Fault> {
    let reader = Reader::of_alertmanager(version);
    match once(texts::read(text))? {
        Ordered::Scalar(Value::Null) => refuse("no route provided in config"),
        document => Shape::Struct(&DOCUMENT).check(&document, &reader),
    }
}
