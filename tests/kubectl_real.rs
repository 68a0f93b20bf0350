//! The kubectl session on a real Kubernetes: `cargo xtask test-real`.

#[test]
fn kubectl_prints_what_was_recorded() {
    scenarios::kubectl::real();
}
