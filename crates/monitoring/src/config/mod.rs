//! The generators: from objects to the configuration files of the programs.
//!
//! Pure: the same input gives the same bytes. Documents are built as ordered values and printed by one emitter, so that no
//! text of a user is ever pasted into YAML.

pub mod alertmanager;
pub mod assets;
pub(crate) mod file_name;
pub(crate) mod headers;
pub mod prometheus;
pub mod version;
pub mod yaml;
