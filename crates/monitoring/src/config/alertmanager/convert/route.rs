//! Routes and inhibit rules, and how they are kept to their namespace.

use serde_json::{Map, Value, json};

use super::{Converter, Refusal};
use crate::api::alertmanager_config::{InhibitRule, Matcher, Route};
use crate::api::read;
use crate::config::alertmanager::block::Block;
use crate::config::alertmanager::sanitize::Fields;

/// How the alerts that an object sees are kept to its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement<'a> {
    /// Not at all.
    None,
    /// Always.
    OnNamespace,
    /// Unless the object lies in this namespace, the Alertmanager's own.
    OnOtherNamespaces(&'a str),
}

/// Matchers of the three forms.
#[derive(Default)]
struct Matchers {
    compared: Vec<String>,
    equal: Map<String, Value>,
    pattern: Map<String, Value>,
}

impl Converter<'_> {
    /// A route and those below it.
    pub(super) fn route(self, route: &Route) -> Result<Value, Refusal> {
        let Matchers {
            compared,
            equal,
            pattern,
        } = self.matchers(&route.matchers);
        let prefixed = |names: &[String]| {
            let names = names.iter().map(|name| self.prefixed(name));
            names.collect::<Vec<String>>()
        };
        let children = child_routes(route)?;
        let children: Result<Vec<Value>, Refusal> =
            children.iter().map(|child| self.route(child)).collect();
        Ok(Block::default()
            .text(
                "receiver",
                &self.prefixed(route.receiver.as_deref().unwrap_or_default()),
            )
            .list("group_by", route.group_by.clone())
            .put("match", filled(equal))
            .put("match_re", filled(pattern))
            .list("matchers", compared)
            .on("continue", route.r#continue)
            .list("routes", children?)
            .maybe("group_wait", route.group_wait.as_ref())
            .maybe("group_interval", route.group_interval.as_ref())
            .maybe("repeat_interval", route.repeat_interval.as_ref())
            .list("mute_time_intervals", prefixed(&route.mute_time_intervals))
            .list(
                "active_time_intervals",
                prefixed(&route.active_time_intervals),
            )
            .value())
    }

    /// An inhibit rule.
    pub(super) fn inhibit_rule(self, rule: &InhibitRule) -> Value {
        let source = self.matchers(&rule.source_match);
        let target = self.matchers(&rule.target_match);
        Block::default()
            .put("target_match", filled(target.equal))
            .put("target_match_re", filled(target.pattern))
            .list("target_matchers", target.compared)
            .put("source_match", filled(source.equal))
            .put("source_match_re", filled(source.pattern))
            .list("source_matchers", source.compared)
            .list("equal", rule.equal.clone())
            .value()
    }

    fn matchers(self, matchers: &[Matcher]) -> Matchers {
        let mut all = Matchers::default();
        for matcher in matchers {
            let value = matcher.value.as_deref().unwrap_or_default();
            let given = matcher.match_type.as_deref().unwrap_or_default();
            let by_pattern = matcher.regex == Some(true);
            let operator = match (given, by_pattern) {
                ("", true) => "=~",
                ("", false) => "=",
                (given, _) => given,
            };
            if !given.is_empty() || self.supports((0, 22, 0)) {
                all.compared.push(printed(&matcher.name, operator, value));
            } else if by_pattern {
                all.pattern.insert(matcher.name.clone(), json!(value));
            } else {
                all.equal.insert(matcher.name.clone(), json!(value));
            }
        }
        all
    }

    /// Keeps a top route to the namespace of the object, and lets alerts go on to later routes.
    pub(in crate::config::alertmanager) fn enforce_route(
        self,
        enforcement: Enforcement,
        route: &mut Value,
    ) {
        let Some(fields) = route.as_object_mut() else {
            return;
        };
        fields.insert("continue".to_owned(), json!(true));
        if !enforcement.applies(self.namespace) {
            return;
        }
        if self.supports((0, 22, 0)) {
            push(fields, "matchers", &self.own_namespace());
        } else {
            put(fields, "match", self.namespace);
        }
    }

    /// Keeps both sides of an inhibit rule to the namespace of the object.
    pub(in crate::config::alertmanager) fn enforce_rule(
        self,
        enforcement: Enforcement,
        rule: &mut Value,
    ) {
        let Some(fields) = rule.as_object_mut() else {
            return;
        };
        if !enforcement.applies(self.namespace) {
            return;
        }
        for side in ["source", "target"] {
            take(fields, &format!("{side}_match_re"));
            if self.supports((0, 22, 0)) {
                let key = format!("{side}_matchers");
                let wanted = self.own_namespace();
                let there = fields
                    .get(&key)
                    .and_then(Value::as_array)
                    .is_some_and(|list| list.iter().any(|one| one.as_str() == Some(&wanted)));
                if !there {
                    push(fields, &key, &wanted);
                }
                take(fields, &format!("{side}_match"));
            } else {
                put(fields, &format!("{side}_match"), self.namespace);
            }
        }
    }

    fn own_namespace(self) -> String {
        printed("namespace", "=", self.namespace)
    }
}

