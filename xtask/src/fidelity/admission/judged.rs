//! Writes that are judged: all verbs, of built-in and custom kinds and their subresources.
use serde_json::{Value, json};

use super::{APPLY, MERGE};
use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;

const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

const MAPS: &str = "/api/v1/namespaces/${ns}/configmaps";
const PODS: &str = "/api/v1/namespaces/${ns}/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/${ns}/deployments";
const TOYS: &str = "/apis/judged.example.com/v1/namespaces/${ns}/toys";
const TOYS_TOO: &str = "/apis/judged.example.com/v2/namespaces/${ns}/toys";

/// Rules about what is written here, for webhooks and policies.
pub fn rules(chance: &mut Chance) -> Value {
    let operations = chance.pick(&[
        json!(["CREATE"]),
        json!(["CREATE", "UPDATE"]),
        json!(["CREATE", "UPDATE", "DELETE"]),
        json!(["DELETE"]),
        json!(["UPDATE"]),
        json!(["*"]),
        json!(["*"]),
        json!(["*"]),
    ]);
    let rule = |groups: Value, versions: Value, resources: Value| json!({"operations": operations, "apiGroups": groups, "apiVersions": versions, "resources": resources});
    let core = |resources: Value| rule(json!([""]), json!(["v1"]), resources);
    // Definitions of other sequences have a status too, and whether a webhook is asked about one is chance.
    let namespaced = |mut rule: Value| {
        rule["scope"] = json!("Namespaced");
        rule
    };
    let subresources = || {
        let subresources = json!(["*/scale", "*/status"]);
        namespaced(rule(json!(["*"]), json!(["*"]), subresources))
    };
    let all = || {
        namespaced(rule(
            json!(["", "apps", "judged.example.com"]),
            json!(["*"]),
            json!([
                "configmaps",
                "pods",
                "pods/*",
                "deployments",
                "deployments/scale",
                "toys",
                "toys/*"
            ]),
        ))
    };
    chance.pick(&[
        json!([core(json!(["configmaps"]))]),
        json!([
            core(json!(["configmaps", "pods"])),
            rule(json!(["apps"]), json!(["v1"]), json!(["deployments"]))
        ]),
        json!([
            core(json!(["pods/*"])),
            rule(json!(["apps"]), json!(["*"]), json!(["deployments/*"]))
        ]),
        json!([core(json!(["*/scale"])), subresources()]),
        json!([
            rule(
                json!(["judged.example.com"]),
                json!(["v2"]),
                json!(["toys", "toys/scale", "toys/status"])
            ),
            core(json!(["configmaps"]))
        ]),
        json!([
            rule(
                json!(["judged.example.com"]),
                json!(["v1"]),
                json!(["toys"])
            ),
            rule(json!(["autoscaling"]), json!(["v1"]), json!(["*"]))
        ]),
        json!([all()]),
        json!([all()]),
    ])
}

/// A write; `round` makes what it writes another each time.
pub fn write(chance: &mut Chance, round: usize) -> Step {
    let step = match chance.below(10) {
        0..=3 => map(chance, round),
        4 | 5 => toy(chance, round),
        6 | 7 => deployment(chance, round),
        _ => pod(chance),
    };
    if chance.once_in(7) { dry(step) } else { step }
}

fn dry(mut step: Step) -> Step {
    let mark = if step.target.contains('?') { '&' } else { '?' };
    step.target = format!("{}{mark}dryRun=All", step.target);
    step
}

fn metadata(chance: &mut Chance, name: &str) -> Value {
    let mut metadata = json!({ "name": name });
    if chance.once_in(2) {
        metadata["labels"] = json!({"tier": chance.pick(&["a", "b"])});
    }
    if chance.once_in(6) {
        metadata["annotations"] = json!({"note": "given"});
    }
    metadata
}

fn map(chance: &mut Chance, round: usize) -> Step {
    let name = chance.pick(&["one", "two"]);
    let item = format!("{MAPS}/{name}");
    let mut whole = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(chance, name),
        "data": {"round": round.to_string()}});
    match chance.below(12) {
        0..=2 => Step::new("POST", MAPS).json(&whole),
        3 => {
            whole["metadata"] = json!({"generateName": "gen-"});
            Step::new("POST", format!("{MAPS}?fieldManager=made")).json(&whole)
        }
        4 | 5 => Step::new("PUT", item).json(&whole),
        6 => {
            Step::new("PATCH", item).body(MERGE, format!("{{\"data\":{{\"merged\":\"{round}\"}}}}"))
        }
        7 => Step::new("PATCH", item).body(
            STRATEGIC,
            format!("{{\"data\":{{\"merged\":\"{round}\"}}}}"),
        ),
        8 => Step::new("PATCH", item).body(
            JSON_PATCH,
            format!("[{{\"op\":\"add\",\"path\":\"/data/patched\",\"value\":\"{round}\"}}]"),
        ),
        9 => Step::new("PATCH", format!("{item}?fieldManager=applier&force=true"))
            .body(APPLY, whole.to_string()),
        10 => deletion(chance, item),
        _ => Step::new(
            "DELETE",
            format!("{MAPS}?labelSelector=tier={}", chance.pick(&["a", "b"])),
        ),
    }
}

