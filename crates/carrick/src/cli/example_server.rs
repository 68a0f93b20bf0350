//! `carrick example-server`: the program of image `carrick.dev/examples/hello`. It serves one page and prints a line per request.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use runtime::shutdown;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{message, print};

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
        let serving = async {
            loop {
                let (stream, peer) = listener.accept().await?;
                if let Err(error) = self.answer(stream).await {
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
    async fn answer(&self, stream: TcpStream) -> Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let request = lines.next_line().await?.unwrap_or_default();
        while lines
            .next_line()
            .await?
            .is_some_and(|line| !line.is_empty())
        {}
        let text = match (&self.file, &self.text) {
            (Some(file), _) => std::fs::read_to_string(file)?,
            (None, Some(text)) => format!("{text}\n"),
            (None, None) => {
                let greeting = std::env::var("GREETING").unwrap_or_else(|_| "hello".to_owned());
                format!("{greeting}\n")
            }
        };
        print(&format!("{request}\n"))?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            text.len()
        );
        writer.write_all(head.as_bytes()).await?;
        writer.write_all(text.as_bytes()).await?;
        Ok(())
    }
}
