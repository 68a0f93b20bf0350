//! Where text goes, and how errors look.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Result;
use rollouts::info::Painter;

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

/// Colour as upstream has it, but none where it is switched `off`, where `NO_COLOR` or a dumb terminal ask for none, or
/// where nobody would see it.
pub fn painter(off: bool) -> Painter {
    let plain = off
        || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
        || !std::io::stdout().is_terminal();
    if plain {
        Painter::PLAIN
    } else {
        Painter::COLOURED
    }
}
