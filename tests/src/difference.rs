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

/// Lines of one side only, by the longest common subsequence: `-` and a line of theirs, `+` and a line of ours.
pub fn diff<T: AsRef<str>>(theirs: &[T], ours: &[T]) -> Vec<String> {
    let same = |(a, b): &(&T, &T)| a.as_ref() == b.as_ref();
    let start = theirs.iter().zip(ours).take_while(same).count();
    let (theirs, ours) = (&theirs[start..], &ours[start..]);
    let end = theirs.iter().rev().zip(ours.iter().rev());
    let end = end.take_while(same).count();
    let (theirs, ours) = (&theirs[..theirs.len() - end], &ours[..ours.len() - end]);
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
