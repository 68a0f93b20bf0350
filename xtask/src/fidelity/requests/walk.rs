//! One walk: an object is made, then requests come as they like.
use serde_json::{Value, json};

use super::bodies;
use super::catalogue::KINDS;
use super::kinds::Kind;
use super::options::{accept, with, write};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::{Sequence, Step};

/// Names of objects; most is about the first.
const NAMES: &[&str] = &["a", "a", "a", "b"];

/// A walk.
pub fn sequence(chance: &mut Chance) -> Sequence {
    let kind = &KINDS[chance.below(KINDS.len())];
    let mut steps = vec![Step::new("POST", kind.collection()).json(&kind.object("a"))];
    if chance.once_in(3) {
        // The same once more with something in it.
        let object = bodies::object(chance, kind, "b");
        steps.push(Step::new("POST", kind.collection()).json(&object));
    }
    while steps.len() < 12 {
        let step = step(chance, kind);
        steps.push(step);
    }
    Sequence {
        title: kind.kind.to_owned(),
        steps,
    }
}

fn step(chance: &mut Chance, kind: &Kind) -> Step {
    let name = chance.pick(NAMES);
    match chance.below(40) {
        0..=3 => create(chance, kind, name),
        4..=6 => get(chance, kind, name),
        7..=10 => list(chance, kind),
        11..=15 => put(chance, kind, name),
        16..=24 => patch(chance, kind, name),
        25..=28 => delete(chance, kind, name),
        29 => delete_collection(chance, kind),
        30..=33 if kind.status => status(chance, kind, name),
        34 | 35 if kind.scale => scale(chance, kind, name),
        36 | 37 => subresource(chance, kind, name),
        38 => elsewhere(chance, kind, name),
        _ => finalizers(chance, kind, name),
    }
}

fn create(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let mut object = bodies::object(chance, kind, name);
    if chance.once_in(5) && object["metadata"].is_object() {
        // Another one each time: what is in a list comes in the order of names.
        let base = format!("gen-{:03}-", chance.below(1000));
        object["metadata"]["generateName"] = json!(kind.name(&base));
        if chance.once_in(2) {
            object["metadata"]["name"] = Value::Null;
        }
    }
    if chance.once_in(12) && object["metadata"].is_object() {
        object["metadata"]["resourceVersion"] = json!("5");
    }
    let (media_type, text) = bodies::text(chance, &object);
    let step = Step::new("POST", kind.collection()).body(&media_type, text);
    write(chance, step)
}

fn get(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let parameters = [
        "",
        "",
        "pretty=true",
        "resourceVersion=0",
        "resourceVersion=${rv:a}",
        "resourceVersion=abc",
        "includeObject=Object",
        "includeObject=None",
    ];
    // A cache may lag: 0 is asked for once what is newest was. A version that is yet to come isn't asked for: a real
    // server's cache waits for it until something else happens to the kind, seconds or minutes.
    let parameters = match chance.pick(&parameters) {
        "resourceVersion=0" => "resourceVersion=${rv}",
        other => other,
    };
    let name = if chance.once_in(10) { "absent" } else { name };
    let step = with(Step::get(kind.item(name)), parameters);
    accept(chance, step, 2)
}

