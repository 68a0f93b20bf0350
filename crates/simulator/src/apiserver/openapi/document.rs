//! Documents: the schemas and paths of one group version, or all of them together.

use std::collections::BTreeMap;
use std::sync::Arc;

use machinery::schema::TypeTable;
use serde_json::{Map, Value, json};

use super::super::custom::CustomVersion;
use super::super::discovery::Entry;
use super::super::facts::returns_deleted;
use super::kept::Source;
use super::paths::{Models, Operations, Sub};
use super::{Form, convert, custom, hash, kinds};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// Every group version that has the kinds of all groups, also those that aren't served.
const ALL_GROUPS: [(&str, &str); 52] = [
    ("admissionregistration.k8s.io", "v1"),
    ("admissionregistration.k8s.io", "v1alpha1"),
    ("admissionregistration.k8s.io", "v1beta1"),
    ("apps", "v1"),
    ("apps", "v1beta1"),
    ("apps", "v1beta2"),
    ("authentication.k8s.io", "v1"),
    ("authentication.k8s.io", "v1alpha1"),
    ("authentication.k8s.io", "v1beta1"),
    ("authorization.k8s.io", "v1"),
    ("authorization.k8s.io", "v1beta1"),
    ("autoscaling", "v1"),
    ("autoscaling", "v2"),
    ("batch", "v1"),
    ("batch", "v1beta1"),
    ("certificates.k8s.io", "v1"),
    ("certificates.k8s.io", "v1alpha1"),
    ("certificates.k8s.io", "v1beta1"),
    ("coordination.k8s.io", "v1"),
    ("coordination.k8s.io", "v1alpha2"),
    ("coordination.k8s.io", "v1beta1"),
    ("discovery.k8s.io", "v1"),
    ("discovery.k8s.io", "v1beta1"),
    ("events.k8s.io", "v1"),
    ("events.k8s.io", "v1beta1"),
    ("extensions", "v1beta1"),
    ("flowcontrol.apiserver.k8s.io", "v1"),
    ("flowcontrol.apiserver.k8s.io", "v1beta1"),
    ("flowcontrol.apiserver.k8s.io", "v1beta2"),
    ("flowcontrol.apiserver.k8s.io", "v1beta3"),
    ("internal.apiserver.k8s.io", "v1alpha1"),
    ("networking.k8s.io", "v1"),
    ("networking.k8s.io", "v1beta1"),
    ("node.k8s.io", "v1"),
    ("node.k8s.io", "v1alpha1"),
    ("node.k8s.io", "v1beta1"),
    ("policy", "v1"),
    ("policy", "v1beta1"),
    ("rbac.authorization.k8s.io", "v1"),
    ("rbac.authorization.k8s.io", "v1alpha1"),
    ("rbac.authorization.k8s.io", "v1beta1"),
    ("resource.k8s.io", "v1"),
    ("resource.k8s.io", "v1alpha3"),
    ("resource.k8s.io", "v1beta1"),
    ("resource.k8s.io", "v1beta2"),
    ("scheduling.k8s.io", "v1"),
    ("scheduling.k8s.io", "v1alpha2"),
    ("scheduling.k8s.io", "v1beta1"),
    ("storage.k8s.io", "v1"),
    ("storage.k8s.io", "v1alpha1"),
    ("storage.k8s.io", "v1beta1"),
    ("storagemigration.k8s.io", "v1beta1"),
];
/// What the document of everything names beyond these.
const MORE_GROUPS: [(&str, &str); 7] = [
    ("admission.k8s.io", "v1"),
    ("admission.k8s.io", "v1beta1"),
    ("apiextensions.k8s.io", "v1"),
    ("apiextensions.k8s.io", "v1beta1"),
    ("apiregistration.k8s.io", "v1"),
    ("apiregistration.k8s.io", "v1beta1"),
    ("imagepolicy.k8s.io", "v1alpha1"),
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
        content.close(Form::V3);
        let place = match self.customs.is_empty() {
            true if self.group.is_empty() => &[][..],
            true => &[(self.group.as_str(), self.version.as_str())],
            false => &ALL_GROUPS,
        };
        content.kinds(place);
        if self.customs.is_empty() {
            return content.document();
        }
        // Definitions are published one by one, by a controller with a title of its own.
        let mut document = content.document();
        if let Some(document) = document.as_object_mut() {
            let info = json!({"title": "Kubernetes CRD Swagger", "version": "v0.1.0"});
            document.insert("info".to_owned(), info);
        }
        if let Some(components) = document
            .get_mut("components")
            .and_then(Value::as_object_mut)
        {
            components.remove("securitySchemes");
        }
        document
    }

    /// Adds the paths and their schemas.
    pub(super) fn add_to(&self, content: &mut Content, form: Form) {
        let operations = Operations {
            prefix: format!("/{}", self.place()),
            group: &self.group,
            version: &self.version,
            custom: !self.customs.is_empty(),
            form,
        };
        if self.customs.is_empty() {
            operations.add_resources(&mut content.paths);
        }
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
            let subs: Vec<Sub<'_>> = entry
                .subresources
                .iter()
                .filter_map(|sub| {
                    let (group, version, kind) = &sub.kind;
                    let model = if group.is_empty() && version.is_empty() {
                        if *kind == entry.kind {
                            Some(models.kind.clone())
                        } else {
                            // What is connected to has options instead of a model.
                            model(&self.group, &self.version, kind).or(Some(String::new()))
                        }
                    } else {
                        model(group, version, kind)
                    };
                    Some(Sub {
                        entry: sub,
                        model: model?,
                    })
                })
                .collect();
            let returned = returns_deleted(&self.group, &entry.kind) && custom.is_none();
            operations.add(&mut content.paths, (entry, returned), &models, &subs);
        }
    }
}

