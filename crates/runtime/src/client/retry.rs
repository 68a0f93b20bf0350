//! When a request is sent again, and after how long.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use crate::error::Error;

/// Attempts after the first.
const RETRIES: u32 = 4;

/// Chance for delays: SplitMix64, seeded, so that a simulation repeats itself.
#[derive(Debug)]
pub struct Jitter {
    state: u64,
}

impl Jitter {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Between `delay` and one and a half times `delay`.
    pub fn stretch(&mut self, delay: Duration) -> Duration {
        let half = u64::try_from(delay.as_micros() / 2).unwrap_or(u64::MAX);
        delay + Duration::from_micros(self.next_u64().checked_rem(half).unwrap_or_default())
    }
}

/// A seed that differs between processes, for everything but simulations.
pub fn process_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// Whether the server refused to look at the request, so that repeating even a write is safe.
pub fn was_refused(error: &Error) -> bool {
    error.status().is_some_and(|status| status.code == 429)
}

/// Delay before attempt number `attempt + 2`; `None` if the request is not worth repeating.
pub fn delay(error: &Error, attempt: u32, jitter: &mut Jitter) -> Option<Duration> {
    if attempt >= RETRIES {
        return None;
    }
    let backoff = Duration::from_millis(50 << (2 * attempt));
    match error {
        Error::Api(status) if matches!(status.code, 429 | 500 | 502 | 503 | 504) => {
            Some(jitter.stretch(status.retry_after.unwrap_or(backoff)))
        }
        Error::Transport(_) => Some(jitter.stretch(backoff)),
        Error::Api(_)
        | Error::Decode { .. }
        | Error::Request(_)
        | Error::Config(_)
        | Error::Other { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiStatus;

    fn answered(code: u16, retry_after: Option<u64>) -> Error {
        let retry_after = retry_after.map(Duration::from_secs);
        Error::Api(ApiStatus {
            code,
            reason: String::new(),
            message: String::new(),
            retry_after,
        })
    }

    #[test]
    fn the_servers_wish_decides_the_delay() {
        let delay = delay(&answered(429, Some(5)), 0, &mut Jitter::new(1)).unwrap();
        assert!(
            delay >= Duration::from_secs(5) && delay < Duration::from_millis(7500),
            "{delay:?}"
        );
    }

    #[test]
    fn an_answer_that_will_not_change_is_not_asked_for_again() {
        assert_eq!(delay(&answered(404, None), 0, &mut Jitter::new(1)), None);
        assert_eq!(
            delay(&answered(503, None), RETRIES, &mut Jitter::new(1)),
            None
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let delays = |seed| {
            let mut jitter = Jitter::new(seed);
            [0, 1, 2].map(|attempt| delay(&answered(503, None), attempt, &mut jitter))
        };
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
    }
}
