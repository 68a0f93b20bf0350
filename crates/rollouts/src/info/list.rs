//! `list rollouts` and `list experiments`: cells of fixed least widths in a table.

use jiff::{SignedDuration, Timestamp};
use machinery::duration::GoDuration;
use machinery::{human, meta};
use serde_json::Value;

use super::paint::{Cell, table};
use crate::api::decode::lenient;
use crate::api::experiment::Experiment;
use crate::api::rollout::Rollout;
use crate::{phase, replicas::steps};

/// A line of `list rollouts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutRow {
    namespace: String,
    cells: Vec<String>,
}

impl RolloutRow {
    /// The row of a Rollout. One that isn't known to be observed shows `Progressing`.
    pub fn new(object: &Value) -> Self {
        let rollout: Rollout = lenient(object).object;
        let from_reference = rollout.spec.workload_ref.is_some();
        let (phase, _) = phase::observed(&rollout, from_reference);
        let (strategy, step, weight) = match &rollout.spec.strategy.canary {
            Some(canary) => {
                let all = canary.steps().len();
                let index = rollout.status.current_step_index.filter(|_| all > 0);
                let step = index.map_or_else(|| "-".to_owned(), |index| format!("{index}/{all}"));
                let weight = match index {
                    Some(_) => steps::current_set_weight(&rollout).to_string(),
                    None => "-".to_owned(),
                };
                ("Canary", step, weight)
            }
            None if rollout.spec.strategy.blue_green.is_some() => {
                ("BlueGreen", "-".to_owned(), "-".to_owned())
            }
            None => ("unknown", "-".to_owned(), "-".to_owned()),
        };
        let status = &rollout.status;
        let cells = vec![
            format!("{:<10}", meta::name(object)),
            format!("{strategy:<9}"),
            format!("{:<12}", phase.as_str()),
            format!("{step:<4}"),
            format!("{weight:<10}"),
            format!(
                "{:<5}",
                format!("{}/{}", status.ready_replicas, status.replicas)
            ),
            format!("{:<7}", rollout.replicas()),
            format!("{:<10}", status.updated_replicas),
            format!("{:<9}", status.available_replicas),
        ];
        Self {
            namespace: meta::namespace(object).to_owned(),
            cells,
        }
    }
}

/// What `list rollouts` shows besides the usual columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListColumns {
    /// The namespace, first of all.
    pub namespace: bool,
    /// When the line was printed.
    pub timestamp: Option<Timestamp>,
}

/// The table of Rollouts; `header` false for lines that follow it.
pub fn rollout_table(rows: &[RolloutRow], columns: ListColumns, header: bool) -> String {
    const HEADER: [&str; 9] = [
        "NAME",
        "STRATEGY",
        "STATUS",
        "STEP",
        "SET-WEIGHT",
        "READY",
        "DESIRED",
        "UP-TO-DATE",
        "AVAILABLE",
    ];
    let line = |namespace: &str, time: &str, cells: &mut dyn Iterator<Item = &str>| {
        let time = columns.timestamp.map(|_| format!("{time:<20}"));
        let namespace = columns.namespace.then(|| format!("{namespace:<9}"));
        time.into_iter()
            .chain(namespace)
            .map(Cell::plain)
            .chain(cells.map(Cell::plain))
            .collect::<Vec<_>>()
    };
    let time = columns
        .timestamp
        .map(machinery::time::rfc3339)
        .unwrap_or_default();
    let head = header.then(|| line("NAMESPACE", "TIMESTAMP", &mut HEADER.into_iter()));
    let body = rows.iter().map(|row| {
        line(
            &row.namespace,
            &time,
            &mut row.cells.iter().map(String::as_str),
        )
    });
    table(&head.into_iter().chain(body).collect::<Vec<_>>())
}

/// A line of `list experiments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentRow {
    namespace: String,
    cells: Vec<String>,
}

impl ExperimentRow {
    /// The row of an Experiment.
    pub fn new(object: &Value, now: Timestamp) -> Self {
        let experiment: Experiment = lenient(object).object;
        let duration = Some(experiment.spec.duration.as_str()).filter(|text| !text.is_empty());
        let cells = vec![
            format!("{:<10}", meta::name(object)),
            format!("{:<6}", experiment.status.phase.as_str()),
            format!("{:<8}", duration.unwrap_or("-")),
            format!(
                "{:<9}",
                remaining(&experiment, now).unwrap_or_else(|| "-".to_owned())
            ),
            format!("{:<3}", human::age(meta::creation_timestamp(object), now)),
        ];
        Self {
            namespace: meta::namespace(object).to_owned(),
            cells,
        }
    }
}

/// How long an unfinished Experiment has still to run, once its pods are available.
fn remaining(experiment: &Experiment, now: Timestamp) -> Option<String> {
    if experiment.status.phase.completed() {
        return None;
    }
    let since = experiment.status.available_at?.0;
    let duration = GoDuration::parse(&experiment.spec.duration).ok()?;
    // Cut to whole seconds after the subtraction: a part of a second gone is a second less.
    let left = SignedDuration::from_nanos(duration.as_nanos()) - now.duration_since(since);
    Some(human::duration(left.as_secs()))
}

/// The table of Experiments.
pub fn experiment_table(rows: &[ExperimentRow], with_namespace: bool) -> String {
    let line = |namespace: &str, cells: &mut dyn Iterator<Item = &str>| {
        let namespace = with_namespace.then(|| format!("{namespace:<9}"));
        namespace
            .into_iter()
            .map(Cell::plain)
            .chain(cells.map(Cell::plain))
            .collect::<Vec<_>>()
    };
    let head = line(
        "NAMESPACE",
        &mut ["NAME", "STATUS", "DURATION", "REMAINING", "AGE"].into_iter(),
    );
    let body = rows
        .iter()
        .map(|row| line(&row.namespace, &mut row.cells.iter().map(String::as_str)));
    table(&std::iter::once(head).chain(body).collect::<Vec<_>>())
}
