//! Documents of what is outside of every group version: `/api`, `/apis`, `/apis/GROUP`, `/version` and the two paths about
//! the tokens of `ServiceAccounts`.

use serde_json::{Map, Value, json};

use super::document::Content;
use super::operation::{Answer, Operation, path_item};
use super::{Form, hash};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const INFO: &str = "io.k8s.apimachinery.pkg.version.Info";

/// One such path.
pub(super) struct Plain {
    /// `api`, `apis/GROUP`, `version`.
    pub place: String,
    operation: &'static str,
    answer: Answer<'static>,
}

/// All of them; `groups` are the built-in ones with a name.
pub(super) fn all<'a>(groups: impl Iterator<Item = &'a str>) -> Vec<Plain> {
    let plain = |place: &str, operation, answer| Plain {
        place: place.to_owned(),
        operation,
        answer,
    };
    let model = |name: &'static str| Answer::Model(name);
    let mut all = vec![
        plain(
            ".well-known/openid-configuration",
            "getServiceAccountIssuerOpenIDConfiguration",
            Answer::Typed("application/json", None),
        ),
        plain(
            "api",
            "getAPIVersions",
            model("io.k8s.apimachinery.pkg.apis.meta.v1.APIVersions"),
        ),
        plain(
            "apis",
            "getAPIVersions",
            model("io.k8s.apimachinery.pkg.apis.meta.v1.APIGroupList"),
        ),
        plain(
            "openid/v1/jwks",
            "getServiceAccountIssuerOpenIDKeyset",
            Answer::Typed("application/jwk-set+json", None),
        ),
        plain(
            "version",
            "getCodeVersion",
            Answer::Typed("application/json", Some(INFO)),
        ),
    ];
    let group = model("io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup");
    all.extend(groups.map(|name| plain(&format!("apis/{name}"), "getAPIGroup", group)));
    all
}

impl Plain {
    /// Changes exactly when the document does.
    pub(super) fn hash(&self) -> String {
        hash(format!("{} {}", env!("CARGO_PKG_VERSION"), self.place).as_bytes())
    }

    /// The OpenAPI 3.0 document.
    pub(super) fn version_3(&self) -> Value {
        let mut content = Content::default();
        self.add_to(&mut content, Form::V3);
        content.close(Form::V3);
        content.document()
    }

    /// Adds the path and its schemas.
    pub(super) fn add_to(&self, content: &mut Content, form: Form) {
        let path = format!("/{}/", self.place);
        let operation = Operation {
            method: "get",
            name: self.operation.to_owned(),
            answer: self.answer,
            ..Operation::default()
        };
        let item = path_item(&path, &[operation], false, form);
        content.paths.insert(path, item);
        let wanted = match self.answer {
            Answer::Model(name) | Answer::Typed(_, Some(name)) => name,
            Answer::Typed(_, None) | Answer::Stream(_) | Answer::Text | Answer::Anything => return,
        };
        let mut open = vec![wanted.to_owned()];
        while let Some(name) = open.pop() {
            let schema = schema(&name, form);
            super::convert::references(&schema, &mut open);
            content.schemas.insert(name, schema);
        }
    }
}

/// A field of these schemas: a text, a text that may be left out, a list, or another of them.
enum Field {
    Text,
    Optional,
    Texts,
    List(&'static str),
    One(&'static str),
}

/// Required fields first.
fn fields(name: &str) -> (usize, &'static [(&'static str, Field)]) {
    use Field::{List, One, Optional, Text, Texts};
    match name {
        "ServerAddressByClientCIDR" => (2, &[("clientCIDR", Text), ("serverAddress", Text)]),
        "GroupVersionForDiscovery" => (2, &[("groupVersion", Text), ("version", Text)]),
        "APIVersions" => (
            2,
            &[
                ("versions", Texts),
                (
                    "serverAddressByClientCIDRs",
                    List("ServerAddressByClientCIDR"),
                ),
                ("apiVersion", Optional),
                ("kind", Optional),
            ],
        ),
        "APIGroupList" => (
            1,
            &[
                ("groups", List("APIGroup")),
                ("apiVersion", Optional),
                ("kind", Optional),
            ],
        ),
        "APIGroup" => (
            2,
            &[
                ("name", Text),
                ("versions", List("GroupVersionForDiscovery")),
                ("apiVersion", Optional),
                ("kind", Optional),
                ("preferredVersion", One("GroupVersionForDiscovery")),
                (
                    "serverAddressByClientCIDRs",
                    List("ServerAddressByClientCIDR"),
                ),
            ],
        ),
        _ => (
            9,
            &[
                ("major", Text),
                ("minor", Text),
                ("gitVersion", Text),
                ("gitCommit", Text),
                ("gitTreeState", Text),
                ("buildDate", Text),
                ("goVersion", Text),
                ("compiler", Text),
                ("platform", Text),
                ("emulationMajor", Optional),
                ("emulationMinor", Optional),
                ("minCompatibilityMajor", Optional),
                ("minCompatibilityMinor", Optional),
            ],
        ),
    }
}

fn schema(name: &str, form: Form) -> Value {
    let short = name.strip_prefix(META).unwrap_or(name);
    let (required, fields) = fields(short);
    let names: Vec<&str> = fields
        .iter()
        .take(required)
        .map(|(name, _)| *name)
        .collect();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, field)| ((*name).to_owned(), property(field, form)))
        .collect();
    let mut schema = json!({"type": "object", "required": names, "properties": properties});
    if let (true, Some(schema)) = (short.starts_with("API"), schema.as_object_mut()) {
        let kinds = json!([{"group": "", "version": "v1", "kind": short}]);
        schema.insert("x-kubernetes-group-version-kind".to_owned(), kinds);
    }
    schema
}

fn property(field: &Field, form: Form) -> Value {
    let with_default = |mut schema: Map<String, Value>, default: Value| {
        if form == Form::V3 {
            schema.insert("default".to_owned(), default);
        }
        Value::Object(schema)
    };
    let text = || Map::from_iter([("type".to_owned(), json!("string"))]);
    let one = |name: &str| {
        let reference = form.reference(&format!("{META}{name}"));
        let schema = match form {
            Form::V2 => ("$ref".to_owned(), reference),
            Form::V3 => ("allOf".to_owned(), json!([{"$ref": reference}])),
        };
        with_default(Map::from_iter([schema]), json!({}))
    };
    let list =
        |items: Value| json!({"type": "array", "items": items, "x-kubernetes-list-type": "atomic"});
    match field {
        Field::Text => with_default(text(), json!("")),
        Field::Optional => Value::Object(text()),
        Field::Texts => list(with_default(text(), json!(""))),
        Field::List(name) => list(one(name)),
        Field::One(name) => one(name),
    }
}
