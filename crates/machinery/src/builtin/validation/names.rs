//! Which rule the name of an object of a built-in kind follows.

use serde_json::Value;

use super::net;
use super::read::{At, Errors};
use crate::names;

/// A rule for names; generated names are checked by the same rule before their suffix is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// A lower-case DNS subdomain.
    Subdomain,
    /// A lower-case DNS label.
    Label,
    /// Anything that can be one segment of a URL path.
    PathSegment,
    /// A subdomain short enough for the names of its Jobs: `CronJob`.
    CronJob,
    /// An IP address in its canonical form.
    IpAddress,
}

impl NameRule {
    /// The rule of a kind.
    pub fn of(group: &str, kind: &str) -> Self {
        match (group, kind) {
            ("", "Namespace" | "Service") | ("apps", "StatefulSet") => Self::Label,
            ("batch", "CronJob") => Self::CronJob,
            ("rbac.authorization.k8s.io" | "apiregistration.k8s.io", _)
            | ("certificates.k8s.io", "CertificateSigningRequest") => Self::PathSegment,
            ("networking.k8s.io", "IPAddress") => Self::IpAddress,
            _ => Self::Subdomain,
        }
    }

    /// Complaints about a name, or about a prefix of names (`generateName`).
    pub fn complaints(self, name: &str, prefix: bool) -> Vec<String> {
        let masked = if prefix {
            mask_trailing_dash(name)
        } else {
            name.to_owned()
        };
        match self {
            Self::Subdomain | Self::CronJob => names::dns1123_subdomain(&masked),
            Self::Label => names::dns1123_label(&masked),
            Self::PathSegment => path_segment(name, prefix),
            // Prefixes are not thought of.
            Self::IpAddress => {
                let value = Value::from(name);
                let mut errors = Errors::new();
                net::strict_ip(&At::new("", &value), &mut errors);
                errors.into_iter().map(|error| error.detail).collect()
            }
        }
    }
}

/// Complaints about a text that is to be one segment of a path.
pub fn path_segment(name: &str, prefix: bool) -> Vec<String> {
    if !prefix && (name == "." || name == "..") {
        return vec![format!("may not be '{name}'")];
    }
    let found = ["/", "%"].into_iter().filter(|part| name.contains(part));
    found
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

/// Go replaces the last *two* characters by `a` (`maskTrailingDash`).
fn mask_trailing_dash(name: &str) -> String {
    match name.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            let mut masked = rest.to_owned();
            masked.pop();
            masked.push('a');
            masked
        }
        _ => name.to_owned(),
    }
}
