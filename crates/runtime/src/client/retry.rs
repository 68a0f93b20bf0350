//! When a request is sent again, and after how long.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use machinery::entropy::Entropy;

use crate::error::Error;

/// Attempts after the first.
const RETRIES: u32 = 4;

/// Between `delay` and one and a half times `delay`.
pub fn stretch(delay: Duration, entropy: &mut Entropy) -> Duration {
    let half = u64::try_from(delay.as_micros() / 2).unwrap_or(u64::MAX);
    delay + Duration::from_micros(entropy.below(half))
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
pub fn delay(error: &Error, attempt: u32, entropy: &mut Entropy) -> Option<Duration> {
    if attempt >= RETRIES {
        return None;
    }
    let backoff = Duration::from_millis(50 << (2 * attempt));
    match error {
        Error::Api(status) if matches!(status.code, 429 | 500 | 502 | 503 | 504) => {
            Some(stretch(status.retry_after.unwrap_or(backoff), entropy))
        }
        Error::Transport(_) => Some(stretch(backoff, entropy)),
        Error::Api(_)
        | Error::Decode { .. }
        | Error::Request(_)
        | Error::Config(_)
        | Error::Listen { .. }
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
        let delay = delay(&answered(429, Some(5)), 0, &mut Entropy::seeded(1)).unwrap();
        assert!(
            delay >= Duration::from_secs(5) && delay < Duration::from_millis(7500),
            "{delay:?}"
        );
    }

    #[test]
    fn an_answer_that_will_not_change_is_not_asked_for_again() {
        assert_eq!(
            delay(&answered(404, None), 0, &mut Entropy::seeded(1)),
            None
        );
        assert_eq!(
            delay(&answered(503, None), RETRIES, &mut Entropy::seeded(1)),
            None
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let delays = |seed| {
            let mut entropy = Entropy::seeded(seed);
            [0, 1, 2].map(|attempt| delay(&answered(503, None), attempt, &mut entropy))
        };
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
    }
}
