//! Which version of Prometheus first knew what an expression uses (its `CHANGELOG.md`).

use machinery::go_regex;

use super::lex::{self, Kind};
use crate::config::version::Since;

/// Functions and aggregations that came after 2.25. What isn't here is older, or nobody wrote down since when it is known.
const FUNCTIONS: [(&str, Since); 49] = [
    ("acos", (2, 31, 0)),
    ("acosh", (2, 31, 0)),
    ("asin", (2, 31, 0)),
    ("asinh", (2, 31, 0)),
    ("atan", (2, 31, 0)),
    ("atanh", (2, 31, 0)),
    ("clamp", (2, 26, 0)),
    ("cos", (2, 31, 0)),
    ("cosh", (2, 31, 0)),
    ("day_of_year", (2, 36, 0)),
    ("deg", (2, 31, 0)),
    ("double_exponential_smoothing", (3, 0, 0)),
    ("end", (3, 12, 0)),
    ("fill", (3, 10, 0)),
    ("fill_left", (3, 10, 0)),
    ("fill_right", (3, 10, 0)),
    ("first_over_time", (3, 7, 0)),
    ("histogram_avg", (2, 51, 0)),
    ("histogram_count", (2, 40, 0)),
    ("histogram_fraction", (2, 40, 0)),
    ("histogram_quantiles", (3, 11, 0)),
    ("histogram_stddev", (2, 47, 0)),
    ("histogram_stdvar", (2, 47, 0)),
    ("histogram_sum", (2, 40, 0)),
    ("info", (2, 55, 0)),
    ("last_over_time", (2, 26, 0)),
    ("limit_ratio", (2, 54, 0)),
    ("limitk", (2, 54, 0)),
    ("mad_over_time", (2, 49, 0)),
    ("max_of", (3, 13, 0)),
    ("min_of", (3, 13, 0)),
    ("pi", (2, 31, 0)),
    ("present_over_time", (2, 29, 0)),
    ("rad", (2, 31, 0)),
    ("range", (3, 12, 0)),
    ("sgn", (2, 26, 0)),
    ("sin", (2, 31, 0)),
    ("sinh", (2, 31, 0)),
    ("sort_by_label", (2, 49, 0)),
    ("sort_by_label_desc", (2, 49, 0)),
    ("start", (3, 12, 0)),
    ("start_timestamp", (3, 14, 0)),
    ("step", (3, 12, 0)),
    ("tan", (2, 31, 0)),
    ("tanh", (2, 31, 0)),
    ("ts_of_first_over_time", (3, 7, 0)),
    ("ts_of_last_over_time", (3, 5, 0)),
    ("ts_of_max_over_time", (3, 5, 0)),
    ("ts_of_min_over_time", (3, 5, 0)),
];
/// Functions that durations had before expressions had them.
const OF_DURATIONS: [(&str, Since); 2] = [("range", (3, 10, 0)), ("step", (3, 6, 0))];
/// The one operator that is a word and young.
const ATAN2: Since = (2, 31, 0);
/// Underscores in numbers, and numbers and durations in each other's place.
const NUMBERS: Since = (2, 54, 0);
/// Names in quotes, in braces.
const QUOTED: Since = (2, 51, 0);
/// Names in quotes, in the lists of groupings and matchings.
const QUOTED_LABELS: Since = (2, 55, 0);
/// Operators that trim histograms.
const TRIMS: Since = (3, 11, 0);
/// Groups that are named as in `(?<name>…)`, by matchers: they have a reader of expressions of their own, which came later than
/// that of relabelings.
const BARE_NAMES: Since = (2, 53, 0);

/// What a list of labels follows.
const LISTED: [&str; 6] = [
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "on",
    "without",
];

