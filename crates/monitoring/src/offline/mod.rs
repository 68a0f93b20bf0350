//! What would be made of a set of objects, without a cluster: configuration files, what runs the pods that read them, and what
//! is wrong with which object.
//!
//! Pure. The objects are as an API server would store them, defaults included; what isn't among them doesn't exist.

mod alertmanager;
mod find;
mod prometheus;
mod rulers;
mod selected;
mod workloads;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::kinds::Object;
use crate::api::v1beta1::to_v1alpha1;
use crate::api::{GROUP, defaults, read};
use crate::config::assets::Assets;
use crate::operator::watched::NAME_LABEL;
use crate::selection::Wanted;

pub use find::path_of;

/// A file that a workload would read, or the object that runs its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// `Prometheus monitoring/main`.
    pub owner: String,
    /// `prometheus.yaml`, `StatefulSet prometheus-main`.
    pub name: String,
    /// Content.
    pub text: String,
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its place in the list of objects.
    pub object: usize,
    /// The field, `spec.endpoints[0]`; as far as it is known.
    pub path: String,
    /// What is wrong.
    pub text: String,
}

/// Everything that came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Files, by workload.
    pub files: Vec<File>,
    /// Problems, in the order in which they were found.
    pub problems: Vec<Problem>,
    /// What versions don't know and was left out, and what else is to be known; each once.
    pub warnings: Vec<Problem>,
}

/// An object and its place in the list.
struct Placed<T> {
    at: usize,
    object: T,
}

/// The objects, sorted.
struct World<'a> {
    objects: &'a [Value],
    assets: Assets,
    /// Labels of namespaces that are among the objects.
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    out: Rendered,
    /// Places of objects that a workload looked at.
    looked_at: Vec<usize>,
    /// Place of the workload that is being rendered; none for objects that no workload takes.
    teller: Option<usize>,
    /// Who told first what is wrong with a field of an object.
    told: BTreeMap<(usize, String), Option<usize>>,
}

/// Renders everything that can be rendered.
pub fn render(objects: &[Value]) -> Rendered {
    let mut world = World::new(objects);
    world.prometheuses();
    world.agents();
    world.rulers();
    world.alertmanagers();
    world.left_over();
    world.out
}

impl<'a> World<'a> {
    fn new(objects: &'a [Value]) -> Self {
        let mut assets = Assets::default();
        let mut namespaces = BTreeMap::new();
        for object in objects {
            assets.insert(object);
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
            if text("/kind") == Some("Namespace") {
                let labels = object.pointer("/metadata/labels").cloned();
                let labels = labels.and_then(|labels| serde_json::from_value(labels).ok());
                let name = text("/metadata/name").unwrap_or_default().to_owned();
                namespaces.insert(name, labels.unwrap_or_default());
            }
        }
        Self {
            objects,
            assets,
            namespaces,
            out: Rendered::default(),
            looked_at: Vec::new(),
            teller: None,
            told: BTreeMap::new(),
        }
    }

    /// The objects of a kind; those that can't be read are problems.
    fn of_kind<S, T>(&mut self, kind: &str) -> Vec<Placed<Object<S, T>>>
    where
        S: Default + DeserializeOwned,
        T: Default + DeserializeOwned,
    {
        let mut found = Vec::new();
        for (at, value) in self.objects.iter().enumerate() {
            let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
            let ours = text("apiVersion").starts_with(&format!("{GROUP}/"));
            if !ours || text("kind") != kind {
                continue;
            }
            let stored = if text("apiVersion").ends_with("/v1beta1") {
                to_v1alpha1(value.clone())
            } else {
                value.clone()
            };
            match read::<Object<S, T>>(&defaults::applied(stored)) {
                Ok(object) => found.push(Placed { at, object }),
                Err(error) => self.problem(at, "", error.to_string()),
            }
        }
        found
    }