fn list(chance: &mut Chance, kind: &Kind) -> Step {
    let across = kind.namespaced && chance.once_in(6);
    let path = if across {
        format!(
            "{}/{}?fieldSelector=metadata.namespace=${{ns}}",
            kind.root, kind.plural
        )
    } else if kind.namespaced {
        kind.collection()
    } else {
        format!("{}?labelSelector=run=${{ns}}", kind.collection())
    };
    let labels = [
        "labelSelector=letter=a,run=${ns}",
        "labelSelector=letter=a&limit=1",
        "labelSelector=letter=b&limit=1",
        "labelSelector=letter%20in%20(a,b),run=${ns}",
        "labelSelector=letter!=a,run=${ns}",
        "labelSelector=!letter,run=${ns}",
        "labelSelector=letter%3Da%3Db",
        "labelSelector=letter%20in%20()",
        "labelSelector=-x",
    ];
    let general = [
        "limit=1",
        "limit=1&continue=${continue}",
        "continue=${continue}",
        "continue=abc",
        "limit=-1",
        "limit=x",
        "limit=1&resourceVersion=${rv}",
        "resourceVersion=${rv}",
        "resourceVersion=${rv}&resourceVersionMatch=Exact",
        "resourceVersion=${rv:a}&resourceVersionMatch=Exact&limit=1",
        "resourceVersion=${rv0:a}&resourceVersionMatch=Exact",
        "resourceVersion=${rv}&resourceVersionMatch=NotOlderThan",
        "resourceVersionMatch=Exact",
        "resourceVersion=0&resourceVersionMatch=Exact",
        "resourceVersion=abc",
        "resourceVersionMatch=Other&resourceVersion=1",
        "sendInitialEvents=true",
        "timeoutSeconds=x",
        "watch=false",
        "pretty=1",
        "includeObject=Object",
        "includeObject=None",
        "includeObject=Other",
    ];
    let fields = [
        "fieldSelector=metadata.name=a",
        "fieldSelector=metadata.name!=a",
        "fieldSelector=spec.what=1",
        "fieldSelector=metadata.name",
    ];
    // Whether a chunk is followed by another one is told from all objects there, also those of other walks.
    let alone = kind.namespaced && !across;
    let pick = |chance: &mut Chance, from: &[&'static str]| {
        let picked = chance.pick(from);
        if alone || !picked.contains("limit=1") {
            picked
        } else {
            ""
        }
    };
    let mut step = Step::get(path);
    match chance.below(8) {
        0 | 1 => step = with(step, pick(chance, &labels)),
        2..=4 => step = with(step, pick(chance, &general)),
        5 if kind.namespaced => step = with(step, chance.pick(&fields)),
        6 if !kind.selectors.is_empty() && kind.namespaced => {
            step = with(
                step,
                &format!("fieldSelector={}", chance.pick(kind.selectors)),
            );
        }
        _ => {}
    }
    accept(chance, step, 2)
}

/// A body that knows the object's version, an old one, none, or nonsense.
fn versioned(chance: &mut Chance, name: &str, mut object: Value) -> Value {
    let version = match chance.below(12) {
        0 => None,
        1 => Some(format!("${{rv0:{name}}}")),
        2 => Some("abc".to_owned()),
        3 => Some("0".to_owned()),
        _ => Some(format!("${{rv:{name}}}")),
    };
    if let Some(version) = version
        && object["metadata"].is_object()
    {
        object["metadata"]["resourceVersion"] = json!(version);
    }
    if chance.once_in(8) && object["metadata"].is_object() {
        object["metadata"]["uid"] = json!(if chance.once_in(2) {
            format!("${{uid:{name}}}")
        } else {
            "wrong".to_owned()
        });
    }
    object
}

fn put(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let object = bodies::object(chance, kind, name);
    let object = versioned(chance, name, object);
    let (media_type, text) = bodies::text(chance, &object);
    let step = Step::new("PUT", kind.item(name)).body(&media_type, text);
    write(chance, step)
}

/// An apply, by one manager: whose fields the others' are is no matter of chance then.
fn apply(chance: &mut Chance, kind: &Kind, name: &str, subresource: &str) -> Step {
    let object = bodies::applied(chance, kind, name, subresource);
    let text = if chance.once_in(3) {
        machinery::yaml::to_string(&object)
    } else {
        object.to_string()
    };
    let text = match chance.below(40) {
        0 => String::new(),
        1 => "[]".to_owned(),
        2 => format!("{text}{text}"),
        3 => "a: b: c".to_owned(),
        4 => text.replacen("kind", "kinds", 1),
        _ => text,
    };
    let step = Step::new("PATCH", format!("{}{subresource}", kind.item(name)))
        .body("application/apply-patch+yaml", text);
    let manager = match chance.below(12) {
        0 => "",
        1 => "fieldManager=two",
        _ => "fieldManager=one",
    };
    let force = chance.pick(&["", "", "force=true", "force=true", "force=false"]);
    let step = with(with(step, manager), force);
    write(chance, step)
}

