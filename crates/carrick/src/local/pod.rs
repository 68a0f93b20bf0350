//! A pod that is open: its folder, its containers, and what was translated for it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use machinery::meta::{self, OwnerReference};
use serde_json::Value;
use simulator::nodes::containers::{Files, LogText, Mount, Volume};

use super::images::{self, Image, Program};
use super::look::Look;
use super::names::Names;
use super::process::Process;
use super::translation::{self, Discovery, Kubernetes, Place};
use super::{paths, volumes};

/// The process of a container, and the one before it.
pub struct Runs {
    pub current: Process,
    pub previous: Option<LogText>,
    /// The last look of each probe.
    pub looks: BTreeMap<String, Look>,
}

/// A pod whose containers are processes.
pub struct Pod {
    /// Number of its address.
    pub number: u16,
    /// Its folder.
    pub folder: PathBuf,
    /// Its containers that were started.
    pub containers: BTreeMap<String, Runs>,
    /// Its namespace.
    pub namespace: String,
    /// Its ServiceAccount.
    pub account: String,
    /// What controls it.
    pub owner: Option<OwnerReference>,
    /// What its StatefulSet calls it, and the Service that leads to it.
    hostname: String,
    subdomain: String,
    claims: PathBuf,
    /// Mounts of the program's container and how it discovers; `None` if nothing is translated for it.
    translated: Option<(Vec<Mount>, Discovery)>,
    /// Volumes with configurations: as they came, and as they were written.
    sources: BTreeMap<String, (Files, Files)>,
    /// Files of targets that they name, by volume.
    discovered: BTreeMap<String, BTreeMap<PathBuf, Value>>,
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn containers(pod: &Value) -> impl Iterator<Item = (&Value, &'static Image)> {
    let all = pod.pointer("/spec/containers").and_then(Value::as_array);
    all.into_iter().flatten().filter_map(|container| {
        let image = images::find(container.get("image")?.as_str()?)?;
        Some((container, image))
    })
}

fn main_container(pod: &Value) -> Option<(&Value, &'static Image)> {
    containers(pod).find(|(_, image)| matches!(image.program, Program::Installed(_)))
}

/// The image of a pod's container whose program is one of this machine.
pub fn installed_image(pod: &Value) -> Option<&'static Image> {
    main_container(pod).map(|(_, image)| image)
}

fn mounts(container: &Value) -> Vec<Mount> {
    let all = container.get("volumeMounts").and_then(Value::as_array);
    let mounts = all.into_iter().flatten().map(|mount| Mount {
        volume: text(mount, "/name"),
        path: text(mount, "/mountPath"),
        sub_path: text(mount, "/subPath"),
    });
    mounts.collect()
}

impl Pod {
    /// A pod without an address yet.
    pub fn new(
        pod: &Value,
        folder: PathBuf,
        claims: PathBuf,
        discovery: Option<Discovery>,
    ) -> Self {
        let main = main_container(pod).map(|(container, _)| mounts(container));
        Self {
            number: 0,
            folder,
            containers: BTreeMap::new(),
            namespace: meta::namespace(pod).to_owned(),
            account: match text(pod, "/spec/serviceAccountName").as_str() {
                "" => "default".to_owned(),
                account => account.to_owned(),
            },
            owner: meta::controller_of(pod),
            hostname: text(pod, "/spec/hostname"),
            subdomain: text(pod, "/spec/subdomain"),
            claims,
            translated: main.zip(discovery),
            sources: BTreeMap::new(),
            discovered: BTreeMap::new(),
        }
    }

    /// Whether configurations are translated for it.
    pub fn is_translated(&self) -> bool {
        self.translated.is_some()
    }

    /// Files of targets that somebody has to keep up to date, and what they stand for.
    pub fn discovered(&self) -> BTreeMap<PathBuf, Value> {
        let files = self.discovered.values().flatten();
        let files = files.map(|(file, config)| (file.clone(), config.clone()));
        files.collect()
    }

    /// Writes volumes, configurations among them translated. What had to be left out of these.
    pub fn write(
        &mut self,
        volumes: &BTreeMap<String, Volume>,
        names: &Names,
    ) -> Result<Vec<String>, String> {
        let mut told = Vec::new();
        let mut written = volumes.clone();
        for (name, volume) in &mut written {
            let Volume::Files(files) = volume else {
                continue;
            };
            let is_ours = files.keys().any(|path| translation::is_configuration(path));
            if let (true, Some((mounts, discovery))) = (is_ours, &self.translated) {
                let found = translate(files, (mounts, discovery), &self.folder, names);
                self.discovered.insert(name.clone(), found.discovered);
                told.extend(found.left_out);
                let source = std::mem::replace(files, found.files.clone());
                self.sources.insert(name.clone(), (source, found.files));
            }
        }
        let kubernetes = self.translated.as_ref().map(|(_, found)| &found.kubernetes);
        if let Some(Kubernetes::Files(folder)) = kubernetes {
            volumes::make_private(folder).map_err(|error| error.to_string())?;
        }
        volumes::write(&self.folder.join("volumes"), &self.claims, &written).map_err(|error| {
            let folder = self.folder.display();
            format!("cannot write the volumes in {folder}: {error}")
        })?;
        Ok(told)
    }

