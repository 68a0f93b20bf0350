//! Go templates of rules and receivers, as far as their parser looks: actions are closed, blocks are ended, functions and
//! variables exist.

use crate::config::version::Since;
use crate::rules::known_from;

/// Functions of the language.
const LANGUAGE: [&str; 19] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or",
    "print", "printf", "println", "slice", "urlquery",
];

/// Functions that Prometheus adds for rules.
const PROMETHEUS: [&str; 31] = [
    "args",
    "externalURL",
    "first",
    "graphLink",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "label",
    "match",
    "now",
    "parseDuration",
    "pathPrefix",
    "query",
    "reReplaceAll",
    "safeHtml",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "tmpl",
    "toDuration",
    "toJson",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "value",
];

/// Functions that Alertmanager adds for notifications.
const ALERTMANAGER: [&str; 23] = [
    "append",
    "date",
    "dict",
    "humanizeDuration",
    "join",
    "list",
    "match",
    "mustToDate",
    "now",
    "reReplaceAll",
    "routeLabels",
    "safeHtml",
    "safeUrl",
    "since",
    "stringSlice",
    "title",
    "toDate",
    "toJson",
    "toLower",
    "toUpper",
    "trimSpace",
    "tz",
    "urlUnescape",
];

/// Since when some of Prometheus' are known.
const SINCE: [(&str, Since); 7] = [
    ("now", (3, 6, 0)),
    ("parseDuration", (2, 32, 0)),
    ("stripDomain", (2, 36, 0)),
    ("stripPort", (2, 33, 0)),
    ("toDuration", (3, 6, 0)),
    ("toTime", (2, 38, 0)),
    ("urlQueryEscape", (3, 8, 0)),
];

/// The variables that Prometheus declares before a text of a rule.
const DECLARED: [&str; 5] = ["$", "$labels", "$externalLabels", "$externalURL", "$value"];

/// Whose template it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A label or an annotation of a rule, read by that version of Prometheus; `None` is the newest.
    Rule(Option<Since>),
    /// A field of a receiver.
    Receiver,
    /// A field of a receiver that Alertmanager parses when it reads its configuration, without its own functions.
    Configuration,
}

impl Of {
    fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Rule(_) => &PROMETHEUS,
            Self::Receiver => &ALERTMANAGER,
            Self::Configuration => &[],
        }
    }

    fn knows(self, function: &str) -> bool {
        LANGUAGE.contains(&function) || self.functions().contains(&function)
    }

    /// Since when a function is known that the reader doesn't know yet.
    fn knows_from(self, function: &str) -> Option<Since> {
        let version = match self {
            Self::Rule(version) => version?,
            Self::Receiver | Self::Configuration => return None,
        };
        let (_, since) = SINCE.iter().find(|(name, _)| *name == function)?;
        (version < *since).then_some(*since)
    }

    fn variables(self) -> Vec<String> {
        let declared = match self {
            Self::Rule(_) => &DECLARED[..],
            Self::Receiver | Self::Configuration => &DECLARED[..1],
        };
        declared.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// A token of an action.
#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Variable(String),
    /// A field, a number, a text, a bracket or a comma: an operand or part of one.
    Other(char),
    Assign,
}

/// Whether a template can be parsed.
pub(crate) fn check(text: &str, of: Of) -> Result<(), String> {
    let mut blocks: Vec<(String, usize)> = Vec::new();
    let mut variables = of.variables();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let (action, after) = action(after)?;
        rest = after;
        let Some(action) = action else { continue };
        let tokens = tokens(action)?;
        let (keyword, tokens) = match tokens.split_first() {
            Some((Token::Word(word), tail)) if is_keyword(word) => (word.as_str(), tail),
            Some(_) => ("", tokens.as_slice()),
            None => return Err("missing value for command".to_owned()),
        };
        match keyword {
            "end" => {
                let (_, count) = blocks.pop().ok_or("unexpected {{end}}")?;
                variables.truncate(count);
                continue;
            }
            "else" => {
                let (block, count) = blocks.last().ok_or("unexpected {{else}}")?;
                if !["if", "range", "with"].contains(&block.as_str()) {
                    return Err("unexpected {{else}}".to_owned());
                }
                variables.truncate(*count);
                let chained = matches!(tokens.first(), Some(Token::Word(word)) if word == "if" || word == "with");
                if chained {
                    let condition = tokens.get(1..).unwrap_or_default();
                    pipeline(condition, ("if", of), &mut variables)?;
                } else if !tokens.is_empty() {
                    return Err("unexpected token in else".to_owned());
                }
                continue;
            }
            "if" | "range" | "with" | "block" | "define" => {
                blocks.push((keyword.to_owned(), variables.len()));
            }
            "break" | "continue" => {
                if !blocks.iter().any(|(block, _)| block == "range") {
                    return Err(format!("{{{{{keyword}}}}} outside {{{{range}}}}"));
                }
                continue;
            }
            _ => {}
        }
        let named = matches!(keyword, "block" | "define" | "template");
        let tokens = match (named, tokens.split_first()) {
            (true, Some((Token::Other('"'), tail))) => tail,
            (true, _) => return Err(format!("missing name in {keyword}")),
            (false, _) => tokens,
        };
        if named && tokens.is_empty() {
            continue;
        }
        pipeline(tokens, (keyword, of), &mut variables)?;
    }
    if blocks.is_empty() {
        Ok(())
    } else {
        Err("unexpected EOF".to_owned())
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "end"
            | "else"
            | "if"
            | "range"
            | "with"
            | "block"
            | "define"
            | "template"
            | "break"
            | "continue"
    )
}

