//! Scalars with a form of their own: numbers, base64, quantities, times, durations.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Span};
use serde_json::{Number, Value};

use super::parse::Node;
use crate::duration::GoDuration;

/// `strconv.ParseInt` of a JSON number.
pub(super) fn integer(text: &str, bits: u8) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    let fits = bits >= 64 || i32::try_from(number).is_ok();
    fits.then_some(number)
}

/// `strconv.ParseFloat` of a JSON number.
pub(super) fn float(text: &str) -> Option<Number> {
    let number: f64 = text.parse().ok()?;
    Number::from_f64(number)
}

/// A number of a field that is `float64`, in the one form it has here. Whole ones are integers, as which they are written and
/// read again, so that what was decoded, merged or restored is equal. Where any type may stand, Go keeps the two apart.
pub(crate) fn plain_float(number: f64) -> Option<Number> {
    /// From here on not every integer is one of these.
    const BEYOND: f64 = 9_007_199_254_740_992.0;
    let is_integer = number.fract() == 0.0 && number.abs() < BEYOND;
    if is_integer && (number != 0.0 || number.is_sign_positive()) {
        // Go writes as many digits as an integer has.
        return number.to_string().parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(number)
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Base64 as Go reads it (line ends skipped), written again.
pub(super) fn base64(text: &str) -> Result<String, String> {
    let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match BASE64.decode(&plain) {
        Ok(bytes) => Ok(BASE64.encode(bytes)),
        Err(_) => Err(format!(
            "illegal base64 data at input byte {}",
            bad_base64(text)
        )),
    }
}

/// Bytes as text.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Where Go's decoder stops: the first byte that is not of the alphabet, or the place of a wrong padding.
fn bad_base64(text: &str) -> usize {
    let mut digits = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\r' | b'\n' => {}
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => digits += 1,
            b'=' if digits % 4 == 2 => {
                let rest: Vec<u8> = text
                    .bytes()
                    .skip(at + 1)
                    .filter(|b| !matches!(b, b'\r' | b'\n'))
                    .collect();
                return match rest.first() {
                    None => text.len(),
                    Some(b'=') => at + 2,
                    Some(_) => at,
                };
            }
            b'=' if digits % 4 == 3 => return at + 1,
            _ => return at,
        }
    }
    // The text ends inside a group of four.
    text.len() - digits % 4
}

/// The text of `resource.ErrFormatWrong`.
const BAD_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// A quantity in its canonical form.
pub(super) fn quantity(node: &Node<'_>) -> Result<Value, String> {
    let text = match node {
        Node::Null => return Ok(Value::from("0")),
        Node::String(text) | Node::Number(text) => text,
        Node::Bool(_) | Node::Array(_) | Node::Object(_) => return Err(BAD_QUANTITY.to_owned()),
    };
    crate::quantity::canonical(text.trim())
        .map(Value::String)
        .map_err(|error| error.to_string())
}

/// A `metav1.Duration` printed again.
pub(super) fn duration(text: &str) -> Result<Value, String> {
    let parsed = GoDuration::parse(text).map_err(|error| error.to_string())?;
    Ok(Value::String(parsed.to_string()))
}

/// Whether Go shows a character as it is (`strconv.IsPrint`). Rust decides alike, behind another character.
fn is_printed(c: char) -> bool {
    let behind = format!("a{c}");
    !behind.escape_debug().to_string().contains("\\u{")
}

