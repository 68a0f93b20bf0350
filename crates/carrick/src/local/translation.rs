//! Configurations of Prometheus and Alertmanager in terms of this machine, as they are put into a pod's folder: a process has
//! no root of its own, no cluster DNS and, with some builds, no discovery in Kubernetes (ADR 6).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use machinery::yaml;
use serde_json::{Map, Value, json};
use simulator::nodes::containers::Files;

use super::installed::IN_KUBERNETES;
use super::names::Names;
use super::paths;

/// Files of volumes that are such configurations.
const FILES: &[&str] = &[
    "prometheus.yaml.gz",
    "alertmanager.yaml.gz",
    "web-config.yaml",
];
/// Longest configuration that is unpacked, in bytes.
const LONGEST: u64 = 256 << 20;
/// Where a pod finds the token of its ServiceAccount.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The field of the discovery by DNS.
const BY_NAME: &str = "dns_sd_configs";
/// What Prometheus calls the name that it has looked up.
const NAME_LABEL: &str = "__meta_dns_name";

/// How the program finds what there is in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kubernetes {
    /// From files in this folder, which somebody keeps up to date.
    Files(PathBuf),
    /// It asks the API server, which is there.
    Server(String),
}

/// How the program finds targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// Those in the cluster.
    pub kubernetes: Kubernetes,
    /// Fields of discoveries that it was built without.
    pub lacking: BTreeSet<String>,
}

impl Discovery {
    /// What is in the cluster comes from files in this folder, anything else the program can find.
    pub fn files(folder: PathBuf) -> Self {
        Self {
            kubernetes: Kubernetes::Files(folder),
            lacking: BTreeSet::new(),
        }
    }

    /// The first discovery of a job that the program lacks. What is in the cluster it can be told.
    fn missing<'a>(&'a self, job: &Value) -> Option<&'a str> {
        let mut lacking = self.lacking.iter().map(String::as_str);
        lacking.find(|field| *field != IN_KUBERNETES && job.get(field).is_some())
    }
}

/// Where a pod is.
pub struct Place<'a> {
    /// Mount paths of the program's container and what they stand for.
    pub paths: &'a [(String, PathBuf)],
    /// What the cluster's DNS would know.
    pub names: &'a Names,
    /// How targets are found.
    pub discovery: &'a Discovery,
}

/// A configuration that was translated.
#[derive(Debug, PartialEq, Eq)]
pub struct Translated {
    /// Its text.
    pub text: String,
    /// The files it reads targets from, each with the element of `kubernetes_sd_configs` that it stands for.
    pub discovered: BTreeMap<PathBuf, Value>,
    /// Jobs that the program would refuse, each with the discovery that it lacks.
    pub left_out: Vec<(String, String)>,
}

/// Whether a file of a volume is translated.
pub fn is_configuration(path: &str) -> bool {
    FILES.contains(&path)
}

/// The files of a volume in which a configuration that several Secrets hold is one file. If a part isn't there yet, nothing
/// is joined, and the reloader says so.
pub fn joined(files: &Files) -> Cow<'_, Files> {
    FILES.iter().fold(Cow::Borrowed(files), |files, name| {
        monitoring::workload::joined(&files, name).map_or(files, Cow::Owned)
    })
}

/// Translates one; `None` for what is no YAML, which the program had better complain about itself.
pub fn translate(content: &[u8], place: &Place<'_>) -> Option<Translated> {
    let mut text = String::new();
    if content.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = GzDecoder::new(content).take(LONGEST);
        unpacked.read_to_string(&mut text).ok()?;
    } else {
        text.push_str(std::str::from_utf8(content).ok()?);
    }
    let mut value = yaml::parse(&text).ok()?.value;
    let mut discovered = BTreeMap::new();
    if value.is_null() {
        return Some(Translated {
            text,
            discovered,
            left_out: Vec::new(),
        });
    }
    let left_out = leave_out(&mut value, place.discovery);
    walk("", &mut value, place, &mut discovered);
    let text = yaml::to_string(&value);
    Some(Translated {
        text,
        discovered,
        left_out,
    })
}

