//! That the controllers need every right their manifests give: each is taken away once, and a scenario must fail.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use rollouts::access;
use runtime::access::Right;

use crate::scenarios::{ALL, Scenario};
use crate::simulated::{NOT_GRANTED, Run};

/// A scenario for each right, which makes use of it.
fn users() -> Result<BTreeMap<Right, &'static Scenario>> {
    let mut left = access::rights();
    let mut users = BTreeMap::new();
    for scenario in ALL {
        if left.is_empty() {
            break;
        }
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
        left.is_empty(),
        "no scenario makes use of: {}",
        left.join(", ")
    );
    Ok(users)
}

/// Takes one right after the other away.
///
/// # Errors
/// A right that no scenario uses, and one without which the scenario that uses it passes.
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
