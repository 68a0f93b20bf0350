//! Durations of Prometheus: `1h30m`, units from years down to milliseconds, each at most once and in that order.

/// Units with their length in milliseconds, longest first.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest, in milliseconds: Go counts nanoseconds in 63 bits.
const LONGEST: u64 = 9_223_372_036_854;

/// Milliseconds of a duration; the error is Prometheus' text.
pub fn milliseconds(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    let invalid = || format!("not a valid duration string: {text:?}");
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .filter(|digits| *digits > 0);
        let (number, after) = rest
            .split_at_checked(digits.ok_or_else(invalid)?)
            .ok_or_else(invalid)?;
        let letters = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters).ok_or_else(invalid)?;
        let (_, length) = units.find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        let overflow = || "duration out of range".to_owned();
        let number: u64 = number.parse().map_err(|_| overflow())?;
        let part = number.checked_mul(*length).ok_or_else(overflow)?;
        total = total.checked_add(part).ok_or_else(overflow)?;
        if total > LONGEST {
            return Err(overflow());
        }
        rest = after;
    }
    Ok(total)
}

/// A duration of that many milliseconds in Prometheus' own spelling: `1h30m`, and years, weeks and days only if nothing is
/// left.
pub fn printed(milliseconds: u64) -> String {
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    let mut rest = milliseconds;
    let mut text = String::new();
    for (unit, length) in UNITS {
        let whole = ["y", "w", "d"].contains(&unit);
        if rest >= length && (!whole || rest.is_multiple_of(length)) {
            text.push_str(&(rest / length).to_string());
            text.push_str(unit);
            rest %= length;
        }
    }
    text
}

/// A scrape must end before the next one begins.
pub fn timeout_within_interval(timeout: &str, interval: &str) -> Result<(), String> {
    let longest = milliseconds(interval)
        .map_err(|error| format!("invalid scrapeInterval {interval:?}: {error}"))?;
    let wanted = milliseconds(timeout)
        .map_err(|error| format!("invalid scrapeTimeout: {timeout:?}: {error}"))?;
    if wanted > longest {
        return Err(format!(
            "scrapeTimeout {timeout:?} greater than scrapeInterval {interval:?}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_once_and_from_the_longest() {
        assert_eq!(milliseconds("1h30m"), Ok(5_400_000));
        assert_eq!(milliseconds("1d1ms"), Ok(86_400_001));
        assert_eq!(milliseconds("0"), Ok(0));
        for text in ["", "30", "1m1h", "1s1s", "-1s", "1.5h", "h", "1 s"] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
        assert!(milliseconds("292y").is_ok());
        for text in ["300y", "9223372036855ms", "99999999999999999999s"] {
            assert_eq!(milliseconds(text), Err("duration out of range".to_owned()));
        }
    }

    #[test]
    fn durations_are_spelled_as_prometheus_spells_them() {
        let cases = [
            ("60s", "1m"),
            ("90m", "1h30m"),
            ("14d", "2w"),
            ("25h", "25h"),
            ("1500ms", "1s500ms"),
            ("0", "0s"),
        ];
        for (given, spelled) in cases {
            assert_eq!(printed(milliseconds(given).unwrap()), spelled);
        }
    }

    #[test]
    fn a_timeout_may_equal_the_interval() {
        assert_eq!(timeout_within_interval("30s", "30s"), Ok(()));
        assert_eq!(
            timeout_within_interval("60s", "30s"),
            Err(r#"scrapeTimeout "60s" greater than scrapeInterval "30s""#.to_owned())
        );
    }
}
