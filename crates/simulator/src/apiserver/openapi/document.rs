//! Documents: the schemas and paths of one group version, or all of them together.

use std::collections::BTreeMap;
use std::sync::Arc;

use machinery::schema::TypeTable;
use serde_json::{Map, Value, json};

use super::super::custom::CustomVersion;
use super::super::discovery::Entry;
use super::paths::{Models, Operations};
use super::{Form, convert, custom, hash, kinds};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const BUILTIN_PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
const CUSTOM_PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
];

/// What one document is made from.
pub(super) struct GroupVersion {
    group: String,
    version: String,
    entries: Vec<Entry>,
    customs: Vec<Arc<CustomVersion>>,
}

impl GroupVersion {
    /// The group version with the custom ones among its resources.
    pub(super) fn new(
        group: String,
        version: String,
        entries: Vec<Entry>,
        all: &[Arc<CustomVersion>],
    ) -> Self {
        let own = |custom: &&Arc<CustomVersion>| {
            custom.resource.group == group && custom.resource.version == version
        };
        let customs = all.iter().filter(own).cloned().collect();
        Self {
            group,
            version,
            entries,
            customs,
        }
    }

    /// `api/v1` or `apis/GROUP/VERSION`.
    pub(super) fn place(&self) -> String {
        if self.group.is_empty() {
            format!("api/{}", self.version)
        } else {
            format!("apis/{}/{}", self.group, self.version)
        }
    }

    /// Changes exactly when the document does.
    pub(super) fn hash(&self) -> String {
        let mut source = format!("{} {}", env!("CARGO_PKG_VERSION"), self.place());
        for custom in &self.customs {
            source.push_str(&custom.open_api_schema().to_string());
            let rest = format!(
                "{:?} {:?} {:?}",
                custom.resource, custom.status, custom.scale
            );
            source.push_str(&rest);
        }
        hash(source.as_bytes())
    }

    /// The OpenAPI 3.0 document.
    pub(super) fn version_3(&self) -> Value {
        let mut content = Content::default();
        self.add_to(&mut content, Form::V3);
        let content = content.closed(Form::V3);
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "1.36"},
            "paths": content.paths,
            "components": {
                "schemas": content.schemas,
                "securitySchemes": {
                    "BearerToken": {"type": "apiKey", "description": "Bearer Token authentication", "name": "authorization", "in": "header"},
                },
            },
        })
    }

    fn add_to(&self, content: &mut Content, form: Form) {
        let operations = Operations {
            prefix: format!("/{}", self.place()),
            group: &self.group,
            version: &self.version,
            patches: if self.customs.is_empty() {
                BUILTIN_PATCHES
            } else {
                CUSTOM_PATCHES
            },
            form,
        };
        for entry in &self.entries {
            let custom = self
                .customs
                .iter()
                .find(|custom| custom.resource.plural == entry.plural.as_str());
            let models = match custom {
                Some(custom) => Some(content.custom(custom, form)),
                None => content.builtin(&self.group, &self.version, entry, form),
            };
            let Some(models) = models else { continue };
            let subresources: Vec<(String, String)> = entry
                .subresources
                .iter()
                .filter_map(|sub| {
                    let (group, version, kind) = &sub.kind;
                    let model = if group.is_empty() && version.is_empty() {
                        if *kind == entry.kind {
                            Some(models.kind.clone())
                        } else {
                            model(&self.group, &self.version, kind)
                        }
                    } else {
                        model(group, version, kind)
                    };
                    Some((sub.name.clone(), model?))
                })
                .collect();
            operations.add(&mut content.paths, entry, &models, &subresources);
        }
    }
}

/// The Swagger 2.0 document of everything.
pub(super) fn version_2(documents: &[GroupVersion]) -> Value {
    let mut content = Content::default();
    for document in documents {
        document.add_to(&mut content, Form::V2);
    }
    let content = content.closed(Form::V2);
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "v1.36.3"},
        "paths": content.paths,
        "definitions": content.schemas,
        "securityDefinitions": {
            "BearerToken": {"type": "apiKey", "description": "Bearer Token authentication", "name": "authorization", "in": "header"},
        },
        "security": [{"BearerToken": []}],
    })
}

/// The model name of a built-in kind.
fn model(group: &str, version: &str, kind: &str) -> Option<String> {
    let table = TypeTable::builtin();
    let name = table
        .info(table.type_of(group, version, kind)?)
        .openapi_name
        .clone();
    kinds::schemas().contains_key(&name).then_some(name)
}

#[derive(Default)]
struct Content {
    schemas: BTreeMap<String, Value>,
    paths: Map<String, Value>,
}

impl Content {
    fn custom(&mut self, version: &CustomVersion, form: Form) -> Models {
        let models = Models {
            kind: custom::model_name(version, &version.resource.kind),
            list: custom::model_name(version, &version.list_kind),
        };
        self.schemas
            .insert(models.kind.clone(), custom::schema(version, form));
        self.schemas
            .insert(models.list.clone(), custom::list_schema(version, form));
        models
    }

    fn builtin(&mut self, group: &str, version: &str, entry: &Entry, form: Form) -> Option<Models> {
        let name = model(group, version, &entry.kind)?;
        let list = format!("{name}List");
        if entry.verbs.iter().any(|verb| verb == "list") {
            self.schemas.insert(
                list.clone(),
                list_schema(&name, (group, version, &entry.kind), form),
            );
        }
        Some(Models { kind: name, list })
    }

    /// The same with every schema that is referred to.
    fn closed(mut self, form: Form) -> Self {
        let mut wanted = Vec::new();
        for schema in self.schemas.values().chain(self.paths.values()) {
            convert::references(schema, &mut wanted);
        }
        wanted.push(format!("{META}APIResourceList"));
        while let Some(name) = wanted.pop() {
            if self.schemas.contains_key(&name) {
                continue;
            }
            let schema = kinds::schemas()
                .get(&name)
                .map(|source| convert::schema(&name, source, form));
            let schema = schema.unwrap_or_else(|| json!({"type": "object"}));
            convert::references(&schema, &mut wanted);
            self.schemas.insert(name, schema);
        }
        self
    }
}

fn list_schema(name: &str, (group, version, kind): (&str, &str, &str), form: Form) -> Value {
    let mut item = Map::new();
    if form == Form::V3 {
        item.insert("default".to_owned(), json!({}));
    }
    convert::put_reference(&mut item, name, form);
    let mut metadata = json!({"default": {}});
    if let Some(metadata) = metadata.as_object_mut() {
        convert::put_reference(metadata, &format!("{META}ListMeta"), form);
    }
    json!({
        "description": format!("{kind}List is a list of {kind} objects."),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": kinds::common("apiVersion")},
            "kind": {"type": "string", "description": kinds::common("kind")},
            "metadata": metadata,
            "items": {"type": "array", "items": item},
        },
        "x-kubernetes-group-version-kind": [{"group": group, "version": version, "kind": format!("{kind}List")}],
    })
}
