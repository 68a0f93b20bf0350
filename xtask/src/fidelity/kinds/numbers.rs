//! Numbers at the edges of what fields hold, and bodies in YAML with keys that come twice or that nobody knows.
use serde_json::{Value, json};

use super::change::set;
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::{Sequence, Step};

const NUMBERS: &[&str] = &[
    "2147483647",
    "2147483648",
    "-2147483649",
    "9007199254740991",
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "1e3",
    "1E+2",
    "1e10",
    "1e19",
    "1e400",
    "1e-400",
    "1.0",
    "1.5",
    "-0",
    "-0.0",
    "0.1e1",
    "3",
];

/// Where a number goes that the text says.
const HOLE: &str = "@NUMBER@";

/// An object with fields for numbers: where it is, what it is, and the fields.
struct Subject {
    root: &'static str,
    plural: &'static str,
    kind: &'static str,
    namespaced: bool,
    body: &'static str,
    fields: &'static [&'static str],
}

const SUBJECTS: &[Subject] = &[
    Subject {
        root: "/apis/apps/v1",
        plural: "deployments",
        kind: "Deployment",
        namespaced: true,
        body: r#"{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}"#,
        fields: &[
            "/spec/replicas",
            "/spec/minReadySeconds",
            "/spec/strategy/rollingUpdate/maxSurge",
            "/spec/template/spec/terminationGracePeriodSeconds",
            "/spec/template/spec/containers/0/ports/0/containerPort",
            "/spec/template/spec/containers/0/resources/limits/cpu",
            "/spec/template/spec/priority",
            "/metadata/generation",
            "/metadata/labels/n",
            "/spec/paused",
        ],
    },
    Subject {
        root: "/api/v1",
        plural: "configmaps",
        kind: "ConfigMap",
        namespaced: true,
        body: r#"{"data":{"a":"1"}}"#,
        fields: &["/data/b", "/immutable", "/metadata/generation", "/more"],
    },
    Subject {
        root: "/apis/scheduling.k8s.io/v1",
        plural: "priorityclasses",
        kind: "PriorityClass",
        namespaced: false,
        body: "{}",
        fields: &["/value"],
    },
    Subject {
        root: "/apis/apps/v1",
        plural: "controllerrevisions",
        kind: "ControllerRevision",
        namespaced: true,
        body: r#"{"revision":1,"data":{"a":1}}"#,
        fields: &["/revision", "/data/a"],
    },
    Subject {
        root: "/apis/fidelity.example/v1",
        plural: "gauges",
        kind: "Gauge",
        namespaced: false,
        body: r#"{"value":1}"#,
        fields: &[
            "/value",
            "/any",
            "/any/x",
            "/either",
            "/metadata/generation",
        ],
    },
    Subject {
        root: "/apis/fidelity.example/v1",
        plural: "widgets",
        kind: "Widget",
        namespaced: true,
        body: r#"{"spec":{"size":1}}"#,
        fields: &[
            "/spec/size",
            "/spec/ratio",
            "/spec/replicas",
            "/spec/free/x",
        ],
    },
];

/// A sequence.
pub fn sequence(chance: &mut Chance) -> Sequence {
    let subject = &SUBJECTS[chance.below(SUBJECTS.len())];
    let collection = if subject.namespaced {
        format!("{}/namespaces/${{ns}}/{}", subject.root, subject.plural)
    } else {
        format!("{}/{}", subject.root, subject.plural)
    };
    let mut whole = subject.object("a");
    if subject.kind == "PriorityClass" {
        whole["value"] = json!(5);
    }
    let mut steps = vec![Step::new("POST", &collection).json(&whole)];
    while steps.len() < 12 {
        let step = step(chance, subject, &collection);
        steps.push(validated(chance, step));
    }
    Sequence {
        title: format!("{}: numbers", subject.kind),
        steps,
    }
}

impl Subject {
    fn name(&self, short: &str) -> String {
        if self.namespaced {
            short.to_owned()
        } else {
            format!("${{ns}}-{short}")
        }
    }

    fn object(&self, short: &str) -> Value {
        let version = self
            .root
            .trim_start_matches("/apis/")
            .trim_start_matches("/api/");
        let mut object = json!({
            "apiVersion": version,
            "kind": self.kind,
            "metadata": {"name": self.name(short), "labels": {"run": "${ns}"}},
        });
        if let (Ok(Value::Object(body)), Some(object)) =
            (serde_json::from_str(self.body), object.as_object_mut())
        {
            object.extend(body);
        }
        object
    }
}

fn step(chance: &mut Chance, subject: &Subject, collection: &str) -> Step {
    let field = chance.pick(subject.fields);
    let number = match chance.pick(NUMBERS) {
        // A real server's handler panics at it, and closes the connection.
        "1e400" if field == "/data/a" => "1e4",
        number => number,
    };
    let item = format!("{collection}/{}", subject.name("a"));
    let filled = |value: &Value| value.to_string().replace(&format!("\"{HOLE}\""), number);
    let mut object = subject.object("a");
    set(&mut object, field, json!(HOLE));
    match chance.below(8) {
        0 | 1 => {
            let mut object = subject.object("b");
            set(&mut object, field, json!(HOLE));
            Step::new("POST", collection).body("application/json", filled(&object))
        }
        2 => {
            object["metadata"]["resourceVersion"] = json!("${rv:a}");
            Step::new("PUT", item).body("application/json", filled(&object))
        }
        3 | 4 => {
            let mut patch = json!({});
            let field = field.split("/0").next().unwrap_or(field);
            set(&mut patch, field, json!(HOLE));
            Step::new("PATCH", item).body("application/merge-patch+json", filled(&patch))
        }
        5 => {
            let patch = json!([{"op": "add", "path": field, "value": HOLE}]);
            Step::new("PATCH", item).body("application/json-patch+json", filled(&patch))
        }
        6 => Step::new("PATCH", format!("{item}?fieldManager=one&force=true"))
            .body("application/apply-patch+yaml", filled(&object)),
        _ => {
            let mut object = subject.object("b");
            set(&mut object, field, json!(HOLE));
            let text = machinery::yaml::to_string(&object);
            let text = text
                .replace(&format!("\"{HOLE}\""), number)
                .replace(&format!("'{HOLE}'"), number)
                .replace(HOLE, number);
            Step::new("POST", collection).body("application/yaml", odd_yaml(chance, text))
        }
    }
}

/// A document with a key more.
fn odd_yaml(chance: &mut Chance, text: String) -> String {
    let more = [
        "",
        "",
        "kind: Twice\n",
        "unknown: 1\n",
        "unknown: 1\nunknown: 2\n",
        "metadata: {name: \"${ns}-other\"}\n",
        "more: {deep: {a: 1, a: 2}}\n",
        "# a comment\n---\n",
        "? [a]\n: b\n",
        "1: x\n",
        "true: x\n",
    ];
    text + chance.pick(&more)
}

/// Sometimes asks what is to be done with fields that nobody knows.
fn validated(chance: &mut Chance, mut step: Step) -> Step {
    let parameter = chance.pick(&[
        "",
        "",
        "fieldValidation=Strict",
        "fieldValidation=Warn",
        "fieldValidation=Ignore",
    ]);
    if !parameter.is_empty() {
        step.target
            .push(if step.target.contains('?') { '&' } else { '?' });
        step.target.push_str(parameter);
    }
    step
}
