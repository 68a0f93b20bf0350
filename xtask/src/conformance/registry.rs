//! The registry: which of ours answers to which upstream function.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::case::{Case, read_lines};

/// Replays one call; the error says how ours differs.
pub type Replay = Box<dyn Fn(&Case) -> Result<(), String>>;
/// Turns a file that is no list of calls into outcomes by name.
pub type Table = Box<dyn Fn(&Path) -> Result<Outcomes>>;
/// What became of cases, by name.
pub type Outcomes = Vec<(String, Outcome)>;

/// What became of a case.
pub enum Outcome {
    /// Equal.
    Passed,
    /// Different, and how.
    Failed(String),
    /// Not replayed, and why.
    Skipped(&'static str),
    /// Different on purpose, and why.
    Different(&'static str),
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(difference) => Self::Failed(difference),
        }
    }
}

/// What is replayed, what is not and why.
#[derive(Default)]
pub struct Registry {
    replays: BTreeMap<&'static str, Replay>,
    tables: BTreeMap<&'static str, Table>,
    each_file: Option<Table>,
    skipped: Vec<(&'static str, &'static str)>,
    marked: BTreeMap<&'static str, &'static str>,
    skipped_if: Vec<Condition>,
    marked_if: Vec<Condition>,
}

/// Cases of a function, and what is to be said of them.
struct Condition {
    function: &'static str,
    reason: &'static str,
    holds: Box<dyn Fn(&Case) -> bool>,
}

impl Condition {
    fn reason(all: &[Self], case: &Case) -> Option<&'static str> {
        let holds =
            |condition: &&Self| condition.function == case.function() && (condition.holds)(case);
        all.iter().find(holds).map(|condition| condition.reason)
    }
}

/// What a case that panicked failed with.
const PANIC: &str = "panic";

