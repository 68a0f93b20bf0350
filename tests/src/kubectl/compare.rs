//! Two transcripts side by side.

use super::transcript::Transcript;
use crate::difference::{Difference, diff};

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
