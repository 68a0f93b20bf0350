//! What chance decides gets names: uids, times, revisions (as ranks), generated names, allocated addresses and ports.
//!
//! Everything else stays as it is, byte by byte.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::{Captures, Regex};
use serde_json::Value;

use super::causes;
use super::ground::Reply;

/// Compiled once. Bounds of words are those of ASCII: those of Unicode make a search through a document of megabytes with a
/// single letter of another alphabet take minutes.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(&text.replace(r"\b", r"(?-u:\b)"))
        .unwrap_or_else(|_| unreachable!("a pattern of our own: {text}"))
}

static UID: LazyLock<Regex> = LazyLock::new(|| {
    pattern("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
});
/// Times of now, as objects have them and as Go says them. Those in requests are of long ago.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<date>20(?:2[6-9]|[3-9]\d)-\d\d-\d\d)(?:T(?P<time>\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?Z| (?P<said>\d\d:\d\d:\d\d)(?P<rest>\.\d+)? \+0000 UTC(?: m=\+[\d.]+)?)",
    )
});
static REVISION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<before>(?i:resource ?versions?)[^0-9A-Za-z]{1,16}|ResourceVersion in the (?:precondition|record) \(|in record \(|current: |too old resource version: \d+ \()(?P<number>\d+)",
    )
});
/// A message in YAML, which is folded where the line is full: revisions of other lengths move that.
static FOLDED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^message: [^\n]*(?:\n  [^\n]*)+$"));
static CONTINUE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?P<before>"?continue"?: ?)"?(?P<token>eyJ[A-Za-z0-9_-]+)"?"#));
/// Names that the walks let the server make and that no reply shows in metadata, because the object was refused.
static GENERATED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\bgen-(?:\d{3}-)?[bcdfghjklmnpqrstvwxz2456789]{5}\b"));
/// A cause of an apply that is in conflict.
static CAUSE: LazyLock<Regex> = LazyLock::new(|| {
    let text = r#""(?:[^"\\]|\\.)*""#;
    pattern(&format!(
        r#"\{{\s*"reason":\s*"FieldManagerConflict",\s*"message":\s*{text},\s*"field":\s*{text}\s*\}}"#
    ))
});
/// What doesn't fit the type of an applied object.
static FAULTS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"errors:(?P<lines>(?:\\n  (?:[^\\"]|\\[^n])*)+)"#));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b10\.96\.\d+\.\d+\b"));
static PORT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?P<before>(?i:nodePort)\\*"?[:=] ?)(?P<number>3[0-2]\d{3})\b"#));
/// As a table shows it, beside the port of the Service.
static PORT_CELL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<before>\b\d{1,5}:)(?P<number>3[0-2]\d{3})/(?P<protocol>TCP|UDP|SCTP)\b")
});
/// The type of a rule's `self` is named by the nanosecond.
static SELF: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bselfType\d+\b"));
/// Where the webhook is that sequences configure, and what vouches for it.
static WEBHOOK: LazyLock<Regex> = LazyLock::new(|| pattern(r"https://127\.0\.0\.1:\d{4,5}/"));
static CERTIFICATE: LazyLock<Regex> =
    LazyLock::new(|| pattern("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0[A-Za-z0-9+/=]+"));
static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"));
/// Pods get a volume with a name of their own.
static VOLUME: LazyLock<Regex> = LazyLock::new(|| pattern("kube-api-access-[a-z0-9]{5}"));
/// Hashes of documents, and times as headers have them.
static HASH: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[0-9A-F]{128}\b"));
static DATE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\w{3}, \d\d \w{3} 2\d{3} \d\d:\d\d:\d\d (?:GMT|UTC)"));
/// Ages in cells, of what was made just now and of what requests say was made years ago: tomorrow that is a day more.
static AGE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#""(?:\d{1,3}(?:s|m|ms|m\d{1,2}s)|\d+y(?:\d+d)?)""#));
static AGE_IN_YAML: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?m)^  - (?:\d{1,3}(?:s|m|ms|m\d{1,2}s)|\d+y(?:\d+d)?)$"));

/// What is known of one sequence on one ground.
#[derive(Clone, Debug, Default)]
pub struct Names {
    revisions: BTreeSet<u64>,
    generated: BTreeMap<String, String>,
    numbered: BTreeMap<(&'static str, String), usize>,
}

impl Names {
    /// Learns from all replies of a sequence.
    pub fn of<'a>(replies: impl IntoIterator<Item = &'a Reply>) -> Self {
        let mut names = Self::default();
        replies.into_iter().for_each(|reply| names.reply(reply));
        names
    }

