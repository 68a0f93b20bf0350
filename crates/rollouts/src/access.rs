//! What the Rollouts controller needs rights for: what it was seen to call, and the little that no call shows.
//!
//! `data/rights.txt` is written by `cargo xtask generate`, which plays every scenario and notes what the controllers ask a
//! simulated API server for. `carrick rbac` prints the roles from here, the controllers' client sends nothing else, and a
//! test drops one right after the other and sees a scenario fail.

#[cfg(test)]
use runtime::access::recorded;
use runtime::access::{Right, of_recording};

/// What the controllers were seen to call: a right a line, and where it was seen to be needed.
pub const CALLED: &str = include_str!("../data/rights.txt");

/// Rights that are no calls: an API server looks for them while it admits another one. Each with what it is for.
pub const LOOKED_FOR: &[(&str, &str)] = &[(
    "update rollouts/finalizers.argoproj.io",
    "ReplicaSets block the deletion of their Rollout, and clusters that enforce permissions of owner references, as OpenShift \
     does, let only those set that who may set the owner's finalizers",
)];

/// All rights, by group and resource.
pub fn rights() -> Vec<Right> {
    of(CALLED)
}

/// The rights of a recording, and those that no recording shows.
pub fn of(recording: &str) -> Vec<Right> {
    of_recording(recording, LOOKED_FOR.iter().map(|(right, _)| *right))
}

#[test]
fn every_line_of_the_recording_is_a_right_or_a_remark() {
    let lines = CALLED.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        assert!(recorded(line).is_some(), "{line:?}");
    }
    for (text, _) in LOOKED_FOR {
        assert!(text.parse::<Right>().is_ok(), "{text}");
    }
    assert!(rights().len() > 20);
}
