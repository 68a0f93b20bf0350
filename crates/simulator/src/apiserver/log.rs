//! `pods/log`: what containers printed (`pkg/registry/core/pod/rest/log.go`, and the kubelet behind it).

use bytes::Bytes;
use jiff::Timestamp;
use machinery::builtin::validation::FieldError;
use serde_json::Value;

use super::ApiServer;
use super::handle::Call;
use super::options::{boolean, number};
use super::reply;
use super::store::key;
use crate::builtin::object::{self, integer, items, text};
use crate::nodes::containers::{LogLine, LogText};
use crate::nodes::log;
use crate::request::{Reply, Request, WatchPoll};
use crate::status_error::ApiError;

/// Milliseconds between two looks for new lines.
const FOLLOW_EVERY: i64 = 200;

/// What is wanted of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wanted {
    previous: bool,
    follow: bool,
    timestamps: bool,
    since: Option<Timestamp>,
    tail: Option<usize>,
    bytes: Option<usize>,
}

/// A log that is read as it grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    namespace: String,
    pod: String,
    uid: String,
    container: String,
    /// Which run of the container; another one has a log of its own.
    restarts: i64,
    wanted: Wanted,
    /// Number of the next line to send.
    next: usize,
}

impl ApiServer {
    /// GET of a log.
    pub(crate) fn log(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        let wanted = wanted(call.request, &call.target.name, call.now)?;
        let pod = self.stored(call)?.value.clone();
        let container = container_of(call.request, &pod)?;
        if text(&pod, "/spec/nodeName").is_empty() {
            let empty = reply::response(
                call.request,
                204,
                Bytes::new(),
                "text/plain",
                &call.warnings,
            );
            return Ok(Reply::Full(empty));
        }
        if let Some(complaint) = log::complaint(&pod, &container, wanted.previous) {
            return Err(ApiError::bad_request(complaint));
        }
        let all = self.printed(&pod, &container, wanted.previous);
        let skip = skipped(&all, &wanted);
        if wanted.follow {
            let response = reply::response(
                call.request,
                200,
                Bytes::new(),
                "text/plain",
                &call.warnings,
            );
            return Ok(Reply::Log {
                headers: response.headers,
                following: Following {
                    namespace: call.target.namespace.clone(),
                    pod: call.target.name.clone(),
                    uid: object::uid(&pod).to_owned(),
                    restarts: restarts(&pod, &container),
                    container,
                    next: all.first + skip,
                    wanted,
                },
            });
        }
        let mut body = formatted(all.lines.iter().skip(skip), &wanted);
        body.truncate(wanted.bytes.unwrap_or(usize::MAX));
        let response =
            reply::response(call.request, 200, body.into(), "text/plain", &call.warnings);
        Ok(Reply::Full(response))
    }

    fn printed(&self, pod: &Value, container: &str, previous: bool) -> LogText {
        let runtime = self.options.containers.as_ref();
        let real = runtime.and_then(|r| r.0.log(object::uid(pod), container, previous));
        real.unwrap_or_else(|| log::of_stages(pod, container, previous))
    }

    /// The lines of a log that came since the last call. It ends with its container.
    pub fn follow(&self, following: &mut Following, now: Timestamp) -> WatchPoll {
        let found = self
            .store
            .get("/pods", &key(&following.namespace, &following.pod));
        let ended = WatchPoll {
            ended: true,
            ..WatchPoll::default()
        };
        let Some(pod) = found.filter(|pod| object::uid(&pod.value) == following.uid) else {
            return ended;
        };
        let container = &following.container;
        if restarts(&pod.value, container) != following.restarts {
            return ended;
        }
        let all = self.printed(&pod.value, container, following.wanted.previous);
        let skip = following.next.saturating_sub(all.first);
        let mut text = formatted(all.lines.iter().skip(skip), &following.wanted);
        following.next = all.first + all.lines.len();
        let mut runs = log::container_status(&pod.value, container)
            .is_some_and(|status| status.pointer("/state/running").is_some());
        if let Some(left) = &mut following.wanted.bytes {
            text.truncate(*left);
            *left -= text.len();
            runs &= *left > 0;
        }
        WatchPoll {
            frames: if text.is_empty() {
                Vec::new()
            } else {
                vec![text.into()]
            },
            ended: !runs || following.wanted.previous,
            questions: Vec::new(),
            wake: Some(object::milliseconds_after(now, FOLLOW_EVERY)),
        }
    }
}

fn restarts(pod: &Value, container: &str) -> i64 {
    log::container_status(pod, container)
        .and_then(|status| integer(status, "/restartCount"))
        .unwrap_or(0)
}

