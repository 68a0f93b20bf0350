//! Schedules of `CronJobs`: the standard cron syntax with the error texts of `robfig/cron` v3, and when a schedule is due next.
//!
//! Mirrors `parser.go`, `spec.go` and `constantdelay.go` of `github.com/robfig/cron/v3`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::duration::GoDuration;

/// Years after which a schedule that never matches is given up.
const YEARS: i16 = 5;

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    when: When,
    zone: TimeZone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// At every minute that fits.
    Fields(Fields),
    /// So many seconds after the last time.
    Every(i64),
}

/// One bit per number, and whether the field was a star: then the other one of day of month and day of week decides alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Set {
    bits: u64,
    star: bool,
}

impl Set {
    fn has<N: TryInto<u64>>(self, number: N) -> bool {
        number
            .try_into()
            .is_ok_and(|n| n < 64 && self.bits & (1 << n) != 0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fields {
    minute: Set,
    hour: Set,
    day: Set,
    month: Set,
    weekday: Set,
}

impl Schedule {
    /// The same schedule on the clock of another time zone.
    #[must_use]
    pub fn in_zone(self, zone: TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// The first time after `after`; `None` where there is none within five years.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self.when {
            When::Every(seconds) => {
                let whole = Timestamp::from_second(after.as_second()).ok()?;
                whole.checked_add(SignedDuration::from_secs(seconds)).ok()
            }
            When::Fields(fields) => fields.next(after, &self.zone),
        }
    }
}

impl Fields {
    fn next(self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let minute = after.as_second().div_euclid(60) + 1;
        let start = Timestamp::from_second(minute * 60)
            .ok()?
            .to_zoned(zone.clone());
        let mut day = start.date();
        let last = day.checked_add(YEARS.years()).ok()?;
        let mut at = start;
        loop {
            if self.has_day(day)
                && let Some(found) = self.next_in_day(&at, day)
            {
                return Some(found);
            }
            day = day.tomorrow().ok()?;
            if day > last {
                return None;
            }
            if self.has_day(day) {
                at = zone
                    .to_ambiguous_zoned(day.at(0, 0, 0, 0))
                    .compatible()
                    .ok()?;
            }
        }
    }

    fn has_day(self, date: Date) -> bool {
        let by_day = self.day.has(date.day());
        let by_weekday = self.weekday.has(date.weekday().to_sunday_zero_offset());
        let fits = if self.day.star || self.weekday.star {
            by_day && by_weekday
        } else {
            by_day || by_weekday
        };
        fits && self.month.has(date.month())
    }

    /// Goes through the day by the minute as time passes: an hour that the clock repeats is due twice, one it leaves out not at all.
    fn next_in_day(self, from: &Zoned, day: Date) -> Option<Timestamp> {
        let mut at = from.clone();
        while at.date() == day {
            if self.hour.has(at.hour()) && self.minute.has(at.minute()) {
                return Some(at.timestamp());
            }
            let minutes = if self.hour.has(at.hour()) {
                1
            } else {
                60 - i64::from(at.minute())
            };
            at = at.checked_add(SignedDuration::from_mins(minutes)).ok()?;
        }
        None
    }
}

struct Bounds {
    min: u64,
    max: u64,
    names: &'static [&'static str],
}

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// Descriptors and the fields they stand for.
const DESCRIPTORS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
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

/// Reads a schedule: five fields or a descriptor such as `@hourly`, with an optional `TZ=…` in front (UTC without one).
pub fn parse(schedule: &str) -> Result<Schedule, String> {
    let mut text = schedule;
    let mut clock = TimeZone::UTC;
    if let Some((zone, rest)) = zone(schedule) {
        if zone != "UTC" && zone != "Local" {
            clock = TimeZone::get(zone)
                .map_err(|_| format!("provided bad location {zone}: unknown time zone {zone}"))?;
        }
        text = rest.trim();
    }
    let when = if text.starts_with('@') {
        descriptor(text)?
    } else {
        When::Fields(fields(text)?)
    };
    Ok(Schedule { when, zone: clock })
}

/// Whether a schedule names its time zone itself (`TZ=…`, `CRON_TZ=…`).
pub fn names_zone(schedule: &str) -> bool {
    schedule.contains("TZ")
}

fn fields(text: &str) -> Result<Fields, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        ));
    }
    let mut sets = [Set::default(); FIELDS.len()];
    for ((field, bounds), set) in fields.iter().zip(&FIELDS).zip(&mut sets) {
        for range in field.split(',').filter(|range| !range.is_empty()) {
            let Set { bits, star } = self::range(range, bounds)?;
            set.bits |= bits;
            set.star |= star;
        }
    }
    let [minute, hour, day, month, weekday] = sets;
    Ok(Fields {
        minute,
        hour,
        day,
        month,
        weekday,
    })
}

