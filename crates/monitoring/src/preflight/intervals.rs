//! Named intervals of time as Alertmanager reads them (`timeinterval/timeinterval.go`).

use machinery::time::knows_zone;

use super::fault::Fault;
use super::shape::{Node, Shape, Struct, field, nothing, plain, since, text};
use crate::api::alertmanager_config::{DayOfMonthRange, TimeRange};
use crate::config::alertmanager::interval;

const TEXTS: Shape = Shape::List(&Shape::Text);

/// A named interval.
pub(super) static INTERVAL: Struct = Struct {
    fields: &[&[
        plain("name"),
        field("time_intervals", Shape::List(&Shape::Struct(&TIMES))),
    ]],
    check: |of, _| {
        if !of.filled("name") {
            return Err(Fault::here("missing name in time interval".to_owned()));
        }
        Ok(())
    },
};

static CLOCK: Struct = Struct {
    fields: &[&[plain("start_time"), plain("end_time")]],
    check: nothing,
};

static TIMES: Struct = Struct {
    fields: &[&[
        field("times", Shape::List(&Shape::Struct(&CLOCK))),
        field("weekdays", TEXTS),
        field("days_of_month", TEXTS),
        field("months", TEXTS),
        field("years", TEXTS),
        since("location", Shape::Text, (0, 25, 0)),
    ]],
    check: |of, _| {
        for (index, one) in of.list("times").iter().enumerate() {
            let one = Node::of(one);
            let text = |name: &str| Some(one.text(name).into_owned());
            let range = TimeRange {
                start_time: text("start_time"),
                end_time: text("end_time"),
            };
            interval::times(&range).map_err(|why| Fault::here(why).at(index).within("times"))?;
        }
        for (name, check) in RANGES {
            for (index, one) in of.list(name).iter().enumerate() {
                let one = text(one).unwrap_or_default().to_lowercase();
                check(&one).map_err(|why| Fault::here(why).at(index).within(name))?;
            }
        }
        check_zone(&of.text("location")).map_err(|why| Fault::here(why).within("location"))
    },
};

/// What is wrong with a text.
type Check = fn(&str) -> Result<(), String>;

const RANGES: [(&str, Check); 4] = [
    ("weekdays", |text| {
        // In objects days have numbers too, not here.
        if text.chars().any(|c| !c.is_ascii_lowercase() && c != ':') {
            return Err(format!(
                "{text} is not a valid weekday; write its name, as in monday or monday:friday"
            ));
        }
        interval::weekdays(text).map(|_| ())
    }),
    ("months", |text| ordered(text, month)),
    ("years", |text| ordered(text, number)),
    ("days_of_month", check_days),
];

fn ends(text: &str) -> Result<(&str, &str), String> {
    match text.split_once(':') {
        None => Ok((text, text)),
        Some((_, last)) if last.contains(':') => Err(format!(
            "couldn't parse range {text}, invalid format; write it as first:last"
        )),
        Some(ends) => Ok(ends),
    }
}

fn ordered(text: &str, read: fn(&str) -> Result<isize, String>) -> Result<(), String> {
    let (first, last) = ends(text)?;
    if read(first)? > read(last)? {
        return Err(format!("{last} is before {first}; swap them"));
    }
    Ok(())
}

fn number(text: &str) -> Result<isize, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

/// By name, or as any number: Alertmanager doesn't count to twelve.
fn month(text: &str) -> Result<isize, String> {
    match interval::months(text) {
        Ok((month, _)) => Ok(month),
        Err(_) => number(text).map_err(|_| format!("{text} is not a valid month")),
    }
}

/// A day of the month, or the first and the last; counted from the end if negative.
fn check_days(text: &str) -> Result<(), String> {
    let (first, last) = ends(text)?;
    interval::days_of_month(&DayOfMonthRange {
        start: Some(number(first)?),
        end: Some(number(last)?),
    })
    .map(|_| ())
}

/// A time zone; where nobody knows any, all are taken.
fn check_zone(name: &str) -> Result<(), String> {
    let known = matches!(name, "" | "UTC" | "Local") || knows_zone(name) != Some(false);
    if known {
        return Ok(());
    }
    Err(format!(
        "unknown time zone {name}; write one of https://www.iana.org/time-zones, as in Europe/Vienna"
    ))
}
