//! Numbers that may also be percentages. Mirrors `apimachinery/pkg/util/intstr`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An `int32` or a text, usually a percentage such as `25%`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A plain number.
    Int(i32),
    /// A text: a percentage, or the name of a port.
    String(String),
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
