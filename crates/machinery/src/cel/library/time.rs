//! Points in time and durations (`cel-go/common/types/{timestamp,duration}.go`, `kube-openapi/pkg/validation/strfmt`).

use jiff::tz::TimeZone;

use super::super::instant::Instant;
use super::super::value::Value;
use super::numbers::no_conversion;
use super::{Answer, fail, give};
use crate::duration::GoDuration;

const SECOND: i64 = 1_000_000_000;

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    match (function, args) {
        ("duration", [value]) => to_duration(value),
        ("timestamp", [value]) => to_timestamp(value),
        ("_+_", [Value::Duration(a), Value::Duration(b)]) => span(a.checked_add(*b)),
        ("_-_", [Value::Duration(a), Value::Duration(b)]) => span(a.checked_sub(*b)),
        (
            "_+_",
            [Value::Timestamp(at), Value::Duration(by)]
            | [Value::Duration(by), Value::Timestamp(at)],
        ) => moved(*at, Some(*by)),
        ("_-_", [Value::Timestamp(at), Value::Duration(by)]) => moved(*at, by.checked_neg()),
        ("_-_", [Value::Timestamp(a), Value::Timestamp(b)]) => {
            span(i64::try_from(a.since(*b)).ok())
        }
        ("getHours", [Value::Duration(nanos)]) => give(nanos / SECOND / 3600),
        ("getMinutes", [Value::Duration(nanos)]) => give(nanos / SECOND / 60),
        ("getSeconds", [Value::Duration(nanos)]) => give(nanos / SECOND),
        ("getMilliseconds", [Value::Duration(nanos)]) => give(nanos / 1_000_000),
        (part, [Value::Timestamp(at)]) => part_of(part, *at, &TimeZone::UTC),
        (part, [Value::Timestamp(at), Value::String(zone)]) => match time_zone(zone) {
            Some(zone) => part_of(part, *at, &zone),
            None => fail(format!("unknown time zone {zone}")),
        },
        _ => None,
    }
}

fn span(nanos: Option<i64>) -> Answer {
    nanos.map_or_else(
        || fail("integer overflow"),
        |nanos| give(Value::Duration(nanos)),
    )
}

fn moved(at: Instant, by: Option<i64>) -> Answer {
    by.and_then(|by| at.moved(by)).map_or_else(
        || fail("timestamp overflow"),
        |at| give(Value::Timestamp(at)),
    )
}

/// `+01:00`, `-05:30`, or a name.
fn time_zone(text: &str) -> Option<TimeZone> {
    let Some((hours, minutes)) = text.split_once(':') else {
        return TimeZone::get(text).ok();
    };
    let negative = hours.starts_with('-');
    let hours: i32 = hours.trim_start_matches(['+', '-']).parse().ok()?;
    let minutes: i32 = minutes.parse().ok()?;
    let seconds = (hours.checked_mul(3600)?).checked_add(minutes.checked_mul(60)?)?;
    let seconds = if negative { -seconds } else { seconds };
    jiff::tz::Offset::from_seconds(seconds)
        .ok()
        .map(TimeZone::fixed)
}

fn part_of(part: &str, at: Instant, zone: &TimeZone) -> Answer {
    let (local, year) = at.local(zone);
    let value = match part {
        "getFullYear" => year,
        "getMonth" => i64::from(local.month()) - 1,
        "getDayOfYear" => i64::from(local.day_of_year()) - 1,
        "getDayOfMonth" => i64::from(local.day()) - 1,
        "getDate" => i64::from(local.day()),
        "getDayOfWeek" => i64::from(local.weekday().to_sunday_zero_offset()),
        "getHours" => i64::from(local.hour()),
        "getMinutes" => i64::from(local.minute()),
        "getSeconds" => i64::from(local.second()),
        "getMilliseconds" => i64::from(local.millisecond()),
        _ => return None,
    };
    give(value)
}

fn to_duration(value: &Value) -> Answer {
    match value {
        Value::Duration(_) => give(value.clone()),
        Value::Int(nanos) => give(Value::Duration(*nanos)),
        Value::String(text) => match GoDuration::parse(text) {
            Ok(span) => give(Value::Duration(span.as_nanos())),
            Err(_) => no_conversion("google.protobuf.Duration"),
        },
        _ => None,
    }
}

fn to_timestamp(value: &Value) -> Answer {
    match value {
        Value::Timestamp(_) => give(value.clone()),
        Value::Int(seconds) => match Instant::from_second(*seconds) {
            Some(at) => give(Value::Timestamp(at)),
            None => fail("timestamp overflow"),
        },
        Value::String(text) => match Instant::parse(text) {
            Some(at) => give(Value::Timestamp(at)),
            None => no_conversion("google.protobuf.Timestamp"),
        },
        _ => None,
    }
}

/// As `string()` writes it: seconds.
pub(in crate::cel) fn duration_text(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if rest == 0 {
        return format!("{sign}{seconds}s");
    }
    let digits = format!("{rest:09}");
    format!("{sign}{seconds}.{}s", digits.trim_end_matches('0'))
}

/// Text of the format `duration`: Go's, and words such as `3 days`.
pub(in crate::cel) fn format_duration(text: &str) -> Option<i64> {
    if let Ok(span) = GoDuration::parse(text) {
        return Some(span.as_nanos());
    }
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit.trim() {
        "ns" | "nano" => return number.parse().ok(),
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    number
        .parse::<i64>()
        .ok()?
        .checked_mul(seconds)?
        .checked_mul(SECOND)
}

/// Text of the format `date`.
pub(in crate::cel) fn date(text: &str) -> Option<Instant> {
    Instant::parse(&format!("{text}T00:00:00Z"))
}

/// Text of the format `date-time`.
pub(in crate::cel) fn date_time(text: &str) -> Option<Instant> {
    Instant::parse(text)
}
