//! The clock of a world: data for everybody else.

use jiff::{SignedDuration, Timestamp};

/// Where a world takes its time from.
#[derive(Debug, Clone, Copy)]
pub enum WorldClock {
    /// A fixed epoch plus elapsed tokio time: virtual under paused time.
    Anchored {
        /// Time at `start`.
        epoch: Timestamp,
        /// When the world began.
        start: tokio::time::Instant,
    },
    /// The wall clock.
    Wall,
}

impl WorldClock {
    /// The epoch of simulations: 2030-01-01T00:00:00Z.
    pub const EPOCH_SECONDS: i64 = 1_893_456_000;

    /// A clock that starts at the epoch now. Call inside a tokio runtime.
    pub fn anchored() -> Self {
        Self::Anchored {
            epoch: Timestamp::from_second(Self::EPOCH_SECONDS).unwrap_or(Timestamp::UNIX_EPOCH),
            start: tokio::time::Instant::now(),
        }
    }

    /// The time now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the time comes from"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Anchored { epoch, start } => {
                let elapsed =
                    SignedDuration::try_from(start.elapsed()).unwrap_or(SignedDuration::MAX);
                epoch.checked_add(elapsed).unwrap_or(Timestamp::MAX)
            }
            Self::Wall => Timestamp::now(),
        }
    }

    /// How long to sleep until `at`.
    pub fn until(&self, at: Timestamp) -> std::time::Duration {
        std::time::Duration::try_from(at.duration_since(self.now())).unwrap_or_default()
    }
}
