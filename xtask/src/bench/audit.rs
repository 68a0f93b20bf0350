//! Requests of one user, counted from the API server's audit log.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// How many requests there were, by `verb resource/subresource`.
pub type Counts = BTreeMap<String, u64>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    stage: &'a str,
    verb: &'a str,
    request_received_timestamp: Timestamp,
    #[serde(borrow)]
    user: User<'a>,
    #[serde(default)]
    object_ref: Target,
    request_object: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct User<'a> {
    username: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Target {
    resource: String,
    subresource: String,
    name: String,
}

/// What a user has asked and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// All requests; a watch counts when it begins.
    pub requests: u64,
    /// Requests that write.
    pub writes: u64,
    /// Those that write the Secret that was asked about.
    pub configuration: u64,
    /// Bytes of the objects and patches they sent.
    pub bytes: u64,
}

impl std::iter::Sum for Written {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            requests: sum.requests + one.requests,
            writes: sum.writes + one.writes,
            configuration: sum.configuration + one.configuration,
            bytes: sum.bytes + one.bytes,
        })
    }
}

/// Counts a user's requests in each window. `folder` holds `audit.log` and what was rotated out of it.
pub fn count(folder: &Path, user: &str, windows: &[Window]) -> Result<Vec<Counts>> {
    let mut counts = vec![Counts::new(); windows.len()];
    each_line(folder, |line| take(line, user, windows, &mut counts))?;
    Ok(counts)
}

/// What a user has written in each window, from the same files; writes of one Secret are counted apart.
pub fn written(
    folder: &Path,
    user: &str,
    secret: &str,
    windows: &[Window],
) -> Result<Vec<Written>> {
    let mut sums = vec![Written::default(); windows.len()];
    each_line(folder, |line| add(line, (user, secret), windows, &mut sums))?;
    Ok(sums)
}

fn each_line(folder: &Path, mut take: impl FnMut(&str)) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !(name.starts_with("audit") && name.ends_with(".log")) {
            continue;
        }
        let file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
        for line in BufReader::new(file).lines() {
            take(&line?);
        }
    }
    Ok(())
}

/// A user's request, at the stage at which it counts: a watch when it begins, everything else when it has been answered.
fn counted<'a>(line: &'a str, user: &str) -> Option<Line<'a>> {
    // The last line may be half written.
    let line = serde_json::from_str::<Line<'_>>(line).ok()?;
    let stage = if line.verb == "watch" {
        "ResponseStarted"
    } else {
        "ResponseComplete"
    };
    (line.user.username == user && line.stage == stage).then_some(line)
}

fn take(line: &str, user: &str, windows: &[Window], counts: &mut [Counts]) {
    let Some(line) = counted(line, user) else {
        return;
    };
    let Target {
        resource,
        subresource,
        ..
    } = line.object_ref;
    let what = match subresource.as_str() {
        "" => format!("{} {resource}", line.verb),
        subresource => format!("{} {resource}/{subresource}", line.verb),
    };
    let at = line.request_received_timestamp;
    for (window, counts) in windows.iter().zip(counts) {
        if (window.from..=window.to).contains(&at) {
            *counts.entry(what.clone()).or_default() += 1;
        }
    }
}

fn add(line: &str, (user, secret): (&str, &str), windows: &[Window], sums: &mut [Written]) {
    let Some(line) = counted(line, user) else {
        return;
    };
    let writes = matches!(line.verb, "create" | "update" | "patch" | "delete");
    let target = &line.object_ref;
    let configuration = writes && target.resource == "secrets" && target.name == secret;
    let bytes = line
        .request_object
        .map_or(0, |body| body.to_string().len() as u64);
    let at = line.request_received_timestamp;
    for (window, sum) in windows.iter().zip(sums) {
        if (window.from..=window.to).contains(&at) {
            sum.requests += 1;
            sum.writes += u64::from(writes);
            sum.configuration += u64::from(configuration);
            sum.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(user: &str, verb: &str, stage: &str, second: u8, target: &str) -> String {
        format!(
            r#"{{"kind":"Event","stage":"{stage}","verb":"{verb}","user":{{"username":"{user}"}},"objectRef":{target},"requestReceivedTimestamp":"2030-01-01T00:00:{second:02}.500000Z"}}"#
        )
    }

    #[test]
    fn requests_of_one_user_are_counted_once_in_their_window() {
        let time = |second: u8| format!("2030-01-01T00:00:{second:02}Z").parse().unwrap();
        let windows = [(0, 10), (10, 20)].map(|(from, to)| Window {
            from: time(from),
            to: time(to),
        });
        let status = r#"{"resource":"rollouts","subresource":"status"}"#;
        let sets = r#"{"resource":"replicasets"}"#;
        let mut counts = vec![Counts::new(); 2];
        for line in [
            line("a", "patch", "ResponseComplete", 1, status),
            line("a", "patch", "ResponseComplete", 12, status),
            line("a", "patch", "ResponseComplete", 13, status),
            line("b", "patch", "ResponseComplete", 1, status),
            line("a", "watch", "ResponseStarted", 2, sets),
            line("a", "watch", "ResponseComplete", 2, sets),
            line("a", "watch", "ResponseComplete", 30, sets),
            r#"{"kind":"Event","sta"#.to_owned(),
        ] {
            take(&line, "a", &windows, &mut counts);
        }
        let expected = [
            vec![("patch rollouts/status", 1), ("watch replicasets", 1)],
            vec![("patch rollouts/status", 2)],
        ];
        let expected = expected.map(|window| {
            let owned = window.into_iter().map(|(what, n)| (what.to_owned(), n));
            owned.collect::<Counts>()
        });
        assert_eq!(counts, expected);
    }

    #[test]
    fn what_was_written_is_summed() {
        let window = Window {
            from: "2030-01-01T00:00:00Z".parse().unwrap(),
            to: "2030-01-01T00:00:10Z".parse().unwrap(),
        };
        let with = |target: &str, body: &str| format!(r#"{target},"requestObject":{body}"#);
        let secret = r#"{"resource":"secrets","name":"prometheus-main"}"#;
        let other = r#"{"resource":"secrets","name":"prometheus-main-tls-assets-0"}"#;
        let mut sums = vec![Written::default()];
        for line in [
            line(
                "a",
                "patch",
                "ResponseComplete",
                1,
                &with(secret, r#"{"data":{}}"#),
            ),
            line("a", "update", "ResponseComplete", 2, &with(other, "{}")),
            line("a", "get", "ResponseComplete", 2, secret),
            line("a", "patch", "ResponseComplete", 12, &with(secret, "{}")),
        ] {
            add(&line, ("a", "prometheus-main"), &[window], &mut sums);
        }
        let expected = Written {
            requests: 3,
            writes: 2,
            configuration: 1,
            bytes: 13,
        };
        assert_eq!(sums, [expected]);
    }
}
