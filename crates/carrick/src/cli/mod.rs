//! The commands, one file each. Data goes to standard output, messages and errors to standard error.

mod admission_webhook;
mod certificate;
mod config_reloader;
mod connection;
mod container;
mod crds;
mod example_server;
mod install;
mod log;
mod manifests;
mod monitoring;
mod operator;
mod output;
mod plan;
mod rollouts;
mod run;
mod up;
mod upstream_flags;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser, Subcommand};

pub use connection::Connection;
pub use output::{LISTEN_ADDRESS, ended, fail, message, painter, print};
pub use rollouts::objects::{Objects, create_or_merge};

/// Version of this build.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

#[derive(Parser)]
#[command(
    name = "carrick",
    version = VERSION,
    about = "Ships applications to Kubernetes clusters safely and watches them; a simulated Kubernetes to try it on is built in",
    args_override_self = true // as pflag has it: the last one counts
)]
struct Carrick {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a whole platform on this computer: a simulated Kubernetes with Carrick's controllers
    Up(up::UpArgs),
    /// Run the controllers against a Kubernetes
    Run(Box<run::RunArgs>),
    /// Print the custom resource definitions
    Crds,
    /// Print what installs a product into a Kubernetes
    Install(install::InstallArgs),
    /// Print the rights a product's controllers use, for their ServiceAccount
    Rbac(install::RbacArgs),
    /// Print what the controllers would do now
    Plan(plan::PlanArgs),
    /// Answer the webhooks of monitoring, without a Kubernetes; with the flags of upstream's program, which it prints with --help
    #[command(name = "admission-webhook", disable_help_flag = true)]
    AdmissionWebhook(config_reloader::ReloaderArgs),
    /// Look at monitoring without a cluster: configuration files, mistakes
    Monitoring(monitoring::Monitoring),
    /// Put variables into a configuration, watch it, and make Prometheus or Alertmanager read it again
    #[command(disable_help_flag = true)]
    Reloader(config_reloader::ReloaderArgs),
    /// Look at Rollouts and steer them
    Rollouts(rollouts::Rollouts),
    /// Become a program that ends with the process that started it
    #[command(hide = true)]
    Container(container::ContainerArgs),
    /// Serve one page: the program of image carrick.dev/examples/hello
    #[command(hide = true)]
    ExampleServer(example_server::ExampleServerArgs),
}

/// Carries out the command that the arguments name. Called as `kubectl-argo-rollouts`, `rollouts-controller`, `operator`,
/// `admission-webhook` or `prometheus-config-reloader`, that program's.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let path = args.first().map(Path::new);
    let called = path.and_then(Path::file_name).unwrap_or_default();
    match called.to_str() {
        Some("prometheus-config-reloader") => config_reloader::main(args.into_iter().skip(1)),
        Some("operator") => run_operator(args),
        Some("admission-webhook") => run_webhooks(args),
        Some("kubectl-argo-rollouts") => {
            let read = rollouts::Plugin::try_parse_from(args);
            finished(read.map(|plugin| plugin.rollouts.run().map(|()| ExitCode::SUCCESS)))
        }
        // Upstream's image starts its controller with nothing but flags.
        Some("rollouts-controller") => {
            let command = ["carrick", "run"].map(OsString::from).into_iter();
            run_command(command.chain(args.into_iter().skip(1)).collect())
        }
        Some(_) | None => run_command(args),
    }
}

fn run_command(args: Vec<OsString>) -> ExitCode {
    if let Some(args) = operator::asked_for(&args) {
        return run_operator(args);
    }
    if let Some(args) = admission_webhook::asked_for(&args) {
        return run_webhooks(args);
    }
    let read = Carrick::try_parse_from(args);
    let done = read.map(|carrick| carrick.command.run());
    finished(done.map_err(without_hidden))
}

fn finished(result: Result<Result<ExitCode>, clap::Error>) -> ExitCode {
    match result {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => output::report(&error),
        Err(usage) => output::usage(&usage),
    }
}

fn run_operator(args: Vec<OsString>) -> ExitCode {
    let read = operator::Operator::read(args);
    output::as_go(read, operator::Operator::command, operator::Operator::run)
}

fn run_webhooks(args: Vec<OsString>) -> ExitCode {
    use admission_webhook::AdmissionWebhook;
    let read = AdmissionWebhook::read(args);
    output::as_go(read, AdmissionWebhook::command, AdmissionWebhook::run)
}

/// What usage calls a command of this program that is read as a program of its own.
fn called(program: &OsStr, command: &str) -> OsString {
    let mut called = Path::new(program)
        .file_name()
        .unwrap_or_default()
        .to_owned();
    called.push(" ");
    called.push(command);
    called
}

/// Wrong usage without the advice to use a command that nobody is to know.
fn without_hidden(mut error: clap::Error) -> clap::Error {
    let command = Carrick::command();
    let hidden = |name: &String| {
        let found = command.find_subcommand(name);
        found.is_some_and(clap::Command::is_hide_set)
    };
    let suggested = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::String(name)) => vec![name.clone()],
        Some(ContextValue::Strings(names)) => names.clone(),
        _ => return error,
    };
    if suggested.iter().any(hidden) {
        let rest: Vec<String> = suggested.into_iter().filter(|name| !hidden(name)).collect();
        if rest.is_empty() {
            error.remove(ContextKind::SuggestedSubcommand);
        } else {
            let rest = ContextValue::Strings(rest);
            error.insert(ContextKind::SuggestedSubcommand, rest);
        }
    }
    error
}

impl Command {
    fn run(self) -> Result<ExitCode> {
        let done = match self {
            // It has exit codes of its own.
            Self::Reloader(args) => return Ok(config_reloader::main(args.flags)),
            Self::Up(args) => args.run(),
            Self::Run(args) => args.run(),
            Self::Crds => crds::run(),
            Self::Install(args) => args.run(),
            Self::Rbac(args) => args.run(),
            Self::Plan(args) => args.run(),
            // That is read before, see `admission_webhook::asked_for`.
            Self::AdmissionWebhook(_) => fail("admission-webhook must be the first argument"),
            Self::Monitoring(monitoring) => monitoring.run(),
            Self::Rollouts(rollouts) => rollouts.run(),
            Self::Container(args) => args.run(),
            Self::ExampleServer(args) => args.run(),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}

/// A namespace that a server could have.
fn namespace(text: &str) -> Result<String, String> {
    match machinery::names::dns1123_label(text).first() {
        None => Ok(text.to_owned()),
        Some(why) => Err(format!("it can be no namespace: {why}")),
    }
}

/// A runtime with one thread: nothing in Carrick needs more.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
}

#[test]
fn nobody_is_led_to_a_command_for_processes() {
    for (typo, advice) in [("contaner", None), ("monitring", Some("'monitoring'"))] {
        let Err(error) = Carrick::try_parse_from(["carrick", typo]) else {
            panic!("{typo} is a command");
        };
        let text = without_hidden(error).to_string();
        assert!(!text.contains("'container'"), "{text}");
        assert!(advice.is_none_or(|advice| text.contains(advice)), "{text}");
    }
}
