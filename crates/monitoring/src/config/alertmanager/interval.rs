//! Time intervals: `saturday`, `january:march`, `1:10`, `08:00` to `17:00`.

use serde_json::{Value, json};

use crate::api::alertmanager_config::{DayOfMonthRange, MuteTimeInterval, TimeInterval, TimeRange};

const DAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// First and last of a range.
type Range = (isize, isize);

/// Minutes of the day at which a range begins and ends.
pub(crate) fn times(range: &TimeRange) -> Result<Range, String> {
    let (start, end) = (
        range.start_time.as_deref().unwrap_or_default(),
        range.end_time.as_deref().unwrap_or_default(),
    );
    if start.is_empty() || end.is_empty() {
        return Err("start and end are required".to_owned());
    }
    let start = minutes(start).map_err(|why| format!("start time invalid: {why}"))?;
    let end = minutes(end).map_err(|why| format!("end time invalid: {why}"))?;
    if start >= end {
        return Err(format!(
            "start time {start} cannot be equal or greater than end time {end}"
        ));
    }
    Ok((start, end))
}

fn minutes(text: &str) -> Result<isize, String> {
    let invalid = || format!("couldn't parse timestamp {text}, invalid format");
    let (hours, minutes) = text.split_once(':').ok_or_else(invalid)?;
    let number = |digits: &str| {
        let two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        let number = digits.parse::<isize>().ok();
        number.filter(|_| two).ok_or_else(invalid)
    };
    match (number(hours)?, number(minutes)?) {
        (24, 0) => Ok(24 * 60),
        (hours @ 0..=23, minutes @ 0..=59) => Ok(hours * 60 + minutes),
        _ => Err(invalid()),
    }
}

/// Days of the week, from Sunday as 0.
pub(crate) fn weekdays(text: &str) -> Result<Range, String> {
    let (first, last) = ends(text)?;
    let start = weekday(first)
        .map_err(|why| format!("failed to parse start day from weekday range: {why}"))?;
    let end = weekday(last)
        .map_err(|why| format!("failed to parse end day from weekday range: {why}"))?;
    if start > end {
        return Err("start day cannot be before end day".to_owned());
    }
    for (day, name) in [(start, first), (end, last)] {
        if !(0..=6).contains(&day) {
            return Err(format!(
                "{name} is not a valid day of the week: out of range"
            ));
        }
    }
    Ok((start, end))
}

fn weekday(text: &str) -> Result<isize, String> {
    named(&DAYS, 0, text)
        .or_else(|| number(text).ok())
        .ok_or_else(|| format!("{text} is an invalid weekday"))
}

/// Months, from January as 1.
pub(crate) fn months(text: &str) -> Result<Range, String> {
    let (first, last) = ends(text)?;
    let month = |text: &str| {
        named(&MONTHS, 1, text)
            .or_else(|| number(text).ok().filter(|month| (1..=12).contains(month)))
            .ok_or_else(|| {
                format!("failed to parse start month from month range: {text} is an invalid month")
            })
    };
    let (start, end) = (month(first)?, month(last)?);
    if start > end {
        return Err(format!("end month {last} is before start month {first}"));
    }
    Ok((start, end))
}

/// Years.
pub(crate) fn years(text: &str) -> Result<Range, String> {
    let (first, last) = ends(text)?;
    let start =
        number(first).map_err(|why| format!("start year cannot be {first} parsed: {why}"))?;
    let end = number(last).map_err(|why| format!("end year cannot be {last} parsed: {why}"))?;
    if start > end {
        return Err(format!("end year {end} is before start year {start}"));
    }
    Ok((start, end))
}

/// Days of the month; negative ones count from its end.
pub(crate) fn days_of_month(range: &DayOfMonthRange) -> Result<Range, String> {
    let (start, end) = (
        range.start.unwrap_or_default(),
        range.end.unwrap_or_default(),
    );
    for day in [start, end] {
        if day == 0 || !(-31..=31).contains(&day) {
            return Err(format!(
                "{day} is not a valid day of the month: out of range"
            ));
        }
    }
    if start < 0 && end > 0 {
        return Err("end day must be negative if start day is negative".to_owned());
    }
    // The shortest month has 28 days: what is out of order in it is so in all of them.
    let place = |day: isize| if day < 0 { 28 + day } else { day };
    if place(start) > place(end) {
        return Err(format!("end day {end} is always before start day {start}"));
    }
    Ok((start, end))
}