fn zone(schedule: &str) -> Option<(&str, &str)> {
    let rest = schedule
        .strip_prefix("TZ=")
        .or_else(|| schedule.strip_prefix("CRON_TZ="))?;
    Some(rest.split_once(' ').unwrap_or((rest, "")))
}

fn descriptor(text: &str) -> Result<When, String> {
    if let Some((_, meaning)) = DESCRIPTORS.iter().find(|(name, _)| *name == text) {
        return fields(meaning).map(When::Fields);
    }
    let Some(duration) = text.strip_prefix("@every ") else {
        return Err(format!("unrecognized descriptor: {text}"));
    };
    match GoDuration::parse(duration) {
        Ok(duration) => Ok(When::Every((duration.as_millis() / 1000).max(1))),
        Err(error) => Err(format!("failed to parse duration {text}: {error}")),
    }
}

fn range(text: &str, bounds: &Bounds) -> Result<Set, String> {
    let mut parts = text.split('/');
    let span: Vec<&str> = parts.next().unwrap_or_default().split('-').collect();
    let (mut start, mut end) = (bounds.min, bounds.max);
    let single = span.len() == 1;
    let mut star = false;
    match span.as_slice() {
        [] | ["*" | "?", ..] => star = true,
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
        star &= step <= 1;
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
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    let bits = (start..=end).step_by(step).fold(0, |bits, n| bits | 1 << n);
    Ok(Set { bits, star })
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
        let quoted = crate::decode::quote(text);
        return Err(format!(
            "failed to parse int from {text}: strconv.Atoi: parsing {quoted}: invalid syntax"
        ));
    }
    if let Ok(number) = text.parse::<i64>() {
        u64::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}"))
    } else {
        let quoted = crate::decode::quote(text);
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
            assert!(parse(schedule).is_ok(), "{schedule}");
        }
    }

    fn times(schedule: &str, zone: &str, after: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let schedule = parse(schedule).unwrap().in_zone(zone);
        let mut at: Timestamp = after.parse().unwrap();
        (0..3)
            .map_while(|_| {
                at = schedule.next(at)?;
                Some(at.to_string())
            })
            .collect()
    }

    #[test]
    fn the_next_times_of_a_schedule() {
        let cases: [(&str, [&str; 3]); 6] = [
            (
                "*/20 * * * *",
                [
                    "2030-01-01T00:20:00Z",
                    "2030-01-01T00:40:00Z",
                    "2030-01-01T01:00:00Z",
                ],
            ),
            (
                "@hourly",
                [
                    "2030-01-01T01:00:00Z",
                    "2030-01-01T02:00:00Z",
                    "2030-01-01T03:00:00Z",
                ],
            ),
            (
                "30 5 * * MON",
                [
                    "2030-01-07T05:30:00Z",
                    "2030-01-14T05:30:00Z",
                    "2030-01-21T05:30:00Z",
                ],
            ),
            (
                "0 0 13 * fri",
                [
                    "2030-01-04T00:00:00Z",
                    "2030-01-11T00:00:00Z",
                    "2030-01-13T00:00:00Z",
                ],
            ),
            (
                "0 0 29 feb *",
                [
                    "2032-02-29T00:00:00Z",
                    "2036-02-29T00:00:00Z",
                    "2040-02-29T00:00:00Z",
                ],
            ),
            (
                "@every 90s",
                [
                    "2030-01-01T00:01:50Z",
                    "2030-01-01T00:03:20Z",
                    "2030-01-01T00:04:50Z",
                ],
            ),
        ];
        for (schedule, expected) in cases {
            assert_eq!(
                times(schedule, "UTC", "2030-01-01T00:00:20.5Z"),
                expected,
                "{schedule}"
            );
        }
        assert_eq!(times("0 0 31 2 *", "UTC", "2030-01-01T00:00:00Z"), [""; 0]);
    }

    #[test]
    fn an_hour_the_clock_leaves_out_is_skipped_and_one_it_repeats_counts_twice() {
        assert_eq!(
            times("30 2 * * *", "Europe/Berlin", "2030-03-30T12:00:00Z")[0],
            "2030-04-01T00:30:00Z"
        );
        assert_eq!(
            times("30 2 * * *", "Europe/Berlin", "2030-10-26T12:00:00Z"),
            [
                "2030-10-27T00:30:00Z",
                "2030-10-27T01:30:00Z",
                "2030-10-28T01:30:00Z"
            ]
        );
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
            assert_eq!(parse(schedule).unwrap_err(), error, "{schedule}");
        }
    }
}
