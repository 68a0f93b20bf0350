//! What is wrong with an access review (`pkg/apis/authorization/validation`), and which of its selectors can't be read
//! (`pkg/registry/authorization/util`).

use machinery::builtin::validation::{BadValue, FieldError};
use machinery::schema::TypeTable;
use machinery::{fields, go_json, labels, meta, names};
use serde_json::{Map, Value, json};

use super::text;
use crate::status_error::ApiError;

const GROUP: &str = "authorization.k8s.io";
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Whom a review is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Who asks.
    Oneself,
    /// Whoever it names.
    Somebody,
    /// The same, in the namespace of the review alone.
    Locally,
}

/// 422 unless a review asks about exactly one thing, about somebody, and says nothing else.
pub(super) fn check(body: &Value, about: About) -> Result<(), ApiError> {
    let mut errors = attributes(body);
    let field = |name: &str| body.pointer(&format!("/spec/{name}"));
    let names = |value: Option<&Value>| match value {
        Some(Value::Array(all)) => !all.is_empty(),
        Some(Value::String(name)) => !name.is_empty(),
        _ => false,
    };
    if about != About::Oneself && !names(field("user")) && !names(field("groups")) {
        let text = "at least one of user or group must be specified";
        errors.push(FieldError::invalid("spec.user", "", text));
    }
    let resource = field("resourceAttributes");
    for (name, selector) in [
        ("fieldSelector", Selector::Fields),
        ("labelSelector", Selector::Labels),
    ] {
        if let Some(given) = resource.and_then(|resource| resource.get(name)) {
            let at = format!("spec.resourceAttributes.{name}");
            selector.check(given, &at, &mut errors);
        }
    }
    errors.extend(metadata(body, about));
    if about == About::Locally {
        errors.extend(elsewhere(body));
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid_as(
        &format!(".{GROUP}"),
        GROUP,
        "",
        "",
        &errors,
    ))
}

fn attributes(body: &Value) -> Vec<FieldError> {
    let resource = body.pointer("/spec/resourceAttributes").is_some();
    let path = body.pointer("/spec/nonResourceAttributes");
    let (name, text) = match (resource, path) {
        (true, Some(_)) => (
            "spec.nonResourceAttributes",
            "cannot be specified in combination with resourceAttributes",
        ),
        (false, None) => (
            "spec.resourceAttributes",
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        ),
        (true, None) | (false, Some(_)) => return Vec::new(),
    };
    vec![FieldError::invalid(name, path_shown(path), text)]
}

/// Attributes of a path as Go prints its internal type.
fn path_shown(path: Option<&Value>) -> BadValue {
    let shown = path.map(|path| json!({"Path": text(path, "/path"), "Verb": text(path, "/verb")}));
    BadValue::Json(go_json::to_string(&shown.unwrap_or_default(), None))
}

/// Nobody owns the managedFields, which the server has just written.
fn metadata(body: &Value, about: About) -> Option<FieldError> {
    let given = body.get("metadata")?.as_object()?;
    let local = about == About::Locally;
    let ignored = |key: &str| key == "managedFields" || local && key == "namespace";
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if given
        .iter()
        .all(|(key, value)| ignored(key) || empty(value))
    {
        return None;
    }
    let type_id = TypeTable::builtin().type_named(METADATA);
    let shown = go_json::to_string(&Value::Object(given.clone()), type_id);
    let text = if local {
        "must be empty except for namespace"
    } else {
        "must be empty"
    };
    Some(FieldError::invalid("metadata", BadValue::Json(shown), text))
}

/// What is asked about another place than the review's namespace.
fn elsewhere(body: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let asked = text(body, "/spec/resourceAttributes/namespace");
    if body.pointer("/spec/resourceAttributes").is_some() && asked != meta::namespace(body) {
        let name = "spec.resourceAttributes.namespace";
        errors.push(FieldError::invalid(
            name,
            asked,
            "must match metadata.namespace",
        ));
    }
    if let Some(path) = body.pointer("/spec/nonResourceAttributes") {
        errors.push(FieldError::invalid(
            "spec.nonResourceAttributes",
            path_shown(Some(path)),
            "disallowed on this kind of request",
        ));
    }
    errors
}

/// A selector of the attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selector {
    Fields,
    Labels,
}

impl Selector {
    fn check(self, given: &Value, at: &str, errors: &mut Vec<FieldError>) {
        let raw = text(given, "/rawSelector");
        let requirements = requirements(given);
        match (raw.is_empty(), requirements.is_empty()) {
            (false, false) => errors.push(FieldError::invalid(
                format!("{at}.rawSelector"),
                raw,
                "may not specified at the same time as requirements",
            )),
            (true, true) => errors.push(FieldError::required(
                format!("{at}.requirements"),
                format!("when {at} is specified, requirements or rawSelector is required"),
            )),
            (false, true) | (true, false) => {}
        }
        for (index, requirement) in requirements.iter().enumerate() {
            self.check_requirement(requirement, &format!("{at}.requirements[{index}]"), errors);
        }
    }