fn ends(text: &str) -> Result<(&str, &str), String> {
    match text.split_once(':') {
        None => Ok((text, text)),
        Some((_, last)) if last.contains(':') => Err(format!("invalid range provided {text}")),
        Some(ends) => Ok(ends),
    }
}

fn named(names: &[&str], first: isize, text: &str) -> Option<isize> {
    let place = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))?;
    isize::try_from(place).ok().map(|place| place + first)
}

fn number(text: &str) -> Result<isize, String> {
    text.parse()
        .map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))
}

/// A named interval as it stands in the document.
pub(super) fn document(interval: &MuteTimeInterval, name: &str) -> Result<Value, String> {
    let intervals: Result<Vec<Value>, String> =
        interval.time_intervals.iter().map(time_interval).collect();
    Ok(json!({"name": name, "time_intervals": intervals?}))
}

fn time_interval(interval: &TimeInterval) -> Result<Value, String> {
    let mut block = super::block::Block::default();
    let mut times_of_day = Vec::new();
    for range in &interval.times {
        let (start, end) = times(range)?;
        let clock = |minutes: isize| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        times_of_day.push(json!({"start_time": clock(start), "end_time": clock(end)}));
    }
    block = block.list("times", times_of_day);
    let day = |day: isize| {
        let name = usize::try_from(day).ok().and_then(|day| DAYS.get(day));
        name.copied().unwrap_or_default().to_owned()
    };
    let ranges = |ranges: Result<Vec<Range>, String>, shown: &dyn Fn(isize) -> String| {
        let shown = |(start, end): (isize, isize)| {
            if start == end {
                shown(start)
            } else {
                format!("{}:{}", shown(start), shown(end))
            }
        };
        ranges.map(|ranges| ranges.into_iter().map(shown).collect::<Vec<String>>())
    };
    let all = |texts: &[String], read: fn(&str) -> Result<Range, String>| {
        texts.iter().map(|text| read(text)).collect()
    };
    let days = interval
        .days_of_month
        .iter()
        .map(|days| Ok((days.start.unwrap_or_default(), days.end.unwrap_or_default())));
    let plain = |number: isize| number.to_string();
    Ok(block
        .list("weekdays", ranges(all(&interval.weekdays, weekdays), &day)?)
        .list("days_of_month", ranges(days.collect(), &plain)?)
        .list("months", ranges(all(&interval.months, months), &plain)?)
        .list("years", ranges(all(&interval.years, years), &plain)?)
        .value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_by_name_and_number() {
        assert_eq!(weekdays("Monday:friday"), Ok((1, 5)));
        assert_eq!(weekdays("6"), Ok((6, 6)));
        assert_eq!(months("January:3"), Ok((1, 3)));
        assert_eq!(years("2030:2050"), Ok((2030, 2050)));
        for text in ["", "friday:monday", "7", "x", "1:2:3"] {
            assert!(weekdays(text).is_err(), "{text}");
        }
        for text in ["0", "13", "march:january"] {
            assert!(months(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_ends_at_24_00() {
        let range = |start: &str, end: &str| TimeRange {
            start_time: Some(start.to_owned()),
            end_time: Some(end.to_owned()),
        };
        assert_eq!(times(&range("08:00", "24:00")), Ok((480, 1440)));
        for (start, end) in [("8:00", "09:00"), ("09:00", "09:00"), ("00:00", "24:01")] {
            assert!(times(&range(start, end)).is_err(), "{start} {end}");
        }
    }

    #[test]
    fn days_of_a_month_count_from_both_ends() {
        let range = |start, end| DayOfMonthRange {
            start: Some(start),
            end: Some(end),
        };
        assert_eq!(days_of_month(&range(1, -1)), Ok((1, -1)));
        for (start, end) in [(0, 1), (-1, 1), (5, 4), (20, -20), (32, 32)] {
            assert!(days_of_month(&range(start, end)).is_err(), "{start} {end}");
        }
    }
}
