//! Who must be told to reload. Pure: what was seen and what each was told come in, what is left to tell goes out.

use crate::files::Digest;

/// Everything a reload depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Of the configuration file.
    pub(crate) config: Option<Digest>,
    /// Of all files in watched folders.
    pub(crate) watched: Option<Digest>,
}

/// What each target reloaded last. One that failed is told again, even if the files go back to what it knows: whether it
/// took some of them is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Targets {
    told: Vec<Option<Seen>>,
}

impl Targets {
    /// So many, of which none was told anything.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            told: vec![None; count],
        }
    }

    /// Those that must be told, in order.
    pub(crate) fn pending(&self, seen: Seen) -> Vec<usize> {
        let told = self.told.iter().enumerate();
        let pending = told.filter(|(_, told)| **told != Some(seen));
        pending.map(|(target, _)| target).collect()
    }

    /// One reloaded what was seen.
    pub(crate) fn succeeded(&mut self, target: usize, seen: Seen) {
        self.set(target, Some(seen));
    }

    /// One didn't, or it isn't known.
    pub(crate) fn failed(&mut self, target: usize) {
        self.set(target, None);
    }

    fn set(&mut self, target: usize, value: Option<Seen>) {
        if let Some(told) = self.told.get_mut(target) {
            *told = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(byte: u8) -> Seen {
        Seen {
            config: Some([byte; 32]),
            watched: None,
        }
    }

    #[test]
    fn each_is_told_once_of_a_change() {
        let mut targets = Targets::new(2);
        assert_eq!(targets.pending(seen(1)), [0, 1]);
        targets.succeeded(0, seen(1));
        targets.failed(1);
        assert_eq!(targets.pending(seen(1)), [1]);
        targets.succeeded(1, seen(1));
        assert!(targets.pending(seen(1)).is_empty());
        assert_eq!(targets.pending(seen(2)), [0, 1]);
    }

    #[test]
    fn after_a_failure_going_back_is_told_too() {
        let mut targets = Targets::new(1);
        targets.succeeded(0, seen(1));
        targets.failed(0);
        assert_eq!(targets.pending(seen(1)), [0]);
    }

    #[test]
    fn a_watched_folder_counts_like_the_configuration() {
        let mut targets = Targets::new(1);
        targets.succeeded(0, seen(1));
        let changed = Seen {
            watched: Some([0; 32]),
            ..seen(1)
        };
        assert_eq!(targets.pending(changed), [0]);
    }
}
