//! What the API server does to an object before it stores it: kind, metadata, unknown fields, schema, rules, defaults.

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError, meta as metadata};
use machinery::decode::{self, DecodeError, Decoded};
use machinery::meta;
use machinery::schema::TypeTable;
use serde_json::{Value, json};
use simulator::apiserver::custom::{CustomVersion, prepare_definition, served_versions};

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// A field and what is to be said of it.
type Said = (String, String);

/// What the API server says of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Why it is refused.
    pub(super) refused: Vec<Said>,
    /// Fields that nobody knows, for which kubectl refuses it.
    pub(super) unknown: Vec<Said>,
    /// What else is to be known.
    pub(super) warnings: Vec<Said>,
}

/// The definitions of all that this program has controllers for, compiled.
pub(super) struct Definitions(Vec<CustomVersion>);

/// What is known of a kind.
enum Kind<'a> {
    /// One of monitoring or rollouts.
    Ours(&'a CustomVersion),
    /// There is no such kind in a group that is known.
    Missing { ours: bool },
    /// One of Kubernetes' own.
    BuiltIn { namespaced: bool },
    /// One of somebody else's.
    Foreign,
}

impl Definitions {
    pub(super) fn new() -> Self {
        let compiled = |mut crd: Value| {
            prepare_definition(&mut crd, None);
            // As if a server had accepted its names.
            let names = crd.pointer("/spec/names").cloned();
            if let Some(status) = crd.get_mut("status").and_then(Value::as_object_mut) {
                let established = json!([{"type": "Established", "status": "True"}]);
                status.insert("conditions".to_owned(), established);
                status.insert("acceptedNames".to_owned(), names.unwrap_or_default());
            }
            served_versions(&crd)
        };
        let mut crds = monitoring::api::crds::full_crds();
        crds.extend(rollouts::api::crds::crds());
        Self(crds.into_iter().flat_map(compiled).collect())
    }

    /// Puts an object that names no namespace into this one, and one that lives in none into none.
    pub(super) fn set_namespace(&self, object: &mut Value, namespace: &str) {
        let namespaced = match self.kind(object) {
            Kind::BuiltIn { namespaced } => namespaced,
            Kind::Ours(_) | Kind::Missing { .. } | Kind::Foreign => true,
        };
        if !object.is_object() {
            return;
        }
        if !namespaced {
            let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
            metadata.map(|metadata| metadata.remove("namespace"));
        } else if meta::namespace(object).is_empty() {
            let metadata = object.get("metadata");
            if metadata.is_none_or(|metadata| metadata.is_object() || metadata.is_null()) {
                meta::set_namespace(object, namespace);
            }
        }
    }

    /// Sets the defaults of an object with a definition; what a server would say of any object.
    pub(super) fn admit(&self, object: &mut Value) -> Verdict {
        let mut verdict = Verdict::default();
        if !object.is_object() {
            let text = "it is no object: write apiVersion, kind, metadata and the rest as a map";
            verdict.refused.push((String::new(), text.to_owned()));
            return verdict;
        }
        if meta::api_version(object).starts_with(KUSTOMIZE) {
            let text = "kustomize reads this, and no server: check what it makes, `kubectl kustomize FOLDER | carrick monitoring check -f -`";
            verdict.warnings.push(("kind".to_owned(), text.to_owned()));
            return verdict;
        }
        verdict.types(object);
        let kind = self.kind(object);
        if let Kind::Missing { ours } = kind {
            let (version, name) = (meta::api_version(object), meta::kind(object));
            let text = format!("there is no kind {name} in {version}: correct one of them");
            if ours {
                verdict.refused.push(("kind".to_owned(), text));
            } else {
                verdict.warnings.push(("kind".to_owned(), text));
            }
        }
        verdict.decode(&kind, object);
        if !verdict.refused.iter().any(|(path, _)| is_metadata(path)) {
            verdict.metadata(&kind, object);
        }
        if let Kind::Ours(version) = kind {
            verdict.custom(version, object);
        }
        verdict
    }

