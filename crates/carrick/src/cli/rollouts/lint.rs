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
        let Some(first) = problems.first() else {
            return if machinery::yaml::parse_documents(&text).is_ok_and(|all| all.is_empty()) {
                manifests::nothing("lint")
            } else {
                Ok(())
            };
        };
        // The first one is the error too: it is said before that only where it says there what it is about.
        let (said, error) = (first.body(), first.to_string());
        let rest = usize::from(said == error);
        for problem in problems.iter().skip(rest) {
            print(&format!("{}\n", problem.body()))?;
        }
        fail(error)
    }
}
