//! Making a program read its files again: by a request, or by a signal.

mod process;
mod runtime_info;

use std::io;
use std::path::Path;
use std::time::Duration;

use http::Method as HttpMethod;
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::{Answer, Client, ClientError};
use crate::flags::Method;
use crate::log::Log;
use crate::url::Url;

use runtime_info::{RuntimeInfo, Verdict};

/// How often a program that got a signal is asked whether it is done.
const POLL: Duration = Duration::from_secs(1);

/// Why a reload failed.
#[derive(Debug, Error)]
pub(crate) enum ReloadError {
    #[error("reload request failed: {url}: {source}")]
    Request {
        url: String,
        #[source]
        source: ClientError,
    },
    #[error(
        "received non-200 response: {line}; have you set `--web.enable-lifecycle` Prometheus flag?"
    )]
    Refused { line: String, body: String },
    #[error("failed to get config status {when} reload: {url}: {reason}")]
    Status {
        when: &'static str,
        url: String,
        reason: String,
    },
    #[error("list processes: {0}")]
    Processes(io::Error),
    #[error("failed to find process matching \"{0}\"")]
    NoProcess(String),
    #[error("failed to send SIGHUP to pid {pid}: {source}")]
    Signal {
        pid: i32,
        #[source]
        source: io::Error,
    },
    #[error("configuration reload has failed")]
    Failed,
    #[error("no successful configuration reload was seen (last one at {0})")]
    NotSeen(Timestamp),
}

impl ReloadError {
    /// What the program said about it.
    pub(crate) fn answer(&self) -> &str {
        match self {
            Self::Refused { body, .. } => body,
            Self::Request { .. }
            | Self::Status { .. }
            | Self::Processes(_)
            | Self::NoProcess(_)
            | Self::Signal { .. }
            | Self::Failed
            | Self::NotSeen(_) => "",
        }
    }
}

/// Reloads by the method that was asked for.
#[derive(Clone)]
pub(crate) struct Trigger {
    method: Method,
    client: Client,
    log: Log,
    now: fn() -> Timestamp,
}

impl Trigger {
    /// Waits `timeout` for each answer.
    pub(crate) fn new(
        method: Method,
        timeout: Duration,
        log: Log,
        now: fn() -> Timestamp,
    ) -> Result<Self, rustls::Error> {
        Ok(Self {
            method,
            client: Client::new(timeout)?,
            log,
            now,
        })
    }

    /// How many programs there are.
    pub(crate) fn count(&self) -> usize {
        match &self.method {
            Method::Http(urls) => urls.len(),
            Method::Signal { .. } => 1,
        }
    }

    /// Whether a reload that isn't over may be given up for a newer one: what a request began is best waited for, what a
    /// signal began shows only some time, or never.
    pub(crate) fn may_be_given_up(&self) -> bool {
        match self.method {
            Method::Http(_) => false,
            Method::Signal { .. } => true,
        }
    }

    /// Reloads one of them; by a signal, waits until then for its success.
    pub(crate) async fn reload(&self, target: usize, until: Instant) -> Result<(), ReloadError> {
        match &self.method {
            Method::Http(urls) => match urls.get(target) {
                Some(url) => self.post(url).await,
                None => Ok(()),
            },
            Method::Signal {
                process,
                runtime_info,
            } => self.signal(process, runtime_info, until).await,
        }
    }

    async fn post(&self, url: &Url) -> Result<(), ReloadError> {
        let answer = self.client.send(HttpMethod::POST, url).await;
        let answer = answer.map_err(|source| ReloadError::Request {
            url: url.to_string(),
            source,
        })?;
        if answer.status == http::StatusCode::OK {
            return Ok(());
        }
        Err(ReloadError::Refused {
            line: answer.line,
            body: String::from_utf8_lossy(&answer.body).trim().to_owned(),
        })
    }

    async fn signal(&self, name: &str, url: &Url, until: Instant) -> Result<(), ReloadError> {
        let before = self.runtime_info("before", url).await?;
        self.log.debug(
            "Pre-reload check",
            &[
                ("success", &before.success),
                ("last_config_reload", &before.time),
            ],
        );
        // Two reloads within a second couldn't be told apart.
        sleep(before.indistinct((self.now)())).await;
        hang_up(name)?;
        loop {
            let after = self.runtime_info("after", url).await?;
            self.log.debug(
                "Post-reload check",
                &[
                    ("success", &after.success),
                    ("last_config_reload", &after.time),
                ],
            );
            match before.then(after) {
                Verdict::Done => return Ok(()),
                Verdict::Failed => return Err(ReloadError::Failed),
                Verdict::Wait if Instant::now() + POLL >= until => {
                    sleep_until(until).await;
                    return Err(ReloadError::NotSeen(after.time));
                }
                Verdict::Wait => sleep(POLL).await,
            }
        }
    }

    async fn runtime_info(
        &self,
        when: &'static str,
        url: &Url,
    ) -> Result<RuntimeInfo, ReloadError> {
        let answer = self.client.send(HttpMethod::GET, url).await;
        let info = match answer {
            Err(error) => Err(error.to_string()),
            Ok(Answer { status, .. }) if !status.is_success() => {
                Err(format!("invalid status code: {}", status.as_u16()))
            }
            Ok(Answer { body, .. }) => RuntimeInfo::parse(&body),
        };
        info.map_err(|reason| ReloadError::Status {
            when,
            url: url.to_string(),
            reason,
        })
    }
}

/// Sends the signal to the program of that name.
fn hang_up(name: &str) -> Result<(), ReloadError> {
    let processes = process::list(Path::new("/proc")).map_err(ReloadError::Processes)?;
    let own = std::process::id();
    let found = process::find(&processes, name, own.cast_signed());
    let found = found.and_then(Pid::from_raw);
    let Some(pid) = found else {
        return Err(ReloadError::NoProcess(name.to_owned()));
    };
    kill_process(pid, Signal::HUP).map_err(|error| ReloadError::Signal {
        pid: pid.as_raw_nonzero().get(),
        source: error.into(),
    })
}