    fn kind(&self, object: &Value) -> Kind<'_> {
        let (api_version, kind) = (meta::api_version(object), meta::kind(object));
        let found = self.0.iter().find(|version| {
            version.resource.kind == kind && version.resource.api_version() == api_version
        });
        if let Some(version) = found {
            return Kind::Ours(version);
        }
        if kind.is_empty() || api_version.is_empty() {
            return Kind::Foreign;
        }
        let (group, version) = meta::group_version(api_version);
        if self.0.iter().any(|one| one.resource.group == group) {
            return Kind::Missing { ours: true };
        }
        let resources = TypeTable::builtin().resources();
        let mut of_group = resources.iter().filter(|one| one.group == group).peekable();
        if of_group.peek().is_none() {
            return Kind::Foreign;
        }
        match of_group.find(|one| one.version == version && one.kind == kind) {
            Some(one) => Kind::BuiltIn {
                namespaced: one.namespaced,
            },
            None => Kind::Missing { ours: false },
        }
    }
}

/// Group of files that say how manifests are made.
const KUSTOMIZE: &str = "kustomize.config.k8s.io/";

fn is_metadata(path: &str) -> bool {
    path == "metadata" || path.starts_with("metadata.")
}

impl Verdict {
    fn refuse(&mut self, object: &Value, error: &FieldError) {
        let path = precise(object, error);
        let text = match (error.kind, error.field.as_str()) {
            (ErrorKind::Required, "metadata.name") => {
                "metadata.name: Required value: give it a name".to_owned()
            }
            _ => error.to_string(),
        };
        self.refused.push((path, text));
    }

    /// Every object says what it is.
    fn types(&mut self, object: &Value) {
        let group = monitoring::api::GROUP;
        for (field, example) in [
            ("apiVersion", format!("apiVersion: {group}/v1")),
            ("kind", "kind: ServiceMonitor".to_owned()),
        ] {
            let given = object.get(field).and_then(Value::as_str);
            if given.unwrap_or_default().is_empty() {
                let text = format!("{field}: Required value: say what it is, as in `{example}`");
                self.refused.push((field.to_owned(), text));
            }
        }
    }

    /// Fields whose values are of another type, and fields that there aren't.
    fn decode(&mut self, kind: &Kind<'_>, object: &Value) {
        for field in ["labels", "annotations"] {
            let map = object.pointer(&format!("/metadata/{field}"));
            let entries = map.and_then(Value::as_object).into_iter().flatten();
            for (key, value) in entries.filter(|(_, value)| is_no_text(value)) {
                let path = format!("metadata.{field}.{key}");
                let text =
                    format!("{path}: Invalid value: {value}: must be a text: put it in quotes");
                self.refused.push((path, text));
            }
        }
        if !self.refused.is_empty() {
            return;
        }
        let table = TypeTable::builtin();
        let (group, version) = meta::group_version(meta::api_version(object));
        let (decoded, below) = match kind {
            Kind::BuiltIn { .. } => {
                let ty = table.type_of(group, version, meta::kind(object));
                (ty.map(|ty| decode::normalise_strict(ty, object)), "")
            }
            Kind::Ours(_) | Kind::Missing { .. } | Kind::Foreign => {
                let metadata = object.get("metadata").unwrap_or(&Value::Null);
                let ty = table.type_named(OBJECT_META);
                (
                    ty.map(|ty| decode::normalise_strict(ty, metadata)),
                    "metadata",
                )
            }
        };
        if let Some(decoded) = decoded {
            self.decoded(decoded, below);
        }
    }

