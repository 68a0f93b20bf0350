//! The kubectl session on the simulator.

#[test]
fn kubectl_prints_what_it_prints_with_a_real_kubernetes() {
    scenarios::kubectl::simulated();
}
