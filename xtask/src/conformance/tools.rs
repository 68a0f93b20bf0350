//! Preflight beside the real readers: of every configuration that recorded cases render, and of some with something spoilt in
//! it, is asked whether `promtool`, `amtool` or another reader takes it, and whether ours would publish it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use machinery::entropy::Entropy;
use monitoring::config::version::Version;
use monitoring::conformance::tools::{Program, Rendered, refusal, rendered, spoilt, without};
use scenarios::readers::{self, DISCOVERIES, Tool, nearest};

use super::registry::say;

/// What real readers refuse of what is rendered, by a part of their words, and why it is rendered all the same.
const REFUSED: &[(&str, &str)] = &[
    (
        "empty duration string",
        "their objects lack the intervals that definitions default, and the operator does",
    ),
    (
        "unknown authentication_type \"SDK\"",
        "Azure's SDK is for later versions; the preflight keeps it from these",
    ),
    (
        "field ca not found in type",
        "TLS material in the configuration is for later versions; the operator asks for it with none of these",
    ),
    (
        "is not a valid label name",
        "labels of any name are for later versions; the preflight keeps them from these",
    ),
    (
        "invalid 'target_label'",
        "labels of any name are for later versions; the preflight keeps them from these",
    ),
    (
        "scrape_protocols cannot be empty",
        "no protocol is left that the version knows, and the list is written as upstream does; the preflight keeps it from these",
    ),
    (
        "field max_retries not found",
        "max_retries is for earlier versions",
    ),
];

/// What real readers take and ours refuses, by a part of our words, and why.
const TAKEN: &[(&str, &str)] = &[(
    "sigv4.external_id: known from version 3.11.0 on",
    "Debian's promtool 3.5.3 is built with a later library for Amazon's signatures than upstream's",
)];

/// Which readers, and how much is spoilt.
#[derive(Args)]
pub struct Tools {
    /// Compare the preflight with promtool and amtool instead, where they are installed
    #[arg(id = "tools", long = "tools")]
    pub wanted: bool,
    /// Configurations with something spoilt, for each that is rendered
    #[arg(long, default_value_t = 0)]
    spoil: u64,
    /// Seed of what is spoilt
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A reader of Prometheus' configurations instead of promtool: reads texts as JSON, one a line, and answers each with what is
    /// wrong, or with an empty text
    #[arg(long, requires = "version")]
    reader: Option<PathBuf>,
    /// The version of that reader
    #[arg(long)]
    version: Option<String>,
    /// Show as many differences
    #[arg(long, default_value_t = 20)]
    show: usize,
}

