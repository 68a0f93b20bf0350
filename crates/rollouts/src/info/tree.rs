//! `get rollout` and `get experiment`: a header and a tree.

use std::fmt::Write;

use jiff::Timestamp;
use machinery::human;

use super::Row;
use super::analysis::{AnalysisRunInfo, ExperimentInfo};
use super::images::ImageInfo;
use super::paint::{Cell, Painter, table};
use super::replica_set::ReplicaSetInfo;
use super::rollout::RolloutInfo;

/// The whole picture of a Rollout, ending in a newline.
pub fn rollout_text(info: &RolloutInfo, now: Timestamp, painter: Painter) -> String {
    let mut header = Header(String::new());
    header.line("Name:", &info.name);
    header.line("Namespace:", &info.namespace);
    header.line(
        "Status:",
        &format!(
            "{} {}",
            painter.word(info.icon()).text(),
            info.phase.as_str()
        ),
    );
    if !info.message.is_empty() {
        header.line("Message:", &info.message);
    }
    header.line("Strategy:", info.strategy());
    if let Some(canary) = &info.canary {
        let step = canary
            .step
            .map(|(done, all)| format!("{done}/{all}"))
            .unwrap_or_default();
        header.line("  Step:", &step);
        header.line("  SetWeight:", &canary.set_weight.to_string());
        header.line("  ActualWeight:", &canary.actual_weight.to_string());
    }
    header.images(&info.images(), painter);
    header.0.push_str("Replicas:\n");
    let counts = info.replicas;
    for (name, count) in [
        ("  Desired:", counts.desired),
        ("  Current:", counts.current),
        ("  Updated:", counts.updated),
        ("  Ready:", counts.ready),
        ("  Available:", counts.available),
    ] {
        header.line(name, &count.to_string());
    }
    let mut tree = Tree::new(now, painter);
    let row = Row {
        name: info.name.clone(),
        created: info.created,
        status: info.phase.as_str().to_owned(),
        icon: info.icon(),
    };
    tree.row(
        "",
        "⟳",
        &Cell::plain(&row.name),
        "Rollout",
        &row,
        Cell::default(),
    );
    tree.revisions(info);
    format!("{}\n{}", header.0, table(&tree.rows))
}

/// The whole picture of an Experiment, ending in a newline.
pub fn experiment_text(info: &ExperimentInfo, now: Timestamp, painter: Painter) -> String {
    let mut header = Header(String::new());
    header.line("Name:", &info.row.name);
    header.line("Namespace:", &info.namespace);
    header.line(
        "Status:",
        &format!("{} {}", painter.word(info.row.icon).text(), info.row.status),
    );
    if !info.message.is_empty() {
        header.line("Message:", &info.message);
    }
    header.images(&info.images(), painter);
    let mut tree = Tree::new(now, painter);
    tree.experiment(info, "", "");
    format!("{}\n{}", header.0, table(&tree.rows))
}

struct Header(String);

impl Header {
    fn line(&mut self, name: &str, value: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "{name:<17}{value}");
    }

    fn images(&mut self, images: &[ImageInfo], painter: Painter) {
        for (index, image) in images.iter().enumerate() {
            let tags: Vec<Cell> = image.tags.iter().map(|tag| painter.word(tag)).collect();
            let tags = match tags.as_slice() {
                [] => String::new(),
                tags => format!(" ({})", Cell::joined(tags, ", ").text()),
            };
            self.line(
                if index == 0 { "Images:" } else { "" },
                &format!("{}{tags}", image.image),
            );
        }
    }
}

/// Rows NAME, KIND, STATUS, AGE, INFO.
struct Tree {
    rows: Vec<Vec<Cell>>,
    now: Timestamp,
    painter: Painter,
}

impl Tree {
    fn new(now: Timestamp, painter: Painter) -> Self {
        let head = ["NAME", "KIND", "STATUS", "AGE", "INFO"]
            .map(Cell::plain)
            .to_vec();
        Self {
            rows: vec![head],
            now,
            painter,
        }
    }

    fn row(&mut self, prefix: &str, sign: &str, name: &Cell, kind: &str, row: &Row, info: Cell) {
        let status = self
            .painter
            .word(row.icon)
            .then(&Cell::plain(format!(" {}", row.status)));
        self.rows.push(vec![
            Cell::plain(format!("{prefix}{sign} ")).then(name),
            Cell::plain(kind),
            status,
            Cell::plain(human::age(row.created, self.now)),
            info,
        ]);
    }

