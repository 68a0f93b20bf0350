//! Scenarios: what a person would try, written once and run on the simulator and on a real Kubernetes.
//!
//! A scenario is an `async fn(&Cluster) -> Result<()>`. It does not know which ground it stands on: [`simulated`] gives it
//! a world of its own in virtual time, [`real`] a namespace on the API server that `CARRICK_TEST_KUBECONFIG` names.
//! Start reading at [`scenarios`], then [`cluster`].

#[cfg(test)]
mod acceptance;
pub mod census;
pub mod cluster;
pub mod controllers;
pub mod difference;
pub mod explore;
pub mod faults;
pub mod fuzz;
mod grounds;
pub mod invariants;
pub mod kubectl;
pub mod ledger;
pub mod md5;
pub mod moments;
pub mod objects;
pub mod products;
pub mod proxy;
pub mod readers;
pub mod real;
pub mod recordings;
pub mod relabeling;
pub mod releases;
pub mod rights;
pub mod scenarios;
pub mod seed;
pub mod simulated;
pub mod state;
pub mod subjects;
pub mod targets;
pub mod unpack;
pub mod warnings;
pub mod webhooks;
pub mod witness;
pub mod workloads;
