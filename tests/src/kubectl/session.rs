//! The session's script, and running it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::mask::Masks;
use super::transcript::{Answer, Transcript};
use super::{Kubectl, repository};

/// Seconds after which a command is taken for one that never ends; none waits longer than a minute by itself.
const LIMIT: u64 = 90;

/// What `timeout` answers for a command that it stopped, by a signal that was heeded and by one that needn't be.
const STOPPED: [i32; 2] = [124, 137];

/// Says where the session is, for whoever watches (`--nocapture`) or reads of a failure.
struct Progress {
    client: &'static str,
    begin: Instant,
}

impl Progress {
    fn new(client: &'static str) -> Self {
        Self {
            client,
            begin: now(),
        }
    }

    fn say(&self, took: Duration, command: &str) {
        eprintln!(
            "{:>6.1} s {:>6.2} s  {}: {command}",
            self.begin.elapsed().as_secs_f32(),
            took.as_secs_f32(),
            self.client
        );
    }
}

/// kubectl is a program: its time is the wall's.
#[expect(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

/// How an answer is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mode {
    /// Lines in any order.
    sorted: bool,
    /// Lines in any order, however often.
    distinct: bool,
    /// Only the last line.
    last: bool,
    /// Not at all.
    silent: bool,
    /// Only for this client.
    client: Option<&'static str>,
}

impl Mode {
    fn parse(words: &str) -> Result<Self> {
        let mut mode = Self::default();
        for word in words.split_whitespace() {
            match word {
                "sorted" => mode.sorted = true,
                "distinct" => mode.distinct = true,
                "last" => mode.last = true,
                "silent" => mode.silent = true,
                "newest" => mode.client = Some("newest"),
                "debian" => mode.client = Some("debian"),
                _ => bail!("session.txt: unknown word {word}"),
            }
        }
        Ok(mode)
    }

    fn arrange(self, mut lines: Vec<String>) -> Vec<String> {
        if self.sorted || self.distinct {
            lines.sort();
        }
        if self.distinct {
            lines.dedup();
        }
        if self.last {
            lines.drain(..lines.len().saturating_sub(1));
        }
        lines
    }
}

/// A folder for one run, with the session's files.
struct Folder(PathBuf);

impl Folder {
    fn new(kubeconfig: &str) -> Result<Self> {
        let unique = format!(
            "carrick-kubectl-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        );
        let folder = Self(std::env::temp_dir().join(unique.replace(['(', ')'], "")));
        std::fs::create_dir_all(&folder.0)?;
        for file in std::fs::read_dir(repository().join("tests/kubectl/files"))? {
            let file = file?;
            std::fs::copy(file.path(), folder.0.join(file.file_name()))?;
        }
        folder.write("kubeconfig", kubeconfig)?;
        folder.write("huge.yaml", &config_map("huge", 3 << 20))?;
        folder.write("large.yaml", &config_map("large", 3 << 19))?;
        Ok(folder)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.0.join(name), text).with_context(|| name.to_owned())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind in the temporary folder at worst.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config_map(name: &str, size: usize) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: {}\n",
        "x".repeat(size)
    )
}

/// Runs the whole session with a client, against the server of a kubeconfig. As far as it came it is also written to the
/// folder that `CARRICK_TRANSCRIPTS` names.
///
/// # Errors
/// If the session can't be held to its end; a command that fails is no error.
pub(super) fn run(client: &Kubectl, kubeconfig: &str) -> Result<Transcript> {
    let mut transcript = Transcript {
        version: client.version(),
        answers: Vec::new(),
    };
    let outcome = hold(client, kubeconfig, &mut transcript);
    if let Some(folder) = std::env::var_os("CARRICK_TRANSCRIPTS") {
        let path = PathBuf::from(folder).join(format!("{}.txt", client.name));
        std::fs::write(&path, transcript.to_string())
            .with_context(|| path.display().to_string())?;
    }
    outcome.map(|()| transcript)
}

fn hold(client: &Kubectl, kubeconfig: &str, transcript: &mut Transcript) -> Result<()> {
    let script = std::fs::read_to_string(repository().join("tests/kubectl/session.txt"))?;
    let folder = Folder::new(kubeconfig)?;
    let masks = Masks::new(&folder.0);
    let progress = Progress::new(client.name);
    let mut mode = Mode::default();
    for line in script.lines() {
        if let Some(words) = line.strip_prefix("= ") {
            mode = Mode::parse(words)?;
        } else if let Some(command) = line.strip_prefix("$ ") {
            let mode = std::mem::take(&mut mode);
            if mode.client.is_some_and(|only| only != client.name) {
                continue;
            }
            let begin = now();
            let answer = ask(client, &folder.0, command, mode, &masks);
            progress.say(begin.elapsed(), command);
            let answer = answer?;
            transcript.answers.extend((!mode.silent).then_some(answer));
        }
    }
    Ok(())
}

fn ask(
    client: &Kubectl,
    folder: &Path,
    command: &str,
    mode: Mode,
    masks: &Masks,
) -> Result<Answer> {
    let output = Command::new("timeout")
        .args(["--kill-after=5", &LIMIT.to_string(), "bash", "-c", command])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", client.folder.display()))
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("KUBECONFIG", folder.join("kubeconfig"))
        .env("KUBE_EDITOR", folder.join("editor"))
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .context("cannot run bash")?;
    ensure!(
        !output
            .status
            .code()
            .is_some_and(|code| STOPPED.contains(&code)),
        "no end within {LIMIT} s: {command}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let managed = command.contains("--show-managed-fields");
    let lines = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        mode.arrange(masks.apply(&text, managed))
    };
    let mut answer = Answer {
        command: command.to_owned(),
        lines: lines(&output.stdout),
    };
    answer.lines.extend(
        lines(&output.stderr)
            .into_iter()
            .map(|line| format!("2> {line}")),
    );
    match output.status.code() {
        Some(0) => {}
        Some(code) => answer.lines.push(format!("exit {code}")),
        None => bail!("`{command}` was killed"),
    }
    Ok(answer)
}
