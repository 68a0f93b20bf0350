//! Label selectors: parsing, printing and matching. Mirrors `apimachinery/pkg/labels/selector.go` and
//! `meta/v1/helpers.go`.

mod parse;

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use crate::decode::quote;
use crate::pointer::{items, text};
use crate::{meta, names};

/// How a requirement compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `key in (a,b)`
    In,
    /// `key notin (a,b)`
    NotIn,
    /// `key=a`
    Equals,
    /// `key==a`
    DoubleEquals,
    /// `key!=a`
    NotEquals,
    /// `key`
    Exists,
    /// `!key`
    DoesNotExist,
    /// `key>1`
    GreaterThan,
    /// `key<1`
    LessThan,
}

/// One condition on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// A conjunction of requirements, sorted by key; or nothing at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    requirements: Vec<Requirement>,
    nothing: bool,
}

/// Why something is no label selector; prints Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub(crate) String);

impl Requirement {
    /// Checks key, operator and values against each other (`NewRequirement`).
    pub fn new(key: &str, operator: Operator, values: Vec<String>) -> Result<Self, SelectorError> {
        let mut errors = Vec::new();
        let complaints = names::label_key(key);
        if !complaints.is_empty() {
            errors.push(format!(
                "key: Invalid value: {}: {}",
                quote(key),
                complaints.join("; ")
            ));
        }
        errors.extend(count_error(operator, &values));
        if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
            for (index, value) in values
                .iter()
                .enumerate()
                .filter(|(_, value)| value.parse::<i64>().is_err())
            {
                let value = quote(value);
                errors.push(format!(
                    "values[{index}]: Invalid value: {value}: for 'Gt', 'Lt' operators, the value must be an integer"
                ));
            }
        }
        for (index, value) in values.iter().enumerate() {
            let complaints = names::label_value(value);
            if !complaints.is_empty() {
                let (value, complaints) = (quote(value), complaints.join("; "));
                errors.push(format!(
                    "values[{index}][{key}]: Invalid value: {value}: {complaints}"
                ));
            }
        }
        match errors.as_slice() {
            [] => Ok(Self {
                key: key.to_owned(),
                operator,
                values,
            }),
            [error] => Err(SelectorError(error.clone())),
            errors => Err(SelectorError(format!("[{}]", errors.join(", ")))),
        }
    }

    /// The label's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How it compares.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// What it compares with.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether a set of labels fulfils this.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => {
                value.is_some_and(|value| self.values.contains(value))
            }
            Operator::NotIn | Operator::NotEquals => {
                value.is_none_or(|value| !self.values.contains(value))
            }
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan => self.compare(value).is_some_and(std::cmp::Ordering::is_gt),
            Operator::LessThan => self.compare(value).is_some_and(std::cmp::Ordering::is_lt),
        }
    }

    fn compare(&self, value: Option<&String>) -> Option<std::cmp::Ordering> {
        let [limit] = self.values.as_slice() else {
            return None;
        };
        let value: i64 = value?.parse().ok()?;
        Some(value.cmp(&limit.parse().ok()?))
    }
}

fn count_error(operator: Operator, values: &[String]) -> Option<String> {
    let detail = match (operator, values) {
        (Operator::In | Operator::NotIn, []) => {
            "for 'in', 'notin' operators, values set can't be empty"
        }
        (Operator::Equals | Operator::DoubleEquals | Operator::NotEquals, values)
            if values.len() != 1 =>
        {
            "exact-match compatibility requires one single value"
        }
        (Operator::Exists | Operator::DoesNotExist, [_, ..]) => {
            "values set must be empty for exists and does not exist"
        }
        (Operator::GreaterThan | Operator::LessThan, values) if values.len() != 1 => {
            "for 'Gt', 'Lt' operators, exactly one value is required"
        }
        _ => return None,
    };
    let list = if values.is_empty() {
        "null".to_owned()
    } else {
        Value::from(values.to_vec()).to_string()
    };
    Some(format!("values: Invalid value: {list}: {detail}"))
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let mut values = self.values.clone();
        values.sort_unstable();
        let values = values.join(",");
        match self.operator {
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::Exists => write!(f, "{key}"),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

impl Selector {
    /// Selects every object.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Selects no object.
    pub fn nothing() -> Self {
        Self {
            requirements: Vec::new(),
            nothing: true,
        }
    }

    /// Reads the text form: `a=b,c!=d,e in (f,g),h,!i,j>1`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Ok(Self::from_requirements(parse::parse(text)?))
    }

    /// All of these requirements.
    pub fn from_requirements(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Self {
            requirements,
            nothing: false,
        }
    }

    /// Every pair must be there, without checking keys and values (`SelectorFromSet`): selectors of services and
    /// replication controllers. An empty set selects everything.
    pub fn from_set(set: &BTreeMap<String, String>) -> Self {
        let requirements = set.iter().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::Equals,
            values: vec![value.clone()],
        });
        Self {
            requirements: requirements.collect(),
            nothing: false,
        }
    }

    /// Reads a `metav1.LabelSelector`: null selects nothing, an empty one everything (`LabelSelectorAsSelector`).
    pub fn from_label_selector(selector: &Value) -> Result<Self, SelectorError> {
        if selector.is_null() {
            return Ok(Self::nothing());
        }
        let mut requirements = Vec::new();
        for (key, value) in meta::string_map(selector.get("matchLabels")) {
            requirements.push(Requirement::new(&key, Operator::Equals, vec![value])?);
        }
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.into_iter().flatten() {
            let text = |field: &str| {
                expression
                    .get(field)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let operator = match text("operator") {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    return Err(SelectorError(format!(
                        "{} is not a valid label selector operator",
                        quote(other)
                    )));
                }
            };
            let values = expression.get("values").and_then(Value::as_array);
            let values = values
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            requirements.push(Requirement::new(text("key"), operator, values)?);
        }
        Ok(Self::from_requirements(requirements))
    }

    /// Whether every object is selected.
    pub fn is_empty(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }

    /// The requirements, sorted by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether a set of labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.nothing
            && self
                .requirements
                .iter()
                .all(|requirement| requirement.matches(labels))
    }

    /// Whether an object is selected by its `metadata.labels`.
    pub fn matches_object(&self, object: &Value) -> bool {
        self.matches(&meta::labels(object))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

/// How kubectl and tables print a `metav1.LabelSelector`: `<none>` if empty or absent, `<error>` if invalid
/// (`metav1.FormatLabelSelector`).
pub fn format_label_selector(selector: &Value) -> String {
    match Selector::from_label_selector(selector) {
        Ok(selector) => Some(selector.to_string())
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "<none>".to_owned()),
        Err(_) => "<error>".to_owned(),
    }
}

