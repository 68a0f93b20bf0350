//! Two grounds' answers to one sequence, side by side.
use std::sync::LazyLock;

use regex::Regex;
use scenarios::difference::{Difference, diff};
use serde_json::Value;

use super::area::Area;
use super::causes;
use super::document;
use super::ground::Reply;
use super::managers;
use super::normalise::Names;
use super::sequence::{Mode, Sequence, Step};
use super::words;

/// What differed in one step.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// Number of the step, from 0.
    pub step: usize,
    /// The lines of one side only.
    pub lines: Vec<Difference>,
}

/// The replies to a sequence without what chance decided. What was waited for gets no names of its own: how often it was asked,
/// and what it was in between, is chance.
pub fn normal(sequence: &Sequence, replies: &[Reply]) -> Vec<Reply> {
    let waits = |number: usize| {
        let step = sequence.steps.get(number);
        step.is_some_and(|step| matches!(step.mode, Mode::Until(..)))
    };
    let steady = replies.iter().enumerate();
    let steady = steady.filter(|(number, _)| !waits(*number));
    let mut names = Names::of(steady.map(|(_, reply)| reply));
    let waited = replies.iter().enumerate();
    for (_, reply) in waited.filter(|(number, _)| waits(*number)) {
        names.waited(reply);
    }
    let replies = replies.iter().enumerate();
    let replies = replies.map(|(number, reply)| {
        if waits(number) {
            named(reply, &mut names.clone())
        } else {
            named(reply, &mut names)
        }
    });
    replies.collect()
}

fn named(reply: &Reply, names: &mut Names) -> Reply {
    let headers = reply.headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), names.apply(value)));
    Reply {
        status: reply.status,
        headers: causes::warnings_in_order(headers.collect()),
        body: names
            .apply(&String::from_utf8_lossy(&reply.body))
            .into_bytes(),
    }
}

/// What one ground's answers, as they came, contradict of what any server promises, and what was waited for in vain.
pub fn broken_promises(
    area: &dyn Area,
    ground: &str,
    (sequence, namespace): (&Sequence, &str),
    replies: &[Reply],
) -> Vec<Divergence> {
    let steps = sequence.steps.iter().zip(replies).enumerate();
    let missed = steps.filter_map(|(number, (step, reply))| match &step.mode {
        Mode::Until(at, is) if !reached(reply, at, is) => {
            Some((number, format!("never got {at} to be {is}")))
        }
        Mode::Until(..)
        | Mode::Compare
        | Mode::Apart
        | Mode::Document
        | Mode::Prepare
        | Mode::Show(_)
        | Mode::Watch
        | Mode::Beside => None,
    });
    let violations = area.violations(sequence, namespace, replies).into_iter();
    let violations = missed.chain(violations);
    let divergence = |(number, text): (usize, String)| Divergence {
        step: number,
        lines: vec![Difference {
            command: format!("{} promise", area.name()),
            line: format!("{ground} {text}"),
        }],
    };
    violations.map(divergence).collect()
}

/// The steps whose answers differ. Both lists are normalised.
pub fn divergences(
    area: &str,
    sequence: &Sequence,
    theirs: &[Reply],
    ours: &[Reply],
) -> Vec<Divergence> {
    let mut all = Vec::new();
    for (number, step) in sequence.steps.iter().enumerate() {
        if step.mode == Mode::Prepare {
            continue;
        }
        let (Some(theirs), Some(ours)) = (theirs.get(number), ours.get(number)) else {
            continue;
        };
        let (theirs, mut ours) = (shown(step, theirs), shown(step, ours));
        if step.mode == Mode::Document && document::is_digest(&theirs.body) {
            ours.body = document::digest(&ours.body);
        }
        if theirs != ours {
            let command = command(area, step);
            let mut lines = diff(&lines(&theirs), &lines(&ours));
            if lines.is_empty() || are_laid_out_apart(&theirs, &ours) {
                lines.push(format!("-bytes {}", String::from_utf8_lossy(&theirs.body)));
                lines.push(format!("+bytes {}", String::from_utf8_lossy(&ours.body)));
            }
            let lines = lines.into_iter().map(|line| Difference {
                command: command.clone(),
                line,
            });
            all.push(Divergence {
                step: number,
                lines: lines.collect(),
            });
        }
    }
    all
}

/// Whether two JSON bodies that differ in texts alone have other space between their values: lines show none, and a row of the
/// ledger that knows the texts must not hide it.
fn are_laid_out_apart(theirs: &Reply, ours: &Reply) -> bool {
    let text = |reply: &Reply| {
        let text = String::from_utf8_lossy(&reply.body);
        TEXT.replace_all(&text, "\"\"").into_owned()
    };
    let (theirs, ours) = (text(theirs), text(ours));
    theirs.starts_with('{') && theirs != ours && pretty(&theirs) == pretty(&ours)
}

static TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap_or_else(|_| unreachable!("a pattern of our own"))
});

/// How the ledger names a request.
fn command(area: &str, step: &Step) -> String {
    let media_type = step
        .headers
        .iter()
        .find(|(name, _)| name == "content-type" && step.method == "PATCH");
    let media_type = media_type.map_or_else(String::new, |(_, value)| format!(" [{value}]"));
    format!("{area} {} {}{media_type}", step.method, step.target)
}

/// Whether a value is what was waited for; what is absent is null.
pub fn reached(reply: &Reply, at: &str, is: &Value) -> bool {
    value(&reply.body).pointer(at).unwrap_or(&Value::Null) == is
}

/// A body as a value, also if a number in it has got a name.
fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(body);
        let text = NAMED.replace_all(&text, "${before}\"${name}\"");
        serde_json::from_str(&text).unwrap_or_default()
    })
}

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?P<before>": ?)(?P<name>PORT\d+)"#)
        .unwrap_or_else(|_| unreachable!("a pattern of our own"))
});

/// What of a reply is compared.
fn shown(step: &Step, reply: &Reply) -> Reply {
    match &step.mode {
        Mode::Apart => reply.clone(),
        Mode::Compare | Mode::Prepare => Reply {
            body: managers_in_order(&reply.body),
            ..reply.clone()
        },
        Mode::Document => Reply {
            body: document::reduced(&reply.body),
            ..reply.clone()
        },
        Mode::Watch | Mode::Beside => Reply {
            body: managers_in_order(&without_progress(&reply.body)),
            ..reply.clone()
        },
        Mode::Until(at, is) => {
            let reached = reached(reply, at, is);
            Reply {
                body: format!("{at} is {is}: {reached}").into_bytes(),
                headers: Vec::new(),
                // On its way there a reply may be an error, or empty.
                status: 0,
            }
        }
        Mode::Show(places) => {
            let body = value(&reply.body);
            let lines = places.iter().map(|place| {
                let parts: Vec<&str> = place.split('/').skip(1).collect();
                let mut values = Vec::new();
                pick(&body, &parts, &mut values);
                values.sort();
                format!("{{\"{place}\":[{}]}}", values.join(","))
            });
            Reply {
                body: lines.collect::<Vec<_>>().join("\n").into_bytes(),
                ..reply.clone()
            }
        }
    }
}

/// The body with entries of managedFields in an order that no clock decides, if there are any.
fn managers_in_order(body: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(body) {
        Ok(text) => managers::in_order(text).into_bytes(),
        Err(_) => body.to_vec(),
    }
}

