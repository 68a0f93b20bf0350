//! A configuration that Alertmanager takes, of those of the selected objects with which it does.

use std::collections::BTreeMap;

use crate::api::AlertmanagerConfig;
use crate::api::alertmanager::AlertmanagerSpec;
use crate::config::alertmanager::{Inputs, LeftOut, Whole, known_version, whole};
use crate::config::version::Version;
use crate::preflight;
use crate::preflight::Fault;
use crate::workload::ALERTMANAGER_VERSION;

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    /// It can't be made.
    #[error("{0}")]
    Unmade(String),
    /// Alertmanager wouldn't take it, whatever is left out.
    #[error("{0}")]
    Refused(String),
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
    let version = inputs.version;
    let made = made_of(inputs, inputs.configs)?;
    let Err(fault) = preflight::alertmanager::check(&made.text, version) else {
        return Ok(made);
    };
    let without = made_of(inputs, &Configs::new())?;
    if preflight::alertmanager::check(&without.text, version).is_err()
        || made.left_out.len() == inputs.configs.len()
    {
        return Err(Unacceptable::Refused(refused(version, &fault)));
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
    let Err(fault) = preflight::alertmanager::check(&made.text, inputs.version) else {
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
    let Err(fault) = preflight::alertmanager::check(&made.text, inputs.version) else {
        return Ok(None);
    };
    Ok(preflight::Before::of(&before.text).in_the_objects_words(&fault))
}

fn made_of(inputs: Inputs<'_>, configs: &Configs) -> Result<Whole, Unacceptable> {
    whole(Inputs { configs, ..inputs }).map_err(Unacceptable::Unmade)
}

fn refused(version: &Version, fault: &Fault) -> String {
    format!("Alertmanager {version} would refuse it: {fault}")
}
