//! Points in time as cel-go has them: of the years 1 to 9999.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::{DateTime, date};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A point in time, kept as date and time of UTC: a [`Timestamp`] leaves out a day or two at both ends, so that any
/// offset may be added to it, and `9999-12-31T23:59:59Z` is what people write for "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(DateTime);

/// What seconds are counted from.
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

impl Instant {
    /// Reads an RFC 3339 instant, any offset, fraction of a second optional.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = padded(text);
        crate::time::check_form(&text).ok()?;
        let pieces = Pieces::parse(&*text).ok()?;
        let offset = pieces.to_numeric_offset()?.seconds();
        let local = pieces.date().to_datetime(pieces.time()?);
        Self::of(
            local
                .checked_sub(SignedDuration::from_secs(offset.into()))
                .ok()?,
        )
    }

    /// So many seconds after the beginning of 1970.
    pub(super) fn from_second(seconds: i64) -> Option<Self> {
        Self::of(EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()?)
    }

    /// Later by so many nanoseconds, earlier by negative ones.
    pub(super) fn moved(self, nanos: i64) -> Option<Self> {
        Self::of(self.0.checked_add(SignedDuration::from_nanos(nanos)).ok()?)
    }

    /// Seconds since the beginning of 1970, rounded down.
    pub(super) fn as_second(self) -> i64 {
        let since = self.0.duration_since(EPOCH);
        since.as_secs() - i64::from(since.subsec_nanos() < 0)
    }

    /// Nanoseconds since another one.
    pub(super) fn since(self, other: Self) -> i128 {
        self.0.duration_since(other.0).as_nanos()
    }

    /// Date and time in a time zone, or `None` if that is beyond the year 9999.
    pub(super) fn local(self, zone: &TimeZone) -> Option<DateTime> {
        let nearest = TimeZone::UTC.to_timestamp(self.0).unwrap_or_else(|_| {
            if self.0 < EPOCH {
                Timestamp::MIN
            } else {
                Timestamp::MAX
            }
        });
        let offset = zone.to_offset(nearest).seconds();
        let offset = SignedDuration::from_secs(offset.into());
        self.0.checked_add(offset).ok()
    }

    fn of(at: DateTime) -> Option<Self> {
        (at.year() >= 1).then_some(Self(at))
    }
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

/// RFC 3339 with as many digits of the second as there are.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", self.0)
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
    let utc = Some("2020-01-01T00:30:00Z".to_owned());
    assert_eq!(at("2020-01-01T02:00:00+01:30"), utc);
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
    let early = Instant::parse("1969-12-31T23:59:59.5Z");
    assert_eq!(early.map(Instant::as_second), Some(-1));
    let hour = |zone| {
        never
            .and_then(|at| at.local(&zone))
            .map(jiff::civil::DateTime::hour)
    };
    assert_eq!(hour(TimeZone::UTC), Some(23));
    assert_eq!(hour(TimeZone::fixed(jiff::tz::offset(-2))), Some(21));
    assert_eq!(hour(TimeZone::fixed(jiff::tz::offset(2))), None);
}
