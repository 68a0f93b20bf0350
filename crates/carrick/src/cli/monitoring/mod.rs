//! `carrick monitoring render` and `check`: what would be made of manifests, without a cluster.

mod admit;
mod creation;
mod places;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ::monitoring::offline::{File, Problem, render};
use anyhow::Result;
use clap::{Args, Subcommand};
use machinery::meta;
use serde_json::Value;

use super::output::message;
use super::{fail, manifests, namespace, print};
use admit::{Definitions, Verdict};
use sources::Source;

/// Look at objects of monitoring.coreos.com.
#[derive(Args)]
pub struct Monitoring {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the configuration files that would be made of manifests, and the pods that would read them
    Render(Manifests),
    /// Tell what is wrong with manifests, with file and line
    Check(Manifests),
}

#[derive(Args)]
struct Manifests {
    /// Objects as they would be applied, with the Secrets and ConfigMaps they refer to; of a folder all .yaml, .yml and
    /// .json; `-` reads standard input; may be given more than once
    #[arg(short, long, value_name = "FILE", required = true)]
    filename: Vec<PathBuf>,
    /// Look into the folders below a folder too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Namespace of objects that name none
    #[arg(short, long, default_value = "default", value_parser = namespace)]
    namespace: String,
}

/// What came of manifests.
struct Found {
    files: Vec<File>,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Monitoring {
    /// Prints files or problems; fails if there are problems.
    pub fn run(self) -> Result<()> {
        let (manifests, prints) = match self.command {
            Command::Render(manifests) => (manifests, true),
            Command::Check(manifests) => (manifests, false),
        };
        let found = manifests.found()?;
        for warning in &found.warnings {
            message(warning);
        }
        if prints {
            for file in &found.files {
                let (owner, name, text) = (&file.owner, &file.name, &file.text);
                print(&format!("---\n# {owner}: {name}\n{text}"))?;
            }
        } else if found.problems.is_empty() {
            let count = found.files.len();
            let files = if count == 1 { "file" } else { "files" };
            message(&format!("no problems; {count} {files} would be made"));
        }
        if found.problems.is_empty() {
            Ok(())
        } else {
            fail(found.problems.join("\n"))
        }
    }
}

impl Manifests {
    fn found(&self) -> Result<Found> {
        let mut sources = Vec::new();
        let mut problems = Vec::new();
        for file in manifests::files(&self.filename, self.recursive)? {
            match sources::read(&file) {
                Ok((found, unread)) => {
                    sources.extend(found);
                    problems.extend(unread.iter().map(|error| format!("{error:#}")));
                }
                Err(error) => problems.push(format!("{error:#}")),
            }
        }
        if sources.is_empty() && problems.is_empty() {
            return manifests::nothing("check");
        }
        let mut told = Told::default();
        told.admit(&mut sources, &self.namespace);
        let rendered = render(&told.renderable(&sources));
        for problem in rendered.problems {
            told.rendered(problem);
        }
        told.warnings.extend(rendered.warnings);
        told.create(&sources, &rendered.files);
        problems.extend(in_order(&sources, "", &told.problems));
        Ok(Found {
            files: rendered.files,
            problems,
            warnings: in_order(&sources, "warning: ", &told.warnings),
        })
    }
}

/// Problems by object and line, each once.
fn in_order(sources: &[Source], what: &str, problems: &[Problem]) -> Vec<String> {
    let mut told = Vec::new();
    for problem in problems {
        if let Some(source) = sources.get(problem.object) {
            let line = source.line(&problem.path);
            told.push((problem.object, line, source.tell(what, line, &problem.text)));
        }
    }
    told.sort_by_key(|(object, line, _)| (*object, *line));
    let mut texts: Vec<String> = told.into_iter().map(|(_, _, text)| text).collect();
    texts.dedup();
    texts
}

/// What is to be said of objects, by their places in the list.
#[derive(Default)]
struct Told {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// Objects and fields for which a server refuses them.
    refused: Vec<(usize, String)>,
    /// Objects that can't be looked at any further.
    unknown: Vec<usize>,
}

impl Told {
    /// What a server does to the objects before it stores them.
    fn admit(&mut self, sources: &mut [Source], namespace: &str) {
        let definitions = Definitions::new();
        let mut places = BTreeMap::new();
        for (object, source) in sources.iter_mut().enumerate() {
            for twice in &source.twice {
                let path = source.own(&twice.path).to_owned();
                let first = twice.first;
                let text =
                    format!("{path}: the key is there already in line {first}: leave one out");
                self.problems.push(Problem { object, path, text });
            }
            definitions.set_namespace(&mut source.value, namespace);
            let verdict = definitions.admit(&mut source.value);
            // What is of no kind is no workload either, whatever it is called.
            let is_of_a_kind = !verdict.refused.iter().any(|(path, _)| path == "kind");
            self.verdict(object, verdict);
            let id = identity(&source.value);
            if id.1.is_empty() || id.3.is_empty() || !is_of_a_kind {
                self.unknown.push(object);
                continue;
            }
            let path = "metadata.name".to_owned();
            let name = &id.3;
            if let Some(first) = places.get(&id) {
                let text = format!(
                    "{path}: Duplicate value: {name:?}: the same object is at {first}: rename one of them, or leave it out"
                );
                self.unknown.push(object);
                self.problems.push(Problem { object, path, text });
            } else {
                places.insert(id, source.place(""));
            }
        }
    }

