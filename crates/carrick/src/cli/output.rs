//! Where text goes, and how errors look.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Result;

/// Writes data to standard output. A reader that went away ends the program quietly, as with other tools.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Writes a message to standard error. There is nobody to tell if that fails.
pub fn message(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// An error that is only its text.
pub fn fail<T>(text: impl Into<String>) -> Result<T> {
    Err(anyhow::Error::msg(text.into()))
}

/// `Error: TEXT`, with what caused it, and exit code 1.
pub fn report(error: &anyhow::Error) -> ExitCode {
    message(&format!("Error: {error:#}"));
    ExitCode::FAILURE
}

/// Help goes to standard output; wrong usage to standard error with exit code 1, as cobra's tools do.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
