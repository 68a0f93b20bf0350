//! Rows of custom resources: the columns a definition declares.

use machinery::{
    human,
    jsonpath::{self, JsonPath},
    time,
};
use serde_json::{Number, Value};

use super::columns::column_definition;
use super::view::View;

/// One entry of `additionalPrinterColumns`, compiled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PrinterColumn {
    name: String,
    kind: String,
    format: String,
    description: String,
    priority: i64,
    path: Option<JsonPath>,
}

impl PrinterColumn {
    /// Compiles one entry; a path that doesn't parse yields empty cells.
    pub(crate) fn from_value(column: &Value) -> Self {
        let text = |key: &str| {
            column
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let path = text("jsonPath");
        let description = match text("description") {
            empty if empty.is_empty() => {
                format!("Custom resource definition column (in JSONPath format): {path}")
            }
            description => description,
        };
        Self {
            name: text("name"),
            kind: text("type"),
            format: text("format"),
            description,
            priority: column
                .get("priority")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            path: JsonPath::parse_field_path(&path).ok(),
        }
    }

    /// What is shown of a Scale.
    pub(super) fn of_scale() -> [Self; 3] {
        let count = |name: &str, description: &str, path: &str| {
            Self::from_value(&serde_json::json!({
                "name": name, "type": "integer", "description": description, "jsonPath": path,
            }))
        };
        [
            count("Desired", "Number of desired replicas", ".spec.replicas"),
            count("Available", "Number of actual replicas", ".status.replicas"),
            Self::age(),
        ]
    }

    /// What a definition without columns shows.
    pub(crate) fn age() -> Self {
        let column = serde_json::json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"});
        Self {
            // The built-in text, which is left empty like those of other columns.
            description: String::new(),
            ..Self::from_value(&column)
        }
    }
}

pub(super) fn definitions(columns: &[PrinterColumn]) -> Vec<Value> {
    let declared = columns.iter().map(|column| {
        column_definition(
            &column.name,
            &column.kind,
            &column.format,
            &column.description,
            column.priority,
        )
    });
    std::iter::once(column_definition("Name", "string", "name", "", 0))
        .chain(declared)
        .collect()
}

pub(super) fn cells(columns: &[PrinterColumn], view: View<'_>) -> Vec<Value> {
    std::iter::once(view.name())
        .chain(columns.iter().map(|column| cell(column, view)))
        .collect()
}

fn cell(column: &PrinterColumn, view: View<'_>) -> Value {
    let found = column
        .path
        .as_ref()
        .and_then(|path| path.find_first(view.object()).ok().flatten());
    let Some(value) = found else {
        return Value::Null;
    };
    match (column.kind.as_str(), value.as_ref()) {
        ("string", value) => Value::from(jsonpath::print_value(value)),
        ("integer", Value::Number(number)) => truncated(number),
        ("number", Value::Number(number)) => number.as_f64().map_or(Value::Null, number_cell),
        ("boolean", Value::Bool(bool)) => Value::Bool(*bool),
        ("date", Value::String(text)) => Value::from(time::parse(text).map_or_else(
            |_| "<invalid>".to_owned(),
            |at| human::age(Some(at), view.now()),
        )),
        _ => Value::Null,
    }
}

/// Go's conversion of a number to `int64`, towards zero.
fn truncated(number: &Number) -> Value {
    if let Some(int) = number.as_i64() {
        return Value::from(int);
    }
    let text = format!("{:.0}", number.as_f64().unwrap_or_default().trunc());
    text.parse::<i64>().map_or(Value::Null, Value::from)
}

/// A floating point number as Go prints it in JSON: whole ones without a fraction.
fn number_cell(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}")
            .parse::<i64>()
            .map_or(Value::Null, Value::from);
    }
    Value::from(number)
}
