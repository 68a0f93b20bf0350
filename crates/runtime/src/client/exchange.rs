//! Requests as those see them who only count.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// One request and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// `GET` and so on.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// What was sent.
    pub body: &'a [u8],
    /// Status code of the answer; none if none came.
    pub status: Option<u16>,
    /// How long it waited for the limit of requests; none if that doesn't count it.
    pub waited: Option<Duration>,
    /// How long the answer took to begin.
    pub took: Duration,
}

type Observe = Box<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// Who is told of every exchange.
#[derive(Default)]
pub(super) struct Observers {
    all: RwLock<Vec<Observe>>,
}

impl Observers {
    pub(super) fn add(&self, observe: impl Fn(&Exchange<'_>) + Send + Sync + 'static) {
        self.all
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(observe));
    }

    pub(super) fn tell(&self, exchange: &Exchange<'_>) {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().for_each(|observe| observe(exchange));
    }
}
