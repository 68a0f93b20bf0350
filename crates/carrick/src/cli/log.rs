//! The log on standard error, in the forms that readers of upstream's logs know.

use std::fmt::{self, Debug};

use runtime::Clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::output::shows_colour;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// For people.
    Text,
    /// An object with the time, the level, where it comes from, and an object of fields.
    Json,
    /// `ts`, `level`, `caller`, `msg` and the fields, as upstream's operator has them.
    Keyed(logs::Format),
}

/// Starts the log. Nobody is told if nobody reads it any more: the attempt would end what is being logged.
pub fn start_log(filter: EnvFilter, form: LogForm) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(shows_colour(&std::io::stderr()))
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match form {
        LogForm::Text => log.init(),
        LogForm::Json => log.json().init(),
        LogForm::Keyed(format) => log.event_format(Keyed(format)).init(),
    }
}

/// Lines with upstream's keys.
struct Keyed(logs::Format);

impl<S, N> FormatEvent<S, N> for Keyed
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        let file = about.file().unwrap_or(about.target());
        let file = file.rsplit('/').next().unwrap_or(file);
        let caller = about
            .line()
            .map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
        let mut said = Said::default();
        event.record(&mut said);
        let mut all = vec![
            ("ts", Clock::system().now().to_string()),
            ("level", name(*about.level()).to_owned()),
            ("caller", caller),
            ("msg", said.message),
        ];
        all.extend(said.fields);
        writer.write_str(&self.0.line(&all))
    }
}

/// Upstream knows four levels.
fn name(level: Level) -> &'static str {
    if level == Level::ERROR {
        "error"
    } else if level == Level::WARN {
        "warn"
    } else if level == Level::INFO {
        "info"
    } else {
        "debug"
    }
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Said {
    fn note(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.push((field.name(), value));
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.note(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if let Ok(mut all) = self.0.lock() {
                all.extend_from_slice(bytes);
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_have_upstreams_keys() {
        for (format, wanted) in [
            (
                logs::Format::Logfmt,
                "level=warn caller=log.rs:N msg=\"a pass failed\" object=ns/a times=2\n",
            ),
            (
                logs::Format::Json,
                "\"level\":\"warn\",\"msg\":\"a pass failed\",\"object\":\"ns/a\",\"times\":\"2\",\"ts\":",
            ),
        ] {
            let out = Arc::new(Mutex::new(Vec::new()));
            let to = out.clone();
            let subscriber = tracing_subscriber::fmt()
                .event_format(Keyed(format))
                .with_writer(move || Shared(to.clone()))
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::warn!(object = "ns/a", times = 2, "a pass {}", "failed");
            });
            let bytes = out.lock().map(|bytes| bytes.clone()).unwrap_or_default();
            let line = String::from_utf8_lossy(&bytes);
            let digits = |text: &str| {
                text.chars()
                    .filter(char::is_ascii_digit)
                    .collect::<String>()
            };
            let number = line
                .split("log.rs:")
                .nth(1)
                .and_then(|rest| rest.split([' ', '"']).next());
            let number = number.map(digits).unwrap_or_default();
            let line = line.replace(&format!("log.rs:{number}"), "log.rs:N");
            assert!(line.contains(wanted), "{line}");
        }
    }
}