/// Go's `strconv.Quote`, for texts as they occur in messages.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if !c.is_ascii() && !is_printed(c) => {
                let code = u32::from(c);
                let _ = if code < 0x10000 {
                    write!(out, "\\u{code:04x}")
                } else {
                    write!(out, "\\U{code:08x}")
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";
const MICRO_LAYOUT: &str = "2006-01-02T15:04:05.000000Z07:00";

/// A timestamp as Go's `time.Parse` reads it, printed in UTC; Go's zero time is null.
pub(super) fn time(text: &str, micro: bool) -> Result<Value, String> {
    if is_as_printed(text, micro) {
        return Ok(Value::String(text.to_owned()));
    }
    parsed_time(text, micro)
}

fn parsed_time(text: &str, micro: bool) -> Result<Value, String> {
    let layout = if micro { MICRO_LAYOUT } else { LAYOUT };
    let (at, offset) = GoTime {
        text,
        rest: text,
        layout,
    }
    .parse(micro)?;
    let utc = at
        .checked_sub(Span::new().seconds(offset))
        .map_err(|_| format!("parsing time {}: year out of range", quote(text)))?;
    let seconds = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        utc.year(),
        utc.month(),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second()
    );
    if seconds == "0001-01-01T00:00:00" && utc.subsec_nanosecond() == 0 {
        return Ok(Value::Null);
    }
    if micro {
        let micros = utc.subsec_nanosecond() / 1000;
        return Ok(Value::String(format!("{seconds}.{micros:06}Z")));
    }
    Ok(Value::String(format!("{seconds}Z")))
}

/// Whether a timestamp is surely written as it would be printed. Most are: what is stored was printed here.
fn is_as_printed(text: &str, micro: bool) -> bool {
    let form: &[u8] = if micro {
        b"9999-99-99T99:99:99.999999Z"
    } else {
        b"9999-99-99T99:99:99Z"
    };
    let bytes = text.as_bytes();
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'9' => byte.is_ascii_digit(),
        _ => byte == form,
    };
    // Digits in the places of digits: texts compare as the numbers do.
    let within = |at: std::ops::Range<usize>, least: &str, most: &str| {
        text.get(at)
            .is_some_and(|part| (least..=most).contains(&part))
    };
    bytes.len() == form.len()
        && bytes.iter().zip(form).all(fits)
        && within(0..4, "0002", "9999")
        && within(5..7, "01", "12")
        // Later days aren't in every month.
        && within(8..10, "01", "28")
        && within(11..13, "00", "23")
        && within(14..16, "00", "59")
        && within(17..19, "00", "59")
}

/// `time.Parse` with one of the two layouts above.
struct GoTime<'a> {
    text: &'a str,
    rest: &'a str,
    layout: &'static str,
}

