//! MON-4: each target belongs to one shard, and a shard that is retained lives until its deadline.

use std::collections::BTreeSet;

use jiff::Timestamp;
use machinery::meta;
use serde_json::Value;

use super::super::configuration::{items, parsed};
use super::{Change, Monitoring, SHARDED};
use crate::objects::text;
use crate::relabeling::{self, Labels, Step, Variables};

const DEADLINE: &str = "operator.prometheus.io/deletion-deadline";
const ZONE: &str = "topology.kubernetes.io/zone";
const HASH: &str = "__tmp_hash";
/// Says that all shards are to scrape a target.
const DISABLED: &str = "__tmp_disable_sharding";

/// How many targets stand in for those of a job, in each zone.
const TARGETS: usize = 12;

/// How many shards a workload is to have.
pub(super) fn wanted(workload: &Value) -> i64 {
    let shards = workload.pointer("/spec/shards").and_then(Value::as_i64);
    let sharded = SHARDED.contains(&meta::kind(workload));
    shards.filter(|_| sharded).unwrap_or(1).max(1)
}

/// The StatefulSet of a shard.
pub(super) fn name(base: &str, shard: i64) -> String {
    match shard {
        0 => base.to_owned(),
        shard => format!("{base}-shard-{shard}"),
    }
}

/// Zones that shards are spread over, if they are.
fn zones(workload: &Value) -> Vec<&str> {
    let strategy = workload.pointer("/spec/shardingStrategy");
    let strategy = strategy.filter(|strategy| text(strategy, "/mode") == "Topology");
    let values = strategy.and_then(|strategy| strategy.pointer("/topology/values")?.as_array());
    let values = values.into_iter().flatten();
    values.filter_map(Value::as_str).collect()
}

/// Who scrapes: the pods of one StatefulSet.
struct Member {
    name: String,
    /// What its config-reloader fills in.
    variables: Variables,
    /// Where its pods run, if that is said.
    zone: String,
    /// Whether it is no more than kept.
    retained: bool,
}

impl Member {
    fn of(set: &Value, retained: bool) -> Self {
        let pod = "/spec/template/spec";
        let containers = set.pointer(&format!("{pod}/containers"));
        let containers = containers.and_then(Value::as_array).into_iter().flatten();
        let variables = containers.flat_map(|container| items(container, "env"));
        let variables = variables.filter(|variable| variable.get("value").is_some());
        let selector = set.pointer(&format!("{pod}/nodeSelector"));
        let zone = selector.and_then(|selector| selector.get(ZONE)?.as_str());
        Self {
            name: meta::name(set).to_owned(),
            variables: variables
                .map(|one| {
                    (
                        text(one, "/name").to_owned(),
                        text(one, "/value").to_owned(),
                    )
                })
                .collect(),
            zone: zone.unwrap_or_default().to_owned(),
            retained,
        }
    }
}

impl Monitoring {
    /// A shard that is kept for its data is deleted no earlier than was said.
    pub(super) fn retained(&mut self, change: &Change, workload: &Value) {
        let goes = change.deleted || meta::deletion_timestamp(change.after).is_some();
        let went = change
            .before
            .is_some_and(|before| meta::deletion_timestamp(before).is_some());
        let policy = text(workload, "/spec/shardRetentionPolicy/whenScaled");
        let base = format!("prometheus-{}", meta::name(workload));
        let shard = meta::name(change.after).strip_prefix(&format!("{base}-shard-"));
        let shard = shard.and_then(|shard| shard.parse::<i64>().ok());
        if !goes
            || went
            || policy != "Retain"
            || meta::kind(workload) != "Prometheus"
            || meta::deletion_timestamp(workload).is_some()
            // It is made anew.
            || shard.is_none_or(|shard| shard < wanted(workload))
        {
            return;
        }
        let told = meta::annotation(change.after, DEADLINE).unwrap_or_default();
        let what = match told.parse::<Timestamp>() {
            Err(_) => format!("deleted without a deadline ({told:?}), though it is to be retained"),
            // Go's zero time: no day on which it goes.
            Ok(_) if told.starts_with("0001-") => "deleted, though it is kept for ever".to_owned(),
            Ok(deadline) if change.time < deadline => {
                format!(
                    "deleted at {}, though it is retained until {told}",
                    change.time
                )
            }
            Ok(_) => return,
        };
        self.violated("MON-4", change.after, &what);
    }

    /// What belongs to a workload scrapes each target once: the configuration as each shard reads it.
    pub(super) fn divided(&mut self, workload: &Value, base: &str, shards: i64) {
        let key = format!("{}/{base}", meta::namespace(workload));
        let Some(config) = self.texts.get(&key) else {
            return;
        };
        let config = parsed(config).unwrap_or_default();
        let zones = zones(workload);
        let share = shards / i64::try_from(zones.len().max(1)).unwrap_or(1);
        let moduli = moduli(&config);
        if moduli.iter().any(|modulus| *modulus != share.max(1)) {
            let what = format!(
                "its targets are divided by {moduli:?}, there are {shards} shards in {} zones",
                zones.len()
            );
            self.violated("MON-4", workload, &what);
            return;
        }
        let wanted: BTreeSet<String> = (0..shards).map(|shard| name(base, shard)).collect();
        let sets = self.sets.values().map(|set| &set.object);
        let sets = sets.filter(|set| {
            meta::controller_of(set).is_some_and(|owner| owner.uid == meta::uid(workload))
        });
        let members: Vec<Member> = sets
            .map(|set| Member::of(set, !wanted.contains(meta::name(set))))
            .collect();
        if members.iter().filter(|member| !member.retained).count() < wanted.len() {
            // MON-2 says so.
            return;
        }
        for job in items(&config, "scrape_configs") {
            if let Err(why) = once(job, &members, &zones) {
                let what = format!("job {}: {why}", text(job, "/job_name"));
                self.violated("MON-4", workload, &what);
            }
        }
    }
}

