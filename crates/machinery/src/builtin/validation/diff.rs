//! Unified diffs as Go's `difflib.GetUnifiedDiffString` with three lines of context writes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

const CONTEXT: usize = 3;
/// Lines of both texts beyond which nobody looks for what they have in common: that takes the square of their number.
const MOST_LINES: usize = 20_000;

/// A run of lines: equal in both texts, or replaced (possibly by nothing).
struct Block {
    equal: bool,
    old: std::ops::Range<usize>,
    new: std::ops::Range<usize>,
}

/// The diff between two texts; empty when they are equal. File names are not printed.
pub fn unified(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old, new) = (lines(old), lines(new));
    let mut out = String::new();
    for group in grouped(blocks(&old, &new)) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let (from, to) = (first.old.start..last.old.end, first.new.start..last.new.end);
        let _ = writeln!(out, "@@ -{} +{} @@", range(&from), range(&to));
        for block in &group {
            if block.equal {
                write(&mut out, ' ', &old, &block.old);
            } else {
                write(&mut out, '-', &old, &block.old);
                write(&mut out, '+', &new, &block.new);
            }
        }
    }
    out
}

/// Lines with their newline; the last gets one too, as `difflib.SplitLines` does it.
fn lines(text: &str) -> Vec<String> {
    text.split('\n').map(|line| format!("{line}\n")).collect()
}

fn write(out: &mut String, mark: char, lines: &[String], range: &std::ops::Range<usize>) {
    for line in lines.get(range.clone()).unwrap_or_default() {
        out.push(mark);
        out.push_str(line);
    }
}

fn range(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        1 => (range.start + 1).to_string(),
        0 => format!("{},0", range.start),
        length => format!("{},{length}", range.start + 1),
    }
}

/// Blocks that cover both texts, from the longest common runs found recursively.
fn blocks(old: &[String], new: &[String]) -> Vec<Block> {
    let mut matches = Vec::new();
    let mut pending = Vec::new();
    if old.len() + new.len() <= MOST_LINES {
        pending.push((0..old.len(), 0..new.len()));
    }
    let places = places(new);
    while let Some((o, n)) = pending.pop() {
        if let Some((i, j, length)) = longest((old, new), &places, &o, &n) {
            pending.push((o.start..i, n.start..j));
            pending.push((i + length..o.end, j + length..n.end));
            matches.push((i, j, length));
        }
    }
    matches.sort_unstable();
    let mut blocks = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (o, n, length) in matches.into_iter().chain([(old.len(), new.len(), 0)]) {
        if i < o || j < n {
            blocks.push(Block {
                equal: false,
                old: i..o,
                new: j..n,
            });
        }
        (i, j) = (o + length, n + length);
        if length > 0 {
            blocks.push(Block {
                equal: true,
                old: o..i,
                new: n..j,
            });
        }
    }
    join(blocks)
}

/// Neighbouring equal runs become one.
fn join(blocks: Vec<Block>) -> Vec<Block> {
    let mut joined: Vec<Block> = Vec::new();
    for block in blocks {
        match joined.last_mut() {
            Some(last) if last.equal && block.equal => {
                last.old.end = block.old.end;
                last.new.end = block.new.end;
            }
            _ => joined.push(block),
        }
    }
    joined
}

/// Where each line is in a text. Lines that fill more than one percent of a long one are left out: they don't start a run
/// (difflib's `autojunk`), but extend one.
fn places(text: &[String]) -> BTreeMap<&str, Vec<usize>> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, line) in text.iter().enumerate() {
        places.entry(line).or_default().push(index);
    }
    if text.len() >= 200 {
        places.retain(|_, places| places.len() <= text.len() / 100 + 1);
    }
    places
}

/// The longest common run, the earliest in the old text, then in the new one.
fn longest(
    (old, new): (&[String], &[String]),
    places: &BTreeMap<&str, Vec<usize>>,
    o: &std::ops::Range<usize>,
    n: &std::ops::Range<usize>,
) -> Option<(usize, usize, usize)> {
    let mut best = (o.start, n.start, 0);
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    for i in o.clone() {
        let mut next = BTreeMap::new();
        let Some(line) = old.get(i) else { continue };
        let places = places.get(line.as_str()).map_or(&[][..], Vec::as_slice);
        let from = places.partition_point(|place| *place < n.start);
        let within = places.iter().skip(from).take_while(|place| **place < n.end);
        for &j in within {
            let length = j
                .checked_sub(1)
                .and_then(|before| lengths.get(&before))
                .copied()
                .unwrap_or(0)
                + 1;
            next.insert(j, length);
            if length > best.2 {
                best = (i + 1 - length, j + 1 - length, length);
            }
        }
        lengths = next;
    }
    let (mut i, mut j, mut length) = best;
    while i > o.start && j > n.start && old.get(i - 1) == new.get(j - 1) {
        (i, j, length) = (i - 1, j - 1, length + 1);
    }
    while i + length < o.end && j + length < n.end && old.get(i + length) == new.get(j + length) {
        length += 1;
    }
    (length > 0).then_some((i, j, length))
}

/// Changes with their context, split where more than twice the context is equal.
fn grouped(mut blocks: Vec<Block>) -> Vec<Vec<Block>> {
    if let Some(first) = blocks.first_mut().filter(|block| block.equal) {
        first.old.start = first.old.start.max(first.old.end.saturating_sub(CONTEXT));
        first.new.start = first.new.start.max(first.new.end.saturating_sub(CONTEXT));
    }
    if let Some(last) = blocks.last_mut().filter(|block| block.equal) {
        last.old.end = last.old.end.min(last.old.start + CONTEXT);
        last.new.end = last.new.end.min(last.new.start + CONTEXT);
    }
    let mut groups = vec![Vec::new()];
    for block in blocks {
        let mut rest = None;
        let mut block = block;
        if block.equal && block.old.len() > 2 * CONTEXT {
            rest = Some(Block {
                equal: true,
                old: block.old.end - CONTEXT..block.old.end,
                new: block.new.end - CONTEXT..block.new.end,
            });
            block.old.end = block.old.start + CONTEXT;
            block.new.end = block.new.start + CONTEXT;
        }
        if let Some(group) = groups.last_mut() {
            group.push(block);
        }
        if let Some(rest) = rest {
            groups.push(vec![rest]);
        }
    }
    groups.retain(|group| group.iter().any(|block| !block.equal));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_shows_three_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9";
        let new = old.replace('5', "five");
        assert_eq!(
            unified(old, &new),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn very_long_texts_are_replaced_as_a_whole() {
        let old = "a\n".repeat(MOST_LINES / 2);
        let diff = unified(&old, &format!("{old}b"));
        assert!(
            diff.starts_with("@@ -1,10001 +1,10001 @@\n-a\n"),
            "{}",
            &diff[..40]
        );
        assert_eq!(diff.lines().count(), 1 + 2 * 10_001);
        assert_eq!(unified(&old, &old), "");
    }

    #[test]
    fn distant_changes_are_separate_hunks_and_equal_texts_have_none() {
        let old: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
        let mut new = old.clone();
        new[1] = "b".to_owned();
        new.remove(17);
        let expected = "@@ -1,5 +1,5 @@\n 1\n-2\n+b\n 3\n 4\n 5\n@@ -15,6 +15,5 @@\n 15\n 16\n 17\n-18\n 19\n 20\n";
        assert_eq!(unified(&old.join("\n"), &new.join("\n")), expected);
        assert_eq!(unified("a\nb", "a\nb"), "");
    }
}
