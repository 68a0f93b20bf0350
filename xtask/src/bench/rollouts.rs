//! `cargo xtask bench rollouts`: 500 Rollouts of 5 pods created, then all updated at once, on a testbed of its own.
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use runtime::Clock;
use tokio::time::{Instant, sleep};

use super::audit::{self, Window};
use super::load::Load;
use super::program::{Program, cpu_of_api_server};
use super::report::{Figures, Stretch, table};
use crate::testbed::{Own, Testbed, UpArgs, free_ports};

/// How long Events may follow after everything is healthy: a full queue of a thousand, at forty a second.
const SETTLE: Duration = Duration::from_secs(30);
/// Rest before memory is read.
const REST: Duration = Duration::from_secs(20);
/// A controller that has not begun by then does not work.
const BEGIN: Duration = Duration::from_mins(2);

/// What to measure.
#[derive(Args)]
pub struct RolloutsArgs {
    /// How many Rollouts
    #[arg(long, default_value_t = 500)]
    rollouts: u32,
    /// Another controller to measure in the same run, as a shell command line; it finds its kubeconfig in KUBECONFIG
    #[arg(long, value_name = "COMMAND")]
    peer: Option<String>,
    /// Ours, likewise [default: the release build's `carrick run`]
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// More arguments for ours, e.g. `--qps=500 --burst=1000`; its defaults are upstream's, 40 and 80
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    args: String,
    /// Where the controllers' logs are kept
    #[arg(long, default_value = "target/bench")]
    logs: PathBuf,
}

/// One controller to measure.
struct Subject<'a> {
    name: &'a str,
    user: &'a str,
    command: String,
    ready: Option<u16>,
}

/// Measures ours, then the peer, each on a fresh testbed.
pub fn run(args: &RolloutsArgs) -> Result<()> {
    std::fs::create_dir_all(&args.logs)?;
    let [metrics, health] = free_ports()?;
    let program = match &args.command {
        Some(command) => command.clone(),
        None => format!("{} run", release_build()?.display()),
    };
    let mut subjects = vec![Subject {
        name: "carrick",
        user: "carrick",
        command: format!(
            "{program} --listen=127.0.0.1 --metricsPort={metrics} --healthzPort={health} --loglevel=warn {}",
            args.args
        ),
        ready: Some(health),
    }];
    subjects.extend(args.peer.iter().map(|command| Subject {
        name: "peer",
        user: "peer-a",
        command: command.clone(),
        ready: None,
    }));
    let mut measured = Vec::new();
    let mut outcome = Ok(());
    for subject in &subjects {
        eprintln!("{}: {}", subject.name, subject.command);
        let before = load_average();
        match measure(subject, args) {
            Ok(figures) => measured.push(figures),
            // What was measured before is worth printing all the same.
            Err(error) => {
                outcome = Err(error.context(format!("{} could not be measured", subject.name)));
            }
        }
        eprintln!(
            "load average of the machine: {before} before, {} after",
            load_average()
        );
    }
    let text = table(&measured);
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    outcome
}

fn measure(subject: &Subject<'_>, args: &RolloutsArgs) -> Result<Figures> {
    let testbed = Own::up(&UpArgs {
        name: format!("bench-{}", std::process::id()),
        nodes: 3,
        stages: None,
        bare: false,
    })?;
    eprintln!("{}", testbed.summary());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let log = args.logs.join(format!("{}.log", subject.name));
    runtime.block_on(async {
        let load = Load::start(&testbed.kubeconfig_of("loader")).await?;
        let mut run = Run {
            subject,
            testbed: &testbed,
            load,
            log,
            windows: Vec::new(),
        };
        let mut figures = run.all(args.rollouts).await?;
        let counts = audit::count(testbed.folder(), subject.user, &run.windows)?;
        let stretches = [&mut figures.create, &mut figures.update];
        for (stretch, counts) in stretches.into_iter().zip(counts) {
            stretch.counts = counts;
        }
        Ok(figures)
    })
}

struct Run<'a> {
    subject: &'a Subject<'a>,
    testbed: &'a Testbed,
    load: Load,
    log: PathBuf,
    windows: Vec<Window>,
}

impl Run<'_> {
    async fn all(&mut self, rollouts: u32) -> Result<Figures> {
        self.load.create_first().await?;
        let (mut program, ready, start) = self.start().await?;
        self.load.wait(1, || program.check()).await?;
        sleep(REST).await;
        let idle_empty = program.memory("VmRSS")?;
        let create = self.stretch(&mut program, rollouts, true).await?;
        eprintln!("created after {:.1} s", create.seconds);
        let update = self.stretch(&mut program, rollouts, false).await?;
        eprintln!("updated after {:.1} s", update.seconds);
        sleep(REST).await;
        let idle = program.memory("VmRSS")?;
        let idle_own = program.memory("RssAnon")?;
        program.stop().await?;
        self.load.scale_first().await?;
        let (mut program, _, restart) = self.start().await?;
        self.load.wait(rollouts + 1, || program.check()).await?;
        sleep(SETTLE).await;
        let restart_peak = program.memory("VmHWM")?;
        program.stop().await?;
        Ok(Figures {
            name: self.subject.name.to_owned(),
            start,
            ready,
            idle_empty,
            create,
            update,
            idle,
            idle_own,
            restart,
            restart_peak,
        })
    }

    /// Starts the controller: seconds until it is ready, and until it has seen the first Rollout.
    async fn start(&self) -> Result<(Program, Option<f64>, f64)> {
        let kubeconfig = self.testbed.kubeconfig_of(self.subject.user);
        let mut program = Program::start(&self.subject.command, &kubeconfig, &self.log)?;
        let mut ready = None;
        loop {
            program.check()?;
            let elapsed = program.started.elapsed();
            if let Some(port) = self.subject.ready
                && ready.is_none()
                && is_ready(port).await
            {
                ready = Some(elapsed.as_secs_f64());
            }
            if self.load.is_first_seen().await? {
                return Ok((program, ready, elapsed.as_secs_f64()));
            }
            if elapsed > BEGIN {
                bail!("the controller does nothing, see {}", self.log.display());
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Creates or updates all Rollouts and waits until they are healthy.
    async fn stretch(
        &mut self,
        program: &mut Program,
        rollouts: u32,
        create: bool,
    ) -> Result<Stretch> {
        let from = Clock::system().now();
        let (begin, cpu) = (Instant::now(), program.cpu()?);
        let api_cpu = cpu_of_api_server(self.testbed.folder())?;
        if create {
            self.load.create(rollouts).await?;
        } else {
            self.load.update(rollouts).await?;
        }
        self.load.wait(rollouts + 1, || program.check()).await?;
        let seconds = begin.elapsed().as_secs_f64();
        sleep(SETTLE).await;
        self.windows.push(Window {
            from,
            to: Clock::system().now(),
        });
        Ok(Stretch {
            seconds,
            cpu: program.cpu()? - cpu,
            api_cpu: cpu_of_api_server(self.testbed.folder())? - api_cpu,
            peak: program.memory("VmHWM")?,
            counts: audit::Counts::new(),
        })
    }
}

/// Whether `/readyz` says so.
async fn is_ready(port: u16) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200"))
    };
    ask.await.unwrap_or(false)
}

/// The release build beside this program.
pub(super) fn release_build() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let target = this.parent().and_then(Path::parent);
    let found = target
        .context("this program is in no target folder")?
        .join("release/carrick");
    if !found.exists() {
        bail!(
            "no {}\nhint: cargo build --release -p carrick",
            found.display()
        );
    }
    Ok(found)
}

/// The machine's load averages over one, five and fifteen minutes.
pub(super) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}
