//! One operation of a path: its name, parameters, bodies and answers (`apiserver/pkg/endpoints/openapi`,
//! `kube-openapi/pkg/builder{,3}`). What all operations of a path share is written once, beside them.

use serde_json::{Map, Value, json};

use super::Form;
use super::paths::capitalized;

const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
const BUILTIN_PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];
const CUSTOM_PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
];
const BUILTIN_TYPES: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];
const CUSTOM_TYPES: &[&str] = &["application/json", "application/yaml"];
const STREAM_TYPES: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];

const LIST: &[&str] = &[
    "allowWatchBookmarks?",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit#",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents?",
    "shardSelector",
    "timeoutSeconds#",
    "watch?",
];
const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
const APPLY: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force?"];
const DELETE: &[&str] = &[
    "dryRun",
    "gracePeriodSeconds#",
    "ignoreStoreReadErrorWithClusterBreakingPotential?",
    "orphanDependents?",
    "propagationPolicy",
];
const DELETE_COLLECTION: &[&str] = &[
    "continue",
    "dryRun",
    "fieldSelector",
    "gracePeriodSeconds#",
    "ignoreStoreReadErrorWithClusterBreakingPotential?",
    "labelSelector",
    "limit#",
    "orphanDependents?",
    "propagationPolicy",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents?",
    "shardSelector",
    "timeoutSeconds#",
];
/// What `/log` of a pod takes.
pub(super) const LOG: &[&str] = &[
    "container",
    "follow?",
    "insecureSkipTLSVerifyBackend?",
    "limitBytes#",
    "pretty",
    "previous?",
    "sinceSeconds#",
    "stream",
    "tailLines#",
    "timestamps?",
];

/// What connections of that options kind take; empty if it is none.
pub(super) fn model_parameters(kind: &str) -> &'static [&'static str] {
    match kind {
        "PodAttachOptions" => &["container", "stderr?", "stdin?", "stdout?", "tty?"],
        "PodExecOptions" => &[
            "command",
            "container",
            "stderr?",
            "stdin?",
            "stdout?",
            "tty?",
        ],
        "PodPortForwardOptions" => &["ports#"],
        "PodProxyOptions" | "ServiceProxyOptions" | "NodeProxyOptions" => &["path"],
        _ => &[],
    }
}

/// Group, version and kind that an operation names, if any.
pub(super) type Asked<'a> = Option<(&'a str, &'a str, &'a str)>;

/// Query parameters. A `#` after a name is for an integer, a `?` for a boolean.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Parameters {
    #[default]
    None,
    Get,
    List,
    Write,
    Apply,
    Delete,
    DeleteCollection,
    Own(&'static [&'static str]),
}

/// The body of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Body<'a> {
    #[default]
    None,
    Model(&'a str),
    Optional(&'a str),
    Patch,
}

/// What comes back.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Answer<'a> {
    /// A model in each media type.
    Model(&'a str),
    /// The same, that can also be watched.
    Stream(&'a str),
    /// A text in each media type, and as such.
    Text,
    /// A text, whatever its type.
    #[default]
    Anything,
    /// One media type and one model.
    Typed(&'static str, Option<&'a str>),
}

/// One operation.
#[derive(Debug, Clone, Default)]
pub(super) struct Operation<'a> {
    /// Method of the request, in small letters.
    pub method: &'static str,
    /// `x-kubernetes-action`, or empty.
    pub action: &'static str,
    /// Name before the group version is put into it: `listNamespacedPod`.
    pub name: String,
    /// What it is about.
    pub kind: Asked<'a>,
    pub parameters: Parameters,
    pub body: Body<'a>,
    pub answer: Answer<'a>,
    /// Answers besides 200 that look alike.
    pub also: &'static [&'static str],
}