    /// Writes configurations anew in which names mean something else now.
    pub fn translate_again(&mut self, names: &Names) -> Result<(), String> {
        let Some((mounts, discovery)) = &self.translated else {
            return Ok(());
        };
        let changed = self.sources.iter().filter(|(_, (source, written))| {
            let now = translate(source, (mounts, discovery), &self.folder, names);
            now.files != *written
        });
        let changed: BTreeMap<String, Volume> = changed
            .map(|(name, (source, _))| (name.clone(), Volume::Files(source.clone())))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        // What is left out of them was told before.
        self.write(&changed, names).map(|_| ())
    }
}

/// The files of a volume as the program should see them.
struct Seen {
    files: Files,
    /// Where it reads targets from.
    discovered: BTreeMap<PathBuf, Value>,
    /// A line for each job that it can't have.
    left_out: Vec<String>,
}

fn translate(
    files: &Files,
    (mounts, discovery): (&[Mount], &Discovery),
    folder: &Path,
    names: &Names,
) -> Seen {
    let table = paths::table(mounts, &folder.join("volumes"));
    let place = Place {
        paths: &table,
        names,
        discovery,
    };
    let mut discovered = BTreeMap::new();
    let mut left_out = Vec::new();
    let files = translation::joined(files);
    let translated = files.iter().map(|(path, content)| {
        let found = if translation::is_configuration(path) {
            translation::translate(content, &place)
        } else {
            None
        };
        let content = found.map_or_else(
            || content.clone(),
            |found| {
                discovered.extend(found.discovered);
                left_out.extend(found.left_out.into_iter().map(|(job, field)| {
                    format!(
                        "job {job} is left out of the local Prometheus, which was built without {field}"
                    )
                }));
                found.text.into_bytes()
            },
        );
        (path.clone(), content)
    });
    Seen {
        files: translated.collect(),
        discovered,
        left_out,
    }
}

/// What the pods of a namespace are called by those of the same, as `HOSTNAME.SUBDOMAIN` and longer.
pub fn names_beside(
    pod: &Pod,
    pods: &BTreeMap<String, Pod>,
    address: impl Fn(u16) -> Ipv4Addr,
) -> Vec<(String, PathBuf)> {
    let others = pods.values().filter(|other| {
        other.namespace == pod.namespace
            && !other.hostname.is_empty()
            && !other.subdomain.is_empty()
    });
    let mut names: Vec<(String, PathBuf)> = others
        .flat_map(|other| {
            let short = format!("{}.{}", other.hostname, other.subdomain);
            let long = format!("{short}.{}.svc.cluster.local", other.namespace);
            let address = PathBuf::from(address(other.number).to_string());
            [format!("{long}."), long, short].map(|name| (name, address.clone()))
        })
        .collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Value {
        json!({"metadata": {"namespace": "m", "name": "a-0"}, "spec": {"hostname": "a-0", "subdomain": "operated",
            "containers": [{"name": "alertmanager", "image": "quay.io/prometheus/alertmanager:v0.25.0", "volumeMounts": [
                {"name": "templates", "mountPath": "/etc/alertmanager/templates"}]}]}})
    }

    #[test]
    fn a_configuration_follows_the_names_in_it() {
        let root = std::env::temp_dir().join(format!("carrick-open-pod-{}", std::process::id()));
        let discovery = Discovery::files(root.join("discovery"));
        let mut open = Pod::new(&pod(), root.join("p"), root.join("claims"), Some(discovery));
        let config =
            "receivers:\n- url: http://r.m.svc/\ntemplates:\n- /etc/alertmanager/templates/a\n";
        let files = Files::from([("alertmanager.yaml.gz".to_owned(), config.into())]);
        let volumes = BTreeMap::from([("config".to_owned(), Volume::Files(files))]);
        open.write(&volumes, &Names::default()).unwrap();
        let read = || {
            let file = root.join("p/volumes/config/alertmanager.yaml.gz");
            std::fs::read_to_string(file).unwrap()
        };
        assert!(read().contains("http://r.m.svc/"), "{}", read());
        let templates = root.join("p/volumes/templates/a");
        assert!(read().contains(templates.to_str().unwrap()), "{}", read());
        let service =
            json!({"metadata": {"namespace": "m", "name": "r"}, "spec": {"ports": [{"port": 80}]}});
        let endpoints = json!({"metadata": {"namespace": "m", "name": "r"}, "subsets": [
            {"addresses": [{"ip": "127.2.0.5"}], "ports": [{"port": 8080}]}]});
        let names = Names::new(&[service], &[endpoints]);
        open.translate_again(&names).unwrap();
        assert!(read().contains("http://127.2.0.5:8080/"), "{}", read());
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn members_of_a_cluster_find_each_other() {
        let one = Pod::new(&pod(), PathBuf::new(), PathBuf::new(), None);
        let pods = BTreeMap::from([("u".to_owned(), one)]);
        let names = names_beside(&pods["u"], &pods, |_| Ipv4Addr::new(127, 2, 0, 3));
        let put_in = |text: &str| paths::rewrite(text, &names);
        assert_eq!(
            put_in("--cluster.peer=a-0.operated:9094"),
            "--cluster.peer=127.2.0.3:9094"
        );
        assert_eq!(put_in("a-0.operated.m.svc.cluster.local.:1"), "127.2.0.3:1");
        assert_eq!(put_in("a-1.operated:9094"), "a-1.operated:9094");
    }
}
