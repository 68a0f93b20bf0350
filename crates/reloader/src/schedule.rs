//! When to look at the files again. No clock is read here: instants come in, instants go out.

use std::time::Duration;

use tokio::time::Instant;

/// Why files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// They changed, and have been quiet since for the delay.
    Change,
    /// The watch interval has passed without a change.
    Interval,
    /// A reload failed, and the retry interval has passed.
    Retry,
}

/// The three intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intervals {
    /// Quiet time after a change.
    pub(crate) delay: Duration,
    /// Longest time between two looks.
    pub(crate) watch: Duration,
    /// Time between two attempts.
    pub(crate) retry: Duration,
}

/// What is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    intervals: Intervals,
    /// When a change will have been quiet.
    settled: Option<Instant>,
    /// When nothing will have happened for too long.
    interval: Instant,
    /// When to try again.
    retry: Option<Instant>,
}

impl Schedule {
    /// After a first look, now.
    pub(crate) fn new(intervals: Intervals, now: Instant) -> Self {
        Self {
            intervals,
            settled: None,
            interval: later(now, intervals.watch),
            retry: None,
        }
    }

    /// A file changed: each change begins the delay anew.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.settled = Some(later(now, self.intervals.delay));
    }

    /// A reload failed. It is tried again, unless a change is about to settle, which will try anyway.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.retry = Some(later(now, self.intervals.retry));
    }

    /// When something will be due.
    pub(crate) fn next(&self) -> Instant {
        let soon = self.settled.or(self.retry);
        soon.map_or(self.interval, |soon| soon.min(self.interval))
    }

    /// When a pass that began now, and couldn't reload, has tried for long enough.
    pub(crate) fn patience(&self) -> Instant {
        self.interval
    }

    /// When a change will have settled, if there was one.
    pub(crate) fn settles(&self) -> Option<Instant> {
        self.settled
    }

    /// What is due now, if anything. It counts as done then; the other plans that it makes pointless are dropped.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        let passed = |instant: Instant| instant <= now;
        let due = if self.settled.is_some_and(passed) {
            Due::Change
        } else if passed(self.interval) {
            Due::Interval
        } else if self.settled.is_none() && self.retry.is_some_and(passed) {
            Due::Retry
        } else {
            return None;
        };
        self.retry = None;
        match due {
            Due::Change => {
                self.settled = None;
                self.interval = later(now, self.intervals.watch);
            }
            Due::Interval => self.interval = later(now, self.intervals.watch),
            Due::Retry => {}
        }
        Some(due)
    }
}

/// As late as can be said, if the interval is longer than that.
fn later(now: Instant, interval: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);
    now + interval.min(CENTURY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVALS: Intervals = Intervals {
        delay: Duration::from_secs(1),
        watch: Duration::from_mins(3),
        retry: Duration::from_secs(5),
    };

    struct Clockwork {
        start: Instant,
        schedule: Schedule,
    }

    impl Clockwork {
        fn new() -> Self {
            let start = Instant::now();
            let schedule = Schedule::new(INTERVALS, start);
            Self { start, schedule }
        }

        fn at(&self, milliseconds: u64) -> Instant {
            self.start + Duration::from_millis(milliseconds)
        }

        fn changed(&mut self, milliseconds: u64) {
            self.schedule.changed(self.at(milliseconds));
        }

        fn failed(&mut self, milliseconds: u64) {
            self.schedule.failed(self.at(milliseconds));
        }

        /// Lets time pass to the next plan: when, and what is due.
        fn next(&mut self) -> (u128, Option<Due>) {
            let next = self.schedule.next();
            ((next - self.start).as_millis(), self.schedule.due(next))
        }
    }

    #[test]
    fn without_a_change_the_interval_decides() {
        let mut clock = Clockwork::new();
        assert_eq!(clock.schedule.due(clock.at(179_999)), None);
        assert_eq!(clock.next(), (180_000, Some(Due::Interval)));
        assert_eq!(clock.next(), (360_000, Some(Due::Interval)));
    }

    #[test]
    fn each_change_begins_the_delay_anew_and_the_interval_begins_with_the_pass() {
        let mut clock = Clockwork::new();
        clock.changed(10_000);
        clock.changed(10_900);
        assert_eq!(clock.schedule.due(clock.at(11_000)), None);
        assert_eq!(clock.next(), (11_900, Some(Due::Change)));
        assert_eq!(clock.next(), (191_900, Some(Due::Interval)));
    }

    #[test]
    fn files_that_never_rest_are_looked_at_all_the_same() {
        let mut clock = Clockwork::new();
        for second in (0..180_000).step_by(500) {
            clock.changed(second);
            assert_eq!(clock.schedule.due(clock.at(second)), None, "{second}");
        }
        assert_eq!(clock.next(), (180_000, Some(Due::Interval)));
    }

    #[test]
    fn a_failure_is_tried_again_and_does_not_put_off_the_interval() {
        let mut clock = Clockwork::new();
        for attempt in 1..36 {
            clock.failed((attempt - 1) * 5_000);
            assert_eq!(
                clock.next(),
                (u128::from(attempt) * 5_000, Some(Due::Retry))
            );
        }
        clock.failed(175_000);
        assert_eq!(clock.next(), (180_000, Some(Due::Interval)));
        assert_eq!(clock.next(), (360_000, Some(Due::Interval)));
    }

    #[test]
    fn a_change_takes_the_place_of_a_retry() {
        let mut clock = Clockwork::new();
        clock.failed(0);
        clock.changed(4_500);
        assert_eq!(clock.schedule.due(clock.at(5_000)), None);
        assert_eq!(clock.next(), (5_500, Some(Due::Change)));
        assert_eq!(clock.next(), (185_500, Some(Due::Interval)));
    }

    #[test]
    fn endless_intervals_are_no_error() {
        let endless = Intervals {
            watch: Duration::MAX,
            ..INTERVALS
        };
        let now = Instant::now();
        assert!(Schedule::new(endless, now).next() > now);
    }
}