fn patch(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    if chance.once_in(3) {
        return apply(chance, kind, name, "");
    }
    let (media_type, mut text) = bodies::patch(chance, kind, false);
    if chance.once_in(10)
        && let Ok(Value::Object(mut patch)) = serde_json::from_str::<Value>(&text)
    {
        let version = if chance.once_in(2) {
            "${rv:a}"
        } else {
            "${rv0:a}"
        };
        patch.insert("metadata".to_owned(), json!({"resourceVersion": version}));
        text = Value::Object(patch).to_string();
    }
    let step = Step::new("PATCH", kind.item(name)).body(media_type, text);
    write(chance, step)
}

fn delete(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let bodies = [
        r#"{"propagationPolicy":"Background"}"#,
        r#"{"propagationPolicy":"Foreground"}"#,
        r#"{"propagationPolicy":"Orphan"}"#,
        r#"{"propagationPolicy":"Other"}"#,
        r#"{"orphanDependents":true}"#,
        r#"{"orphanDependents":false}"#,
        r#"{"orphanDependents":true,"propagationPolicy":"Orphan"}"#,
        r#"{"gracePeriodSeconds":0}"#,
        r#"{"gracePeriodSeconds":5}"#,
        r#"{"gracePeriodSeconds":-1}"#,
        r#"{"preconditions":{"uid":"${uid:a}"}}"#,
        r#"{"preconditions":{"uid":"x"}}"#,
        r#"{"preconditions":{"resourceVersion":"${rv:a}"}}"#,
        r#"{"preconditions":{"resourceVersion":"${rv0:a}"}}"#,
        r#"{"dryRun":["All"]}"#,
        r#"{"dryRun":["x"]}"#,
        r#"{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":1}"#,
        r#"{"kind":"Other","apiVersion":"v1"}"#,
        r#"{"unknown":1}"#,
        "{",
    ];
    let parameters = [
        "propagationPolicy=Foreground",
        "propagationPolicy=x",
        "gracePeriodSeconds=0",
        "gracePeriodSeconds=x",
        "dryRun=All",
        "orphanDependents=true",
        "pretty=true",
    ];
    let step = Step::new("DELETE", kind.item(name));
    let step = match chance.below(5) {
        0..=2 => {
            let body = chance.pick(&bodies);
            step.body("application/json", body)
        }
        3 => with(step, chance.pick(&parameters)),
        _ => step,
    };
    accept(chance, step, 12)
}

fn delete_collection(chance: &mut Chance, kind: &Kind) -> Step {
    let mut step = Step::new(
        "DELETE",
        format!("{}?labelSelector=run=${{ns}}", kind.collection()),
    );
    let bodies = [
        r#"{"propagationPolicy":"Background"}"#,
        r#"{"propagationPolicy":"Foreground"}"#,
        r#"{"gracePeriodSeconds":0}"#,
        r#"{"dryRun":["All"]}"#,
        r#"{"preconditions":{"uid":"x"}}"#,
        r#"{"unknown":1}"#,
    ];
    match chance.below(4) {
        0 => step = with(step, "dryRun=All"),
        1 => step = step.body("application/json", chance.pick(&bodies)),
        2 if kind.namespaced => step = with(step, "fieldSelector=metadata.name=b"),
        _ => {}
    }
    accept(chance, step, 6)
}

fn status(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let target = format!("{}/status", kind.item(name));
    match chance.below(4) {
        3 => apply(chance, kind, name, "/status"),
        0 => {
            let step = Step::get(target);
            accept(chance, step, 4)
        }
        1 => {
            let object = bodies::object(chance, kind, name);
            let object = versioned(chance, name, object);
            let step = Step::new("PUT", target).json(&object);
            write(chance, step)
        }
        _ => {
            let (media_type, text) = bodies::patch(chance, kind, true);
            let step = Step::new("PATCH", target).body(media_type, text);
            write(chance, step)
        }
    }
}

