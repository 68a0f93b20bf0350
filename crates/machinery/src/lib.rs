//! See ARCHITECTURE.md.

pub mod builtin;
