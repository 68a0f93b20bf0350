//! The figures of `bench monitoring` as a table.
use super::audit::Written;
use super::report::{Row, number, print};

/// What was measured of one controller; seconds and MiB.
pub struct Figures {
    /// Who it is.
    pub name: String,
    /// Start → the configuration and the rules are there.
    pub cold_seconds: f64,
    /// CPU until it rests.
    pub cold_cpu: f64,
    /// What it wrote meanwhile.
    pub cold_written: Written,
    /// The most memory until then.
    pub peak: f64,
    /// The most memory, changes included.
    pub peak_changed: f64,
    /// Memory at rest.
    pub resting: f64,
    /// What of it is no file: without the program's text.
    pub own: f64,
    /// A monitor is changed → the configuration has it, on average.
    pub change_seconds: f64,
    /// CPU of a change, on average.
    pub change_cpu: f64,
    /// How many changes.
    pub changes: usize,
    /// What was written for all of them.
    pub change_written: Written,
}

/// The table; with two controllers a column says how much larger the second's figure is.
pub fn table(all: &[Figures]) -> String {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |what: &str, digits: usize, of: &dyn Fn(&Figures) -> f64| {
        let figures = all.iter().map(|figures| Some(of(figures))).collect();
        rows.push((what.to_owned(), figures, digits));
    };
    row("cold: until the Secret holds all (s)", 1, &|f| {
        f.cold_seconds
    });
    row("cold: CPU (s)", 2, &|f| f.cold_cpu);
    row("cold: peak memory (MiB)", 1, &|f| f.peak);
    row("cold: requests", 0, &|f| number(f.cold_written.requests));
    row("cold: writes", 0, &|f| number(f.cold_written.writes));
    row("cold: bytes written", 0, &|f| number(f.cold_written.bytes));
    row("rest: memory (MiB)", 1, &|f| f.resting);
    row("  of it not the program's text", 1, &|f| f.own);
    row("change: until the Secret holds it (s)", 3, &|f| {
        f.change_seconds
    });
    row("change: CPU (s)", 3, &|f| f.change_cpu);
    row("changes", 0, &|f| number(f.changes as u64));
    row("  their requests", 0, &|f| {
        number(f.change_written.requests)
    });
    row("  writes of the Secret", 0, &|f| {
        number(f.change_written.configuration)
    });
    row("  all writes", 0, &|f| number(f.change_written.writes));
    row("  bytes written", 0, &|f| number(f.change_written.bytes));
    row("changed: peak memory (MiB)", 1, &|f| f.peak_changed);
    let names: Vec<&str> = all.iter().map(|figures| figures.name.as_str()).collect();
    print(&names, &rows)
}
