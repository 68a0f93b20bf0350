//! Numbers as Go's `strconv` reads them.

use crate::decode::quote;

/// A number without a sign, digits alone, as `ParseUint` reads it.
///
/// # Errors
/// `strconv.ParseUint: parsing "+1": invalid syntax`.
pub fn parse_uint(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let why = if digits {
        "value out of range"
    } else {
        "invalid syntax"
    };
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| format!("strconv.ParseUint: parsing {}: {why}", quote(text)))
}

/// A floating point number as `ParseFloat` reads it, also `1_000`, `0x1.8p4`, `Inf` and `NaN`; `None` if it is none or beyond
/// what 64 bits hold.
pub fn parse_float(text: &str) -> Option<f64> {
    let (negative, bare) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if bare.starts_with(['+', '-']) || !underscores_separate_digits(bare) {
        return None;
    }
    let digits = bare.replace('_', "");
    let hexadecimal = digits
        .get(..2)
        .filter(|prefix| prefix.eq_ignore_ascii_case("0x"));
    let value = match hexadecimal.and_then(|_| digits.get(2..)) {
        Some(digits) => hexadecimal_float(digits)?,
        None => digits.parse::<f64>().ok()?,
    };
    let named = digits.starts_with(|c: char| c.is_ascii_alphabetic());
    if value.is_infinite() && !named || value.is_nan() && bare.len() != text.len() {
        return None;
    }
    Some(if negative { -value } else { value })
}

/// `1.8p4`, what follows `0x`: the exponent, of two, has to be there.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (number, power) = text.split_once(['p', 'P'])?;
    let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let limit = if power.starts_with('-') {
        -100_000
    } else {
        100_000
    };
    let power: i32 = power.parse().unwrap_or(limit).clamp(-100_000, 100_000);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut exponent = power;
    for (digit, of_fraction) in whole
        .chars()
        .map(|c| (c, false))
        .chain(fraction.chars().map(|c| (c, true)))
    {
        let digit = u64::from(digit.to_digit(16)?);
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
            exponent -= if of_fraction { 4 } else { 0 };
        } else {
            // What doesn't fit counts for rounding alone.
            mantissa |= u64::from(digit != 0);
            exponent += if of_fraction { 0 } else { 4 };
        }
    }
    Some(scaled(mantissa, exponent))
}

/// A number times two to the power of `exponent`, in steps that don't leave the range before the result does.
#[allow(clippy::cast_precision_loss)] // it is rounded
fn scaled(mantissa: u64, exponent: i32) -> f64 {
    let mut value = mantissa as f64;
    let mut left = exponent;
    while left != 0 && value != 0.0 && value.is_finite() {
        let step = left.clamp(-500, 500);
        value *= 2_f64.powi(step);
        left -= step;
    }
    value
}

/// `1_000`, but not `_1`, `1_`, `1__0` and `1_.0`; a prefix counts as a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let hexadecimal = text
        .get(..2)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    let number = if hexadecimal {
        text.get(1..)
    } else {
        Some(text)
    };
    let is_digit = |byte: u8| {
        byte.is_ascii_digit()
            || hexadecimal && (byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X'))
    };
    let bytes = number.unwrap_or_default().as_bytes();
    let framed = |window: &[u8]| match window {
        [before, b'_', after] => is_digit(*before) && is_digit(*after),
        _ => true,
    };
    !text.starts_with('_') && !text.ends_with('_') && bytes.windows(3).all(framed)
}

#[test]
fn floats_are_read_as_in_go() {
    for (text, wanted) in [
        ("1", Some(1.0)),
        ("-1.5e3", Some(-1500.0)),
        (".5", Some(0.5)),
        ("1.", Some(1.0)),
        ("1_000", Some(1000.0)),
        ("0x_1p4", Some(16.0)),
        ("0x1.8p1", Some(3.0)),
        ("-0X.8P-1", Some(-0.25)),
        ("0x1p-1074", Some(5e-324)),
        ("0x1p1023", Some(2_f64.powi(1023))),
        ("inf", Some(f64::INFINITY)),
        ("-Infinity", Some(f64::NEG_INFINITY)),
        ("1e400", None),
        ("0x1p1024", None),
        ("0x1", None),
        ("0x1p", None),
        ("0xp1", None),
        ("1__0", None),
        ("_1", None),
        ("1_", None),
        ("1_.0", None),
        ("+-1", None),
        ("+nan", None),
        ("", None),
        ("1f", None),
    ] {
        assert_eq!(parse_float(text), wanted, "{text}");
    }
    assert!(parse_float("NaN").is_some_and(f64::is_nan));
}