fn wanted(request: &Request, pod: &str, now: Timestamp) -> Result<Wanted, ApiError> {
    let mut errors = Vec::new();
    let (tail, bytes) = (
        number(request, "tailLines")?,
        number(request, "limitBytes")?,
    );
    if let Some(tail) = tail.filter(|tail| *tail < 0) {
        let text = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("tailLines", tail, text));
    }
    if let Some(bytes) = bytes.filter(|bytes| *bytes < 1) {
        errors.push(FieldError::invalid(
            "limitBytes",
            bytes,
            "must be greater than 0",
        ));
    }
    for name in ["tailLines", "limitBytes", "sinceSeconds"] {
        if request.query_value(name) == Some("") {
            let text = "strconv.ParseInt: parsing \"\": invalid syntax";
            return Err(ApiError::bad_request(text));
        }
    }
    let seconds = number(request, "sinceSeconds")?;
    let at = request
        .query_value("sinceTime")
        .filter(|text| !text.is_empty());
    if let Some(Err(error)) = at.map(machinery::time::parse) {
        return Err(ApiError::bad_request(error.to_string()));
    }
    match (seconds, at) {
        (Some(_), Some(_)) => {
            let text = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.push(FieldError::forbidden("[]", text));
        }
        (Some(seconds), None) if seconds < 1 => {
            errors.push(FieldError::invalid(
                "sinceSeconds",
                seconds,
                "must be greater than 0",
            ));
        }
        _ => {}
    }
    if request.query_value("stream").is_some() {
        // A choice that needs a feature gate.
        errors.push(FieldError::forbidden("stream", "may not be specified"));
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid_as(
            "PodLogOptions",
            "",
            "PodLogOptions",
            pod,
            &errors,
        ));
    }
    let flag = |name: &str| boolean(request, name) == Some(true);
    let size = |number: Option<i64>| number.and_then(|n| usize::try_from(n).ok());
    Ok(Wanted {
        previous: flag("previous"),
        follow: flag("follow"),
        timestamps: flag("timestamps"),
        since: seconds
            .map(|seconds| object::seconds_after(now, -seconds))
            .or_else(|| at.and_then(|text| text.parse().ok())),
        tail: size(tail),
        bytes: size(bytes),
    })
}

/// The container that a request is about.
///
/// # Errors
/// 400 if it has to be named and isn't, or there is none of that name.
pub(super) fn container_of(request: &Request, pod: &Value) -> Result<String, ApiError> {
    // The order in which upstream visits them.
    let names: Vec<&str> = ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|list| items(pod, &format!("/spec/{list}")))
        .map(|container| text(container, "/name"))
        .collect();
    let (wanted, name) = (
        request.query_value("container").unwrap_or_default(),
        object::name(pod),
    );
    if !wanted.is_empty() {
        return if names.contains(&wanted) {
            Ok(wanted.to_owned())
        } else {
            let text = format!("container {wanted} is not valid for pod {name}");
            Err(ApiError::bad_request(text))
        };
    }
    match items(pod, "/spec/containers") {
        [one] => Ok(text(one, "/name").to_owned()),
        _ => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            names.join(" ")
        ))),
    }
}

/// How many lines are not wanted at the beginning.
fn skipped(all: &LogText, wanted: &Wanted) -> usize {
    let old = all
        .lines
        .iter()
        .take_while(|line| wanted.since.is_some_and(|since| line.at < since))
        .count();
    let tail = wanted
        .tail
        .map_or(0, |tail| all.lines.len().saturating_sub(tail));
    old.max(tail)
}

fn formatted<'a>(lines: impl Iterator<Item = &'a LogLine>, wanted: &Wanted) -> Vec<u8> {
    let mut text = Vec::new();
    for line in lines {
        if wanted.timestamps {
            let at = line.at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string();
            text.extend_from_slice(at.as_bytes());
        }
        text.extend_from_slice(line.text.as_bytes());
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> LogText {
        let line = |second: i64| LogLine {
            at: Timestamp::from_second(second).unwrap(),
            text: format!("line {second}"),
        };
        LogText {
            first: 0,
            lines: (1..=4).map(line).collect(),
        }
    }

    #[test]
    fn a_tail_and_a_time_both_cut_the_beginning() {
        let skip = |tail: Option<usize>, since: Option<i64>| {
            let wanted = Wanted {
                tail,
                since: since.map(|s| Timestamp::from_second(s).unwrap()),
                ..Wanted::default()
            };
            skipped(&text(), &wanted)
        };
        assert_eq!(skip(None, None), 0);
        assert_eq!(skip(Some(1), None), 3);
        assert_eq!(skip(Some(9), Some(3)), 2);
        assert_eq!(skip(Some(0), Some(1)), 4);
    }

    #[test]
    fn timestamps_have_nanoseconds() {
        let wanted = Wanted {
            timestamps: true,
            ..Wanted::default()
        };
        assert_eq!(
            formatted(text().lines.iter().take(1), &wanted),
            b"1970-01-01T00:00:01.000000000Z line 1\n"
        );
    }
}
