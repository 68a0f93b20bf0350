//! MON-1 of files that pods mount as they are: they are there, and so are the files that they name.

use machinery::meta;
use serde_json::Value;

use super::super::configuration::{items, serving};
use super::Monitoring;
use super::written::PLAIN;
use crate::objects::text;

/// The containers that read such files.
const PROGRAMS: [&str; 3] = ["prometheus", "alertmanager", "thanos-ruler"];
/// Folders in which images have nothing that a configuration of ours may name.
const FOLDERS: [&str; 3] = ["/etc/prometheus/", "/etc/alertmanager/", "/etc/thanos/"];

impl Monitoring {
    /// The files of a workload, as its pods find them.
    pub(super) fn mounted(&mut self, workload: &Value, base: &str) {
        let key = format!("{}/{base}", meta::namespace(workload));
        let set = self.sets.get(&key).map(|set| &set.object);
        let Some(set) = set.or_else(|| self.daemon_sets.get(&key)).cloned() else {
            return;
        };
        let pod = set.pointer("/spec/template/spec").unwrap_or(&Value::Null);
        let mut containers = items(pod, "containers");
        let program = containers.find(|one| PROGRAMS.contains(&text(one, "/name")));
        let Some(program) = program else {
            return;
        };
        for what in self.missing(meta::namespace(workload), pod, program) {
            self.violated("MON-1", &set, &what);
        }
    }

    /// What a program finds missing.
    fn missing(&self, namespace: &str, pod: &Value, program: &Value) -> Vec<String> {
        let mut missing = Vec::new();
        for volume in items(pod, "volumes") {
            let name = text(volume, "/secret/secretName");
            let mounts = items(program, "volumeMounts");
            let mut mounts = mounts.filter(|mount| text(mount, "/name") == text(volume, "/name"));
            let Some(mount) = mounts.next() else {
                continue;
            };
            let chosen = text(volume, "/secret/items/0/key");
            for (file, _) in PLAIN {
                let secret = format!("{namespace}/{name}");
                let Some(held) = self.mountable.get(&(secret, file)) else {
                    if text(mount, "/subPath") == file || chosen == file {
                        missing.push(format!("{file} isn't in the Secret {name:?}"));
                    }
                    continue;
                };
                let named = serving::files(held).into_iter();
                let absent = named.filter(|path| !self.finds(namespace, pod, program, path));
                missing
                    .extend(absent.map(|path| format!("{file} names {path}, which isn't there")));
            }
        }
        missing
    }

    /// Whether a program finds a file. What an image may have, it has; what a Secret has that isn't there, pods wait for.
    fn finds(&self, namespace: &str, pod: &Value, program: &Value, path: &str) -> bool {
        if !FOLDERS.iter().any(|folder| path.starts_with(folder)) {
            return true;
        }
        let within = |mount: &&Value| {
            let folder = text(mount, "/mountPath").trim_end_matches('/');
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/') || rest.is_empty())
        };
        let mounts = items(program, "volumeMounts").filter(within);
        let Some(mount) = mounts.max_by_key(|mount| text(mount, "/mountPath").len()) else {
            return false;
        };
        let mut volumes = items(pod, "volumes");
        let Some(volume) = volumes.find(|one| text(one, "/name") == text(mount, "/name")) else {
            return false;
        };
        let of = |kind: &str, at: &str| {
            let name = text(volume, at);
            let keys = self.held.get(&format!("{kind}/{namespace}/{name}"));
            keys.filter(|_| !name.is_empty())
        };
        let held =
            of("Secret", "/secret/secretName").or_else(|| of("ConfigMap", "/configMap/name"));
        let file = path.rsplit('/').next().unwrap_or_default();
        held.is_none_or(|keys| keys.contains(file))
    }
}
