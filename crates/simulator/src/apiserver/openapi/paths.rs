//! Paths of a document: which there are for a resource, its watches and its subresources, and what may be done with each
//! (`apiserver/pkg/endpoints/installer.go`, for definitions `apiextensions-apiserver/pkg/controller/openapi/builder`).

use serde_json::{Map, Value};

use super::super::discovery::{Entry, Subresource};
use super::Form;
use super::operation::{Answer, Asked, Body, Operation, Parameters, model_parameters, path_item};

const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
const RESOURCE_LIST: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList";
const WATCH_EVENT: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent";
const NAMESPACE: &str = "/namespaces/{namespace}";
/// Methods that a proxied request may have.
const PROXIED: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Where operations are written and what they are about.
pub(super) struct Operations<'a> {
    /// Group version in the path: `/apis/apps/v1`, `/api/v1`.
    pub prefix: String,
    /// Group of the kinds.
    pub group: &'a str,
    /// Version of the kinds.
    pub version: &'a str,
    /// The kinds are those of definitions.
    pub custom: bool,
    /// The form of the document.
    pub form: Form,
}

/// Model names of a resource's kind and list.
pub(super) struct Models {
    pub kind: String,
    pub list: String,
}

/// One subresource, with the model of what it answers.
pub(super) struct Sub<'a> {
    /// As discovery knows it.
    pub entry: &'a Subresource,
    /// Model of the kind.
    pub model: String,
}

/// A resource while its paths are written.
struct Subject<'a> {
    entry: &'a Entry,
    models: &'a Models,
    /// What the kind is called in operations: `NamespacedPod`, `Node`.
    scoped: String,
    /// What may be watched.
    watched: bool,
    deleted: &'a str,
}

impl Subject<'_> {
    fn has(&self, verb: &str) -> bool {
        self.entry.verbs.iter().any(|known| known == verb)
    }
}

