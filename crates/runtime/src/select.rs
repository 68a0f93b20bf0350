//! Waiting for the first of several futures, asked in the order written.
//!
//! `tokio::select!` starts at a random branch unless told otherwise, from a counter of the whole process: no two runs
//! are alike. Here the first ready branch always wins; write the one that must not starve first.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Outcome of [`race`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first future ended.
    Left(A),
    /// The second future ended, and the first was not ready.
    Right(B),
}

/// Waits for the first of two futures and drops the other. If both are ready, `first` wins.
pub async fn race<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let mut first = pin!(first);
    let mut second = pin!(second);
    poll_fn(|context| {
        if let Poll::Ready(output) = first.as_mut().poll(context) {
            return Poll::Ready(Either::Left(output));
        }
        second.as_mut().poll(context).map(Either::Right)
    })
    .await
}

/// The future itself, or one that never ends.
pub async fn when<F: Future>(condition: bool, future: F) -> F::Output {
    if condition {
        future.await
    } else {
        std::future::pending().await
    }
}

/// Waits for the first of several futures: `pattern = future, if condition => body,` for each, with a comma after
/// every body. Patterns must always match. The bodies run in the surrounding function, so that they may `break`,
/// `continue` and `return`; the other futures are dropped before.
#[macro_export]
macro_rules! select {
    (@race $pattern:pat = $future:expr, if $condition:expr => $body:expr $(,)?) => {
        $crate::select::when($condition, $future)
    };
    (@race $pattern:pat = $future:expr => $body:expr $(,)?) => {
        $future
    };
    (@race $pattern:pat = $future:expr, if $condition:expr => $body:expr, $($rest:tt)+) => {
        $crate::select::race($crate::select::when($condition, $future), $crate::select!(@race $($rest)+))
    };
    (@race $pattern:pat = $future:expr => $body:expr, $($rest:tt)+) => {
        $crate::select::race($future, $crate::select!(@race $($rest)+))
    };
    (@bodies $output:ident; $pattern:pat = $future:expr $(, if $condition:expr)? => $body:expr $(,)?) => {{
        let $pattern = $output;
        $body
    }};
    (@bodies $output:ident; $pattern:pat = $future:expr $(, if $condition:expr)? => $body:expr, $($rest:tt)+) => {
        match $output {
            $crate::select::Either::Left($pattern) => $body,
            $crate::select::Either::Right(other) => $crate::select!(@bodies other; $($rest)+),
        }
    };
    ($($branches:tt)+) => {{
        let output = $crate::select!(@race $($branches)+).await;
        $crate::select!(@bodies output; $($branches)+)
    }};
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::executor::block_on;

    async fn chosen(first: bool) -> &'static str {
        crate::select! {
            () = pending() => "never",
            number = ready(1), if first => if number == 1 { "first" } else { "wrong" },
            text = ready("second") => text,
            () = ready(()) => "late",
        }
    }

    #[test]
    fn the_first_ready_branch_whose_condition_holds_wins() {
        assert_eq!(
            [block_on(chosen(true)), block_on(chosen(false))],
            ["first", "second"]
        );
    }
}
