//! Every scenario on a real Kubernetes: `cargo xtask test-real`.

scenarios::each_scenario!(scenarios::real::test);
