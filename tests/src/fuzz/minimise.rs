//! The smallest input with the same problem, found by leaving things out.

use super::search::greedy;
use super::{Problem, Target, feed};

/// Most attempts.
const ATTEMPTS: usize = 3000;

/// Leaves out what the problem doesn't need, in pieces of halving size; then makes bytes plain.
pub fn minimise(target: &mut dyn Target, input: &[u8], problem: &Problem) -> Vec<u8> {
    let mut attempts = 0;
    let mut still = |candidate: &[u8]| {
        attempts += 1;
        // Slow inputs are slow to minimise.
        let most = if matches!(problem, Problem::Slow(_) | Problem::Memory(_)) {
            30
        } else {
            ATTEMPTS
        };
        if attempts > most {
            return false;
        }
        let found = match problem {
            Problem::Memory(_) => greedy(target, candidate),
            Problem::Panic(_) | Problem::Law(_) | Problem::Slow(_) => feed(target, candidate).err(),
        };
        found.is_some_and(|other| problem.is_like(&other))
    };
    let mut smallest = input.to_vec();
    let mut size = smallest.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < smallest.len() {
            let end = (at + size).min(smallest.len());
            let candidate = [&smallest[..at], &smallest[end..]].concat();
            if still(&candidate) {
                smallest = candidate;
            } else {
                at = end;
            }
        }
        size /= 2;
    }
    for at in 1..smallest.len() {
        let mut candidate = smallest.clone();
        candidate[at] = b'a';
        if candidate != smallest && still(&candidate) {
            smallest = candidate;
        }
    }
    smallest
}
