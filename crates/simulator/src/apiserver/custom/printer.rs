//! The printer columns of a version.

use serde_json::Value;

use super::super::table::PrinterColumn;

/// Declared columns, or the age alone.
pub(super) fn columns(version: &Value) -> Vec<PrinterColumn> {
    match version
        .get("additionalPrinterColumns")
        .and_then(Value::as_array)
    {
        Some(columns) if !columns.is_empty() => {
            columns.iter().map(PrinterColumn::from_value).collect()
        }
        Some(_) | None => vec![PrinterColumn::age()],
    }
}
