//! Token bucket on tokio's clock, as client-go's `flowcontrol` (`--qps`, `--burst`).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets `qps` requests a second through, and `burst` at once.
#[derive(Debug)]
pub struct Limiter {
    interval: Duration,
    burst: u32,
    /// When the bucket is full again.
    full_at: Mutex<Option<Instant>>,
}

impl Limiter {
    /// A full bucket. A burst of 0 counts as 1.
    pub fn new(qps: f64, burst: u32) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / qps).unwrap_or(Duration::ZERO);
        Self {
            interval,
            burst: burst.max(1),
            full_at: Mutex::new(None),
        }
    }

    /// Takes a token at `now` and answers how long to wait before using it.
    pub fn take(&self, now: Instant) -> Duration {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.map_or(now, |full_at| full_at.max(now)) + self.interval;
        *full_at = Some(next);
        next.saturating_duration_since(now)
            .saturating_sub(self.interval * self.burst)
    }

    /// Waits for a token.
    pub async fn acquire(&self) {
        let wait = self.take(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_at_once_and_the_rest_is_spaced() {
        let limiter = Limiter::new(10.0, 2);
        let now = Instant::now();
        let waits = [0; 4].map(|_| limiter.take(now).as_millis());
        assert_eq!(waits, [0, 0, 100, 200]);
        assert_eq!(limiter.take(now + Duration::from_mins(1)), Duration::ZERO);
    }
}
