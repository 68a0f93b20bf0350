#![cfg(test)]
//! The server as clients have it: `kube::Client` in this process on virtual time, and sockets on which anything is sent.

mod bad_input;
mod conversions;
mod identities;
mod in_process;
mod many;
mod metrics;
#[path = "../sockets/mod.rs"]
mod sockets;
mod sockets_of_watches;
mod virtual_time;
mod webhooks;
