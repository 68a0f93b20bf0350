//! One walk: an object is made, then others like it with something wrong, or it is changed.
use serde_json::{Value, json};

use super::catalogue::Kind;
use super::change::{self, Change};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::{Sequence, Step};

/// A walk; its number tells apart objects whose names can't be chosen freely.
pub fn sequence(chance: &mut Chance, kind: &Kind, number: usize) -> Sequence {
    let about = About { kind, number };
    let mut steps = Vec::new();
    if kind.plural == "ipaddresses" {
        // Another run, or another try, may have made them.
        for short in ["a", "b"] {
            steps.push(Step::new("DELETE", about.item(short)).prepare());
        }
    }
    steps.push(about.write(Step::new("POST", about.collection()).json(&about.object("a"))));
    while steps.len() < 11 {
        let step = match chance.below(12) {
            _ if kind.only_tried => about.create(chance),
            0..=3 => about.create(chance),
            4..=7 => about.put(chance, ""),
            8 | 9 if kind.status && chance.once_in(2) => about.put(chance, "/status"),
            8 | 9 => about.patch(chance),
            10 => about.apply(chance),
            _ if kind.status => about.patch_status(chance),
            _ => Step::new("DELETE", about.item("a")),
        };
        steps.push(about.write(step));
    }
    Sequence {
        title: kind.kind.to_owned(),
        steps,
    }
}

struct About<'a> {
    kind: &'a Kind,
    number: usize,
}

impl About<'_> {
    fn api_version(&self) -> &'static str {
        let root = self.kind.root;
        let inner = root
            .strip_prefix("/apis/")
            .or_else(|| root.strip_prefix("/api/"));
        inner.unwrap_or(root)
    }

    fn collection(&self) -> String {
        if self.kind.namespaced {
            format!("{}/namespaces/${{ns}}/{}", self.kind.root, self.kind.plural)
        } else {
            format!("{}/{}", self.kind.root, self.kind.plural)
        }
    }

    fn name(&self, short: &str) -> String {
        match self.kind.plural {
            "apiservices" => format!("v1.${{ns}}-{short}.example"),
            "ipaddresses" => {
                let net = if short == "a" { 200 } else { 201 };
                format!("10.{net}.{}.{}", self.number / 200, self.number % 200)
            }
            _ if self.kind.namespaced => short.to_owned(),
            _ => format!("${{ns}}-{short}"),
        }
    }

    fn item(&self, short: &str) -> String {
        format!("{}/{}", self.collection(), self.name(short))
    }

    /// The version of an object as replies told it.
    fn version(&self, short: &str) -> String {
        if self.kind.plural == "ipaddresses" {
            format!("${{rv:{}}}", self.name(short))
        } else {
            format!("${{rv:{short}}}")
        }
    }

    fn object(&self, short: &str) -> Value {
        let mut object = json!({
            "apiVersion": self.api_version(),
            "kind": self.kind.kind,
            "metadata": {"name": self.name(short), "labels": {"run": "${ns}"}},
        });
        let body = self.kind.body.replace("SHORT", short);
        if let (Ok(Value::Object(body)), Some(object)) =
            (serde_json::from_str(&body), object.as_object_mut())
        {
            object.extend(body);
        }
        object
    }

    /// An object with up to four fields changed.
    fn changed(&self, chance: &mut Chance, short: &str) -> Value {
        let mut object = self.object(short);
        for _ in 0..chance.pick(&[0, 1, 1, 1, 2, 2, 3, 4]) {
            let next = change::change(chance, self.kind, &object);
            change::apply(&mut object, next);
        }
        object
    }

    /// What a server does of itself with such objects is not waited for: they are only tried.
    fn write(&self, mut step: Step) -> Step {
        if self.kind.only_tried {
            step.target.push_str("?dryRun=All");
        }
        step
    }

    fn create(&self, chance: &mut Chance) -> Step {
        let object = self.changed(chance, "b");
        Step::new("POST", self.collection()).json(&object)
    }

    fn put(&self, chance: &mut Chance, subresource: &str) -> Step {
        let mut object = self.changed(chance, "a");
        if !chance.once_in(10) {
            object["metadata"]["resourceVersion"] = json!(self.version("a"));
        }
        Step::new("PUT", format!("{}{subresource}", self.item("a"))).json(&object)
    }

    fn patch(&self, chance: &mut Chance) -> Step {
        let Change { pointer, value } = change::change(chance, self.kind, &self.object("a"));
        let step = Step::new("PATCH", self.item("a"));
        if chance.once_in(2) {
            let operation = match value {
                Some(value) => json!([{"op": "add", "path": pointer, "value": value}]),
                None => json!([{"op": "remove", "path": pointer}]),
            };
            return step.body("application/json-patch+json", operation.to_string());
        }
        let types = [
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
        ];
        step.body(chance.pick(&types), merge(&pointer, value).to_string())
    }

    fn apply(&self, chance: &mut Chance) -> Step {
        let object = self.changed(chance, "a");
        Step::new(
            "PATCH",
            format!("{}?fieldManager=one&force=true", self.item("a")),
        )
        .body("application/apply-patch+yaml", object.to_string())
    }

    fn patch_status(&self, chance: &mut Chance) -> Step {
        let fields: Vec<_> = self
            .kind
            .fields
            .iter()
            .filter(|field| field.starts_with("/status"))
            .collect();
        if fields.is_empty() {
            return Step::get(format!("{}/status", self.item("a")));
        }
        let (pointer, value) = chance.pick(&fields).split_once(' ').unwrap_or_default();
        let value = serde_json::from_str(value).unwrap_or_default();
        Step::new("PATCH", format!("{}/status", self.item("a"))).body(
            "application/merge-patch+json",
            merge(pointer, Some(value)).to_string(),
        )
    }
}

/// A list can't be entered by a merge patch: what is in it is set as a whole.
fn merge(pointer: &str, value: Option<Value>) -> Value {
    let outside = pointer.split("/0").next().unwrap_or(pointer);
    let value = if outside == pointer {
        value.unwrap_or_default()
    } else {
        json!([])
    };
    let mut patch = json!({});
    change::set(&mut patch, outside, value);
    patch
}
