//! Whether an AlertmanagerConfig can be added to an Alertmanager's configuration: first what holds for every version, then what
//! the version knows and whether references resolve (upstream's `checkAlertmanagerConfigResource`).

mod global;
mod http;
mod integrations;
mod route;
mod validate;

use std::fmt;

use crate::api::AlertmanagerConfig;
use crate::api::alertmanager_config::{AlertmanagerConfigSpec, Matcher, Route};
use crate::api::common::{SafeTlsConfig, SecretKeySelector};
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::config::alertmanager::convert::child_routes;
use crate::config::assets::Scope;
use crate::config::version::{Since, Version};

use super::{Check, Refusal};

pub use global::{check_global_client, check_global_config};
pub use validate::{ApiVersion, validate};

/// What the checks of references and versions look at.
#[derive(Clone, Copy)]
struct Look<'a> {
    version: &'a Version,
    /// The checks of HTTP clients that monitors have too.
    client: Check<'a>,
}

impl Look<'_> {
    fn before(self, since: Since) -> bool {
        !self.version.at_least(since)
    }

    fn secret(self, reference: &SecretKeySelector) -> Result<String, Refusal> {
        self.client.secret(reference)
    }

    /// An optional reference must resolve.
    fn resolves(self, reference: Option<&SecretKeySelector>) -> Result<(), Refusal> {
        reference.map_or(Ok(()), |one| self.secret(one).map(|_| ()))
    }

    fn tls(self, tls: Option<&SafeTlsConfig>) -> Result<(), Refusal> {
        self.client.safe_tls(tls)
    }

    /// A field that came with a version, in upstream's wording.
    fn known(self, name: &str, set: bool, since: Since) -> Result<(), Refusal> {
        if !set || !self.before(since) {
            return Ok(());
        }
        let (major, minor, patch) = since;
        Err(format!(
            "{name}' is available in Alertmanager >= {major}.{minor}.{patch} only - current {}",
            self.version
        ))
    }
}

/// Why an object can't be used: where in it, as far as that isn't told anyway, and what is wrong, in upstream's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Such as `receivers[0]: slackConfigs[1]`, or empty.
    place: String,
    /// What is wrong there.
    pub why: Refusal,
}

impl From<Refusal> for Unusable {
    fn from(why: Refusal) -> Self {
        Self {
            place: String::new(),
            why,
        }
    }
}

impl Unusable {
    fn within(mut self, outer: &str) -> Self {
        self.place = if self.place.is_empty() {
            outer.to_owned()
        } else {
            format!("{outer}: {}", self.place)
        };
        self
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.why)
        } else {
            write!(f, "{}: {}", self.place, self.why)
        }
    }
}

/// Whether an object can be added.
pub fn check_alertmanager_config(
    config: &AlertmanagerConfig,
    version: &Version,
    scope: Scope,
) -> Result<(), Unusable> {
    validate(&config.spec, ApiVersion::V1alpha1)?;
    looking(version, scope, |look| {
        for (index, receiver) in config.spec.receivers.iter().enumerate() {
            let checked = look.receiver(receiver);
            checked.map_err(|unusable| unusable.within(&format!("receivers[{index}]")))?;
        }
        if let Some(route) = &config.spec.route {
            look.route(route)?;
        }
        look.inhibit_rules(&config.spec, &config.metadata.name)?;
        Ok(())
    })
}

/// Looks with a version into the assets of a namespace.
fn looking<E>(
    version: &Version,
    scope: Scope,
    look: impl Fn(Look) -> Result<(), E>,
) -> Result<(), E> {
    // The checks of clients are those of monitors; what they know of a Prometheus is nothing here.
    let common = CommonPrometheusFields::default();
    look(Look {
        version,
        client: Check {
            common: &common,
            version,
            scope,
        },
    })
}

impl Look<'_> {
    fn route(self, route: &Route) -> Result<(), Refusal> {
        if self.before((0, 22, 0)) && is_compared(&route.matchers) {
            return Err(format!(
                "invalid syntax in route config for 'matchers' comparison based matching is supported in Alertmanager >= 0.22.0 only (matchers={}) (receiver={})",
                shown(&route.matchers),
                route.receiver.as_deref().unwrap_or_default()
            ));
        }
        child_routes(route)?
            .iter()
            .try_for_each(|child| self.route(child))
    }

    fn inhibit_rules(self, spec: &AlertmanagerConfigSpec, name: &str) -> Result<(), Refusal> {
        for (index, rule) in spec.inhibit_rules.iter().enumerate() {
            let (source, target) = (&rule.source_match, &rule.target_match);
            if self.before((0, 22, 0)) {
                if is_compared(source) || is_compared(target) {
                    return Err(format!(
                        "'sourceMatch' and/or 'targetMatch' are using matching syntax which is supported in Alertmanager >= 0.22.0 only (sourceMatch={}, targetMatch={})",
                        shown(source),
                        shown(target)
                    ));
                }
                continue;
            }
            for (side, matchers) in [("target", target), ("source", source)] {
                for (place, matcher) in matchers.iter().enumerate() {
                    route::check_matcher(matcher).map_err(|why| {
                        format!("invalid {side}Matchers[{place}] in inhibitRule[{index}] in config {name}: {why}")
                    })?;
                }
            }
        }
        Ok(())
    }
}

fn is_compared(matchers: &[Matcher]) -> bool {
    let given = |matcher: &Matcher| {
        let kind = matcher.match_type.as_deref();
        kind.is_some_and(|kind| !kind.is_empty())
    };
    matchers.iter().any(given)
}

/// Matchers as Go prints them.
fn shown(matchers: &[Matcher]) -> String {
    let shown = matchers.iter().map(|matcher| {
        format!(
            "{}{}\"{}\"",
            matcher.name,
            matcher.match_type.as_deref().unwrap_or_default(),
            matcher.value.as_deref().unwrap_or_default()
        )
    });
    format!("[{}]", shown.collect::<Vec<String>>().join(" "))
}
