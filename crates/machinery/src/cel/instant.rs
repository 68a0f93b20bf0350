//! Points in time as cel-go has them: of the years 1 to 9999.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use jiff::civil::{DateTime, date};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A point in time, kept as date and time of UTC: a [`Timestamp`] leaves out a day or two at both ends, so that any
/// offset may be added to it, and `9999-12-31T23:59:59Z` is what people write for "never".
///
/// It is printed in the offset in which it was written, as a Go `time.Time` is. Everything else looks at the point in
/// time alone: comparisons, and parts of it that are asked for without a time zone, which are those of UTC
/// (`cel.DefaultUTCTimeZone`).
#[derive(Debug, Clone, Copy)]
pub struct Instant {
    utc: DateTime,
    written_in: Offset,
}

/// After so many years the calendar begins anew, with the same day of the week.
const CYCLE_YEARS: i64 = 400;
const CYCLE_DAYS: i64 = 146_097;
/// What seconds are counted from.
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

impl Instant {
    /// Reads an RFC 3339 instant, any offset, fraction of a second optional.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = padded(text);
        let text = to_the_nanosecond(&text);
        crate::time::check_form(&text).ok()?;
        let pieces = Pieces::parse(&*text).ok()?;
        let written_in = pieces.to_numeric_offset()?;
        let local = pieces.date().to_datetime(pieces.time()?);
        Self::of(local.checked_sub(ahead(written_in)).ok()?, written_in)
    }

    /// So many seconds after the beginning of 1970.
    pub(super) fn from_second(seconds: i64) -> Option<Self> {
        let at = EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        Self::of(at, Offset::UTC)
    }

    /// Later by so many nanoseconds, earlier by negative ones.
    pub(super) fn moved(self, nanos: i64) -> Option<Self> {
        let at = self.utc.checked_add(SignedDuration::from_nanos(nanos));
        Self::of(at.ok()?, self.written_in)
    }

    /// Seconds since the beginning of 1970, rounded down.
    pub(super) fn as_second(self) -> i64 {
        let since = self.utc.duration_since(EPOCH);
        since.as_secs() - i64::from(since.subsec_nanos() < 0)
    }

    /// Nanoseconds since another one.
    pub(super) fn since(self, other: Self) -> i128 {
        self.utc.duration_since(other.utc).as_nanos()
    }

    /// Date and time in a time zone, and the year, which may be 10000: of that year date and time are those of the year 9600,
    /// which has the same days.
    pub(super) fn local(self, zone: &TimeZone) -> (DateTime, i64) {
        let nearest = TimeZone::UTC.to_timestamp(self.utc).unwrap_or_else(|_| {
            if self.utc < EPOCH {
                Timestamp::MIN
            } else {
                Timestamp::MAX
            }
        });
        self.at_offset(zone.to_offset(nearest))
    }

    fn at_offset(self, offset: Offset) -> (DateTime, i64) {
        let (at, later) = if let Ok(at) = self.utc.checked_add(ahead(offset)) {
            (at, 0)
        } else {
            let cycle = SignedDuration::from_hours(24 * CYCLE_DAYS);
            let earlier = self.utc.saturating_sub(cycle);
            (earlier.saturating_add(ahead(offset)), CYCLE_YEARS)
        };
        (at, i64::from(at.year()) + later)
    }

    fn of(utc: DateTime, written_in: Offset) -> Option<Self> {
        (utc.year() >= 1).then_some(Self { utc, written_in })
    }
}

impl PartialEq for Instant {
    fn eq(&self, other: &Self) -> bool {
        self.utc == other.utc
    }
}

impl Eq for Instant {}

impl PartialOrd for Instant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Instant {
    fn cmp(&self, other: &Self) -> Ordering {
        self.utc.cmp(&other.utc)
    }
}

/// How far clocks of an offset are ahead of UTC's.
fn ahead(offset: Offset) -> SignedDuration {
    SignedDuration::from_secs(offset.seconds().into())
}

/// A text with two digits for its hour, of which Go takes one too (`getnum` of `time/format.go`).
fn padded(text: &str) -> Cow<'_, str> {
    const DAY: usize = "2006-01-02T".len();
    match text.split_at_checked(DAY) {
        Some((day, hour)) if hour.as_bytes().get(1) == Some(&b':') => {
            Cow::Owned(format!("{day}0{hour}"))
        }
        Some(_) | None => Cow::Borrowed(text),
    }
}

