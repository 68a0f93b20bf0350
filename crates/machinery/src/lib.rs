//! See ARCHITECTURE.md.

pub mod builtin;
pub mod decode;
pub mod go_json;
pub mod hash;
pub mod patch;
pub mod schema;
