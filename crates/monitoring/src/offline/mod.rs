//! What would be made of a set of objects, without a cluster: configuration files, what runs the pods that read them, and what
//! is wrong with which object.
//!
//! Pure. The objects are as an API server would store them, defaults included; what isn't among them doesn't exist.

mod alertmanager;
mod find;
mod made;
mod mistyped;
mod prometheus;
mod rulers;
mod selected;
mod texts;
mod workloads;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::mistyped::mistyped;
use crate::api::kinds::Object;
use crate::api::schema::ApiSchema;
use crate::api::v1beta1::to_v1alpha1;
use crate::api::{GROUP, defaults, read};
use crate::config::assets::Assets;
use crate::operator::watched::NAME_LABEL;
use crate::remedies::with_remedy;
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
    for problem in &mut world.out.problems {
        let text = std::mem::take(&mut problem.text);
        problem.text = with_remedy(text);
    }
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
        S: Default + DeserializeOwned + ApiSchema,
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
            let stored = defaults::applied(stored);
            match read::<Object<S, T>>(&stored) {
                Ok(object) => found.push(Placed { at, object }),
                Err(error) => {
                    let schema = json!({"type": "object", "properties": {"spec": S::schema()}});
                    match mistyped(&stored, &schema, "") {
                        Some((path, text)) => self.problem(at, &path, text),
                        None => self.problem(at, "", error.to_string()),
                    }
                }
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
mod tests;