    /// Notes a problem. What one workload says of a field isn't said again in the words of another one.
    fn problem(&mut self, object: usize, path: &str, text: String) {
        let place = (object, path.to_owned());
        if *self.told.entry(place).or_insert(self.teller) != self.teller {
            return;
        }
        let problem = Problem {
            object,
            path: path.to_owned(),
            text,
        };
        if !self.out.problems.contains(&problem) {
            self.out.problems.push(problem);
        }
    }

    /// The objects that a workload wants.
    fn wanted<S: Default, T: Default>(
        &mut self,
        wanted: &Wanted,
        all: Vec<Placed<Object<S, T>>>,
    ) -> Vec<Placed<Object<S, T>>> {
        let mut taken = all;
        taken.retain(|one| {
            let metadata = &one.object.metadata;
            let labels = self.namespaces.get(&metadata.namespace);
            let mut labels = labels.cloned().unwrap_or_default();
            labels.insert(NAME_LABEL.to_owned(), metadata.namespace.clone());
            wanted.takes_namespace(&metadata.namespace, &labels) && wanted.takes(&metadata.labels)
        });
        self.looked_at.extend(taken.iter().map(|one| one.at));
        taken
    }

    /// Notes what else is to be known of an object.
    fn warn(&mut self, object: usize, path: &str, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            let warning = Problem {
                object,
                path: path.to_owned(),
                text,
            };
            if !self.out.warnings.contains(&warning) {
                self.out.warnings.push(warning);
            }
        }
    }

    fn file(&mut self, owner: &str, name: &str, text: String) {
        self.out.files.push(File {
            owner: owner.to_owned(),
            name: name.to_owned(),
            text,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: &str, name: &str, spec: &Value) -> Value {
        let version = match kind {
            "AlertmanagerConfig" => "v1alpha1",
            _ => "v1",
        };
        json!({
            "apiVersion": format!("{GROUP}/{version}"),
            "kind": kind,
            "metadata": {"name": name, "namespace": "team", "uid": "u"},
            "spec": spec,
        })
    }

    /// The places of what is wrong: which object, and where in it.
    fn places(rendered: &Rendered) -> Vec<(usize, &str)> {
        let problems = rendered.problems.iter();
        problems
            .map(|problem| (problem.object, problem.path.as_str()))
            .collect()
    }

    #[test]
    fn a_bad_monitor_is_told_and_the_others_become_jobs() {
        let monitor = |port: Value| json!({"selector": {}, "endpoints": [port]});
        let objects = [
            object(
                "Prometheus",
                "main",
                &json!({"scrapeInterval": "30s", "serviceMonitorSelector": {}, "ruleSelector": {}}),
            ),
            object("ServiceMonitor", "good", &monitor(json!({"port": "web"}))),
            object(
                "ServiceMonitor",
                "bad",
                &monitor(json!({"port": "web", "scrapeTimeout": "1m"})),
            ),
            object(
                "PrometheusRule",
                "rules",
                &json!({"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "sum("}]}]}),
            ),
        ];
        let rendered = render(&objects);
        assert_eq!(
            places(&rendered),
            [(2, "spec.endpoints[0]"), (3, "spec.groups[0].rules[0]")]
        );
        let names: Vec<&str> = rendered.files.iter().map(|file| &*file.name).collect();
        assert_eq!(names, ["prometheus.yaml", "StatefulSet prometheus-main"]);
        assert!(
            rendered.files[0]
                .text
                .contains("serviceMonitor/team/good/0")
        );
        assert!(!rendered.files[0].text.contains("bad"));
    }

    #[test]
    fn a_config_that_alertmanager_would_refuse_is_left_out_alone() {
        let config = |name: &str, rules: Value| {
            let spec = json!({
                "route": {"receiver": "hook"},
                "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x.y/"}]}],
                "inhibitRules": rules,
            });
            object("AlertmanagerConfig", name, &spec)
        };
        let objects = [
            object(
                "Alertmanager",
                "main",
                &json!({"alertmanagerConfigSelector": {}}),
            ),
            config("a", json!([])),
            config("b", json!([{"equal": [""]}])),
            config("c", json!([])),
            config("d", json!([{"equal": ["job"]}])),
        ];
        let rendered = render(&objects);
        let told: Vec<(usize, &str)> = rendered
            .problems
            .iter()
            .map(|problem| (problem.object, problem.text.as_str()))
            .collect();
        let [(2, why)] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert!(
            why.contains("would refuse it: inhibit_rules[0]: invalid label name"),
            "{why}"
        );
        let text = &rendered.files[0].text;
        for name in ["a", "c", "d"] {
            assert!(text.contains(&format!("team/{name}/hook")), "{text}");
        }
        assert!(!text.contains("team/b/hook"), "{text}");
    }

    #[test]
    fn pods_of_every_workload_are_rendered_as_the_operator_would_have_them() {
        let objects = [
            object(
                "Prometheus",
                "main",
                &json!({"shards": 2, "serviceMonitorSelector": {}}),
            ),
            object("PrometheusAgent", "edge", &json!({"mode": "DaemonSet"})),
            object("PrometheusAgent", "hub", &json!({})),
            object("Alertmanager", "main", &json!({"replicas": 3})),
            object(
                "ThanosRuler",
                "main",
                &json!({"queryEndpoints": ["http://query:9090"]}),
            ),
        ];
        let rendered = render(&objects);
        assert_eq!(rendered.problems, []);
        let sets = rendered.files.iter();
        let sets = sets.filter(|file| file.name.contains("Set "));
        let names: Vec<String> = sets
            .clone()
            .map(|file| format!("{}: {}", file.owner, file.name))
            .collect();
        assert_eq!(
            names,
            [
                "Prometheus team/main: StatefulSet prometheus-main",
                "Prometheus team/main: StatefulSet prometheus-main-shard-1",
                "PrometheusAgent team/edge: DaemonSet prom-agent-edge",
                "PrometheusAgent team/hub: StatefulSet prom-agent-hub",
                "ThanosRuler team/main: StatefulSet thanos-ruler-main",
                "Alertmanager team/main: StatefulSet alertmanager-main",
            ]
        );
        for file in sets {
            let set = &machinery::yaml::parse_documents(&file.text).unwrap()[0];
            assert_eq!(set["metadata"]["namespace"], "team");
            // The UID and the digest are nobody's who has no cluster.
            assert_eq!(set["metadata"]["ownerReferences"], Value::Null);
            assert!(!file.text.contains("input-hash"), "{}", file.text);
            assert!(set["spec"]["template"]["spec"]["containers"][0].is_object());
        }
    }

    #[test]
    fn what_is_wrong_with_a_workload_itself_is_told_where_it_is() {
        let credentials = json!({"key": "k", "name": "token"});
        let remote = json!({
            "url": "http://remote/", "oauth2": {
                "clientId": {"secret": credentials}, "clientSecret": credentials, "tokenUrl": "http://t/"},
            "authorization": {"credentials": credentials},
        });
        let objects = [
            object("Prometheus", "main", &json!({"remoteWrite": [remote]})),
            object("ThanosRuler", "main", &json!({"ruleSelector": {}})),
        ];
        let rendered = render(&objects);
        assert_eq!(places(&rendered), [(0, "spec.remoteWrite[0]"), (1, "spec")]);
        let text = &rendered.problems[1].text;
        assert!(text.contains("at least one query endpoint"), "{text}");
    }

    #[test]
    fn a_configuration_that_is_the_users_is_told() {
        let warnings = |spec: &Value| render(&[object("Prometheus", "main", spec)]).warnings;
        let told = warnings(&json!({}));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].text.starts_with("without any selector"), "{told:?}");
        assert_eq!(warnings(&json!({"probeSelector": {}})), []);
    }

    #[test]
    fn what_several_workloads_find_is_told_once() {
        let endpoint = json!({"port": "web", "scrapeTimeout": "1m"});
        let select =
            |interval: &str| json!({"scrapeInterval": interval, "serviceMonitorSelector": {}});
        let objects = [
            object("Prometheus", "a", &select("30s")),
            object("Prometheus", "b", &select("20s")),
            object(
                "ServiceMonitor",
                "slow",
                &json!({"selector": {}, "endpoints": [endpoint]}),
            ),
        ];
        assert_eq!(places(&render(&objects)), [(2, "spec.endpoints[0]")]);
    }

    #[test]
    fn what_a_version_leaves_out_is_told_of_the_object_that_asks_for_it() {
        let endpoint =
            json!({"port": "web", "authorization": {"credentials": {"name": "s", "key": "token"}}});
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": "team"}, "stringData": {"token": "t"},
        });
        let old = json!({"version": "v2.24.0", "serviceMonitorSelector": {}});
        let objects = [
            object("Prometheus", "old", &old),
            object(
                "ServiceMonitor",
                "web",
                &json!({"selector": {}, "endpoints": [endpoint]}),
            ),
            secret,
        ];
        let told = render(&objects).warnings;
        let told: Vec<(usize, bool)> = told
            .iter()
            .map(|warning| (warning.object, warning.text.contains("\"authorization\"")))
            .collect();
        assert!(told.contains(&(1, true)), "{told:?}");
        assert!(!told.contains(&(0, true)), "{told:?}");
    }

    #[test]
    fn a_class_that_an_absent_prometheus_may_have_is_no_problem() {
        let monitor = json!({"selector": {}, "endpoints": [{"port": "web"}], "scrapeClass": "tls"});
        let monitor = object("ServiceMonitor", "web", &monitor);
        let alone = render(std::slice::from_ref(&monitor));
        assert_eq!(alone.problems, []);
        let told = alone.warnings.iter().map(|one| (one.object, &*one.path));
        assert_eq!(told.collect::<Vec<_>>(), [(0, "spec.scrapeClass")]);
        let selecting = object("Prometheus", "main", &json!({"serviceMonitorSelector": {}}));
        let rendered = render(&[monitor, selecting]);
        assert_eq!(places(&rendered), [(0, "spec.scrapeClass")]);
        assert_eq!(rendered.warnings, []);
    }

    #[test]
    fn zones_count_and_shards_that_scrape_nothing_are_told() {
        let objects = [
            object(
                "Prometheus",
                "main",
                &json!({
                    "serviceMonitorSelector": {}, "shards": 3,
                    "shardingStrategy": {"mode": "Topology", "topology": {"values": ["a", "b"]}},
                }),
            ),
            object(
                "ServiceMonitor",
                "web",
                &json!({"selector": {}, "endpoints": [{"port": "web"}]}),
            ),
        ];
        let rendered = render(&objects);
        assert!(rendered.files[0].text.contains("$(TOPOLOGY_ZONE)"));
        assert!(
            rendered.files[1]
                .text
                .contains("topology.kubernetes.io/zone")
        );
        assert!(
            rendered
                .warnings
                .iter()
                .any(|one| one.text.contains("scrape nothing")),
            "{:?}",
            rendered.warnings
        );
    }

    #[test]
    fn an_alertmanager_without_a_secret_sends_nowhere_and_takes_its_configs() {
        let objects = [
            object(
                "Alertmanager",
                "main",
                &json!({"alertmanagerConfigSelector": {}}),
            ),
            object(
                "AlertmanagerConfig",
                "routes",
                &json!({
                    "route": {"receiver": "hook"},
                    "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x.y/"}]}],
                }),
            ),
            object(
                "AlertmanagerConfig",
                "broken",
                &json!({"route": {"receiver": "nobody"}}),
            ),
        ];
        let rendered = render(&objects);
        assert!(
            rendered.files[0]
                .text
                .contains("receiver: team/routes/hook")
        );
        assert!(rendered.files[0].text.contains("namespace=\"team\""));
        assert_eq!(rendered.problems.len(), 1);
        assert_eq!(rendered.problems[0].object, 2);
    }
}
