//! The figures as tables, and as JSON.
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::drive::{Measured, number};
use super::pods;
use super::sockets::Figures;

/// What was measured.
#[derive(Default)]
pub struct Report {
    /// In-process, and the CPU seconds of each.
    pub server: Vec<Measured>,
    /// Many pods.
    pub pods: Option<pods::Measured>,
    /// Over sockets: ours, then the real one.
    pub sockets: Vec<Figures>,
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(pods) = &self.pods {
            let _ = writeln!(
                text,
                "{} pods on {} nodes Ready: {:.1} s of real time, {:.1} s of CPU, {:.0} s of virtual time, {:.0} MiB at most, {} changes\n",
                pods.pods,
                pods.nodes,
                pods.seconds,
                pods.cpu,
                pods.virtual_seconds,
                pods.peak,
                pods.changes
            );
        }
        if !self.server.is_empty() {
            let _ = writeln!(
                text,
                "{:<32}{:>12}{:>14}{:>14}",
                "in-process", "a second", "a CPU second", "events sent"
            );
            for measured in &self.server {
                let _ = writeln!(
                    text,
                    "{:<32}{:>12.0}{:>14.0}{:>14}",
                    measured.operation.name(),
                    measured.rate(),
                    number(measured.requests) / measured.cpu,
                    measured.events
                );
            }
            text.push('\n');
        }
        if !self.sockets.is_empty() {
            self.sockets_text(&mut text);
        }
        text
    }

    fn sockets_text(&self, text: &mut String) {
        let _ = write!(text, "{:<42}", "over HTTPS");
        for figures in &self.sockets {
            let _ = write!(text, "{:>16}", figures.name);
        }
        text.push('\n');
        let mut row =
            |what: &str, of: &dyn Fn(&Figures) -> Option<f64>, digits: usize, more: bool| {
                let figures: Vec<Option<f64>> = self.sockets.iter().map(of).collect();
                let _ = write!(text, "{what:<42}");
                for figure in &figures {
                    let cell = figure.map_or_else(|| "-".to_owned(), |f| format!("{f:.digits$}"));
                    let _ = write!(text, "{cell:>16}");
                }
                if let [Some(ours), Some(theirs)] = figures.as_slice() {
                    // Above 1 where ours is better.
                    let ratio = if more { ours / theirs } else { theirs / ours };
                    let _ = write!(text, "{ratio:>9.1} x");
                }
                text.push('\n');
            };
        row("start to ready (s)", &|f| Some(f.start), 2, false);
        for (index, (name, _)) in self.objects().iter().enumerate() {
            let of = move |f: &Figures| f.objects.get(index).map(|(_, bytes)| *bytes);
            row(&format!("memory for a {name} (bytes)"), &of, 0, false);
        }
        for (index, measured) in self.operations().iter().enumerate() {
            let name = measured.operation.name();
            let rate = move |f: &Figures| Some(f.operations.get(index)?.rate());
            row(&format!("{name}: a second"), &rate, 0, true);
            let cpu = move |f: &Figures| {
                let measured = f.operations.get(index)?;
                Some(measured.cpu * 1e6 / number(measured.requests))
            };
            row(&format!("{name}: CPU for one (µs)"), &cpu, 0, false);
        }
    }

    fn objects(&self) -> &[(&'static str, f64)] {
        self.sockets.first().map_or(&[], |figures| &figures.objects)
    }

    fn operations(&self) -> &[Measured] {
        self.sockets
            .first()
            .map_or(&[], |figures| &figures.operations)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let operation = |measured: &Measured| {
            json!({
                "operation": measured.operation.name(), "writes": measured.operation.writes(),
                "requests": measured.requests, "seconds": measured.seconds, "perSecond": measured.rate(),
                "events": measured.events, "cpuSeconds": measured.cpu,
            })
        };
        let sockets = self.sockets.iter().map(|figures| {
            let operations = figures.operations.iter().map(operation);
            let objects = figures.objects.iter();
            let objects = objects.map(|(kind, bytes)| json!({"kind": kind, "bytes": bytes}));
            json!({
                "name": figures.name, "startSeconds": figures.start,
                "operations": operations.collect::<Vec<_>>(), "objects": objects.collect::<Vec<_>>(),
            })
        });
        json!({
            "server": self.server.iter().map(operation).collect::<Vec<_>>(),
            "pods": self.pods.map(|pods| json!({
                "pods": pods.pods, "nodes": pods.nodes, "seconds": pods.seconds, "cpuSeconds": pods.cpu, "virtualSeconds": pods.virtual_seconds,
                "peakMiB": pods.peak, "changes": pods.changes,
            })),
            "sockets": sockets.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::traffic::Operation;
    use super::*;

    #[test]
    fn a_ratio_is_above_one_where_ours_is_better() {
        let figures = |name, start, seconds, cpu| Figures {
            name,
            start,
            operations: vec![Measured {
                operation: Operation::Get,
                requests: 1000,
                seconds,
                events: 0,
                cpu,
            }],
            objects: vec![("pod", start * 1000.0)],
        };
        let report = Report {
            sockets: vec![figures("a", 0.5, 1.0, 0.25), figures("b", 2.0, 4.0, 0.5)],
            ..Report::default()
        };
        let text = report.text();
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().rev().take(4).collect())
            .collect();
        assert_eq!(
            words,
            [
                ["b", "a", "HTTPS", "over"],
                ["x", "4.0", "2.00", "0.50"],
                ["x", "4.0", "2000", "500"],
                ["x", "4.0", "250", "1000"],
                ["x", "2.0", "500", "250"],
            ]
        );
        assert_eq!(
            report.json()["sockets"][1]["operations"][0]["perSecond"],
            250.0
        );
    }
}