/// Compares; exit code 1 if anything differs, or is refused, without a reason.
pub fn run(folder: &Path, tools: &Tools) -> Result<ExitCode> {
    let mut differs = false;
    for program in [Program::Prometheus, Program::Alertmanager, Program::Rules] {
        let mut readers = Reader::all(program, tools)?;
        if readers.is_empty() {
            say(&format!("skipped: {}", readers::MISSING));
            continue;
        }
        let recorded = rendered(folder, program, None)?;
        let versions = readers.iter().map(|reader| reader.version.clone());
        let versions: Vec<Version> = versions.collect();
        for reader in &mut readers {
            let lacks = reader.lacks()?;
            let tally = compare_all(folder, &recorded, tools, reader, &versions, &lacks)?;
            tally.print(reader, &lacks, tools.show);
            differs |= !tally.different.is_empty();
        }
    }
    Ok(if differs {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What a reader says of the recorded cases whose version is nearest to its own, and of all as rendered for it.
fn compare_all(
    folder: &Path,
    recorded: &[Rendered],
    tools: &Tools,
    reader: &mut Reader,
    versions: &[Version],
    lacks: &[String],
) -> Result<Tally> {
    let mut tally = Tally {
        are_all: versions.len() >= readers::ALL,
        ..Tally::default()
    };
    let mut chance = Entropy::seeded(tools.seed);
    let own = reader.version.clone();
    let is_nearest = |version: &Version| {
        let found = nearest(versions, |one| one, version);
        found.first().is_some_and(|found| **found == own)
    };
    let for_reader = rendered(folder, reader.program, Some(&own))?;
    for (how, all) in [
        ("as rendered", recorded),
        ("rendered for the reader", &for_reader),
    ] {
        for one in all {
            if !is_nearest(&one.version) {
                continue;
            }
            let text = if lacks.is_empty() {
                one.text.clone()
            } else {
                without(&one.text, lacks)
            };
            tally.rendered(&one.name, how, &one.version, &text, reader)?;
            let spoils = match reader.program {
                Program::Rules => 0,
                Program::Prometheus | Program::Alertmanager => tools.spoil,
            };
            for _ in 0..spoils {
                if let Some((what, text)) = spoilt(&text, &mut chance) {
                    tally.compare(&one.name, &what, &text, reader)?;
                }
            }
        }
    }
    Ok(tally)
}

/// Gives promtool and amtool what the scenarios produce; exit code 1 if anything is refused without a reason.
pub fn scenarios(only: &str) -> Result<ExitCode> {
    let report = readers::of_scenarios(only)?;
    say(&report.to_string());
    Ok(if report.refused().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A real reader.
struct Reader {
    program: Program,
    name: String,
    version: Version,
    asked: Asked,
}

/// The same program, among those of scenarios.
fn of(program: Program) -> readers::Program {
    match program {
        Program::Prometheus => readers::Program::Prometheus,
        Program::Alertmanager => readers::Program::Alertmanager,
        Program::Rules => readers::Program::Rules,
    }
}

/// How a reader is asked.
enum Asked {
    /// With a call for each text.
    Tool(Tool),
    /// With a line for each text.
    Lines(Lines),
}

/// A reader that answers line by line.
struct Lines {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Lines {
    fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("{} has no pipes", program.display());
        };
        Ok(Self {
            _child: child,
            input,
            output: BufReader::new(output),
        })
    }

    fn refusal(&mut self, text: &str) -> Result<Option<String>> {
        writeln!(self.input, "{}", serde_json::to_string(text)?)?;
        self.input.flush()?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        let answer: String = serde_json::from_str(&answer)?;
        Ok((!answer.is_empty()).then_some(answer))
    }
}

impl Reader {
    /// All that are here; one that is named stands for those of its program.
    fn all(program: Program, tools: &Tools) -> Result<Vec<Self>> {
        if let (Program::Prometheus, Some(path), Some(version)) =
            (program, &tools.reader, &tools.version)
        {
            return Ok(vec![Self {
                program,
                name: format!("{} {version}", path.display()),
                version: Version::parse(version)?,
                asked: Asked::Lines(Lines::start(path)?),
            }]);
        }
        let found = Tool::all(of(program))?;
        let readers = found.into_iter().map(|tool| Self {
            program,
            name: tool.to_string(),
            version: tool.version.clone(),
            asked: Asked::Tool(tool),
        });
        Ok(readers.collect())
    }

    /// What the reader says of a text; `None` if it takes it.
    fn refusal(&mut self, text: &str) -> Result<Option<String>> {
        match &mut self.asked {
            Asked::Tool(tool) => Ok(tool.refusal(text)?),
            Asked::Lines(lines) => lines.refusal(text),
        }
    }

    /// Whether the reader doesn't know a field of a text that is otherwise fine.
    fn is_without(&mut self, field: &str, text: &str) -> Result<bool> {
        let said = self.refusal(text)?.unwrap_or_default();
        Ok(said.contains(&format!("field {field} not found in type")))
    }

    /// Discoveries and what else the reader was built without; they are left out for both.
    fn lacks(&mut self) -> Result<Vec<String>> {
        let mut lacks = Vec::new();
        match self.program {
            Program::Prometheus => {}
            Program::Alertmanager => {
                // Debian's 0.28.1; with its global address goes the integration.
                let jira = "global:\n  jira_api_url: http://a\nroute: {receiver: a}\nreceivers:\n- name: a\n";
                if self.version.at_least((0, 28, 0)) && self.is_without("jira_api_url", jira)? {
                    lacks.extend(["jira_api_url", "jira_configs"].map(str::to_owned));
                }
                return Ok(lacks);
            }
            Program::Rules => return Ok(lacks),
        }
        for kind in DISCOVERIES {
            let field = format!("{kind}_sd_configs");
            let text = format!("scrape_configs:\n- job_name: a\n  {field}: []\n");
            if self.is_without(&field, &text)? {
                lacks.push(field);
            }
        }
        // Azure for remote writes, with the discovery that Debian leaves out.
        let azure = "remote_write:\n- url: http://a\n  azuread: {}\n";
        if self.version.at_least((2, 45, 0)) && self.is_without("azuread", azure)? {
            lacks.push("azuread".to_owned());
        }
        Ok(lacks)
    }
}

/// What was compared.
#[derive(Default)]
struct Tally {
    /// Whether there is a reader near to every version.
    are_all: bool,
    both_take: usize,
    /// What was spoilt.
    both_refuse: usize,
    /// What one or both refuse, by reason.
    known: BTreeMap<String, usize>,
    different: Vec<String>,
}

impl Tally {
    /// What is rendered has to be taken by both, unless it is for a later version, or there is a reason.
    fn rendered(
        &mut self,
        name: &str,
        how: &str,
        version: &Version,
        text: &str,
        reader: &mut Reader,
    ) -> Result<()> {
        let since = (version.major, version.minor, version.patch);
        let is_later = !reader.version.at_least(since);
        let of = of(reader.program);
        let mut text = text.to_owned();
        let said = loop {
            // Rules are read for their version before they become a file, and not again for another one.
            let said = if is_later && reader.program == Program::Rules {
                reader.refusal(&text)?
            } else {
                self.compare(name, how, &text, reader)?
            };
            let Some(said) = said else {
                return Ok(());
            };
            // What the reader is too old for is left out, for the rest to be read.
            let newer = readers::newer(&said, of, &reader.version, version).unwrap_or_default();
            let fields: Vec<String> = newer.iter().map(|(field, _)| field.clone()).collect();
            let less = without(&text, &fields);
            if fields.is_empty() || less == text {
                break said;
            }
            for (field, (major, minor, _)) in newer {
                let why =
                    format!("{field} is known from {major}.{minor} on; read again without it");
                *self.known.entry(why).or_default() += 1;
            }
            text = less;
        };
        let known = if is_later && !self.are_all {
            Some("they are for later versions, whose reader isn't here (scripts/setup readers)")
        } else {
            let mut listed = REFUSED.iter();
            let found = listed.find(|(words, _)| said.contains(words));
            found.map(|(_, why)| *why)
        };
        match known {
            Some(why) => *self.known.entry(why.to_owned()).or_default() += 1,
            None => self
                .different
                .push(format!("{name} ({how}): both refuse it: {said}")),
        }
        Ok(())
    }

    /// The real reader's words, if both refuse.
    fn compare(
        &mut self,
        name: &str,
        what: &str,
        text: &str,
        reader: &mut Reader,
    ) -> Result<Option<String>> {
        let theirs = reader.refusal(text)?;
        let ours = refusal(reader.program, text, &reader.version);
        match (theirs, ours) {
            (None, None) => self.both_take += 1,
            (Some(said), Some(_)) => {
                self.both_refuse += 1;
                return Ok(Some(said));
            }
            (Some(said), None) => {
                let one = format!("{name} ({what}): only the real reader refuses: {said}");
                self.different.push(one);
            }
            (None, Some(said)) => {
                if let Some((_, why)) = TAKEN.iter().find(|(words, _)| said.contains(words)) {
                    *self.known.entry((*why).to_owned()).or_default() += 1;
                    return Ok(None);
                }
                let one = format!("{name} ({what}): only ours refuses: {said}");
                self.different.push(one);
            }
        }
        Ok(None)
    }

    fn print(&self, reader: &Reader, lacks: &[String], show: usize) {
        for one in self.different.iter().take(show) {
            say(one);
        }
        let Self {
            are_all: _,
            both_take,
            both_refuse,
            known,
            different,
        } = self;
        if !lacks.is_empty() {
            say(&format!(
                "{}: left out, for it was built without: {}",
                reader.name,
                lacks.join(", ")
            ));
        }
        say(&format!(
            "{}: {both_take} taken by both, {both_refuse} refused by both, {} different",
            reader.name,
            different.len()
        ));
        for (why, count) in known {
            say(&format!(
                "{}: {count} refused for a reason: {why}",
                reader.name
            ));
        }
    }
}
