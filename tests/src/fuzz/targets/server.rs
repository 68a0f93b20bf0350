//! The API server that bytes are sent to, without controllers and sockets; each input has a namespace of its own.

use anyhow::{Result, ensure};
use http::Method;
use jiff::Timestamp;
use machinery::decode::decode_kept;
use machinery::entropy::Entropy;
use serde_json::{Value, json};
use simulator::apiserver::Options;
use simulator::clock::WorldClock;
use simulator::request::{Reply, Request, User};
use simulator::world::World;

use crate::fuzz::general;

/// After so many inputs a server has had its day.
const INPUTS: usize = 300;

/// A server, and the namespace of the input under way.
pub struct Server {
    world: World,
    now: Timestamp,
    inputs: usize,
}

/// An answer.
pub struct Answer {
    /// Status code.
    pub code: u16,
    /// The body, null if it is no JSON.
    pub body: Value,
}

impl Answer {
    /// What became of a request: its code, for a refusal also its message.
    pub fn outcome(&self) -> String {
        if self.code < 300 {
            return format!("ok {}", self.code);
        }
        let message = self.body["message"].as_str().unwrap_or_default();
        general(&format!("{} {message}", self.body["reason"]))
    }

    /// The resourceVersion of the object.
    pub fn version(&self) -> &str {
        let version = self.body.pointer("/metadata/resourceVersion");
        version.and_then(Value::as_str).unwrap_or_default()
    }

    /// The object without its revision.
    fn content(&self) -> Value {
        let mut object = self.body.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
        }
        object
    }
}

impl Server {
    /// A server with a definition.
    pub fn new() -> Self {
        let seconds = WorldClock::EPOCH_SECONDS;
        let now = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let world = World::new(Options::default(), Entropy::seeded(1), Vec::new(), now);
        let mut server = Self {
            world,
            now,
            inputs: 0,
        };
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let body = definition().to_string();
        server.send(Method::POST, path, "application/json", body.as_bytes());
        server.world.poll(now);
        server
    }

    /// The server for the next input, in a namespace that is empty.
    pub fn next(server: &mut Option<Self>) -> &mut Self {
        if server
            .as_ref()
            .is_some_and(|server| server.inputs >= INPUTS)
        {
            *server = None;
        }
        let server = server.get_or_insert_with(Self::new);
        server.inputs += 1;
        let body = json!({"metadata": {"name": server.namespace()}}).to_string();
        server.send(
            Method::POST,
            "/api/v1/namespaces",
            "application/json",
            body.as_bytes(),
        );
        // What the controllers would be told isn't kept.
        server.world.poll(server.now);
        server
    }

    /// The namespace.
    pub fn namespace(&self) -> String {
        format!("input-{}", self.inputs)
    }

    /// The path of a collection of the namespace.
    pub fn collection(&self, kind: Kind) -> String {
        let prefix = kind.prefix();
        format!("{prefix}/namespaces/{}/{}", self.namespace(), kind.plural())
    }

    /// Sends a request; the path may have a query, which isn't decoded.
    pub fn send(&mut self, method: Method, path: &str, media: &str, body: &[u8]) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key.to_owned(), value.to_owned())
        });
        let query = query.collect();
        self.ask(method, path, query, media, body)
    }

    /// Sends a request with query parameters as they are.
    pub fn ask(
        &mut self,
        method: Method,
        path: &str,
        query: Vec<(String, String)>,
        media: &str,
        body: &[u8],
    ) -> Answer {
        let mut headers = http::HeaderMap::new();
        if let Ok(media) = http::HeaderValue::from_str(media) {
            headers.insert(http::header::CONTENT_TYPE, media);
        }
        let request = Request {
            method,
            path: path.to_owned(),
            query,
            headers,
            body: body.to_vec().into(),
            user: Some(User::admin("fuzz")),
        };
        match self.world.handle(&request, self.now) {
            Reply::Full(response) | Reply::Later { last: response, .. } => Answer {
                code: response.status,
                body: read(&response.body),
            },
            Reply::List(list) => Answer {
                code: 200,
                body: read(&list.whole().body),
            },
            Reply::Watch { id, .. } => {
                self.world.api.watch_closed(id);
                plain(200)
            }
            Reply::Log { .. } | Reply::Ask { .. } | Reply::Forward(_) => plain(200),
        }
    }

    /// What holds for every object that was answered: sent back as it is, it is accepted and changes nothing. One that is read
    /// as more than what was stored of it is stored once more, as it is read, and then no more: see [`filled_in`].
    pub fn holds(&mut self, path: &str, answer: &Answer) -> Result<()> {
        let again = self.send_back(path, answer)?;
        if again.version() == answer.version() {
            return Ok(());
        }
        ensure!(
            filled_in(&answer.body) && again.content() == answer.content(),
            "an object sent back as it was answered was stored anew: {} is now {}",
            answer.body,
            again.body
        );
        let third = self.send_back(path, &again)?;
        ensure!(
            third.version() == again.version(),
            "an object sent back twice was stored anew each time: {} is now {}",
            again.body,
            third.body
        );
        Ok(())
    }

    fn send_back(&mut self, path: &str, answer: &Answer) -> Result<Answer> {
        let body = answer.body.to_string();
        let again = self.send(Method::PUT, path, "application/json", body.as_bytes());
        ensure!(
            again.code == 200,
            "an object sent back as it was answered is refused: {} {}",
            again.code,
            again.body["message"]
        );
        Ok(again)
    }

    /// The object in the collection of a kind that is written to, made anew.
    pub fn subject(&mut self, kind: Kind) -> Result<String> {
        let collection = self.collection(kind);
        let body = kind.subject().to_string();
        let made = self.send(
            Method::POST,
            &collection,
            "application/json",
            body.as_bytes(),
        );
        ensure!(made.code == 201, "no subject: {}", made.body);
        Ok(format!("{collection}/subject"))
    }
}

