//! Watches of one resource that see the same are sent the same bytes: what the first of them reads of some changes is
//! kept for those that come next.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::Watch;
use crate::apiserver::ApiServer;

/// How lines come out of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// Each by itself.
    Lines,
    /// Small ones together.
    Joined,
}

/// What the last watch that sees every change of a resource was sent.
#[derive(Debug, Default)]
pub(crate) struct Together {
    table: Option<Arc<str>>,
    /// Keys of the objects begin with that.
    prefix: String,
    /// Up to where it had read before.
    from: u64,
    /// Newest change of the server at that time.
    newest: u64,
    /// Up to where it has read since.
    to: u64,
    /// Whether something was left.
    more: bool,
    frames: Vec<Bytes>,
}

impl Watch {
    /// Whether what it is sent depends on where it is alone.
    pub(super) fn sees_what_others_see(&self) -> bool {
        self.shares && !self.ended && !self.selection.is_filtered()
    }
}

impl ApiServer {
    /// [`Watch::follow`] of a watch that sees what others see.
    pub(super) fn follow_together(
        &mut self,
        watch: &mut Watch,
        frames: &mut Vec<Bytes>,
        now: Timestamp,
    ) -> bool {
        let Some(table) = self.store.table(&watch.served.table) else {
            return false;
        };
        let (cursor, newest) = (watch.cursor, self.store.revision());
        let is_whole = cursor >= table.compacted();
        let (known, name) = (&self.together, &watch.served.table);
        // Watches that are told together have read as much: nobody looks for the changes again.
        let same = is_whole
            && known.from == cursor
            && known.newest == newest
            && known.table.as_ref().is_some_and(|it| Arc::ptr_eq(it, name))
            && known.prefix == watch.selection.prefix;
        if same {
            frames.extend_from_slice(&known.frames);
            watch.cursor = known.to;
            watch.first = false;
            return known.more;
        }
        if is_whole && table.newest() <= cursor {
            return false;
        }
        let more = watch.follow(self, table, frames, now);
        *frames = joined(std::mem::take(frames));
        if !watch.ended {
            self.together = Together {
                table: Some(watch.served.table.clone()),
                prefix: watch.selection.prefix.clone(),
                from: cursor,
                newest,
                to: watch.cursor,
                more,
                frames: frames.clone(),
            };
        }
        more
    }
}

/// Many small frames as fewer: each costs a record of TLS and a frame of HTTP/2 for every watch.
pub(super) fn joined(frames: Vec<Bytes>) -> Vec<Bytes> {
    /// Larger ones are passed on as they are, shared with other watches.
    const SMALL: usize = 4 * 1024;
    const JOINED: usize = 16 * 1024;
    if frames.len() < 2 {
        return frames;
    }
    let mut out: Vec<Bytes> = Vec::new();
    let mut together: Vec<u8> = Vec::new();
    for frame in frames {
        if !together.is_empty() && (frame.len() > SMALL || together.len() + frame.len() > JOINED) {
            out.push(std::mem::take(&mut together).into());
        }
        if frame.len() > SMALL {
            out.push(frame);
        } else {
            together.extend_from_slice(&frame);
        }
    }
    if !together.is_empty() {
        out.push(together.into());
    }
    out
}
