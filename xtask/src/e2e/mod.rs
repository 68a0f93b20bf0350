//! `cargo xtask e2e`: upstream's own end-to-end suite of Rollouts, unmodified, with our controller in upstream's place.
//!
//! Nothing of upstream's is kept in this repository: its source is fetched into the cache folder and built there.
mod tests;
mod upstream;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

use crate::testbed::write_line;
use anyhow::{Context, Result, bail};
use clap::Args;

use self::tests::{Outcome, Test};
use self::upstream::Upstream;
use crate::testbed::{self, Testbed, UpArgs};

/// The instance label that the suite gives to everything it makes.
const INSTANCE: &str = "argo-rollouts-e2e";

/// Which source, which tests.
#[derive(Args)]
pub struct E2eArgs {
    /// Git repository, or folder of one, that has upstream's source
    #[arg(long, default_value = upstream::REPOSITORY)]
    source: String,
    /// The commit, in full
    #[arg(long, default_value = upstream::COMMIT)]
    commit: String,
    /// Port of the controller's /metrics; one test looks for it at 8090
    #[arg(long, default_value_t = 8090)]
    metrics_port: u16,
    /// Port of the controller's /healthz
    #[arg(long, default_value_t = 8080)]
    healthz_port: u16,
    /// Leave the testbed running afterwards
    #[arg(long)]
    keep: bool,
    /// Only print the tests, and why some are left out
    #[arg(long)]
    list: bool,
    /// Only tests whose SUITE/NAME contains one of these
    filters: Vec<String>,
}

/// Builds the suite, starts a testbed and the controller, and runs one test after the other.
///
/// # Errors
/// If something can't be built or started, or if a test failed.
pub fn run(args: &E2eArgs) -> Result<()> {
    let upstream = Upstream::fetch(&args.source, &args.commit)?;
    let chosen: Vec<Test> = tests::all(&upstream.tests())?
        .into_iter()
        .filter(|t| args.filters.is_empty() || args.filters.iter().any(|f| t.id().contains(f)))
        .collect();
    if args.list {
        for test in &chosen {
            let why = test.left_out.map(|why| format!("\tleft out: {why}"));
            write_line(&format!("{}{}", test.id(), why.unwrap_or_default()))?;
        }
        return Ok(());
    }
    let suite = upstream.build()?;
    let carrick = build_controller()?;
    let up = UpArgs {
        name: format!("e2e-{}", std::process::id()),
        nodes: 3,
        stages: Some(testbed::source_folder().join("stages-e2e.yaml")),
        bare: false,
    };
    let testbed = testbed::up(&up)?;
    eprintln!("{}", testbed.summary());
    let result = Run {
        upstream: &upstream,
        suite: &suite,
        logs: upstream.logs()?,
        testbed: &testbed,
    }
    .all(args, &carrick, &chosen);
    if args.keep {
        testbed.leave_running()?;
        eprintln!(
            "the testbed is left running\nhint: cargo xtask testbed down --name {}",
            up.name
        );
    } else {
        testbed::down(&up.name)?;
    }
    report(&result?)
}

/// Prints the count.
fn report(outcomes: &[Outcome]) -> Result<()> {
    let count = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|o| wanted(o)).count();
    let failed = count(|o| matches!(o, Outcome::Failed));
    write_line(&format!(
        "{} passed ({} of them at the second try), {failed} failed, {} left out",
        count(|o| matches!(o, Outcome::Passed | Outcome::PassedAgain)),
        count(|o| matches!(o, Outcome::PassedAgain)),
        count(|o| matches!(o, Outcome::LeftOut)),
    ))?;
    if failed > 0 {
        bail!("{failed} of upstream's tests failed");
    }
    Ok(())
}

fn build_controller() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--bin", "carrick"])
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("the controller doesn't build");
    }
    Ok(std::env::current_exe()?.with_file_name("carrick"))
}

/// What every test of one run shares.
struct Run<'a> {
    upstream: &'a Upstream,
    suite: &'a Path,
    logs: PathBuf,
    testbed: &'a Testbed,
}

