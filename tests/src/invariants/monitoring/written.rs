//! What is written for programs to load, at every revision: MON-1, MON-3, and MON-5 of configurations and rules.

use std::collections::{BTreeMap, BTreeSet};

use machinery::meta;
use serde_json::Value;

use super::super::configuration::{self, serving, writing};
use super::{Change, MONITORS, Monitoring};
use crate::readers::{File, Program};
use crate::{objects, unpack};

/// Says what is wrong with the text of a file.
type Check = fn(&str) -> Result<(), String>;

/// Files that pods mount as they are in a Secret.
pub(super) const PLAIN: [(&str, Check); 3] = [
    ("web-config.yaml", serving::web),
    ("cluster-tls-config.yaml", serving::cluster),
    ("remote-write.yaml", writing::remote_write),
];

impl Monitoring {
    pub(super) fn secret(&mut self, change: &Change) {
        self.hold("Secret", change);
        if !Self::is_ours(change.after) {
            self.causes.held(change);
            return;
        }
        self.plain(change);
        for (file, program, check) in [
            (
                "prometheus.yaml.gz",
                Program::Prometheus,
                configuration::prometheus as Check,
            ),
            (
                "alertmanager.yaml.gz",
                Program::Alertmanager,
                configuration::alertmanager,
            ),
        ] {
            let parts = unpack::parts_of(change.after, file);
            if !parts.is_empty() && self.spread.insert(change.key.clone()) {
                self.may_roll(change.after);
            }
            self.parts.extend(parts);
            let held = change
                .after
                .pointer("/data")
                .and_then(|data| data.get(file));
            if held.is_none() {
                continue;
            }
            if change.deleted {
                self.texts.remove(&change.key);
                self.jobs.remove(&change.key);
                continue;
            }
            let text = unpack::text_of(change.after, file, &self.parts);
            if let Err(why) = check(&text) {
                self.violated("MON-1", change.after, &why);
            }
            self.packed(change, file, &text);
            self.keep(change.after, program, &text);
            if file == "prometheus.yaml.gz" {
                self.configured(change, text);
            }
        }
    }

    /// MON-1 of files that are mounted as they are. What they name, [`Monitoring::mounted`] looks for in the end.
    fn plain(&mut self, change: &Change) {
        for (file, check) in PLAIN {
            let key = (change.key.clone(), file);
            let held = change.after.get("data").and_then(|data| data.get(file));
            if change.deleted || held.is_none() {
                self.mountable.remove(&key);
                continue;
            }
            let text = unpack::text_of(change.after, file, &self.parts);
            if let Err(why) = check(&text) {
                self.violated("MON-1", change.after, &format!("{file}: {why}"));
            }
            self.mountable.insert(key, text);
        }
    }

    /// Remembers which keys a Secret or ConfigMap has.
    fn hold(&mut self, kind: &str, change: &Change) {
        let key = format!("{kind}/{}", change.key);
        if change.deleted {
            self.held.remove(&key);
            return;
        }
        let data = ["data", "binaryData"].map(|field| change.after.get(field));
        let data = data.into_iter().flatten().filter_map(Value::as_object);
        let keys = data.flat_map(|data| data.keys().cloned()).collect();
        self.held.insert(key, keys);
    }

    /// MON-5 of Secrets: what says the same isn't written again.
    fn packed(&mut self, change: &Change, file: &str, text: &str) {
        let Some(before) = change.before else {
            return;
        };
        let held = |secret: &Value, key: &str| {
            let data = secret.get("data").and_then(Value::as_object);
            data.and_then(|data| data.get(key)).cloned()
        };
        let parts = format!("{file}.parts");
        let is_whole = |secret: &Value| held(secret, &parts).is_none();
        let other = held(before, file).is_some() && held(before, file) != held(change.after, file);
        if other
            && is_whole(before)
            && is_whole(change.after)
            && unpack::text_of(before, file, &self.parts) == text
        {
            let what = format!("{file} says what it said, in other bytes");
            self.violated("MON-5", change.after, &what);
        }
    }

