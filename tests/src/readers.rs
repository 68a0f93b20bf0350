//! The programs that read what the monitoring controllers write, beside [`crate::invariants`]: promtool and amtool, as several
//! Debians have them, are given every configuration and every file of rules that the simulated scenarios produce, each to the
//! ones that are nearest to the version that it is written for.
//!
//! A tool may be older than the programs that some of it is written for. What it can't know is taken out, counted, and the rest
//! must be taken: each such field is named in `reasons`, with the version that has it first.

mod choice;
mod reasons;
mod report;
mod tool;

use std::fmt;
use std::io;

use monitoring::config::prometheus::DEFAULT_VERSION;
use monitoring::config::version::{Version, VersionError};
use monitoring::conformance::tools;
use monitoring::workload::ALERTMANAGER_VERSION;

use choice::later;
use reasons::{complaint, reason, unknown_fields};

pub use choice::nearest;
pub use reasons::{DISCOVERIES, newer};
pub use report::{Report, of_scenarios};
pub use tool::{ALL, MISSING, Tool};

/// Who reads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// Prometheus, its configuration.
    Prometheus,
    /// Alertmanager, its configuration.
    Alertmanager,
    /// Prometheus, a file of rules.
    Rules,
    /// Thanos Ruler, a file of rules: Prometheus' form, and more.
    ThanosRules,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Prometheus,
        Self::Alertmanager,
        Self::Rules,
        Self::ThanosRules,
    ];
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prometheus => "Prometheus configurations",
            Self::Alertmanager => "Alertmanager configurations",
            Self::Rules => "files of rules",
            Self::ThanosRules => "files of rules for Thanos",
        })
    }
}

/// What a program is to load.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Its reader.
    pub program: Program,
    /// The version that the workload asks for; empty without one.
    pub version: String,
    /// What is in it.
    pub text: String,
}

impl File {
    /// The version of its reader; a Thanos Ruler's own says nothing about rules.
    fn read_by(&self) -> Result<Version, VersionError> {
        let asked = match self.program {
            Program::Prometheus | Program::Rules if self.version.is_empty() => DEFAULT_VERSION,
            Program::Alertmanager if self.version.is_empty() => ALERTMANAGER_VERSION,
            Program::ThanosRules => DEFAULT_VERSION,
            Program::Prometheus | Program::Rules | Program::Alertmanager => &self.version,
        };
        Version::parse(asked)
    }
}

/// What the tools say of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Taken,
    /// The nearest tool refuses it, the nearest on the other side of its version takes it, and so does ours: which, and why not.
    Beside(String),
    /// There is nothing in it: a user's own is awaited.
    Awaited,
    /// What is left without what the tool can't know is taken: why, each.
    Without(Vec<String>),
    /// The tool is too old for what it is about: why.
    Newer(String),
    /// Refused, and ours says that the version that it is written for would refuse it too.
    Both(String),
    /// Refused.
    Refused(String),
}

/// Gives a file to the tools that are nearest to its version; also says which were asked, and whether each took it.
///
/// # Errors
/// If a tool can't be run.
pub fn judge(tools: &[Tool], file: &File) -> io::Result<(Verdict, Vec<(String, bool)>)> {
    let mut asked = Vec::new();
    if file.text.is_empty() {
        return Ok((Verdict::Awaited, asked));
    }
    let version = file.read_by().map_err(io::Error::other)?;
    let chosen = nearest(tools, |tool| &tool.version, &version);
    let Some((first, others)) = chosen.split_first() else {
        return Err(io::Error::other("no tool to ask"));
    };
    let said = judge_by(first, file, &version)?;
    asked.push((first.to_string(), said == Verdict::Taken));
    let next = match said {
        Verdict::Taken | Verdict::Awaited => return Ok((said, asked)),
        // Debian's promtool 2.42 is built without discovery by kubernetes, those of later Debians aren't.
        Verdict::Without(_) => later(tools, |tool| &tool.version, &first.version),
        // An earlier one doesn't know everything yet, or a later one has given something up.
        Verdict::Beside(_) | Verdict::Newer(_) | Verdict::Both(_) | Verdict::Refused(_) => {
            others.to_vec()
        }
    };
    for tool in next {
        let is_taken = judge_by(tool, file, &version)? == Verdict::Taken;
        asked.push((tool.to_string(), is_taken));
        if is_taken {
            return Ok((beside(said, tool, file, &version), asked));
        }
    }
    Ok((said, asked))
}