/// What an expression uses that a version doesn't know: what it is, and since when it is known. The expression can be parsed.
pub fn too_new(text: &str, version: Since) -> Option<(String, Since)> {
    let tokens = lex::tokens(text).ok()?;
    let mut uses = Uses::default();
    for (index, token) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1);
        let written = text.get(token.at..next.map_or(text.len(), |next| next.at));
        uses.token(&token.kind, written.unwrap_or_default().trim_end());
    }
    uses.found.into_iter().find(|(_, since)| version < *since)
}

/// What was used so far, and where the reader is.
#[derive(Default)]
struct Uses {
    found: Vec<(String, Since)>,
    place: Place,
    before: Before,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Outside,
    Braces,
    Brackets,
    /// The labels after `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`.
    Labels,
}

/// What stands before a token.
#[derive(Default, PartialEq)]
enum Before {
    /// Nothing that says more of it.
    #[default]
    Other,
    /// A word, in lower case.
    Word(String),
    /// `@`: `start` and `end` after it are older than the functions of these names.
    At,
    /// `offset`, maybe with a sign.
    Offset,
    /// What a matcher may follow.
    Begin,
    /// What a pattern follows.
    Match,
}

impl Uses {
    fn token(&mut self, kind: &Kind, written: &str) {
        let before = std::mem::take(&mut self.before);
        match kind {
            Kind::Word(name) if matches!(self.place, Place::Outside | Place::Brackets) => {
                self.before = self.word(name.to_ascii_lowercase(), before);
            }
            Kind::Number(_) => {
                // The words for infinity and for no number are as old as the language.
                let digits = written.starts_with(|c: char| c.is_ascii_digit() || c == '.');
                if digits && written.contains('_') {
                    self.note(format!("{written} with an underscore"), NUMBERS);
                }
                if digits && (self.place == Place::Brackets || before == Before::Offset) {
                    self.note(format!("the number {written} as a duration"), NUMBERS);
                }
            }
            Kind::Duration(_) if self.place == Place::Outside && before != Before::Offset => {
                self.note(format!("the duration {written} as a number"), NUMBERS);
            }
            Kind::Text(_) if self.place == Place::Braces && before == Before::Begin => {
                self.note(format!("the name {written} in quotes"), QUOTED);
            }
            Kind::Text(_) if self.place == Place::Labels => {
                self.note(format!("the label {written} in quotes"), QUOTED_LABELS);
            }
            Kind::Text(pattern) if before == Before::Match => {
                let both = go_regex::check(pattern).is_ok();
                if both && go_regex::check_before_1_22(pattern).is_err() {
                    let what = format!("{written} with a group (?<name>…), not (?P<name>…)");
                    self.note(what, BARE_NAMES);
                }
            }
            Kind::Sign(sign) => self.sign(sign, before),
            Kind::Word(_) | Kind::Duration(_) | Kind::Text(_) | Kind::End => {}
        }
    }

    /// What a word, in lower case, is to the token after it.
    fn word(&mut self, word: String, before: Before) -> Before {
        match (word.as_str(), before) {
            ("start" | "end", Before::At) => Before::Other,
            ("offset", _) => Before::Offset,
            ("atan2", _) => {
                self.note("the operator atan2".to_owned(), ATAN2);
                Before::Other
            }
            ("range" | "step", Before::Offset) => {
                self.called(&word, true);
                Before::Other
            }
            // `limitk by (a) (1, x)`.
            ("by" | "without", Before::Word(aggregation)) => {
                self.called(&aggregation, false);
                Before::Word(word)
            }
            (_, _) => Before::Word(word),
        }
    }

    fn called(&mut self, word: &str, in_duration: bool) {
        let durations = OF_DURATIONS.iter().filter(|_| in_duration);
        let mut known = durations.chain(&FUNCTIONS);
        if let Some((name, since)) = known.find(|(known, _)| *known == word) {
            self.note(format!("{name}()"), *since);
        }
    }

