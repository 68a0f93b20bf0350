//! Two transcripts side by side.

use std::fmt;

use super::transcript::Transcript;

/// One line that only one side has, under its command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The command.
    pub(super) command: String,
    /// `-` and a line of theirs, or `+` and a line of ours.
    pub(super) line: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$ {}\n    {}", self.command, self.line)
    }
}

/// All differences between what was recorded and what we saw.
pub(super) fn differences(theirs: &Transcript, ours: &Transcript) -> Vec<Difference> {
    let mut all = Vec::new();
    if theirs.version != ours.version {
        all.push(Difference {
            command: "kubectl version --client".to_owned(),
            line: format!("+{}, recorded with {}", ours.version, theirs.version),
        });
    }
    for index in 0..theirs.answers.len().max(ours.answers.len()) {
        match (theirs.answers.get(index), ours.answers.get(index)) {
            (Some(theirs), Some(ours)) if theirs.command == ours.command => {
                let lines = diff(&theirs.lines, &ours.lines).into_iter();
                all.extend(lines.map(|line| Difference {
                    command: theirs.command.clone(),
                    line,
                }));
            }
            // From here on the answers belong to different questions.
            (theirs, ours) => {
                let command = theirs.or(ours).map(|answer| answer.command.clone());
                all.push(Difference {
                    command: command.unwrap_or_default(),
                    line: "-the command itself: session.txt has changed since the recording"
                        .to_owned(),
                });
                break;
            }
        }
    }
    all
}

/// Lines of one side only, by the longest common subsequence.
fn diff(theirs: &[String], ours: &[String]) -> Vec<String> {
    let (rows, columns) = (theirs.len(), ours.len());
    let mut common = vec![vec![0usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            common[row][column] = if theirs[row] == ours[column] {
                common[row + 1][column + 1] + 1
            } else {
                common[row + 1][column].max(common[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut lines = Vec::new();
    while row < rows || column < columns {
        if row < rows && column < columns && theirs[row] == ours[column] {
            (row, column) = (row + 1, column + 1);
        } else if column == columns
            || (row < rows && common[row + 1][column] >= common[row][column + 1])
        {
            lines.push(format!("-{}", theirs[row]));
            row += 1;
        } else {
            lines.push(format!("+{}", ours[column]));
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
    assert_eq!(diff(&lines("a b"), &lines("a b")), Vec::<String>::new());
}

#[test]
fn another_script_is_one_difference() {
    let transcript = |commands: [&str; 2]| Transcript {
        version: "v1".to_owned(),
        answers: commands
            .map(|command| super::transcript::Answer {
                command: command.to_owned(),
                lines: vec![command.to_owned()],
            })
            .into(),
    };
    let found = differences(&transcript(["a", "b"]), &transcript(["c", "d"]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].command, "a");
}
