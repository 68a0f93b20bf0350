//! Which watches a change concerns: those that are behind already are not told again, so that a change costs what was
//! read since the last one, however many watches there are.

use std::sync::Arc;

use super::Watch;
use crate::apiserver::ApiServer;
use crate::request::WatchId;

impl ApiServer {
    /// Forgets a watch whose client went away.
    pub fn watch_closed(&mut self, id: WatchId) {
        if let Some(Some(watch)) = self.watches.remove(&id) {
            self.forget_watch(&watch, id);
        }
    }

    pub(super) fn forget_watch(&mut self, watch: &Watch, id: WatchId) {
        if let Some(ids) = self.settled.get_mut(&watch.served.table) {
            ids.retain(|known| *known != id);
        }
    }

    /// From now on a watch wants to hear of the next change.
    pub(super) fn settle(&mut self, table: &Arc<str>, id: WatchId) {
        match self.settled.get_mut(table) {
            Some(ids) => ids.push(id),
            None => {
                self.settled.insert(table.clone(), vec![id]);
            }
        }
    }

    /// Watches that have something to send since the last call.
    pub fn take_dirty_watches(&mut self) -> Vec<WatchId> {
        std::mem::take(&mut self.dirty_watches)
    }

    /// Marks the watches of a table.
    pub(crate) fn mark_watches(&mut self, table: &str) {
        let Some(ids) = self.settled.get_mut(table) else {
            return;
        };
        for id in ids.drain(..) {
            if let Some(Some(watch)) = self.watches.get_mut(&id) {
                watch.dirty = true;
                self.dirty_watches.push(id);
            }
        }
    }
}