    fn revisions(&mut self, info: &RolloutInfo) {
        for (revision, (branch, below)) in with_branches(&info.revisions(), "") {
            let mut row = vec![Cell::plain(format!("{branch}# revision:{revision}"))];
            // Upstream prints an icon and a status of no characters, with the blank between them.
            row.extend([
                Cell::default(),
                Cell::plain(" "),
                Cell::default(),
                Cell::default(),
            ]);
            self.rows.push(row);
            self.revision(info, *revision, &below);
        }
    }

    fn revision(&mut self, info: &RolloutInfo, revision: i64, below: &str) {
        let sets = info.replica_sets_of(revision).map(Child::ReplicaSet);
        let experiments = info
            .experiments
            .iter()
            .filter(|experiment| experiment.revision == revision)
            .map(Child::Experiment);
        let runs = info
            .analysis_runs
            .iter()
            .filter(|run| run.revision == revision)
            .map(Child::AnalysisRun);
        self.children(
            &sets.chain(experiments).chain(runs).collect::<Vec<_>>(),
            below,
        );
    }

    fn children(&mut self, children: &[Child<'_>], below: &str) {
        for (child, (branch, below)) in with_branches(children, below) {
            match child {
                Child::ReplicaSet(set) => self.replica_set(set, &branch, &below),
                Child::Experiment(experiment) => self.experiment(experiment, &branch, &below),
                Child::AnalysisRun(run) => self.analysis_run(run, &branch, &below),
            }
        }
    }

    fn replica_set(&mut self, set: &ReplicaSetInfo, branch: &str, below: &str) {
        let mut name = Cell::plain(&set.row.name);
        let mut info = Vec::new();
        for tag in &set.tags {
            name = self.painter.paint(&name, tag.as_str());
            info.push(self.painter.word(tag.as_str()));
        }
        if let Some(delay) = set.delay(self.now) {
            info.push(Cell::plain(format!("delay:{delay}")));
        }
        self.row(
            branch,
            "⧉",
            &name,
            "ReplicaSet",
            &set.row,
            Cell::joined(&info, ","),
        );
        for (pod, (branch, _)) in with_branches(&set.pods, below) {
            self.row(
                &branch,
                "□",
                &Cell::plain(&pod.row.name),
                "Pod",
                &pod.row,
                Cell::plain(pod.info()),
            );
        }
    }

    fn experiment(&mut self, experiment: &ExperimentInfo, branch: &str, below: &str) {
        let name = self
            .painter
            .paint(&Cell::plain(&experiment.row.name), &experiment.row.status);
        self.row(
            branch,
            "Σ",
            &name,
            "Experiment",
            &experiment.row,
            Cell::default(),
        );
        let sets = experiment.replica_sets.iter().map(Child::ReplicaSet);
        let runs = experiment.analysis_runs.iter().map(Child::AnalysisRun);
        self.children(&sets.chain(runs).collect::<Vec<_>>(), below);
    }

    fn analysis_run(&mut self, run: &AnalysisRunInfo, branch: &str, below: &str) {
        let counts = [
            ("✔", run.successful),
            ("✖", run.failed),
            ("?", run.inconclusive),
            ("⚠", run.error),
        ];
        let counts: Vec<Cell> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(icon, count)| {
                self.painter
                    .word(icon)
                    .then(&Cell::plain(format!(" {count}")))
            })
            .collect();
        let name = self
            .painter
            .paint(&Cell::plain(&run.row.name), &run.row.status);
        self.row(
            branch,
            "α",
            &name,
            "AnalysisRun",
            &run.row,
            Cell::joined(&counts, ","),
        );
        for (job, (branch, _)) in with_branches(&run.jobs, below) {
            let name = self
                .painter
                .paint(&Cell::plain(&job.row.name), &job.row.status);
            self.row(&branch, "⊞", &name, "Job", &job.row, Cell::default());
        }
    }
}

enum Child<'a> {
    ReplicaSet(&'a ReplicaSetInfo),
    Experiment(&'a ExperimentInfo),
    AnalysisRun(&'a AnalysisRunInfo),
}

/// Each item with the branch that leads to it and the prefix of what is below it.
fn with_branches<'a, T>(
    items: &'a [T],
    prefix: &'a str,
) -> impl Iterator<Item = (&'a T, (String, String))> {
    let last = items.len().saturating_sub(1);
    items.iter().enumerate().map(move |(index, item)| {
        let (branch, below) = if index == last {
            ("└──", "   ")
        } else {
            ("├──", "│  ")
        };
        (
            item,
            (format!("{prefix}{branch}"), format!("{prefix}{below}")),
        )
    })
}
