//! PrometheusRules: refused if Prometheus would refuse them, and mended before, for YAML makes numbers and truth values of
//! labels that were meant as texts.

use serde_json::{Map, Value, json};

use super::review::{Refusal, Request, Verdict, refused};
use crate::api::{GROUP, PrometheusRule, read};
use crate::rules::{Language, problems};

const RESOURCE: &str = "prometheusrules";
const VERSION: &str = "v1";
/// Says that a rule went through here.
const VALIDATED: &str = "prometheus-operator-validated";
const UNREADABLE_RULES: &str = "Cannot unmarshal rules from spec";
const UNREADABLE_REQUEST: &str = "Cannot unmarshal admission request";

/// Whether Prometheus would load the rules.
pub(super) fn validate(request: &Request, language: Language) -> Verdict {
    if let Some(refusal) = unexpected(request) {
        return refusal;
    }
    let unreadable = |cause: String| refused(UNREADABLE_RULES, RESOURCE, cause);
    if !request.object.is_object() {
        return unreadable(no_object(request.object));
    }
    if let Some(first) = not_texts(request.object).into_iter().next() {
        return unreadable(first.as_go_says_it());
    }
    let rule: PrometheusRule = match read(request.object) {
        Ok(rule) => rule,
        Err(error) => return unreadable(error.to_string()),
    };
    let causes = problems(&rule.spec, language);
    if causes.is_empty() {
        return Verdict::Allowed;
    }
    tracing::info!(namespace = %rule.metadata.namespace, name = %rule.metadata.name, ?causes, "invalid rules");
    Verdict::Refused(Refusal {
        message: "Rules are not valid",
        resource: RESOURCE,
        causes,
    })
}

/// Makes texts of labels and annotations, and says that the object went through here.
pub(super) fn mutate(request: &Request) -> Verdict {
    if let Some(refusal) = unexpected(request) {
        return refusal;
    }
    let object = request.object;
    let annotations = object.pointer("/metadata/annotations");
    let annotations = match annotations.unwrap_or(&Value::Null) {
        Value::Null if object.is_object() => None,
        Value::Object(annotations) if annotations.values().all(Value::is_string) => {
            Some(annotations)
        }
        odd => return refused(UNREADABLE_REQUEST, RESOURCE, no_object(odd)),
    };
    if let Err(cause) = check_shape(object.get("spec").unwrap_or(&Value::Null)) {
        return refused(UNREADABLE_RULES, RESOURCE, cause);
    }
    let texts = not_texts(object).into_iter().filter(|one| one.in_rule);
    let mut operations: Vec<Value> = texts.map(|one| one.replacement()).collect();
    let is_empty = annotations.is_none_or(Map::is_empty);
    operations.push(if is_empty {
        json!({"op": "add", "path": "/metadata/annotations", "value": {VALIDATED: "true"}})
    } else {
        json!({"op": "add", "path": format!("/metadata/annotations/{VALIDATED}"), "value": "true"})
    });
    Verdict::Patched(operations)
}

fn unexpected(request: &Request) -> Option<Verdict> {
    let resource = &request.resource;
    let expected = (GROUP, VERSION, RESOURCE);
    let given = (&*resource.group, &*resource.version, &*resource.plural);
    (given != expected).then(|| {
        let shown = resource.shown();
        let cause = format!("expected resource to be {RESOURCE}, but received {shown}");
        refused("Unexpected resource kind", RESOURCE, cause)
    })
}

fn no_object(value: &Value) -> String {
    match value {
        Value::Null => "there is no object".to_owned(),
        other => format!("no object: {other}"),
    }
}

/// A label or annotation that is no text.
struct NotText<'a> {
    /// JSON pointer to the map that holds it.
    place: String,
    key: &'a str,
    value: &'a Value,
    /// Whether it is a rule's, not its group's.
    in_rule: bool,
}

impl NotText<'_> {
    fn replacement(&self) -> Value {
        let key = self.key.replace('~', "~0").replace('/', "~1");
        json!({"op": "replace", "path": format!("{}/{key}", self.place), "value": self.value.to_string()})
    }

    fn as_go_says_it(&self) -> String {
        let kind = match self.value {
            Value::Null | Value::String(_) => "string",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let place = self.place.replace('/', ".");
        format!(
            "json: cannot unmarshal {kind} into Go struct field PrometheusRule{place}.{} of type string",
            self.key
        )
    }
}

fn not_texts(object: &Value) -> Vec<NotText<'_>> {
    let mut found = Vec::new();
    for (index, group) in list(object.pointer("/spec/groups")).enumerate() {
        let group_place = format!("/spec/groups/{index}");
        in_map(group, &group_place, "labels", false, &mut found);
        for (index, rule) in list(group.get("rules")).enumerate() {
            let place = format!("{group_place}/rules/{index}");
            in_map(rule, &place, "annotations", true, &mut found);
            in_map(rule, &place, "labels", true, &mut found);
        }
    }
    found
}

fn in_map<'a>(
    holder: &'a Value,
    place: &str,
    field: &str,
    in_rule: bool,
    found: &mut Vec<NotText<'a>>,
) {
    let map = holder.get(field).and_then(Value::as_object);
    let odd = map
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_string() && !value.is_null());
    found.extend(odd.map(|(key, value)| NotText {
        place: format!("{place}/{field}"),
        key,
        value,
        in_rule,
    }));
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// Groups and rules must be where they are looked for.
fn check_shape(spec: &Value) -> Result<(), String> {
    let null = Value::Null;
    let at = |holder: &Value, field: &str| holder.get(field).unwrap_or(&null).clone();
    let is_list = |value: &Value| value.is_null() || value.is_array();
    let is_map = |value: &Value| value.is_null() || value.is_object();
    let wrong = |what: &str| Err(format!("cannot unmarshal RuleGroups: {what}"));
    if !spec.is_object() {
        return wrong("spec is no object");
    }
    if !is_list(&at(spec, "groups")) {
        return wrong("spec.groups is no list");
    }
    for group in list(spec.get("groups")) {
        if !is_map(group) || !is_list(&at(group, "rules")) {
            return wrong("a group isn't an object with a list of rules");
        }
        for rule in list(group.get("rules")) {
            if !is_map(rule) || !is_map(&at(rule, "labels")) || !is_map(&at(rule, "annotations")) {
                return wrong("a rule isn't an object with maps of labels and annotations");
            }
        }
    }
    Ok(())
}
