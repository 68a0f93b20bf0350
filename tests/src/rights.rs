//! That the controllers need every right their manifests give: each is taken away once, and a scenario must fail.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use rollouts::access;
use runtime::access::Right;

use crate::scenarios::{ALL, Scenario};
use crate::simulated::{NOT_GRANTED, Run};

/// What restarts, metadata of pods, clean-ups and second looks after a conflict need, and no scenario here brings about yet.
/// A scenario that does makes the test fail, until the right is taken out of this list.
const UNUSED: &[&str] = &[
    "get rollouts.argoproj.io",
    "delete replicasets.apps",
    "get podtemplates",
    "get services",
    "get pods",
    "list pods",
    "watch pods",
    "patch pods",
    "create pods/eviction",
];

/// A scenario for each right, which makes use of it.
fn users() -> Result<BTreeMap<Right, &'static Scenario>> {
    let mut left = access::rights();
    let mut users = BTreeMap::new();
    for scenario in ALL {
        let outcome = Run::of(scenario).run().context(scenario.name)?;
        left.retain(|right| {
            let used = outcome.used.contains(right);
            if used {
                users.insert(right.clone(), scenario);
            }
            !used
        });
    }
    let left: Vec<String> = left.iter().map(ToString::to_string).collect();
    ensure!(
        left == UNUSED,
        "no scenario makes use of: {}; known to be unused: {}",
        left.join(", "),
        UNUSED.join(", ")
    );
    Ok(users)
}

/// Takes one right after the other away.
///
/// # Errors
/// A right that no scenario uses and that isn't listed as such, and one without which the scenario that uses it passes.
pub fn each_is_needed() -> Result<()> {
    for (right, scenario) in users()? {
        let mut run = Run::of(scenario);
        run.rights.retain(|own| *own != right);
        let outcome = run.run();
        let refused = outcome
            .as_ref()
            .is_err_and(|error| format!("{error:#}").contains(NOT_GRANTED));
        ensure!(
            refused,
            "{} without the right to {right}: {outcome:?}",
            scenario.name
        );
    }
    Ok(())
}
