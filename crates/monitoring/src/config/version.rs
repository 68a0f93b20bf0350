//! Semantic versions, read tolerantly: a leading `v`, a missing patch level.

use std::cmp::Ordering;
use std::fmt;

/// A version; build metadata is forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Major version.
    pub major: u64,
    /// Minor version.
    pub minor: u64,
    /// Patch level.
    pub patch: u64,
    /// Pre-release, as `rc.0`.
    pre: Vec<Identifier>,
}

/// A version threshold: `(2, 26, 0)`.
pub type Since = (u64, u64, u64);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Text(String),
}

/// The text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version: expected something like `v3.5.0`")]
pub struct VersionError(String);

impl Version {
    /// Reads a version: ` v2.53`, `3.0.0-rc.0`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let invalid = || VersionError(text.to_owned());
        let bare = text.trim().trim_start_matches('v');
        let bare = bare.split_once('+').map_or(bare, |(version, _)| version);
        let (core, pre) = match bare.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (bare, None),
        };
        let mut parts = [0u64; 3];
        let mut given = 0;
        for (index, part) in core.split('.').enumerate() {
            let slot = parts.get_mut(index).ok_or_else(invalid)?;
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(invalid());
            }
            *slot = part.parse().map_err(|_| invalid())?;
            given = index + 1;
        }
        if pre.is_some() && given < 3 {
            return Err(invalid());
        }
        let [major, minor, patch] = parts;
        let pre = pre.map(identifiers).unwrap_or_default();
        Ok(Self {
            major,
            minor,
            patch,
            pre,
        })
    }

    /// Whether it is this version or a later one.
    pub fn at_least(&self, since: Since) -> bool {
        match (self.major, self.minor, self.patch).cmp(&since) {
            Ordering::Less => false,
            Ordering::Equal => self.pre.is_empty(),
            Ordering::Greater => true,
        }
    }

    /// Whether it is that pre-release or a later version.
    pub fn at_least_pre(&self, since: Since, pre: &str) -> bool {
        match (self.major, self.minor, self.patch).cmp(&since) {
            Ordering::Less => false,
            Ordering::Equal => self.pre.is_empty() || self.pre >= identifiers(pre),
            Ordering::Greater => true,
        }
    }
}

fn identifiers(pre: &str) -> Vec<Identifier> {
    pre.split('.')
        .map(|part| {
            part.parse()
                .map_or_else(|_| Identifier::Text(part.to_owned()), Identifier::Number)
        })
        .collect()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        for (index, identifier) in self.pre.iter().enumerate() {
            f.write_str(if index == 0 { "-" } else { "." })?;
            match identifier {
                Identifier::Number(number) => write!(f, "{number}")?,
                Identifier::Text(text) => f.write_str(text)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn versions_are_read_tolerantly() {
        assert_eq!(version("v3.5").to_string(), "3.5.0");
        assert_eq!(version(" 2.53.3+build").to_string(), "2.53.3");
        assert_eq!(version("3.0.0-rc.0").to_string(), "3.0.0-rc.0");
        for text in ["", "v", "latest", "3.x", "1.2.3.4", "3.0-rc.0"] {
            assert!(Version::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pre_release_comes_before_its_release() {
        assert!(!version("3.0.0-rc.0").at_least((3, 0, 0)));
        assert!(version("3.0.0-rc.1").at_least_pre((3, 0, 0), "rc.0"));
        assert!(!version("3.0.0-beta.1").at_least_pre((3, 0, 0), "rc.0"));
        assert!(version("3.0.0-rc.10").at_least_pre((3, 0, 0), "rc.9"));
        assert!(version("3.0.0").at_least((3, 0, 0)));
        assert!(version("3.0.1-rc.0").at_least((3, 0, 0)));
    }
}
