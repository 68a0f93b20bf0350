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
fn what_kustomize_reads_is_left_to_it() {
    let text = "kind: Kustomization
apiVersion: kustomize.config.k8s.io/v1beta1
resources: [mon.yaml]
";
    let found = Folder::new("kustomize", &[("kustomization.yaml", text)]).found();
    assert_eq!(found.problems, [""; 0]);
    assert_begin(
        &found.warnings,
        &[
            "kustomization.yaml:1: warning: Kustomization without a name: kustomize reads this, and no server: ",
        ],
    );
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

#[test]
fn workloads_that_no_server_would_create_are_told_of_whom_they_are_made() {
    let text = "apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: main}
spec:
  serviceMonitorSelector: {}
  serviceAccountName: Bad Name
  nodeSelector: {bad key: x}
  tolerations:
  - operator: Bad
  resources: {requests: {cpu: 2}, limits: {cpu: 1}}
  containers:
  - name: side
  storage:
    volumeClaimTemplate:
      spec:
        accessModes: [Foo]
        resources: {requests: {storage: 1Gi}}
  volumeMounts:
  - name: nowhere
    mountPath: /x
  podMetadata:
    labels:
      team: x y
";
    let found = Folder::new("created", &[("a.yaml", text)]).found();
    let beginnings = [
        "a.yaml:6: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.template.spec.serviceAccountName: Invalid value: \"Bad Name\"",
        "a.yaml:7: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.template.spec.nodeSelector: Invalid value: \"bad key\"",
        "a.yaml:9: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.template.spec.tolerations[0].operator: Invalid value: \"Bad\": operator must be Exists when `key` is empty",
        "a.yaml:9: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.template.spec.tolerations[0].operator: Unsupported value: \"Bad\": supported values: \"Equal\", \"Exists\"",
        "a.yaml:10: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
        "a.yaml:12: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.template.spec.containers[2].image: Required value",
        "a.yaml:16: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.volumeClaimTemplates[0].spec.accessModes: Unsupported value: \"Foo\"",
        "a.yaml:19: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.template.spec.containers[0].volumeMounts[3].name: Not found: \"nowhere\"",
        "a.yaml:23: Prometheus team/main: StatefulSet \"prometheus-main\" is invalid: spec.template.labels: Invalid value: \"x y\"",
    ];
    assert_begin(&found.problems, &beginnings);
}

#[test]
fn a_name_too_long_for_pods_is_told_once() {
    let long = "a".repeat(60);
    let text = format!(
        "apiVersion: monitoring.coreos.com/v1
kind: Alertmanager
metadata:
  name: {long}
spec: {{}}
"
    );
    let found = Folder::new("long", &[("a.yaml", &text)]).found();
    let begin = format!(
        "a.yaml:4: Alertmanager team/{long}: StatefulSet \"alertmanager-{long}\" is invalid: metadata.name: "
    );
    assert_begin(&found.problems, &[&begin]);
}

#[test]
fn pods_are_looked_at_too() {
    let name = "a".repeat(45);
    let text = format!(
        "apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata:
  name: {name}
spec: {{serviceMonitorSelector: {{}}, shards: 2}}
"
    );
    let found = Folder::new("pods", &[("a.yaml", &text)]).found();
    let begin =
        format!("a.yaml:4: Prometheus team/{name}: Pod \"prometheus-{name}-0\" is invalid: ");
    assert_begin(&found.problems, &[&begin]);
}

#[test]
fn what_cannot_be_read_hides_no_other_file() {
    let secret = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "NAME"}}"#;
    let stream = format!(
        "{}{}\n{secret}",
        secret.replace("NAME", "a"),
        secret.replace("NAME", "b")
    );
    let files = [
        ("a.yaml", "kind: [\n"),
        ("b.json", stream.as_str()),
        ("c.yaml", "a: b: c\n"),
    ];
    let found = Folder::new("unreadable", &files).found();
    let expected = [
        "a.yaml: yaml: line ",
        "c.yaml: yaml: ",
        "b.json:2: Secret team/NAME: metadata.name: Invalid value: \"NAME\"",
    ];
    assert_begin(&found.problems, &expected);
}

#[test]
fn where_there_is_no_object_nothing_is_said_to_be_right() {
    let folder = Folder::new(
        "empty",
        &[
            ("a.yaml", ""),
            ("b.yaml", "# nothing\n---\n"),
            ("c.yaml", "kind: List\nitems: []\n"),
        ],
    );
    let manifests = Manifests {
        filename: vec![folder.0.clone()],
        recursive: false,
        namespace: "team".to_owned(),
    };
    let Err(error) = manifests.found() else {
        panic!("it found something");
    };
    assert!(
        error
            .to_string()
            .starts_with("no objects passed to check\n"),
        "{error}"
    );
}

#[test]
fn what_is_of_no_kind_is_no_workload() {
    let text =
        "apiVersion: monitoring.coreos.com/v1beta1\nkind: Prometheus\nmetadata:\n  name: p\n";
    let found = Folder::new("no-kind", &[("a.yaml", text)]).found();
    assert_eq!(found.files, []);
    assert_eq!(found.warnings, [] as [String; 0]);
    let [problem] = found.problems.as_slice() else {
        panic!("{:?}", found.problems);
    };
    assert!(
        problem.contains("there is no kind Prometheus in monitoring.coreos.com/v1beta1"),
        "{problem}"
    );
}
