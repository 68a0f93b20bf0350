//! Paths and operations: as much as clients look at, that is actions, kinds, parameters and bodies.

use serde_json::{Map, Value, json};

use super::super::discovery::Entry;
use super::Form;

const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

const LIST: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];
const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
const APPLY: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force"];
const DELETE: &[&str] = &[
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
];

/// Where operations are written and what they are about.
pub(super) struct Operations<'a> {
    /// Group version in the path: `/apis/apps/v1`, `/api/v1`.
    pub prefix: String,
    /// Group of the kinds.
    pub group: &'a str,
    /// Version of the kinds.
    pub version: &'a str,
    /// Media types of PATCH bodies.
    pub patches: &'a [&'a str],
    /// The form of the document.
    pub form: Form,
}

/// Model names of a resource's kind and list.
pub(super) struct Models {
    pub kind: String,
    pub list: String,
}

impl Operations<'_> {
    /// The paths of one resource with its subresources.
    pub(super) fn add(
        &self,
        paths: &mut Map<String, Value>,
        entry: &Entry,
        models: &Models,
        sub: &[(String, String)],
    ) {
        let has = |verb: &str| entry.verbs.iter().any(|known| known == verb);
        let scope = if entry.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let collection = format!("{}{scope}/{}", self.prefix, entry.plural);
        let item = format!("{collection}/{{name}}");
        let kind = (self.group, self.version, entry.kind.as_str());
        let mut verbs = Vec::new();
        if has("list") {
            verbs.push(("get", "list", LIST, Body::None, models.list.as_str()));
        }
        if has("create") {
            verbs.push((
                "post",
                "post",
                WRITE,
                Body::Model(&models.kind),
                models.kind.as_str(),
            ));
        }
        if has("deletecollection") {
            verbs.push((
                "delete",
                "deletecollection",
                DELETE,
                Body::Model(DELETE_OPTIONS),
                STATUS,
            ));
        }
        self.path(paths, &collection, &entry.plural, kind, &verbs);
        if entry.namespaced && has("list") {
            let verbs = [("get", "list", LIST, Body::None, models.list.as_str())];
            self.path(
                paths,
                &format!("{}/{}", self.prefix, entry.plural),
                &entry.plural,
                kind,
                &verbs,
            );
        }
        let verbs = Self::item_verbs(&entry.verbs, &models.kind);
        self.path(paths, &item, &entry.plural, kind, &verbs);
        for subresource in &entry.subresources {
            let model = sub.iter().find(|(name, _)| *name == subresource.name);
            let Some((_, model)) = model else { continue };
            let (group, version, kind) = &subresource.kind;
            let own = group.is_empty() && version.is_empty();
            let place = if own {
                (self.group, self.version)
            } else {
                (group.as_str(), version.as_str())
            };
            let mut verbs = Self::item_verbs(&subresource.verbs, model);
            if subresource.verbs.iter().any(|verb| verb == "create") {
                verbs.push(("post", "post", WRITE, Body::Model(model), model));
            }
            let path = format!("{item}/{}", subresource.name);
            self.path(
                paths,
                &path,
                &entry.plural,
                (place.0, place.1, kind),
                &verbs,
            );
        }
    }

    fn item_verbs<'m>(verbs: &[String], model: &'m str) -> Vec<Verb<'m>> {
        let has = |verb: &str| verbs.iter().any(|known| known == verb);
        let mut list: Vec<Verb<'m>> = Vec::new();
        if has("get") {
            list.push(("get", "get", &[], Body::None, model));
        }
        if has("update") {
            list.push(("put", "put", WRITE, Body::Model(model), model));
        }
        if has("delete") {
            list.push((
                "delete",
                "delete",
                DELETE,
                Body::Model(DELETE_OPTIONS),
                STATUS,
            ));
        }
        if has("patch") {
            list.push(("patch", "patch", APPLY, Body::Patch, model));
        }
        list
    }

    fn path(
        &self,
        paths: &mut Map<String, Value>,
        path: &str,
        plural: &str,
        kind: (&str, &str, &str),
        verbs: &[Verb<'_>],
    ) {
        if verbs.is_empty() {
            return;
        }
        let mut operations = Map::new();
        for verb in verbs {
            operations.insert(verb.0.to_owned(), self.operation(path, plural, kind, verb));
        }
        let mut parameters: Vec<Value> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| self.parameter(name, "path"))
            .collect();
        parameters.push(self.parameter("pretty", "query"));
        operations.insert("parameters".to_owned(), Value::Array(parameters));
        paths.insert(path.to_owned(), Value::Object(operations));
    }

    fn operation(
        &self,
        path: &str,
        plural: &str,
        kind: (&str, &str, &str),
        verb: &Verb<'_>,
    ) -> Value {
        let (method, action, parameters, body, answer) = verb;
        let (group, version, kind) = kind;
        let mut parameters: Vec<Value> = parameters
            .iter()
            .map(|name| self.parameter(name, "query"))
            .collect();
        let words: Vec<String> = path.split(['/', '.', '{', '}']).map(capitalized).collect();
        let mut operation = json!({
            "operationId": format!("{action}{}", words.concat()),
            "description": format!("{action} {plural}"),
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        });
        let reference = json!({"$ref": self.form.reference(answer)});
        let Some(map) = operation.as_object_mut() else {
            return operation;
        };
        let types: Vec<&str> = match body {
            Body::None => Vec::new(),
            Body::Model(_) => vec!["application/json"],
            Body::Patch => self.patches.to_vec(),
        };
        let model = match body {
            Body::None => None,
            Body::Model(model) => Some(*model),
            Body::Patch => Some(PATCH),
        };
        let schema = model.map(|model| json!({"$ref": self.form.reference(model)}));
        match self.form {
            Form::V3 => {
                if let Some(schema) = schema {
                    let content: Map<String, Value> = types
                        .iter()
                        .map(|name| ((*name).to_owned(), json!({"schema": schema})))
                        .collect();
                    map.insert(
                        "requestBody".to_owned(),
                        json!({"content": content, "required": *method != "delete"}),
                    );
                }
                let content = json!({"application/json": {"schema": reference}});
                map.insert(
                    "responses".to_owned(),
                    json!({"200": {"description": "OK", "content": content}}),
                );
            }
            Form::V2 => {
                if let Some(schema) = schema {
                    parameters.push(json!({"name": "body", "in": "body", "required": *method != "delete", "schema": schema}));
                    map.insert("consumes".to_owned(), json!(types));
                }
                map.insert(
                    "produces".to_owned(),
                    json!(["application/json", "application/yaml"]),
                );
                map.insert(
                    "responses".to_owned(),
                    json!({"200": {"description": "OK", "schema": reference}}),
                );
            }
        }
        if !parameters.is_empty() {
            map.insert("parameters".to_owned(), Value::Array(parameters));
        }
        operation
    }

    fn parameter(&self, name: &str, place: &str) -> Value {
        let kind = match name {
            "limit" | "timeoutSeconds" | "gracePeriodSeconds" => "integer",
            "watch"
            | "allowWatchBookmarks"
            | "sendInitialEvents"
            | "orphanDependents"
            | "force" => "boolean",
            _ => "string",
        };
        let mut parameter = match self.form {
            Form::V2 => json!({"name": name, "in": place, "type": kind, "uniqueItems": true}),
            Form::V3 => {
                json!({"name": name, "in": place, "schema": {"type": kind, "uniqueItems": true}})
            }
        };
        if place == "path"
            && let Some(map) = parameter.as_object_mut()
        {
            map.insert("required".to_owned(), json!(true));
        }
        parameter
    }
}

/// Method, action, query parameters, body and model of the answer.
type Verb<'a> = (
    &'static str,
    &'static str,
    &'static [&'static str],
    Body<'a>,
    &'a str,
);

#[derive(Clone, Copy)]
enum Body<'a> {
    None,
    Model(&'a str),
    Patch,
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
