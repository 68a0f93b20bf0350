//! Directives before the first document: go-yaml v2 knows `%YAML 1.1` and `%TAG` (`scannerc.go`, `parserc.go`).

use super::YamlError;
use super::words::told_line;

/// The most digits of a part of a version.
const MOST_DIGITS: usize = 2;
const BLANKS: [char; 2] = [' ', '\t'];

enum Directive<'t> {
    /// `%YAML`: major and minor.
    Version(&'t str, &'t str),
    /// `%TAG`, which the parser looks at.
    Tag,
}

/// Refuses directives that go-yaml doesn't read.
pub(super) fn check(text: &str) -> Result<(), YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut versions = 0;
    for (before, line) in text.lines().enumerate() {
        let Some(directive) = line.strip_prefix('%') else {
            let rest = line.trim_start_matches(' ');
            if rest.is_empty() || rest.starts_with('#') {
                continue;
            }
            break;
        };
        let directive =
            read(directive).map_err(|message| YamlError::at(told_line(before + 1), message))?;
        let Directive::Version(major, minor) = directive else {
            continue;
        };
        versions += 1;
        // Of what isn't a scanner's, Go tells how many lines come before it.
        if versions > 1 {
            return Err(YamlError::at(before, "found duplicate %YAML directive"));
        }
        if !is_one(major) || !is_one(minor) {
            return Err(YamlError::at(before, "found incompatible YAML document"));
        }
    }
    Ok(())
}

fn is_one(digits: &str) -> bool {
    matches!(digits, "1" | "01")
}

/// A directive without its `%`.
fn read(line: &str) -> Result<Directive<'_>, &'static str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let rest = line.trim_start_matches(is_name);
    let name = line.strip_suffix(rest).unwrap_or_default();
    if name.is_empty() {
        return Err("could not find expected directive name");
    }
    if !rest.is_empty() && !rest.starts_with(BLANKS) {
        return Err("found unexpected non-alphabetical character");
    }
    match name {
        "YAML" => version(rest.trim_start_matches(BLANKS)),
        "TAG" => Ok(Directive::Tag),
        _ => Err("found unknown directive name"),
    }
}

fn version(text: &str) -> Result<Directive<'_>, &'static str> {
    let (major, rest) = number(text)?;
    let rest = rest
        .strip_prefix('.')
        .ok_or("did not find expected digit or '.' character")?;
    let (minor, rest) = number(rest)?;
    let rest = rest.trim_start_matches(BLANKS);
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(Directive::Version(major, minor));
    }
    Err("did not find expected comment or line break")
}

/// Digits, and what comes after them.
fn number(text: &str) -> Result<(&str, &str), &'static str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.strip_suffix(rest).unwrap_or_default();
    match digits.len() {
        0 => Err("did not find expected version number"),
        1..=MOST_DIGITS => Ok((digits, rest)),
        _ => Err("found extremely long version number"),
    }
}