/// The operations of a path with what they share.
pub(super) fn path_item(
    path: &str,
    operations: &[Operation<'_>],
    custom: bool,
    form: Form,
) -> Value {
    let all: Vec<Vec<Value>> = operations
        .iter()
        .map(|operation| parameters(path, operation, form))
        .collect();
    let shared: Vec<Value> = all.first().map_or_else(Vec::new, |first| {
        let everywhere = |parameter: &&Value| {
            let is_body = parameter.get("in").and_then(Value::as_str) == Some("body");
            !is_body && all.iter().all(|list| list.contains(parameter))
        };
        first.iter().filter(everywhere).cloned().collect()
    });
    let mut item = Map::new();
    for (operation, parameters) in operations.iter().zip(all) {
        let own: Vec<Value> = parameters
            .into_iter()
            .filter(|parameter| !shared.contains(parameter))
            .collect();
        let rendered = render(path, operation, own, custom, form);
        item.insert(operation.method.to_owned(), rendered);
    }
    if !shared.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(shared));
    }
    Value::Object(item)
}

fn parameters(path: &str, operation: &Operation<'_>, form: Form) -> Vec<Value> {
    let mut names: Vec<(&str, &str)> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| (name, "path"))
        .collect();
    let query: &[&str] = match operation.parameters {
        Parameters::None => &[],
        Parameters::Get => &["resourceVersion"],
        Parameters::List => LIST,
        Parameters::Write => WRITE,
        Parameters::Apply => APPLY,
        Parameters::Delete => DELETE,
        Parameters::DeleteCollection => DELETE_COLLECTION,
        Parameters::Own(names) => names,
    };
    names.extend(query.iter().map(|name| (*name, "query")));
    let connects = operation.action == "connect" || operation.kind.is_none();
    if !connects && !query.contains(&"pretty") {
        names.push(("pretty", "query"));
    }
    names.sort_unstable();
    let mut list: Vec<Value> = names
        .into_iter()
        .map(|(name, place)| parameter(name, place, form))
        .collect();
    if form == Form::V2
        && let Some((model, required)) = body_model(operation.body)
    {
        let mut body =
            json!({"name": "body", "in": "body", "schema": {"$ref": form.reference(model)}});
        if let (true, Some(body)) = (required, body.as_object_mut()) {
            body.insert("required".to_owned(), json!(true));
        }
        list.insert(0, body);
    }
    list
}

fn parameter(name: &str, place: &str, form: Form) -> Value {
    let plain = name.trim_end_matches(['#', '?']);
    let kind = match name.strip_prefix(plain) {
        Some("#") => "integer",
        Some("?") => "boolean",
        Some(_) | None => "string",
    };
    let mut parameter = match form {
        Form::V2 => json!({"name": plain, "in": place, "type": kind, "uniqueItems": true}),
        Form::V3 => {
            json!({"name": plain, "in": place, "schema": {"type": kind, "uniqueItems": true}})
        }
    };
    if let (true, Some(map)) = (place == "path", parameter.as_object_mut()) {
        map.insert("required".to_owned(), json!(true));
    }
    parameter
}

/// Model of a body and whether it must be there.
fn body_model(body: Body<'_>) -> Option<(&str, bool)> {
    match body {
        Body::None => None,
        Body::Model(model) => Some((model, true)),
        Body::Optional(model) => Some((model, false)),
        Body::Patch => Some((PATCH, true)),
    }
}

fn render(
    path: &str,
    operation: &Operation<'_>,
    parameters: Vec<Value>,
    custom: bool,
    form: Form,
) -> Value {
    let (name, tag) = names(path, &operation.name);
    let mut rendered = json!({"tags": [tag], "operationId": name});
    let Some(map) = rendered.as_object_mut() else {
        return rendered;
    };
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    if let Some((group, version, kind)) = operation.kind {
        put("description", json!(format!("{} {kind}", operation.action)));
        put("x-kubernetes-action", json!(operation.action));
        put(
            "x-kubernetes-group-version-kind",
            json!({"group": group, "version": version, "kind": kind}),
        );
    }
    if !parameters.is_empty() {
        put("parameters", Value::Array(parameters));
    }
    let accepted = match operation.body {
        Body::Patch if custom => CUSTOM_PATCHES,
        Body::Patch => BUILTIN_PATCHES,
        Body::None | Body::Model(_) | Body::Optional(_) if custom => CUSTOM_TYPES,
        Body::None | Body::Model(_) | Body::Optional(_) => &["*/*"],
    };
    let (types, schema) = answer(operation.answer, custom, form);
    match form {
        Form::V3 => {
            if let Some((model, required)) = body_model(operation.body) {
                let schema = json!({"$ref": form.reference(model)});
                let mut body = json!({"content": content(accepted, &schema)});
                if let (true, Some(body)) = (required, body.as_object_mut()) {
                    body.insert("required".to_owned(), json!(true));
                }
                put("requestBody", body);
            }
        }
        Form::V2 => {
            let consumed = matches!(operation.answer, Answer::Typed(..) | Answer::Model(_))
                && operation.kind.is_none();
            let of_tokens = ["/.well-known/", "/openid/"];
            // Their routes say nothing of it.
            if !of_tokens.iter().any(|begin| path.starts_with(begin)) {
                let types = if consumed { types } else { accepted };
                put("consumes", json!(types));
            }
            put("produces", json!(types));
            put("schemes", json!(["https"]));
        }
    }
    put("responses", responses(operation.also, types, &schema, form));
    rendered
}

