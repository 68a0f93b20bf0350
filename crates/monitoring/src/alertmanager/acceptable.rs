//! A configuration that Alertmanager takes, of those of the selected objects with which it does.

use std::collections::BTreeMap;

use crate::api::AlertmanagerConfig;
use crate::api::alertmanager::AlertmanagerSpec;
use crate::config::alertmanager::{Culprit, Inputs, LeftOut, Unmade, Whole, known_version, whole};
use crate::config::version::Version;
use crate::preflight;
use crate::preflight::{Fault, Variables};
use crate::workload::ALERTMANAGER_VERSION;

/// Why there is no configuration that Alertmanager takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unacceptable {
    /// What is wrong.
    pub why: String,
    /// Who brought it.
    pub of: Culprit,
    /// Whether one was made, which Alertmanager wouldn't take.
    pub is_made: bool,
}

impl Unacceptable {
    /// What is wrong, and of what; `base` is the key of the object that is the base of everything.
    pub fn told(&self, base: Option<&str>) -> String {
        match (self.of, base) {
            (Culprit::Base, Some(key)) => format!("AlertmanagerConfig {key}: {}", self.why),
            (Culprit::Base | Culprit::Alertmanager, _) => self.why.clone(),
        }
    }

    /// What is wrong in a configuration without any selected object.
    fn of_all(inputs: Inputs<'_>, fault: &Fault) -> Self {
        let found = inputs
            .base
            .and_then(|_| preflight::in_the_bases_words(fault));
        let (of, fault) = found.unwrap_or_else(|| (Culprit::Alertmanager, fault.clone()));
        Self {
            why: refused(inputs.version, &fault),
            of,
            is_made: true,
        }
    }
}

/// The version that will read the configuration, if it can be configured.
pub fn version_of(spec: &AlertmanagerSpec) -> Result<Version, String> {
    let given = spec.version.as_deref();
    let given = given.filter(|version| !version.is_empty());
    known_version(given.unwrap_or(ALERTMANAGER_VERSION))
}

/// Objects by `namespace/name`.
type Configs = BTreeMap<String, AlertmanagerConfig>;

/// The configuration, if Alertmanager takes it. An object for which it doesn't is left out, if without any it does.
pub fn acceptable(inputs: Inputs<'_>) -> Result<Whole, Unacceptable> {
    let made = made_of(inputs, inputs.configs)?;
    let Err(fault) = checked(inputs, &made.text) else {
        return Ok(made);
    };
    let without = made_of(inputs, &Configs::new())?;
    let alone = checked(inputs, &without.text);
    if let Err(fault) = &alone {
        return Err(Unacceptable::of_all(inputs, fault));
    }
    if made.left_out.len() == inputs.configs.len() {
        return Err(Unacceptable::of_all(inputs, &fault));
    }
    let mut left_out = made.left_out;
    let rest: Vec<(&String, &AlertmanagerConfig)> = inputs
        .configs
        .iter()
        .filter(|(key, _)| left_out.iter().all(|one| one.key != **key))
        .collect();
    let mut good = Configs::new();
    sort_out(inputs, &rest, &mut good, &mut left_out)?;
    let made = made_of(inputs, &good)?;
    Ok(Whole { left_out, ..made })
}

/// Adds those to the good ones with which Alertmanager takes them: all at once where that goes, else one half after the
/// other, so that a bad one among thousands is found in a few tries.
fn sort_out(
    inputs: Inputs<'_>,
    some: &[(&String, &AlertmanagerConfig)],
    good: &mut Configs,
    left_out: &mut Vec<LeftOut>,
) -> Result<(), Unacceptable> {
    if some.is_empty() {
        return Ok(());
    }
    let mut tried = good.clone();
    let added = some.iter();
    tried.extend(added.map(|(key, config)| ((*key).clone(), (*config).clone())));
    let made = made_of(inputs, &tried)?;
    let Err(fault) = checked(inputs, &made.text) else {
        *good = tried;
        return Ok(());
    };
    if let [(key, config)] = some {
        let alone = Configs::from([((*key).clone(), (*config).clone())]);
        let fault = its_own(inputs, &alone)?.unwrap_or(fault);
        left_out.push(LeftOut {
            key: (*key).clone(),
            why: refused(inputs.version, &fault),
        });
        return Ok(());
    }
    let (first, second) = some.split_at(some.len() / 2);
    sort_out(inputs, first, good, left_out)?;
    sort_out(inputs, second, good, left_out)
}

/// What is wrong with one object without the others, in its own words.
fn its_own(inputs: Inputs<'_>, alone: &Configs) -> Result<Option<Fault>, Unacceptable> {
    let before = made_of(inputs, &Configs::new())?;
    let made = made_of(inputs, alone)?;
    let Err(fault) = checked(inputs, &made.text) else {
        return Ok(None);
    };
    Ok(preflight::Before::of(&before.text).in_the_objects_words(&fault))
}

/// Whether Alertmanager takes a configuration, with what the config-reloader puts in.
fn checked(inputs: Inputs<'_>, text: &str) -> Result<(), Fault> {
    let spec = &inputs.alertmanager.spec;
    let containers = spec.containers.iter().chain(&spec.init_containers);
    preflight::alertmanager::check_with(text, inputs.version, &Variables::of(containers))
}

fn made_of(inputs: Inputs<'_>, configs: &Configs) -> Result<Whole, Unacceptable> {
    whole(Inputs { configs, ..inputs }).map_err(|Unmade { why, of }| Unacceptable {
        why,
        of,
        is_made: false,
    })
}

fn refused(version: &Version, fault: &Fault) -> String {
    format!("Alertmanager {version} would refuse it: {fault}")
}
