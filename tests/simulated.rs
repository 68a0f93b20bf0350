//! Every scenario on the simulator.

scenarios::each_scenario!(scenarios::simulated::test);
