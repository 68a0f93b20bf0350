//! The one place where time enters.

use jiff::Timestamp;
use tokio::time::Instant;

/// Where a process takes the time from.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The computer's clock.
    System,
    /// A fixed epoch plus the tokio time that has passed since: virtual under a paused runtime.
    Anchored {
        /// Time at `start`.
        epoch: Timestamp,
        /// Where tokio's clock stood.
        start: Instant,
    },
}

impl Clock {
    /// The computer's clock.
    pub fn system() -> Self {
        Self::System
    }

    /// `epoch` now, and then as fast as tokio's clock. Call it inside the runtime.
    pub fn anchored(epoch: Timestamp) -> Self {
        Self::Anchored {
            epoch,
            start: Instant::now(),
        }
    }

    /// The current time.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the time comes from"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Anchored { epoch, start } => jiff::SignedDuration::try_from(start.elapsed())
                .ok()
                .and_then(|elapsed| epoch.checked_add(elapsed).ok())
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// How long until `time`; zero if it has passed.
    pub fn until(&self, time: Timestamp) -> std::time::Duration {
        std::time::Duration::try_from(time.duration_since(self.now())).unwrap_or_default()
    }
}
