//! `cargo xtask bench monitoring`: many `ServiceMonitor`s, rules and Secrets on a testbed, and one monitor changed; ours, and a
//! peer after it on the same testbed. What one controller has made is deleted before the next one starts.
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use runtime::Clock;
use tokio::time::sleep;

use super::audit::{self, Window, Written};
use super::monitoring_load::{Load, SECRET, Wanted};
use super::monitoring_report::{Figures, table};
use super::process::Stopwatch;
use super::program::Program;
use super::rollouts::{load_average, release_build};
use crate::testbed::{Own, Testbed, UpArgs, free_ports};

/// A controller rests once it uses less than [`IDLE`] in as long.
const REST: Duration = Duration::from_secs(4);
/// CPU seconds: what watches and timers of an idle controller take, and the kernel's rounding.
const IDLE: f64 = 0.03;
/// Longest time for one step.
const PATIENCE: Duration = Duration::from_mins(15);
/// How often the configuration is read while it is waited for.
const POLL: Duration = Duration::from_millis(50);

/// How many, and who.
#[derive(Args)]
pub struct MonitoringArgs {
    /// Numbers of ServiceMonitors, one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000, 20_000])]
    monitors: Vec<usize>,
    /// PrometheusRules of ten alerts each
    #[arg(long, default_value_t = 2000)]
    rules: usize,
    /// Secrets of 100 KiB that nothing refers to
    #[arg(long, default_value_t = 2000)]
    secrets: usize,
    /// Monitors changed one after the other
    #[arg(long, default_value_t = 3)]
    changes: usize,
    /// Another operator to measure in the same run, as a shell command line; it finds its kubeconfig in KUBECONFIG
    #[arg(long, value_name = "COMMAND")]
    peer: Option<String>,
    /// Ours, likewise [default: the release build by the name `operator`]
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// Where the controllers' logs are kept
    #[arg(long, default_value = "target/bench")]
    logs: PathBuf,
}

/// One controller to measure.
struct Subject {
    name: &'static str,
    user: &'static str,
    command: String,
}

/// Measures and prints, one table for each number of monitors.
pub fn run(args: &MonitoringArgs) -> Result<()> {
    std::fs::create_dir_all(&args.logs)?;
    let command = match &args.command {
        Some(command) => command.clone(),
        None => ours(&args.logs)?,
    };
    let mut subjects = vec![Subject {
        name: "carrick",
        user: "carrick",
        command,
    }];
    subjects.extend(args.peer.iter().map(|command| Subject {
        name: "peer",
        user: "peer-a",
        command: command.clone(),
    }));
    let testbed = Own::up(&UpArgs {
        name: format!("bench-{}", std::process::id()),
        nodes: 1,
        stages: None,
        bare: false,
    })?;
    eprintln!("{}", testbed.summary());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(all(args, &subjects, &testbed))
}

/// The release build, linked by the name that makes it take the operator's flags.
fn ours(logs: &Path) -> Result<String> {
    let link = std::path::absolute(logs)?.join("operator");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(release_build()?, &link)?;
    let (link, [port]) = (link.display(), free_ports()?);
    Ok(format!(
        "{link} --kubeconfig=$KUBECONFIG --web.listen-address=127.0.0.1:{port} --log-level=warn"
    ))
}

async fn all(args: &MonitoringArgs, subjects: &[Subject], testbed: &Testbed) -> Result<()> {
    let load = Load::start(&testbed.kubeconfig_of("loader")).await?;
    load.create_secrets(args.secrets).await?;
    load.create_rules(args.rules).await?;
    let mut sizes = args.monitors.clone();
    sizes.sort_unstable();
    let mut created = 0;
    for monitors in sizes {
        load.create_monitors(created..monitors).await?;
        created = monitors;
        let mut measured = Vec::new();
        let mut outcome = Ok(());
        for subject in subjects {
            eprintln!(
                "{monitors} monitors, {}: {}; load average {}",
                subject.name,
                subject.command,
                load_average()
            );
            load.begin().await?;
            let run = Run {
                args,
                subject,
                testbed,
                load: &load,
                monitors,
            };
            match run.measure().await {
                Ok(figures) => measured.push(figures),
                // What was measured before is worth printing all the same.
                Err(error) => {
                    outcome = Err(error.context(format!("{} could not be measured", subject.name)));
                }
            }
            load.end().await?;
        }
        let head = format!(
            "{monitors} ServiceMonitors, {} PrometheusRules of 10 alerts, {} Secrets of 100 KiB\n",
            args.rules, args.secrets
        );
        let text = head + &table(&measured);
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
        outcome?;
    }
    Ok(())
}

