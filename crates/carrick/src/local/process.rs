//! One process: its start, its output, its end.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use simulator::clock::WorldClock;
use simulator::nodes::containers::{Exit, LogLine, LogText};

/// Lines kept of a process.
const LINES: usize = 10_000;
/// Pause between two looks whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longest line kept whole, in bytes.
const LINE: usize = 16 * 1024;

/// A process that was started.
#[derive(Clone)]
pub struct Process {
    /// Its process group, which is named after it.
    group: Pid,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    exit: Option<Exit>,
    log: LogText,
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    /// Starts a command in a process group of its own. A thread stays with it until its end: a signal that comes with the end of
    /// the thread that started it comes with the end of this program then.
    pub fn start(mut command: Command) -> Result<Self, String> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let state = Arc::new(Mutex::new(State::default()));
        let (tell, told) = sync_channel(1);
        let kept = state.clone();
        let watch = move || {
            let child = match command.spawn() {
                Ok(child) => child,
                Err(error) => {
                    let program = command.get_program().to_string_lossy().into_owned();
                    let _ = tell.send(Err(format!("cannot start {program}: {error}")));
                    return;
                }
            };
            let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let _ = tell.send(group.ok_or_else(|| "no process id".to_owned()));
            if let Some(group) = group {
                follow(child, group, &kept);
            }
        };
        let thread = Builder::new().name("container".to_owned()).spawn(watch);
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        let group = told.recv().map_err(|_| "its thread ended".to_owned())??;
        Ok(Self { group, state })
    }

    /// Adds a line of ours to what it printed.
    pub fn note(&self, text: String) {
        let at = WorldClock::Wall.now();
        locked(&self.state).log.lines.push(LogLine { at, text });
    }

    /// How it ended.
    pub fn exit(&self) -> Option<Exit> {
        locked(&self.state).exit
    }

    /// What it printed.
    pub fn log(&self) -> LogText {
        locked(&self.state).log.clone()
    }

    /// Asks it to end, and makes it end after that time.
    pub fn stop(&self, grace: Duration) {
        self.signal(Signal::TERM);
        let process = self.clone();
        let wait = move || see_to_the_end(&process, grace);
        if Builder::new().name("stop".to_owned()).spawn(wait).is_err() {
            self.signal(Signal::KILL);
        }
    }

    /// Sends a signal to it and to what it started, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        if self.exit().is_none() {
            // It may end just now, which is as well.
            let _ = kill_process_group(self.group, signal);
        }
    }
}

/// Waits for the end of a process, as long as it may take, and makes it end then.
fn see_to_the_end(process: &Process, grace: Duration) {
    let mut left = grace;
    while process.exit().is_none() && !left.is_zero() {
        let pause = left.min(LOOK_EVERY);
        std::thread::sleep(pause);
        left -= pause;
    }
    process.signal(Signal::KILL);
}

/// Stays with a process until it ends.
fn follow(mut child: Child, group: Pid, state: &Arc<Mutex<State>>) {
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child
            .stdout
            .take()
            .map(|s| Box::new(s) as Box<dyn Read + Send>),
        child
            .stderr
            .take()
            .map(|s| Box::new(s) as Box<dyn Read + Send>),
    ];
    let readers: Vec<JoinHandle<()>> = streams
        .into_iter()
        .flatten()
        .filter_map(|stream| {
            let state = state.clone();
            let read = move || keep_lines(stream, &state);
            Builder::new().name("output".to_owned()).spawn(read).ok()
        })
        .collect();
    let code = child.wait().map_or(255, exit_code);
    // What it left behind would keep its output open.
    let _ = kill_process_group(group, Signal::KILL);
    for reader in readers {
        let _ = reader.join();
    }
    let at = WorldClock::Wall.now();
    locked(state).exit = Some(Exit { code, at });
}

fn exit_code(status: ExitStatus) -> i64 {
    let signal = status.signal().map_or(255, |signal| 128 + signal);
    i64::from(status.code().unwrap_or(signal))
}

fn keep_lines(stream: impl Read, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = u64::try_from(LINE).unwrap_or(u64::MAX);
        match reader.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']).to_owned();
        let at = WorldClock::Wall.now();
        let mut state = locked(state);
        let log = &mut state.log;
        log.lines.push(LogLine { at, text });
        if log.lines.len() > LINES {
            // A tenth at once, so that it isn't moved with every line.
            log.lines.drain(..LINES / 10);
            log.first += LINES / 10;
        }
    }
}
