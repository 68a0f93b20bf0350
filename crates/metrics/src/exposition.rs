//! The text of a scrape, format 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::Series;

/// What a histogram counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations {
    /// How many were at most as large as each bound.
    below: Vec<u64>,
    sum: f64,
    count: u64,
}

impl Observations {
    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One more, with the same bounds every time.
    pub fn add(&mut self, bounds: &[f64], amount: f64) {
        self.below.resize(bounds.len(), 0);
        for (bound, below) in bounds.iter().zip(&mut self.below) {
            *below += u64::from(amount <= *bound);
        }
        self.sum += amount;
        self.count += 1;
    }
}

/// Text being written for a scrape.
#[derive(Default)]
pub struct Exposition {
    blocks: BTreeMap<String, String>,
}

impl Exposition {
    /// One value of a gauge that is computed now.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.sample(name, help, "gauge", labels, value);
    }

    /// One value of a metric of this type (`gauge`, `counter`, `untyped`) that is computed now.
    pub fn sample(
        &mut self,
        name: &str,
        help: &str,
        kind: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        let (names, values) = owned(labels);
        let block = self.block(name, help, kind);
        write_series(block, name, &names, &values, &Series::Number(value));
    }

    /// A histogram that was counted elsewhere.
    pub fn histogram(
        &mut self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        (bounds, seen): (&[f64], &Observations),
    ) {
        let (names, values) = owned(labels);
        let block = self.block(name, help, "histogram");
        write_histogram(block, name, (&names, &values), bounds, seen);
    }

    /// All of it, in name order.
    pub fn text(self) -> String {
        self.blocks.into_values().collect()
    }

    pub(super) fn block(&mut self, name: &str, help: &str, kind: &str) -> &mut String {
        self.blocks.entry(name.to_owned()).or_insert_with(|| {
            format!(
                "# HELP {name} {}\n# TYPE {name} {kind}\n",
                help.replace('\n', "\\n")
            )
        })
    }
}

pub(super) fn write_series(
    text: &mut String,
    name: &str,
    labels: &[String],
    values: &[String],
    series: &Series,
) {
    match series {
        Series::Number(value) => write_sample(text, name, labels, values, None, *value),
        Series::Histogram(bounds, seen) => {
            write_histogram(text, name, (labels, values), bounds, seen);
        }
        Series::Summary(sum, count) => write_total(text, name, (labels, values), *sum, *count),
    }
}

fn write_histogram(
    text: &mut String,
    name: &str,
    (labels, values): (&[String], &[String]),
    bounds: &[f64],
    seen: &Observations,
) {
    let bucket = format!("{name}_bucket");
    let bounds = bounds.iter().map(f64::to_string);
    let ends = bounds.zip(seen.below.iter().copied());
    for (bound, below) in ends.chain([("+Inf".to_owned(), seen.count)]) {
        write_sample(text, &bucket, labels, values, Some(&bound), to_f64(below));
    }
    write_total(text, name, (labels, values), seen.sum, seen.count);
}

/// The sum of what was observed, and how often.
fn write_total(
    text: &mut String,
    name: &str,
    (labels, values): (&[String], &[String]),
    sum: f64,
    count: u64,
) {
    write_sample(text, &format!("{name}_sum"), labels, values, None, sum);
    let name = format!("{name}_count");
    write_sample(text, &name, labels, values, None, to_f64(count));
}

/// Names and values of labels.
fn owned(labels: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let labels = labels.iter();
    labels
        .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
        .unzip()
}

/// A count as a value: exact up to 2^53, which no counter of ours reaches.
pub fn to_f64(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or_default();
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or_default();
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

fn write_sample(
    text: &mut String,
    name: &str,
    labels: &[String],
    values: &[String],
    le: Option<&str>,
    number: f64,
) {
    text.push_str(name);
    let pairs = labels
        .iter()
        .map(String::as_str)
        .zip(values.iter().map(String::as_str));
    let mut separator = '{';
    for (label, value) in pairs.chain(le.map(|le| ("le", le))) {
        let escaped = value
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('"', "\\\"");
        let _ = write!(text, "{separator}{label}=\"{escaped}\"");
        separator = ',';
    }
    if separator == ',' {
        text.push('}');
    }
    let _ = writeln!(text, " {number}");
}
