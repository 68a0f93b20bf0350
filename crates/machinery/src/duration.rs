//! Go's `time.Duration`: `1h30m`, `1.5s`, `-2us`. Mirrors `time.ParseDuration` and `Duration.String`.

use std::fmt;

/// A span in nanoseconds, signed, as in Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct GoDuration {
    nanos: i64,
}

/// Why a text is no duration; prints Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Malformed or too large.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that does not exist.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

const SECOND: u64 = 1_000_000_000;

impl GoDuration {
    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self { nanos }
    }

    /// From whole seconds, at the limit of the type if too many.
    pub const fn from_secs(seconds: i64) -> Self {
        Self {
            nanos: seconds.saturating_mul(1_000_000_000),
        }
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.nanos
    }

    /// In whole seconds, towards zero.
    pub const fn as_secs(self) -> i64 {
        self.nanos / 1_000_000_000
    }

    /// In milliseconds, towards zero.
    pub const fn as_millis(self) -> i64 {
        self.nanos / 1_000_000
    }

    /// As a standard duration; `None` if negative.
    pub fn to_std(self) -> Option<std::time::Duration> {
        u64::try_from(self.nanos)
            .ok()
            .map(std::time::Duration::from_nanos)
    }

    /// Reads what Go reads: an optional sign, then numbers with units `ns`, `us`, `µs`, `ms`, `s`, `m`, `h`; `0` alone.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let invalid = || DurationError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self::default());
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (number, after) = Number::read(rest).ok_or_else(invalid)?;
            let (unit, after) = after.split_at(
                after
                    .find(|c: char| c == '.' || c.is_ascii_digit())
                    .unwrap_or(after.len()),
            );
            if unit.is_empty() {
                return Err(DurationError::MissingUnit(text.to_owned()));
            }
            let scale = unit_nanos(unit).ok_or_else(|| DurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            })?;
            let nanos = number.times(scale).ok_or_else(invalid)?;
            total = total
                .checked_add(nanos)
                .filter(|sum| *sum <= 1 << 63)
                .ok_or_else(invalid)?;
            rest = after;
        }
        let signed = if negative {
            -i128::from(total)
        } else {
            i128::from(total)
        };
        i64::try_from(signed)
            .map(Self::from_nanos)
            .map_err(|_| invalid())
    }
}

/// `digits[.digits]` before a unit.
struct Number {
    whole: u64,
    fraction: u64,
    fraction_scale: f64,
}

impl Number {
    fn read(text: &str) -> Option<(Self, &str)> {
        let digits = |text: &str| {
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let (whole, rest) = text.split_at_checked(digits(text))?;
        let (fraction, after) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at_checked(digits(rest))?,
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole = if whole.is_empty() {
            0
        } else {
            whole.parse().ok().filter(|value| *value <= 1 << 63)?
        };
        let mut number = Self {
            whole,
            fraction: 0,
            fraction_scale: 1.0,
        };
        for digit in fraction.bytes() {
            let next = number
                .fraction
                .checked_mul(10)
                .and_then(|value| value.checked_add(u64::from(digit - b'0')));
            let Some(next) = next.filter(|value| *value <= i64::MAX.unsigned_abs()) else {
                break;
            };
            number.fraction = next;
            number.fraction_scale *= 10.0;
        }
        Some((number, after))
    }

    /// Nanoseconds of this many units of `scale` nanoseconds; the fraction in floating point as Go does.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Go's own arithmetic"
    )]
    fn times(&self, scale: u64) -> Option<u64> {
        let whole = self
            .whole
            .checked_mul(scale)
            .filter(|nanos| *nanos <= 1 << 63)?;
        let fraction = self.fraction as f64 * (scale as f64 / self.fraction_scale);
        whole
            .checked_add(fraction as u64)
            .filter(|nanos| *nanos <= 1 << 63)
    }
}

fn unit_nanos(unit: &str) -> Option<u64> {
    match unit {
        "ns" => Some(1),
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(SECOND),
        "m" => Some(60 * SECOND),
        "h" => Some(3_600 * SECOND),
        _ => None,
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos.unsigned_abs();
        let sign = if self.nanos < 0 { "-" } else { "" };
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{sign}{nanos}ns"),
            1_000..1_000_000 => write!(f, "{sign}{}\u{b5}s", decimal(nanos, 1_000)),
            1_000_000..SECOND => write!(f, "{sign}{}ms", decimal(nanos, 1_000_000)),
            SECOND.. => {
                let minutes = nanos / SECOND / 60;
                let seconds = decimal(nanos - minutes * 60 * SECOND, SECOND);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => write!(f, "{sign}{seconds}s"),
                    (0, minutes) => write!(f, "{sign}{minutes}m{seconds}s"),
                    (hours, minutes) => write!(f, "{sign}{hours}h{minutes}m{seconds}s"),
                }
            }
        }
    }
}

/// `nanos / unit` with as many decimals as needed.
fn decimal(nanos: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", nanos / unit, nanos % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (300_000_000_000, "5m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_400_000_000_001, "1h30m0.000000001s"),
            (-10_000_000_000, "-10s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(GoDuration::from_nanos(nanos).to_string(), text);
            assert_eq!(GoDuration::parse(text), Ok(GoDuration::from_nanos(nanos)));
        }
    }

    #[test]
    fn numbers_may_have_fractions_and_units_may_repeat() {
        assert_eq!(
            GoDuration::parse("1.5h.5s"),
            Ok(GoDuration::from_nanos(5_400_500_000_000))
        );
        assert_eq!(GoDuration::parse("+1h1h"), Ok(GoDuration::from_secs(7_200)));
        assert_eq!(GoDuration::parse("0"), Ok(GoDuration::default()));
    }

    #[test]
    fn refusals_have_the_words_of_go() {
        let text = |text: &str| GoDuration::parse(text).unwrap_err().to_string();
        assert_eq!(text(""), r#"time: invalid duration """#);
        assert_eq!(text("3"), r#"time: missing unit in duration "3""#);
        assert_eq!(text("1d"), r#"time: unknown unit "d" in duration "1d""#);
        assert_eq!(text("."), r#"time: invalid duration ".""#);
        assert_eq!(
            text("9223372036854775808ns"),
            r#"time: invalid duration "9223372036854775808ns""#
        );
    }
}
