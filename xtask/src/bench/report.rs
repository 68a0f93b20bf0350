//! The figures as a table.
use std::fmt::Write;

use super::audit::Counts;

/// What was measured of one controller; seconds, MiB and numbers of requests.
pub struct Figures {
    /// Who it is.
    pub name: String,
    /// Start → first pass over a Rollout, without others.
    pub start: f64,
    /// Start → `/readyz`, if it has one.
    pub ready: Option<f64>,
    /// Memory without Rollouts.
    pub idle_empty: f64,
    /// All Rollouts are created.
    pub create: Stretch,
    /// All Rollouts are updated.
    pub update: Stretch,
    /// Memory afterwards, at rest.
    pub idle: f64,
    /// What of it is no file: without the program's text.
    pub idle_own: f64,
    /// Restart with all Rollouts → a change made meanwhile is seen.
    pub restart: f64,
    /// The most memory after the restart.
    pub restart_peak: f64,
}

/// What was measured over one stretch of time.
pub struct Stretch {
    /// Until all are healthy.
    pub seconds: f64,
    /// CPU of the controller.
    pub cpu: f64,
    /// CPU of the API server, all clients taken together.
    pub api_cpu: f64,
    /// The most memory so far.
    pub peak: f64,
    /// Requests.
    pub counts: Counts,
}

/// One row: what, and a figure for each controller; absent ones print as nothing.
pub(super) type Row = (String, Vec<Option<f64>>, usize);

/// The table; with two controllers a column says how much larger the second's figure is.
pub fn table(all: &[Figures]) -> String {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |what: &str, digits: usize, of: &dyn Fn(&Figures) -> Option<f64>| {
        rows.push((what.to_owned(), all.iter().map(of).collect(), digits));
    };
    row("start: first pass (s)", 2, &|f| Some(f.start));
    row("start: ready (s)", 2, &|f| f.ready);
    row("idle without Rollouts: memory (MiB)", 1, &|f| {
        Some(f.idle_empty)
    });
    for (name, stretch) in STRETCHES {
        row(&format!("{name}: seconds"), 1, &|f| {
            Some(stretch(f).seconds)
        });
        row(&format!("{name}: CPU (s)"), 2, &|f| Some(stretch(f).cpu));
        row(&format!("{name}: API server's CPU (s)"), 1, &|f| {
            Some(stretch(f).api_cpu)
        });
        row(&format!("{name}: peak memory (MiB)"), 1, &|f| {
            Some(stretch(f).peak)
        });
        row(&format!("{name}: requests"), 0, &|f| {
            Some(total(&stretch(f).counts))
        });
        for what in kinds(all, stretch) {
            row(&format!("  {what}"), 0, &|f| {
                Some(number(stretch(f).counts.get(&what).copied().unwrap_or(0)))
            });
        }
    }
    row("idle with all Rollouts: memory (MiB)", 1, &|f| Some(f.idle));
    row("  of it not the program's text", 1, &|f| Some(f.idle_own));
    row("restart: first pass (s)", 2, &|f| Some(f.restart));
    row("restart: peak memory (MiB)", 1, &|f| Some(f.restart_peak));
    let names: Vec<&str> = all.iter().map(|figures| figures.name.as_str()).collect();
    print(&names, &rows)
}

type Of = fn(&Figures) -> &Stretch;

const STRETCHES: [(&str, Of); 2] = [("create", |f| &f.create), ("update", |f| &f.update)];

fn kinds(all: &[Figures], stretch: Of) -> Vec<String> {
    let keys = all
        .iter()
        .flat_map(|figures| stretch(figures).counts.keys());
    let mut keys: Vec<String> = keys.cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}

fn total(counts: &Counts) -> f64 {
    number(counts.values().sum())
}

/// Counts here are far below 2^52.
#[allow(clippy::cast_precision_loss, reason = "counts of requests are small")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// The rows as text, a column for each name.
pub(super) fn print(names: &[&str], rows: &[Row]) -> String {
    let mut text = format!("{:<42}", "");
    let mut line = |cells: &str| {
        text.push_str(cells.trim_end());
        text.push('\n');
    };
    let mut head = String::new();
    for name in names {
        let _ = write!(head, "{name:>12}");
    }
    line(&head);
    for (what, figures, digits) in rows {
        let mut cells = format!("{what:<42}");
        for figure in figures {
            let cell = figure.map_or_else(|| "-".to_owned(), |f| format!("{f:.digits$}"));
            let _ = write!(cells, "{cell:>12}");
        }
        if let [Some(ours), Some(theirs)] = figures.as_slice()
            && *ours > 0.0
        {
            let _ = write!(cells, "{:>9.1} x", theirs / ours);
        }
        line(&cells);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_says_how_much_more_the_second_needs() {
        let rows = [
            ("CPU (s)".to_owned(), vec![Some(2.0), Some(9.0)], 2),
            ("ready (s)".to_owned(), vec![Some(0.1), None], 2),
        ];
        let printed = print(&["ours", "peer"], &rows);
        let fields: Vec<Vec<&str>> = printed
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            fields,
            [
                vec!["ours", "peer"],
                vec!["CPU", "(s)", "2.00", "9.00", "4.5", "x"],
                vec!["ready", "(s)", "0.10", "-"],
            ]
        );
    }
}
