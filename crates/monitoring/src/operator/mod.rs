//! The controller of workloads: one for all kinds ([`reconciler`]). What differs from kind to kind is a
//! [`workload::Workload`]; read that next.

pub mod assets;
pub mod binding;
pub mod bindings;
pub mod candidates;
pub mod claims;
pub mod decision;
pub mod gone;
pub mod memory;
pub mod observe;
pub mod outline;
pub mod pass;
pub mod reconciler;
pub mod references;
pub mod refusals;
pub mod rendering;
pub mod resources;
pub mod rule_files;
pub mod scraping;
pub mod selectable;
pub mod selecting;
pub mod service;
pub mod status;
pub mod stored;
pub mod usable;
pub mod watched;
pub mod workload;
pub mod writes;