    fn decoded(&mut self, decoded: Result<Decoded, DecodeError>, below: &str) {
        match decoded {
            Ok(decoded) => {
                let strict = decoded.strict.into_iter();
                self.unknown.extend(strict.map(|text| {
                    let text = match below {
                        "" => text,
                        below => text.replacen('"', &format!("\"{below}."), 1),
                    };
                    (quoted(&text), text)
                }));
            }
            Err(error) => {
                let text = error.to_string();
                // `… into Go struct field Secret.data of type …`
                let field = text
                    .split_once("struct field ")
                    .map_or("", |(_, after)| after);
                let field = field.split(' ').next().unwrap_or_default();
                let field = field.split_once('.').map_or("", |(_, field)| field);
                let path = super::places::join(below, field);
                self.refused.push((path, text));
            }
        }
    }

    fn metadata(&mut self, kind: &Kind<'_>, object: &Value) {
        let errors = match kind {
            Kind::Ours(_) => metadata::validate_custom_resource_meta(object, None, true),
            Kind::BuiltIn { namespaced } => {
                let group = meta::group_version(meta::api_version(object)).0;
                metadata::validate_builtin_meta(group, meta::kind(object), object, *namespaced)
            }
            Kind::Missing { .. } | Kind::Foreign => metadata::validate_any_meta(object),
        };
        for error in errors {
            self.refuse(object, &error);
        }
    }

    fn custom(&mut self, version: &CustomVersion, object: &mut Value) {
        match version.prune_and_default(object) {
            Ok(unknown) => {
                let unknown = unknown.into_iter();
                self.unknown
                    .extend(unknown.map(|text| (quoted(&text), text)));
            }
            Err(error) => return self.refuse(object, &error),
        }
        let errors = version.validate(object, None, &mut Vec::new());
        // What follows from another error: a count that can't be scaled by, rules that weren't looked at.
        let follows = |error: &FieldError| error.field == "<nil>" || error.field.starts_with('.');
        let alone = errors.iter().all(follows);
        for error in errors.iter().filter(|error| alone || !follows(error)) {
            self.refuse(object, error);
        }
    }
}

fn is_no_text(value: &Value) -> bool {
    !value.is_string() && !value.is_null()
}

/// What stands in quotes: `unknown field "spec.x"`.
fn quoted(text: &str) -> String {
    text.split('"').nth(1).unwrap_or_default().to_owned()
}