/// Whether reading may have filled in what isn't stored: the labels of a Job's template, which are the Job's own once
/// preparation has made them, and a custom object's zero that lost its sign.
fn filled_in(object: &Value) -> bool {
    match object["kind"].as_str() {
        Some("Job") => {
            object["metadata"]["labels"] == object["spec"]["template"]["metadata"]["labels"]
        }
        Some("Gadget") => true,
        _ => false,
    }
}

/// A body; `serde_json` goes down 128 levels, the server further.
fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let decoded = decode_kept(body);
        decoded.map(|decoded| decoded.value).unwrap_or_default()
    })
}

fn plain(code: u16) -> Answer {
    Answer {
        code,
        body: Value::Null,
    }
}

/// Kinds of objects that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Hardly any rules.
    ConfigMap,
    /// A pod template with lists of all types.
    Deployment,
    /// Addresses and ports, allocated by the server.
    Service,
    /// Defaults that depend on each other.
    Job,
    /// A custom resource.
    Gadget,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::ConfigMap | Self::Service => "/api/v1",
            Self::Deployment => "/apis/apps/v1",
            Self::Job => "/apis/batch/v1",
            Self::Gadget => "/apis/fuzz.carrick.dev/v1",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Deployment => "deployments",
            Self::Service => "services",
            Self::Job => "jobs",
            Self::Gadget => "gadgets",
        }
    }

    /// An object named `subject`.
    pub fn subject(self) -> Value {
        let template = json!({
            "metadata": {"labels": {"app": "a"}},
            "spec": {"restartPolicy": "Always", "containers": [
                {"name": "a", "image": "i:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]},
                {"name": "b", "image": "i:2"},
            ]},
        });
        match self {
            Self::ConfigMap => json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "subject", "labels": {"a": "1"}, "finalizers": ["example.com/a", "example.com/b"]},
                "data": {"a": "1", "b": "2"},
            }),
            Self::Deployment => json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "subject"},
                "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}, "template": template},
            }),
            Self::Service => json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "subject"},
                "spec": {"selector": {"app": "a"}, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]},
            }),
            Self::Job => {
                let mut template = template;
                template["spec"]["restartPolicy"] = json!("Never");
                json!({
                    "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "subject"},
                    "spec": {"parallelism": 1, "template": template},
                })
            }
            Self::Gadget => json!({
                "apiVersion": "fuzz.carrick.dev/v1", "kind": "Gadget", "metadata": {"name": "subject"},
                "spec": {"size": 3, "parts": [{"name": "a", "weight": 1}], "tags": ["x"], "any": {"deep": [1, 2]}},
            }),
        }
    }
}

/// A definition with defaults, rules, list types and fields that are kept as they are.
fn definition() -> Value {
    let part = json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "maxLength": 20}, "weight": {"type": "integer", "default": 1},
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.fuzz.carrick.dev"},
        "spec": {
            "group": "fuzz.carrick.dev", "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {
                    "type": "object",
                    "x-kubernetes-validations": [{"rule": "!has(self.parts) || self.size < 100", "message": "too large"}],
                    "properties": {
                        "size": {"type": "integer", "minimum": 0, "default": 5},
                        "colour": {"type": "string", "enum": ["green", "blue"], "nullable": true},
                        "limit": {"x-kubernetes-int-or-string": true},
                        "parts": {"type": "array", "maxItems": 10, "items": part,
                            "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
                        "tags": {"type": "array", "maxItems": 10, "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    },
                }},
            }}}],
        },
    })
}