    fn check_requirement(self, requirement: &Value, at: &str, errors: &mut Vec<FieldError>) {
        let key = text(requirement, "/key");
        if self == Self::Fields && key.is_empty() {
            errors.push(FieldError::required(
                format!("{at}.key"),
                "must be specified",
            ));
        }
        let values = values(requirement);
        match text(requirement, "/operator") {
            "In" | "NotIn" if values.is_empty() => errors.push(FieldError::required(
                format!("{at}.values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            )),
            "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(FieldError::forbidden(
                format!("{at}.values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )),
            _ => {}
        }
        if self == Self::Fields {
            return;
        }
        let bad = |field: String, value: &str, complaints: Vec<String>| {
            let value = value.to_owned();
            complaints
                .into_iter()
                .map(move |text| FieldError::invalid(field.clone(), value.as_str(), text))
        };
        errors.extend(bad(format!("{at}.key"), key, names::label_key(key)));
        for (index, value) in values.iter().enumerate() {
            let field = format!("{at}.values[{index}]");
            errors.extend(bad(field, value, names::label_value(value)));
        }
    }

    /// How many of the requirements can be read, and whether one can't.
    fn read(self, given: &Value) -> (usize, bool) {
        let raw = text(given, "/rawSelector");
        let requirements = requirements(given);
        if requirements.is_empty() {
            let readable = match self {
                Self::Fields => fields::Selector::parse(raw).is_ok(),
                Self::Labels => labels::Selector::parse(raw).is_ok(),
            };
            return (0, !readable);
        }
        let read = requirements
            .iter()
            .filter(|requirement| self.reads(requirement));
        let read = read.count();
        (read, read < requirements.len())
    }

    fn reads(self, requirement: &Value) -> bool {
        let count = values(requirement).len();
        match (self, text(requirement, "/operator")) {
            (Self::Fields, "In" | "NotIn") => count == 1,
            (Self::Labels, "In" | "NotIn") => count > 0,
            (Self::Labels, "Exists" | "DoesNotExist") => count == 0,
            (Self::Fields | Self::Labels, _) => false,
        }
    }
}

fn requirements(given: &Value) -> &[Value] {
    let all = given.get("requirements").and_then(Value::as_array);
    all.map(Vec::as_slice).unwrap_or_default()
}

fn values(requirement: &Value) -> Vec<&str> {
    let all = requirement.get("values").and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Which selectors were ignored because they can't be read, as a review's status says it.
pub(super) fn evaluation_error(attributes: &Map<String, Value>) -> String {
    let mut errors = Vec::new();
    for (name, selector) in [
        ("fieldSelector", Selector::Fields),
        ("labelSelector", Selector::Labels),
    ] {
        let Some(given) = attributes.get(name) else {
            continue;
        };
        let (read, failed) = selector.read(given);
        if failed {
            let partially = if read > 0 { "partially " } else { "" };
            errors.push(format!(
                "spec.resourceAttributes.{name} {partially}ignored due to parse error"
            ));
        }
    }
    errors.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &Value, about: About) -> String {
        check(body, about).map_or_else(|error| error.message.clone(), |()| "fine".to_owned())
    }

    #[test]
    fn a_review_asks_about_one_thing_and_says_nothing_else() {
        let both =
            json!({"spec": {"resourceAttributes": {}, "nonResourceAttributes": {"path": "/a"}}});
        assert_eq!(
            refusal(&both, About::Oneself),
            ".authorization.k8s.io \"\" is invalid: spec.nonResourceAttributes: Invalid value: \
             {\"Path\":\"/a\",\"Verb\":\"\"}: cannot be specified in combination with resourceAttributes"
        );
        let named = json!({"metadata": {"name": "n", "managedFields": []}, "spec": {"resourceAttributes": {}}});
        assert!(
            refusal(&named, About::Oneself).contains("metadata: Invalid value: {\"name\":\"n\"")
        );
        let owned =
            json!({"metadata": {"managedFields": [{}]}, "spec": {"resourceAttributes": {}}});
        assert_eq!(refusal(&owned, About::Oneself), "fine");
        assert!(refusal(&owned, About::Somebody).contains("at least one of user or group"));
    }

    #[test]
    fn selectors_that_cannot_be_read_are_told() {
        let told = |attributes: Value| evaluation_error(attributes.as_object().unwrap());
        let odd = json!({"key": "a", "operator": "Odd"});
        let known = json!({"key": "a", "operator": "In", "values": ["b"]});
        assert_eq!(
            told(json!({"labelSelector": {"requirements": [known]}})),
            ""
        );
        assert_eq!(
            told(
                json!({"labelSelector": {"requirements": [known, odd]}, "fieldSelector": {"requirements": [odd]}})
            ),
            "spec.resourceAttributes.fieldSelector ignored due to parse error; \
             spec.resourceAttributes.labelSelector partially ignored due to parse error"
        );
    }
}
