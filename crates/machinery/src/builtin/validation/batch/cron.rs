//! The standard cron syntax with the error texts of `robfig/cron` v3.

use crate::duration::GoDuration;

struct Bounds {
    min: u64,
    max: u64,
    names: &'static [&'static str],
}

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DESCRIPTORS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

/// Minute, hour, day of month, month and day of week.
const FIELDS: [Bounds; 5] = [
    Bounds {
        min: 0,
        max: 59,
        names: &[],
    },
    Bounds {
        min: 0,
        max: 23,
        names: &[],
    },
    Bounds {
        min: 1,
        max: 31,
        names: &[],
    },
    Bounds {
        min: 1,
        max: 12,
        names: &MONTHS,
    },
    Bounds {
        min: 0,
        max: 6,
        names: &DAYS,
    },
];

/// Checks a schedule: five fields or a descriptor such as `@hourly`, with an optional `TZ=…` in front.
pub fn parse(schedule: &str) -> Result<(), String> {
    let mut text = schedule;
    if let Some((zone, rest)) = zone(schedule) {
        if zone != "UTC" && zone != "Local" && jiff::tz::TimeZone::get(zone).is_err() {
            return Err(format!(
                "provided bad location {zone}: unknown time zone {zone}"
            ));
        }
        text = rest.trim();
    }
    if text.starts_with('@') {
        return descriptor(text);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        ));
    }
    for (field, bounds) in fields.iter().zip(&FIELDS) {
        for range in field.split(',').filter(|range| !range.is_empty()) {
            self::range(range, bounds)?;
        }
    }
    Ok(())
}

fn zone(schedule: &str) -> Option<(&str, &str)> {
    let rest = schedule
        .strip_prefix("TZ=")
        .or_else(|| schedule.strip_prefix("CRON_TZ="))?;
    Some(rest.split_once(' ').unwrap_or((rest, "")))
}

fn descriptor(text: &str) -> Result<(), String> {
    if DESCRIPTORS.contains(&text) {
        return Ok(());
    }
    let Some(duration) = text.strip_prefix("@every ") else {
        return Err(format!("unrecognized descriptor: {text}"));
    };
    match GoDuration::parse(duration) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("failed to parse duration {text}: {error}")),
    }
}

fn range(text: &str, bounds: &Bounds) -> Result<(), String> {
    let mut parts = text.split('/');
    let span: Vec<&str> = parts.next().unwrap_or_default().split('-').collect();
    let (mut start, mut end) = (bounds.min, bounds.max);
    let single = span.len() == 1;
    match span.as_slice() {
        [] | ["*" | "?", ..] => {}
        [low] => {
            start = number_or_name(low, bounds)?;
            end = start;
        }
        [low, high] => {
            start = number_or_name(low, bounds)?;
            end = number_or_name(high, bounds)?;
        }
        [low, ..] => {
            number_or_name(low, bounds)?;
            return Err(format!("too many hyphens: {text}"));
        }
    }
    let mut step = 1;
    if let Some(part) = parts.next() {
        if parts.next().is_some() {
            return Err(format!("too many slashes: {text}"));
        }
        step = number(part)?;
        if single {
            end = bounds.max;
        }
    }
    if start < bounds.min {
        return Err(format!(
            "beginning of range ({start}) below minimum ({}): {text}",
            bounds.min
        ));
    }
    if end > bounds.max {
        return Err(format!(
            "end of range ({end}) above maximum ({}): {text}",
            bounds.max
        ));
    }
    if start > end {
        return Err(format!(
            "beginning of range ({start}) beyond end of range ({end}): {text}"
        ));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(())
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let name = bounds
        .names
        .iter()
        .position(|name| text.eq_ignore_ascii_case(name));
    match name {
        Some(index) => Ok(index as u64 + bounds.min),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let quoted = super::super::error::quote(text);
        return Err(format!(
            "failed to parse int from {text}: strconv.Atoi: parsing {quoted}: invalid syntax"
        ));
    }
    if let Ok(number) = text.parse::<i64>() {
        u64::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}"))
    } else {
        let quoted = super::super::error::quote(text);
        Err(format!(
            "failed to parse int from {text}: strconv.Atoi: parsing {quoted}: value out of range"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_schedules_are_accepted() {
        for schedule in [
            "0 0 1 1 *",
            "*/5 * * * MON-FRI",
            "@hourly",
            "@every 1h30m",
            "TZ=UTC 1 2 3 dec ?",
            "0,30 1-3/2 * * *",
        ] {
            assert_eq!(parse(schedule), Ok(()), "{schedule}");
        }
    }

    #[test]
    fn errors_have_the_words_of_the_go_library() {
        let cases = [
            ("x", "expected exactly 5 fields, found 1: [x]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            (
                "5-1 * * * *",
                "beginning of range (5) beyond end of range (1): 5-1",
            ),
            (
                "*/0 * * * *",
                "step of range should be a positive number: */0",
            ),
            (
                "a * * * *",
                "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax",
            ),
            ("@never", "unrecognized descriptor: @never"),
        ];
        for (schedule, error) in cases {
            assert_eq!(parse(schedule), Err(error.to_owned()), "{schedule}");
        }
    }
}
