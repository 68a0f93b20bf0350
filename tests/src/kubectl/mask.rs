//! What is left to chance is masked: times, ages, uids, versions, addresses, random suffixes, nodes. The entries of managedFields
//! stand in the order of their times, so that is left to chance too.

use std::path::Path;

use regex::Regex;

/// Replacements in order.
pub(super) struct Masks {
    folder: String,
    rules: Vec<(Regex, &'static str)>,
}

/// How managedFields begin in YAML, JSON and a description.
const MANAGED: [&str; 3] = ["managedFields:", "\"managedFields\": [", "Managed Fields:"];

/// Letters and digits of generated names.
const SUFFIX: &str = "[bcdfghjklmnpqrstvwxz2456789]";

impl Masks {
    /// Masks for a session in that folder.
    pub(super) fn new(folder: &Path) -> Self {
        let rule = |pattern: &str, with| (Regex::new(pattern).expect("a pattern"), with);
        let rules = vec![
            rule(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            rule(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}", "TIME"),
            rule(
                r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} [+-]\d{4}",
                "TIME",
            ),
            rule(
                "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
                "UID",
            ),
            rule(r#"(resourceVersion"?: ?)"\d+""#, r#"$1"VERSION""#),
            rule(r"(Resource Version: +)\d+", "${1}VERSION"),
            rule(r"\b127\.0\.0\.1:\d+\b", "SERVER"),
            rule(r"\b(10|127)\.\d+\.\d+\.\d+(/\d+)?\b", "ADDRESS"),
            rule(r"\bnode-[123]\b", "NODE"),
            rule(r"\b(LIVE|MERGED|edit)-[a-z0-9]+", "$1-RANDOM"),
            rule(r"^@@ .* @@$", "@@"),
            // A warning of the client's own log: date, time and process.
            rule(r"^W\d{4} [\d:.]+ +\d+ ", "W "),
            rule(r"\.[0-9a-f]{16}\b", ".RANDOM"),
            rule(
                &format!(r"([a-z0-9])-{SUFFIX}{{5,10}}(-{SUFFIX}{{5}})?\b"),
                "$1-RANDOM",
            ),
            rule(
                &format!(r#"((?i:pod-?template-?hash|PodHash|stableRS)[=: "]+){SUFFIX}{{5,10}}\b"#),
                "${1}RANDOM",
            ),
            // No 100m: that is a tenth of a CPU.
            rule(
                r"(^|[\s(])(\d{1,3}s|\d{1,2}[mhd](\d{1,2}[smh])?)([\s),]|$)",
                "${1}AGE$4",
            ),
            rule(r"([^\s+-]|--)\s{2,}", "$1  "),
        ];
        Self {
            folder: folder.display().to_string(),
            rules,
        }
    }

    /// The lines of an output, masked; with managedFields or without: old clients always print them.
    pub(super) fn apply(&self, text: &str, with_managed: bool) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        // Entries of the list one is in, and how far its head is indented.
        let mut managed: Option<(usize, Vec<String>)> = None;
        for line in text.lines() {
            // In a diff the first column isn't the document's.
            let inner = line.strip_prefix(['+', '-']).unwrap_or(line).trim_start();
            let indent = line.len() - inner.len();
            if let Some((at, mut entries)) = managed.take() {
                let ends = if with_managed { ['-', '-'] } else { ['-', ']'] };
                if indent > at || (indent == at && inner.starts_with(ends)) {
                    if with_managed {
                        put(&mut entries, &self.line(line));
                    }
                    managed = Some((at, entries));
                    continue;
                }
                lines.extend(sorted(entries));
            }
            let begins = MANAGED.contains(&inner.trim_end());
            if begins {
                managed = Some((indent, Vec::new()));
            }
            if with_managed || !begins {
                lines.push(self.line(line));
            }
        }
        lines.extend(managed.into_iter().flat_map(|(_, entries)| sorted(entries)));
        lines
    }

    fn line(&self, line: &str) -> String {
        let mut line = line.replace(&self.folder, "FOLDER");
        for (pattern, with) in &self.rules {
            line = pattern.replace_all(&line, *with).into_owned();
        }
        line
    }
}

/// Puts a line to the entry it belongs to: one begins with every line that is indented as the first one and can begin one.
fn put(entries: &mut Vec<String>, line: &str) {
    let indent = |line: &str| {
        let inner = line.strip_prefix(['+', '-']).unwrap_or(line);
        inner.len() - inner.trim_start().len()
    };
    let at = entries.first().map_or(indent(line), |first| indent(first));
    let text = line.trim_start_matches(['+', ' ']);
    let begins = text.starts_with("- ") || text == "{" || text.starts_with("API Version:");
    match entries.last_mut() {
        Some(last) if !(begins && indent(line) == at) => {
            last.push('\n');
            last.push_str(line);
        }
        _ => entries.push(line.to_owned()),
    }
}

/// The lines of all entries, in the order of their texts. In JSON a comma says only that another one follows.
fn sorted(entries: Vec<String>) -> Vec<String> {
    let mut entries: Vec<String> = entries
        .into_iter()
        .map(|entry| {
            entry
                .strip_suffix("},")
                .map_or(entry.clone(), |rest| format!("{rest}}}"))
        })
        .collect();
    entries.sort();
    let lines = entries.iter().flat_map(|entry| entry.lines());
    lines.map(str::to_owned).collect()
}

#[test]
fn managed_fields_are_left_out_where_nobody_asks_for_them() {
    let masks = Masks::new(Path::new("/tmp/here"));
    let text = "metadata:\n  managedFields:\n  - manager: a\n  name: x\n    \"managedFields\": [\n        {}\n    ],\nend\n";
    assert_eq!(masks.apply(text, false), ["metadata:", "  name: x", "end"]);
}

#[test]
fn what_chance_decides_is_masked_and_nothing_else() {
    let masks = Masks::new(Path::new("/tmp/here"));
    let text = "web-7c5ddbdf54-x7bq2   1/1     Running   0          2m3s   10.0.0.7   node-2\n\
        wait -f /tmp/here/a.yaml: spec.replicas 10\n  uid: 01234567-89ab-cdef-0123-456789abcdef\n\
        \x20 managedFields:\n  - apiVersion: v1\n    manager: kubectl\n    time: \"2026-01-02T03:04:05Z\"\n\
        \x20 - apiVersion: v1\n    manager: apply\n  name: shop\n\
        \x20 resourceVersion: \"77\"\n  creationTimestamp: \"2026-01-02T03:04:05Z\"\n\
        @@ -0,0 +1,9 @@\n+  managedFields:\n+  - apiVersion: v1\n+    fieldsV1:\n+      f:data: {}\n+  name: shop\n\
        \x20 Managed Fields:\n    Manager:  kubectl\n  UID:  1\n    cpu:  100m\n  ----    ------   ----\n";
    assert_eq!(
        masks.apply(text, true),
        [
            "web-RANDOM  1/1  Running  0  AGE  ADDRESS  NODE",
            "wait -f FOLDER/a.yaml: spec.replicas 10",
            "  uid: UID",
            "  managedFields:",
            "  - apiVersion: v1",
            "    manager: apply",
            "  - apiVersion: v1",
            "    manager: kubectl",
            "    time: \"TIME\"",
            "  name: shop",
            "  resourceVersion: \"VERSION\"",
            "  creationTimestamp: \"TIME\"",
            "@@",
            "+  managedFields:",
            "+  - apiVersion: v1",
            "+    fieldsV1:",
            "+      f:data: {}",
            "+  name: shop",
            "  Managed Fields:",
            "    Manager:  kubectl",
            "  UID:  1",
            "    cpu:  100m",
            "  ----  ------  ----",
        ]
    );
}