/// The lines of a watch without the bookmarks that only say how far it is: they are sent when a server likes to.
fn without_progress(body: &[u8]) -> Vec<u8> {
    let progress = |line: &&[u8]| {
        let end = b"initial-events-end";
        line.starts_with(br#"{"type":"BOOKMARK""#)
            && !line.windows(end.len()).any(|window| window == end)
    };
    let lines = body.split_inclusive(|byte| *byte == b'\n');
    lines
        .filter(|line| !progress(line))
        .collect::<Vec<_>>()
        .concat()
}

fn pick(value: &Value, parts: &[&str], into: &mut Vec<String>) {
    match parts {
        [] => into.push(value.to_string()),
        ["*", rest @ ..] => {
            let items = value.as_array().into_iter().flatten();
            items
                .chain(value.as_object().into_iter().flat_map(|map| map.values()))
                .for_each(|item| pick(item, rest, into));
        }
        [key, rest @ ..] => {
            let key = key.replace("~1", "/").replace("~0", "~");
            let inner = match key.parse::<usize>() {
                Ok(index) if value.is_array() => &value[index],
                Ok(_) | Err(_) => &value[key],
            };
            if !inner.is_null() {
                pick(inner, rest, into);
            }
        }
    }
}

/// A reply as lines for people: status, headers, body, JSON one value a line.
fn lines(reply: &Reply) -> Vec<String> {
    let mut lines = vec![format!("HTTP {}", reply.status)];
    lines.extend(
        reply
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    let body = String::from_utf8_lossy(&reply.body);
    if body.starts_with('{') {
        lines.extend(pretty(&body));
    } else {
        lines.extend(words::on_one_line(&body).lines().map(str::to_owned));
    }
    lines
}

/// JSON texts with a line for each value, in the order and the spelling they have.
fn pretty(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    let flush = |line: &mut String, depth: usize, lines: &mut Vec<String>| {
        if !line.trim().is_empty() {
            lines.push(format!("{}{}", " ".repeat(depth), line.trim()));
        }
        line.clear();
    };
    for letter in text.chars() {
        if inside {
            line.push(letter);
            inside = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => {
                inside = true;
                line.push(letter);
            }
            '{' | '[' => {
                line.push(letter);
                flush(&mut line, depth, &mut lines);
                depth += 1;
            }
            '}' | ']' => {
                flush(&mut line, depth, &mut lines);
                depth = depth.saturating_sub(1);
                line.push(letter);
            }
            ',' | '\n' => flush(&mut line, depth, &mut lines),
            ' ' if line.is_empty() => {}
            _ => line.push(letter),
        }
    }
    flush(&mut line, depth, &mut lines);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 200,
            headers: vec![("warning".to_owned(), "299 - \"a\"".to_owned())],
            body: body.into(),
        }
    }

    #[test]
    fn status_headers_and_every_byte_of_the_body_count() {
        let sequence = Sequence {
            title: String::new(),
            steps: vec![Step::get("/a")],
        };
        let found = |ours: Reply| {
            let theirs = reply(r#"{"a":1,"b":[2]}"#);
            let found = divergences("requests", &sequence, &[theirs], &[ours]);
            let lines = found.into_iter().flat_map(|divergence| divergence.lines);
            lines.map(|line| line.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(reply(r#"{"a":1,"b":[2]}"#)), Vec::<String>::new());
        assert_eq!(
            found(reply(r#"{"a":1,"b":[3]}"#)),
            [
                "$ requests GET /a\n      -  2",
                "$ requests GET /a\n      +  3"
            ]
            .map(|line| line.replace("      ", "    "))
        );
        assert_eq!(found(reply(r#"{"a": 1,"b":[2]}"#)).len(), 2);
        assert_eq!(found(reply("{\"a\":1,\"b\":[2]}\n")).len(), 2);
        // Space beside a text that differs too.
        assert_eq!(found(reply(r#"{"a":1,"b":[2] }"#)).len(), 2);
        let texts = |theirs: &str, ours: &str| {
            let found = divergences("requests", &sequence, &[reply(theirs)], &[reply(ours)]);
            found.first().map_or(0, |found| found.lines.len())
        };
        assert_eq!(texts(r#"{"a":"x","b":1}"#, r#"{"a":"y","b":1}"#), 2);
        assert_eq!(texts(r#"{"a":"x","b":1}"#, r#"{"a":"y", "b":1}"#), 4);
        let mut other = reply(r#"{"a":1,"b":[2]}"#);
        other.status = 201;
        assert_eq!(found(other.clone()).len(), 2);
        other.status = 200;
        other.headers.clear();
        assert_eq!(found(other).len(), 1);
    }

    #[test]
    fn of_the_bookmarks_of_a_watch_only_the_end_of_the_state_counts() {
        let sequence = Sequence {
            title: String::new(),
            steps: vec![Step::get("/a?watch=1").watch()],
        };
        let event = r#"{"type":"ADDED","object":{"a":1}}"#;
        let progress = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#;
        let end = r#"{"type":"BOOKMARK","object":{"metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        let differs = |ours: &[&str]| {
            let (theirs, ours) = ([event, end], ours.join("\n") + "\n");
            let theirs = theirs.join("\n") + "\n";
            !divergences("watches", &sequence, &[reply(&theirs)], &[reply(&ours)]).is_empty()
        };
        assert!(!differs(&[event, end, progress]));
        assert!(differs(&[event, progress]));
        assert!(differs(&[event, end, event]));
    }

    #[test]
    fn ports_with_names_hide_nothing() {
        let mut step = Step::get("/a");
        step.mode = Mode::Show(vec!["/spec/ports/*/nodePort".to_owned(), "/a".to_owned()]);
        let body = r#"{"spec":{"ports":[{"nodePort":PORT0}]},"a":1}"#;
        let reply = shown(&step, &reply(body));
        assert_eq!(
            String::from_utf8_lossy(&reply.body),
            "{\"/spec/ports/*/nodePort\":[\"PORT0\"]}\n{\"/a\":[1]}"
        );
    }

    #[test]
    fn places_are_picked_with_stars_and_sorted() {
        let mut step = Step::get("/a");
        step.mode = Mode::Show(vec!["/items/*/a".to_owned()]);
        let reply = shown(&step, &reply(r#"{"items":[{"a":2},{"a":1},{}]}"#));
        assert_eq!(reply.body, br#"{"/items/*/a":[1,2]}"#);
    }
}