/// Takes out the jobs for which the program would refuse everything.
fn leave_out(config: &mut Value, discovery: &Discovery) -> Vec<(String, String)> {
    let mut left_out = Vec::new();
    let jobs = config.get_mut("scrape_configs");
    if let Some(jobs) = jobs.and_then(Value::as_array_mut) {
        jobs.retain(|job| {
            let missing = discovery.missing(job);
            let name = job.get("job_name").and_then(Value::as_str);
            let told = missing.map(|field| (name.unwrap_or_default().to_owned(), field.to_owned()));
            left_out.extend(told);
            missing.is_none()
        });
    }
    left_out
}

fn walk(
    key: &str,
    value: &mut Value,
    place: &Place<'_>,
    discovered: &mut BTreeMap<PathBuf, Value>,
) {
    match value {
        Value::String(text) if is_path(key) => *text = paths::rewrite(text, place.paths),
        Value::String(text) => *text = place.names.rewrite(text),
        Value::Array(values) => {
            for value in values {
                walk(key, value, place, discovered);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                if key != IN_KUBERNETES && key != BY_NAME {
                    walk(key, value, place, discovered);
                }
            }
            discover(fields, place, discovered);
            look_up(fields, place.names);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a field holds paths of files.
fn is_path(key: &str) -> bool {
    key.ends_with("_file") || matches!(key, "rule_files" | "files" | "templates")
}

/// Replaces discovery in Kubernetes, or tells it what it would find in a pod.
fn discover(
    fields: &mut Map<String, Value>,
    place: &Place<'_>,
    discovered: &mut BTreeMap<PathBuf, Value>,
) {
    let Some(Value::Array(configs)) = fields.get_mut(IN_KUBERNETES) else {
        return;
    };
    let folder = match &place.discovery.kubernetes {
        Kubernetes::Server(address) => {
            for config in configs.iter_mut().filter_map(Value::as_object_mut) {
                let elsewhere = ["api_server", "kubeconfig_file"];
                if !elsewhere.iter().any(|key| config.contains_key(*key)) {
                    config.extend(in_cluster(address, place.paths));
                }
            }
            return;
        }
        Kubernetes::Files(folder) => folder,
    };
    let configs = std::mem::take(configs);
    fields.remove(IN_KUBERNETES);
    let files = configs.into_iter().map(|config| {
        let file = folder.join(format!("{:016x}.json", digest(&config)));
        let element = json!({"files": [file.to_string_lossy()]});
        discovered.insert(file, config);
        element
    });
    let files: Vec<Value> = files.collect();
    let others = fields.entry("file_sd_configs").or_insert(json!([]));
    if let Some(others) = others.as_array_mut() {
        others.extend(files);
    }
}

/// Replaces names that only the cluster's DNS knows by what they lead to; the configuration is translated again as soon as
/// that is something else. Anything else is asked of this machine's DNS.
fn look_up(fields: &mut Map<String, Value>, names: &Names) {
    let mut known = Vec::new();
    let Some(Value::Array(configs)) = fields.get_mut(BY_NAME) else {
        return;
    };
    for config in configs.iter_mut() {
        let port = config.get("port").and_then(Value::as_u64);
        let port = port.and_then(|port| u16::try_from(port).ok());
        let Some(Value::Array(asked)) = config.get_mut("names") else {
            continue;
        };
        asked.retain(|name| {
            let name = name.as_str().unwrap_or_default();
            let found = names.records(name, port.unwrap_or_default());
            known.extend(
                found
                    .iter()
                    .map(|targets| json!({"targets": targets, "labels": {NAME_LABEL: name}})),
            );
            found.is_none()
        });
    }
    if known.is_empty() {
        return;
    }
    let is_asked = |config: &Value| config.get("names") != Some(&json!([]));
    configs.retain(is_asked);
    let others = fields.entry("static_configs").or_insert(json!([]));
    if let Some(others) = others.as_array_mut() {
        others.extend(known);
    }
}

/// Equal configurations share a file.
fn digest(config: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    config.to_string().hash(&mut hasher);
    hasher.finish()
}

/// What a client in a pod takes from its environment.
fn in_cluster(address: &str, table: &[(String, PathBuf)]) -> [(String, Value); 3] {
    let file = |name: &str| {
        let path = Path::new(ACCOUNT).join(name);
        paths::rewrite(&path.to_string_lossy(), table)
    };
    [
        ("api_server".to_owned(), json!(address)),
        (
            "authorization".to_owned(),
            json!({"credentials_file": file("token")}),
        ),
        ("tls_config".to_owned(), json!({"ca_file": file("ca.crt")})),
    ]
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const CONFIG: &str = "\
rule_files:
- /etc/prometheus/rules/*.yaml
scrape_configs:
- job_name: /etc/prometheus/rules
  kubernetes_sd_configs:
  - role: endpoints
    namespaces:
      names: [default]
  tls_config:
    ca_file: /etc/prometheus/certs/ca
  relabel_configs:
  - replacement: prober.default.svc:9115
    target_label: __address__
";

    #[test]
    fn a_configuration_in_parts_is_one_file_as_soon_as_all_are_there() {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        let mut files = Files::from([
            file("prometheus.yaml.gz", "a"),
            file("prometheus.yaml.gz.parts", "2\n1\n"),
            file("prometheus.yaml.gz.1", "c"),
            file("rules", "r"),
        ]);
        assert_eq!(*joined(&files), files);
        files.extend([file("prometheus.yaml.gz.2", "b")]);
        let whole = Files::from([file("prometheus.yaml.gz", "abc"), file("rules", "r")]);
        assert_eq!(*joined(&files), whole);
        assert_eq!(*joined(&whole), whole);
    }

    fn translated(discovery: &Discovery) -> (Value, BTreeMap<PathBuf, Value>) {
        let paths = [
            (
                "/etc/prometheus/rules".to_owned(),
                PathBuf::from("/v/rules"),
            ),
            ("/etc/prometheus/certs".to_owned(), PathBuf::from("/v/tls")),
            (ACCOUNT.to_owned(), PathBuf::from("/v/account")),
        ];
        let service = json!({"metadata": {"namespace": "default", "name": "prober"},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 9115}]}});
        let endpoints = json!({"metadata": {"namespace": "default", "name": "prober"}, "subsets": [
            {"addresses": [{"ip": "127.2.0.5"}], "ports": [{"port": 9115}]}]});
        let names = Names::new(&[service], &[endpoints]);
        let place = Place {
            paths: &paths,
            names: &names,
            discovery,
        };
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(CONFIG.as_bytes()).unwrap();
        let translated = translate(&packed.finish().unwrap(), &place).unwrap();
        let value = yaml::parse(&translated.text).unwrap().value;
        (value, translated.discovered)
    }

    #[test]
    fn paths_and_hosts_are_this_machines_and_names_stay() {
        let (value, _) = translated(&Discovery::files(PathBuf::from("/d")));
        let job = &value["scrape_configs"][0];
        assert_eq!(value["rule_files"], json!(["/v/rules/*.yaml"]));
        assert_eq!(job["tls_config"]["ca_file"], "/v/tls/ca");
        assert_eq!(job["job_name"], "/etc/prometheus/rules");
        assert_eq!(job["relabel_configs"][0]["replacement"], "127.2.0.5:9115");
    }

    #[test]
    fn discovery_becomes_files_that_know_what_they_stand_for() {
        let (value, discovered) = translated(&Discovery::files(PathBuf::from("/d")));
        let job = &value["scrape_configs"][0];
        assert!(job.get(IN_KUBERNETES).is_none());
        let (file, config) = discovered.first_key_value().unwrap();
        assert!(file.starts_with("/d"));
        assert_eq!(
            job["file_sd_configs"],
            json!([{"files": [file.to_str().unwrap()]}])
        );
        assert_eq!(
            *config,
            json!({"role": "endpoints", "namespaces": {"names": ["default"]}})
        );
    }

    #[test]
    fn names_of_the_cluster_become_targets_and_others_are_asked_for() {
        let service = json!({"metadata": {"namespace": "m", "name": "web"},
            "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 80}]}});
        let endpoints = json!({"metadata": {"namespace": "m", "name": "web"}, "subsets": [
            {"addresses": [{"ip": "127.2.0.5"}, {"ip": "127.2.0.6"}], "ports": [{"name": "http", "port": 8080}]}]});
        let names = Names::new(&[service], &[endpoints]);
        let place = Place {
            paths: &[],
            names: &names,
            discovery: &Discovery::files(PathBuf::new()),
        };
        let config = json!({"scrape_configs": [{"job_name": "a", "dns_sd_configs": [
            {"names": ["web.m.svc"], "type": "A", "port": 8080},
            {"names": ["_http._tcp.web.m.svc", "_http._tcp.example.com"]},
        ]}]});
        let made = translate(config.to_string().as_bytes(), &place).unwrap();
        let value = yaml::parse(&made.text).unwrap().value;
        let job = &value["scrape_configs"][0];
        let targets = ["127.2.0.5:8080", "127.2.0.6:8080"];
        let group = |name: &str| json!({"targets": targets, "labels": {NAME_LABEL: name}});
        assert_eq!(
            job["static_configs"],
            json!([group("web.m.svc"), group("_http._tcp.web.m.svc")])
        );
        assert_eq!(
            job["dns_sd_configs"],
            json!([{"names": ["_http._tcp.example.com"]}])
        );
    }

    #[test]
    fn a_program_that_can_discover_gets_what_a_pod_has() {
        let (value, discovered) = translated(&Discovery {
            kubernetes: Kubernetes::Server("https://127.0.0.1:7443".to_owned()),
            lacking: BTreeSet::new(),
        });
        assert_eq!(discovered, BTreeMap::new());
        assert_eq!(
            value["scrape_configs"][0][IN_KUBERNETES],
            json!([{"role": "endpoints", "namespaces": {"names": ["default"]}, "api_server": "https://127.0.0.1:7443",
                "authorization": {"credentials_file": "/v/account/token"}, "tls_config": {"ca_file": "/v/account/ca.crt"}}])
        );
    }

    #[test]
    fn jobs_that_the_program_can_not_discover_for_are_left_out_and_told() {
        let names = Names::default();
        let fields = ["consul_sd_configs", IN_KUBERNETES].map(str::to_owned);
        let discovery = Discovery {
            lacking: BTreeSet::from(fields),
            ..Discovery::files(PathBuf::from("/d"))
        };
        let place = Place {
            paths: &[],
            names: &names,
            discovery: &discovery,
        };
        let job = |name: &str, field: &str| json!({"job_name": name, field: []});
        let config = json!({"scrape_configs": [
            job("scrapeConfig/team/a", "consul_sd_configs"),
            job("serviceMonitor/team/b/0", IN_KUBERNETES),
            job("scrapeConfig/team/c", "dns_sd_configs"),
        ]});
        let made = translate(config.to_string().as_bytes(), &place).unwrap();
        let told = (
            "scrapeConfig/team/a".to_owned(),
            "consul_sd_configs".to_owned(),
        );
        assert_eq!(made.left_out, [told]);
        let value = yaml::parse(&made.text).unwrap().value;
        let jobs = value["scrape_configs"].as_array().unwrap();
        let names: Vec<&Value> = jobs.iter().map(|job| &job["job_name"]).collect();
        assert_eq!(names, ["serviceMonitor/team/b/0", "scrapeConfig/team/c"]);
    }

    #[test]
    fn what_is_no_yaml_is_left_to_the_program() {
        let names = Names::default();
        let place = Place {
            paths: &[],
            names: &names,
            discovery: &Discovery::files(PathBuf::new()),
        };
        assert_eq!(translate(b"a: [", &place), None);
        assert_eq!(translate(b"", &place).unwrap().text, "");
    }
}
