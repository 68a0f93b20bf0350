//! The loop: wait, look at the files, tell who must know.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::Either;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::environment::Environment;
use crate::error::Error;
use crate::files::{Digest, Tree};
use crate::first;
use crate::flags::Options;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::normalise::normalise;
use crate::reload::{ReloadError, Trigger};
use crate::schedule::{Due, Intervals, Schedule};
use crate::targets::{Seen, Targets};
use crate::watch::Watcher;

/// Watches files and reloads programs.
pub(crate) struct Reloader {
    options: Options,
    environment: Environment,
    metrics: Arc<Metrics>,
    log: Log,
    now: fn() -> Timestamp,
    trigger: Trigger,
    targets: Targets,
    schedule: Schedule,
    watcher: Watcher,
}

/// How telling ended.
enum Told {
    /// All who must know do.
    All,
    /// Somebody doesn't.
    NotAll,
    /// Files changed meanwhile, which makes it pointless.
    Outdated,
}

impl Reloader {
    /// One that hasn't looked yet.
    pub(crate) fn new(
        options: Options,
        environment: Environment,
        metrics: Arc<Metrics>,
        log: Log,
        now: fn() -> Timestamp,
    ) -> Result<Self, Error> {
        let trigger = Trigger::new(
            options.method.clone(),
            options.reload_timeout,
            log.clone(),
            now,
        )?;
        let intervals = Intervals {
            delay: options.delay_interval,
            watch: options.watch_interval,
            retry: options.retry_interval,
        };
        Ok(Self {
            targets: Targets::new(trigger.count()),
            trigger,
            schedule: Schedule::new(intervals, Instant::now()),
            watcher: Watcher::new(options.output_file.as_deref()).map_err(Error::Watcher)?,
            options,
            environment,
            metrics,
            log,
            now,
        })
    }