    fn verdict(&mut self, object: usize, verdict: Verdict) {
        let Verdict {
            refused,
            unknown,
            warnings,
        } = verdict;
        let problem = |(path, text)| Problem { object, path, text };
        let paths = refused.iter().map(|(path, _)| (object, path.clone()));
        self.refused.extend(paths);
        let errors = refused.into_iter().chain(unknown);
        self.problems.extend(errors.map(problem));
        self.warnings.extend(warnings.into_iter().map(problem));
    }

    /// The objects as a server would have them, null for those that it can't have.
    fn renderable(&self, sources: &[Source]) -> Vec<Value> {
        let values = sources.iter().enumerate();
        values
            .map(|(object, source)| {
                if self.unknown.contains(&object) {
                    Value::Null
                } else {
                    source.value.clone()
                }
            })
            .collect()
    }

    /// What a server would say of the workloads that are made, told of whom they are made of.
    fn create(&mut self, sources: &[Source], files: &[File]) {
        let mut said: BTreeSet<(usize, String, String)> = BTreeSet::new();
        for file in files {
            let owner = sources
                .iter()
                .position(|source| source.title() == file.owner);
            let Some((object, source)) = owner.and_then(|at| Some((at, sources.get(at)?))) else {
                continue;
            };
            for refusal in creation::refusals(&source.value, file) {
                // Shards differ by their names alone, and one name may be too long for several fields.
                let body = if refusal.path == creation::NAME {
                    String::new()
                } else {
                    refusal.body
                };
                let path = refusal.path;
                if said.insert((object, path.clone(), body)) {
                    let text = refusal.text;
                    self.rendered(Problem { object, path, text });
                }
            }
        }
    }

    /// A problem of what was made of the objects, unless it is what the server says in other words.
    fn rendered(&mut self, problem: Problem) {
        let same = self.refused.iter().any(|(object, path)| {
            *object == problem.object
                && (is_within(path, &problem.path) || is_within(&problem.path, path))
        });
        if !same {
            self.problems.push(problem);
        }
    }
}

/// Whether a field is another one, or below it.
fn is_within(path: &str, around: &str) -> bool {
    let rest = path.strip_prefix(around);
    rest.is_some_and(|rest| around.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Group, kind, namespace and name.
fn identity(object: &Value) -> (String, String, String, String) {
    (
        meta::group_version(meta::api_version(object)).0.to_owned(),
        meta::kind(object).to_owned(),
        meta::namespace(object).to_owned(),
        meta::name(object).to_owned(),
    )
}

#[cfg(test)]
mod tests;
