//! Why a tool may refuse a file that the program which it is written for takes.

use monitoring::config::version::{Since, Version};

use super::{Program, Tool};

/// Fields that programs know only from a version on, where it is in doubt the first release whose `config.go` has them.
const NEWER: [(Program, &str, Since); 22] = [
    (Program::Prometheus, "no_proxy", (2, 43, 0)),
    (Program::Prometheus, "proxy_from_environment", (2, 43, 0)),
    // These of all jobs: jobs have had some of them longer.
    (Program::Prometheus, "body_size_limit", (2, 45, 0)),
    (Program::Prometheus, "sample_limit", (2, 45, 0)),
    (Program::Prometheus, "target_limit", (2, 45, 0)),
    (Program::Prometheus, "label_limit", (2, 45, 0)),
    (Program::Prometheus, "label_name_length_limit", (2, 45, 0)),
    (Program::Prometheus, "label_value_length_limit", (2, 45, 0)),
    (Program::Prometheus, "azuread", (2, 45, 0)),
    (Program::Prometheus, "keep_dropped_targets", (2, 47, 0)),
    (Program::Prometheus, "match_first_network", (2, 54, 0)),
    (Program::Prometheus, "protobuf_message", (2, 54, 0)),
    (Program::Prometheus, "otlp", (2, 55, 0)),
    (Program::Prometheus, "scrape_failure_log_file", (2, 55, 0)),
    (Program::Prometheus, "retention", (3, 8, 0)),
    (Program::Prometheus, "scrape_native_histograms", (3, 8, 0)),
    (
        Program::Prometheus,
        "label_name_preserve_multiple_underscores",
        (3, 8, 0),
    ),
    (
        Program::Prometheus,
        "label_name_underscore_sanitization",
        (3, 8, 0),
    ),
    (
        Program::Prometheus,
        "stale_series_compaction_threshold",
        (3, 10, 0),
    ),
    (Program::Prometheus, "chunk_encoding", (3, 13, 0)),
    (Program::Alertmanager, "msteams_configs", (0, 26, 0)),
    (Program::Alertmanager, "jira_configs", (0, 28, 0)),
];

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

/// The fields that a refusal is about, if a reader is too old for each and the version of the file isn't, with since when each is
/// known.
pub fn newer(
    said: &str,
    program: Program,
    reader: &Version,
    version: &Version,
) -> Option<Vec<(String, Since)>> {
    let fields = unknown_fields(said)?.into_iter();
    let fields = fields.map(|field| {
        let since = since(&field, program, reader, version)?;
        Some((field, since))
    });
    fields.collect()
}

fn since(field: &str, program: Program, reader: &Version, version: &Version) -> Option<Since> {
    let newer = NEWER.iter().find(|(of, known, since)| {
        *of == program && *known == field && is_between(reader, *since, version)
    });
    newer.map(|(_, _, since)| *since)
}

/// Why a tool may not know a field of a file for a version; `None` if there is no reason.
pub(super) fn reason(field: &str, tool: &Tool, version: &Version) -> Option<String> {
    let discovery = field.strip_suffix("_sd_configs");
    if let Some(kind) = discovery.filter(|kind| DISCOVERIES.contains(kind)) {
        return Some(format!("{tool} is built without discovery by {kind}"));
    }
    if tool.program == Program::ThanosRules && OF_THANOS.contains(&field) {
        return Some(format!("{field} is Thanos' own"));
    }
    let since = since(field, tool.program, &tool.version, version)?;
    Some(is_known_from(field, since, tool))
}

/// Why a tool may refuse a file for a version with these words, which aren't about fields.
pub(super) fn complaint(said: &str, tool: &Tool, version: &Version) -> Option<String> {
    let found = COMPLAINTS.iter().find(|(part, _, since)| {
        said.contains(part) && since.is_none_or(|since| is_between(&tool.version, since, version))
    });
    found.map(|(_, what, since)| match since {
        Some(since) => is_known_from(what, *since, tool),
        None => format!("{what} is known with a flag alone"),
    })
}

/// Whether a version knows what a reader is too old to know.
fn is_between(reader: &Version, since: Since, version: &Version) -> bool {
    !reader.at_least(since) && version.at_least(since)
}

fn is_known_from(what: &str, (major, minor, patch): Since, tool: &Tool) -> String {
    format!("{what} is known from {major}.{minor}.{patch} on, {tool} is older")
}

/// The fields that a refusal is about; `None` if it is about anything else too.
pub(super) fn unknown_fields(said: &str) -> Option<Vec<String>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_newer_between_the_reader_and_the_version_alone() {
        let said = "  line 5: field retention not found in type config.plain\n";
        let newer = |reader: &str, version: &str| {
            let [reader, version] = [reader, version].map(|text| Version::parse(text).unwrap());
            newer(said, Program::Prometheus, &reader, &version)
        };
        let found = vec![("retention".to_owned(), (3, 8, 0))];
        assert_eq!(newer("3.5.3", "v3.13.2"), Some(found));
        assert_eq!(newer("3.5.3", "v3.7.0"), None);
        assert_eq!(newer("3.8.0", "v3.13.2"), None);
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
