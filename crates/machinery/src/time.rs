//! Instants and how Kubernetes writes them: `metav1.Time` in whole seconds, `metav1.MicroTime` with six digits.
//! Mirrors `apimachinery/pkg/apis/meta/v1/{time,micro_time}.go`.

pub use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// A text that is not an RFC 3339 instant; prints Go's `time.ParseError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {rest:?} as {layout:?}"
)]
pub struct ParseTimeError {
    text: String,
    rest: String,
    layout: String,
}

/// Whether there is a time zone of a name, in just these letters; `None` if there is no list of them on this machine.
pub fn knows_zone(name: &str) -> Option<bool> {
    let is_there = |name: &str| {
        let found = jiff::tz::TimeZone::get(name);
        // As files of that name would be found, of which none is called like this in other letters.
        found.is_ok_and(|found| found.iana_name() == Some(name))
    };
    is_there("Europe/London").then(|| is_there(name))
}

/// `2030-01-01T00:00:00Z`: UTC, whole seconds, as `metav1.Time` is written.
pub fn rfc3339(at: Timestamp) -> String {
    // Every write writes some: no formatting.
    let at = Offset::UTC.to_datetime(at);
    let mut out = String::with_capacity(20);
    let year = at.year();
    if !(0..=9999).contains(&year) {
        return at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    let mut put = |number: i16, digits: u32, end: char| {
        for place in (0..digits).rev() {
            let digit = (number / 10_i16.pow(place)) % 10;
            out.push(char::from(b'0' + u8::try_from(digit).unwrap_or_default()));
        }
        out.push(end);
    };
    put(year, 4, '-');
    put(at.month().into(), 2, '-');
    put(at.day().into(), 2, 'T');
    put(at.hour().into(), 2, ':');
    put(at.minute().into(), 2, ':');
    put(at.second().into(), 2, 'Z');
    out
}

/// `2030-01-01T00:00:00.000000Z`: UTC, microseconds, as `metav1.MicroTime` is written.
pub fn rfc3339_micro(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Reads an RFC 3339 instant, any offset, fraction of a second optional.
pub fn parse(text: &str) -> Result<Timestamp, ParseTimeError> {
    check_form(text)?;
    text.parse()
        .map_err(|_| wrong(text, text.as_bytes(), "2006"))
}

/// Whether a text is of the format `date` (`IsDate` of `kube-openapi/pkg/validation/strfmt/time.go`).
pub fn is_date(text: &str) -> bool {
    let form = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    form && text.len() == "2006-01-02".len() && text.parse::<Date>().is_ok()
}

/// Whether a text is of the format `date-time` (`IsDateTime` of `kube-openapi/pkg/validation/strfmt/time.go`): a time has two
/// digits per part, any letter may stand before its fraction, and nobody looks behind another `T`.
pub fn is_date_time(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut parts = text.split('t');
    let date = parts.next().unwrap_or_default();
    let Some(time) = parts.next().filter(|_| is_date(date)) else {
        return false;
    };
    let Some((clock, rest)) = time.split_at_checked("15:04:05".len()) else {
        return false;
    };
    let mut numbers = clock.split(':');
    let fits = ["23", "59", "59"].into_iter().all(|most| {
        numbers.next().is_some_and(|number| {
            number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit()) && number <= most
        })
    });
    fits && (is_zone(rest) || is_zone(after_fraction(rest)))
}

fn is_zone(text: &str) -> bool {
    text == "z" || is_offset(text.as_bytes())
}

/// What is left of a text behind a character and digits; all of it, if it doesn't begin with these.
fn after_fraction(text: &str) -> &str {
    let mut rest = text.chars();
    let begins = rest.next().is_some_and(|c| c != '\n');
    let left = rest
        .as_str()
        .trim_start_matches(|c: char| c.is_ascii_digit());
    if begins && left.len() < rest.as_str().len() {
        left
    } else {
        text
    }
}

/// Whether a text is written as an RFC 3339 instant, whatever its numbers.
pub(crate) fn check_form(text: &str) -> Result<(), ParseTimeError> {
    let mut rest = text.as_bytes();
    for (layout, separator) in PARTS {
        let after = rest
            .strip_prefix(separator.as_bytes())
            .ok_or_else(|| wrong(text, rest, separator))?;
        let digits = after
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .take(layout.len())
            .count();
        if digits < layout.len() {
            return Err(wrong(text, after, layout));
        }
        rest = after.get(digits..).unwrap_or_default();
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        rest = fraction.get(digits..).unwrap_or_default();
    }
    if rest != b"Z" && !is_offset(rest) {
        return Err(wrong(text, rest, "Z07:00"));
    }
    Ok(())
}

/// Layout element and what stands before it.
const PARTS: [(&str, &str); 6] = [
    ("2006", ""),
    ("01", "-"),
    ("02", "-"),
    ("15", "T"),
    ("04", ":"),
    ("05", ":"),
];

fn is_offset(rest: &[u8]) -> bool {
    matches!(rest, [b'+' | b'-', a, b, b':', c, d] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()))
}

fn wrong(text: &str, rest: &[u8], layout: &str) -> ParseTimeError {
    ParseTimeError {
        text: text.to_owned(),
        rest: String::from_utf8_lossy(rest).into_owned(),
        layout: layout.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_without_fraction() {
        let at = parse("2030-01-01T02:00:00.25+02:00").unwrap();
        assert_eq!(rfc3339(at), "2030-01-01T00:00:00Z");
        assert_eq!(rfc3339_micro(at), "2030-01-01T00:00:00.250000Z");
        for text in [
            "0001-02-03T04:05:06Z",
            "1969-12-31T23:59:59Z",
            "9999-10-29T12:30:45Z",
            "-000001-10-29T12:30:45Z",
        ] {
            let at: Timestamp = text.parse().unwrap();
            let formatted = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            assert_eq!(rfc3339(at), formatted, "{text}");
        }
    }

    #[test]
    fn dates_and_times_of_schemas_have_a_form_of_their_own() {
        for text in [
            "2020-02-29T23:59:59Z",
            "9999-12-31t00:00:00z",
            "0000-01-01T00:00:00.1234567891+99:99",
            "2020-01-01T00:00:00,5-01:30",
            "2020-01-01T00:00:00x5Z",
            "2020-01-01T00:00:00ZTx",
        ] {
            assert!(is_date_time(text), "{text}");
        }
        for text in [
            "2020-02-29T2:59:59Z",
            "2021-02-29T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01T00:00:60Z",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00.Z",
            "2020-01-01 00:00:00Z",
            "2020-1-01T00:00:00Z",
            "2020-01-01T00:00:00+1:00",
            "2020-01-01T00:00:00Zx",
            "",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
        assert!(is_date("9999-12-31") && is_date("2020-02-29"));
        assert!(!is_date("2021-02-29") && !is_date("20200229") && !is_date("2020-02-29T"));
    }

    #[test]
    fn what_is_not_an_instant_is_refused_in_the_words_of_go() {
        assert_eq!(
            parse("tomorrow").unwrap_err().to_string(),
            r#"parsing time "tomorrow" as "2006-01-02T15:04:05Z07:00": cannot parse "tomorrow" as "2006""#
        );
        assert_eq!(
            parse("2030-01-01").unwrap_err().to_string(),
            r#"parsing time "2030-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T""#
        );
    }
}
