//! `select!` whose branches are polled in the order written.

/// `tokio::select!` in biased mode: the first ready branch wins, so that runs repeat themselves. Write the branch
/// that must not starve first.
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => {
        $crate::select::tokio_select! { biased; $($branches)* }
    };
}

pub use tokio::select as tokio_select;
