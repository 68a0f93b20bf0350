//! Resource quantities: `100m`, `1.5Gi`, `2e3`. Mirrors `apimachinery/pkg/api/resource/quantity.go`, its canonical
//! form included.

use std::{cmp::Ordering, fmt};

/// A decimal number with the notation it was written in.
///
/// The value is `unscaled` times ten to the power of `exponent`. Numbers beyond 38 digits are not representable.
#[derive(Debug, Clone)]
pub struct Quantity {
    unscaled: i128,
    exponent: i32,
    format: Format,
    /// The text as written, where Go keeps it because it is canonical enough.
    text: Option<String>,
    /// Go holds it as a decimal of any length, not as 64 bits and a scale.
    long: bool,
}

/// Which suffixes a quantity is printed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `12e6`
    DecimalExponent,
    /// `12Mi`
    BinarySi,
    /// `12M`
    DecimalSi,
}

/// Why a text is no quantity; prints Go's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Empty, or with something left over.
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    /// The number is none.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// The suffix does not exist.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

const NANO: i32 = -9;

const DECIMAL_SUFFIXES: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY_SUFFIXES: [(&str, i32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

/// The text of a quantity, cut into its parts.
struct Parts<'a> {
    negative: bool,
    /// Digits before the point, without leading zeros; `0` if none.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    suffix: &'a str,
}

impl Quantity {
    /// A whole number.
    pub fn from_int(value: i64, format: Format) -> Self {
        Self {
            unscaled: i128::from(value),
            exponent: 0,
            format,
            text: None,
            long: false,
        }
    }

    /// A number of thousandths.
    pub fn from_milli(value: i64, format: Format) -> Self {
        Self {
            unscaled: i128::from(value),
            exponent: -3,
            format,
            text: None,
            long: false,
        }
    }

    /// Reads a quantity as the server does: rounded up to nano units, binary ones capped at 2^63-1.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        if text == "0" {
            return Ok(Self {
                unscaled: 0,
                exponent: 0,
                format: Format::DecimalSi,
                text: Some(text.to_owned()),
                long: false,
            });
        }
        let parts = Parts::split(text)?;
        let (base, exponent, format) = interpret(parts.suffix).ok_or(QuantityError::Suffix)?;
        if let Some(quantity) = parts.short(text, exponent, format)? {
            return Ok(quantity);
        }
        parts.long(base, exponent, format)
    }

    /// Rounded up to a whole number, at the limit of `i64` if beyond.
    pub fn value(&self) -> i64 {
        self.scaled_value(0)
    }

    /// Rounded up to thousandths, at the limit of `i64` if beyond.
    pub fn milli_value(&self) -> i64 {
        self.scaled_value(-3)
    }

    /// Whether it is written in units of ten to the power of `exponent`, or in larger ones.
    pub fn is_whole_in(&self, exponent: i32) -> bool {
        self.exponent >= exponent
    }

    /// The number of units of ten to the power of `exponent`, rounded up away from zero.
    pub fn scaled_value(&self, exponent: i32) -> i64 {
        let scaled = if self.exponent >= exponent {
            times_ten(self.unscaled, self.exponent.saturating_sub(exponent))
        } else {
            Some(round_up(self.unscaled, exponent.saturating_sub(self.exponent)).0)
        };
        let limit = if self.unscaled < 0 {
            i64::MIN
        } else {
            i64::MAX
        };
        scaled
            .and_then(|value| i64::try_from(value).ok())
            .unwrap_or(limit)
    }

    /// As a floating point number.
    #[expect(clippy::cast_precision_loss, reason = "an approximation is asked for")]
    pub fn as_f64(&self) -> f64 {
        self.unscaled as f64 * 10_f64.powi(self.exponent)
    }

    /// How it is printed.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.unscaled == 0
    }

    /// -1, 0 or 1.
    pub fn sign(&self) -> i32 {
        match self.unscaled.cmp(&0) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }
    }

    /// As a whole number of 64 bits, if Go knows it for one without rounding: `1.0` and `1.5Ki` are none (`AsInt64`).
    pub fn as_i64(&self) -> Option<i64> {
        if self.long || self.exponent < 0 {
            return None;
        }
        i64::try_from(times_ten(self.unscaled, self.exponent)?).ok()
    }

    /// The sum, printed as `self` unless that is zero.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let exponent = match (self.is_zero(), other.is_zero()) {
            (_, true) => self.exponent,
            (true, false) => other.exponent,
            (false, false) => self.exponent.min(other.exponent),
        };
        let (a, b) = (self.at(exponent), other.at(exponent));
        let (unscaled, exponent) = match (a, b) {
            (Some(a), Some(b)) => (a.saturating_add(b), exponent),
            // One of them is beyond all digits of the other.
            (None, _) => (self.unscaled, self.exponent),
            (Some(_), None) => (other.unscaled, other.exponent),
        };
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        Self {
            unscaled,
            exponent,
            format,
            text: None,
            long: self.long || other.long || i64::try_from(unscaled).is_err(),
        }
    }

    /// The difference, printed as `self` unless that is zero.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    /// The opposite number.
    #[must_use]
    pub fn neg(&self) -> Self {
        Self {
            unscaled: self.unscaled.saturating_neg(),
            text: None,
            ..self.clone()
        }
    }

    fn at(&self, exponent: i32) -> Option<i128> {
        times_ten(self.unscaled, self.exponent.saturating_sub(exponent))
    }

    /// Number and suffix in canonical form.
    fn canonical(&self) -> (i128, String) {
        if self.is_zero() {
            return (0, String::new());
        }
        if self.format == Format::BinarySi
            && let Some(whole) = self.whole_at_least_1024()
        {
            let (number, times) = without_factors(whole, 1024);
            let suffix = BINARY_SUFFIXES
                .iter()
                .find(|(_, exponent)| *exponent == times * 10);
            return (number, suffix.map_or("", |(suffix, _)| suffix).to_owned());
        }
        let (mut number, times) = without_factors(self.unscaled, 10);
        let mut exponent = self.exponent.saturating_add(times);
        while exponent % 3 != 0 {
            number = number.saturating_mul(10);
            exponent -= 1;
        }
        let suffix = match self.format {
            Format::DecimalExponent if exponent == 0 => String::new(),
            Format::DecimalExponent => format!("e{exponent}"),
            Format::BinarySi | Format::DecimalSi => {
                let suffix = DECIMAL_SUFFIXES
                    .iter()
                    .find(|(_, power)| *power == exponent);
                suffix.map_or("", |(suffix, _)| suffix).to_owned()
            }
        };
        (number, suffix)
    }

    fn whole_at_least_1024(&self) -> Option<i128> {
        let (whole, exact) = if self.exponent >= 0 {
            (times_ten(self.unscaled, self.exponent)?, true)
        } else {
            round_up(self.unscaled, -self.exponent)
        };
        (exact && whole.unsigned_abs() >= 1024).then_some(whole)
    }
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Format);
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let rest = rest.trim_start_matches('0');
        let (whole, rest) = leading(rest, |c| c.is_ascii_digit());
        let (fraction, suffix) = rest
            .strip_prefix('.')
            .map_or(("", rest), |rest| leading(rest, |c| c.is_ascii_digit()));
        let (_, rest) = leading(suffix, |c| "eEinumkKMGTP".contains(c));
        let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        if !rest.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(QuantityError::Format);
        }
        Ok(Self {
            negative,
            whole: if whole.is_empty() { "0" } else { whole },
            fraction,
            suffix,
        })
    }

    /// Numbers of up to 18 digits: not rounded, and with their text kept where Go thinks it canonical.
    fn short(
        &self,
        text: &str,
        exponent: i32,
        format: Format,
    ) -> Result<Option<Quantity>, QuantityError> {
        let (whole, fraction) = (length(self.whole), length(self.fraction));
        let (scale, mantissa, precision) = match format {
            Format::DecimalExponent | Format::DecimalSi => (exponent, 1_i64, 18 - whole - fraction),
            Format::BinarySi if self.fraction.is_empty() => (
                0,
                1_i64.checked_shl(exponent.unsigned_abs()).unwrap_or(0),
                14 - whole - exponent * 3 / 10,
            ),
            Format::BinarySi => return Ok(None),
        };
        let scale = scale.saturating_sub(fraction);
        if precision < 0 || scale < NANO {
            return Ok(None);
        }
        let digits = format!("{}{}", self.whole, self.fraction);
        let number: i64 = digits.parse().map_err(|_| QuantityError::Numeric)?;
        let Some(product) = number.checked_mul(mantissa) else {
            return Ok(None);
        };
        let keep = match format {
            Format::BinarySi => exponent % 10 == 0 && number & 7 != 0,
            Format::DecimalExponent | Format::DecimalSi => {
                scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0')
            }
        };
        let unscaled = i128::from(if self.negative { -product } else { product });
        Ok(Some(Quantity {
            unscaled,
            exponent: scale,
            format,
            text: keep.then(|| text.to_owned()),
            long: false,
        }))
    }

    /// All other numbers.
    fn long(&self, base: i32, exponent: i32, format: Format) -> Result<Quantity, QuantityError> {
        let digits = format!("{}{}", self.whole, self.fraction);
        let mut number: i128 = digits.parse().map_err(|_| QuantityError::Numeric)?;
        let mut scale = -length(self.fraction);
        let mut format = format;
        if base == 10 {
            scale = scale.saturating_add(exponent);
        } else {
            number = number.saturating_mul(1_i128 << exponent.clamp(0, 60));
        }
        if scale < NANO {
            number = round_up(number, NANO - scale).0;
            scale = NANO;
        }
        if format == Format::BinarySi {
            let (whole, exact) = if scale < 0 {
                round_up(number, -scale)
            } else {
                (number, true)
            };
            if whole > i128::from(i64::MAX) {
                (number, scale) = (i128::from(i64::MAX), 0);
            } else if number > 0 && !exact && whole <= 1 {
                format = Format::DecimalSi;
            }
        }
        Ok(Quantity {
            unscaled: if self.negative { -number } else { number },
            exponent: scale,
            format,
            text: None,
            long: true,
        })
    }
}