    fn sign(&mut self, sign: &str, before: Before) {
        match (sign, before) {
            ("(", Before::Word(word)) => {
                if LISTED.contains(&word.as_str()) {
                    self.place = Place::Labels;
                }
                self.called(&word, self.place == Place::Brackets);
            }
            (")", _) if self.place == Place::Labels => self.place = Place::Outside,
            ("</" | ">/", _) => self.note(format!("the operator {sign}"), TRIMS),
            ("@", _) => self.before = Before::At,
            ("-" | "+", Before::Offset) => self.before = Before::Offset,
            ("[", _) => self.place = Place::Brackets,
            ("]" | "}", _) => self.place = Place::Outside,
            ("{", _) => {
                self.place = Place::Braces;
                self.before = Before::Begin;
            }
            (",", _) => self.before = Before::Begin,
            ("=~" | "!~", _) if self.place == Place::Braces => self.before = Before::Match,
            _ => {}
        }
    }

    fn note(&mut self, what: String, since: Since) {
        self.found.push((what, since));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_later_is_told_with_its_version() {
        for (text, what, since) in [
            ("histogram_avg(x)", "histogram_avg()", (2, 51, 0)),
            (
                "sum(HISTOGRAM_STDDEV (x))",
                "histogram_stddev()",
                (2, 47, 0),
            ),
            ("limitk by (a) (1, x)", "limitk()", (2, 54, 0)),
            ("x + 1_000", "1_000 with an underscore", NUMBERS),
            ("x * start()", "start()", (3, 12, 0)),
            ("x @ 1 - End ( )", "end()", (3, 12, 0)),
            (
                "sum by (a, \"b\") (x)",
                "the label \"b\" in quotes",
                QUOTED_LABELS,
            ),
            (
                "x * on (a) group_left (\"b.c\",) x",
                "the label \"b.c\" in quotes",
                QUOTED_LABELS,
            ),
            ("x atan2 y", "the operator atan2", ATAN2),
            ("rate(x[step() * 2])", "step()", (3, 6, 0)),
            ("rate(x[range()])", "range()", (3, 10, 0)),
            ("x offset -range()", "range()", (3, 10, 0)),
            ("x * step()", "step()", (3, 12, 0)),
            ("x + fill(0) y", "fill()", (3, 10, 0)),
            ("x </ 1", "the operator </", TRIMS),
            ("rate(x[300])", "the number 300 as a duration", NUMBERS),
            ("x offset - 300", "the number 300 as a duration", NUMBERS),
            ("x * 5m", "the duration 5m as a number", NUMBERS),
            (
                "x{a=~\"(?<n>b)\"}",
                "\"(?<n>b)\" with a group (?<name>…), not (?P<name>…)",
                BARE_NAMES,
            ),
            ("{\"a.b\"}", "the name \"a.b\" in quotes", QUOTED),
            (
                "x{a=\"1\", \"b.c\" = \"2\"}",
                "the name \"b.c\" in quotes",
                QUOTED,
            ),
        ] {
            assert_eq!(
                too_new(text, (2, 30, 0)),
                Some((what.to_owned(), since)),
                "{text}"
            );
            assert_eq!(too_new(text, since), None, "{text}");
        }
    }

    #[test]
    fn what_is_old_is_known() {
        for text in [
            "sum by (a) (rate(x{a=\"b\", c!=\"5m\"}[5m:1m] offset -5m)) > 1.5e3",
            "info{pi=\"1\"} * on (a) group_left (c) last_over_time",
            "x{a=\"(?<n>b)\", c=~\"(?P<n>b)\"}",
            "x @ 10 or vector(Inf) or vector(NaN)",
            "x @ end() + rate(x[5m] @ START ( ))",
            "sum by (start, end, step) (x) + on (pi, range) x @ start()",
            "label_replace(sum(x) by (a), \"b\", \"$1\", \"a\", \"(.*)\")",
            "start + end * step",
        ] {
            assert_eq!(too_new(text, (2, 25, 0)), None, "{text}");
        }
    }
}