fn responses(also: &[&str], types: &[&str], schema: &Value, form: Form) -> Value {
    let mut responses = Map::new();
    for code in std::iter::once(&"200").chain(also) {
        let text = match *code {
            "201" => "Created",
            "202" => "Accepted",
            _ => "OK",
        };
        let response = match form {
            Form::V2 => json!({"description": text, "schema": schema}),
            Form::V3 => json!({"description": text, "content": content(types, schema)}),
        };
        responses.insert((*code).to_owned(), response);
    }
    responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    Value::Object(responses)
}

/// The media types of an answer and its schema.
fn answer(answer: Answer<'_>, custom: bool, form: Form) -> (&'static [&'static str], Value) {
    let text = || json!({"type": "string"});
    let model = |model: &str| json!({"$ref": form.reference(model)});
    match answer {
        Answer::Model(name) if custom => (CUSTOM_TYPES, model(name)),
        Answer::Model(name) => (BUILTIN_TYPES, model(name)),
        Answer::Stream(name) => (STREAM_TYPES, model(name)),
        Answer::Text => (
            &[
                "text/plain",
                "application/json",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
            ],
            text(),
        ),
        Answer::Anything => (&["*/*"], text()),
        Answer::Typed("application/jwk-set+json", _) => (&["application/jwk-set+json"], text()),
        Answer::Typed(_, name) => (&["application/json"], name.map_or_else(text, model)),
    }
}

fn content(types: &[&str], schema: &Value) -> Value {
    types
        .iter()
        .map(|name| ((*name).to_owned(), json!({"schema": schema})))
        .collect()
}

const VERBS: [&str; 9] = [
    "get", "log", "read", "list", "replace", "patch", "watch", "create", "delete",
];

/// The published name of an operation, with the group version after its verb, and its tag.
fn names(path: &str, name: &str) -> (String, String) {
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    if parts.first() == Some(&"api") {
        parts.splice(..1, ["apis", "core"]);
    }
    let known = VERBS.iter().chain(&["connect"]);
    let verb = known
        .copied()
        .find(|verb| name.starts_with(verb))
        .unwrap_or_default();
    let rest = name.strip_prefix(verb).unwrap_or(name);
    match parts.as_slice() {
        ["apis", group, more @ ..] => {
            let group = group.strip_suffix(".k8s.io").unwrap_or(group);
            let (mut prefix, mut tag) =
                (format!("{verb}{}", word(group, true)), word(group, false));
            if let Some(version) = more.first() {
                prefix.push_str(&word(version, true));
                tag = format!("{tag}_{}", word(version, false));
            }
            (prefix + &capitalized(rest), tag)
        }
        [first, ..] => (name.to_owned(), word(first, false)),
        [] => (name.to_owned(), String::new()),
    }
}

/// Letters and digits only, each part after the first with a capital.
fn word(text: &str, mut capital: bool) -> String {
    let mut out = String::new();
    for (at, letter) in text.chars().enumerate() {
        if letter.is_alphabetic() || letter == '_' || at != 0 && letter.is_numeric() {
            if capital {
                out.extend(letter.to_uppercase());
            } else {
                out.push(letter);
            }
            capital = false;
        } else {
            capital = true;
        }
    }
    out
}
