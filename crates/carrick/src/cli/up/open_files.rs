//! How many files may be open: each connection of a client is one, and shells allow 1,024 by default.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Where the system sets no limit.
const MANY: u64 = 1 << 20;

/// Allows this process as many open files as the system lets it have, as programs written in Go do.
pub(super) fn allow_many() {
    if let Some(raised) = raised(&getrlimit(Resource::Nofile))
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::debug!(%error, "the limit of open files stays");
    }
}

/// The limit to ask for, if it is another one.
fn raised(limit: &Rlimit) -> Option<Rlimit> {
    let most = limit.maximum.unwrap_or(MANY);
    limit
        .current
        .is_some_and(|current| current < most)
        .then_some(Rlimit {
            current: Some(most),
            maximum: limit.maximum,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_taken() {
        let limit = |current, maximum| Rlimit { current, maximum };
        let wanted = |limit: Rlimit| raised(&limit).map(|raised| (raised.current, raised.maximum));
        let (few, most) = (Some(1024), Some(4096));
        assert_eq!(wanted(limit(few, most)), Some((most, most)));
        assert_eq!(wanted(limit(few, None)), Some((Some(MANY), None)));
        assert_eq!(wanted(limit(most, most)), None);
        assert_eq!(wanted(limit(None, None)), None);
    }
}
