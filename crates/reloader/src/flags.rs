//! The command line, in Go's style: one dash or two, `--flag=value` or `--flag value`. Flags and defaults mirror
//! upstream's `cmd/prometheus-config-reloader/main.go`.

mod duration;
mod table;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::log::{Format, Level};
use crate::url::Url;

use table::{FLAGS, Flag, Takes};

/// Version of this build.
pub(crate) const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Print this, and do nothing else.
    Print(String),
    /// Watch and reload.
    Run(Box<Options>),
}

/// How to watch and reload.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The configuration.
    pub config_file: Option<PathBuf>,
    /// Where it is written, unpacked and with variables put in.
    pub output_file: Option<PathBuf>,
    /// Longest time between two looks at the files; zero: one look only, without a reload.
    pub watch_interval: Duration,
    /// Quiet time after a change.
    pub delay_interval: Duration,
    /// Time between two attempts to reload.
    pub retry_interval: Duration,
    /// Longest time to wait for an answer.
    pub reload_timeout: Duration,
    /// Folders whose files are watched too.
    pub watched: Vec<PathBuf>,
    /// How to reload.
    pub method: Method,
    /// Variable whose last digits are the pod's ordinal.
    pub ordinal_from: String,
    /// Where metrics are served.
    pub listen: Option<String>,
    /// How they are served.
    pub web_config: Option<PathBuf>,
    /// What is logged, and how.
    pub log: LogOptions,
}

impl Options {
    /// Whether this is an init container: the files are looked at once.
    pub fn is_init(&self) -> bool {
        self.watch_interval.is_zero()
    }
}

/// How to make a program read its files again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// A POST to each of these.
    Http(Vec<Url>),
    /// A SIGHUP.
    Signal {
        /// To the program of this name.
        process: String,
        /// Where it says whether it heeded it.
        runtime_info: Url,
    },
}

impl Method {
    /// Upstream's word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Signal { .. } => "signal",
        }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// From which level on.
    pub level: Level,
    /// In which form.
    pub format: Format,
}

/// Arguments that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("error: {0}, try --help")]
pub struct UsageError(String);

fn refuse<T>(text: impl Into<String>) -> Result<T, UsageError> {
    Err(UsageError(text.into()))
}

/// Reads arguments, without the name of the program.
///
/// # Errors
/// If a flag isn't known, lacks its value, has a value of another type, or is there twice and may not be.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let given = Given::of(arguments)?;
    if given.is_set("help")? {
        return Ok(Command::Print(table::help()));
    }
    if given.is_set("short-version")? {
        return Ok(Command::Print(VERSION.trim_start_matches('v').to_owned()));
    }
    if given.is_set("version")? {
        let number = VERSION.trim_start_matches('v');
        let text = format!("prometheus-config-reloader, version {number} (Carrick)\n");
        return Ok(Command::Print(text));
    }
    given
        .options()
        .map(|options| Command::Run(Box::new(options)))
}