fn deletion(chance: &mut Chance, item: String) -> Step {
    let step = Step::new("DELETE", item);
    match chance.below(4) {
        0 => step.json(&json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})),
        1 => step.json(&json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})),
        _ => step,
    }
}

fn toy(chance: &mut Chance, round: usize) -> Step {
    let name = chance.pick(&["ball", "kite"]);
    let (all, version) = chance.pick(&[(TOYS, "v1"), (TOYS_TOO, "v2")]);
    let item = format!("{all}/{name}");
    let whole = json!({"apiVersion": format!("judged.example.com/{version}"), "kind": "Toy",
        "metadata": metadata(chance, name), "spec": {"size": round, "replicas": chance.below(4)}});
    match chance.below(9) {
        0 | 1 => Step::new("POST", all).json(&whole),
        2 => Step::new("PATCH", item).body(MERGE, format!("{{\"spec\":{{\"size\":{round}}}}}")),
        3 => Step::new("PATCH", format!("{item}?fieldManager=applier&force=true"))
            .body(APPLY, whole.to_string()),
        4 => Step::new("PATCH", format!("{item}/status"))
            .body(MERGE, format!("{{\"status\":{{\"seen\":\"{round}\"}}}}")),
        5 => Step::new("PATCH", format!("{item}/scale"))
            .body(MERGE, format!("{{\"spec\":{{\"replicas\":{round}}}}}")),
        6 => deletion(chance, item),
        // Not what policies judge with: when a real server notices that it is gone is chance.
        7 => Step::new("DELETE", format!("{all}?labelSelector=!of")),
        _ => Step::new("PATCH", item).body(
            JSON_PATCH,
            format!("[{{\"op\":\"replace\",\"path\":\"/spec/size\",\"value\":{round}}}]"),
        ),
    }
}

fn deployment(chance: &mut Chance, round: usize) -> Step {
    let item = format!("{DEPLOYMENTS}/web");
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let whole = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(chance, "web"),
        "spec": {"replicas": chance.below(4), "selector": {"matchLabels": {"app": "web"}}, "template": template}});
    match chance.below(8) {
        0 | 1 => Step::new("POST", DEPLOYMENTS).json(&whole),
        2 => Step::new("PATCH", format!("{item}/scale")).body(MERGE, format!("{{\"spec\":{{\"replicas\":{round}}}}}")),
        3 => Step::new("PUT", format!("{item}/scale")).json(&json!({"apiVersion": "autoscaling/v1", "kind": "Scale",
            "metadata": {"name": "web", "namespace": "${ns}"}, "spec": {"replicas": round}})),
        4 => Step::new("PATCH", format!("{item}/status")).body(MERGE, format!("{{\"status\":{{\"observedGeneration\":{round}}}}}")),
        5 => Step::new("PATCH", item).body(
            STRATEGIC,
            format!("{{\"spec\":{{\"template\":{{\"spec\":{{\"containers\":[{{\"name\":\"c\",\"image\":\"i:{round}\"}}]}}}}}}}}"),
        ),
        6 => Step::new("PATCH", format!("{item}?fieldManager=applier&force=true")).body(APPLY, whole.to_string()),
        _ => deletion(chance, item),
    }
}

fn pod(chance: &mut Chance) -> Step {
    let whole = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata(chance, "box"),
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let item = format!("{PODS}/box");
    match chance.below(6) {
        0 | 1 => Step::new("POST", PODS).json(&whole),
        4 => Step::new("POST", format!("{item}/binding")).json(
            &json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "box"},
            "target": {"kind": "Node", "name": "n"}}),
        ),
        2 => Step::new("POST", format!("{item}/eviction"))
            .json(&json!({"apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": "box", "namespace": "${ns}"}})),
        3 => Step::new("PATCH", item)
            .body(STRATEGIC, r#"{"metadata":{"annotations":{"touched":"1"}}}"#),
        _ => deletion(chance, item),
    }
}
