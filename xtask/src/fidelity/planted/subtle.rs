//! Small differences beside what comparisons look past: another order, other ranks, times that are none.

use std::sync::LazyLock;

use regex::Regex;

use crate::fidelity::ground::Reply;
use crate::fidelity::normalise::pattern;
use crate::fidelity::sequence::{Mode, Step};

/// Alters an answer; false if it has nothing of the kind.
pub type Plant = fn(&Step, &mut Reply) -> bool;

/// What is altered, and how.
pub const PLANTS: [(&str, Plant); 8] = [
    ("header's value", |_, reply| {
        let value = reply.headers.first_mut();
        value.is_some_and(|(_, value)| {
            value.push('x');
            true
        })
    }),
    ("order of events", |step, reply| {
        matches!(step.mode, Mode::Watch | Mode::Beside) && in_another_order(reply)
    }),
    ("rank", |step, reply| text(step, reply, with_other_ranks)),
    ("field's manager", |step, reply| {
        text(step, reply, |body| {
            first(&MANAGER, body, "${before}-planted${after}")
        })
    }),
    ("owned field", |step, reply| {
        text(step, reply, |body| first(&OWNED, body, "${before}F:"))
    }),
    ("missing time", |step, reply| {
        text(step, reply, |body| first(&TIME, body, "${before}null"))
    }),
    ("malformed time", |step, reply| {
        text(step, reply, |body| {
            first(&TIME, body, "${before}\"$date $time\"")
        })
    }),
    ("impossible time", |step, reply| {
        text(step, reply, |body| {
            first(&TIME, body, "${before}\"${year}-13-32T$time\"")
        })
    }),
];

/// A time that was made just now.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?P<before>"creationTimestamp": ?)"(?P<date>(?P<year>20(?:2[6-9]|[3-9]\d))-\d\d-\d\d)T(?P<time>[0-9:]+Z)""#,
    )
});
static MANAGER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?P<before>"manager": ?"[^"\\]+)(?P<after>")"#));
static OWNED: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?P<before>"fieldsV1": ?\{\s*")f:"#));
/// The revision of a stored object, which has a uid before.
static REVISION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#""uid": ?"[^"]+",\s*"resourceVersion": ?"(?P<number>\d+)""#));

/// Alters the body of an answer that is compared as a text.
fn text(step: &Step, reply: &mut Reply, alter: impl Fn(&str) -> Option<String>) -> bool {
    match step.mode {
        Mode::Compare | Mode::Apart | Mode::Watch | Mode::Beside => {}
        Mode::Document | Mode::Show(_) | Mode::Prepare | Mode::Until(..) => return false,
    }
    let altered = alter(&String::from_utf8_lossy(&reply.body));
    altered.is_some_and(|altered| {
        reply.body = altered.into_bytes();
        true
    })
}

/// The first match written in another way.
fn first(pattern: &Regex, body: &str, with: &str) -> Option<String> {
    pattern
        .is_match(body)
        .then(|| pattern.replace(body, with).into_owned())
}

/// The first two events change places.
fn in_another_order(reply: &mut Reply) -> bool {
    let body = String::from_utf8_lossy(&reply.body);
    let mut lines: Vec<&str> = body.split_inclusive('\n').collect();
    // How far a stream is doesn't count.
    let counts = |line: &str| !line.starts_with(r#"{"type":"BOOKMARK""#);
    let place = lines
        .windows(2)
        .position(|pair| pair.iter().all(|line| counts(line)));
    let Some(place) = place else {
        return false;
    };
    lines.swap(place, place + 1);
    reply.body = lines.concat().into_bytes();
    true
}

/// Two objects with each other's revisions.
fn with_other_ranks(body: &str) -> Option<String> {
    let numbers = REVISION.captures_iter(body);
    let numbers: Vec<_> = numbers.filter_map(|found| found.name("number")).collect();
    let one = numbers.first()?;
    let other = numbers
        .iter()
        .find(|other| other.as_str() != one.as_str())?;
    let (before, rest) = body.split_at(one.start());
    let between = rest.get(one.len()..other.start() - before.len())?;
    let after = body.get(other.end()..)?;
    Some([before, other.as_str(), between, one.as_str(), after].concat())
}
