//! Bounds of numbers (`kube-openapi/pkg/validation/validate`, `numberValidator`).
//!
//! Bounds are floating point numbers there: an integer is compared with what is left of them without their fraction.

use machinery::builtin::validation::ErrorKind;
use machinery::go_json::{format_float, show_float};
use serde_json::{Number, Value};

use super::super::schema::Schema;
use super::Found;

/// Formats that say how large a number may be.
fn sized(schema: &Schema) -> &str {
    match (schema.kind.as_str(), schema.format.as_str()) {
        ("integer", format @ ("int32" | "int64")) | ("number", format @ ("float" | "double")) => {
            format
        }
        _ => "",
    }
}

/// What is said of a number that its type and format cannot hold.
fn out_of_range(schema: &Schema, number: &Number, what: &str, path: &str) -> Option<String> {
    let format = sized(schema);
    let fits = match (schema.kind.as_str(), format) {
        ("integer", "int32") => whole(number).is_some_and(|int| i32::try_from(int).is_ok()),
        ("integer", _) => whole(number).is_some(),
        ("number", "float") => number
            .as_f64()
            .is_none_or(|float| float.abs() <= f64::from(f32::MAX)),
        _ => true,
    };
    let kind = &schema.kind;
    let with = if format.is_empty() {
        "(default format)".to_owned()
    } else {
        format!("with format {format}")
    };
    (!fits).then(|| format!("{what} value must be of type {kind} {with} in {path}"))
}

/// The integer that a number is, whatever its notation: a float is written without an exponent, and read again.
fn whole(number: &Number) -> Option<i64> {
    match number.as_f64() {
        Some(float) if number.is_f64() => format_float(float).parse().ok(),
        Some(_) | None => number.as_i64(),
    }
}

/// A float without its fraction, where an integer can hold that.
#[expect(clippy::cast_possible_truncation, reason = "in range")]
fn truncated(float: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (-LIMIT..LIMIT).contains(&float).then_some(float as i64)
}

/// A number and a bound, both as the type that comparisons of them have.
enum Pair {
    Integers(i64, i64),
    Floats(f64, f64),
}

impl Pair {
    fn of(number: &Number, bound: f64, native: bool) -> Self {
        match number.as_i64().zip(truncated(bound)) {
            Some((int, bound)) if native => Self::Integers(int, bound),
            _ => Self::Floats(number.as_f64().unwrap_or_default(), bound),
        }
    }

    fn order(&self) -> std::cmp::Ordering {
        match self {
            Self::Integers(number, bound) => number.cmp(bound),
            Self::Floats(number, bound) => number
                .partial_cmp(bound)
                .unwrap_or(std::cmp::Ordering::Equal),
        }
    }

    fn is_multiple(&self) -> bool {
        match self {
            Self::Integers(number, factor) => number % factor == 0,
            Self::Floats(number, factor) => {
                let times = if *factor < 1.0 {
                    1.0 / factor * number
                } else {
                    number / factor
                };
                is_nearly_whole(times)
            }
        }
    }

    fn is_positive(&self) -> bool {
        match self {
            Self::Integers(_, bound) => *bound > 0,
            Self::Floats(_, bound) => *bound > 0.0,
        }
    }

    /// The bound, as Go's `%v`.
    fn bound(&self) -> String {
        match self {
            Self::Integers(_, bound) => bound.to_string(),
            Self::Floats(_, bound) => show_float(*bound),
        }
    }

    fn bound_value(&self) -> Value {
        match self {
            Self::Integers(_, bound) => Value::from(*bound),
            Self::Floats(_, bound) => Value::from(*bound),
        }
    }
}

/// Whether a quotient is a whole number but for the errors of floating point.
pub(super) fn is_nearly_whole(float: f64) -> bool {
    const NEARLY: f64 = 1e-9;
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    if !float.is_finite() || float.abs() > LARGEST {
        return false;
    }
    let whole = float.trunc();
    let off = (float - whole).abs();
    off == 0.0 || (whole != 0.0 && off / (float.abs() + whole.abs()) < NEARLY)
}

impl Found {
    /// Errors of a number, in the order of `numberValidator`.
    pub(super) fn number(&mut self, schema: &Schema, path: &str, number: &Number) {
        let value = Value::Number(number.clone());
        if let Some(text) = out_of_range(schema, number, "Checked", path) {
            self.plain(text);
        }
        if let Some((_, pair)) = self.bound(
            schema,
            path,
            number,
            schema.multiple_of.as_ref(),
            "MultipleOf",
        ) {
            if !pair.is_positive() {
                let detail = format!(
                    "factor MultipleOf declared for {path} must be positive: {}",
                    pair.bound()
                );
                self.add(ErrorKind::Invalid, path, &pair.bound_value(), detail);
            } else if !pair.is_multiple() {
                let complaint = format!("should be a multiple of {}", pair.bound());
                self.invalid(path, &value, &complaint);
            }
        }
        let minimum = schema.minimum.as_ref();
        if let Some((order, pair)) = self.bound(schema, path, number, minimum, "Minimum boundary") {
            let exclusive = schema.exclusive_minimum;
            if order.is_lt() || (exclusive && order.is_eq()) {
                let or_equal = if exclusive { "" } else { " or equal to" };
                let complaint = format!("should be greater than{or_equal} {}", pair.bound());
                self.invalid(path, &value, &complaint);
            }
        }
        let maximum = schema.maximum.as_ref();
        if let Some((order, pair)) = self.bound(schema, path, number, maximum, "Maximum boundary") {
            let exclusive = schema.exclusive_maximum;
            if order.is_gt() || (exclusive && order.is_eq()) {
                let or_equal = if exclusive { "" } else { " or equal to" };
                let complaint = format!("should be less than{or_equal} {}", pair.bound());
                self.invalid(path, &value, &complaint);
            }
        }
    }

    /// How a number compares with a bound; one that its type cannot hold is an error by itself.
    fn bound(
        &mut self,
        schema: &Schema,
        path: &str,
        number: &Number,
        bound: Option<&Number>,
        what: &str,
    ) -> Option<(std::cmp::Ordering, Pair)> {
        let bound = bound?;
        let complaint = out_of_range(schema, bound, what, path);
        let pair = Pair::of(number, bound.as_f64()?, complaint.is_none());
        if let Some(text) = complaint {
            self.plain(text);
        }
        Some((pair.order(), pair))
    }
}
