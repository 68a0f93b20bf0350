#![cfg(test)]
//! The program as the operator starts it: beside one that can be reloaded, over TLS, and with a real Prometheus.

mod process;
mod prometheus;
mod support;
mod tls;
