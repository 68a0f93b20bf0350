//! Everything that the scenarios produce, given to the tools.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};

use super::{File, Program, Tool, Verdict, judge, tool};
use crate::products::Product;
use crate::scenarios::{ALL, Scenario};
use crate::simulated::Run;

/// Files by what is in them, and where each was first seen.
pub type Files = BTreeMap<File, String>;

/// Runs and tools at the same time.
const AT_ONCE: usize = 2;

/// What the tools say of files.
#[derive(Debug, Default)]
pub struct Report {
    /// By program and tool: how many files it read, and took as they are.
    tools: BTreeMap<Program, BTreeMap<String, (usize, usize)>>,
    /// How many files there are.
    files: BTreeMap<Program, usize>,
    awaited: usize,
    beside: Vec<String>,
    without: BTreeMap<String, usize>,
    newer: Vec<String>,
    both: Vec<String>,
    refused: Vec<String>,
    /// Programs whose tool isn't there.
    missing: Vec<Program>,
}

/// Does something with each of a list, on several threads; the results in no order.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = Mutex::new(items.iter());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let item = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(item) = item else {
                        return;
                    };
                    let result = work(item);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push(result);
                }
            });
        }
    });
    let results = results.into_inner();
    let results = results.unwrap_or_else(PoisonError::into_inner);
    results.into_iter().collect()
}

/// What all scenarios of monitoring produce without failures, or those whose name contains a text.
///
/// # Errors
/// If one fails, or a tool can't be run.
pub fn of_scenarios(only: &str) -> Result<Report> {
    let scenarios: Vec<&Scenario> = ALL
        .iter()
        .filter(|scenario| scenario.stage.products.contains(&Product::Monitoring))
        .filter(|scenario| scenario.name.contains(only))
        .collect();
    let found = each(&scenarios, |scenario| {
        let run = Run::of(scenario);
        let outcome = run.run().with_context(|| run.line())?;
        Ok((scenario.name, outcome.files))
    })?;
    let mut files = Files::new();
    for (name, found) in found {
        for (file, place) in found {
            // Of equal ones the first by name: which thread was quicker tells nothing.
            let place = format!("{name}: {place}");
            let known = files.entry(file).or_insert_with(|| place.clone());
            if place < *known {
                *known = place;
            }
        }
    }
    Report::of(&files)
}

impl Report {
    /// What the tools say of files.
    ///
    /// # Errors
    /// If one can't be run.
    pub fn of(files: &Files) -> Result<Self> {
        let mut report = Self::default();
        for program in Program::ALL {
            let of_program = files.iter().filter(|(file, _)| file.program == program);
            let of_program: Vec<(&File, &String)> = of_program.collect();
            let tools = Tool::all(program)?;
            if tools.is_empty() {
                report.missing.push(program);
                continue;
            }
            report.files.insert(program, of_program.len());
            let counts = tools.iter().map(|tool| (tool.to_string(), (0, 0)));
            let mut counts: BTreeMap<String, (usize, usize)> = counts.collect();
            let verdicts = each(&of_program, |(file, place)| {
                let (verdict, asked) = judge(&tools, file).with_context(|| (*place).clone())?;
                Ok((verdict, asked, format!("{place} ({})", version(file))))
            })?;
            for (verdict, asked, place) in verdicts {
                for (tool, is_taken) in asked {
                    let (read, taken) = counts.entry(tool).or_default();
                    *read += 1;
                    *taken += usize::from(is_taken);
                }
                report.add(verdict, &place);
            }
            report.tools.insert(program, counts);
        }
        report.beside.sort();
        report.newer.sort();
        report.both.sort();
        report.refused.sort();
        Ok(report)
    }

    fn add(&mut self, verdict: Verdict, place: &str) {
        match verdict {
            Verdict::Taken => {}
            Verdict::Beside(said) => self.beside.push(format!("{place}: {said}")),
            Verdict::Awaited => self.awaited += 1,
            Verdict::Without(reasons) => {
                for reason in reasons {
                    *self.without.entry(reason).or_default() += 1;
                }
            }
            Verdict::Newer(why) => self.newer.push(format!("{place}: {why}")),
            Verdict::Both(said) => self.both.push(format!("{place}: {said}")),
            Verdict::Refused(said) => self.refused.push(format!("{place}: {said}")),
        }
    }

    /// Files that a tool refuses without a reason, alone or as ours does, and where they come from.
    pub fn refused(&self) -> Vec<&String> {
        self.both.iter().chain(&self.refused).collect()
    }

    /// Files that there were tools for.
    pub fn asked(&self) -> usize {
        self.files.values().sum()
    }
}

fn version(file: &File) -> &str {
    match file.version.as_str() {
        "" => "the default version",
        version => version,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for program in &self.missing {
            writeln!(f, "skipped: {program}: {}", tool::MISSING)?;
        }
        for (program, tools) in &self.tools {
            let all = self.files.get(program).copied().unwrap_or_default();
            writeln!(f, "{all} {program}, no two equal")?;
            for (tool, (read, taken)) in tools {
                writeln!(f, "  {tool}: {read} read, {taken} taken as they are")?;
            }
            if tools.len() < tool::ALL {
                writeln!(f, "  no other readers\n  hint: scripts/setup readers")?;
            }
        }
        if self.awaited > 0 {
            writeln!(f, "{} are empty, a user's own is awaited", self.awaited)?;
        }
        for (reason, count) in &self.without {
            writeln!(
                f,
                "{count} taken without what the tool can't know: {reason}"
            )?;
        }
        for one in &self.beside {
            writeln!(f, "not known to the nearest tool: {one}")?;
        }
        for one in &self.newer {
            writeln!(f, "the tool is too old to judge: {one}")?;
        }
        for one in &self.both {
            writeln!(f, "REFUSED, BY OURS TOO: {one}")?;
        }
        for one in &self.refused {
            writeln!(f, "REFUSED: {one}")?;
        }
        let refused = self.refused().len();
        write!(
            f,
            "{} files, {refused} refused without a reason",
            self.asked()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_one_among_good_ones_is_told_with_its_place() {
        let file = |text: &str| File {
            program: Program::Rules,
            version: String::new(),
            text: text.to_owned(),
        };
        let rule = |expr: &str| {
            format!("groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: {expr}\n")
        };
        let files = [(rule("up"), "good"), (rule("sum("), "bad")];
        let files: Files = files
            .into_iter()
            .map(|(text, place)| (file(&text), place.to_owned()))
            .collect();
        let report = Report::of(&files).unwrap();
        if report.missing.contains(&Program::Rules) {
            println!("skipped: {}", tool::MISSING);
            return;
        }
        assert_eq!(report.asked(), 2);
        let refused = report.refused();
        assert!(
            refused.len() == 1
                && refused
                    .iter()
                    .all(|one| one.starts_with("bad (the default")),
            "{report}"
        );
        assert!(
            report
                .to_string()
                .ends_with("2 files, 1 refused without a reason")
        );
    }
}