/// What it means that a tool takes what a nearer one doesn't take as it is.
fn beside(nearer: Verdict, tool: &Tool, file: &File, version: &Version) -> Verdict {
    match nearer {
        Verdict::Refused(said) => match refused_by_ours(file, version) {
            Some(ours) => Verdict::Both(format!("{said}\nours: {ours}")),
            None => Verdict::Beside(format!("{tool} takes it: {said}")),
        },
        Verdict::Without(_) | Verdict::Newer(_) => Verdict::Taken,
        Verdict::Both(_) | Verdict::Taken | Verdict::Beside(_) | Verdict::Awaited => nearer,
    }
}

fn judge_by(tool: &Tool, file: &File, version: &Version) -> io::Result<Verdict> {
    let mut text = file.text.clone();
    let mut reasons: Vec<String> = Vec::new();
    while let Some(said) = tool.refusal(&text)? {
        let fields = unknown_fields(&said).unwrap_or_default();
        let why = fields.iter().map(|field| reason(field, tool, version));
        let why: Option<Vec<String>> = why.collect();
        let without = tools::without(&text, &fields);
        match why {
            Some(why) if !why.is_empty() && without != text => {
                reasons.extend(why);
                text = without;
            }
            Some(_) | None => {
                let ours = refused_by_ours(file, version);
                return Ok(match (ours, complaint(&said, tool, version)) {
                    (Some(ours), _) => Verdict::Both(format!("{said}\nours: {ours}")),
                    (None, Some(why)) => Verdict::Newer(why),
                    (None, None) => Verdict::Refused(said),
                });
            }
        }
    }
    reasons.sort();
    reasons.dedup();
    Ok(if reasons.is_empty() {
        Verdict::Taken
    } else {
        Verdict::Without(reasons)
    })
}