/// The flags that were given, with their values.
struct Given(Vec<(&'static Flag, OsString)>);

impl Given {
    fn of(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut given = Self(Vec::new());
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let bytes = argument.as_bytes();
            let flag = bytes
                .strip_prefix(b"--")
                .or_else(|| bytes.strip_prefix(b"-"));
            let Some(flag) = flag.filter(|flag| !flag.is_empty()) else {
                return refuse(format!("unexpected {}", argument.display()));
            };
            let mut halves = flag.splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default();
            let value = halves
                .next()
                .map(|value| OsString::from_vec(value.to_vec()));
            given.take(name, value, &mut arguments)?;
        }
        Ok(given)
    }

    fn take(
        &mut self,
        name: &[u8],
        value: Option<OsString>,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), UsageError> {
        let Some(flag) = FLAGS.iter().find(|flag| flag.name.as_bytes() == name) else {
            let name = OsStr::from_bytes(name).display();
            return refuse(format!("unknown long flag '--{name}'"));
        };
        let again = self.0.iter().any(|(known, _)| known.name == flag.name);
        let value = match (flag.takes, value) {
            (Takes::One, _) if again => {
                return refuse(format!("flag '{}' cannot be repeated", flag.name));
            }
            (_, Some(value)) => value,
            (Takes::Nothing, None) => "true".into(),
            (Takes::One | Takes::Many, None) => match rest.next() {
                Some(value) if !value.as_bytes().starts_with(b"-") => value,
                _ => return refuse(format!("expected argument for flag '--{}'", flag.name)),
            },
        };
        self.0.push((flag, value));
        Ok(())
    }

    fn options(&self) -> Result<Options, UsageError> {
        self.typed("auto-gomemlimit-ratio", |text| text.parse::<f64>().ok())?;
        let method = match self.text("reload-method")?.as_str() {
            "http" => Method::Http(self.urls("reload-url")?),
            "signal" => Method::Signal {
                process: self.text("process-executable-name")?,
                runtime_info: self.url("runtimeinfo-url")?,
            },
            other => {
                return refuse(format!(
                    "enum value must be one of http,signal, got '{other}'"
                ));
            }
        };
        let text = |name| {
            self.text(name)
                .map(|text| Some(text).filter(|text| !text.is_empty()))
        };
        Ok(Options {
            config_file: self.path("config-file"),
            output_file: self.path("config-envsubst-file"),
            watch_interval: self.duration("watch-interval")?,
            delay_interval: self.duration("delay-interval")?,
            retry_interval: self.duration("retry-interval")?,
            reload_timeout: self.duration("reload-timeout")?,
            watched: self
                .values("watched-dir")
                .into_iter()
                .map(PathBuf::from)
                .collect(),
            method,
            ordinal_from: self.text("statefulset-ordinal-from-envvar")?,
            listen: text("listen-address")?,
            web_config: self.path("web-config-file"),
            log: LogOptions {
                level: self.typed("log-level", Level::named)?,
                format: self.typed("log-format", Format::named)?,
            },
        })
    }

    /// All values of a flag, or its default.
    fn values(&self, name: &str) -> Vec<OsString> {
        let given = self.0.iter().filter(|(flag, _)| flag.name == name);
        let given: Vec<OsString> = given.map(|(_, value)| value.clone()).collect();
        let default = FLAGS.iter().find(|flag| flag.name == name);
        match default.and_then(|flag| flag.default) {
            Some(default) if given.is_empty() => vec![default.into()],
            _ => given,
        }
    }

    fn value(&self, name: &str) -> OsString {
        self.values(name).pop().unwrap_or_default()
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.value(name);
        (!value.is_empty()).then(|| value.into())
    }

    fn text(&self, name: &str) -> Result<String, UsageError> {
        let text = self.value(name).into_string();
        text.or_else(|value| refuse(format!("--{name}: {} is no text", value.display())))
    }

    /// A value that one function reads.
    fn typed<T>(&self, name: &str, read: fn(&str) -> Option<T>) -> Result<T, UsageError> {
        let text = self.text(name)?;
        match read(&text) {
            Some(value) => Ok(value),
            None => refuse(format!("invalid value '{text}' for flag '--{name}'")),
        }
    }

    fn duration(&self, name: &str) -> Result<Duration, UsageError> {
        self.typed(name, duration::duration)
    }

    fn is_set(&self, name: &str) -> Result<bool, UsageError> {
        self.typed(name, |text| match text {
            "true" => Some(true),
            "false" | "" => Some(false),
            _ => None,
        })
    }

    fn url(&self, name: &str) -> Result<Url, UsageError> {
        read_url(name, &self.value(name))
    }

    fn urls(&self, name: &str) -> Result<Vec<Url>, UsageError> {
        let mut urls = Vec::new();
        for value in self.values(name) {
            let url = read_url(name, &value)?;
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        Ok(urls)
    }
}

fn read_url(name: &str, value: &OsStr) -> Result<Url, UsageError> {
    let shown = value.display();
    let text = value.to_str().unwrap_or_default();
    text.parse().or_else(|reason| {
        refuse(format!(
            "invalid value '{shown}' for flag '--{name}': {reason}"
        ))
    })
}

#[cfg(test)]
mod tests;
