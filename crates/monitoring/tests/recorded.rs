//! The recorded calls of Prometheus Operator, where they lie beside the checkout.

use std::path::{Path, PathBuf};

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
    let mut different = 0;
    for (kind, tally) in monitoring::conformance::run(&folder, only.as_deref()).unwrap() {
        for line in &tally.different {
            println!("DIFFERENT {line}");
        }
        different += tally.different.len();
        println!(
            "{kind}: {} equal, {} marked, {} different, {} skipped",
            tally.equal,
            tally.marked,
            tally.different.len(),
            tally.skipped
        );
    }
    assert_eq!(different, 0, "cases differ");
}
