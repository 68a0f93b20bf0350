//! `carrick rollouts …`, which is also `kubectl argo rollouts …`: upstream's commands, flags and text.

mod get;
mod lint;
mod list;
pub mod objects;
mod set_image;
mod status;
mod steer;
mod undo;
mod version;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use super::Connection;

/// The same commands under the plugin's name.
#[derive(Parser)]
#[command(
    name = "kubectl-argo-rollouts",
    bin_name = "kubectl argo rollouts",
    about = "This command consists of multiple subcommands which can be used to manage Argo Rollouts",
    args_override_self = true
)]
pub struct Plugin {
    /// What to do.
    #[command(flatten)]
    pub rollouts: Rollouts,
}

/// Look at Rollouts and steer them.
#[derive(Args)]
pub struct Rollouts {
    #[command(flatten)]
    connection: Connection,
    /// Log level for kubernetes client library
    #[arg(short = 'v', long = "kloglevel", global = true, default_value_t = 0)]
    kloglevel: u8,
    /// Log level for kubectl argo rollouts
    #[arg(long, global = true, default_value = "info")]
    loglevel: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Get details about rollouts and experiments
    #[command(subcommand)]
    Get(get::Get),
    /// List rollouts or experiments
    #[command(subcommand)]
    List(list::List),
    /// Show the status of a rollout
    Status(status::StatusArgs),
    /// Update various values on resources
    #[command(subcommand)]
    Set(set_image::Set),
    /// Promote a rollout
    Promote(steer::PromoteArgs),
    /// Abort a rollout
    Abort(steer::Names),
    /// Retry a rollout
    #[command(subcommand)]
    Retry(steer::Retry),
    /// Pause a rollout
    Pause(steer::Names),
    /// Restart the pods of a rollout
    Restart(steer::RestartArgs),
    /// Undo a rollout
    Undo(undo::UndoArgs),
    /// Lint and validate a Rollout
    Lint(lint::LintArgs),
    /// Print version
    Version(version::VersionArgs),
}

impl Rollouts {
    /// Carries out the command.
    pub fn run(self) -> Result<()> {
        let connection = self.connection;
        let talk = async {
            let objects = || objects::Objects::connect(&connection);
            match self.command {
                Command::Get(get) => get.run(&objects().await?).await,
                Command::List(list) => list.run(&objects().await?).await,
                Command::Status(args) => args.run(&objects().await?).await,
                Command::Set(set) => set.run(&objects().await?).await,
                Command::Promote(args) => args.run(&objects().await?).await,
                Command::Abort(names) => steer::abort(&names, &objects().await?).await,
                Command::Retry(retry) => retry.run(&objects().await?).await,
                Command::Pause(names) => steer::pause(&names, &objects().await?).await,
                Command::Restart(args) => args.run(&objects().await?).await,
                Command::Undo(args) => args.run(&objects().await?).await,
                Command::Lint(args) => args.run(),
                Command::Version(args) => args.run(),
            }
        };
        super::block_on(talk)
    }
}
