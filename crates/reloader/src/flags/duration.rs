//! Durations as Go's `time.ParseDuration` reads them: `1h2m`, `1.5s`, `300ms`, `0`. (`machinery` has them too, and a lot
//! that a sidecar should not carry.)

use std::time::Duration;

/// Units and their nanoseconds, the longer names first where one begins like another.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration that isn't negative; nothing if it isn't one or doesn't fit into Go's.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let text = match text.strip_prefix('-') {
        // Zero has no sign.
        Some(rest) => return duration_of(rest).filter(Duration::is_zero),
        None => text,
    };
    duration_of(text)
}

fn duration_of(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut sum: u64 = 0;
    while !rest.is_empty() || text.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at_checked(end)?;
        let (nanoseconds, after) = UNITS
            .iter()
            .find_map(|(name, nanoseconds)| Some((*nanoseconds, unit.strip_prefix(name)?)))?;
        sum = sum.checked_add(amount(number, nanoseconds)?)?;
        rest = after;
    }
    i64::try_from(sum).ok()?;
    Some(Duration::from_nanos(sum))
}

/// A number with an optional fraction, in units of so many nanoseconds.
fn amount(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // What is behind the eighteenth digit is less than a nanosecond of any unit.
    let digits = fraction.get(..18.min(fraction.len()))?;
    let part = if fraction.is_empty() {
        0
    } else {
        let scale = 10_u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
        fraction
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(())?;
        u64::try_from(digits.parse::<u128>().ok()? * u128::from(unit) / scale).ok()?
    };
    whole.checked_mul(unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_does() {
        for (text, milliseconds) in [
            ("3m", 180_000),
            ("1h2m3s", 3_723_000),
            ("1.5s", 1_500),
            (".5s", 500),
            ("1.s", 1_000),
            ("250ms", 250),
            ("+5s", 5_000),
            ("0", 0),
            ("-0", 0),
            ("0s", 0),
            ("1m0.001s", 60_001),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        assert_eq!(duration("2µs"), Some(Duration::from_micros(2)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1x",
            "1 s",
            "1s2",
            "1..5s",
            ".s",
            "+",
            "9999999999h",
            "1.x5s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