fn scale(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let target = format!("{}/scale", kind.item(name));
    let replicas = chance.pick(&[
        json!(0),
        json!(4),
        json!(-1),
        json!("2"),
        json!(null),
        json!(2.5),
    ]);
    match chance.below(5) {
        0 => {
            let step = Step::get(target);
            accept(chance, step, 3)
        }
        4 => {
            let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": kind.name(name)},
                "spec": {"replicas": replicas}});
            let step =
                Step::new("PATCH", target).body("application/apply-patch+yaml", scale.to_string());
            let step = with(step, "fieldManager=one");
            let force = chance.pick(&["", "force=true"]);
            write(chance, with(step, force))
        }
        1 | 2 => {
            let mut scale = json!({
                "apiVersion": "autoscaling/v1", "kind": "Scale",
                "metadata": {"name": kind.name(name), "namespace": "${ns}"},
                "spec": {"replicas": replicas},
            });
            match chance.below(6) {
                0 => scale["metadata"]["resourceVersion"] = json!("${rv:a}"),
                1 => scale["metadata"]["resourceVersion"] = json!("${rv0:a}"),
                2 => scale["metadata"]["name"] = json!("other"),
                3 => scale["kind"] = json!("Deployment"),
                _ => {}
            }
            let step = Step::new("PUT", target).json(&scale);
            write(chance, step)
        }
        _ => {
            let patch = json!({"spec": {"replicas": replicas}});
            let types = [
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
            ];
            let step = Step::new("PATCH", target).body(chance.pick(&types), patch.to_string());
            write(chance, step)
        }
    }
}

fn subresource(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let item = kind.item(name);
    if kind.kind == "Pod" {
        let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": "n"}});
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "${ns}"}});
        return match chance.below(3) {
            0 => Step::new("POST", format!("{item}/binding")).json(&binding),
            1 => Step::new("POST", format!("{item}/eviction")).json(&eviction),
            _ => Step::get(format!("{item}/status")),
        };
    }
    if kind.kind == "ServiceAccount" {
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": chance.pick(&[600, 5, 7200]), "audiences": ["x"]}});
        return Step::new("POST", format!("{item}/token")).json(&request);
    }
    let names = ["status", "scale", "other", "log"];
    let methods = ["GET", "PUT", "POST", "DELETE", "PATCH"];
    let step = Step::new(
        chance.pick(&methods),
        format!("{item}/{}", chance.pick(&names)),
    );
    if step.method == "GET" {
        step
    } else {
        step.json(&kind.object(name))
    }
}

/// Methods and paths that don't fit.
fn elsewhere(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let object = kind.object(name);
    match chance.below(9) {
        0 => Step::new("POST", kind.item(name)).json(&object),
        1 => Step::new("PUT", kind.collection()).json(&object),
        2 => Step::new("PATCH", kind.collection()).body("application/merge-patch+json", "{}"),
        3 => Step::get(format!("{}/namespaces/${{ns}}/nothings", kind.root)),
        4 => Step::get(kind.item(name).replace("/v1/", "/v9/")),
        5 => Step::new("POST", kind.collection().replace("${ns}", "absent")).json(&object),
        // Objects of other walks are in the same collection, if there are no namespaces.
        6 if kind.namespaced => Step::get(format!("{}/", kind.collection())),
        6 => Step::get(format!("{}/?labelSelector=run=${{ns}}", kind.collection())),
        7 => Step::new("OPTIONS", kind.item(name)),
        // Kinds of definitions are listed in whatever order a real server has them in its memory.
        _ if kind.api_version().starts_with("fidelity.example/") => Step::get("/apis/apps/v1"),
        _ => Step::get(kind.root),
    }
}

/// Finalizers come and go: with them an object outlives its deletion.
fn finalizers(chance: &mut Chance, kind: &Kind, name: &str) -> Step {
    let value = match chance.below(4) {
        0 => json!(["a.example/f"]),
        1 => json!(["a.example/f", "b.example/g"]),
        _ => json!([]),
    };
    let patch = json!({"metadata": {"finalizers": value}});
    Step::new("PATCH", kind.item(name)).body("application/merge-patch+json", patch.to_string())
}
