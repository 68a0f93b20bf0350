//! The config-reloader: the init container and the sidecar that puts environment variables into a configuration and
//! tells Prometheus, Alertmanager or Thanos Ruler to read it again when it, or a file in a watched folder, changed.
//!
//! Stands in for upstream's `cmd/prometheus-config-reloader` and the package of Thanos it is made of: same flags, exit
//! codes, metrics. Where to read: `reloader` is what a pass does; what it decides is in `schedule` (when), `targets` (who
//! must be told) and `expand`, which know no clock and no client. It runs once per pod, so it is small: nothing of
//! Kubernetes is in it.

mod client;
mod environment;
mod error;
mod expand;
mod files;
mod flags;
mod log;
mod metrics;
mod normalise;
mod parts;
mod reload;
mod reloader;
mod schedule;
mod server;
mod targets;
mod url;
mod watch;
mod web;

use std::ffi::OsString;
use std::future::Future;
use std::io::Write as _;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use futures::future::{Either, select};
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub use environment::Environment;
pub use error::Error;
pub use flags::{Command, LogOptions, Method, Options, UsageError, parse};
pub use log::{Format, Level, Log};
pub use url::Url;

use crate::metrics::Metrics;
use reloader::Reloader;
use server::Server;

/// Exit code for flags or a web configuration that can't be used.
const MISUSED: u8 = 2;

/// Does what the arguments say, without the name of the program, and tells the exit code: 0 when a signal ended it or all
/// is done, 1 when it failed, 2 when it was called wrongly.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse(arguments) {
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "prometheus-config-reloader: {error}");
            ExitCode::from(MISUSED)
        }
        Ok(Command::Print(text)) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Ok(Command::Run(options)) => start(*options),
    }
}

fn start(options: Options) -> ExitCode {
    let log = Log::to_stderr(options.log, now);
    if let Some(file) = &options.web_config
        && let Err(error) = web::load(file).and_then(|config| config.check())
    {
        log.error(
            "Unable to validate web configuration file",
            &[("err", &error)],
        );
        return ExitCode::from(MISUSED);
    }
    let environment =
        Environment::of_process(std::env::vars_os()).with_ordinal_from(&options.ordinal_from);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ran = match runtime {
        Ok(runtime) => runtime.block_on(until_signal(options, environment, &log)),
        Err(error) => Err(Error::Runtime(error)),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.error("Failed to run", &[("err", &error)]);
            ExitCode::FAILURE
        }
    }
}

/// The one place where the time of day comes from.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the time comes from; `runtime::Clock` would bring a client of Kubernetes"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

async fn until_signal(options: Options, environment: Environment, log: &Log) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
    let stopped = either(&mut terminate, &mut interrupt);
    let running = Box::pin(run(options, environment, log.clone()));
    match first(stopped, running).await {
        Either::Left(name) => {
            log.info(&format!("Received {name}, exiting gracefully..."), &[]);
            Ok(())
        }
        Either::Right(ran) => ran,
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    match first(terminate.recv(), interrupt.recv()).await {
        Either::Left(_) => "SIGTERM",
        Either::Right(_) => "SIGINT",
    }
}

/// Waits for the first of two futures, of which the first written wins, and drops the other.
async fn first<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    match select(pin!(a), pin!(b)).await {
        Either::Left((output, _)) => Either::Left(output),
        Either::Right((output, _)) => Either::Right(output),
    }
}

/// Watches and reloads until dropped; as an init container (`--watch-interval=0`) until the configuration is written.
///
/// # Errors
/// If the address can't be listened on, or the first pass fails: a file or folder that isn't there.
pub async fn run(options: Options, environment: Environment, log: Log) -> Result<(), Error> {
    log.info(
        "Starting prometheus-config-reloader",
        &[("version", &flags::VERSION)],
    );
    let metrics = Arc::new(Metrics::new(options.method.name()));
    let server = match &options.listen {
        Some(address) if !options.is_init() => Some(
            Server::bind(
                address,
                options.web_config.clone(),
                Arc::clone(&metrics),
                log.clone(),
            )
            .await?,
        ),
        _ => None,
    };
    let reloader = Reloader::new(options, environment, metrics, log, now)?;
    let listening = async {
        match server {
            Some(server) => server.serve().await,
            None => std::future::pending().await,
        }
    };
    match first(reloader.run(), listening).await {
        Either::Left(ran) => ran,
        Either::Right(never) => match never {},
    }
}