/// What ours says of a configuration for the version that it is written for.
fn refused_by_ours(file: &File, version: &Version) -> Option<String> {
    let program = match file.program {
        Program::Prometheus => tools::Program::Prometheus,
        Program::Alertmanager => tools::Program::Alertmanager,
        Program::Rules | Program::ThanosRules => return None,
    };
    tools::refusal(program, &file.text, version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(program: Program, text: &str) -> File {
        File {
            program,
            version: String::new(),
            text: text.to_owned(),
        }
    }

    /// What the tools say; `None` where none is installed.
    fn said(program: Program, text: &str) -> Option<Verdict> {
        let tools = Tool::all(program).unwrap();
        if tools.is_empty() {
            println!("skipped: {}", tool::MISSING);
            return None;
        }
        Some(judge(&tools, &file(program, text)).unwrap().0)
    }

    #[test]
    fn what_the_tools_take_is_taken() {
        let config = "global:\n  scrape_interval: 30s\nscrape_configs:\n- job_name: a\n";
        let routes = "route:\n  receiver: a\nreceivers:\n- name: a\n";
        let rules = "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: sum(up)\n";
        let each = [
            (Program::Prometheus, config),
            (Program::Alertmanager, routes),
            (Program::Rules, rules),
        ];
        for (program, text) in each {
            let said = said(program, text);
            assert!(said.is_none_or(|said| said == Verdict::Taken), "{text}");
        }
        let said = said(Program::Prometheus, "");
        assert!(said.is_none_or(|said| said == Verdict::Awaited));
    }

    #[test]
    fn what_the_tools_refuse_is_refused() {
        for (program, text) in [
            (Program::Prometheus, "global:\n  scrape_intervall: 30s\n"),
            (
                Program::Prometheus,
                "scrape_configs:\n- job_name: a\n  sd_configs: []\n  kubernetes_sd_configs: []\n",
            ),
            (
                Program::Prometheus,
                "scrape_configs:\n- job_name: a\n  scrape_interval: 1s\n  scrape_timeout: 1m\n",
            ),
            (
                Program::Alertmanager,
                "route:\n  receiver: b\nreceivers:\n- name: a\n",
            ),
            (
                Program::Rules,
                "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: sum(\n",
            ),
            (
                Program::Rules,
                "groups:\n- name: g\n  partial_response_strategy: abort\n",
            ),
        ] {
            let said = said(program, text);
            let refused = said.is_none_or(|said| match said {
                Verdict::Refused(_) | Verdict::Both(_) => true,
                Verdict::Taken
                | Verdict::Beside(_)
                | Verdict::Awaited
                | Verdict::Without(_)
                | Verdict::Newer(_) => false,
            });
            assert!(refused, "{text}");
        }
    }

    #[test]
    fn what_only_thanos_knows_is_told() {
        let text = "groups:\n- name: g\n  partial_response_strategy: abort\n";
        let said = said(Program::ThanosRules, text);
        let reasons = ["partial_response_strategy is Thanos' own".to_owned()];
        assert!(said.is_none_or(|said| said == Verdict::Without(reasons.into())));
    }

    /// What one tool says of a text for a version.
    fn said_by(tool: &Tool, version: &str, text: &str) -> Verdict {
        let file = File {
            version: version.to_owned(),
            ..file(Program::Prometheus, text)
        };
        judge(std::slice::from_ref(tool), &file).unwrap().0
    }

    #[test]
    fn what_is_newer_than_the_tool_is_told_unless_the_file_is_as_old() {
        let text = "storage:\n  tsdb:\n    retention:\n      time: 1d\n";
        for tool in Tool::all(Program::Prometheus).unwrap() {
            let old = tool.version.at_least((3, 8, 0));
            let newest = said_by(&tool, "", text);
            assert!(old || matches!(newest, Verdict::Without(_)), "{newest:?}");
            let oldest = said_by(&tool, "v3.7.0", text);
            assert!(old || matches!(oldest, Verdict::Both(_)), "{oldest:?}");
        }
    }

    #[test]
    fn what_a_tool_between_others_has_not_yet_or_no_longer_is_for_its_neighbour() {
        let tools = Tool::all(Program::Prometheus).unwrap();
        if tools.len() < ALL {
            println!("skipped: {}", tool::MISSING);
            return;
        }
        let said = |version: &str, text: &str| {
            let file = File {
                version: version.to_owned(),
                ..file(Program::Prometheus, text)
            };
            judge(&tools, &file).unwrap().0
        };
        let job = |field: &str| format!("scrape_configs:\n- job_name: a\n  {field}: true\n");
        let nhcb = job("convert_classic_histograms_to_nhcb");
        assert_eq!(said("v3.0.0", &nhcb), Verdict::Taken);
        // Known from 3.0 on: neither the server of the file nor the nearest tool knows it.
        let early = said("v2.55.0", &nhcb);
        assert!(matches!(early, Verdict::Both(_)), "{early:?}");
        // Named as newer than the nearest, and read whole by the next.
        let log = "global:\n  scrape_failure_log_file: /x\n";
        assert_eq!(said("v2.55.0", log), Verdict::Taken);
        let scheme = "global:\n  metric_name_validation_scheme: utf8\n";
        let beside = said("v2.55.0", scheme);
        assert!(matches!(beside, Verdict::Beside(_)), "{beside:?}");
    }
}