/// A text whose fraction of a second follows a point and has nine digits at most: Go reads one behind a comma too, and no
/// more of its digits than nanoseconds (`parseNanoseconds` of `time/format.go`).
fn to_the_nanosecond(text: &str) -> Cow<'_, str> {
    const SECOND: usize = "2006-01-02T15:04:05".len();
    let Some((before, rest)) = text.split_at_checked(SECOND) else {
        return Cow::Borrowed(text);
    };
    let Some(fraction) = rest.strip_prefix(['.', ',']) else {
        return Cow::Borrowed(text);
    };
    let end = fraction
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(fraction.len());
    let (digits, zone) = fraction.split_at(end);
    let kept = digits.get(..9).unwrap_or(digits);
    Cow::Owned(format!("{before}.{kept}{zone}"))
}

/// RFC 3339 with as many digits of the second as there are, in the offset in which it was written.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.written_in.seconds() / 60;
        if minutes == 0 {
            return write!(f, "{}Z", self.utc);
        }
        let (local, year) = self.at_offset(self.written_in);
        let text = local.to_string();
        let after_year = text.find('-').and_then(|end| text.get(end..));
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
        let after_year = after_year.unwrap_or_default();
        write!(f, "{year:04}{after_year}{sign}{hours:02}:{minutes:02}")
    }
}

#[test]
fn the_last_day_there_is_can_be_said() {
    let at = |text| Instant::parse(text).map(|at| at.to_string());
    for text in [
        "9999-12-31T23:59:59.999999999Z",
        "0001-01-01T00:00:00Z",
        "2020-02-29T12:00:00.5Z",
    ] {
        assert_eq!(at(text).as_deref(), Some(text));
    }
    for beyond in [
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "0000-12-31T00:00:00Z",
        "2021-02-29T00:00:00Z",
    ] {
        assert_eq!(at(beyond), None, "{beyond}");
    }
    let never = Instant::parse("9999-12-31T23:59:59Z");
    assert_eq!(never.and_then(|at| at.moved(1_000_000_000)), None);
    assert_eq!(never.map(Instant::as_second), Some(253_402_300_799));
    assert_eq!(Instant::from_second(253_402_300_799), never);
    let with = |hour: &str| Instant::parse(&format!("9999-12-31T{hour}:59:59Z"));
    assert!(with("3").is_some() && with("3") == with("03"));
    assert_eq!(with(""), None);
    for fraction in [".1234567819", ",123456781"] {
        let text = format!("2021-01-01T00:00:00{fraction}+02:00");
        let expected = "2021-01-01T00:00:00.123456781+02:00";
        let read = Instant::parse(&text).map(|at| at.to_string());
        assert_eq!(read.as_deref(), Some(expected), "{text}");
    }
    assert_eq!(at("2021-01-01T00:00:00,Z"), None);
    let early = Instant::parse("1969-12-31T23:59:59.5Z");
    assert_eq!(early.map(Instant::as_second), Some(-1));
    let local = |zone| {
        let local = never.map(|at| at.local(&zone));
        local.map(|(at, year)| (year, at.month(), at.day(), at.hour()))
    };
    assert_eq!(local(TimeZone::UTC), Some((9999, 12, 31, 23)));
    let of = |hours| local(TimeZone::fixed(jiff::tz::offset(hours)));
    assert_eq!(of(-2), Some((9999, 12, 31, 21)));
    assert_eq!(of(2), Some((10_000, 1, 1, 1)));
}

#[test]
fn the_offset_that_was_written_is_kept_and_compares_as_nothing() {
    let at = |text| Instant::parse(text).unwrap_or_else(|| panic!("{text}"));
    for text in [
        "2021-01-01T00:00:00.13056789+02:00",
        "2020-01-01T02:00:00-01:30",
        "9999-12-31T22:59:59-01:00",
    ] {
        assert_eq!(at(text).to_string(), text);
    }
    for utc in ["2020-01-01T02:00:00+00:00", "2020-01-01T02:00:00-00:00"] {
        assert_eq!(at(utc).to_string(), "2020-01-01T02:00:00Z");
    }
    let (east, utc) = (at("2020-01-01T02:00:00+01:30"), at("2020-01-01T00:30:00Z"));
    assert_eq!(
        (east, east.cmp(&utc), east.since(utc)),
        (utc, Ordering::Equal, 0)
    );
    assert_eq!(east.local(&TimeZone::UTC), utc.local(&TimeZone::UTC));
    let later = east.moved(1_000_000_000).map(|at| at.to_string());
    assert_eq!(later.as_deref(), Some("2020-01-01T02:00:01+01:30"));
    let last = at("9999-12-31T23:59:58+00:30").moved(1_800_000_000_000);
    let last = last.map(|at| at.to_string());
    assert_eq!(last.as_deref(), Some("10000-01-01T00:29:58+00:30"));
}