    /// Looks once, and then for ever, unless this is an init container.
    ///
    /// # Errors
    /// If the first look fails; later ones are tried again.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let nothing = self.options.config_file.is_none() && self.options.watched.is_empty();
        if nothing {
            self.log.info("nothing to be watched", &[]);
        }
        if self.options.is_init() {
            return self.look().map(drop);
        }
        if nothing {
            return std::future::pending().await;
        }
        self.log.info(self.method(), &[]);
        let seen = self.look()?;
        self.log_files("started watching config file and directories for changes");
        self.tell(seen).await;
        loop {
            let due = self.due().await;
            self.pass(due).await;
        }
    }

    fn method(&self) -> &'static str {
        if self.trigger.may_be_given_up() {
            "reloading via process signal"
        } else {
            "reloading via HTTP"
        }
    }

    /// One pass. A retry isn't counted, as it belongs to the pass that failed.
    async fn pass(&mut self, due: Due) {
        let counted = match due {
            Due::Change | Due::Interval => true,
            Due::Retry => false,
        };
        if counted {
            self.metrics.applies.inc();
        }
        match self.look() {
            Ok(seen) => self.tell(seen).await,
            Err(error) => {
                self.log.error("apply error", &[("err", &error)]);
                if counted {
                    self.metrics.failed_applies.inc();
                } else {
                    self.schedule.failed(Instant::now());
                }
            }
        }
    }

    /// Writes the configuration and reads everything that a reload depends on. Folders are watched before they are read,
    /// so that nothing changes unnoticed in between.
    fn look(&mut self) -> Result<Seen, Error> {
        let (config, watched) = (
            self.options.config_file.clone(),
            self.options.watched.clone(),
        );
        if !self.options.is_init() {
            let mut tree = Tree::of(&watched)?;
            if let Some(config) = &config {
                tree.follow_file(config);
            }
            let failed = self.watcher.follow(&tree.folders);
            self.metrics.watches.set_count(self.watcher.count());
            for (folder, error) in failed {
                self.metrics.watch_errors.inc();
                let fields: crate::log::Fields<'_> = &[("dir", &folder.display()), ("err", &error)];
                self.log.error("watch error", fields);
            }
        }
        let config = match config {
            Some(config) => Some(self.normalise(&config)?),
            None => None,
        };
        let watched = match watched.as_slice() {
            [] => None,
            watched => Some(Tree::of(watched)?.digest()?),
        };
        Ok(Seen { config, watched })
    }

    fn normalise(&self, config: &Path) -> Result<Digest, Error> {
        let output = self.options.output_file.as_deref();
        let normalised = normalise(config, output, &self.environment)?;
        self.metrics
            .unset_variables
            .set_count(normalised.unset.len());
        for variable in &normalised.unset {
            let reason = format!("found reference to unset environment variable \"{variable}\"");
            self.log
                .warn("expand environment variable", &[("err", &reason)]);
        }
        Ok(normalised.digest)
    }

    /// Tells everybody who doesn't know yet what was seen, and plans to try again where that failed.
    async fn tell(&mut self, seen: Seen) {
        let pending = self.targets.pending(seen);
        if pending.is_empty() {
            return;
        }
        let until = self.schedule.patience();
        let mut told = Told::All;
        for target in pending {
            self.metrics.reloads.inc();
            let trigger = self.trigger.clone();
            let reload = Box::pin(trigger.reload(target, until));
            match first(reload, self.outdated()).await {
                Either::Left(Ok(())) => self.targets.succeeded(target, seen),
                Either::Left(Err(error)) => {
                    self.targets.failed(target);
                    self.failed(&error);
                    told = Told::NotAll;
                }
                Either::Right(()) => {
                    self.targets.failed(target);
                    told = Told::Outdated;
                    break;
                }
            }
        }
        match told {
            Told::All => {
                self.metrics.succeeded((self.now)());
                self.log_files("Reload triggered");
            }
            Told::NotAll => self.schedule.failed(Instant::now()),
            Told::Outdated => self
                .log
                .info("Files changed before the reload was seen to succeed", &[]),
        }
    }

    fn failed(&self, error: &ReloadError) {
        self.metrics.failed_reloads.inc();
        self.metrics.last_successful.set(0.0);
        let message = "Failed to trigger reload. Retrying.";
        match error.answer() {
            "" => self.log.error(message, &[("err", error)]),
            answer => self
                .log
                .error(message, &[("err", error), ("answer", &answer)]),
        }
    }

    fn log_files(&self, message: &str) {
        let shown = |path: &Option<PathBuf>| {
            path.as_ref()
                .map_or(String::new(), |path| path.display().to_string())
        };
        let watched = self
            .options
            .watched
            .iter()
            .map(|path| path.display().to_string());
        let watched = watched.collect::<Vec<_>>().join(", ");
        let (config, output) = (
            shown(&self.options.config_file),
            shown(&self.options.output_file),
        );
        self.log.info(
            message,
            &[
                ("cfg_in", &config),
                ("cfg_out", &output),
                ("watched_dirs", &watched),
            ],
        );
    }

    /// Waits until something is due.
    async fn due(&mut self) -> Due {
        loop {
            if let Some(due) = self.schedule.due(Instant::now()) {
                return due;
            }
            let next = self.schedule.next();
            if let Either::Right(changes) = first(sleep_until(next), self.watcher.changes()).await
                && !self.changed(changes)
            {
                sleep_until(next).await;
            }
        }
    }

    /// Notes changes while a reload runs. Ends only if it may be given up, once they have settled.
    async fn outdated(&mut self) {
        let may_end = self.trigger.may_be_given_up();
        loop {
            let settled = self.schedule.settles().filter(|_| may_end);
            let settled = async {
                match settled {
                    Some(instant) => sleep_until(instant).await,
                    None => std::future::pending().await,
                }
            };
            match first(settled, self.watcher.changes()).await {
                Either::Left(()) => return,
                Either::Right(changes) => {
                    if !self.changed(changes) {
                        return std::future::pending().await;
                    }
                }
            }
        }
    }

    /// Plans a look at what changed. `false` if changes can't be told at present, and asking again at once is no use.
    fn changed(&mut self, changes: std::io::Result<u64>) -> bool {
        match changes {
            Ok(count) => {
                self.metrics.watch_events.add(count);
                self.schedule.changed(Instant::now());
                true
            }
            Err(error) => {
                self.metrics.watch_errors.inc();
                self.log.error("watch error", &[("err", &error)]);
                false
            }
        }
    }
}
