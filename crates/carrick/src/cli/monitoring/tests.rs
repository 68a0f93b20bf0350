//! What `check` says of manifests.

use super::*;

/// A folder of manifests, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let name = format!("carrick-monitoring-{name}-{}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        for (name, text) in files {
            std::fs::write(folder.0.join(name), text).unwrap();
        }
        folder
    }

    /// What is found in the whole folder, whose name is left out.
    fn found(&self) -> Found {
        let manifests = Manifests {
            filename: vec![self.0.clone()],
            recursive: false,
            namespace: "team".to_owned(),
        };
        let Found {
            files,
            problems,
            warnings,
        } = manifests.found().unwrap();
        let folder = format!("{}/", self.0.display());
        let short = |texts: Vec<String>| {
            let texts = texts.into_iter();
            texts.map(|text| text.replace(&folder, "")).collect()
        };
        Found {
            files,
            problems: short(problems),
            warnings: short(warnings),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fails unless there are as many texts as beginnings, and each begins as it should.
#[track_caller]
fn assert_begin(texts: &[String], begins: &[&str]) {
    assert_eq!(texts.len(), begins.len(), "{texts:#?}");
    for (text, begin) in texts.iter().zip(begins) {
        assert!(text.starts_with(begin), "{text}\n{begin}");
    }
}

#[test]
fn problems_have_a_file_a_line_and_an_object() {
    let text = "apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata:
  name: main
spec:
  serviceMonitorSelector: {}
  ruleSelector: {}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: web
spec:
  selector: {}
  endpoints:
  - port: web
  - port: slow
    scrapeTimeout: 1m
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rules
spec:
  groups:
  - name: g
    rules:
    - alert: A
      expr: sum(
";
    let found = Folder::new("lines", &[("a.yaml", text)]).found();
    assert_begin(
        &found.problems,
        &[
            "a.yaml:17: ServiceMonitor team/web: ",
            "a.yaml:28: PrometheusRule team/rules: ",
        ],
    );
    let names: Vec<&str> = found.files.iter().map(|file| &*file.name).collect();
    assert_eq!(names, ["prometheus.yaml", "StatefulSet prometheus-main"]);
}

#[test]
fn what_no_server_takes_is_told_with_its_field() {
    let text = "apiVersion: monitoring.coreos.com/v1
metadata: {name: a}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  labels:
    team: x y
    team: z
spec: {selector: {}, endpoints: []}
---
apiVersion: v1
kind: Service
metadata:
  name: a.b
---
apiVersion: v1
kind: Secret
metadata: {name: twice}
";
    let again = "kind: List
apiVersion: v1
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: twice, namespace: team}
- apiVersion: v1
  kind: Secret
  metadata: {name: twice, namespace: other}
";
    let found = Folder::new("refused", &[("a.yaml", text), ("b.yml", again)]).found();
    assert_begin(
        &found.problems,
        &[
            "a.yaml:1: object team/a: kind: Required value: say what it is, as in `kind: ServiceMonitor`",
            "a.yaml:6: ServiceMonitor without a name: metadata.name: Required value: give it a name",
            "a.yaml:9: ServiceMonitor without a name: metadata.labels.team: the key is there already in line 8: leave one out",
            "a.yaml:15: Service team/a.b: metadata.name: Invalid value: \"a.b\": must not contain dots",
            "b.yml:6: Secret team/twice: metadata.name: Duplicate value: \"twice\": the same object is at a.yaml:17: rename one of them, or leave it out",
        ],
    );
    assert_eq!(found.warnings, Vec::<String>::new());
}

#[test]
fn one_mistake_is_told_once_and_warnings_have_a_place() {
    let text = "apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: main}
spec:
  scrapeInterval: soon
  probeSelector: {}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
spec:
  scrapeClass: tls
  selector: {}
  endpoints:
  - interval: later
";
    let found = Folder::new("once", &[("a.yaml", text)]).found();
    assert_begin(
        &found.problems,
        &[
            "a.yaml:5: Prometheus team/main: spec.scrapeInterval: Invalid value: \"soon\"",
            "a.yaml:15: ServiceMonitor team/web: spec.endpoints[0].interval: Invalid value: \"later\"",
        ],
    );
    let class =
        "a.yaml:12: warning: ServiceMonitor team/web: no Prometheus among the manifests selects it";
    assert_begin(&found.warnings, &[class]);
}
