//! How much of a document aliases may repeat (`allowedAliasRatio` of go-yaml's `decode.go`).

/// Nodes that were read so far.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    nodes: usize,
    repeated: usize,
}

impl Aliases {
    /// Few enough to repeat almost nothing but one thing.
    const FEW: usize = 400_000;
    /// So many that a tenth of them may be repeated.
    const MANY: usize = 4_000_000;

    /// Counts nodes of the text itself; how many there were before.
    pub(super) fn read(&mut self, nodes: usize) -> usize {
        let before = self.nodes;
        self.nodes += nodes;
        before
    }

    /// How many nodes there have been since there were so many.
    pub(super) fn since(&self, before: usize) -> usize {
        self.nodes - before
    }

    /// Counts nodes that an alias repeats; `true` if it is too much.
    pub(super) fn repeat(&mut self, nodes: usize) -> bool {
        self.nodes += nodes;
        self.repeated += nodes;
        self.repeated > 100
            && self.nodes > 1000
            && ratio(self.repeated, self.nodes) > Self::allowed(self.nodes)
    }

    fn allowed(nodes: usize) -> f64 {
        match nodes {
            ..=Self::FEW => 0.99,
            Self::MANY.. => 0.10,
            _ => 0.99 - 0.89 * ratio(nodes - Self::FEW, Self::MANY - Self::FEW),
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(part) / number(whole)
}