impl Enforcement<'_> {
    fn applies(self, namespace: &str) -> bool {
        match self {
            Self::None => false,
            Self::OnNamespace => true,
            Self::OnOtherNamespaces(own) => own != namespace,
        }
    }
}

/// The routes below a route. They are raw JSON, and a field that isn't known is refused: nobody else would notice it.
pub(crate) fn child_routes(route: &Route) -> Result<Vec<Route>, Refusal> {
    let read = |(index, raw): (usize, &Value)| {
        let known = check_fields(raw, &ROUTE)
            .and_then(|()| {
                let matchers = raw.get("matchers").and_then(Value::as_array);
                let mut matchers = matchers.into_iter().flatten();
                matchers.try_for_each(|matcher| check_fields(matcher, &MATCHER))
            })
            .and_then(|()| read::<Route>(raw).map_err(|error| format!("json: {error}")));
        known.map_err(|why| format!("route[{index}]: {why}"))
    };
    route.routes.iter().enumerate().map(read).collect()
}

const ROUTE: [&str; 10] = [
    "receiver",
    "groupBy",
    "groupWait",
    "groupInterval",
    "repeatInterval",
    "matchers",
    "continue",
    "routes",
    "muteTimeIntervals",
    "activeTimeIntervals",
];
const MATCHER: [&str; 4] = ["name", "value", "matchType", "regex"];

fn check_fields(value: &Value, known: &[&str]) -> Result<(), Refusal> {
    let fields = value.as_object().into_iter().flat_map(Map::keys);
    let mut unknown = fields.filter(|field| !known.contains(&field.as_str()));
    match unknown.next() {
        Some(field) => Err(format!("json: unknown field {field:?}")),
        None => Ok(()),
    }
}

/// A matcher as a text, its value escaped as in OpenMetrics.
fn printed(name: &str, operator: &str, value: &str) -> String {
    let value = value
        .replace('\\', r"\\")
        .replace('\n', r"\n")
        .replace('"', "\\\"");
    format!("{name}{operator}\"{value}\"")
}

fn filled(map: Map<String, Value>) -> Option<Value> {
    Some(map).filter(|map| !map.is_empty()).map(Value::Object)
}

fn push(fields: &mut Fields, key: &str, text: &str) {
    let list = fields.entry(key).or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.push(json!(text));
    }
}

fn put(fields: &mut Fields, key: &str, namespace: &str) {
    let map = fields.entry(key).or_insert_with(|| json!({}));
    if let Some(map) = map.as_object_mut() {
        map.insert("namespace".to_owned(), json!(namespace));
    }
}

fn take(fields: &mut Fields, key: &str) {
    let Some(map) = fields.get_mut(key).and_then(Value::as_object_mut) else {
        return;
    };
    map.remove("namespace");
    if map.is_empty() {
        fields.remove(key);
    }
}
