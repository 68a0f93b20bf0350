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

/// A bucket for Kubernetes' own kinds and one for custom resources.
#[derive(Debug)]
pub struct Limiters {
    builtin: Limiter,
    custom: Limiter,
}

impl Limiters {
    /// Two full buckets.
    pub fn new(qps: f64, burst: u32) -> Self {
        Self {
            builtin: Limiter::new(qps, burst),
            custom: Limiter::new(qps, burst),
        }
    }

    /// The bucket that a request path takes from. Kubernetes' own groups have no dot, or end in `k8s.io`.
    pub fn of(&self, path: &str) -> &Limiter {
        let group = path
            .strip_prefix("/apis/")
            .and_then(|p| p.split('/').next());
        match group {
            Some(group) if group.contains('.') && !group.ends_with(".k8s.io") => &self.custom,
            Some(_) | None => &self.builtin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_resources_have_a_bucket_of_their_own() {
        let limiters = Limiters::new(1.0, 1);
        let is_custom = |path: &str| std::ptr::eq(limiters.of(path), &raw const limiters.custom);
        let paths = [
            "/api/v1/pods",
            "/apis/apps/v1/replicasets",
            "/apis/coordination.k8s.io/v1/leases",
            "/apis/argoproj.io/v1alpha1/rollouts",
        ];
        assert_eq!(paths.map(is_custom), [false, false, false, true]);
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rest_is_spaced() {
        let limiter = Limiter::new(10.0, 2);
        let now = Instant::now();
        let waits = [0; 4].map(|_| limiter.take(now).as_millis());
        assert_eq!(waits, [0, 0, 100, 200]);
        assert_eq!(limiter.take(now + Duration::from_mins(1)), Duration::ZERO);
    }
}
