//! The commands of people and scripts, as `kubectl argo rollouts` runs them, and upstream's flags of the controller: what
//! they print, and how they end.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::common::{Folder, PROGRAM, Up};
use runtime::client::connect::{ConnectOptions, connect};
use runtime::client::{Client, ClientOptions};
use runtime::{ObjectKey, ResourceRef};
use serde_json::{Value, json};

const ROLLOUT: ResourceRef =
    ResourceRef::namespaced("argoproj.io", "v1alpha1", "Rollout", "rollouts");
const LEASE: ResourceRef = ResourceRef::namespaced("coordination.k8s.io", "v1", "Lease", "leases");
const HEALTHY: &str = "Healthy";
/// Nothing here takes this long.
const TIMEOUT: &str = "--timeout=60s";

/// A canary that stops half-way for somebody.
fn rollout() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
            "strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}},
        },
    })
}

fn with_client<T>(kubeconfig: &Path, work: impl AsyncFnOnce(Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let options = ConnectOptions {
        kubeconfig: Some(kubeconfig.to_owned()),
        ..ConnectOptions::default()
    };
    runtime.block_on(async {
        let kube = connect(&options).await.unwrap();
        work(Client::new(kube, ClientOptions::default())).await
    })
}

/// A process that is killed at the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a command said.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// The plugin, called by the name under which kubectl finds it.
struct Plugin {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Plugin {
    fn new(folder: &Folder) -> Self {
        let program = folder.join("kubectl-argo-rollouts");
        std::os::unix::fs::symlink(PROGRAM, &program).unwrap();
        Self {
            program,
            kubeconfig: folder.join("kubeconfig"),
        }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(line.split_whitespace())
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Said {
        let output = self.command(line).output().unwrap();
        Said {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails unless the command succeeds, says this on standard output and nothing on standard error.
    #[track_caller]
    fn says(&self, line: &str, stdout: &str) {
        let expected = Said {
            code: Some(0),
            stdout: stdout.to_owned(),
            stderr: String::new(),
        };
        assert_eq!(self.run(line), expected, "{line}");
    }

    /// Fails unless the command ends with this error and says nothing on standard output.
    #[track_caller]
    fn refuses(&self, line: &str, error: &str) {
        let expected = Said {
            code: Some(1),
            stdout: String::new(),
            stderr: format!("Error: {error}\n"),
        };
        assert_eq!(self.run(line), expected, "{line}");
    }

    /// Waits with `status` until the Rollout is healthy.
    #[track_caller]
    fn healthy(&self) {
        let said = self.run(&format!("status web {TIMEOUT}"));
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(said.stdout.lines().last(), Some(HEALTHY), "{said:?}");
    }

    /// Waits with `get rollout --watch` until the picture shows that the Rollout is paused.
    #[track_caller]
    fn paused(&self) {
        let mut command = self.command("get rollout web --watch --timeout-seconds=60");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let pictures = BufReader::new(child.stdout.take().unwrap());
        let _running = Running(child);
        let mut lines = pictures.lines().map(Result::unwrap);
        assert!(lines.any(|line| line == "Status:          ॥ Paused"));
    }

    /// Sets another image, and waits until the release stops at its pause.
    #[track_caller]
    fn releases(&self, image: &str) {
        self.says(
            &format!("set image web web={image}"),
            "rollout \"web\" image updated\n",
        );
        self.paused();
    }

    /// The words of each line that `list` prints.
    #[track_caller]
    fn lists(&self, line: &str, rows: &[&str]) {
        let said = self.run(line);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{line}");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        let said: Vec<Vec<String>> = said.stdout.lines().map(words).collect();
        let rows: Vec<Vec<String>> = rows.iter().map(|row| words(row)).collect();
        assert_eq!(said, rows, "{line}");
    }
}

fn up(name: &str) -> (Folder, Up, Plugin) {
    let folder = Folder::new(name);
    let up = Up::start(&folder.0).unwrap();
    let plugin = Plugin::new(&folder);
    (folder, up, plugin)
}

#[test]
fn a_canary_is_steered_by_commands() {
    let (_folder, _up, plugin) = up("commands");
    with_client(&plugin.kubeconfig, async |client| {
        client.create(&ROLLOUT, &rollout()).await.unwrap();
    });
    plugin.healthy();
    looked_at(&plugin);

    plugin.releases("web:2");
    plugin.says("promote web", "rollout 'web' promoted\n");
    plugin.healthy();
    plugin.releases("web:3");
    plugin.says("promote web --full=false", "rollout 'web' promoted\n");
    plugin.healthy();
    plugin.releases("web:4");
    plugin.says("promote web --full", "rollout 'web' fully promoted\n");
    plugin.healthy();

    plugin.releases("web:5");
    plugin.says("abort web", "rollout 'web' aborted\n");
    let said = plugin.run(&format!("status web {TIMEOUT}"));
    let message = "RolloutAborted: Rollout aborted update to revision 5";
    let degraded = format!("Degraded - {message}");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(said.stdout.lines().last(), Some(degraded.as_str()));
    let error = format!("Error: The rollout is in a degraded state with message: {message}\n");
    assert_eq!(said.stderr, error);
    plugin.says("retry rollout web", "rollout 'web' retried\n");
    plugin.paused();
    plugin.says("status web --watch=false", "Paused - CanaryPauseStep\n");
    plugin.says("promote web --full=true", "rollout 'web' fully promoted\n");
    plugin.healthy();

    plugin.says("undo web", "rollout 'web' undo\n");
    plugin.paused();
    plugin.says("promote web --full", "rollout 'web' fully promoted\n");
    plugin.healthy();
    plugin.says(
        "undo web --to-revision=6",
        "skipped rollback (current template already matches revision 6)",
    );

    plugin.says("pause web", "rollout 'web' paused\n");
    plugin.paused();
    plugin.says("promote web", "rollout 'web' promoted\n");
    plugin.healthy();
    plugin.says("restart web", "rollout 'web' restarts in 0s\n");
    plugin.says("restart web --in=3h", "rollout 'web' restarts in 3h\n");
    refused(&plugin);
}

/// The commands that only look.
fn looked_at(plugin: &Plugin) {
    let said = plugin.run("get rollout web");
    let picture = "Name:            web\n\
                   Namespace:       default\n\
                   Status:          ✔ Healthy\n\
                   Strategy:        Canary\n\
                   \x20 Step:          2/2\n\
                   \x20 SetWeight:     100\n\
                   \x20 ActualWeight:  100\n\
                   Images:          web:1 (stable)\n\
                   Replicas:\n\
                   \x20 Desired:       2\n\
                   \x20 Current:       2\n\
                   \x20 Updated:       2\n\
                   \x20 Ready:         2\n\
                   \x20 Available:     2\n\n";
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert!(said.stdout.starts_with(picture), "{}", said.stdout);
    let again = plugin.run("get ro web --watch=false --no-color=true");
    assert!(again.stdout.starts_with(picture), "{}", again.stdout);

    let heads = "NAME STRATEGY STATUS STEP SET-WEIGHT READY DESIRED UP-TO-DATE AVAILABLE";
    let row = "web Canary Healthy 2/2 100 2/2 2 2 2";
    let here = [heads, row];
    let everywhere = [format!("NAMESPACE {heads}"), format!("default {row}")];
    let everywhere = everywhere.each_ref().map(String::as_str);
    plugin.lists("list rollouts", &here);
    plugin.lists(
        "list rollouts --watch=false --timestamps=false --all-namespaces=false",
        &here,
    );
    plugin.lists("list rollouts --all-namespaces=true", &everywhere);
    plugin.lists("list ro -Aw=false --name web", &everywhere);
    plugin.lists(
        "list rollouts --cache-dir=/nowhere --disable-compression -n none -n default",
        &here,
    );
    let none = Said {
        code: Some(0),
        stdout: String::new(),
        stderr: "No resources found.\n".to_owned(),
    };
    assert_eq!(plugin.run("list rollouts -n kube-system"), none);
    plugin.says("status web --watch=false", "Healthy\n");
    let warned = plugin.run("status web -w=false --as-uid=7");
    let warning = "warning: --as-uid has no effect without a user to impersonate: give --as too\n";
    assert_eq!(
        (warned.stdout.as_str(), warned.stderr.as_str()),
        ("Healthy\n", warning)
    );
}

/// Errors, in upstream's words.
fn refused(plugin: &Plugin) {
    let unknown = "rollouts.argoproj.io \"none\" not found";
    plugin.refuses("get rollout none", "rollout.argoproj.io \"none\" not found");
    plugin.refuses("status none", "rollout.argoproj.io \"none\" not found");
    for command in [
        "set image none web=web:2",
        "promote none",
        "abort none",
        "pause none",
        "restart none",
        "retry rollout none",
        "undo none",
    ] {
        plugin.refuses(command, unknown);
    }
    plugin.refuses(
        "set image web other=web:2",
        "unable to find container named \"other\"",
    );
    plugin.refuses(
        "undo web --to-revision=99",
        "unable to find specified revision 99 in history",
    );
    plugin.refuses(
        "promote web -c=true -a",
        "Cannot use skip-current-step and skip-all-steps flags at the same time",
    );
    let usage = plugin.run("promote web --full=perhaps");
    assert_eq!((usage.code, usage.stdout.as_str()), (Some(1), ""));
    assert!(usage.stderr.contains("'perhaps'"), "{}", usage.stderr);
}

#[test]
fn commands_that_need_no_cluster_answer() {
    let folder = Folder::new("offline");
    let plugin = Plugin::new(&folder);
    let version = format!("kubectl-argo-rollouts: v{}\n", env!("CARGO_PKG_VERSION"));
    plugin.says("version --short", &version);
    plugin.says("version --short=true", &version);
    let long = plugin.run("version --short=false");
    assert!(long.stdout.starts_with(&version), "{long:?}");
    assert!(long.stdout.contains("\n  Platform: "), "{long:?}");
    assert_eq!(plugin.run("version"), long);

    let file = folder.join("rollout.json");
    std::fs::write(&file, rollout().to_string()).unwrap();
    let lint = format!("lint -f {}", file.display());
    plugin.says(&lint, "");
    let mut wrong = rollout();
    wrong["spec"]["strategy"] = json!({});
    std::fs::write(&file, wrong.to_string()).unwrap();
    let said = plugin.run(&lint);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.starts_with("Error: spec.strategy"), "{said:?}");
}

/// What upstream's Helm chart and manifests pass, and every other flag that upstream's controller has.
const CONTROLLER: &str = "--healthzPort=0 --metricsPort=0 --loglevel=debug --logformat=text --kloglevel=0 \
     --namespaced=true --namespaced=false --loglevel=warning --loglevel=info --qps=50 --burst=100 --rollout-resync=600 \
     --rollout-threads=2 --service-threads 3 --instance-id= --leader-elect \
     --leader-election-lease-duration=30s --leader-election-renew-deadline=20s --leader-election-retry-period=1s";

/// The flags that have no effect.
const IDLE: &str = "--kloglevel=0 --experiment-threads=10 --analysis-threads=30 --ingress-threads 10 \
     --ephemeral-metadata-threads=10 --ephemeral-metadata-update-pod-retries=3 --alb-ingress-classes=alb \
     --alb-ingress-classes=other --nginx-ingress-classes=nginx --istio-api-version=v1beta1 \
     --ambassador-api-version=getambassador.io/v2 --traffic-split-api-version=v1alpha1 --traefik-api-group=traefik.io \
     --traefik-api-version=traefik.io/v1alpha1 --ingress-api-version=networking.k8s.io/v1 --appmesh-crd-version=v1beta2 \
     --aws-target-group-binding-api-version=elbv2.k8s.aws/v1beta1 --alb-tag-key-resource-id=ingress.k8s.aws/resource \
     --aws-verify-target-group --alb-verify-weight=true --self-service-notification-enabled=false \
     --enable-pprof-address=127.0.0.1:6060";

#[test]
fn the_controller_starts_with_upstreams_flags() {
    let (_folder, _up, plugin) = up("flags");
    let mut run = Command::new(PROGRAM);
    run.arg("run")
        .args(CONTROLLER.split_whitespace())
        .args(["--leader-election-namespace", "kube-system"])
        .env("KUBECONFIG", &plugin.kubeconfig)
        .stdin(Stdio::null());
    let mut child = run.stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let _running = Running(child);
    let mut lines = log.lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    assert!(
        first.ends_with("--kloglevel has no effect in Carrick"),
        "{first}"
    );
    assert!(lines.any(|line| line.contains(": leading ")));
    let lease = with_client(&plugin.kubeconfig, async |client| {
        let key = ObjectKey::new("kube-system", "argo-rollouts-controller-lock");
        client.get(&LEASE, &key).await.unwrap().unwrap()
    });
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 30);
}

/// Where nothing is reached, it still takes every flag, and names those that have no effect.
#[test]
fn flags_without_effect_are_named_once() {
    let run = |flags: &str| {
        let output = Command::new(PROGRAM)
            .args(["run", "--kubeconfig", "/nowhere/kubeconfig"])
            .args(flags.split_whitespace())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), stdout, stderr)
    };
    let (code, _, stderr) = run(IDLE);
    assert_eq!(code, Some(1));
    let mut names: Vec<&str> = IDLE
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
        .map(|flag| flag.split('=').next().unwrap())
        .collect();
    names.dedup();
    let warning = format!("{} have no effect in Carrick\n", names.join(", "));
    assert_eq!(stderr.matches(&warning).count(), 1, "{stderr}");
    assert_eq!(stderr.matches("no effect").count(), 1, "{stderr}");
    assert!(stderr.contains("Error: no usable kubeconfig"), "{stderr}");

    let (code, stdout, stderr) = run("--version");
    let version = format!("v{}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((code, stdout, stderr.as_str()), (Some(0), version, ""));
    for (flags, error) in [
        ("--controllers=analysis", "no analysis controller"),
        ("--controllers=other", "unsupported controller: other"),
        ("--loglevel=loud", "unknown --loglevel \"loud\""),
        (
            "--leader-election-lease-duration=10s",
            "must be greater than --leader-election-renew-deadline",
        ),
        (
            "--leader-election-retry-period=9s",
            "must be greater than 1.2 times --leader-election-retry-period",
        ),
        ("--leader-election-retry-period=soon", "write 15s or 1m"),
        ("--analysis-threads=many", "invalid value 'many'"),
    ] {
        let (code, _, stderr) = run(flags);
        assert_eq!(code, Some(1), "{flags}: {stderr}");
        assert!(stderr.contains(error), "{flags}: {stderr}");
    }
}
