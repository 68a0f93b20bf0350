//! `lint` of upstream's test files.
#![cfg(test)]
use std::path::Path;

use rollouts::validation::lint::lint;
use serde_json::Value;

#[test]
fn files_are_refused_with_upstreams_first_error() {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/rollouts/lint"
    ));
    let Ok(text) = std::fs::read_to_string(folder.join("cases.json")) else {
        println!("skipped: no recorded cases");
        return;
    };
    let cases: Value = serde_json::from_str(&text).unwrap();
    for case in cases["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let first = lint(&text)
            .first()
            .map(|problem| format!("Error: {problem}\n"));
        assert_eq!(
            first.unwrap_or_default(),
            case["stderr"].as_str().unwrap(),
            "{file}"
        );
    }
}