impl Run<'_> {
    fn all(&self, args: &E2eArgs, carrick: &Path, chosen: &[Test]) -> Result<Vec<Outcome>> {
        self.apply_definitions(carrick)?;
        let _controller = self.start(args, carrick)?;
        eprintln!("logs in {}", self.logs.display());
        chosen.iter().map(|test| self.one(test)).collect()
    }

    /// Our CRDs, and those of the routers that come with the suite.
    fn apply_definitions(&self, carrick: &Path) -> Result<()> {
        let ours = self.logs.join("crds.yaml");
        let status = Command::new(carrick)
            .arg("crds")
            .stdout(File::create(&ours)?)
            .status()?;
        if !status.success() {
            bail!("`carrick crds` failed");
        }
        for file in [ours, self.upstream.suite_folder().join("crds")] {
            let output = Command::new("kubectl")
                .args(["apply", "--server-side", "-f"])
                .arg(&file)
                .env("KUBECONFIG", self.testbed.kubeconfig())
                .output()
                .context("cannot run kubectl")?;
            if !output.status.success() {
                bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
            }
        }
        Ok(())
    }

    fn start(&self, args: &E2eArgs, carrick: &Path) -> Result<Controller> {
        let log = File::create(self.logs.join("controller.log"))?;
        let mut child = Command::new(carrick)
            .args(["run", "--instance-id", INSTANCE, "--kubeconfig"])
            .arg(self.testbed.kubeconfig_of("carrick"))
            .args(["--metricsPort", &args.metrics_port.to_string()])
            .args(["--healthzPort", &args.healthz_port.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the controller")?;
        std::thread::sleep(Duration::from_secs(2)); // so that a taken port shows
        if let Some(status) = child.try_wait()? {
            bail!(
                "the controller ended at once ({status})\nhint: see {}",
                self.logs.join("controller.log").display()
            );
        }
        Ok(Controller(child))
    }

    fn one(&self, test: &Test) -> Result<Outcome> {
        if let Some(why) = test.left_out {
            write_line(&format!("left out\t{}\t{why}", test.id()))?;
            return Ok(Outcome::LeftOut);
        }
        let begin = Instant::now();
        let mut outcome = Outcome::Failed;
        if self.attempt(test, 1)? {
            outcome = Outcome::Passed;
        } else if self.attempt(test, 2)? {
            outcome = Outcome::PassedAgain;
        }
        write_line(&format!(
            "{outcome}\t{}\t{:.1} s",
            test.id(),
            begin.elapsed().as_secs_f32()
        ))?;
        Ok(outcome)
    }

    /// Upstream's own way of running it (`make test-e2e`) tries up to five times.
    fn attempt(&self, test: &Test, number: u8) -> Result<bool> {
        let log = self.logs.join(format!("{}-{number}.log", test.name));
        let file = File::create(&log)?;
        let status = Command::new(self.suite)
            .args(["-test.v", "-test.count", "1", "-test.timeout", "6m"])
            .args(["-test.run", &format!("^{}$", test.suite)])
            .args(["-testify.m", &format!("^{}$", test.name)])
            .current_dir(self.upstream.suite_folder())
            .env("KUBECONFIG", self.testbed.kubeconfig())
            .env("E2E_INSTANCE_ID", INSTANCE)
            .env("E2E_POD_DELAY", test.pod_delay())
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .status()
            .context("cannot run the suite")?;
        let said = std::fs::read_to_string(&log)?;
        // A name that doesn't exist is no failure to the test program.
        Ok(status.success() && said.contains(&format!("--- PASS: {}", test.id())))
    }
}

/// The running controller; ends with it.
struct Controller(Child);

impl Drop for Controller {
    fn drop(&mut self) {
        let stopped = self.0.kill().and_then(|()| self.0.wait());
        if let Err(error) = stopped {
            eprintln!("the controller couldn't be stopped: {error}");
        }
    }
}
