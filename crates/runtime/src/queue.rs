//! Which object is looked at next.
//!
//! Mirrors client-go's `util/workqueue` (a key is never worked on twice at once, and an add while it is worked on is
//! kept; delayed adds; exponential backoff per key), with two priorities. Order is by priority, then by arrival.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metrics::{Counter, Family, Gauge, Histogram, Registry};
use crate::resource::ObjectKey;

/// Bounds of the duration histograms of client-go's queue metrics.
const DURATION_BOUNDS: [f64; 10] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];

/// Which of two waiting keys goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Something changed.
    High,
    /// First list and resync: nothing is known to have changed.
    Low,
}

/// Delay after the n-th failure in a row: `base * 2^n`, at most `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub base: Duration,
    /// Never more than this.
    pub max: Duration,
}

impl Default for Backoff {
    /// client-go's `DefaultTypedControllerRateLimiter`.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(5),
            max: Duration::from_secs(1000),
        }
    }
}

impl Backoff {
    /// Delay after `failures` earlier failures in a row.
    pub fn delay(&self, failures: u32) -> Duration {
        2_u32
            .checked_pow(failures)
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.max, |d| d.min(self.max))
    }
}

/// The pure part of the queue; the time is an argument.
#[derive(Debug, Default)]
pub struct State {
    ready: BTreeMap<(Priority, u64), ObjectKey>,
    waiting: BTreeMap<ObjectKey, Ready>,
    processing: BTreeMap<ObjectKey, Instant>,
    /// Keys added again while they are worked on.
    dirty: BTreeMap<ObjectKey, Priority>,
    delayed: BTreeSet<(Instant, u64, ObjectKey)>,
    due: BTreeMap<ObjectKey, (Instant, u64)>,
    failures: BTreeMap<ObjectKey, u32>,
    sequence: u64,
}

#[derive(Clone, Copy, Debug)]
struct Ready {
    position: (Priority, u64),
    since: Instant,
}

impl State {
    /// Makes a key ready. Answers whether that was news.
    pub fn add(&mut self, key: ObjectKey, priority: Priority, now: Instant) -> bool {
        if self.processing.contains_key(&key) {
            let mut news = false;
            let wanted = self.dirty.entry(key).or_insert_with(|| {
                news = true;
                priority
            });
            *wanted = (*wanted).min(priority);
            return news;
        }
        let sequence = self.next_sequence();
        if let Some(held) = self.waiting.get_mut(&key) {
            if priority < held.position.0 {
                self.ready.remove(&held.position);
                held.position = (priority, sequence);
                self.ready.insert(held.position, key);
            }
            return false;
        }
        let position = (priority, sequence);
        self.ready.insert(position, key.clone());
        self.waiting.insert(
            key,
            Ready {
                position,
                since: now,
            },
        );
        true
    }

    /// Makes a key ready at `due`; an earlier wish for the same key stands.
    pub fn add_at(&mut self, key: ObjectKey, due: Instant) {
        if let Some(held) = self.due.get(&key) {
            if held.0 <= due {
                return;
            }
            self.delayed.remove(&(held.0, held.1, key.clone()));
        }
        let sequence = self.next_sequence();
        self.due.insert(key.clone(), (due, sequence));
        self.delayed.insert((due, sequence, key));
    }

    /// Moves what is due to the ready keys. Answers how many were news.
    pub fn promote(&mut self, now: Instant) -> usize {
        let mut news = 0;
        while self.delayed.first().is_some_and(|(due, _, _)| *due <= now) {
            if let Some((_, _, key)) = self.delayed.pop_first() {
                self.due.remove(&key);
                news += usize::from(self.add(key, Priority::High, now));
            }
        }
        news
    }

    /// Takes the next key to work on, with the time it has waited.
    pub fn take(&mut self, now: Instant) -> Option<(ObjectKey, Duration)> {
        let (_, key) = self.ready.pop_first()?;
        let since = self.waiting.remove(&key).map_or(now, |ready| ready.since);
        self.processing.insert(key.clone(), now);
        Some((key, now.saturating_duration_since(since)))
    }

    /// Work on a key has ended. Answers how long it took.
    pub fn done(&mut self, key: &ObjectKey, now: Instant) -> Duration {
        let since = self.processing.remove(key).unwrap_or(now);
        if let Some(priority) = self.dirty.remove(key) {
            self.add(key.clone(), priority, now);
        }
        now.saturating_duration_since(since)
    }

