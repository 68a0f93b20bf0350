//! Replaying recorded answers of a real API server (`conformance/kubernetes/*.ndjson`) against ours.

pub mod applies;
pub mod compare;
pub mod defaults;
pub mod errors;
pub mod schemas;
pub mod tables;

use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use machinery::entropy::Entropy;
use serde_json::Value;

use crate::apiserver::Forward;
use crate::apiserver::Options;
use crate::builtin::Settings;
use crate::clock::WorldClock;
use crate::outside::Answer;
use crate::request::{Reply, Request, Response, User};
use crate::world::World;

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is the recorded one.
    Passed,
    /// It differs; the text says where.
    Failed(String),
    /// It needs something this version doesn't have; the word says what.
    Skipped(&'static str),
}

/// One replayed case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its id in the file.
    pub id: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Reads a file of JSON lines.
pub(crate) fn lines(path: &Path) -> std::io::Result<Vec<Value>> {
    let text = std::fs::read_to_string(path)?;
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).map_err(std::io::Error::other))
        .collect()
}

/// A fresh server with its controllers, whose time moves only when told.
pub struct Ground {
    world: World,
    now: Timestamp,
}

impl Default for Ground {
    fn default() -> Self {
        Self::new()
    }
}

impl Ground {
    /// A fresh one.
    pub fn new() -> Self {
        let now =
            Timestamp::from_second(WorldClock::EPOCH_SECONDS).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut world = World::new(
            Options::default(),
            Entropy::seeded(1),
            crate::builtin::with(Settings {
                // What was recorded had none.
                default_class: false,
                ..Settings::default()
            }),
            now,
        );
        world.poll(now);
        Self { world, now }
    }

    /// Lets time pass, with the controllers at work.
    pub fn wait(&mut self, seconds: i64) {
        let end = self
            .now
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(self.now);
        for _ in 0..10_000 {
            let wake = self.world.poll(self.now).filter(|wake| *wake < end);
            self.now = match wake {
                Some(wake) => wake.max(
                    self.now
                        .checked_add(SignedDuration::from_millis(1))
                        .unwrap_or(end),
                ),
                None => break,
            };
        }
        self.now = end;
        self.world.poll(self.now);
    }

    /// The answer of the server; webhooks are out of reach.
    fn answered(&mut self, request: &Request) -> Reply {
        let mut reply = self.world.handle(request, self.now);
        while let Reply::Ask {
            questions,
            mut pending,
        } = reply
        {
            for question in questions {
                let refused = "dial tcp 127.0.0.1:443: connect: connection refused";
                pending.answer(&question, Answer::Failed(refused.to_owned()));
            }
            reply = self.world.resume(request, self.now, *pending);
        }
        reply
    }

    /// Sends a request and waits for its answer. A watch is answered with its headers only.
    pub fn send(&mut self, request: &Request) -> Response {
        let reply = match self.answered(request) {
            Reply::Later { at, last } => {
                self.now = at;
                Reply::Full(last)
            }
            other => other,
        };
        self.world.poll(self.now);
        match reply {
            Reply::Ask { .. } => Response {
                status: 500,
                headers: HeaderMap::new(),
                body: bytes::Bytes::new(),
            },
            Reply::Full(response) | Reply::Later { last: response, .. } => response,
            Reply::List(list) => list.whole(),
            Reply::Forward(Forward { headers, .. }) => Response {
                status: 101,
                headers,
                body: bytes::Bytes::new(),
            },
            Reply::Log { headers, .. } => Response {
                status: 200,
                headers,
                body: bytes::Bytes::new(),
            },
            Reply::Watch { id, headers } => {
                let frames = self.world.api.watch_frames(id, self.now).frames;
                self.world.api.watch_closed(id);
                let body = frames
                    .iter()
                    .flat_map(|frame| frame.to_vec())
                    .collect::<Vec<u8>>();
                Response {
                    status: 200,
                    headers,
                    body: body.into(),
                }
            }
        }
    }
}

/// A request as the recordings give it.
pub fn request(
    method: &str,
    path_and_query: &str,
    body: &[u8],
    content_type: Option<&str>,
) -> Request {
    let mut builder = http::Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET));
    builder = builder.uri(path_and_query);
    let mut headers = HeaderMap::new();
    headers.insert(
        http::header::ACCEPT,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        http::header::USER_AGENT,
        HeaderValue::from_static("chk/1.0"),
    );
    if let Some(value) = content_type.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(http::header::CONTENT_TYPE, value);
    }
    let (mut parts, ()) = builder
        .body(())
        .unwrap_or_else(|_| http::Request::new(()))
        .into_parts();
    parts.headers = headers;
    let mut request = crate::wire::request_of(parts, Some(User::admin("admin")));
    request.body = bytes::Bytes::copy_from_slice(body);
    request
}

/// Sets a header of a request.
pub(crate) fn set_header(request: &mut Request, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_str(value),
    ) {
        request.headers.insert(name, value);
    }
}

#[cfg(test)]
pub(crate) fn recordings() -> Option<std::path::PathBuf> {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/kubernetes"
    ));
    if path.is_dir() {
        return Some(path.to_owned());
    }
    eprintln!("skipped: no recordings at {}", path.display());
    None
}

/// Fails with the id and the reason of every case that failed.
#[cfg(test)]
pub(crate) fn assert_none_failed(cases: &[Case]) {
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|case| match &case.outcome {
            Outcome::Failed(text) => Some(format!("{}: {text}", case.id)),
            Outcome::Passed | Outcome::Skipped(_) => None,
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {} cases fail:\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}
