//! The controllers against a simulated Kubernetes, on virtual time.

#[cfg(test)]
mod lab;
#[cfg(test)]
mod tests;
