//! Whether Alertmanager would take a configuration (`config.Load`), before it is published.
//!
//! What `amtool check-config` asks: every field by version, and what must hold among them. What files hold isn't looked at.

use std::collections::BTreeSet;

use machinery::yaml::Ordered;
use serde_json::Value;

use super::client::{CLIENT, TLS, check_client, refuse};
use super::fault::Fault;
use super::intervals::INTERVAL;
use super::matchers::{self, ANY_NAME};
use super::receivers::{GLOBAL_FIELDS, RECEIVER_LISTS, check_integrations};
use super::recorder::{RECORDER, TRACING};
use super::shape::{Node, Shape, Struct, between, field, since, text};
use super::texts::is_pattern;
use super::{Reader, Variables, once};
use crate::config::alertmanager::texts;
use crate::config::version::{Since, Version};
use crate::selection::relabel::is_legacy_name;
use crate::template::Go;

/// The first version whose fields aren't known here.
const UNKNOWN: Since = (0, 35, 0);
/// The first version that is built with a Go that reads `(?<name>…)`.
pub(super) const BARE_NAMES: Since = (0, 28, 0);

impl Reader {
    /// With which Go an Alertmanager of that version is built, as far as templates show it.
    pub(super) fn go(&self) -> Go {
        if self.supports((0, 28, 0)) {
            Go(23)
        } else if self.supports((0, 25, 0)) {
            Go(19)
        } else {
            Go(17)
        }
    }
}

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
        since("tracing", Shape::Struct(&TRACING), (0, 30, 0)),
        since("event_recorder", Shape::Struct(&RECORDER), (0, 33, 0)),
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
        since("labels", Shape::Map(&Shape::Text), (0, 34, 0)),
    ]],
    check: check_route,
};

fn check_route(route: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    check_compared(route, "match", reader)?;
    check_matchers(route, "matchers", reader)?;
    let unnamed = |(name, _): &&(String, Ordered)| !is_label_name(name, reader);
    if let Some((name, _)) = route.node("labels").0.iter().find(unnamed) {
        let why = format!("invalid label name {name:?} in route labels");
        return Err(Fault::here(why).within("labels"));
    }
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
    if reader.supports(ANY_NAME) {
        !name.is_empty()
    } else {
        is_legacy_name(name)
    }
}

/// Labels that are compared under the keys `match` and `match_re`, or others that begin alike.
fn check_compared(of: Node<'_>, name: &str, reader: &Reader) -> Result<(), Fault> {
    let expressions = format!("{name}_re");
    for key in [name, &expressions] {
        let labels = of.node(key);
        let fault = |why: String| Err(Fault::here(why).within(key));
        if let Some((name, _)) = labels.0.iter().find(|(name, _)| !is_legacy_name(name)) {
            return fault(format!(
                "invalid label name {name:?}; write it as a matcher instead"
            ));
        }
        let nothing = labels.0.iter().find(|(name, _)| !labels.has(name));
        if let Some((name, _)) = nothing
            && key == expressions
            && reader.supports((0, 20, 0))
        {
            return fault(format!("invalid regexp value for {name:?}; write one"));
        }
    }
    Ok(())
}

fn check_matchers(of: Node<'_>, name: &str, reader: &Reader) -> Result<(), Fault> {
    for (index, matchers) in of.list(name).iter().enumerate() {
        let matchers = text(matchers).unwrap_or_default();
        matchers::check(&matchers, reader)
            .map_err(|why| Fault::here(why).at(index).within(name))?;
    }
    Ok(())
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
            check_compared(rule, side, reader)?;
        }
        check_matchers(rule, "source_matchers", reader)?;
        check_matchers(rule, "target_matchers", reader)?;
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
        let (name, labels) = (receiver.text("name"), receiver.node("labels"));
        if labels.present("name") && labels.text("name") != name {
            let why = format!("must match the receiver's name {name:?}; remove it");
            return Err(Fault::here(why).within("name").within("labels"));
        }
        Ok(())
    },
};

fn check_document(document: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    let global = document.node("global");
    let mut receivers = BTreeSet::new();
    for (index, receiver) in document.list("receivers").iter().enumerate() {
        let receiver = Node::of(receiver);
        let within = |fault: Fault| fault.at(index).within("receivers");
        let name = receiver.text("name");
        check_integrations(receiver, global, reader).map_err(within)?;
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
    for (index, pattern) in document.list("templates").iter().enumerate() {
        let pattern = text(pattern).unwrap_or_default();
        if !is_pattern(&pattern) {
            let why = format!("syntax error in pattern {pattern:?}; write [ as \\[");
            return Err(Fault::here(why).at(index).within("templates"));
        }
    }
    if !document.has("route") {
        return refuse("no routes provided");
    }
    let route = document.node("route");
    check_root(route, reader)
        .and_then(|()| check_uses(route, &receivers, &intervals))
        .map_err(|fault| fault.within("route"))
}

fn check_root(route: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    if !route.filled("receiver") {
        return refuse("root route must specify a default receiver");
    }
    let lists = ["matchers", "mute_time_intervals", "active_time_intervals"];
    let matches = ["match", "match_re"];
    // Before 0.24 matchers of the root route were passed over.
    let lists = lists.get(usize::from(!reader.supports((0, 24, 0)))..);
    let mut lists = lists.unwrap_or_default().iter();
    if let Some(name) = lists.find(|name| !route.list(name).is_empty()) {
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
    fn of_alertmanager(version: &Version, variables: &Variables) -> Self {
        let reader = Self {
            version: version.clone(),
            is_newer: version.at_least(UNKNOWN),
            stands_in: false,
            clients: None,
            bare_names: BARE_NAMES,
            variables: variables.clone(),
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
                    bare_names: BARE_NAMES,
                    variables: variables.clone(),
                })
            }),
            ..reader
        }
    }
}

/// Whether a version of Alertmanager would take a text as its configuration.
pub fn check(text: &str, version: &Version) -> Result<(), Fault> {
    check_with(text, version, &Variables::default())
}

/// The same, of what a reloader with other variables puts together.
pub fn check_with(text: &str, version: &Version, variables: &Variables) -> Result<(), Fault> {
    let reader = Reader::of_alertmanager(version, variables);
    match once(texts::read(text))? {
        Ordered::Scalar(Value::Null) => refuse("no route provided in config"),
        document => Shape::Struct(&DOCUMENT).check(&document, &reader),
    }
}