struct Run<'a> {
    args: &'a MonitoringArgs,
    subject: &'a Subject,
    testbed: &'a Testbed,
    load: &'a Load,
    monitors: usize,
}

/// What a step took.
struct Step {
    seconds: f64,
    cpu: f64,
    window: Window,
}

impl Run<'_> {
    async fn measure(&self) -> Result<Figures> {
        let log = self.args.logs.join(format!("{}.log", self.subject.name));
        let kubeconfig = self.testbed.kubeconfig_of(self.subject.user);
        let from = Clock::system().now();
        let watch = Stopwatch::start();
        let mut program = Program::start(&self.subject.command, &kubeconfig, &log)?;
        let everything = Wanted::Everything {
            monitors: self.monitors,
            rules: self.args.rules,
        };
        let cold = self
            .step(&mut program, &watch, (from, 0.0), &everything)
            .await?;
        let peak = program.memory("VmHWM")?;
        let own = program.memory("RssAnon")?;
        let resting = program.memory("VmRSS")?;
        let mut steps = Vec::new();
        for change in 0..self.args.changes {
            let before = (Clock::system().now(), program.cpu()?);
            let watch = Stopwatch::start();
            // A prime, so that the changes are spread over the names.
            let wanted = self.load.change(change * 37 % self.monitors).await?;
            let step = self.step(&mut program, &watch, before, &wanted).await?;
            steps.push(step);
        }
        let peak_changed = program.memory("VmHWM")?;
        program.stop().await?;
        let mut windows = vec![cold.window];
        windows.extend(steps.iter().map(|step| step.window));
        // The API server writes its audit log in batches, a second apart.
        sleep(Duration::from_secs(2)).await;
        let mut written =
            audit::written(self.testbed.folder(), self.subject.user, SECRET, &windows)?;
        let changed = written.split_off(1);
        let mean = |of: &dyn Fn(&Step) -> f64| {
            let count = f64::from(u32::try_from(steps.len()).unwrap_or(u32::MAX));
            steps.iter().map(of).sum::<f64>() / count.max(1.0)
        };
        Ok(Figures {
            name: self.subject.name.to_owned(),
            cold_seconds: cold.seconds,
            cold_cpu: cold.cpu,
            cold_written: written.into_iter().sum::<Written>(),
            peak,
            peak_changed,
            resting,
            own,
            change_seconds: mean(&|step| step.seconds),
            change_cpu: mean(&|step| step.cpu),
            changes: steps.len(),
            change_written: changed.into_iter().sum::<Written>(),
        })
    }

    /// Waits until everything wanted is there, then until the controller rests; `before` is the time and the CPU at the
    /// beginning.
    async fn step(
        &self,
        program: &mut Program,
        watch: &Stopwatch,
        before: (jiff::Timestamp, f64),
        wanted: &Wanted,
    ) -> Result<Step> {
        while !self.load.has(wanted).await? {
            program.check()?;
            if watch.seconds() > PATIENCE.as_secs_f64() {
                bail!("the configuration does not come");
            }
            sleep(POLL).await;
        }
        let seconds = watch.seconds();
        let mut used = program.cpu()?;
        loop {
            sleep(REST).await;
            program.check()?;
            let now = program.cpu()?;
            if now - used < IDLE {
                break;
            }
            if watch.seconds() > PATIENCE.as_secs_f64() {
                bail!("the controller does not rest");
            }
            used = now;
        }
        Ok(Step {
            seconds,
            cpu: program.cpu()? - before.1,
            window: Window {
                from: before.0,
                to: Clock::system().now(),
            },
        })
    }
}