    fn reply(&mut self, reply: &Reply) {
        for line in reply.body.split(|byte| *byte == b'\n') {
            if let Ok(value) = serde_json::from_slice::<Value>(line) {
                self.learn(&value);
            }
        }
        if let Ok(value) = serde_json::from_slice::<Value>(&reply.body) {
            self.learn(&value);
        } else if let Ok(document) = machinery::yaml::parse(&String::from_utf8_lossy(&reply.body)) {
            self.learn(&document.value);
        }
    }

    /// Learns from a reply that was waited for: which revision it saw is chance, so ranks don't count it.
    pub fn waited(&mut self, reply: &Reply) {
        let revisions = self.revisions.clone();
        self.reply(reply);
        self.revisions = revisions;
    }

    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(metadata) = fields.get("metadata") {
                    self.metadata(metadata);
                }
                fields.values().for_each(|value| self.learn(value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn metadata(&mut self, metadata: &Value) {
        // Lists have a revision too, but one that others move.
        if metadata["uid"].is_string()
            && let Some(Ok(revision)) = metadata["resourceVersion"].as_str().map(str::parse)
        {
            self.revisions.insert(revision);
        }
        if let (Some(base), Some(name)) =
            (metadata["generateName"].as_str(), metadata["name"].as_str())
            && let Some(suffix) = name.strip_prefix(base)
            && suffix.len() == 5
        {
            let next = format!("{base}GENERATED{}", self.generated.len());
            self.generated.entry(name.to_owned()).or_insert(next);
        }
    }

    /// How many of the sequence's objects' revisions are not above.
    fn rank(&self, number: &str) -> String {
        number.parse::<u64>().map_or_else(
            |_| number.to_owned(),
            |number| match number {
                0 => "0".to_owned(),
                _ => format!("r{}", self.revisions.range(..=number).count()),
            },
        )
    }

    fn number(&mut self, what: &'static str, text: &str) -> String {
        let next = self
            .numbered
            .keys()
            .filter(|(kind, _)| *kind == what)
            .count();
        let number = self.numbered.entry((what, text.to_owned())).or_insert(next);
        format!("{what}{number}")
    }

    /// A text with names for what chance decided.
    pub fn apply(&mut self, text: &str) -> String {
        let mut text = in_one_order(text);
        for (name, with) in &self.generated {
            text = text.replace(name, with);
        }
        let text = GENERATED.replace_all(&text, |found: &Captures| {
            format!("gen-{}", self.number("UNSTORED", &found[0]))
        });
        let text = UID.replace_all(&text, |found: &Captures| self.number("UID", &found[0]));
        let text = TIME.replace_all(&text, named_time);
        let text = FOLDED.replace_all(&text, |found: &Captures| {
            if found[0].contains("precondition") {
                found[0].replace("\n  ", " ")
            } else {
                found[0].to_owned()
            }
        });
        let text = REVISION.replace_all(&text, |found: &Captures| {
            let before = found["before"].to_owned();
            let before = match before.strip_prefix("too old resource version: ") {
                Some(rest) => {
                    let number = rest.trim_end_matches(" (");
                    format!("too old resource version: {} (", self.rank(number))
                }
                None => before,
            };
            format!("{before}{}", self.rank(&found["number"]))
        });
        let text = CONTINUE.replace_all(&text, |found: &Captures| {
            format!("{}{}", &found["before"], self.token(&found["token"]))
        });
        let text = ADDRESS.replace_all(&text, |found: &Captures| self.number("ADDRESS", &found[0]));
        let text = PORT.replace_all(&text, |found: &Captures| {
            let number = self.number("PORT", &found["number"]);
            format!("{}{number}", &found["before"])
        });
        let text = PORT_CELL.replace_all(&text, |found: &Captures| {
            let number = self.number("PORT", &found["number"]);
            format!("{}{number}/{}", &found["before"], &found["protocol"])
        });
        let text = VOLUME.replace_all(&text, |found: &Captures| self.number("VOLUME", &found[0]));
        let text = SELF.replace_all(&text, "selfType");
        let text = WEBHOOK.replace_all(&text, "https://WEBHOOK/");
        let text = CERTIFICATE.replace_all(&text, "CERTIFICATE");
        let text = TOKEN.replace_all(&text, "TOKEN");
        let text = HASH.replace_all(&text, |found: &Captures| self.number("HASH", &found[0]));
        let text = DATE.replace_all(&text, "DATE");
        if text.contains("\"kind\":\"Table\"") || text.contains("\"kind\": \"Table\"") {
            return AGE.replace_all(&text, "\"AGE\"").into_owned();
        }
        if text.contains("\nkind: Table\n") {
            return AGE_IN_YAML.replace_all(&text, "  - AGE").into_owned();
        }
        text.into_owned()
    }

    fn token(&self, token: &str) -> String {
        let inner = URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(inner) = inner else {
            return format!("\"{token}\"");
        };
        RV.replace(&inner, |found: &Captures| {
            format!("\"rv\":{}", self.rank(&found[1]))
        })
        .into_owned()
    }
}

/// A time that there is gets a name; any other stays as it is.
fn named_time(found: &Captures) -> String {
    let part = |one: &str, other: &str| found.name(one).or(found.name(other));
    let time = part("time", "said").map_or("", |time| time.as_str());
    let time = format!("{}T{time}Z", &found["date"]);
    if time.parse::<jiff::Timestamp>().is_err() {
        return found[0].to_owned();
    }
    let digits = part("fraction", "rest").map_or(0, |fraction| fraction.len());
    format!("TIME{digits}")
}

static RV: LazyLock<Regex> = LazyLock::new(|| pattern(r#""rv":(\d+)"#));

/// A text whose lists that a real server makes of Go's maps are sorted.
pub fn in_one_order(text: &str) -> String {
    if text.contains("FieldManagerConflict") {
        with_sorted_conflicts(text)
    } else if text.contains("errors:") {
        with_sorted_faults(text)
    } else {
        causes::in_order(text)
    }
}

/// The managers an apply is in conflict with are listed in whatever order Go's map has them; here in that of the text.
fn with_sorted_conflicts(text: &str) -> String {
    let mut causes: Vec<&str> = CAUSE.find_iter(text).map(|found| found.as_str()).collect();
    causes.sort_unstable();
    let mut causes = causes.into_iter();
    let sorted = CAUSE.replace_all(text, |_: &Captures| causes.next().unwrap_or_default());
    sorted.into_owned()
}

/// Fields are gone through in whatever order Go's map has them; here what is wrong with them is sorted.
fn with_sorted_faults(text: &str) -> String {
    let sorted = FAULTS.replace_all(text, |found: &Captures| {
        let mut lines: Vec<&str> = found["lines"].split("\\n  ").skip(1).collect();
        lines.sort_unstable();
        format!("errors:\\n  {}", lines.join("\\n  "))
    });
    sorted.into_owned()
}

#[test]
fn faults_of_a_typed_object_come_in_one_order() {
    let body = |first: &str, second: &str| {
        format!(r#"{{"message":"failed: errors:\n  {first}\n  {second}","reason":"BadRequest"}}"#)
    };
    let (a, b) = (r#".a: expected \"map\", got 1"#, ".b: expected list");
    let name = |text: &str| Names::default().apply(text);
    assert_eq!(name(&body(b, a)), body(a, b));
    assert_ne!(name(&body(b, a)), name(&body(b, ".a: expected list")));
}

#[test]
fn chance_gets_names_and_nothing_else_does() {
    let body = r#"{"metadata":{"name":"a","uid":"01234567-89ab-4def-8123-456789abcdef","resourceVersion":"7","creationTimestamp":"2026-11-26T10:00:00Z","managedFields":[{"time":"2026-11-26T10:00:00Z","fieldsV1":{"k:{\"x\":[1]}":{}}}]},"data":{"a":"7 5s 2019-01-01T00:00:00Z"}}"#;
    let list = r#"{"metadata":{"resourceVersion":"30","continue":"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Nywic3RhcnQiOiJhXHUwMDAwIn0"}}"#;
    let reply = |body: &str| Reply {
        body: body.into(),
        ..Reply::default()
    };
    let mut names = Names::of(&[reply(body), reply(list)]);
    assert_eq!(
        names.apply(body),
        r#"{"metadata":{"name":"a","uid":"UID0","resourceVersion":"r1","creationTimestamp":"TIME0","managedFields":[{"time":"TIME0","fieldsV1":{"k:{\"x\":[1]}":{}}}]},"data":{"a":"7 5s 2019-01-01T00:00:00Z"}}"#
    );
    assert_eq!(
        names.apply(list),
        r#"{"metadata":{"resourceVersion":"r1","continue":{"v":"meta.k8s.io/v1","rv":r1,"start":"a\u0000"}}}"#
    );
    assert_eq!(
        names.apply("the ResourceVersion in the precondition (6) does not match the ResourceVersion in record (7)"),
        "the ResourceVersion in the precondition (r0) does not match the ResourceVersion in record (r1)"
    );
}

#[test]
fn what_is_no_time_stays_as_it_is() {
    let name = |text: &str| Names::default().apply(text);
    for (text, named) in [
        ("at 2026-11-26T10:00:00Z", "at TIME0"),
        ("2026-11-26T10:00:00.123456Z", "TIME7"),
        ("2026-11-26 10:00:00 +0000 UTC m=+1.5", "TIME0"),
        ("2026-11-26 10:00:00.1 +0000 UTC", "TIME2"),
    ] {
        assert_eq!(name(text), named);
    }
    for text in [
        "2026-13-26T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-11-26T24:00:61Z",
        "2026-11-26 10:00:00Z",
        "2026-11-26T10:00:00 +0000 UTC",
        "2026-11-26T10:00:00+01:00",
    ] {
        assert_eq!(name(text), text);
    }
}

#[test]
fn what_was_waited_for_moves_no_rank() {
    let reply = |revision: u32| Reply {
        body: format!(r#"{{"metadata":{{"name":"a","uid":"u","resourceVersion":"{revision}"}}}}"#)
            .into(),
        ..Reply::default()
    };
    let mut names = Names::of(&[reply(3), reply(9)]);
    names.waited(&reply(5));
    assert_eq!(names.rank("9"), "r2");
    assert_eq!(
        names.apply("applied to 'selfType0123.f'"),
        "applied to 'selfType.f'"
    );
}

#[test]
fn ports_of_nodes_are_named_alike_in_objects_and_tables() {
    let mut names = Names::default();
    let both = r#"{"nodePort":31234,"cells":["80:31234/TCP,53:30001/UDP","443/TCP"]}"#;
    let expected = r#"{"nodePort":PORT0,"cells":["80:PORT0/TCP,53:PORT1/UDP","443/TCP"]}"#;
    assert_eq!(names.apply(both), expected);
    let quoted = r#"Invalid value: \"{\\\"nodePort\\\":31234}\""#;
    assert_eq!(names.apply(quoted), quoted.replace("31234", "PORT0"));
}

#[test]
fn conflicts_of_several_managers_come_in_one_order() {
    let cause = |manager: &str| {
        format!(
            r#"{{"reason":"FieldManagerConflict","message":"{manager}","field":".a[k=\"x\"]"}}"#
        )
    };
    let body = |first: &str, second: &str| {
        format!(
            r#"{{"details":{{"causes":[{},{}]}},"code":409}}"#,
            cause(first),
            cause(second)
        )
    };
    assert_eq!(
        Names::default().apply(&body("b", "a")),
        Names::default().apply(&body("a", "b"))
    );
    assert_ne!(
        Names::default().apply(&body("b", "a")),
        Names::default().apply(&body("a", "c"))
    );
}

#[test]
fn names_of_refused_objects_and_tokens_in_yaml_are_named_too() {
    let mut names = Names::default();
    assert_eq!(
        names.apply("Pod \"gen-bcdf2\" is invalid: gen-bcdf2"),
        "Pod \"gen-UNSTORED0\" is invalid: gen-UNSTORED0"
    );
    let yaml = "  continue: eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Nywic3RhcnQiOiJhXHUwMDAwIn0\n";
    assert_eq!(
        names.apply(yaml),
        "  continue: {\"v\":\"meta.k8s.io/v1\",\"rv\":r0,\"start\":\"a\\u0000\"}\n"
    );
    let refused = "kind: Status\nmessage: 'the ResourceVersion in the precondition (6) does not match the ResourceVersion in\n  record (7)'\n";
    assert_eq!(
        names.apply(refused),
        "kind: Status\nmessage: 'the ResourceVersion in the precondition (r0) does not match the ResourceVersion in record (r0)'\n"
    );
}

#[test]
fn causes_are_ordered_and_kept() {
    let cause = |name: &str| {
        format!(
            r#"{{"reason":"FieldManagerConflict","message":"conflict with \"{name}\"","field":".a"}}"#
        )
    };
    let body = |a: &str, b: &str| format!(r#"{{"causes":[{},{}],"x":1}}"#, cause(a), cause(b));
    assert_eq!(with_sorted_conflicts(&body("b", "a")), body("a", "b"));
}
