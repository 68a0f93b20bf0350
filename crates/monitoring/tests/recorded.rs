//! The recorded calls of Prometheus Operator, where they lie beside the checkout.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::print_stdout,
    reason = "in tests, a panic is the failure"
)]

use std::path::{Path, PathBuf};

use monitoring::conformance::{Case, Outcome, run};

fn folder() -> Option<PathBuf> {
    let chosen = std::env::var_os("MONITORING_CASES").map(PathBuf::from);
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/monitoring");
    let folder = chosen.unwrap_or(beside);
    folder.is_dir().then_some(folder)
}

#[test]
fn no_case_differs_without_a_reason() {
    let Some(folder) = folder() else {
        eprintln!("skipped: no recorded calls");
        return;
    };
    let only = std::env::var("MONITORING_ONLY").ok();
    let inside = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let goldens = inside(&folder.join("goldens"));
    let mut files = inside(&folder);
    files.extend(goldens.iter().map(|folder| folder.join("cases.ndjson")));
    files.retain(|path| path.extension().is_some_and(|ending| ending == "ndjson") && path.exists());
    files.sort();
    let mut different = 0;
    for file in files {
        let mut counts = [0; 3];
        for Case { name, outcome } in run(&file, only.as_deref()).unwrap() {
            let place = match outcome {
                Outcome::Equal => 0,
                Outcome::Marked(_) => 1,
                Outcome::Different(difference) => {
                    println!("DIFFERENT {name}: {difference}");
                    2
                }
            };
            counts[place] += 1;
        }
        different += counts[2];
        let [equal, marked, different] = counts;
        println!(
            "{}: {equal} equal, {marked} marked, {different} different",
            file.display()
        );
    }
    assert_eq!(different, 0, "cases differ");
}
