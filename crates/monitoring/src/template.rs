//! Go templates of rules and receivers, as far as their parser looks: actions are closed, blocks are ended, literals are some,
//! functions and variables exist.

mod lex;
mod literal;
mod parse;

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

/// Syntax that isn't as old as the language: since which version of Go, and which Prometheus is the first that is built with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Young {
    /// `{{break}}` and `{{continue}}`.
    Break,
    /// `{{else with}}`.
    ElseWith,
}

impl Young {
    fn since(self) -> (Go, Since) {
        match self {
            Self::Break => (Go(18), (2, 35, 0)),
            Self::ElseWith => (Go(23), (2, 55, 0)),
        }
    }
}

/// The minor version of Go that a reader is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Go(pub(crate) u8);

/// Whose template it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A label or an annotation of a rule, read by that version of Prometheus; `None` is the newest.
    Rule(Option<Since>),
    /// A field of a receiver.
    Receiver,
    /// A field of a receiver that Alertmanager parses when it reads its configuration, without its own functions.
    Configuration(Go),
}

impl Of {
    fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Rule(_) => &PROMETHEUS,
            Self::Receiver => &ALERTMANAGER,
            Self::Configuration(_) => &[],
        }
    }

    /// Whether its reader knows a function.
    fn check_function(self, function: &str) -> Result<(), String> {
        if !LANGUAGE.contains(&function) && !self.functions().contains(&function) {
            return Err(format!("function {function:?} not defined"));
        }
        let since = SINCE.iter().find(|(name, _)| *name == function);
        match (self, since) {
            (Self::Rule(Some(version)), Some((_, since))) if version < *since => {
                Err(known_from(&format!("function {function:?}"), *since))
            }
            (Self::Rule(_) | Self::Receiver | Self::Configuration(_), _) => Ok(()),
        }
    }

    /// Whether its reader knows some syntax.
    fn knows_syntax(self, shown: &str, what: Young) -> Result<(), String> {
        let (go, since) = what.since();
        match self {
            Self::Rule(Some(version)) if version < since => Err(known_from(shown, since)),
            Self::Configuration(own) if own < go => Err(format!(
                "{shown} is known from Go 1.{} on, this version is built with an older one: write it otherwise, or raise the version",
                go.0
            )),
            Self::Rule(_) | Self::Receiver | Self::Configuration(_) => Ok(()),
        }
    }

    fn variables(self) -> Vec<String> {
        let declared = match self {
            Self::Rule(_) => &DECLARED[..],
            Self::Receiver | Self::Configuration(_) => &DECLARED[..1],
        };
        declared.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// Whether a template can be parsed.
pub(crate) fn check(text: &str, of: Of) -> Result<(), String> {
    parse::check(text, of)
}

#[cfg(test)]
mod tests;
