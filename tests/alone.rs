//! Scenarios that take a real Kubernetes to themselves, one after the other: `cargo xtask test-real`.

scenarios::each_scenario!(scenarios::real::test_alone);
