//! Sequences of requests that try server-side apply on every kind of list, map and scalar: each with everything that
//! can happen to a field with two owners. Pure: whoever compares two servers sends them to both.

mod subjects;
mod variation;
mod wander;

use machinery::entropy::Entropy;
use serde_json::{Value, json};

pub use subjects::{DEFINITION, definition};
use subjects::{Subject, subjects};
use variation::{managers, varied};

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `PATCH`, `GET`, …
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// Content-Type; empty without a body.
    pub media_type: &'static str,
    /// The body, or null.
    pub body: Value,
}

/// Requests about one object, which doesn't exist before.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// `SUBJECT OPERATION`.
    pub title: String,
    /// The requests, in order.
    pub steps: Vec<Step>,
}

/// What happens to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// Another manager adds to it.
    Add,
    /// Its manager leaves it out.
    Remove,
    /// Another manager wants another value, and is refused.
    Steal,
    /// Another manager takes it, and its first one wants it back.
    Force,
    /// Another manager takes it, and leaves it out.
    Drop,
    /// Null is applied.
    Null,
    /// An element is applied twice.
    Duplicate,
    /// Two managers apply the same; one after the other leaves it out.
    Share,
    /// It is applied empty, then full again, by both.
    Empty,
    /// A PUT, a patch and an apply, each by somebody else.
    Update,
    /// Everything in the other order, by both.
    Reorder,
    /// Nothing of it was tracked before.
    Untracked,
    /// A value of another type is applied.
    Mistype,
    /// Anybody does anything, as chance has it; the number tells such sequences apart.
    Wander(u8),
}

const OPERATIONS: [Operation; 17] = [
    Operation::Add,
    Operation::Remove,
    Operation::Steal,
    Operation::Force,
    Operation::Drop,
    Operation::Null,
    Operation::Duplicate,
    Operation::Share,
    Operation::Empty,
    Operation::Update,
    Operation::Reorder,
    Operation::Untracked,
    Operation::Mistype,
    Operation::Wander(0),
    Operation::Wander(1),
    Operation::Wander(2),
    Operation::Wander(3),
];

/// All sequences, for objects in that namespace. Custom resources need [`definition`]. A seed gives the same names, values
/// and orders always.
pub fn sequences(namespace: &str, seed: u64) -> Vec<Sequence> {
    let mut chance = Entropy::seeded(seed);
    let mut out = Vec::new();
    for subject in subjects() {
        for operation in OPERATIONS {
            let title = format!("{} {operation:?}", subject.name).to_lowercase();
            let object = Object {
                namespace,
                name: title.replace([' ', '_'], "-").replace(['(', ')'], ""),
                subject: varied(&subject, &mut chance),
                managers: managers(&mut chance),
            };
            if let Some(mut steps) = object.steps(operation, &mut chance) {
                steps.push(object.step("GET", "", "", Value::Null));
                out.push(Sequence { title, steps });
            }
        }
    }
    out
}

const MERGE: &str = "application/merge-patch+json";

/// The object a sequence is about.
struct Object<'a> {
    namespace: &'a str,
    name: String,
    subject: Subject,
    managers: [String; MANAGERS],
}

/// How many managers there are; they are called `a` to `e` here, and otherwise outside.
const MANAGERS: usize = 5;

