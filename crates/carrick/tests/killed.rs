#![cfg(test)]
//! Scenarios of crashes with the program itself: `carrick run` on a real Kubernetes, killed with SIGKILL.

const PROGRAM: &str = env!("CARGO_BIN_EXE_carrick");

#[test]
fn after_ten_writes_of_a_canary() {
    scenarios::real::test_program("killed/after_ten_writes_of_a_canary", PROGRAM);
}

#[test]
fn after_ten_writes_of_a_blue_green() {
    scenarios::real::test_program("killed/after_ten_writes_of_a_blue_green", PROGRAM);
}

#[test]
fn after_ten_writes_of_a_server() {
    scenarios::real::test_program("killed_monitoring/after_ten_writes_of_a_server", PROGRAM);
}
