//! Logs in upstream's two forms: logfmt and JSON, with its keys `ts`, `level` and `msg`.

use std::fmt::{self, Display};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
pub use logs::Format;

use crate::flags::LogOptions;

/// From which level on something is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Everything.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
    /// Nothing.
    None,
}

impl Level {
    /// By upstream's word, in any case.
    pub(crate) fn named(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "all" | "debug" => Self::Debug,
            "info" => Self::Info,
            "warn" => Self::Warn,
            "error" => Self::Error,
            "none" => Self::None,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::None => "none",
        }
    }
}

/// Where logs go. Clones write to the same place.
#[derive(Clone)]
pub struct Log {
    options: LogOptions,
    now: fn() -> Timestamp,
    out: Arc<Mutex<dyn Write + Send>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Keys and values of one entry.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

impl Log {
    /// To standard error, with the time of that clock.
    pub fn to_stderr(options: LogOptions, now: fn() -> Timestamp) -> Self {
        Self::to(options, now, Arc::new(Mutex::new(std::io::stderr())))
    }

    /// To anything else.
    pub fn to(
        options: LogOptions,
        now: fn() -> Timestamp,
        out: Arc<Mutex<dyn Write + Send>>,
    ) -> Self {
        Self { options, now, out }
    }

    pub(crate) fn debug(&self, message: &str, fields: Fields<'_>) {
        self.write(Level::Debug, message, fields);
    }

    pub(crate) fn info(&self, message: &str, fields: Fields<'_>) {
        self.write(Level::Info, message, fields);
    }

    pub(crate) fn warn(&self, message: &str, fields: Fields<'_>) {
        self.write(Level::Warn, message, fields);
    }

    pub(crate) fn error(&self, message: &str, fields: Fields<'_>) {
        self.write(Level::Error, message, fields);
    }

    fn write(&self, level: Level, message: &str, fields: Fields<'_>) {
        if level < self.options.level {
            return;
        }
        let time = (self.now)();
        let mut all: Vec<(&str, String)> = vec![
            ("ts", time.to_string()),
            ("level", level.name().to_owned()),
            ("msg", message.to_owned()),
        ];
        all.extend(fields.iter().map(|(key, value)| (*key, value.to_string())));
        let line = self.options.format.line(&all);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // There is nowhere to complain about it.
        let _ = out.write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn logged(options: LogOptions) -> String {
        let out = Arc::new(Mutex::new(Vec::new()));
        let log = Log::to(options, || Timestamp::UNIX_EPOCH, out.clone());
        log.debug("looked", &[]);
        log.info(
            "Reload triggered",
            &[("cfg_in", &"/etc/a.yaml"), ("watched_dirs", &"")],
        );
        log.error("it's \"bad\"\n", &[("err", &"a=b")]);
        let bytes = out.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn logfmt_quotes_what_needs_it() {
        let expected = concat!(
            "ts=1970-01-01T00:00:00Z level=info msg=\"Reload triggered\" cfg_in=/etc/a.yaml watched_dirs=\n",
            "ts=1970-01-01T00:00:00Z level=error msg=\"it's \\\"bad\\\"\\n\" err=\"a=b\"\n",
        );
        assert_eq!(logged(LogOptions::default()), expected);
    }

    #[test]
    fn json_has_an_object_per_line() {
        let options = LogOptions {
            level: Level::Error,
            format: Format::Json,
        };
        let line = logged(options);
        let value: Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "ts": "1970-01-01T00:00:00Z", "level": "error", "msg": "it's \"bad\"\n", "err": "a=b",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn levels_are_a_threshold() {
        for (name, lines) in [
            ("all", 3),
            ("debug", 3),
            ("info", 2),
            ("warn", 1),
            ("error", 1),
            ("none", 0),
        ] {
            let level = Level::named(name).unwrap();
            let options = LogOptions {
                level,
                ..LogOptions::default()
            };
            assert_eq!(logged(options).lines().count(), lines, "{name}");
        }
    }
}
