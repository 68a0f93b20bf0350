//! The programs that read what the monitoring controllers write, beside [`crate::invariants`]: promtool and amtool, as Debian
//! has them, are given every configuration and every file of rules that the simulated scenarios produce.
//!
//! A tool is older than the programs that some of it is written for. What it can't know is taken out, counted, and the rest must
//! be taken: each such field is named here, with the version that has it first.

mod report;
mod tool;

use std::fmt;
use std::io;

use monitoring::config::prometheus::DEFAULT_VERSION;
use monitoring::config::version::{Since, Version, VersionError};
use monitoring::conformance::tools;
use monitoring::workload::ALERTMANAGER_VERSION;

pub use report::{Report, of_scenarios};
pub use tool::{MISSING, Tool};

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

/// What a tool says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Taken,
    /// There is nothing in it: a user's own is awaited.
    Awaited,
    /// What is left without what the tool can't know is taken: why, each.
    Without(Vec<String>),
    /// The tool is too old for what it is about: why.
    Newer(String),
    /// Refused, as the version that it is written for would, by ours.
    Both(String),
    /// Refused.
    Refused(String),
}

/// Fields that programs know only from a version on.
const NEWER: [(Program, &str, Since); 1] = [(Program::Prometheus, "retention", (3, 8, 0))];

/// What older programs say of what is newer than they are, other than of fields, and from which version on it is known; absent:
/// with a flag alone.
const COMPLAINTS: [(&str, &str, Option<Since>); 4] = [
    (
        "is invalid 'target_label' for",
        "any sign in names of labels",
        Some((3, 0, 0)),
    ),
    (
        "is not a valid label name",
        "any sign in names of labels",
        Some((3, 0, 0)),
    ),
    (
        "in label matching, expected identifier",
        "any sign in names of metrics",
        Some((3, 0, 0)),
    ),
    ("\"mad_over_time\"", "an experimental function", None),
];

/// Fields of nobody's but Thanos.
const OF_THANOS: [&str; 1] = ["partial_response_strategy"];

/// Discoveries that builds of Prometheus may lack.
pub const DISCOVERIES: [&str; 22] = [
    "azure",
    "consul",
    "digitalocean",
    "dns",
    "docker",
    "dockerswarm",
    "ec2",
    "eureka",
    "file",
    "gce",
    "hetzner",
    "http",
    "ionos",
    "kubernetes",
    "kuma",
    "lightsail",
    "linode",
    "nomad",
    "openstack",
    "ovhcloud",
    "puppetdb",
    "scaleway",
];

/// Why a tool may not know a field of a file for a version; `None` if there is no reason.
fn reason(field: &str, tool: &Tool, version: &Version) -> Option<String> {
    let discovery = field.strip_suffix("_sd_configs");
    if let Some(kind) = discovery.filter(|kind| DISCOVERIES.contains(kind)) {
        return Some(format!("{tool} is built without discovery by {kind}"));
    }
    if tool.program == Program::ThanosRules && OF_THANOS.contains(&field) {
        return Some(format!("{field} is Thanos' own"));
    }
    let newer = NEWER.iter().find(|(program, known, since)| {
        *program == tool.program && *known == field && is_between(tool, *since, version)
    });
    newer.map(|(_, _, since)| is_known_from(field, *since, tool))
}

/// Why a tool may refuse a file for a version with these words, which aren't about fields.
fn complaint(said: &str, tool: &Tool, version: &Version) -> Option<String> {
    let found = COMPLAINTS.iter().find(|(part, _, since)| {
        said.contains(part) && since.is_none_or(|since| is_between(tool, since, version))
    });
    found.map(|(_, what, since)| match since {
        Some(since) => is_known_from(what, *since, tool),
        None => format!("{what} is known with a flag alone"),
    })
}

/// Whether a version knows what a tool is too old to know.
fn is_between(tool: &Tool, since: Since, version: &Version) -> bool {
    !tool.version.at_least(since) && version.at_least(since)
}

fn is_known_from(what: &str, (major, minor, patch): Since, tool: &Tool) -> String {
    format!("{what} is known from {major}.{minor}.{patch} on, {tool} is older")
}

/// The fields that a refusal is about; `None` if it is about anything else too.
fn unknown_fields(said: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    for line in said.lines().map(str::trim) {
        let field = line.split_once("field ").and_then(|(_, rest)| {
            let (field, rest) = rest.split_once(' ')?;
            rest.starts_with("not found in type").then_some(field)
        });
        match field {
            Some(field) => fields.push(field.to_owned()),
            None if line.starts_with("line ") => return None,
            None => {}
        }
    }
    (!fields.is_empty()).then_some(fields)
}

/// Gives a file to a tool.
///
/// # Errors
/// If the tool can't be run.
pub fn judge(tool: &Tool, file: &File) -> io::Result<Verdict> {
    if file.text.is_empty() {
        return Ok(Verdict::Awaited);
    }
    let version = file.read_by().map_err(io::Error::other)?;
    let mut text = file.text.clone();
    let mut reasons: Vec<String> = Vec::new();
    while let Some(said) = tool.refusal(&text)? {
        let fields = unknown_fields(&said).unwrap_or_default();
        let why = fields.iter().map(|field| reason(field, tool, &version));
        let why: Option<Vec<String>> = why.collect();
        let without = tools::without(&text, &fields);
        match why {
            Some(why) if !why.is_empty() && without != text => {
                reasons.extend(why);
                text = without;
            }
            Some(_) | None => {
                let ours = refused_by_ours(file, &version);
                return Ok(match (ours, complaint(&said, tool, &version)) {
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

    /// What the tool says; `None` where it isn't installed.
    fn said(program: Program, text: &str) -> Option<Verdict> {
        let Some(tool) = Tool::find(program).unwrap() else {
            println!("skipped: {}", tool::MISSING);
            return None;
        };
        Some(judge(&tool, &file(program, text)).unwrap())
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
                Verdict::Taken | Verdict::Awaited | Verdict::Without(_) | Verdict::Newer(_) => {
                    false
                }
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

    #[test]
    fn what_is_newer_than_the_tool_is_told_unless_the_file_is_as_old() {
        let Some(tool) = Tool::find(Program::Prometheus).unwrap() else {
            println!("skipped: {}", tool::MISSING);
            return;
        };
        let text = "storage:\n  tsdb:\n    retention:\n      time: 1d\n";
        let judged = |version: &str| {
            let version = version.to_owned();
            let file = File {
                version,
                ..file(Program::Prometheus, text)
            };
            judge(&tool, &file).unwrap()
        };
        let old = tool.version.at_least((3, 8, 0));
        let newest = judged("");
        assert!(old || matches!(newest, Verdict::Without(_)), "{newest:?}");
        let oldest = judged("v3.7.0");
        assert!(old || matches!(oldest, Verdict::Both(_)), "{oldest:?}");
    }

    #[test]
    fn a_refusal_of_anything_but_fields_is_none_of_fields() {
        let fields = "x: yaml: unmarshal errors:\n  line 5: field a not found in type T\n";
        assert_eq!(unknown_fields(fields), Some(vec!["a".to_owned()]));
        let more = format!("{fields}  line 6: cannot unmarshal !!str into int\n");
        assert_eq!(unknown_fields(&more), None);
        assert_eq!(unknown_fields("empty"), None);
    }
}