impl Object<'_> {
    fn step(&self, method: &'static str, query: &str, media: &'static str, body: Value) -> Step {
        let (root, plural) = (self.subject.root, self.subject.plural);
        let (namespace, name) = (self.namespace, &self.name);
        let mark = if query.is_empty() { "" } else { "?" };
        Step {
            method,
            target: format!("{root}/namespaces/{namespace}/{plural}/{name}{mark}{query}"),
            media_type: media,
            body,
        }
    }

    /// A configuration with that value, and what an object needs besides.
    fn whole(&self, value: Option<&Value>) -> Value {
        self.subject.object(&self.name, true, value)
    }

    /// What a manager is called.
    fn manager(&self, letter: char) -> &str {
        let mut all = ('a'..='e').zip(&self.managers);
        all.find(|(known, _)| *known == letter)
            .map_or("", |(_, name)| name)
    }

    /// A patch of that type by that manager.
    fn patch(&self, manager: char, media: &'static str, body: Value) -> Step {
        let query = format!("fieldManager={}", self.manager(manager));
        self.step("PATCH", &query, media, body)
    }

    fn put(&self, manager: char, body: Value) -> Step {
        let query = format!("fieldManager={}", self.manager(manager));
        self.step("PUT", &query, "application/json", body)
    }

    fn apply(&self, manager: char, body: Value) -> Step {
        self.patch(manager, "application/apply-patch+yaml", body)
    }

    fn force(&self, manager: char, body: Value) -> Step {
        let query = format!("fieldManager={}&force=true", self.manager(manager));
        self.step("PATCH", &query, "application/apply-patch+yaml", body)
    }

    /// Manager `a` applies all an object needs.
    fn a(&self, value: Option<&Value>) -> Step {
        self.apply('a', self.whole(value))
    }

    /// A configuration with that value alone.
    fn part(&self, value: Option<&Value>) -> Value {
        self.subject.object(&self.name, false, value)
    }

    /// Manager `b` applies the value alone.
    fn b(&self, value: Option<&Value>) -> Step {
        self.apply('b', self.part(value))
    }

    fn steps(&self, operation: Operation, chance: &mut Entropy) -> Option<Vec<Step>> {
        let subject = &self.subject;
        let (base, other, more) = (
            Some(&subject.base),
            Some(&subject.other),
            Some(&subject.more),
        );
        let steps = match operation {
            Operation::Add => vec![self.a(base), self.b(more), self.a(base), self.b(None)],
            Operation::Remove => vec![self.a(base), self.a(None), self.a(base)],
            Operation::Steal => vec![self.a(base), self.b(other), self.b(base), self.b(other)],
            Operation::Force => vec![
                self.a(base),
                self.force('b', self.part(other)),
                self.a(base),
                self.force('a', self.whole(base)),
            ],
            Operation::Drop => vec![
                self.a(base),
                self.force('b', self.part(other)),
                self.b(None),
                self.a(None),
            ],
            Operation::Null => vec![
                self.a(base),
                self.a(Some(&Value::Null)),
                self.b(Some(&Value::Null)),
                self.a(base),
            ],
            Operation::Duplicate => {
                let twice = subject.twice()?;
                vec![self.a(base), self.a(Some(&twice)), self.b(Some(&twice))]
            }
            Operation::Share => vec![
                self.a(base),
                self.b(base),
                self.b(base),
                self.a(None),
                self.b(None),
            ],
            Operation::Empty => {
                let empty = subject.empty()?;
                vec![
                    self.a(Some(&empty)),
                    self.b(Some(&empty)),
                    self.a(base),
                    self.a(Some(&empty)),
                    self.b(None),
                ]
            }
            Operation::Update => self.updates(base, other),
            Operation::Reorder => {
                let turned = subject.turned()?;
                vec![
                    self.a(more),
                    self.b(Some(&turned)),
                    self.a(Some(&turned)),
                    self.b(base),
                    self.a(base),
                ]
            }
            Operation::Untracked => vec![
                self.a(base),
                self.patch('c', MERGE, json!({"metadata": {"managedFields": [{}]}})),
                self.b(base),
                self.b(other),
                self.a(None),
            ],
            Operation::Mistype => {
                let wrong = subject.mistyped();
                vec![self.a(base), self.a(Some(&wrong)), self.b(Some(&wrong))]
            }
            Operation::Wander(_) => self.wander(chance),
        };
        Some(steps)
    }

    /// Others write the field without applying it.
    fn updates(&self, base: Option<&Value>, other: Option<&Value>) -> Vec<Step> {
        vec![
            self.a(base),
            self.put('c', {
                let mut body = self.whole(other);
                if let Some(labels) = body.pointer_mut("/metadata").and_then(Value::as_object_mut) {
                    labels.insert("labels".to_owned(), json!({"put": "c"}));
                }
                body
            }),
            self.a(base),
            self.patch('d', MERGE, self.part(base)),
            self.a(base),
            self.patch('e', MERGE, self.part(None)),
            self.b(other),
            self.force('b', self.part(other)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Ground, request};
    use super::*;

    #[test]
    fn every_kind_of_field_goes_through_every_operation() {
        let all = sequences("n", 1);
        assert!(all.len() > 250, "only {}", all.len());
        let titles: std::collections::BTreeSet<&str> =
            all.iter().map(|sequence| sequence.title.as_str()).collect();
        assert_eq!(titles.len(), all.len());
        assert_eq!(all, sequences("n", 1));
        let others = sequences("n", 2);
        let same = all.iter().filter(|sequence| others.contains(sequence));
        assert!(
            same.count() * 20 < all.len(),
            "another seed, other requests"
        );
    }

    /// No answer is a surprise of the server's own, and what nobody owns any more is gone.
    #[test]
    fn all_sequences_are_answered() {
        let mut ground = Ground::new();
        let mut send = |method: &str, target: &str, media: &str, body: &Value| {
            let text = if body.is_null() {
                String::new()
            } else {
                body.to_string()
            };
            let media = (!media.is_empty()).then_some(media);
            ground.send(&request(method, target, text.as_bytes(), media))
        };
        let json = "application/json";
        let namespace = json!({"metadata": {"name": "n"}});
        send("POST", "/api/v1/namespaces", json, &namespace);
        send("POST", DEFINITION, json, &definition());
        let mut codes = std::collections::BTreeMap::<u16, usize>::new();
        for sequence in sequences("n", 1) {
            for step in &sequence.steps {
                let reply = send(step.method, &step.target, step.media_type, &step.body);
                let text = String::from_utf8_lossy(&reply.body).into_owned();
                let known = matches!(reply.status, 200 | 201 | 404 | 409 | 422)
                    || reply.status == 500 && text.contains("failed to create typed patch object");
                assert!(
                    known,
                    "{}: {} {step:?} {text}",
                    sequence.title, reply.status
                );
                *codes.entry(reply.status).or_default() += 1;
            }
        }
        assert!(codes[&409] > 50 && codes[&500] > 20, "{codes:?}");
    }
}
