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
}

/// Counts a user's requests in each window. `folder` holds `audit.log` and what was rotated out of it.
pub fn count(folder: &Path, user: &str, windows: &[Window]) -> Result<Vec<Counts>> {
    let mut counts = vec![Counts::new(); windows.len()];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !(name.starts_with("audit") && name.ends_with(".log")) {
            continue;
        }
        let file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
        for line in BufReader::new(file).lines() {
            take(&line?, user, windows, &mut counts);
        }
    }
    Ok(counts)
}

/// A watch counts when it begins, everything else when it has been answered.
fn take(line: &str, user: &str, windows: &[Window], counts: &mut [Counts]) {
    // The last line may be half written.
    let Ok(line) = serde_json::from_str::<Line<'_>>(line) else {
        return;
    };
    let counted = if line.verb == "watch" {
        "ResponseStarted"
    } else {
        "ResponseComplete"
    };
    if line.user.username != user || line.stage != counted {
        return;
    }
    let Target {
        resource,
        subresource,
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
}
