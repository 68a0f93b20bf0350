//! Details of volumes that other systems provide.

use crate::builtin::validation::read::{At, Errors};
use crate::names;

/// What a source asks for besides its required fields.
pub fn details(key: &str, source: &At<'_>, errors: &mut Errors) {
    match key {
        "iscsi" => {
            let name = source.child("iqn");
            let known = ["iqn", "eui", "naa"];
            if !name.is_empty() && !known.iter().any(|prefix| name.text().starts_with(prefix)) {
                errors.push(name.invalid("must be valid format starting with iqn, eui, or naa"));
            }
            unit(&source.child("lun"), errors);
        }
        "fc" => fibre_channel(source, errors),
        "flocker" => {
            let (name, id) = (source.child("datasetName"), source.child("datasetUUID"));
            if name.is_empty() && id.is_empty() {
                errors.push(source.required("one of datasetName and datasetUUID is required"));
            } else if !name.is_empty() && !id.is_empty() {
                let detail = "datasetName and datasetUUID can not be specified simultaneously";
                errors.push(source.invalid_as("resource", detail));
            }
        }
        "quobyte" => {
            let (registry, volume) = (source.child("registry"), source.child("volume"));
            if registry.is_empty() {
                let detail = "must be a host:port pair or multiple pairs separated by commas";
                errors.push(registry.required(detail));
            }
            if volume.is_empty() {
                errors.push(volume.required(""));
            }
        }
        _ => driver(source, errors),
    }
}

fn unit(lun: &At<'_>, errors: &mut Errors) {
    if !(0..=255).contains(&lun.int()) {
        errors.push(lun.invalid("must be between 0 and 255, inclusive"));
    }
}

fn fibre_channel(source: &At<'_>, errors: &mut Errors) {
    let (targets, ids) = (source.child("targetWWNs"), source.child("wwids"));
    if targets.is_empty() && ids.is_empty() {
        errors.push(targets.required("must specify either targetWWNs or wwids, but not both"));
    }
    if targets.is_empty() {
        return;
    }
    if !ids.is_empty() {
        errors.push(targets.invalid("targetWWNs and wwids can not be specified simultaneously"));
    }
    let lun = source.child("lun");
    if lun.is_set() {
        unit(&lun, errors);
    } else {
        errors.push(lun.required("lun is required if targetWWNs is specified"));
    }
}

fn driver(source: &At<'_>, errors: &mut Errors) {
    let driver = source.child("driver");
    if !driver.is_empty() {
        let complaints = names::dns1123_subdomain(&driver.text().to_lowercase());
        driver.complain(complaints, errors);
    }
    if let Some(secret) = source.child("nodePublishSecretRef").set()
        && secret.child("name").is_empty()
    {
        errors.push(secret.child("name").required(""));
    }
}