    /// Counts a failure and answers the number of failures in a row before it.
    pub fn fail(&mut self, key: &ObjectKey) -> u32 {
        let failures = self.failures.entry(key.clone()).or_default();
        let before = *failures;
        *failures = failures.saturating_add(1);
        before
    }

    /// Forgets the failures of a key.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.failures.remove(key);
    }

    /// When the next delayed key is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.delayed.first().map(|(due, _, _)| *due)
    }

    /// Number of ready keys.
    pub fn depth(&self) -> usize {
        self.ready.len()
    }

    /// Whether no key is ready, delayed or worked on.
    pub fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.delayed.is_empty() && self.processing.is_empty()
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

struct Inner {
    state: Mutex<State>,
    notify: Notify,
    backoff: Backoff,
    name: String,
    metrics: QueueMetrics,
}

struct QueueMetrics {
    depth: Family<Gauge>,
    adds: Family<Counter>,
    latency: Family<Histogram>,
    work: Family<Histogram>,
    retries: Family<Counter>,
    unfinished: Family<Gauge>,
    longest: Family<Gauge>,
}

impl Inner {
    /// Figures that change while nothing happens.
    fn measure(&self) {
        let now = Instant::now();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let running = state
            .processing
            .values()
            .map(|since| now.saturating_duration_since(*since));
        let (total, longest) = running
            .fold((Duration::ZERO, Duration::ZERO), |(total, longest), one| {
                (total + one, longest.max(one))
            });
        drop(state);
        let QueueMetrics {
            unfinished,
            longest: longest_running,
            ..
        } = &self.metrics;
        unfinished.with(&[&self.name]).set(total.as_secs_f64());
        longest_running
            .with(&[&self.name])
            .set(longest.as_secs_f64());
    }
}

/// A queue shared by those who add and those who work. Clones share it.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

impl Queue {
    /// An empty queue; `name` is its label in the metrics.
    pub fn new(name: &str, backoff: Backoff, registry: &Registry) -> Self {
        let by_name = &["name"];
        let metrics = QueueMetrics {
            depth: registry.gauge("workqueue_depth", "Current depth of workqueue", by_name),
            adds: registry.counter(
                "workqueue_adds_total",
                "Total number of adds handled by workqueue",
                by_name,
            ),
            latency: registry.histogram(
                "workqueue_queue_duration_seconds",
                "How long in seconds an item stays in workqueue before being requested",
                by_name,
                &DURATION_BOUNDS,
            ),
            work: registry.histogram(
                "workqueue_work_duration_seconds",
                "How long in seconds processing an item from workqueue takes",
                by_name,
                &DURATION_BOUNDS,
            ),
            retries: registry.counter(
                "workqueue_retries_total",
                "Total number of retries handled by workqueue",
                by_name,
            ),
            unfinished: registry.gauge(
                "workqueue_unfinished_work_seconds",
                "How many seconds of work is in progress and hasn't been observed by work_duration",
                by_name,
            ),
            longest: registry.gauge(
                "workqueue_longest_running_processor_seconds",
                "How many seconds has the longest running processor for workqueue been running",
                by_name,
            ),
        };
        metrics.depth.with(&[name]).set(0.0);
        let inner = Arc::new(Inner {
            state: Mutex::new(State::default()),
            notify: Notify::new(),
            backoff,
            name: name.to_owned(),
            metrics,
        });
        let weak = Arc::downgrade(&inner);
        registry.collector(move |_| {
            if let Some(inner) = weak.upgrade() {
                inner.measure();
            }
        });
        Self { inner }
    }

    /// Makes a key ready.
    pub fn add(&self, key: ObjectKey) {
        self.add_with(key, Priority::High);
    }

    /// Makes a key ready, with a priority.
    pub fn add_with(&self, key: ObjectKey, priority: Priority) {
        let news = usize::from(self.lock().add(key, priority, Instant::now()));
        self.added(news);
    }

    /// Makes a key ready after a while; at once if the delay is zero.
    pub fn add_after(&self, key: ObjectKey, delay: Duration) {
        match Instant::now().checked_add(delay) {
            Some(_) if delay.is_zero() => self.add(key),
            Some(due) => {
                self.lock().add_at(key, due);
                self.inner.notify.notify_one();
            }
            None => {}
        }
    }

    /// Makes a key ready after its backoff, and answers the delay.
    pub fn add_failed(&self, key: ObjectKey) -> Duration {
        let delay = self.inner.backoff.delay(self.lock().fail(&key));
        self.inner.metrics.retries.with(&[&self.inner.name]).inc();
        self.add_after(key, delay);
        delay
    }

