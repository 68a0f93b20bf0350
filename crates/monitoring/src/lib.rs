//! Monitoring: the kinds of `monitoring.coreos.com` and what is made of them. See ARCHITECTURE.md.

pub mod api;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod duration;
pub mod selection;
pub mod url;