fn steps(job: &Value) -> impl Iterator<Item = &Value> {
    items(job, "relabel_configs")
}

fn hashes(step: &Value) -> bool {
    relabeling::does(step, "hashmod")
}

/// By how many the jobs divide their targets.
fn moduli(config: &Value) -> BTreeSet<i64> {
    let steps = items(config, "scrape_configs").flat_map(steps);
    let steps = steps.filter(|step| text(step, "/target_label") == HASH);
    steps
        .filter_map(|step| step.get("modulus").and_then(Value::as_i64))
        .collect()
}

/// The relabelings of a job that decide between shards, and those that make the labels they decide by. Others that drop
/// targets know their real labels, which stand-ins don't have.
fn of_shards(job: &Value) -> Vec<&Value> {
    let mut telling = BTreeSet::new();
    let mut chosen = Vec::new();
    for step in steps(job) {
        let varies = ["/regex", "/replacement"]
            .iter()
            .any(|at| text(step, at).contains("$("));
        let tells = varies
            || hashes(step)
            || relabeling::sources(step).any(|source| telling.contains(source));
        let drops = ["keep", "drop", "keepequal", "dropequal"];
        if drops.iter().any(|action| relabeling::does(step, action)) {
            if tells {
                chosen.push(step);
            }
            continue;
        }
        if tells {
            telling.insert(text(step, "/target_label"));
        }
        chosen.push(step);
    }
    chosen
}

/// Targets as discovery might find them: in each zone some whose own entry tells where they are, and some of which their node
/// and pod do. Without zones, addresses alone.
fn stand_ins<'a>(zones: &[&'a str]) -> Vec<(&'a str, Labels)> {
    let everywhere = if zones.is_empty() { &[""] } else { zones };
    let mut found = Vec::new();
    for (place, zone) in everywhere.iter().enumerate() {
        for number in 0..TARGETS {
            let address = format!("10.0.{place}.{number}:9100");
            let mut labels = Labels::from([
                ("__param_target".to_owned(), format!("http://{address}/")),
                ("__address__".to_owned(), address),
            ]);
            let said = match number % 2 {
                _ if zone.is_empty() => [].as_slice(),
                0 => &[("endpointslice_endpoint_zone", *zone)],
                _ => &[
                    ("node_label_topology_kubernetes_io_zone", *zone),
                    ("node_labelpresent_topology_kubernetes_io_zone", "true"),
                    ("pod_label_topology_kubernetes_io_zone", *zone),
                    ("pod_labelpresent_topology_kubernetes_io_zone", "true"),
                ],
            };
            let said = said.iter();
            labels.extend(
                said.map(|(label, value)| {
                    (format!("__meta_kubernetes_{label}"), (*value).to_owned())
                }),
            );
            found.push((*zone, labels));
        }
    }
    found
}

/// Whether each target of a job is kept by one shard, which is in its zone, and by none that is retained. Among those that are
/// wanted, a job that the user divides is the user's.
fn once(job: &Value, members: &[Member], zones: &[&str]) -> Result<(), String> {
    let own = |step: &Value| hashes(step) && text(step, "/target_label") != HASH;
    let is_the_users = steps(job).any(own);
    let mut readers = Vec::new();
    for member in members
        .iter()
        .filter(|member| !is_the_users || member.retained)
    {
        let steps = of_shards(job).into_iter();
        let steps: anyhow::Result<Vec<Step>> = steps
            .map(|step| Step::read(step, &member.variables))
            .collect();
        readers.push((member, steps.map_err(|error| error.to_string())?));
    }
    for (zone, target) in stand_ins(zones) {
        let mut keepers = Vec::new();
        let mut is_for_all = false;
        for (member, steps) in &readers {
            let kept = relabelled(steps, target.clone()).map_err(|error| error.to_string())?;
            if let Some(labels) = kept {
                is_for_all |= labels.contains_key(DISABLED);
                keepers.push(*member);
            }
        }
        if is_for_all {
            continue;
        }
        let names: Vec<&str> = keepers.iter().map(|keeper| keeper.name.as_str()).collect();
        let at = target.get("__address__").map_or("", String::as_str);
        if is_the_users && keepers.is_empty() {
            continue;
        }
        let [keeper] = keepers.as_slice() else {
            return Err(format!("{at} in zone {zone:?} is scraped by {names:?}"));
        };
        if keeper.retained {
            return Err(format!(
                "{at} is scraped by {names:?}, which is only retained"
            ));
        }
        if !zone.is_empty() && keeper.zone != zone {
            let elsewhere = &keeper.zone;
            return Err(format!(
                "{at} in zone {zone:?} is scraped by {names:?} in {elsewhere:?}"
            ));
        }
    }
    Ok(())
}

/// The labels of a target that is kept.
fn relabelled(steps: &[Step], mut labels: Labels) -> anyhow::Result<Option<Labels>> {
    for step in steps {
        if !step.apply(&mut labels)? {
            return Ok(None);
        }
    }
    Ok(Some(labels))
}
