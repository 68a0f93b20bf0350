//! Keeps a cache filled: list, then watch, for ever.
//!
//! Mirrors client-go's reflector: a list in pages, a watch with bookmarks from there, resumed where it ended; a new
//! list only when the server no longer knows that version (410). A relist changes the cache in place. One malformed
//! object is skipped and reported, never the whole list.

mod decode;
mod poll;

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::cache::{Cache, Projection};
use crate::client::{Client, JSON, query, retry};
use crate::error::{ApiStatus, Error};
use crate::metrics::{Counter, Family};
use crate::shutdown::Shutdown;
use decode::{Frame, List, decode_frame, decode_list};

/// Objects a page. Small pages keep the memory of the first list low.
const PAGE: &str = "100";
/// Seconds after which the server ends a watch, at least; up to twice as long, so that watches spread.
const WATCH_SECONDS: u64 = 290;
/// A watch without any frame for this much longer than the server promised is dead.
const MARGIN: Duration = Duration::from_secs(30);
/// Delay after the n-th failure in a row: 800 ms times two to the n, at most this. Figures of client-go's reflector.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
const BACKOFF_BASE: Duration = Duration::from_millis(800);

/// Forms of lists and of watched objects that hold no more than metadata; whoever doesn't know them answers with all.
const LIST_OF_METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

pub(crate) use poll::Poller;

/// Fills one cache, or the part of it that is one namespace.
pub(crate) struct Watcher<P> {
    client: Client,
    cache: Cache<P>,
    /// The namespace; empty for all.
    part: String,
    skipped: Family<Counter>,
}

/// How a list or watch ended well.
enum End {
    /// A list was taken in; watch from there.
    Listed,
    /// The server closed it; resume.
    Closed,
    /// The version is no longer known; list again.
    Gone,
}

impl<P: Projection> Watcher<P> {
    /// A watcher of a namespace of what the cache says, or of everything.
    pub(crate) fn new(client: Client, cache: Cache<P>, part: String) -> Self {
        let skipped = client.registry().counter(
            "carrick_watch_skipped_objects_total",
            "Objects that could not be decoded and are ignored",
            &["resource"],
        );
        Self {
            client,
            cache,
            part,
            skipped,
        }
    }

