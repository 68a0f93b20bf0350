//! Where text goes, and how errors look.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue};
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

/// The flag of upstream's operator and webhooks that says where they listen.
pub const LISTEN_ADDRESS: &str = "`--web.listen-address`";

/// What controllers ended with; where somebody else has the address, with the flags that choose another one.
pub fn ended(error: runtime::Error, flags: &str) -> anyhow::Error {
    if matches!(error, runtime::Error::Listen { .. }) {
        anyhow::anyhow!("{error} with {flags}")
    } else {
        error.into()
    }
}

/// `Error: TEXT`, with what caused it, then the hints, and exit code 1.
pub fn report(error: &anyhow::Error) -> ExitCode {
    message(&explained(error.chain().map(ToString::to_string)));
    ExitCode::FAILURE
}

/// An error and its causes in one line, each said once, and below it a line for each hint.
fn explained(chain: impl Iterator<Item = String>) -> String {
    const HINT: &str = "\nhint: ";
    let mut text = "Error".to_owned();
    let mut hints = Vec::new();
    for cause in chain {
        let (cause, hint) = cause.split_once(HINT).unwrap_or((&cause, ""));
        if !text.contains(cause) {
            text.push_str(": ");
            text.push_str(cause);
        }
        hints.extend((!hint.is_empty()).then(|| hint.to_owned()));
    }
    if text.contains("client error (Connect)") {
        hints.push(
            "is the API server of the kubeconfig up? `carrick up` starts one on this computer"
                .to_owned(),
        );
    }
    for hint in hints {
        text.push_str(HINT);
        text.push_str(&hint);
    }
    text
}

#[test]
fn every_cause_is_said_once_and_hints_come_last() {
    let chain = [
        "cannot listen: address in use\nhint: take another",
        "address in use",
        "os error 98",
    ];
    assert_eq!(
        explained(chain.into_iter().map(str::to_owned)),
        "Error: cannot listen: address in use: os error 98\nhint: take another"
    );
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

/// Runs a command of upstream's that reads its arguments with Go's `flag`: wrong usage is told with all flags, and ends with
/// exit code 2.
pub fn as_go<T>(
    read: Result<T, clap::Error>,
    command: impl FnOnce() -> clap::Command,
    run: impl FnOnce(T) -> Result<()>,
) -> ExitCode {
    const WRONG_USAGE: u8 = 2;
    let mut error = match read.map(run) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => return report(&error),
        Err(error) if !error.use_stderr() => return usage(&error),
        Err(error) => error,
    };
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag))
            if error.kind() == clap::error::ErrorKind::UnknownArgument =>
        {
            let name = flag.trim_start_matches('-');
            let name = name.split('=').next().unwrap_or_default();
            let command = command();
            let called = command.get_name().to_owned();
            let flags = command.disable_help_flag(true).render_long_help();
            message(&format!(
                "flag provided but not defined: -{name}\nUsage of {called}:\n{flags}"
            ));
        }
        _ => {
            // Nothing after `--` would be a flag either.
            error.remove(ContextKind::Suggested);
            let _ = error.print();
        }
    }
    ExitCode::from(WRONG_USAGE)
}

/// Colour as upstream has it, but none where it is switched `off` or where nobody would see it.
pub fn painter(off: bool) -> Painter {
    if off || !shows_colour(&std::io::stdout()) {
        Painter::PLAIN
    } else {
        Painter::COLOURED
    }
}

/// Whether colour is seen on `stream`: not in a file or pipe, and not where `NO_COLOR` or a dumb terminal ask for none.
pub fn shows_colour(stream: &impl IsTerminal) -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        && stream.is_terminal()
}
