//! Preflight: whether Prometheus would take a configuration, before it is published.
//!
//! Prometheus refuses a whole configuration for one wrong field, and goes on with what it had until it is restarted; then it
//! doesn't start. So nothing is published that it would refuse. The checks are those of its own reader (`config.Load`, without
//! the files that a configuration names), by its version: the shape of every field, in `document`, `job`, `client`,
//! `discovery`, `catalogue` and `cloud` as tables, and what must hold among fields. A job is checked alone, so that the object it was
//! made of can be left out alone.
//!
//! A field that no version knows is refused only up to the newest version that is known here. For what the reloader puts in,
//! such as `$(SHARD)`, stands a value of its kind; what a user has it put in passes.

pub mod alertmanager;
pub(crate) mod arguments;
mod blame;
mod catalogue;
mod client;
mod cloud;
mod config_blame;
mod discovery;
mod document;
mod fault;
mod intervals;
mod job;
mod matchers;
mod receivers;
mod recorder;
mod relabel;
mod remote;
pub mod ruler;
mod shape;
mod texts;
mod variables;
pub mod web;

use std::collections::BTreeMap;

use machinery::go_regex;
use machinery::yaml::{Document, Ordered, YamlError};
use serde_json::Value;

pub(crate) use self::blame::in_the_workloads_words;
pub(crate) use self::cloud::is_uuid;
pub use self::config_blame::{Before, in_the_bases_words};
pub use self::fault::Fault;
pub use self::job::Global;
use self::shape::{Node, Shape};
pub use self::variables::Variables;
use crate::config::version::{Since, Version};
use crate::redact;

/// The first version whose fields aren't known here.
const UNKNOWN: Since = (3, 15, 0);

/// Prometheus, in a version.
#[derive(Debug, Clone)]
pub struct Reader {
    version: Version,
    /// It may know fields that nobody here knows.
    is_newer: bool,
    /// It stands in for the HTTP clients of another program.
    stands_in: bool,
    /// Who reads HTTP clients, if it isn't this one.
    clients: Option<Box<Reader>>,
    /// Since when its expressions may name groups as in `(?<name>…)`.
    bare_names: Since,
    /// What is put into a text before it reads it.
    variables: Variables,
}

/// The first version of Prometheus that is built with Go 1.22.
pub(crate) const BARE_NAMES: Since = (2, 51, 0);

impl Reader {
    /// The reader of a version.
    pub fn new(version: &Version) -> Self {
        Self {
            version: version.clone(),
            is_newer: version.at_least(UNKNOWN),
            stands_in: false,
            clients: None,
            bare_names: BARE_NAMES,
            variables: Variables::default(),
        }
    }

    /// The same, of what a reloader with other variables puts together.
    #[must_use]
    pub fn with_variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Whether an expression, which is anchored already, can be compiled.
    fn pattern(&self, expression: &str) -> Result<(), String> {
        go_regex::check(expression)?;
        if self.supports(self.bare_names) {
            return Ok(());
        }
        let (major, minor, _) = self.bare_names;
        go_regex::check_before_1_22(expression).map_err(|why| {
            format!("{why}; before version {major}.{minor} groups are named as in (?P<name>…): write them so")
        })
    }

    fn supports(&self, since: Since) -> bool {
        let Version { major, minor, .. } = self.version;
        // Pre-releases and patches know what their release knows.
        (major, minor, u64::MAX) >= since
    }

    /// Whether a job that was made of an object can be read; what is wrong is told by the object's fields.
    pub fn job(&self, job: &Ordered, global: &Global) -> Result<(), Fault> {
        self.read_job(job, global)
            .map_err(|fault| blame::in_the_objects_words(job, fault))
    }

    fn read_job(&self, job: &Ordered, global: &Global) -> Result<(), Fault> {
        if matches!(job, Ordered::Scalar(_) | Ordered::List(_)) {
            return Err(Fault::here("a job must be a mapping".to_owned()));
        }
        Shape::Struct(&job::JOB).check(job, self)?;
        job::check_job(Node::of(job), global, self)
    }

