//! Hashes recorded from argo-rollouts: `../shared/conformance/rollouts/hash.ndjson`.

use machinery::hash;
use serde_json::Value;

const CASES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/conformance/rollouts/hash.ndjson"
);

/// The recording leaves out an empty list of steps, which hashes as `[]`; without steps it is `null`.
const EMPTY_STEPS: &str = "varied/TestVariedStepHash/canary/steps_emptied#ComputeStepHash.1";

#[test]
fn hashes_equal_those_recorded_from_upstream() {
    let Ok(text) = std::fs::read_to_string(CASES) else {
        println!("skipped: {CASES} is absent");
        return;
    };
    let mut different = Vec::new();
    let mut equal = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let ours = match case["fn"].as_str().unwrap() {
            "utils/hash.ComputePodTemplateHash" => {
                let input = &case["in"];
                let collision = input.get("collisionCount").and_then(Value::as_i64);
                let collision = collision.map(|count| i32::try_from(count).unwrap());
                hash::pod_template_hash(&input["template"], collision)
            }
            "utils/conditions.ComputeStepHash" => {
                let strategy = &case["in"]["rollout"]["spec"]["strategy"];
                if strategy.get("canary").is_none() {
                    String::new()
                } else if case["case"] == EMPTY_STEPS {
                    hash::step_hash(Some(&Value::Array(Vec::new())))
                } else {
                    hash::step_hash(strategy["canary"].get("steps"))
                }
            }
            other => panic!("unknown function {other}"),
        };
        let theirs = case["out"]["r0"].as_str().unwrap_or_default();
        if ours == theirs {
            equal += 1;
        } else {
            different.push(format!("{}: ours {ours}, theirs {theirs}", case["case"]));
        }
    }
    assert!(
        different.is_empty(),
        "{} of {}:\n{}",
        different.len(),
        different.len() + equal,
        different.join("\n")
    );
}
