//! Upstream's end-to-end test of rules that several managers write by server-side apply, under its name
//! (`test/e2e/rules_test.go`). Beyond upstream's, a server follows all that is applied.

use anyhow::{Result, ensure};
use machinery::{meta, yaml};
use runtime::{Error, ObjectKey, Patch};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{CONFIG_MAP, PROMETHEUS_RULE, text};
use crate::subjects::SERVER;

/// A group of one rule: its name, what the rule records and of what.
type Group = (&'static str, &'static str, &'static str);

/// What a manager applies, and what comes of it.
struct Step {
    manager: &'static str,
    force: bool,
    groups: &'static [Group],
    /// The groups that there are then; none if somebody else's fields are in the way.
    wanted: Option<&'static [Group]>,
}

const STEPS: [Step; 5] = [
    Step {
        manager: "first",
        force: false,
        groups: &[("firstGroup", "firstRule", "vector(0)")],
        wanted: Some(&[("firstGroup", "firstRule", "vector(0)")]),
    },
    Step {
        manager: "second",
        force: false,
        groups: &[
            ("secondGroup", "firstRule", "vector(1)"),
            ("thirdGroup", "firstRule", "vector(2)"),
        ],
        wanted: Some(&[
            ("firstGroup", "firstRule", "vector(0)"),
            ("secondGroup", "firstRule", "vector(1)"),
            ("thirdGroup", "firstRule", "vector(2)"),
        ]),
    },
    Step {
        manager: "first",
        force: false,
        groups: &[("secondGroup", "firstRuleModified", "vector(0)")],
        wanted: None,
    },
    Step {
        manager: "first",
        force: true,
        groups: &[("secondGroup", "firstRuleModified", "vector(0)")],
        wanted: Some(&[
            ("secondGroup", "firstRuleModified", "vector(0)"),
            ("thirdGroup", "firstRule", "vector(2)"),
        ]),
    },
    Step {
        manager: "second",
        force: false,
        groups: &[],
        wanted: Some(&[("secondGroup", "firstRuleModified", "vector(0)")]),
    },
];

/// The groups as an object has them.
fn groups(of: &[Group]) -> Value {
    let group = |(name, record, expr): &Group| json!({"name": name, "rules": [{"record": record, "expr": expr}]});
    of.iter().map(group).collect()
}

/// What the typed client of a manager sends: the fields that it wants, and no others.
async fn applied(cluster: &Cluster, step: &Step) -> Result<Value, Error> {
    let spec = if step.groups.is_empty() {
        json!({})
    } else {
        json!({"groups": groups(step.groups)})
    };
    let patch = Patch::Apply {
        body: json!({
            "kind": PROMETHEUS_RULE.kind,
            "apiVersion": PROMETHEUS_RULE.api_version(),
            "metadata": {"name": "rule", "namespace": cluster.namespace},
            "spec": spec,
        }),
        force: step.force,
    };
    let client = cluster.client_of(step.manager);
    let key = ObjectKey::new(cluster.namespace.as_str(), "rule");
    client
        .patch(&PROMETHEUS_RULE, &key, None, &patch)
        .await?
        .value()
}

/// TestPrometheusRuleApply
pub async fn prometheus_rule_apply(cluster: &Cluster) -> Result<()> {
    SERVER.running(cluster, &json!({})).await?;
    for (number, step) in (1..).zip(&STEPS) {
        let answer = applied(cluster, step).await;
        let Some(wanted) = step.wanted else {
            let refused = answer.as_ref().is_err_and(Error::is_conflict);
            ensure!(refused, "step {number}: no conflict, but {answer:?}");
            continue;
        };
        let (object, wanted) = (answer?, groups(wanted));
        let found = object.pointer("/spec/groups");
        ensure!(found == Some(&wanted), "step {number}: {found:?}");
        let file = format!("{}-rule-{}.yaml", cluster.namespace, meta::uid(&object));
        let follows = |held: &Value| {
            let data = held.get("data").and_then(|data| data.get(&file));
            let read = data.and_then(Value::as_str).map(yaml::parse);
            read.is_some_and(|read| {
                read.is_ok_and(|read| read.value.get("groups") == Some(&wanted))
            })
        };
        let what = format!("the groups of step {number}");
        cluster
            .until(&what, &CONFIG_MAP, "prometheus-test-rulefiles-0", follows)
            .await?;
    }
    cluster
        .until_bound(&PROMETHEUS_RULE, "rule", &["prometheuses test True"])
        .await?;
    let rule = cluster.get(&PROMETHEUS_RULE, "rule").await?;
    let managers = rule.pointer("/metadata/managedFields");
    let managers = managers.and_then(Value::as_array).into_iter().flatten();
    let of_groups = "/fieldsV1/f:spec/f:groups";
    let owners = managers.filter(|one| one.pointer(of_groups).is_some());
    // Who applies no group any more owns none any more.
    let names: Vec<&str> = owners.map(|one| text(one, "/manager")).collect();
    ensure!(names == ["first"], "{names:?} own groups");
    Ok(())
}
