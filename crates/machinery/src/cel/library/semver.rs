//! Semantic versions (`apiserver/pkg/cel/library/semverlib.go`).

use std::cmp::Ordering;
use std::fmt;

use super::super::value::Value;
use super::{Answer, fail, give};
use crate::decode::quote;
use crate::go_number::parse_uint;

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
    let mut parts: Vec<String> = text.splitn(3, '.').map(without_zeros).collect();
    if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
        return Err("short version cannot contain PreRelease/Build meta data".to_owned());
    }
    parts.resize(3, "0".to_owned());
    parse(&parts.join("."))
}

/// A number without zeros in front, but one if nothing else is left; what follows it stays.
fn without_zeros(part: &str) -> String {
    let short = part.trim_start_matches('0');
    if part.len() > 1 && !short.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("0{short}");
    }
    if part.len() > 1 { short } else { part }.to_owned()
}

/// As `semver.Parse` of `blang/semver` reads one.
fn parse(text: &str) -> Result<Semver, String> {
    if text.is_empty() {
        return Err("Version string empty".to_owned());
    }
    let parts: Vec<&str> = text.splitn(3, '.').collect();
    let [major, minor, rest] = parts.as_slice() else {
        return Err("No Major.Minor.Patch elements found".to_owned());
    };
    let (major, minor) = (number("Major", major)?, number("Minor", minor)?);
    let (rest, build) = rest
        .split_once('+')
        .map_or((*rest, None), |(rest, build)| (rest, Some(build)));
    let (patch, pre) = rest
        .split_once('-')
        .map_or((rest, None), |(patch, pre)| (patch, Some(pre)));
    let numbers = [major, minor, number("Patch", patch)?];
    let pre: Vec<&str> = pre.map_or_else(Vec::new, |pre| pre.split('.').collect());
    pre.iter().try_for_each(|part| check_pre(part))?;
    let mut parts = build.into_iter().flat_map(|build| build.split('.'));
    parts.try_for_each(check_build)?;
    Ok(Semver {
        numbers,
        pre: pre.into_iter().map(str::to_owned).collect(),
        build: build.unwrap_or_default().to_owned(),
    })
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn has_leading_zeros(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0')
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    if !is_number(text) {
        let name = name.to_lowercase();
        let shown = quote(text);
        return Err(format!(
            "Invalid character(s) found in {name} number {shown}"
        ));
    }
    if has_leading_zeros(text) {
        let shown = quote(text);
        return Err(format!(
            "{name} number must not contain leading zeroes {shown}"
        ));
    }
    parse_uint(text)
}

fn check_pre(text: &str) -> Result<(), String> {
    if text.is_empty() {
        Err("Prerelease is empty".to_owned())
    } else if is_number(text) && has_leading_zeros(text) {
        Err(format!(
            "Numeric PreRelease version must not contain leading zeroes {}",
            quote(text)
        ))
    } else if is_number(text) {
        parse_uint(text).map(|_| ())
    } else if is_word(text) {
        Ok(())
    } else {
        Err(format!(
            "Invalid character(s) found in prerelease {}",
            quote(text)
        ))
    }
}

fn check_build(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("Build meta data is empty".to_owned());
    }
    if !is_word(text) {
        let shown = quote(text);
        return Err(format!(
            "Invalid character(s) found in build meta data {shown}"
        ));
    }
    Ok(())
}
