//! What a long comparison says of itself while it runs, on standard error: where it is, and what takes long.
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use tokio::time::Instant;

/// How often it says so.
const EVERY: Duration = Duration::from_secs(10);
/// A sequence that takes longer is named.
const LONG: Duration = Duration::from_secs(30);
/// That many of them, the lowest numbers.
const NAMED: usize = 3;

/// The sequences of one area on their way.
pub struct Progress {
    area: &'static str,
    all: usize,
    begun: Instant,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    done: usize,
    under_way: BTreeMap<usize, (Instant, String)>,
    told: Option<Instant>,
}

impl Progress {
    /// Of so many sequences, none yet.
    pub fn new(area: &'static str, all: usize) -> Self {
        Self {
            area,
            all,
            begun: Instant::now(),
            state: RefCell::default(),
        }
    }

    /// A sequence is sent off.
    pub fn begins(&self, number: usize, title: &str) {
        let mut state = self.state.borrow_mut();
        let entry = (Instant::now(), title.to_owned());
        state.under_way.insert(number, entry);
    }

    /// All of its answers are there.
    pub fn ends(&self, number: usize) {
        let mut state = self.state.borrow_mut();
        state.done += 1;
        state.under_way.remove(&number);
    }

    /// Waits for something and says now and then how far everything is.
    pub async fn watch<T>(&self, wait: impl Future<Output = T>) -> T {
        let mut wait = std::pin::pin!(wait);
        loop {
            let told = self.state.borrow().told.unwrap_or(self.begun);
            runtime::select! {
                found = &mut wait => return found,
                () = tokio::time::sleep_until(told + EVERY) => {
                    self.state.borrow_mut().told = Some(Instant::now());
                    // A closed pipe ends the output, not the run.
                    let _ = writeln!(std::io::stderr(), "{}", self.line(Instant::now()));
                }
            }
        }
    }

    fn line(&self, now: Instant) -> String {
        let state = self.state.borrow();
        let long = state.under_way.iter();
        let long = long
            .filter(|(_, (begun, _))| now - *begun > LONG)
            .take(NAMED)
            .map(|(number, (begun, title))| {
                format!(", {number} ({title}) for {} s", (now - *begun).as_secs())
            });
        format!(
            "{}: {} of {} sequences after {} s{}",
            self.area,
            state.done,
            self.all,
            (now - self.begun).as_secs(),
            long.collect::<String>()
        )
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_is_named() {
    let progress = Progress::new("watches", 3);
    progress.begins(0, "pods");
    progress.begins(1, "leases");
    tokio::time::advance(Duration::from_secs(31)).await;
    progress.ends(0);
    progress.begins(2, "nodes");
    assert_eq!(
        progress.line(Instant::now()),
        "watches: 1 of 3 sequences after 31 s, 1 (leases) for 31 s"
    );
    assert_eq!(progress.watch(async { 7 }).await, 7);
}
