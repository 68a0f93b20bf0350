//! `lint -f FILE`: would this Rollout be refused?

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::{fail, manifests, message, print};

#[derive(Args)]
pub struct LintArgs {
    /// File to lint
    #[arg(short, long, value_name = "FILE")]
    filename: PathBuf,
}

impl LintArgs {
    pub fn run(&self) -> Result<()> {
        let text = manifests::text_of(&self.filename)?;
        let problems = rollouts::validation::lint::lint(&text);
        for note in rollouts::validation::lint::unsupported(&text) {
            message(&format!("warning: {note}"));
        }
        for problem in &problems {
            print(&format!("{}\n", problem.body()))?;
        }
        match problems.first() {
            Some(first) => fail(first.to_string()),
            None => Ok(()),
        }
    }
}