/// The outcome of a run.
#[derive(Default)]
pub struct Tally {
    /// Equal cases.
    pub passed: usize,
    /// Differing cases.
    pub failed: usize,
    /// Cases that differ on purpose: neither passed nor failed.
    pub different: usize,
    /// Number of cases that differ on purpose, by file and reason, where files tell.
    on_purpose: BTreeMap<(String, &'static str), usize>,
    /// Number of cases not replayed, by function and reason.
    pub skipped: BTreeMap<(String, &'static str), usize>,
}

impl Registry {
    /// Replays calls of `function`.
    pub fn on(
        &mut self,
        function: &'static str,
        replay: impl Fn(&Case) -> Result<(), String> + 'static,
    ) {
        self.replays.insert(function, Box::new(replay));
    }

    /// Handles a file or folder of another form.
    pub fn table(
        &mut self,
        file: &'static str,
        table: impl Fn(&Path) -> Result<Outcomes> + 'static,
    ) {
        self.tables.insert(file, Box::new(table));
    }

    /// Handles each file of calls in which lines have another form.
    pub fn each_file(&mut self, table: impl Fn(&Path) -> Result<Outcomes> + 'static) {
        self.each_file = Some(Box::new(table));
    }

    /// Says why functions whose name begins so are not replayed. The longest beginning counts.
    pub fn skip(&mut self, beginning: &'static str, reason: &'static str) {
        self.skipped.push((beginning, reason));
    }

    /// Marks a case that ours answers otherwise on purpose: it must differ.
    pub fn mark(&mut self, case: &'static str, reason: &'static str) {
        self.marked.insert(case, reason);
    }

    /// Says why some cases of a function are not replayed.
    pub fn skip_if(
        &mut self,
        function: &'static str,
        reason: &'static str,
        holds: impl Fn(&Case) -> bool + 'static,
    ) {
        self.skipped_if.push(Condition {
            function,
            reason,
            holds: Box::new(holds),
        });
    }

    /// Marks the cases of a function that ours answers otherwise on purpose: they must differ.
    pub fn mark_if(
        &mut self,
        function: &'static str,
        reason: &'static str,
        holds: impl Fn(&Case) -> bool + 'static,
    ) {
        self.marked_if.push(Condition {
            function,
            reason,
            holds: Box::new(holds),
        });
    }

    /// Runs over a folder.
    pub fn run(&self, folder: &Path, only: Option<&str>, width: usize) -> Result<Tally> {
        let mut tally = Tally::default();
        let mut paths: Vec<_> = fs::read_dir(folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.sort();
        for path in paths {
            let file = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            let wanted = |text: &str| only.is_none_or(|only| text.contains(only));
            let is_of_calls = file.ends_with(".ndjson") || file.ends_with(".ndjson.gz");
            let each_file = self.each_file.as_ref().filter(|_| is_of_calls);
            if let Some(table) = self.tables.get(file.as_str()).or(each_file) {
                for (name, outcome) in table(&path)? {
                    if wanted(&file) || wanted(&name) {
                        tally.count(&file, &name, outcome, width);
                    }
                }
            } else if is_of_calls {
                for (number, line) in read_lines(&path)?.into_iter().enumerate() {
                    let case = match line {
                        Ok(line) => Case::new(line),
                        Err(error) => {
                            let name = format!("line {}", number + 1);
                            let outcome = Outcome::Failed(format!("not JSON: {error}"));
                            tally.count(&file, &name, outcome, width);
                            continue;
                        }
                    };
                    if wanted(&file) || wanted(case.name()) || wanted(case.function()) {
                        self.replay(&file, &case, width, &mut tally);
                    }
                }
            } else if wanted(&file) {
                tally.skip(&file, self.reason(&file));
            }
        }
        Ok(tally)
    }

    fn replay(&self, file: &str, case: &Case, width: usize, tally: &mut Tally) {
        let Some(replay) = self.replays.get(case.function()) else {
            let name = if case.function().is_empty() {
                file
            } else {
                case.function()
            };
            tally.skip(name, self.reason(name));
            return;
        };
        if let Some(reason) = Condition::reason(&self.skipped_if, case) {
            tally.skip(case.function(), reason);
            return;
        }
        let mut outcome = catch_unwind(AssertUnwindSafe(|| replay(case)))
            .unwrap_or_else(|_| Err(PANIC.to_owned()));
        let marked = self.marked.get(case.name()).copied();
        if let Some(reason) = marked.or_else(|| Condition::reason(&self.marked_if, case)) {
            outcome = match outcome {
                Ok(()) => Err(format!("marked ({reason}), but equal")),
                Err(difference) if difference == PANIC => Err(difference),
                Err(_) => {
                    tally.different += 1;
                    return;
                }
            };
        }
        tally.count(file, case.name(), outcome.into(), width);
    }

    fn reason(&self, name: &str) -> &'static str {
        let matching = self
            .skipped
            .iter()
            .filter(|(beginning, _)| name.starts_with(beginning));
        matching
            .max_by_key(|(beginning, _)| beginning.len())
            .map_or("nothing of ours answers to it", |(_, reason)| reason)
    }
}

impl Tally {
    fn count(&mut self, file: &str, name: &str, outcome: Outcome, width: usize) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Skipped(reason) => self.skip(file, reason),
            Outcome::Different(reason) => {
                self.different += 1;
                let place = (file.to_owned(), reason);
                *self.on_purpose.entry(place).or_default() += 1;
            }
            Outcome::Failed(difference) => {
                self.failed += 1;
                let difference: String = difference.chars().take(width).collect();
                say(&format!("FAILED {file} {name}\n    {difference}"));
            }
        }
    }

    fn skip(&mut self, name: &str, reason: &'static str) {
        *self.skipped.entry((name.to_owned(), reason)).or_default() += 1;
    }

    /// Prints what was skipped and the last line.
    pub fn print(&self) {
        for ((name, reason), count) in &self.skipped {
            say(&format!("skipped {count:5} {name}: {reason}"));
        }
        for ((name, reason), count) in &self.on_purpose {
            say(&format!("differs {count:5} {name}: {reason}"));
        }
        if self.different > 0 {
            say(&format!(
                "skipped {:5} that differ on purpose, see docs/differences.md",
                self.different
            ));
        }
        let skipped = self.skipped.values().sum::<usize>() + self.different;
        say(&format!(
            "{} passed, {} failed, {skipped} skipped",
            self.passed, self.failed
        ));
    }
}

/// Prints a line. A closed pipe ends the output, not the run.
pub fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A list of texts as JSON.
pub fn texts<T: ToString>(items: &[T]) -> Value {
    items
        .iter()
        .map(|item| Value::String(item.to_string()))
        .collect()
}
