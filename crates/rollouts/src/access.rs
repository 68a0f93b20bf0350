//! What the Rollouts controller needs rights for. Its client sends nothing else, `carrick rbac` prints the roles from here,
//! and a test drops one verb after the other and sees a scenario fail.

use runtime::access::Verb::{Create, Delete, Get, List, Patch, Update, Watch};
use runtime::access::{Grant, Right};
use runtime::resource::{EVENT, LEASE, POD};

use crate::rollout::decide::writes::{DEPLOYMENT, POD_TEMPLATE, REPLICA_SET, ROLLOUT, SERVICE};

/// Everything the controller asks an API server for.
pub const GRANTS: &[Grant] = &[
    Grant::new(ROLLOUT, &[Get, List, Watch, Patch]),
    Grant::below(ROLLOUT, "status", &[Patch]),
    // Nothing is called there: ReplicaSets block the deletion of their Rollout, and clusters that enforce permissions of
    // owner references, as OpenShift does, let only those set that who may set the owner's finalizers.
    Grant::below(ROLLOUT, "finalizers", &[Update]),
    Grant::new(REPLICA_SET, &[Get, List, Watch, Create, Patch, Delete]),
    Grant::new(DEPLOYMENT, &[Get, List, Watch, Patch]),
    Grant::new(POD_TEMPLATE, &[Get, List, Watch]),
    Grant::new(SERVICE, &[Get, List, Watch, Patch]),
    Grant::new(POD, &[Get, List, Watch, Patch]),
    Grant::below(POD, "eviction", &[Create]),
    Grant::new(EVENT, &[Create, Patch]),
    Grant::new(LEASE, &[Get, Create, Update]),
];

/// Each verb of the grants.
pub fn rights() -> Vec<Right> {
    GRANTS.iter().flat_map(Grant::rights).collect()
}
