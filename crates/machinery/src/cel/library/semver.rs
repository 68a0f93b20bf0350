//! Semantic versions (`apiserver/pkg/cel/library/semverlib.go`).

use std::cmp::Ordering;
use std::fmt;

use super::super::value::Value;
use super::{Answer, fail, give};

/// A version in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Semver {
    numbers: [u64; 3],
    pre: Vec<String>,
    build: String,
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre.join("."))?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

impl Semver {
    /// The order of versions; what comes after `+` does not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_pre(&self.pre, &other.pre),
            }
        })
    }
}

fn compare_pre(a: &[String], b: &[String]) -> Ordering {
    for (x, y) in a.iter().zip(b) {
        let order = match (x.parse::<u64>(), y.parse::<u64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => x.cmp(y),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    match (function, args) {
        ("semver", [Value::String(text), rest @ ..]) => match read(text, normalizes(rest)?) {
            Ok(version) => give(Value::Semver(version.into())),
            Err(reason) => fail(reason),
        },
        ("isSemver", [Value::String(text), rest @ ..]) => {
            give(read(text, normalizes(rest)?).is_ok())
        }
        ("isGreaterThan", [Value::Semver(a), Value::Semver(b)]) => give(a.compare(b).is_gt()),
        ("isLessThan", [Value::Semver(a), Value::Semver(b)]) => give(a.compare(b).is_lt()),
        ("compareTo", [Value::Semver(a), Value::Semver(b)]) => give(a.compare(b) as i64),
        ("major" | "minor" | "patch", [Value::Semver(version)]) => {
            let [major, minor, patch] = version.numbers;
            let number = match function {
                "major" => major,
                "minor" => minor,
                _ => patch,
            };
            give(i64::try_from(number).unwrap_or(i64::MAX))
        }
        _ => None,
    }
}

fn normalizes(rest: &[Value]) -> Option<bool> {
    match rest {
        [] => Some(false),
        [Value::Bool(normalize)] => Some(*normalize),
        _ => None,
    }
}

/// With normalization, a `v` in front, missing parts and zeros in front are mended.
fn read(text: &str, normalize: bool) -> Result<Semver, String> {
    if !normalize {
        return parse(text);
    }
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let mut parts: Vec<String> = numbers
        .split('.')
        .map(|part| {
            let short = part.trim_start_matches('0');
            if short.is_empty() && !part.is_empty() {
                "0".to_owned()
            } else {
                short.to_owned()
            }
        })
        .collect();
    while parts.len() < 3 {
        parts.push("0".to_owned());
    }
    parse(&format!("{}{rest}", parts.join(".")))
}

fn parse(text: &str) -> Result<Semver, String> {
    if text.is_empty() {
        return Err("Version string empty".to_owned());
    }
    let (rest, build) = text.split_once('+').unwrap_or((text, ""));
    let (core, pre) = rest.split_once('-').unwrap_or((rest, ""));
    let parts: Vec<&str> = core.splitn(3, '.').collect();
    let [major, minor, patch] = parts.as_slice() else {
        return Err("No Major.Minor.Patch elements found".to_owned());
    };
    let mut numbers = [0; 3];
    for (slot, (name, part)) in
        numbers
            .iter_mut()
            .zip([("major", major), ("minor", minor), ("patch", patch)])
    {
        let name = name.get(..1).map_or(String::new(), str::to_uppercase)
            + name.get(1..).unwrap_or_default();
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!(
                "Invalid character(s) found in {} number {part:?}",
                name.to_lowercase()
            ));
        }
        if part.len() > 1 && part.starts_with('0') {
            return Err(format!(
                "{name} number must not contain leading zeroes {part:?}"
            ));
        }
        *slot = part
            .parse()
            .map_err(|_| format!("strconv.ParseUint: parsing {part:?}: value out of range"))?;
    }
    let pre: Vec<String> = if rest.contains('-') {
        pre.split('.').map(str::to_owned).collect()
    } else {
        Vec::new()
    };
    let fits = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if let Some(bad) = pre.iter().find(|part| !fits(part)) {
        return Err(format!("Invalid character(s) found in prerelease {bad:?}"));
    }
    if text.contains('+') && !build.split('.').all(fits) {
        return Err(format!(
            "Invalid character(s) found in build meta data {build:?}"
        ));
    }
    Ok(Semver {
        numbers,
        pre,
        build: build.to_owned(),
    })
}
