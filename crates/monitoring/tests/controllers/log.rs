//! Fields that a version doesn't know are left out, and the log says so once.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use monitoring::operator::resources::{PROMETHEUS, PROMETHEUS_RULE, SECRET, SERVICE_MONITOR};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::cluster::play;

/// What is logged in this thread.
#[derive(Clone, Debug)]
pub struct Lines {
    is_kept: fn(Level) -> bool,
    told: Arc<Mutex<Vec<String>>>,
}

/// The fields of a line of the log.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (self.is_kept)(*metadata.level())
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.told.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Lines {
    /// Warnings alone.
    pub fn of_warnings() -> Self {
        Self::of(|level| level == Level::WARN)
    }

    /// All but what only those ask for who look for a fault.
    pub fn of_all() -> Self {
        // The simulated server logs every request, if it is asked to.
        Self::of(|level| level <= Level::INFO)
    }

    fn of(is_kept: fn(Level) -> bool) -> Self {
        Self {
            is_kept,
            told: Arc::default(),
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// How many of them say that.
    pub fn with(&self, parts: &[&str]) -> usize {
        let all = self.told.lock().unwrap();
        let says = |text: &&String| parts.iter().all(|part| text.contains(part));
        all.iter().filter(says).count()
    }
}

#[test]
fn what_a_version_does_not_know_is_left_out_and_told_once() {
    let warnings = Lines::of_warnings();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    play(async |cluster| {
        let token = json!({"stringData": {"token": "t"}});
        cluster.create(&SECRET, "team", "token", token).await;
        let server = json!({"spec": {
            "version": "v2.24.0", "serviceMonitorSelector": {}, "ruleSelector": {},
            "scrapeFailureLogFile": "failures.log",
        }});
        cluster.create(&PROMETHEUS, "team", "main", server).await;
        let monitor = json!({"spec": {"selector": {}, "endpoints": [{
            "port": "http", "authorization": {"credentials": {"name": "token", "key": "token"}},
        }]}});
        cluster
            .create(&SERVICE_MONITOR, "team", "web", monitor)
            .await;
        let rules = json!({"spec": {"groups": [
            {"name": "g", "limit": 5, "rules": [{"record": "a", "expr": "b"}]},
        ]}});
        cluster
            .create(&PROMETHEUS_RULE, "team", "rules", rules)
            .await;
        cluster
            .until("it has its job", async || {
                let text = cluster.configuration("main").await;
                text.contains("serviceMonitor/team/web/0")
            })
            .await;
        cluster.settled().await;
        // Another pass, in which nothing is left out that wasn't before.
        let more = json!({"metadata": {"annotations": {"a": "b"}}});
        cluster.merge(&PROMETHEUS, "main", more).await;
        cluster.written_within(Duration::from_secs(30)).await;
    });
    for parts in [
        ["ServiceMonitor team/web: ", "\"authorization\""],
        ["PrometheusRule team/rules: ", "\"limit\""],
        [
            "kind=Prometheus key=team/main",
            "\"scrape_failure_log_file\"",
        ],
    ] {
        assert_eq!(warnings.with(&parts), 1, "{parts:?}: {:?}", warnings.all());
    }
}
