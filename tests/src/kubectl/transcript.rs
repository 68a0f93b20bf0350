//! A recorded session: `$ COMMAND`, then what it printed, line by line; a line that begins with `2> ` was on standard
//! error, `exit N` is an exit code other than 0.

use std::fmt;

/// One command and what came of it, masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The shell command.
    pub(super) command: String,
    /// Standard output, standard error, exit code.
    pub(super) lines: Vec<String>,
}

/// A whole session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transcript {
    /// Version of the client.
    pub(super) version: String,
    /// In order.
    pub(super) answers: Vec<Answer>,
}

const CLIENT: &str = "# kubectl ";

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{CLIENT}{}", self.version)?;
        for answer in &self.answers {
            writeln!(f, "\n$ {}", answer.command)?;
            for line in &answer.lines {
                writeln!(f, "| {line}")?;
            }
        }
        Ok(())
    }
}

impl Transcript {
    /// Reads what `Display` wrote.
    pub(super) fn parse(text: &str) -> Self {
        let mut transcript = Self {
            version: String::new(),
            answers: Vec::new(),
        };
        for line in text.lines() {
            if let Some(version) = line.strip_prefix(CLIENT) {
                version.clone_into(&mut transcript.version);
            } else if let Some(command) = line.strip_prefix("$ ") {
                transcript.answers.push(Answer {
                    command: command.to_owned(),
                    lines: Vec::new(),
                });
            } else if let (Some(line), Some(answer)) =
                (line.strip_prefix("| "), transcript.answers.last_mut())
            {
                answer.lines.push(line.to_owned());
            }
        }
        transcript
    }
}

#[test]
fn a_transcript_is_read_as_it_was_written() {
    let transcript = Transcript {
        version: "v1".to_owned(),
        answers: vec![
            Answer {
                command: "kubectl get a".to_owned(),
                lines: vec![String::new(), "| x  ".to_owned(), "exit 1".to_owned()],
            },
            Answer {
                command: "true".to_owned(),
                lines: Vec::new(),
            },
        ],
    };
    assert_eq!(Transcript::parse(&transcript.to_string()), transcript);
}
