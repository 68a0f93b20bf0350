//! What the controller would do with a Rollout now (`carrick plan`): the same observation and decision, nothing written.

use machinery::meta;
use machinery::patch::merge;
use runtime::client::Client;
use runtime::{Cache, Error, Meta, ObjectKey, Plan, Scope, StatusWrite, reconciler};
use serde_json::{Value, json};

use crate::api::Rollout;
use crate::api::labels::{LAST_APPLIED_CONFIGURATION, POD_TEMPLATE_HASH};
use crate::metrics::Metrics;
use crate::rollout::RolloutReconciler;
use crate::rollout::decide::writes::{DEPLOYMENT, POD_TEMPLATE, REPLICA_SET, ROLLOUT, SERVICE};
use crate::rollout::facts::Memory;
use crate::rollout::observe::{Caches, Unwritten, Workloads, finding};
use crate::rollout::tree::put;
use crate::views::{Cached, Packed, ReplicaSetView, ServiceView};

/// What would come next.
pub struct Preview {
    /// The writes.
    pub plan: Plan,
    /// The status that would follow.
    pub status: StatusWrite,
    /// Why the Rollout isn't worked on, if it is refused.
    pub refusal: Option<String>,
}

/// The plan for `rollout` as if it had just been applied together with the objects `beside` it, and the status that would
/// follow.
///
/// # Errors
/// If the server can't be read.
pub async fn plan(
    client: &Client,
    rollout: &Value,
    beside: &[Value],
) -> Result<Option<Preview>, Error> {
    let key = ObjectKey::of(rollout);
    let applied = match client.get(&ROLLOUT, &key).await? {
        Some(live) => as_applied(&live, rollout),
        None => as_created(rollout),
    };
    let rollouts: Cache<Packed<Rollout>> = Cache::new(ROLLOUT, Scope::all());
    rollouts.put(&applied)?;
    let replica_sets: Cache<Packed<ReplicaSetView>> = Cache::new(REPLICA_SET, Scope::all());
    let services: Cache<Cached<ServiceView>> = Cache::new(SERVICE, Scope::all());
    let pods = Cache::new(runtime::resource::POD, Scope::all());
    let deployments: Cache<Meta> = Cache::new(DEPLOYMENT, Scope::all());
    let pod_templates: Cache<Meta> = Cache::new(POD_TEMPLATE, Scope::all());
    fill(client, &replica_sets, &key.namespace, POD_TEMPLATE_HASH).await?;
    fill(client, &services, &key.namespace, "").await?;
    fill(client, &pods, &key.namespace, POD_TEMPLATE_HASH).await?;
    fill(client, &deployments, &key.namespace, "").await?;
    fill(client, &pod_templates, &key.namespace, "").await?;
    let workloads = Workloads::default();
    for object in beside
        .iter()
        .filter(|o| meta::namespace(o) == key.namespace)
    {
        match meta::kind(object) {
            "Service" => services.put(object)?,
            "Deployment" => workloads.learn(&deployments, object)?,
            "PodTemplate" => workloads.learn(&pod_templates, object)?,
            _ => {}
        }
    }
    let caches = Caches {
        rollouts,
        replica_sets: replica_sets.index(finding),
        services,
        pods: pods.index_by_controller(),
        deployments,
        pod_templates,
        workload_sets: Cache::new(REPLICA_SET, Scope::all()),
        workloads,
        facts: Memory::default(),
        unwritten: Unwritten::default(),
        resync: std::time::Duration::from_mins(15),
    };
    let reconciler = RolloutReconciler::new(caches, Metrics::new(client.registry()));
    let previewed = reconciler::preview(&reconciler, &key, client).await?;
    Ok(previewed.map(|(plan, status)| Preview {
        plan,
        refusal: refusal(&status, &applied),
        status,
    }))
}

/// Why a Rollout isn't worked on: by the status that would follow, or by the one that it has and keeps.
fn refusal(status: &StatusWrite, applied: &Value) -> Option<String> {
    let status = match status {
        StatusWrite::Unchanged => applied.get("status")?,
        StatusWrite::MergePatch { new, .. } => new,
        StatusWrite::Update { object, .. } => object.get("status")?,
    };
    let conditions = status.get("conditions")?.as_array()?;
    let invalid = conditions
        .iter()
        .find(|condition| condition.get("type") == Some(&json!("InvalidSpec")))?;
    Some(invalid.get("message")?.as_str()?.to_owned())
}

/// A new object as the API server would have it.
fn as_created(rollout: &Value) -> Value {
    let mut created = rollout.clone();
    put(&mut created, &["metadata", "generation"], json!(1));
    created
}

/// What a merge patch takes away, alone.
fn removals(patch: &Value) -> Value {
    let fields = patch.as_object().into_iter().flatten();
    fields
        .filter_map(|(name, change)| match change {
            Value::Null => Some((name.clone(), Value::Null)),
            Value::Object(_) => Some((name.clone(), removals(change))),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        })
        .collect()
}

/// The object after the apply: as `kubectl apply` does, fields that the last one had and this one hasn't go. A changed spec
/// has another generation, by which the controller tells that somebody edited it.
fn as_applied(live: &Value, rollout: &Value) -> Value {
    let last = meta::annotation(live, LAST_APPLIED_CONFIGURATION)
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    // kubectl keeps what it last applied in an annotation of its own, so that annotations are never taken away as a whole.
    let mut wanted = rollout.clone();
    if wanted.pointer("/metadata/annotations").is_none() {
        put(&mut wanted, &["metadata", "annotations"], json!({}));
    }
    let left = last.map_or_else(
        || live.clone(),
        |last| merge::apply(live, &removals(&merge::diff(&last, &wanted))),
    );
    let mut applied = merge::apply(&left, rollout);
    if applied.get("spec") != live.get("spec") {
        let generation = live
            .pointer("/metadata/generation")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        put(
            &mut applied,
            &["metadata", "generation"],
            json!(generation + 1),
        );
    }
    applied
}

async fn fill<P: runtime::Projection>(
    client: &Client,
    cache: &Cache<P>,
    namespace: &str,
    selector: &str,
) -> Result<(), Error> {
    for object in client.list(cache.resource(), namespace, selector).await? {
        cache.put(&object)?;
    }
    Ok(())
}