/// The Swagger 2.0 document of everything.
pub(super) fn version_2<'a>(sources: impl Iterator<Item = &'a Source>) -> Value {
    let mut content = Content::default();
    for source in sources {
        source.add_to(&mut content, Form::V2);
    }
    content.close(Form::V2);
    content.kinds(&[&ALL_GROUPS[..], &MORE_GROUPS].concat());
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "1.36"},
        "paths": content.paths,
        "definitions": content.schemas,
        "securityDefinitions": {"BearerToken": bearer()},
        "security": [{"BearerToken": []}],
    })
}

fn bearer() -> Value {
    json!({"type": "apiKey", "description": "Bearer Token authentication", "name": "authorization", "in": "header"})
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

/// What a document says, while it is put together.
#[derive(Default)]
pub(super) struct Content {
    /// Schemas by model name.
    pub schemas: BTreeMap<String, Value>,
    /// Operations by path.
    pub paths: Map<String, Value>,
}

impl Content {
    /// As an OpenAPI 3.0 document.
    pub(super) fn document(self) -> Value {
        let mut components = json!({"securitySchemes": {"BearerToken": bearer()}});
        if let (false, Some(components)) = (self.schemas.is_empty(), components.as_object_mut()) {
            components.insert("schemas".to_owned(), json!(self.schemas));
        }
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "1.36"},
            "paths": self.paths,
            "components": components,
        })
    }

    /// Names the groups that these kinds are part of, besides the core group.
    fn kinds(&mut self, groups: &[(&str, &str)]) {
        for kind in ["DeleteOptions", "WatchEvent"] {
            let Some(schema) = self.schemas.get_mut(&format!("{META}{kind}")) else {
                continue;
            };
            let mut all: Vec<_> = std::iter::once(&("", "v1")).chain(groups).collect();
            all.sort_unstable();
            let all: Vec<Value> = all
                .into_iter()
                .map(|(group, version)| json!({"group": group, "version": version, "kind": kind}))
                .collect();
            if let Some(fields) = schema.as_object_mut() {
                fields.insert("x-kubernetes-group-version-kind".to_owned(), json!(all));
            }
        }
    }

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

    /// Adds every schema that is referred to.
    pub(super) fn close(&mut self, form: Form) {
        let mut wanted = Vec::new();
        for schema in self.schemas.values().chain(self.paths.values()) {
            convert::references(schema, &mut wanted);
        }
        while let Some(name) = wanted.pop() {
            if self.schemas.contains_key(&name) {
                continue;
            }
            let schema = kinds::schemas()
                .get(&name)
                .map(|source| convert::schema(&name, source, form));
            let schema = schema.unwrap_or_else(|| convert::of_watches(&name, form));
            convert::references(&schema, &mut wanted);
            self.schemas.insert(name, schema);
        }
    }
}

fn list_schema(name: &str, (group, version, kind): (&str, &str, &str), form: Form) -> Value {
    let mut item = Map::new();
    if form == Form::V3 {
        item.insert("default".to_owned(), json!({}));
    }
    convert::put_reference(&mut item, name, form);
    let mut metadata = match form {
        Form::V3 => json!({"default": {}}),
        Form::V2 => json!({}),
    };
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