    /// Whether a document that was made of a workload can be read; what is wrong is told by the workload's fields.
    pub fn document(&self, document: &Ordered) -> Result<(), Fault> {
        self.read_document(document)
            .map_err(blame::in_the_workloads_words)
    }

    fn read_document(&self, document: &Ordered) -> Result<(), Fault> {
        Shape::Struct(&document::DOCUMENT).check(document, self)?;
        let document = Node::of(document);
        let global = Global::of(document.get("global"));
        let jobs = document.list("scrape_configs");
        for (index, one) in jobs.iter().enumerate() {
            job::check_job(Node::of(one), &global, self)
                .map_err(|fault| fault.at(index).within("scrape_configs"))?;
        }
        check_job_names(jobs).map_err(|fault| fault.within("scrape_configs"))
    }

    /// Whether a text is a list of jobs that can be read; their names.
    pub fn additional_jobs(&self, text: &str, global: &Global) -> Result<Vec<String>, Fault> {
        let jobs = list(text)?;
        for (index, job) in jobs.iter().enumerate() {
            self.read_job(job, global)
                .map_err(|fault| fault.at(index))?;
        }
        check_job_names(&jobs)?;
        let names = jobs.iter().map(|job| Node::of(job).text("job_name"));
        Ok(names.map(std::borrow::Cow::into_owned).collect())
    }

    /// Whether a text is a list of Alertmanagers that can be read.
    pub fn additional_alertmanagers(&self, text: &str, global: &Global) -> Result<(), Fault> {
        for (index, one) in list(text)?.iter().enumerate() {
            let shape = Shape::Struct(&document::ALERTMANAGER);
            let checked = shape.check(one, self).and_then(|()| {
                let rules = ["relabel_configs", "alert_relabel_configs"];
                rules
                    .iter()
                    .try_for_each(|rules| global.check_rules(Node::of(one), rules, self))
            });
            checked.map_err(|fault| fault.at(index))?;
        }
        Ok(())
    }

    /// Whether a text is a list of relabelings that can be read.
    pub fn additional_relabelings(&self, text: &str, global: &Global) -> Result<(), Fault> {
        let list = Ordered::List(list(text)?);
        relabel::RULES.check(&list, self)?;
        let entries = [(String::new(), list)];
        global.check_rules(Node(&entries), "", self)
    }

    /// Whether a text is a configuration.
    pub fn text(&self, text: &str) -> Result<(), Fault> {
        let document = read(text)?;
        match document {
            Ordered::Scalar(Value::Null) => Ok(()),
            document => self.read_document(&document),
        }
    }
}

/// Reads YAML; keys that come twice are refused.
pub(super) fn read(text: &str) -> Result<Ordered, Fault> {
    once(machinery::yaml::parse(text))
}

/// What was read, if no key comes twice.
pub(super) fn once(read: Result<Document, YamlError>) -> Result<Ordered, Fault> {
    // What is quoted may be a value, and a secret.
    let refused = |error: YamlError| Fault::here(redact::without_quoted(&error.to_string()));
    let document = read.map_err(refused)?;
    match document.duplicates.first() {
        Some(duplicate) => Err(Fault::here(format!("yaml: {duplicate}"))),
        None => Ok(Ordered::from(&document.value)),
    }
}

/// Reads a list; nothing at all is an empty one.
fn list(text: &str) -> Result<Vec<Ordered>, Fault> {
    match read(text)? {
        Ordered::List(items) => Ok(items),
        Ordered::Scalar(Value::Null) => Ok(Vec::new()),
        Ordered::Scalar(_) | Ordered::Map(_) => {
            Err(Fault::here("expected a list of mappings".to_owned()))
        }
    }
}

/// Names of jobs come once.
pub fn check_job_names<'a>(jobs: impl IntoIterator<Item = &'a Ordered>) -> Result<(), Fault> {
    let mut seen = BTreeMap::new();
    for (index, job) in jobs.into_iter().enumerate() {
        let name = Node::of(job).text("job_name");
        if let Some(before) = seen.insert(name.clone(), index) {
            let why = format!("{name:?} is the name of [{before}] too; rename one");
            return Err(Fault::here(why).within("job_name").at(index));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