/// The text of an action and what follows; no text for a comment.
fn action(after: &str) -> Result<(Option<&str>, &str), String> {
    let unclosed = || "unclosed action".to_owned();
    let trimmed = after.strip_prefix("- ").unwrap_or(after);
    if let Some(comment) = trimmed.trim_start().strip_prefix("/*") {
        let (_, rest) = comment.split_once("*/").ok_or("unclosed comment")?;
        let (_, rest) = rest.split_once("}}").ok_or_else(unclosed)?;
        return Ok((None, rest));
    }
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in trimmed.char_indices() {
        match quote {
            Some(open) => {
                if escaped {
                    escaped = false;
                } else if c == '\\' && open != '`' {
                    escaped = true;
                } else if c == open {
                    quote = None;
                } else if c == '\n' && open != '`' {
                    return Err("unterminated quoted string".to_owned());
                }
            }
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None => {
                let (before, rest) = trimmed.split_at_checked(at).unwrap_or((trimmed, ""));
                if let Some(rest) = rest.strip_prefix("}}") {
                    return Ok((Some(before.strip_suffix(" -").unwrap_or(before)), rest));
                }
            }
        }
    }
    match quote {
        Some('`') => Err("unterminated raw quoted string".to_owned()),
        Some(_) => Err("unterminated quoted string".to_owned()),
        None => Err(unclosed()),
    }
}

fn tokens(action: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = action.char_indices().peekable();
    let within = |c: char| c == '_' || c.is_alphanumeric();
    while let Some((at, c)) = chars.next() {
        let word = |chars: &mut std::iter::Peekable<std::str::CharIndices>| {
            let mut end = at + c.len_utf8();
            while let Some((next, found)) = chars.next_if(|(_, c)| within(*c)) {
                end = next + found.len_utf8();
            }
            action.get(at..end).unwrap_or_default().to_owned()
        };
        match c {
            c if c.is_whitespace() => {}
            '$' => tokens.push(Token::Variable(word(&mut chars))),
            '"' | '`' | '\'' => {
                let mut escaped = false;
                for (_, next) in chars.by_ref() {
                    if escaped {
                        escaped = false;
                    } else if next == '\\' && c != '`' {
                        escaped = true;
                    } else if next == c {
                        break;
                    }
                }
                tokens.push(Token::Other('"'));
            }
            ':' => match chars.next() {
                Some((_, '=')) => tokens.push(Token::Assign),
                _ => return Err("expected :=".to_owned()),
            },
            '=' => tokens.push(Token::Assign),
            '.' => {
                word(&mut chars);
                tokens.push(Token::Other('.'));
            }
            '|' | '(' | ')' | ',' => tokens.push(Token::Other(c)),
            c if c.is_ascii_digit()
                || (matches!(c, '+' | '-')
                    && chars
                        .peek()
                        .is_some_and(|(_, next)| next.is_ascii_digit() || *next == '.')) =>
            {
                while chars
                    .next_if(|(_, next)| within(*next) || *next == '.')
                    .is_some()
                {}
                tokens.push(Token::Other('0'));
            }
            c if within(c) => tokens.push(Token::Word(word(&mut chars))),
            c => {
                return Err(format!(
                    "unexpected bad character U+{:04X} {c:?}",
                    u32::from(c)
                ));
            }
        }
    }
    Ok(tokens)
}

