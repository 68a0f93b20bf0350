//! What one side printed and the other didn't.

use std::fmt;

/// One line that only one side has, under its command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The command, or for requests area, method and target.
    pub command: String,
    /// `-` and a line of theirs, or `+` and a line of ours.
    pub line: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$ {}\n    {}", self.command, self.line)
    }
}

/// A table of more places than this is not made for two texts.
const LARGEST: usize = 4 << 20;
/// More differences than this are not looked for: the texts have nothing to do with each other.
const MOST: usize = 3000;

/// Lines of one side only, by the longest common subsequence: `-` and a line of theirs, `+` and a line of ours.
pub fn diff<T: AsRef<str>>(theirs: &[T], ours: &[T]) -> Vec<String> {
    let same = |(a, b): &(&T, &T)| a.as_ref() == b.as_ref();
    let start = theirs.iter().zip(ours).take_while(same).count();
    let (theirs, ours) = (&theirs[start..], &ours[start..]);
    let end = theirs.iter().rev().zip(ours.iter().rev());
    let end = end.take_while(same).count();
    let (theirs, ours) = (&theirs[..theirs.len() - end], &ours[..ours.len() - end]);
    if (theirs.len() + 1) * (ours.len() + 1) > LARGEST {
        return few_in_many(theirs, ours);
    }
    common_table(theirs, ours)
}

fn common_table<T: AsRef<str>>(theirs: &[T], ours: &[T]) -> Vec<String> {
    let (rows, columns) = (theirs.len(), ours.len());
    let mut common = vec![vec![0usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            common[row][column] = if theirs[row].as_ref() == ours[column].as_ref() {
                common[row + 1][column + 1] + 1
            } else {
                common[row + 1][column].max(common[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut lines = Vec::new();
    while row < rows || column < columns {
        if row < rows && column < columns && theirs[row].as_ref() == ours[column].as_ref() {
            (row, column) = (row + 1, column + 1);
        } else if column == columns
            || (row < rows && common[row + 1][column] >= common[row][column + 1])
        {
            lines.push(format!("-{}", theirs[row].as_ref()));
            row += 1;
        } else {
            lines.push(format!("+{}", ours[column].as_ref()));
            column += 1;
        }
    }
    lines
}

/// The same for long texts with few differences, by E. Myers' way along the diagonals: after `d` differences, how far
/// each diagonal is reached.
fn few_in_many<T: AsRef<str>>(theirs: &[T], ours: &[T]) -> Vec<String> {
    let all = || {
        let theirs = theirs.iter().map(|line| format!("-{}", line.as_ref()));
        let ours = ours.iter().map(|line| format!("+{}", line.as_ref()));
        theirs.chain(ours).collect()
    };
    // `reached[d]` is of the diagonals (row minus column) from -d to d; two more for its neighbours.
    let mut reached: Vec<Vec<usize>> = Vec::new();
    for d in 0..=MOST {
        let mut here = vec![0; 2 * d + 1];
        for at in (0..=2 * d).step_by(2) {
            let mut row = if d == 0 {
                0
            } else {
                step(&reached[d - 1], d, at).0
            };
            // row - column = at - d
            let mut column = row + d - at;
            while row < theirs.len()
                && column < ours.len()
                && theirs[row].as_ref() == ours[column].as_ref()
            {
                (row, column) = (row + 1, column + 1);
            }
            here[at] = row;
            if row >= theirs.len() && column >= ours.len() {
                reached.push(here);
                return walked_back(theirs, ours, &reached, at);
            }
        }
        reached.push(here);
    }
    all()
}

/// Where difference `d` leads to on diagonal `at`, and whether it is a line of theirs.
fn step(before: &[usize], d: usize, at: usize) -> (usize, bool) {
    // Diagonal `at` of `d` lies between `at - 2` and `at` of `d - 1`.
    let from_above = at.checked_sub(2).map(|below| before[below] + 1);
    let from_left = (at <= 2 * (d - 1)).then(|| before[at]);
    match (from_above, from_left) {
        (Some(theirs), Some(ours)) if theirs > ours => (theirs, true),
        (_, Some(ours)) => (ours, false),
        (Some(theirs), None) => (theirs, true),
        (None, None) => (0, false),
    }
}

fn walked_back<T: AsRef<str>>(
    theirs: &[T],
    ours: &[T],
    reached: &[Vec<usize>],
    mut at: usize,
) -> Vec<String> {
    let mut lines = Vec::new();
    for d in (1..reached.len()).rev() {
        let (row, of_theirs) = step(&reached[d - 1], d, at);
        if of_theirs {
            let line = theirs.get(row - 1).map_or("", AsRef::as_ref);
            lines.push(format!("-{line}"));
            at -= 2;
        } else {
            let line = ours.get(row + d - at - 1).map_or("", AsRef::as_ref);
            lines.push(format!("+{line}"));
        }
    }
    lines.reverse();
    lines
}

#[test]
fn only_lines_of_one_side_are_differences() {
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        diff(&lines("a b c d"), &lines("a x c d e")),
        ["-b", "+x", "+e"]
    );
    assert_eq!(diff(&lines("a b b c"), &lines("a b c")), ["-b"]);
    assert_eq!(diff(&lines("a b"), &lines("a b")), Vec::<String>::new());
}

#[test]
fn few_differences_of_long_texts_are_found_without_a_table_of_both() {
    let theirs: Vec<String> = (0..30_000).map(|number| number.to_string()).collect();
    let mut ours = theirs.clone();
    ours[7] = "x".to_owned();
    ours.remove(15_000);
    ours.insert(29_990, "y".to_owned());
    let mut found = diff(&theirs, &ours);
    found.sort_unstable();
    assert_eq!(found, ["+x", "+y", "-15000", "-7"]);
    let small = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
    for (theirs, ours) in [
        ("abcabba", "cbabac"),
        ("abc", ""),
        ("", "abc"),
        ("abc", "abc"),
    ] {
        let (theirs, ours) = (small(theirs), small(ours));
        let (short, long) = (few_in_many(&theirs, &ours), common_table(&theirs, &ours));
        assert_eq!(short.len(), long.len(), "{short:?} {long:?}");
    }
}
