//! What the controllers warn of in a scenario, as its log would have it: each scenario has a thread of its own.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::dispatcher::{DefaultGuard, Dispatch};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Warnings and errors of the thread that listens, in order.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// Takes note of what this thread warns of, as long as the guard lives.
    pub fn listen(&self) -> DefaultGuard {
        let listener = Dispatch::new(Listener(self.clone()));
        tracing::dispatcher::set_default(&listener)
    }

    /// What was said so far: the text, then its fields as `name=value`.
    pub fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Listener(Warnings);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let Line { text, fields } = line;
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(text + &fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    text: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text can't fail.
        let _ = match field.name() {
            "message" => write!(self.text, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "another thread is what this is about"
)]
fn warnings_of_this_thread_are_heard() {
    let heard = Warnings::default();
    let guard = heard.listen();
    tracing::warn!(why = "rain", "no sun");
    tracing::info!("night");
    std::thread::spawn(|| tracing::warn!("elsewhere"))
        .join()
        .unwrap();
    drop(guard);
    tracing::error!("too late");
    assert_eq!(heard.all(), ["no sun why=rain"]);
}
