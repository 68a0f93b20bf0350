//! A new ReplicaSet starts with the pods that it is to have.
//!
//! Upstream creates it empty and scales it in a later pass. Here its first size is decided with its creation, so that one
//! write does both; users see the same Events.

use runtime::Effect;
use serde_json::json;

use super::replica_sets::created_key;
use super::scale::Scaled;
use super::{Outcome, World};
use crate::rollout::observe::Observed;
use crate::rollout::tree::put;
use crate::views::ReplicaSetView;

/// Gives a ReplicaSet that is about to be created the pods that `next`, the pass after its creation, gives it. Whether there
/// is one that gets any. A pass that scales another set first leaves it empty: the order of sizes is upstream's.
pub fn start_with_pods(
    observed: &Observed,
    world: &mut World,
    next: &Outcome,
    effects: &mut Vec<Effect>,
) -> bool {
    let Some(Effect::Create { object, .. }) = effects.iter_mut().find(|e| created_key(e).is_some())
    else {
        return false;
    };
    let mut pass = world.pass(observed);
    let Some(index) = pass.new else { return false };
    let size = next
        .sets
        .get(index)
        .map_or(0, ReplicaSetView::spec_replicas);
    if pass.scale(index, size) == Scaled::No {
        return false;
    }
    put(object, &["spec", "replicas"], json!(size));
    let told = pass.effects.into_iter().filter(|e| e.target().is_none());
    effects.extend(told);
    world.sets = pass.sets;
    true
}