/// The field of an error. Of labels and annotations it names the map alone, and the value is a key or a value of it.
fn precise(object: &Value, error: &FieldError) -> String {
    let maps = ["metadata.labels", "metadata.annotations"];
    let BadValue::Text(bad) = &error.bad_value else {
        return error.field.clone();
    };
    if !maps.contains(&error.field.as_str()) {
        return error.field.clone();
    }
    let map = object.pointer(&format!("/{}", error.field.replace('.', "/")));
    let mut entries = map.and_then(Value::as_object).into_iter().flatten();
    let found = entries.find(|(key, value)| *key == bad || value.as_str() == Some(bad));
    match found {
        Some((key, _)) => format!("{}.{key}", error.field),
        None => error.field.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    /// Fields that something is said of: refused ones, unknown ones, warnings.
    fn fields(object: &Value) -> [Vec<String>; 3] {
        static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(Definitions::new);
        let definitions = &*DEFINITIONS;
        let mut object = object.clone();
        definitions.set_namespace(&mut object, "team");
        let Verdict {
            refused,
            unknown,
            warnings,
        } = definitions.admit(&mut object);
        [refused, unknown, warnings].map(|said| said.into_iter().map(|(path, _)| path).collect())
    }

    #[test]
    fn objects_get_defaults_and_are_told_what_no_server_takes() {
        let definitions = Definitions::new();
        let mut monitor = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus",
            "metadata": {"name": "p", "namespace": "n"}, "spec": {"nosuch": 1}});
        let verdict = definitions.admit(&mut monitor);
        let field = r#"unknown field "spec.nosuch""#.to_owned();
        let expected = Verdict {
            unknown: vec![("spec.nosuch".to_owned(), field)],
            ..Verdict::default()
        };
        assert_eq!(verdict, expected);
        assert_eq!(monitor["spec"]["scrapeInterval"], "30s");
    }

    #[test]
    fn every_object_has_a_kind_that_there_is_and_a_name() {
        let none: Vec<String> = Vec::new();
        let refused = |paths: &[&str]| {
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            [paths, Vec::new(), Vec::new()]
        };
        for (object, expected) in [
            (json!("text"), refused(&[""])),
            (json!({}), refused(&["apiVersion", "kind", "metadata.name"])),
            (
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"generateName": "x-"}}),
                refused(&["metadata.name"]),
            ),
            (
                json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "Nothing",
                    "metadata": {"name": "a"}}),
                refused(&["kind"]),
            ),
            (
                json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}}),
                refused(&[]),
            ),
            (
                json!({"apiVersion": "v1", "kind": "Sevice", "metadata": {"name": "a"}}),
                [none.clone(), none.clone(), vec!["kind".to_owned()]],
            ),
        ] {
            assert_eq!(fields(&object), expected, "{object}");
        }
    }

    #[test]
    fn rollouts_have_a_schema_too() {
        let object = |kind: &str, spec: Value| {
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": kind,
                "metadata": {"name": "a"}, "spec": spec})
        };
        let refused = |object: &Value| {
            let [refused, unknown, warnings] = fields(object);
            assert_eq!((unknown, warnings), Default::default(), "{object}");
            refused
        };
        let rollout = object("Rollout", json!({"replicas": "two"}));
        assert_eq!(refused(&rollout), ["spec.replicas"]);
        let template = object("AnalysisTemplate", json!({"metrics": "none"}));
        assert_eq!(refused(&template), ["spec.metrics"]);
        assert_eq!(refused(&object("Rolout", json!({}))), ["kind"]);
        let set = object(
            "Rollout",
            json!({"replicas": 2, "template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}}),
        );
        assert_eq!(refused(&set), Vec::<String>::new());
    }

    #[test]
    fn metadata_is_refused_as_by_the_server() {
        let labels = json!({"a b": "x", "app.kubernetes.io/name": "x y", "good": "good"});
        for (kind, metadata, expected) in [
            ("Service", json!({"name": "a.b"}), vec!["metadata.name"]),
            ("Secret", json!({"name": "a.b"}), vec![]),
            ("Secret", json!({"name": "A_b"}), vec!["metadata.name"]),
            (
                "Namespace",
                json!({"name": "a", "namespace": "ignored"}),
                vec![],
            ),
            (
                "Secret",
                json!({"name": "a", "namespace": "A"}),
                vec!["metadata.namespace"],
            ),
            (
                "Secret",
                json!({"name": "a", "labels": labels}),
                vec![
                    "metadata.labels.a b",
                    "metadata.labels.app.kubernetes.io/name",
                ],
            ),
            (
                "Secret",
                json!({"name": "a", "annotations": {"a": 1}}),
                vec!["metadata.annotations.a"],
            ),
            ("Secret", json!({"name": 1}), vec!["metadata.name"]),
        ] {
            let object = json!({"apiVersion": "v1", "kind": kind, "metadata": metadata});
            let [refused, unknown, warnings] = fields(&object);
            assert_eq!(refused, expected, "{object}");
            assert_eq!((unknown, warnings), Default::default(), "{object}");
        }
    }

    #[test]
    fn fields_of_built_in_kinds_have_their_types() {
        let secret = |field: &str, value: Value| {
            let mut secret =
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
            secret[field] = value;
            fields(&secret)
        };
        let none: Vec<String> = Vec::new();
        let data = vec!["stringData".to_owned()];
        let expected = [data, none.clone(), none.clone()];
        assert_eq!(secret("stringData", json!({"a": 1})), expected);
        let expected = [none.clone(), vec!["dat".to_owned()], none];
        assert_eq!(secret("dat", json!({})), expected);
    }
}
