//! Go's words for what its YAML reader refuses (`readerc.go`, `scannerc.go`), where the parser here has others.

use granit_parser::ScanError;

use super::YamlError;

pub(super) const NO_TOKEN: &str = "found character that cannot start any token";
pub(super) const NO_INDENT: &str = "found a tab character that violates indentation";
pub(super) const NO_CHARACTER: &str = "found invalid Unicode character escape code";

/// A line as Go tells it: it counts from 0, which it doesn't tell.
pub(super) fn told_line(line: usize) -> usize {
    if line == 1 { 0 } else { line }
}

/// Characters that no YAML has.
pub(super) fn check_characters(text: &str) -> Result<(), YamlError> {
    let allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
            | '\u{10000}'..)
            && c != '\u{feff}'
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.chars().all(allowed) {
        return Ok(());
    }
    Err(YamlError::at(0, "control characters are not allowed"))
}

/// What the parser complains of.
pub(super) fn of_parser(text: &str, error: &ScanError) -> YamlError {
    let (marker, told) = (error.marker(), error.info());
    // Go names what it was doing nowhere.
    let problem = match told.split_once(", ") {
        Some((doing, problem)) if doing.starts_with("while ") => problem,
        Some(_) | None => told.as_str(),
    };
    let message = match problem {
        "tabs disallowed within this context (block indentation)" => NO_TOKEN,
        "found a tab" => NO_INDENT,
        "found unknown anchor" => {
            let name = text.chars().skip(marker.index() + 1);
            let name: String = name
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
                .collect();
            return YamlError::at(0, format!("unknown anchor '{name}' referenced"));
        }
        other if other.starts_with("unexpected character: ") => NO_TOKEN,
        other if other.contains("surrogate") || other.contains("Unicode character") => NO_CHARACTER,
        other => return YamlError::at(marker.line(), other),
    };
    YamlError::at(told_line(marker.line()), message)
}