fn leading(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}

fn length(text: &str) -> i32 {
    i32::try_from(text.len()).unwrap_or(i32::MAX / 4)
}

fn interpret(suffix: &str) -> Option<(i32, i32, Format)> {
    let find = |list: &[(&str, i32)]| {
        list.iter()
            .find(|(name, _)| *name == suffix)
            .map(|(_, exponent)| *exponent)
    };
    if let Some(exponent) = find(&DECIMAL_SUFFIXES) {
        return Some((10, exponent, Format::DecimalSi));
    }
    if let Some(exponent) = find(&BINARY_SUFFIXES) {
        return Some((2, exponent, Format::BinarySi));
    }
    let exponent: i64 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    // Go cuts it to 32 bits, whatever is lost.
    let [a, b, c, d, ..] = exponent.to_le_bytes();
    let exponent = i32::from_le_bytes([a, b, c, d]);
    Some((10, exponent, Format::DecimalExponent))
}

fn times_ten(number: i128, power: i32) -> Option<i128> {
    if number == 0 {
        return Some(0);
    }
    10_i128
        .checked_pow(u32::try_from(power).ok()?)
        .and_then(|factor| number.checked_mul(factor))
}

/// `number` divided by ten to the power of `power`, away from zero, and whether nothing was lost.
fn round_up(number: i128, power: i32) -> (i128, bool) {
    let Some(divisor) = u32::try_from(power)
        .ok()
        .and_then(|power| 10_i128.checked_pow(power))
    else {
        return (number.signum(), number == 0);
    };
    let exact = number % divisor == 0;
    (
        number / divisor + if exact { 0 } else { number.signum() },
        exact,
    )
}

fn without_factors(number: i128, factor: i128) -> (i128, i32) {
    let (mut number, mut times) = (number, 0);
    while number != 0 && number % factor == 0 {
        number /= factor;
        times += 1;
    }
    (number, times)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return f.write_str(text);
        }
        let (number, suffix) = self.canonical();
        write!(f, "{number}{suffix}")
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By value; the notation does not count.
impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        let exponent = self.exponent.min(other.exponent);
        match (self.at(exponent), other.at(exponent)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // One of them is beyond all digits of the other.
            (None, _) => self.sign().cmp(&0),
            (Some(_), None) => 0.cmp(&other.sign()),
        }
    }
}

/// The canonical form of a text (`1024Mi` → `1Gi`, `0.5` → `500m`), as objects come back from the server.
pub fn canonical(text: &str) -> Result<String, QuantityError> {
    Quantity::parse(text).map(|quantity| quantity.to_string())
}

#[cfg(test)]
mod tests;
