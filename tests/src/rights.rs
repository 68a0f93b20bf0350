//! That the controllers need every right their manifests give: each is taken away once, and a scenario must fail.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use rollouts::access;
use runtime::access::Right;

use crate::scenarios::{self, ALL, Scenario};
use crate::simulated::{NOT_GRANTED, Run};

/// What no scenario brings about, most of it only with a failure at the right moment, each with what it is for. A scenario that does
/// makes the test fail, until the right is taken out of this list.
const UNUSED: &[(&str, &str)] = &[
    (
        "get podtemplates",
        "reading the PodTemplate that a Rollout refers to",
    ),
    (
        "get services",
        "the second look after a patch of a Service that went meanwhile",
    ),
    (
        "get pods",
        "the second look after a patch or an eviction of a pod that went meanwhile",
    ),
];

/// Rights that are no calls: the server looks for them while it admits another one. Each with the scenario that needs it.
const LOOKED_FOR: &[(&str, &str)] = &[(
    "update rollouts/finalizers.argoproj.io",
    "upkeep/blocks_the_deletion_of_its_owner",
)];

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
    for (name, scenario) in LOOKED_FOR {
        let position = left.iter().position(|right| right.to_string() == *name);
        let position = position.with_context(|| format!("nobody is granted {name}"))?;
        let scenario = scenarios::find(scenario).with_context(|| format!("no {scenario}"))?;
        users.insert(left.remove(position), scenario);
    }
    let left: Vec<String> = left.iter().map(ToString::to_string).collect();
    let known: Vec<&str> = UNUSED.iter().map(|(name, _)| *name).collect();
    ensure!(
        left == known,
        "no scenario makes use of: {}; known to be unused: {}",
        left.join(", "),
        known.join(", ")
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