impl GoTime<'_> {
    fn parse(mut self, micro: bool) -> Result<(DateTime, i64), String> {
        let year = self.number(4, 4, "2006")?;
        self.literal("-")?;
        let month = self.ranged(2, "01", 1..=12, "month")?;
        self.literal("-")?;
        let day = self.number(2, 2, "02")?;
        self.literal("T")?;
        let hour = self.ranged(1, "15", 0..=23, "hour")?;
        self.literal(":")?;
        let minute = self.ranged(2, "04", 0..=59, "minute")?;
        self.literal(":")?;
        let second = self.ranged(2, "05", 0..=59, "second")?;
        let nanos = self.fraction(micro)?;
        let offset = self.offset()?;
        if !self.rest.is_empty() {
            return Err(self.failed(&format!("extra text: {}", quote(self.rest))));
        }
        let date = Date::new(
            i16::try_from(year).unwrap_or_default(),
            i8::try_from(month).unwrap_or_default(),
            i8::try_from(day).unwrap_or_default(),
        )
        .map_err(|_| self.failed("day out of range"))?;
        let seconds = hour * 3600 + minute * 60 + second;
        let time = Time::MIN.saturating_add(SignedDuration::new(seconds, nanos));
        Ok((date.to_datetime(time), offset))
    }

    fn failed(&self, why: &str) -> String {
        format!("parsing time {}: {why}", quote(self.text))
    }

    fn cannot(&self, element: &str) -> String {
        let (text, layout, rest) = (quote(self.text), self.layout, quote(self.rest));
        format!("parsing time {text} as \"{layout}\": cannot parse {rest} as \"{element}\"")
    }

    fn literal(&mut self, text: &str) -> Result<(), String> {
        self.rest = self
            .rest
            .strip_prefix(text)
            .ok_or_else(|| self.cannot(text))?;
        Ok(())
    }

    /// Between `least` and `most` digits.
    fn number(&mut self, least: usize, most: usize, element: &str) -> Result<i64, String> {
        let digits = self
            .rest
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        let number = self.rest.get(..digits).and_then(|text| text.parse().ok());
        match number {
            Some(number) if digits >= least => {
                self.rest = self.rest.get(digits..).unwrap_or_default();
                Ok(number)
            }
            _ => Err(self.cannot(element)),
        }
    }

    fn ranged(
        &mut self,
        least: usize,
        element: &str,
        range: std::ops::RangeInclusive<i64>,
        name: &str,
    ) -> Result<i64, String> {
        let number = self.number(least, 2, element)?;
        if range.contains(&number) {
            return Ok(number);
        }
        Err(self.failed(&format!("{name} out of range")))
    }

    /// Nanoseconds: exactly six digits in the micro layout, any number or none in the other.
    fn fraction(&mut self, micro: bool) -> Result<i32, String> {
        let digits = match self.rest.strip_prefix(['.', ',']) {
            Some(rest) => rest.bytes().take_while(u8::is_ascii_digit).count(),
            None => 0,
        };
        let taken = if micro { 6 } else { digits };
        if micro && digits < 6 {
            return Err(self.cannot(".000000"));
        }
        if taken == 0 {
            return Ok(0);
        }
        let text = self.rest.get(1..=taken).unwrap_or_default();
        self.rest = self.rest.get(taken + 1..).unwrap_or_default();
        let nine: String = text.chars().chain("000000000".chars()).take(9).collect();
        Ok(nine.parse().unwrap_or_default())
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Result<i64, String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let whole = self.rest;
        let parsed = (|| {
            let (sign, digits) = (whole.get(..1)?, whole.get(1..6)?);
            let (hours, minutes) = digits.split_once(':')?;
            let number = |text: &str| {
                (text.len() == 2)
                    .then(|| text.parse::<i64>().ok())
                    .flatten()
            };
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            let seconds = hours * 3600 + minutes * 60;
            let seconds = match sign {
                "+" => seconds,
                "-" => -seconds,
                _ => return None,
            };
            Some((seconds, hours, minutes))
        })();
        let Some((seconds, hours, minutes)) = parsed else {
            return Err(self.cannot("Z07:00"));
        };
        if hours > 24 {
            return Err(self.failed("time zone offset hour out of range"));
        }
        if minutes > 60 {
            return Err(self.failed("time zone offset minute out of range"));
        }
        self.rest = whole.get(6..).unwrap_or_default();
        Ok(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_taken_as_printed_is_printed_so() {
        let parts = [
            ["0000", "0001", "0002", "2026", "9999"],
            ["00", "01", "02", "12", "13"],
            ["00", "01", "28", "29", "32"],
            ["00", "09", "23", "24", "2x"],
            ["00", "59", "60", "61", "5"],
        ];
        let mut taken = 0;
        for choice in 0..5_usize.pow(5) {
            let of =
                |part: usize| parts[part][choice / 5_usize.pow(u32::try_from(part).unwrap()) % 5];
            let [year, month, day, hour, minute] = [0, 1, 2, 3, 4].map(of);
            for (end, micro) in [
                ("Z", false),
                ("z", false),
                (".123456Z", true),
                (".12345Z", true),
            ] {
                let text = format!("{year}-{month}-{day}T{hour}:{minute}:{minute}{end}");
                if is_as_printed(&text, micro) {
                    taken += 1;
                    assert_eq!(parsed_time(&text, micro), Ok(Value::String(text)));
                }
            }
        }
        // Two forms of three years, three months, two days, three hours and two minutes.
        assert_eq!(taken, 2 * 3 * 3 * 2 * 3 * 2);
    }
}
