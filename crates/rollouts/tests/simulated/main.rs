//! The controllers against a simulated Kubernetes, on virtual time.
#![allow(
    clippy::pedantic,
    clippy::cmp_owned,
    reason = "test code that works on JSON values"
)]

#[cfg(test)]
mod lab;
#[cfg(test)]
mod signs;
#[cfg(test)]
mod tests;