    /// Lists and watches until the shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        shutdown
            .or(async {
                self.cache.wanted().await;
                self.forever().await;
            })
            .await;
    }

    async fn forever(&self) {
        let mut failures = 0_u32;
        let mut version = None;
        loop {
            let started = Instant::now();
            let result = self.list_or_watch(&mut version).await;
            if started.elapsed() > BACKOFF_MAX {
                failures = 0;
            }
            match result {
                // Ended at once: as bad as a failure, or this loop would spin.
                Ok(End::Closed) if started.elapsed() < Duration::from_secs(1) => {}
                Ok(End::Listed | End::Closed | End::Gone) => {
                    failures = 0;
                    continue;
                }
                Err(error) => {
                    let (resource, namespace) = (self.cache.resource(), &self.part);
                    tracing::warn!(%resource, namespace, %error, "watch failed");
                }
            }
            let delay = BACKOFF_BASE
                .saturating_mul(1 << failures.min(6))
                .min(BACKOFF_MAX);
            failures += 1;
            tokio::time::sleep(
                self.client
                    .with_entropy(|entropy| retry::stretch(delay, entropy)),
            )
            .await;
        }
    }

    /// One list, or one watch from the version that is known. Leaves the version to go on from.
    async fn list_or_watch(&self, version: &mut Option<String>) -> Result<End, Error> {
        let Some(known) = version.take() else {
            *version = Some(self.list().await?);
            return Ok(End::Listed);
        };
        let result = self.watch(known, version).await;
        let gone = match &result {
            Ok(End::Gone) => true,
            Ok(End::Listed | End::Closed) => false,
            Err(error) => error.is_gone(),
        };
        if gone {
            *version = None;
        }
        result
    }

    /// Takes the whole collection in, page by page, and answers its version.
    async fn list(&self) -> Result<String, Error> {
        self.cache.begin_relist(&self.part);
        let mut token = String::new();
        loop {
            let scope = self.cache.scope();
            let path = self.cache.resource().collection_path(&self.part);
            let query = query(&[
                ("labelSelector", &scope.label_selector),
                ("fieldSelector", &scope.field_selector),
                ("limit", PAGE),
                ("continue", &token),
            ]);
            let form = if P::METADATA_ONLY {
                LIST_OF_METADATA
            } else {
                JSON
            };
            let path = format!("{path}{query}");
            let page = self.client.read_as(&path, form).await;
            let bytes = match page {
                Err(error) if error.is_gone() && !token.is_empty() => {
                    // The continue token has expired: start over, keeping what is already in.
                    token.clear();
                    self.cache.begin_relist(&self.part);
                    continue;
                }
                page => page?,
            };
            let List {
                metadata,
                items,
                skipped,
            } = decode_list::<P>(&bytes).map_err(|source| Error::Decode {
                what: format!("list of {}", self.cache.resource()),
                source,
            })?;
            drop(bytes);
            self.report_skipped(&skipped);
            for item in items {
                self.cache.upsert(item);
            }
            if metadata.r#continue.is_empty() {
                let version = metadata.resource_version.parse().unwrap_or_default();
                self.cache.finish_relist(&self.part, version);
                return Ok(metadata.resource_version);
            }
            token = metadata.r#continue;
        }
    }

    /// Watches from `known` on. `version` is always where to resume, also after a failure.
    async fn watch(&self, known: String, version: &mut Option<String>) -> Result<End, Error> {
        let seconds = WATCH_SECONDS
            + self
                .client
                .with_entropy(|entropy| entropy.below(WATCH_SECONDS));
        let scope = self.cache.scope();
        let query = query(&[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", &known),
            ("timeoutSeconds", &seconds.to_string()),
            ("labelSelector", &scope.label_selector),
            ("fieldSelector", &scope.field_selector),
        ]);
        let path = format!(
            "{}{query}",
            self.cache.resource().collection_path(&self.part)
        );
        *version = Some(known);
        let form = if P::METADATA_ONLY { METADATA } else { JSON };
        let response = self.client.open(&path, form).await?;
        let mut lines = Lines::new(response.into_body().into_data_stream());
        let dead = Instant::now() + Duration::from_secs(seconds) + MARGIN;
        loop {
            let line = match tokio::time::timeout_at(dead, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => return Ok(End::Closed),
                Ok(Err(error)) => return Err(Error::Transport(error)),
                Err(elapsed) => return Err(Error::Transport(Box::new(elapsed))),
            };
            if let Some(end) = self.take_in(&line, version)? {
                return Ok(end);
            }
        }
    }

    /// Takes one frame in. `Some` when the watch is over.
    fn take_in(&self, line: &[u8], version: &mut Option<String>) -> Result<Option<End>, Error> {
        if let Some(known) = decode::version_of(line, &self.cache) {
            // Mostly the echo of our own writes: not worth decoding.
            *version = Some(known);
            return Ok(None);
        }
        let frame = decode_frame::<P>(line).map_err(|source| Error::Decode {
            what: format!("watch of {}", self.cache.resource()),
            source,
        })?;
        match frame {
            Frame::Changed {
                object,
                resource_version,
            } => {
                self.cache.upsert(object);
                *version = Some(resource_version);
            }
            Frame::Deleted {
                key,
                uid,
                resource_version,
            } => {
                self.cache.remove(&key, &uid);
                *version = Some(resource_version);
            }
            Frame::Bookmark { resource_version } => *version = Some(resource_version),
            Frame::Malformed {
                key,
                error,
                resource_version,
            } => {
                self.report_skipped(&[(key, error)]);
                *version = Some(resource_version);
            }
            Frame::Error { code: 410, .. } => return Ok(Some(End::Gone)),
            Frame::Error {
                code,
                reason,
                message,
            } => {
                return Err(Error::Api(ApiStatus {
                    code,
                    reason,
                    message,
                    retry_after: None,
                }));
            }
        }
        Ok(None)
    }

    fn report_skipped(&self, skipped: &[(crate::resource::ObjectKey, serde_json::Error)]) {
        for (key, error) in skipped {
            let resource = self.cache.resource();
            tracing::warn!(%resource, %key, %error, "object ignored: it cannot be decoded");
            self.skipped.with(&[&resource.plural]).inc();
        }
    }
}

/// Splits a body into lines.
struct Lines<S> {
    body: S,
    buffer: BytesMut,
    scanned: usize,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<S, E> Lines<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<BoxError>,
{
    fn new(body: S) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            scanned: 0,
        }
    }

    /// The next complete line; `None` at the end of the body, where an incomplete line is dropped.
    async fn next(&mut self) -> Result<Option<BytesMut>, BoxError> {
        loop {
            let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
            if let Some(offset) = fresh.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.scanned + offset);
                self.buffer.advance(1);
                self.scanned = 0;
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            self.scanned = self.buffer.len();
            match self.body.next().await {
                Some(Ok(chunk)) => {
                    if self.buffer.is_empty() {
                        // A large allocation is not kept for ever because of one large event.
                        self.buffer = BytesMut::with_capacity(chunk.len());
                    }
                    self.buffer.extend_from_slice(&chunk);
                }
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_across_chunks_and_a_partial_last_line_is_dropped() {
        let chunks = ["ab", "c\nd", "ef\n", "\n", "gh\nrest"];
        let body = futures::stream::iter(chunks.map(|chunk| Ok::<_, BoxError>(Bytes::from(chunk))));
        let mut lines = Lines::new(body);
        let mut found = Vec::new();
        while let Some(line) = futures::executor::block_on(lines.next()).unwrap() {
            found.push(String::from_utf8(line.to_vec()).unwrap());
        }
        assert_eq!(found, ["abc", "def", "gh"]);
    }
}