impl Operations<'_> {
    /// The paths of one resource with its subresources; `returned` if DELETE answers with the object.
    pub(super) fn add(
        &self,
        paths: &mut Map<String, Value>,
        (entry, returned): (&Entry, bool),
        models: &Models,
        subs: &[Sub<'_>],
    ) {
        let (scope, scoped) = if entry.namespaced {
            (NAMESPACE, format!("Namespaced{}", entry.kind))
        } else {
            ("", entry.kind.clone())
        };
        let subject = Subject {
            entry,
            models,
            scoped,
            watched: entry.verbs.iter().any(|verb| verb == "watch"),
            deleted: if returned { &models.kind } else { STATUS },
        };
        let all = format!("{}/{}", self.prefix, entry.plural);
        let collection = format!("{}{scope}/{}", self.prefix, entry.plural);
        let item = format!("{collection}/{{name}}");
        self.put(paths, &collection, &self.collection(&subject));
        if entry.namespaced && subject.has("list") {
            let mut list = self.list(&subject);
            list.name = format!("list{}ForAllNamespaces", entry.kind);
            self.put(paths, &all, &[list]);
        }
        self.put(paths, &item, &self.item(&subject));
        if subject.watched && !self.custom {
            self.watches(paths, &subject, scope);
        }
        for sub in subs {
            self.subresource(paths, &subject, &item, sub);
        }
    }

    /// The path that lists the resources of a built-in group version.
    pub(super) fn add_resources(&self, paths: &mut Map<String, Value>) {
        let operation = Operation {
            method: "get",
            name: "getAPIResources".to_owned(),
            answer: Answer::Model(RESOURCE_LIST),
            ..Operation::default()
        };
        self.put(paths, &format!("{}/", self.prefix), &[operation]);
    }

    fn put(&self, paths: &mut Map<String, Value>, path: &str, operations: &[Operation<'_>]) {
        if !operations.is_empty() {
            let item = path_item(path, operations, self.custom, self.form);
            paths.insert(path.to_owned(), item);
        }
    }

    fn kind<'a>(&'a self, subject: &'a Subject<'_>) -> (&'a str, &'a str, &'a str) {
        (self.group, self.version, subject.entry.kind.as_str())
    }

    fn list<'a>(&'a self, subject: &'a Subject<'_>) -> Operation<'a> {
        Operation {
            method: "get",
            action: "list",
            name: format!("list{}", subject.scoped),
            kind: Some(self.kind(subject)),
            parameters: Parameters::List,
            answer: if self.custom {
                Answer::Model(&subject.models.list)
            } else {
                Answer::Stream(&subject.models.list)
            },
            ..Operation::default()
        }
    }

    fn collection<'a>(&'a self, subject: &'a Subject<'_>) -> Vec<Operation<'a>> {
        let mut operations = Vec::new();
        if subject.has("list") {
            operations.push(self.list(subject));
        }
        if subject.has("create") {
            operations.push(Operation {
                name: format!("create{}", subject.scoped),
                ..Self::create(Some(self.kind(subject)), &subject.models.kind)
            });
        }
        if subject.has("deletecollection") {
            let (parameters, body) = if self.custom {
                (Parameters::List, Body::None)
            } else {
                (Parameters::DeleteCollection, Body::Optional(DELETE_OPTIONS))
            };
            operations.push(Operation {
                method: "delete",
                action: "deletecollection",
                name: format!("deleteCollection{}", subject.scoped),
                kind: Some(self.kind(subject)),
                parameters,
                body,
                answer: Answer::Model(STATUS),
                ..Operation::default()
            });
        }
        operations
    }

    fn create<'a>(kind: Asked<'a>, model: &'a str) -> Operation<'a> {
        Operation {
            method: "post",
            action: "post",
            kind,
            parameters: Parameters::Write,
            body: Body::Model(model),
            answer: Answer::Model(model),
            also: &["201", "202"],
            ..Operation::default()
        }
    }

    fn item<'a>(&'a self, subject: &'a Subject<'_>) -> Vec<Operation<'a>> {
        let kind = Some(self.kind(subject));
        let model = subject.models.kind.as_str();
        let mut operations =
            self.reads_and_writes(&subject.entry.verbs, &subject.scoped, (kind, model));
        if subject.has("delete") {
            operations.push(Operation {
                method: "delete",
                action: "delete",
                name: format!("delete{}", subject.scoped),
                kind,
                parameters: Parameters::Delete,
                body: Body::Optional(DELETE_OPTIONS),
                answer: Answer::Model(subject.deleted),
                also: &["202"],
            });
        }
        operations
    }

    /// GET, PUT and PATCH of an object or a subresource.
    fn reads_and_writes<'a>(
        &self,
        verbs: &[String],
        name: &str,
        (kind, model): (Asked<'a>, &'a str),
    ) -> Vec<Operation<'a>> {
        let has = |verb: &str| verbs.iter().any(|known| known == verb);
        let mut operations = Vec::new();
        if has("get") {
            operations.push(Operation {
                method: "get",
                action: "get",
                name: format!("read{name}"),
                kind,
                parameters: if self.custom {
                    Parameters::Get
                } else {
                    Parameters::None
                },
                answer: Answer::Model(model),
                ..Operation::default()
            });
        }
        if has("update") {
            operations.push(Operation {
                method: "put",
                action: "put",
                name: format!("replace{name}"),
                kind,
                parameters: Parameters::Write,
                body: Body::Model(model),
                answer: Answer::Model(model),
                also: &["201"],
            });
        }
        if has("patch") {
            operations.push(Operation {
                method: "patch",
                action: "patch",
                name: format!("patch{name}"),
                kind,
                parameters: Parameters::Apply,
                body: Body::Patch,
                answer: Answer::Model(model),
                also: if self.custom { &[] } else { &["201"] },
            });
        }
        operations
    }

    /// The old paths of watches.
    fn watches(&self, paths: &mut Map<String, Value>, subject: &Subject<'_>, scope: &str) {
        let entry = subject.entry;
        let watch = |action: &'static str, name: String| Operation {
            method: "get",
            action,
            name,
            kind: Some(self.kind(subject)),
            parameters: Parameters::List,
            answer: Answer::Stream(WATCH_EVENT),
            ..Operation::default()
        };
        let all = format!("{}/watch/{}", self.prefix, entry.plural);
        let collection = format!("{}/watch{scope}/{}", self.prefix, entry.plural);
        if entry.namespaced {
            let name = format!("watch{}ListForAllNamespaces", entry.kind);
            self.put(paths, &all, &[watch("watchlist", name)]);
        }
        let name = format!("watch{}List", subject.scoped);
        self.put(paths, &collection, &[watch("watchlist", name)]);
        let name = format!("watch{}", subject.scoped);
        let item = format!("{collection}/{{name}}");
        self.put(paths, &item, &[watch("watch", name)]);
    }

    fn subresource(
        &self,
        paths: &mut Map<String, Value>,
        subject: &Subject<'_>,
        item: &str,
        sub: &Sub<'_>,
    ) {
        let path = format!("{item}/{}", sub.entry.name);
        let name = format!("{}{}", subject.scoped, capitalized(&sub.entry.name));
        let (group, version, kind) = &sub.entry.kind;
        let own = self.custom || group.is_empty() && version.is_empty();
        let kind = match own {
            true if self.custom => Some(self.kind(subject)),
            true => Some((self.group, self.version, kind.as_str())),
            false => Some((group.as_str(), version.as_str(), kind.as_str())),
        };
        let options = model_parameters(kind.map_or("", |(_, _, kind)| kind));
        if !options.is_empty() {
            let proxied = sub.entry.name == "proxy";
            let methods: &[&str] = if proxied { &PROXIED } else { &["get", "post"] };
            let connect = |suffix: &str| -> Vec<Operation<'_>> {
                let one = |method: &&'static str| Operation {
                    method,
                    action: "connect",
                    name: format!("connect{}{name}{suffix}", capitalized(method)),
                    kind,
                    parameters: Parameters::Own(options),
                    answer: Answer::Anything,
                    ..Operation::default()
                };
                methods.iter().map(one).collect()
            };
            self.put(paths, &path, &connect(""));
            if proxied {
                self.put(paths, &format!("{path}/{{path}}"), &connect("WithPath"));
            }
            return;
        }
        let mut operations = self.reads_and_writes(&sub.entry.verbs, &name, (kind, &sub.model));
        if sub.entry.verbs.iter().any(|verb| verb == "create") {
            operations.push(Operation {
                name: format!("create{name}"),
                ..Self::create(kind, &sub.model)
            });
        }
        if sub.entry.name == "log" {
            for operation in &mut operations {
                operation.answer = Answer::Text;
                operation.parameters = Parameters::Own(super::operation::LOG);
            }
        }
        self.put(paths, &path, &operations);
    }
}

/// The word with a capital first letter.
pub(super) fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