    /// Forgets the failures of a key.
    pub fn forget(&self, key: &ObjectKey) {
        self.lock().forget(key);
    }

    /// Waits for a key to work on. [`Queue::done`] must follow.
    pub async fn take(&self) -> ObjectKey {
        loop {
            let (taken, due) = self.try_take();
            if let Some(key) = taken {
                return key;
            }
            let notified = self.inner.notify.notified();
            match due {
                Some(due) => {
                    crate::select! {
                        () = notified => {},
                        () = tokio::time::sleep_until(due) => {},
                    }
                }
                None => notified.await,
            }
        }
    }

    /// Work on a key has ended.
    pub fn done(&self, key: &ObjectKey) {
        let took = self.lock().done(key, Instant::now());
        self.inner
            .metrics
            .work
            .with(&[&self.inner.name])
            .observe_duration(took);
        self.added(0);
    }

    /// Whether no key is ready, delayed or worked on.
    pub fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    fn try_take(&self) -> (Option<ObjectKey>, Option<Instant>) {
        let mut state = self.lock();
        let now = Instant::now();
        let news = state.promote(now);
        let taken = state.take(now);
        let (due, depth) = (state.next_due(), state.depth());
        drop(state);
        let metrics = &self.inner.metrics;
        if news > 0 {
            metrics
                .adds
                .with(&[&self.inner.name])
                .add(f64::from(u32::try_from(news).unwrap_or(u32::MAX)));
        }
        let Some((key, waited)) = taken else {
            return (None, due);
        };
        metrics
            .latency
            .with(&[&self.inner.name])
            .observe_duration(waited);
        metrics
            .depth
            .with(&[&self.inner.name])
            .set(f64::from(u32::try_from(depth).unwrap_or(u32::MAX)));
        if depth > 0 {
            self.inner.notify.notify_one();
        }
        (Some(key), due)
    }

    fn added(&self, news: usize) {
        let depth = self.lock().depth();
        let metrics = &self.inner.metrics;
        if news > 0 {
            metrics.adds.with(&[&self.inner.name]).inc();
        }
        metrics
            .depth
            .with(&[&self.inner.name])
            .set(f64::from(u32::try_from(depth).unwrap_or(u32::MAX)));
        self.inner.notify.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("ns", name)
    }

    fn taken(state: &mut State, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| state.take(now))
            .map(|(key, _)| key.name)
            .collect()
    }

    #[test]
    fn keys_come_out_by_priority_then_arrival_and_only_once() {
        let now = Instant::now();
        let mut state = State::default();
        for (name, priority) in [
            ("a", Priority::Low),
            ("b", Priority::High),
            ("c", Priority::High),
            ("b", Priority::Low),
            ("d", Priority::Low),
            ("d", Priority::High),
        ] {
            state.add(key(name), priority, now);
        }
        assert_eq!(taken(&mut state, now), ["b", "c", "d", "a"]);
    }

    #[test]
    fn a_key_added_while_worked_on_comes_again_after_done() {
        let now = Instant::now();
        let mut state = State::default();
        state.add(key("a"), Priority::High, now);
        state.take(now);
        assert!(state.add(key("a"), Priority::High, now));
        assert!(!state.add(key("a"), Priority::High, now));
        assert_eq!(taken(&mut state, now), Vec::<String>::new());
        state.done(&key("a"), now);
        assert_eq!(taken(&mut state, now), ["a"]);
    }

    #[test]
    fn the_earliest_of_several_delays_stands() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut state = State::default();
        state.add_at(key("a"), after(10));
        state.add_at(key("a"), after(3));
        state.add_at(key("a"), after(5));
        state.add_at(key("b"), after(2));
        assert_eq!(state.next_due(), Some(after(2)));
        state.promote(after(3));
        assert_eq!(taken(&mut state, after(3)), ["b", "a"]);
        assert_eq!(state.next_due(), None);
    }

    #[test]
    fn backoff_doubles_up_to_its_limit_and_is_forgotten() {
        let backoff = Backoff {
            base: Duration::from_millis(1),
            max: Duration::from_secs(10),
        };
        let mut state = State::default();
        let delays: Vec<_> = (0..3)
            .map(|_| backoff.delay(state.fail(&key("a"))).as_millis())
            .collect();
        assert_eq!(delays, [1, 2, 4]);
        assert_eq!(backoff.delay(40), Duration::from_secs(10));
        state.forget(&key("a"));
        assert_eq!(state.fail(&key("a")), 0);
    }
}
