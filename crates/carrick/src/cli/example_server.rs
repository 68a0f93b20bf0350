//! `carrick example-server`: the program of image `carrick.dev/examples/hello`. It serves one page, and figures for Prometheus at
//! `/metrics`; it prints a line per request, and what it is sent.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use clap::Args;
use runtime::shutdown;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{message, print};

/// Longest body of a request that is read, in bytes.
const LONGEST: u64 = 256 * 1024;

/// Requests so far, by method.
#[derive(Default)]
struct Requests {
    get: AtomicU64,
    post: AtomicU64,
    other: AtomicU64,
}

impl Requests {
    fn count(&self, method: &str) {
        let counter = match method {
            "GET" => &self.get,
            "POST" => &self.post,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// As Prometheus reads them.
    fn text(&self) -> String {
        let mut text = "# HELP example_requests_total Requests that came in.\n\
                        # TYPE example_requests_total counter\n"
            .to_owned();
        for (method, counter) in [
            ("GET", &self.get),
            ("POST", &self.post),
            ("other", &self.other),
        ] {
            let count = counter.load(Ordering::Relaxed);
            // Writing to a String can't fail.
            let _ = writeln!(
                text,
                "example_requests_total{{method=\"{method}\"}} {count}"
            );
        }
        text
    }
}

/// What to serve, and for how long.
#[derive(Args)]
pub struct ExampleServerArgs {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// The page [default: the variable GREETING, or "hello"]
    #[arg(long)]
    text: Option<String>,
    /// Serve this file's content instead, read anew for each request
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// End by itself after so many seconds
    #[arg(long, value_name = "SECONDS")]
    exit_after: Option<u64>,
    /// The exit code then
    #[arg(long, default_value_t = 0)]
    code: u8,
    /// Take no notice of SIGTERM
    #[arg(long)]
    stubborn: bool,
}

impl ExampleServerArgs {
    /// Serves until SIGTERM or its time.
    pub fn run(self) -> Result<()> {
        super::block_on(self.serve())
    }

    async fn serve(self) -> Result<()> {
        let stop = shutdown::on_signals()?;
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        print(&format!("listening on http://{}\n", self.listen))?;
        let code = self.code;
        let over = self.exit_after.map(std::time::Duration::from_secs);
        let stubborn = self.stubborn;
        let requests = Requests::default();
        let serving = async {
            loop {
                let (stream, peer) = listener.accept().await?;
                if let Err(error) = self.answer(stream, &requests).await {
                    message(&format!("{peer}: {error}"));
                }
            }
        };
        let ending = async {
            match over {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        let told = async {
            stop.triggered().await;
            if stubborn {
                message("told to end, and going on");
                std::future::pending::<()>().await;
            }
        };
        runtime::select! {
            () = told => {
                print("told to end\n")
            },
            () = ending => {
                message(&format!("ending with exit code {code}"));
                std::process::exit(i32::from(code));
            },
            error = serving => error,
        }
    }

    /// One request, one page.
    async fn answer(&self, stream: TcpStream, requests: &Requests) -> Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let request = lines.next_line().await?.unwrap_or_default();
        let mut length = 0;
        while let Some(line) = lines.next_line().await?.filter(|line| !line.is_empty()) {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = Vec::new();
        let rest = lines.into_inner().take(length.min(LONGEST));
        Box::pin(rest).read_to_end(&mut body).await?;
        let mut words = request.split(' ');
        requests.count(words.next().unwrap_or_default());
        let text = if words.next() == Some("/metrics") {
            requests.text()
        } else {
            print(&format!("{request}\n"))?;
            if !body.is_empty() {
                print(&format!("{}\n", String::from_utf8_lossy(&body).trim_end()))?;
            }
            self.page()?
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            text.len()
        );
        writer.write_all(head.as_bytes()).await?;
        writer.write_all(text.as_bytes()).await?;
        Ok(())
    }

    fn page(&self) -> Result<String> {
        Ok(match (&self.file, &self.text) {
            (Some(file), _) => std::fs::read_to_string(file)?,
            (None, Some(text)) => format!("{text}\n"),
            (None, None) => {
                let greeting = std::env::var("GREETING").unwrap_or_else(|_| "hello".to_owned());
                format!("{greeting}\n")
            }
        })
    }
}
