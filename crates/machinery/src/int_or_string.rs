//! Numbers that may also be percentages. Mirrors `apimachinery/pkg/util/intstr`.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// An `int32` or a text, usually a percentage such as `25%`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A plain number.
    Int(i32),
    /// A text: a percentage, or the name of a port.
    String(String),
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

/// Takes a number or a text.
struct Either;

impl Visitor<'_> for Either {
    type Value = IntOrString;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of 32 bits or a text")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<IntOrString, E> {
        let int = i32::try_from(number).map(IntOrString::Int);
        int.map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<IntOrString, E> {
        let int = i32::try_from(number).map(IntOrString::Int);
        int.map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }

    /// YAML's `1e+3` is a whole number to a server, which gets it as JSON: Go writes it as `1000`.
    fn visit_f64<E: Error>(self, number: f64) -> Result<IntOrString, E> {
        let whole =
            number.fract() == 0.0 && number >= f64::from(i32::MIN) && number <= f64::from(i32::MAX);
        if !whole {
            return Err(E::invalid_value(
                serde::de::Unexpected::Float(number),
                &self,
            ));
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "it is whole and within the bounds"
        )]
        Ok(IntOrString::Int(number as i32))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<IntOrString, E> {
        Ok(IntOrString::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<IntOrString, E> {
        Ok(IntOrString::String(text))
    }
}

#[test]
fn numbers_and_texts_are_read() {
    let read = |value: Value| {
        serde_json::from_value(value).map_err(|error: serde_json::Error| error.to_string())
    };
    let refused = |what: &str| {
        Err(format!(
            "invalid {what}, expected a whole number of 32 bits or a text"
        ))
    };
    for (value, wanted) in [
        (serde_json::json!(5), Ok(IntOrString::Int(5))),
        (serde_json::json!(-5), Ok(IntOrString::Int(-5))),
        (serde_json::json!(1e3), Ok(IntOrString::Int(1000))),
        (
            serde_json::json!("25%"),
            Ok(IntOrString::String("25%".to_owned())),
        ),
        (
            serde_json::json!(1.5),
            refused("value: floating point `1.5`"),
        ),
        (
            serde_json::json!(3_000_000_000_u32),
            refused("value: integer `3000000000`"),
        ),
        (serde_json::json!(true), refused("type: boolean `true`")),
    ] {
        assert_eq!(read(value.clone()), wanted, "{value}");
    }
}

/// Why a value cannot be scaled; prints Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// Neither a number nor something ending in `%`.
    #[error("invalid value for IntOrString: invalid type: string is not a percentage")]
    NotAPercentage,
    /// What stands before the `%` is not a number.
    #[error(
        "invalid value for IntOrString: invalid value {text:?}: strconv.Atoi: parsing {digits:?}: invalid syntax"
    )]
    NotANumber {
        /// The whole text.
        text: String,
        /// The text without the percent sign.
        digits: String,
    },
}

impl IntOrString {
    /// Reads a JSON number or string; `None` for anything else or a number outside `int32`.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number
                .as_i64()
                .and_then(|int| i32::try_from(int).ok())
                .map(Self::Int),
            Value::String(text) => Some(Self::String(text.clone())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A number if the text is one, the text otherwise (`intstr.Parse`).
    pub fn parse(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::String(text.to_owned()), Self::Int)
    }

    /// The number, or for a text the number it spells, 0 if none (`IntValue`).
    pub fn int_value(&self) -> i32 {
        match self {
            Self::Int(int) => *int,
            Self::String(text) => text.parse().unwrap_or_default(),
        }
    }

    /// The number itself, or that percentage of `total`, rounded up or down
    /// (`GetScaledValueFromIntOrPercent`).
    pub fn scaled(&self, total: i32, round_up: bool) -> Result<i32, ScaleError> {
        let text = match self {
            Self::Int(int) => return Ok(*int),
            Self::String(text) => text,
        };
        let digits = text.strip_suffix('%').ok_or(ScaleError::NotAPercentage)?;
        let percent: i64 = digits.parse().map_err(|_| ScaleError::NotANumber {
            text: text.clone(),
            digits: digits.to_owned(),
        })?;
        let product = i128::from(percent) * i128::from(total);
        let floor = product.div_euclid(100);
        let value = if round_up && product.rem_euclid(100) != 0 {
            floor + 1
        } else {
            floor
        };
        Ok(i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX }))
    }
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => int.fmt(f),
            Self::String(text) => text.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_as_asked() {
        let quarter = IntOrString::parse("25%");
        assert_eq!(quarter.scaled(10, true), Ok(3));
        assert_eq!(quarter.scaled(10, false), Ok(2));
        assert_eq!(IntOrString::parse("7").scaled(10, false), Ok(7));
        assert_eq!(IntOrString::parse("-25%").scaled(10, true), Ok(-2));
    }

    #[test]
    fn a_text_without_percent_sign_cannot_be_scaled() {
        assert_eq!(
            IntOrString::parse("x")
                .scaled(1, true)
                .unwrap_err()
                .to_string(),
            "invalid value for IntOrString: invalid type: string is not a percentage"
        );
        assert_eq!(
            IntOrString::parse("x%")
                .scaled(1, true)
                .unwrap_err()
                .to_string(),
            r#"invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax"#
        );
    }

    #[test]
    fn json_keeps_numbers_and_texts_apart() {
        let read: Vec<IntOrString> = serde_json::from_str(r#"[1,"1"]"#).unwrap();
        assert_eq!(
            read,
            [IntOrString::Int(1), IntOrString::String("1".to_owned())]
        );
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"[1,"1"]"#);
    }
}
