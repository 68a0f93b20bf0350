//! What the controllers of all workloads share: resources, what objects refer to, how wishes become writes, and what is told.

pub mod assets;
pub mod candidates;
pub mod decision;
pub mod references;
pub mod refusals;
pub mod resources;
pub mod selecting;
pub mod service;
pub mod status;
pub mod stored;
pub mod writes;
