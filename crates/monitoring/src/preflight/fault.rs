//! What is wrong in a configuration, and where.

use std::fmt;

/// What is wrong, and the path to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    path: String,
    why: String,
}

impl Fault {
    /// Something wrong with the value itself.
    pub(super) fn here(why: String) -> Self {
        Self {
            path: String::new(),
            why,
        }
    }

    /// The same, seen from the mapping around it.
    #[must_use]
    pub(super) fn within(mut self, key: &str) -> Self {
        let joined = match self.path.as_str() {
            "" => key.to_owned(),
            path if path.starts_with('[') => format!("{key}{path}"),
            path => format!("{key}.{path}"),
        };
        self.path = joined;
        self
    }

    /// The same, seen from the list around it.
    #[must_use]
    pub(super) fn at(mut self, index: usize) -> Self {
        self.path = match self.path.as_str() {
            "" => format!("[{index}]"),
            path if path.starts_with('[') => format!("[{index}]{path}"),
            path => format!("[{index}].{path}"),
        };
        self
    }

    /// Where, as `scrape_configs[0].scheme`; empty for the whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.why)
        } else {
            write!(f, "{}: {}", self.path, self.why)
        }
    }
}

impl std::error::Error for Fault {}
