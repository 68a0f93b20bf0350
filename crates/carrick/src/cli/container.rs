//! `carrick container -- PROGRAM …` becomes that program, and dies with the process that started it. For `carrick up`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use anyhow::{Result, anyhow};
use clap::Args;
use rustix::process::{Signal, set_parent_process_death_signal};

/// What to become.
#[derive(Args)]
pub struct ContainerArgs {
    /// The program and its arguments
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

impl ContainerArgs {
    /// Returns only if the program can't be started.
    pub fn run(self) -> Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        let mut parts = self.program.into_iter();
        let program = parts.next().unwrap_or_default();
        let error = std::process::Command::new(&program).args(parts).exec();
        Err(anyhow!(
            "cannot start {}: {error}",
            program.to_string_lossy()
        ))
    }
}
