//! A sequence: requests in order, with placeholders for what only an earlier reply tells.
//!
//! Placeholders in targets, headers and bodies:
//!
//! | text | stands for |
//! |---|---|
//! | `${ns}` | the namespace of the sequence, also the beginning of cluster-scoped names |
//! | `${rv:NAME}`, `${rv0:NAME}` | newest and oldest resourceVersion seen of that object (a beginning `${ns}-` isn't part of NAME) |
//! | `${uid:NAME}` | its uid |
//! | `${rv}` | the resourceVersion seen last, of whatever |
//! | `${continue}` | the continue token seen last |
//! | `${hook}`, `${ca}` | URL of the sequence's [`webhook`](super::webhook), and the `caBundle` for it |
//! | `${N:/POINTER}` | what is there in the reply to step N |
//! | `${N:etag}` | that header of the reply to step N |
//!
//! `+K` at the end adds to a number. What was not seen is the text `unseen`.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// What becomes of the reply.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: Mode,
}

/// What becomes of a reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Mode {
    /// It is compared.
    #[default]
    Compare,
    /// It is compared, and the request is sent in a second of its own, later than that of the one before.
    Apart,
    /// The request only prepares others.
    Prepare,
    /// The reply is a stream that is read beside the next requests, to its end.
    Watch,
    /// The same, but it ends when all other streams have ended.
    Beside,
    /// The request is repeated until a value of the reply, at a JSON pointer, is that one; that it comes is compared.
    Until(String, Value),
    /// It is compared as a document: values, in whatever order they are written, without texts that describe.
    Document,
    /// Only the values at these places are compared, each with its own sorted list; `*` stands for every element.
    Show(Vec<String>),
}

fn is_default(mode: &Mode) -> bool {
    *mode == Mode::Compare
}

/// Requests in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// What it is about, for people.
    pub title: String,
    /// The requests.
    pub steps: Vec<Step>,
}

impl Step {
    /// A request without a body.
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            ..Self::default()
        }
    }

    /// A GET.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body of that type.
    pub fn body(self, media_type: &str, body: impl Into<String>) -> Self {
        let mut step = self.header("content-type", media_type);
        step.body = body.into();
        step
    }

    /// With a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Only prepares others.
    pub fn prepare(mut self) -> Self {
        self.mode = Mode::Prepare;
        self
    }

    /// Is a document.
    pub fn document(mut self) -> Self {
        self.mode = Mode::Document;
        self
    }

    /// Only the values at these places count.
    pub fn show(mut self, places: &[&str]) -> Self {
        self.mode = Mode::Show(places.iter().map(|place| (*place).to_owned()).collect());
        self
    }

    /// Is repeated until that is at a JSON pointer of the reply.
    pub fn until(mut self, at: &str, is: impl Into<Value>) -> Self {
        self.mode = Mode::Until(at.to_owned(), is.into());
        self
    }

    /// Is a stream.
    pub fn watch(mut self) -> Self {
        self.mode = Mode::Watch;
        self
    }

    /// Is a stream that others outlast.
    pub fn beside(mut self) -> Self {
        self.mode = Mode::Beside;
        self
    }
}

/// What the replies to a sequence have told so far.
#[derive(Debug, Default)]
pub struct Learnt {
    namespace: String,
    texts: BTreeMap<String, String>,
    bodies: BTreeMap<usize, Value>,
}

impl Learnt {
    /// Nothing yet.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..Self::default()
        }
    }

    /// Remembers the reply to a step.
    pub fn add(&mut self, step: usize, body: &[u8]) {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        let metadata = &body["metadata"];
        if let Some(version) = metadata["resourceVersion"].as_str() {
            self.texts.insert("rv".to_owned(), version.to_owned());
        }
        if let Some(token) = metadata["continue"].as_str() {
            self.texts.insert("continue".to_owned(), token.to_owned());
        }
        self.object(&body);
        for item in body["items"].as_array().into_iter().flatten() {
            self.object(item);
        }
        self.bodies.insert(step, body);
    }

    /// Remembers what a placeholder stands for.
    pub fn tell(&mut self, name: &str, text: &str) {
        self.texts.insert(name.to_owned(), text.to_owned());
    }

    /// Remembers a header of the reply to a step.
    pub fn add_header(&mut self, step: usize, (name, value): &(String, String)) {
        self.texts.insert(format!("{step}:{name}"), value.clone());
    }

    fn object(&mut self, object: &Value) {
        let metadata = &object["metadata"];
        let Some(name) = metadata["name"].as_str() else {
            return;
        };
        let prefix = format!("{}-", self.namespace);
        let name = name.strip_prefix(&prefix).unwrap_or(name).to_owned();
        if let Some(version) = metadata["resourceVersion"].as_str() {
            self.texts
                .entry(format!("rv0:{name}"))
                .or_insert_with(|| version.to_owned());
            self.texts.insert(format!("rv:{name}"), version.to_owned());
        }
        if let Some(uid) = metadata["uid"].as_str() {
            self.texts.insert(format!("uid:{name}"), uid.to_owned());
        }
    }

    /// A text with its placeholders filled in.
    pub fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            out.push_str(&self.value(name));
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn value(&self, name: &str) -> String {
        if name == "ns" {
            return self.namespace.clone();
        }
        let (name, add) = match name.rsplit_once('+') {
            Some((name, add)) => (name, add.parse::<u64>().ok()),
            None => (name, None),
        };
        let found = match name.split_once(":/") {
            Some((step, pointer)) => step.parse().ok().and_then(|step: usize| {
                let value = self.bodies.get(&step)?.pointer(&format!("/{pointer}"))?;
                Some(
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                )
            }),
            None => self.texts.get(name).cloned(),
        };
        let found = found.unwrap_or_else(|| "unseen".to_owned());
        match (add, found.parse::<u64>()) {
            (Some(add), Ok(number)) => (number + add).to_string(),
            (Some(_) | None, _) => found,
        }
    }
}

#[test]
fn placeholders_are_filled_from_replies() {
    let mut learnt = Learnt::new("n");
    learnt.add(
        3,
        br#"{"metadata":{"name":"n-a","uid":"u","resourceVersion":"7"},"spec":{"x":1}}"#,
    );
    learnt.add(4, br#"{"metadata":{"resourceVersion":"9","continue":"c"},"items":[{"metadata":{"name":"n-a","resourceVersion":"8"}}]}"#);
    assert_eq!(
        learnt.fill("${ns} ${rv:a} ${rv0:a} ${uid:a} ${rv+5} ${continue} ${3:/spec/x} ${uid:b} ${"),
        "n 8 7 u 14 c 1 unseen ${"
    );
}