/// Declarations, commands and pipes of an action.
fn pipeline(
    tokens: &[Token],
    (keyword, of): (&str, Of),
    variables: &mut Vec<String>,
) -> Result<(), String> {
    let missing = || match keyword {
        "" => "missing value for command".to_owned(),
        keyword => format!("missing value for {keyword}"),
    };
    let (declared, commands) = match tokens.iter().position(|token| *token == Token::Assign) {
        Some(at) => {
            let (declared, rest) = tokens.split_at_checked(at).unwrap_or((tokens, &[]));
            (declared, rest.get(1..).unwrap_or_default())
        }
        None => (&[][..], tokens),
    };
    let mut depth = 0_usize;
    let mut empty = true;
    for token in commands {
        match token {
            Token::Word(word) => {
                let constant = matches!(word.as_str(), "true" | "false" | "nil");
                if !constant && !of.knows(word) {
                    return Err(format!("function {word:?} not defined"));
                }
                if let Some(since) = of.knows_from(word) {
                    return Err(known_from(&format!("function {word:?}"), since));
                }
                empty = false;
            }
            Token::Variable(name) => {
                if !variables.contains(name) {
                    return Err(format!("undefined variable {name:?}"));
                }
                empty = false;
            }
            Token::Other('(') => {
                depth += 1;
                empty = true;
            }
            Token::Other(')') => {
                depth = depth.checked_sub(1).ok_or("unexpected right paren")?;
                if empty {
                    return Err(missing());
                }
            }
            Token::Other('|') => {
                if empty {
                    return Err(missing());
                }
                empty = true;
            }
            Token::Other(',') | Token::Assign => {
                return Err("unexpected token in operand".to_owned());
            }
            Token::Other(_) => empty = false,
        }
    }
    if depth > 0 {
        return Err("unclosed left paren".to_owned());
    }
    if empty {
        return Err(missing());
    }
    for token in declared {
        match token {
            Token::Variable(name) => variables.push(name.clone()),
            Token::Other(',') if keyword == "range" => {}
            _ => return Err("unexpected token in declaration".to_owned()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Of, check};

    #[test]
    fn templates_of_real_rules_are_taken() {
        for text in [
            "plain",
            "{{ $labels.instance }} is down for {{ $value | humanizeDuration }}",
            "{{ printf \"%.2f\" $value }}% of {{`{{x}}`}}",
            "{{ with query \"up{job='x'}\" }}{{ . | first | value }}{{ end }}",
            "{{ range $i, $e := query \"up\" }}{{ $e.Labels.job }}{{ else }}-{{ end }}",
            "{{- if gt $value 1.5 -}}a{{ else if eq .Labels.x \"y\" }}b{{ else }}c{{ end }}",
            "{{ $x := -1 }}{{ $x }}{{/* a - b */}}",
            "{{ define \"a\" }}x{{ end }}{{ template \"a\" . }}",
            "{{ (index $labels \"a\") | title }}",
        ] {
            assert_eq!(check(text, Of::Rule(None)), Ok(()), "{text}");
        }
    }

    #[test]
    fn functions_that_came_later_are_told_with_their_version() {
        let text = "{{ now | toTime }}";
        let why = "function \"now\" is known from Prometheus 3.6.0 on: write it otherwise, or raise the server's version";
        assert_eq!(check(text, Of::Rule(Some((2, 42, 0)))), Err(why.to_owned()));
        assert_eq!(check(text, Of::Rule(Some((3, 6, 0)))), Ok(()));
    }

    #[test]
    fn what_go_would_not_parse_is_refused() {
        for text in [
            "{{ $labels.instance",
            "{{ }}",
            "{{ nosuch 1 }}",
            "{{ $nosuch }}",
            "{{ if true }}x",
            "{{ end }}",
            "{{ else }}",
            "{{ (1 }}",
            "{{ 1) }}",
            "{{ \"x }}",
            "{{ 1 | }}",
            "{{ a-b }}",
            "{{ if }}{{ end }}",
            "{{ if $x := 1 }}{{ end }}{{ $x }}",
            "{{ break }}",
        ] {
            assert!(check(text, Of::Rule(None)).is_err(), "{text}");
        }
    }

    #[test]
    fn receivers_know_other_functions_than_rules() {
        let upper = "{{ .CommonLabels.team | toUpper | safeUrl }}";
        assert_eq!(check(upper, Of::Receiver), Ok(()));
        let query = "{{ query \"up\" | first | value }}";
        let why = "function \"query\" not defined";
        assert_eq!(check(query, Of::Receiver), Err(why.to_owned()));
        for known in ["{{ urlquery .x }}", "{{ with $x := $ }}{{ $x }}{{ end }}"] {
            assert_eq!(check(known, Of::Receiver), Ok(()), "{known}");
        }
        for unknown in [
            "{{ nosuch .x }}",
            "{{ $labels.x }}",
            "{{ if .x }}y",
            "{{ end }}",
        ] {
            assert!(check(unknown, Of::Receiver).is_err(), "{unknown}");
        }
    }
}