    /// Remembers what a program is to load, with the version of the workload that it is made for.
    fn keep(&mut self, made: &Value, program: Program, text: &str) {
        let owner = self.owner(made);
        let version =
            owner.map(|(_, workload, _)| objects::text(&workload, "/spec/version").to_owned());
        let file = File {
            program,
            version: version.unwrap_or_default(),
            text: text.to_owned(),
        };
        let place = || format!("{} {}", meta::kind(made), meta::name(made));
        self.files.entry(file).or_insert_with(place);
    }

    /// MON-3, and MON-5 of configurations: a job changes only if its monitor did, its workload, or what the two depend on.
    fn configured(&mut self, change: &Change, text: String) {
        let now = jobs(&text);
        let workload = maker(change.after);
        self.texts.insert(change.key.clone(), text);
        let jobs = self.jobs.entry(change.key.clone()).or_default();
        let before = std::mem::replace(&mut jobs.texts, now);
        let names: BTreeSet<String> = before.keys().chain(jobs.texts.keys()).cloned().collect();
        let mut wrong = Vec::new();
        for name in names {
            if before.get(&name) == jobs.texts.get(&name) {
                continue;
            }
            let changes = jobs.changes.entry(name.clone()).or_default();
            *changes += 1;
            let causes = self.causes.of_job(&name, &MONITORS, &workload);
            if *changes > causes + 1 {
                wrong.push(format!(
                    "job {name} changed {changes} times, what it is made of {causes} times since there is all of it"
                ));
            }
        }
        for what in wrong {
            self.violated("MON-3", change.after, &what);
        }
    }

    pub(super) fn config_map(&mut self, change: &Change) {
        self.hold("ConfigMap", change);
        if !Self::is_ours(change.after) {
            self.causes.held(change);
            return;
        }
        if change.deleted {
            return;
        }
        let workload = maker(change.after);
        let program = if workload.starts_with("ThanosRuler/") {
            Program::ThanosRules
        } else {
            Program::Rules
        };
        let data = change.after.get("data").and_then(Value::as_object);
        for (file, text) in data.into_iter().flatten() {
            let text = text.as_str().unwrap_or_default();
            if let Err(why) = configuration::rules(text) {
                self.violated("MON-1", change.after, &format!("{file}: {why}"));
            }
            self.keep(change.after, program, text);
            self.ruled(change.after, &workload, file, text);
        }
    }

    /// MON-5 of rules: the text of a file changes only if its object did, or something that it depends on. It may move from
    /// one ConfigMap to another.
    fn ruled(&mut self, made: &Value, workload: &str, file: &str, text: &str) {
        let key = (workload.to_owned(), file.to_owned());
        let known = self.rules.entry(key);
        let (before, changes) = known.or_insert_with(|| (text.to_owned(), 0));
        if before == text {
            return;
        }
        text.clone_into(before);
        *changes += 1;
        let (changes, causes) = (*changes, self.causes.of_rules(file, workload));
        if changes > causes {
            let what = format!("{file} changed {changes} times, what it is made of {causes} times");
            self.violated("MON-5", made, &what);
        }
    }
}

/// The workload that an object says it is made for: kind, namespace and name.
fn maker(made: &Value) -> String {
    let owner = meta::controller_of(made);
    owner.map_or_else(String::new, |owner| {
        format!("{}/{}/{}", owner.kind, meta::namespace(made), owner.name)
    })
}

/// The jobs of a configuration by name, as text.
fn jobs(config: &str) -> BTreeMap<String, String> {
    let mut jobs: BTreeMap<String, String> = BTreeMap::new();
    let mut job: Option<String> = None;
    for line in config.lines() {
        if let Some(name) = line.strip_prefix("- job_name: ") {
            job = Some(name.trim_matches(['"', '\'']).to_owned());
        } else if !line.starts_with([' ', '-']) {
            job = None;
        }
        if let Some(name) = &job {
            let text = jobs.entry(name.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }
    jobs
}

#[test]
fn jobs_are_found_by_name() {
    let text = "global:\n  a: b\nscrape_configs:\n- job_name: x/y\n  p: 1\n- job_name: \"z\"\n  l:\n  - q\nstorage:\n  t: 1\n";
    let jobs = jobs(text);
    assert_eq!(jobs["x/y"], "- job_name: x/y\n  p: 1\n");
    assert_eq!(jobs["z"], "- job_name: \"z\"\n  l:\n  - q\n");
    assert_eq!(jobs.len(), 2);
}
