//! From the least to the most: of sizes, and of costs (`cel-go/checker/cost.go`, `SizeEstimate` and `CostEstimate`).

/// Two bounds; the largest number stands for what is larger still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
}

impl Range {
    /// Anything.
    pub(super) const UNKNOWN: Self = Self::new(0, u64::MAX);
    /// What contains nothing, to be widened.
    pub(super) const NONE: Self = Self::new(u64::MAX, 0);

    /// These bounds.
    pub(super) const fn new(min: u64, max: u64) -> Self {
        Self { min, max }
    }

    /// Exactly that.
    pub(super) const fn fixed(value: u64) -> Self {
        Self::new(value, value)
    }

    /// The sum.
    pub(super) fn add(self, other: Self) -> Self {
        Self::new(
            self.min.saturating_add(other.min),
            self.max.saturating_add(other.max),
        )
    }

    /// The product.
    pub(super) fn times(self, other: Self) -> Self {
        Self::new(
            self.min.saturating_mul(other.min),
            self.max.saturating_mul(other.max),
        )
    }

    /// The product with a factor, rounded up.
    pub(super) fn by(self, factor: f64) -> Self {
        Self::new(scaled(self.min, factor), scaled(self.max, factor))
    }

    /// What contains both.
    pub(super) fn or(self, other: Self) -> Self {
        Self::new(self.min.min(other.min), self.max.max(other.max))
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "estimates are made of floats, and a cast to u64 stops at its bounds"
)]
fn scaled(value: u64, factor: f64) -> u64 {
    (value as f64 * factor).ceil() as u64
}

#[test]
fn what_is_too_much_is_the_most() {
    assert_eq!(Range::UNKNOWN.add(Range::fixed(1)).max, u64::MAX);
    assert_eq!(Range::UNKNOWN.times(Range::fixed(2)).max, u64::MAX);
    assert_eq!(Range::UNKNOWN.by(2.0).max, u64::MAX);
    assert_eq!(Range::new(0, 11).by(0.1), Range::new(0, 2));
}
