//! Packs versions on a thread beside the server's. Nobody waits for it, and what it has done yet or hasn't shows in nothing
//! but memory: whoever asks for a version gets the same object either way.

use std::sync::Weak;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::packed::Packer;
use super::version::Version;

/// So many are handed over at once: waking a thread costs about as much as packing one.
const BATCH: usize = 64;
/// So many batches wait at most; then the server waits too, so that memory is bounded.
const WAITING: usize = 8;

type Batch = Vec<Weak<Version>>;

/// Versions on their way to become bytes.
#[derive(Debug, Default)]
pub(super) struct Packing {
    batch: Batch,
    worker: Worker,
}

#[derive(Debug, Default)]
enum Worker {
    /// Small worlds never need one.
    #[default]
    NotYet,
    Beside {
        batches: SyncSender<Batch>,
        /// It ends with the sender; only tests wait for that.
        #[cfg_attr(not(test), expect(dead_code, reason = "held for tests"))]
        thread: JoinHandle<()>,
    },
    /// Where no thread is to be had, the server packs.
    Here(Packer),
}

impl Packing {
    /// Keeps the version's bytes alone, now or soon.
    pub(super) fn add(&mut self, version: Weak<Version>) {
        // One that nobody holds any more is gone already.
        if version.strong_count() == 0 {
            return;
        }
        self.batch.push(version);
        if self.batch.len() >= BATCH {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        if matches!(self.worker, Worker::NotYet) {
            self.worker = Worker::begin();
        }
        match &mut self.worker {
            Worker::NotYet => {}
            Worker::Here(packer) => pack(&batch, packer),
            Worker::Beside { batches, .. } => {
                // It ends only with this sender.
                if let Err(unsent) = batches.send(batch) {
                    pack(&unsent.0, &mut Packer::default());
                }
            }
        }
    }

    /// Waits until everything is packed.
    #[cfg(test)]
    pub(super) fn settle(&mut self) {
        self.hand_over();
        if let Worker::Beside { batches, thread } = std::mem::take(&mut self.worker) {
            drop(batches);
            thread.join().unwrap();
        }
    }
}

impl Worker {
    fn begin() -> Self {
        let (batches, received) = sync_channel(WAITING);
        let thread = Builder::new().name("packing".to_owned());
        match thread.spawn(move || work(&received)) {
            Ok(thread) => Self::Beside { batches, thread },
            Err(_) => Self::Here(Packer::default()),
        }
    }
}

fn work(batches: &Receiver<Batch>) {
    let mut packer = Packer::default();
    while let Ok(batch) = batches.recv() {
        pack(&batch, &mut packer);
    }
}

fn pack(batch: &Batch, packer: &mut Packer) {
    for version in batch.iter().filter_map(Weak::upgrade) {
        version.pack(packer);
    }
}