/// How tables print a set of labels: `a=b,c=d`, `<none>` if empty (`labels.FormatLabels`).
pub fn format_labels(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return "<none>".to_owned();
    }
    labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// A `metav1.LabelSelector` as Go prints the pointer to one.
pub fn go_selector(selector: Option<&Value>) -> String {
    let Some(selector) = selector.filter(|s| !s.is_null()) else {
        return "nil".to_owned();
    };
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let labels: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or_default()))
        .collect();
    let labels = labels.concat();
    let expressions: Vec<String> = items(selector, "/matchExpressions")
        .iter()
        .map(|one| {
            let values: Vec<&str> = items(one, "/values")
                .iter()
                .filter_map(Value::as_str)
                .collect();
            format!(
                "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
                text(one, "/key"),
                text(one, "/operator"),
                values.join(" ")
            )
        })
        .collect();
    let expressions = expressions.concat();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn every_operator_matches_as_its_name_says() {
        let labels = set(&[("a", "b"), ("n", "5")]);
        let cases = [
            ("a=b", true),
            ("a==c", false),
            ("a!=c", true),
            ("x!=c", true),
            ("a in (b,c)", true),
            ("a notin (b)", false),
            ("x notin (b)", true),
            ("a", true),
            ("!a", false),
            ("!x", true),
            ("n>4", true),
            ("n<5", false),
            ("a>1", false),
            ("a=b,x", false),
            ("", true),
        ];
        for (text, expected) in cases {
            assert_eq!(
                Selector::parse(text).unwrap().matches(&labels),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn selectors_are_printed_sorted_by_key_with_sorted_values() {
        let selector = Selector::parse(" z in (c, a) , b != x,!k, e ").unwrap();
        assert_eq!(selector.to_string(), "b!=x,e,!k,z in (a,c)");
    }

    #[test]
    fn a_null_label_selector_selects_nothing_and_an_empty_one_everything() {
        assert!(
            !Selector::from_label_selector(&Value::Null)
                .unwrap()
                .matches(&set(&[]))
        );
        assert!(
            Selector::from_label_selector(&json!({}))
                .unwrap()
                .matches(&set(&[]))
        );
    }

    #[test]
    fn label_selectors_print_as_the_text_form() {
        let selector = json!({
            "matchLabels": {"b": "1", "a": "2"},
            "matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["y", "x"]}, {"key": "d", "operator": "Exists"}],
        });
        assert_eq!(format_label_selector(&selector), "a=2,b=1,c notin (x,y),d");
        assert_eq!(format_label_selector(&Value::Null), "<none>");
        assert_eq!(
            format_label_selector(&json!({"matchExpressions": [{"key": "c", "operator": "Is"}]})),
            "<error>"
        );
    }

    #[test]
    fn selectors_are_printed_as_go_does() {
        assert_eq!(go_selector(None), "nil");
        assert_eq!(
            go_selector(Some(&json!({"matchLabels": {"a": "b"}}))),
            "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}"
        );
        let expression =
            json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]});
        assert_eq!(
            go_selector(Some(&expression)),
            "&LabelSelector{MatchLabels:map[string]string{},MatchExpressions:[]LabelSelectorRequirement{\
             LabelSelectorRequirement{Key:a,Operator:In,Values:[x y],},},}"
        );
    }
}
