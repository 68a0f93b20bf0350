//! A folder, a program to reload, and the reloader itself as a process.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Longer than anything takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Waits, but not for ever.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let output = tokio::time::timeout(PATIENCE, future).await;
    output.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A folder of one test, gone with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("reloader-process-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Puts files into a volume as the kubelet does: into a folder of their own, which a link is swapped to.
    pub fn publish(&self, volume: &str, date: &str, files: &[(&str, &str)]) {
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, self.path(&format!("{volume}/{name}")))
        };
        let old = std::fs::read_link(self.path(&format!("{volume}/..data")));
        for (name, content) in files {
            self.write(&format!("{volume}/..{date}/{name}"), content);
        }
        link(&format!("..{date}"), "..data_tmp").unwrap();
        let [from, to] =
            ["..data_tmp", "..data"].map(|name| self.path(&format!("{volume}/{name}")));
        std::fs::rename(from, to).unwrap();
        for (name, _) in files {
            // Those of before are there.
            let _ = link(&format!("..data/{name}"), name);
        }
        if let Ok(old) = old {
            std::fs::remove_dir_all(self.path(volume).join(old)).unwrap();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A request that came, and what a file held at that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub line: String,
    pub head: String,
    pub read: String,
}

/// What the program answers to a request line: status line and body.
pub type Answers = Arc<dyn Fn(&str) -> (String, String) + Send + Sync>;

/// A program that can be reloaded by HTTP. Upon each request it reads a file.
pub struct Program {
    pub address: String,
    asked: mpsc::UnboundedReceiver<Asked>,
}

impl Program {
    /// Answers always `200 OK`.
    pub async fn willing(file: PathBuf) -> Self {
        Self::answering(file, Arc::new(|_| ("200 OK".to_owned(), String::new()))).await
    }

    /// Answers so many times 500 before it is willing.
    pub async fn failing(file: PathBuf, times: u32) -> Self {
        let left = Mutex::new(times);
        let answers = move |_: &str| {
            let mut left = left.lock().unwrap();
            if *left == 0 {
                return ("200 OK".to_owned(), String::new());
            }
            *left -= 1;
            (
                "500 Internal Server Error".to_owned(),
                "failed to reload config: bad".to_owned(),
            )
        };
        Self::answering(file, Arc::new(answers)).await
    }

    pub async fn answering(file: PathBuf, answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(
                    stream,
                    file.clone(),
                    answers.clone(),
                    sender.clone(),
                ));
            }
        });
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("--reload-url=http://{}/-/reload", self.address)
    }

    /// The next request.
    pub async fn next(&mut self) -> Asked {
        soon("a request", self.asked.recv()).await.unwrap()
    }

    /// The content that the next reload read.
    pub async fn reload(&mut self) -> String {
        let asked = self.next().await;
        assert_eq!(asked.line, "POST /-/reload HTTP/1.1");
        asked.read
    }

    /// Asserts that no request came since the last.
    pub fn nothing_more(&mut self) {
        assert_eq!(self.asked.try_recv().ok(), None);
    }
}

async fn converse(
    mut stream: TcpStream,
    file: PathBuf,
    answers: Answers,
    sender: mpsc::UnboundedSender<Asked>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap().to_owned();
    let read = std::fs::read_to_string(&file).unwrap_or_default();
    let (status, body) = answers(&line);
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = sender.send(Asked { line, head, read });
}

/// The reloader, running.
pub struct Running {
    child: Child,
    log: mpsc::UnboundedReceiver<String>,
    seen: Vec<String>,
}

pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_prometheus-config-reloader")
}

impl Running {
    pub fn start(arguments: &[String], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program())
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            log,
            seen: Vec::new(),
        }
    }

    /// The next line of the log that holds that text.
    pub async fn logged(&mut self, text: &str) -> String {
        loop {
            let Some(line) = soon(text, self.log.recv()).await else {
                panic!("ended without {text:?}: {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Where it listens.
    pub async fn address(&mut self) -> String {
        let line = self.logged("msg=\"Listening on\"").await;
        line.rsplit_once("address=").unwrap().1.to_owned()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal)
            .unwrap();
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        soon("the end", self.child.wait()).await.unwrap()
    }
}

/// One flag with a path.
pub fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

/// What an address answers: status line and body.
pub async fn get(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// The value of a metric, as it is written.
pub fn metric<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// The value of a metric.
pub fn number(text: &str, name: &str) -> f64 {
    metric(text, name).parse().unwrap()
}
