//! `PersistentVolumes`: binds claims to volumes, and makes volumes for claims of the simulated class.
//!
//! Mirrors `pkg/controller/volume/persistentvolume` and, for class `standard`, what an external provisioner does on a laptop.
//! Not here: recycling, resizing, volume attributes.

mod bind;
pub(crate) mod ephemeral;
pub(crate) mod facts;
pub(crate) mod protection;
mod provision;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::facts::{BIND_COMPLETED, CLASSES, PROVISIONED_BY, VOLUMES};
use super::control::{self, Control, Key};
use super::event::Note;
use super::object::{self, annotation, text};
use super::write::{Target, Work, Write};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// The volume controller. Its keys are claims, and volumes with an empty namespace.
#[derive(Debug)]
pub(crate) struct Volumes {
    /// Whether it makes the default class when it starts.
    make_class: bool,
}

impl Volumes {
    /// A controller, with or without a default class.
    pub(crate) fn new(make_class: bool) -> Self {
        Self { make_class }
    }
}

impl Control for Volumes {
    const NAME: &'static str = "persistentvolume-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        let mut keys = control::keys(session, &known::PERSISTENT_VOLUME_CLAIMS, None);
        keys.extend(control::keys(session, &VOLUMES, None));
        if self.make_class {
            keys.push(provision::class_key());
        }
        keys
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        let claims = || control::keys(session, &known::PERSISTENT_VOLUME_CLAIMS, None);
        if change.resource == known::PERSISTENT_VOLUME_CLAIMS {
            let mut keys = vec![control::itself(change)];
            keys.extend(
                [&change.before, &change.after]
                    .into_iter()
                    .flatten()
                    .map(|c| text(c, "/spec/volumeName"))
                    .filter(|name| !name.is_empty())
                    .map(|name| (String::new(), name.to_owned())),
            );
            return keys;
        }
        if change.resource == VOLUMES {
            let mut keys = claims();
            keys.push(control::itself(change));
            return keys;
        }
        if change.resource == CLASSES {
            return claims();
        }
        Vec::new()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let (namespace, name) = key;
        if *key == provision::class_key() {
            provision::make_class(work)?;
        } else if namespace.is_empty() {
            if let Some(volume) = work.session.get(&VOLUMES, "", name) {
                sync_volume(work, &volume)?;
            }
        } else if let Some(claim) =
            work.session
                .get(&known::PERSISTENT_VOLUME_CLAIMS, namespace, name)
        {
            if annotation(&claim, BIND_COMPLETED).is_some() {
                bind::sync_bound(work, &claim)?;
            } else if !object::is_terminating(&claim) {
                bind::sync_unbound(work, &claim)?;
            }
        }
        Ok(None)
    }
}

/// Tells something about an object, once.
fn tell(work: &mut Work<'_, '_>, about: &Value, warning: bool, reason: &str, message: String) {
    let note = Note::new(about, warning, reason, message);
    work.recorder.record_once(work.session, &note);
}

/// Sets a volume's phase, with a message where something failed.
fn set_phase(
    work: &mut Work<'_, '_>,
    volume: &Value,
    phase: &str,
    message: Option<String>,
) -> Result<(), ApiError> {
    if text(volume, "/status/phase") == phase {
        return Ok(());
    }
    // Since when is the server's to say.
    let mut status = json!({"phase": phase});
    if let Some(message) = message {
        object::set(&mut status, &["message"], json!(message));
    }
    let mut wanted = volume.clone();
    object::set(&mut wanted, &["status"], status);
    work.perform(vec![Write::UpdateStatus(VOLUMES, wanted)])
}

/// Brings a volume's phase into line with its claim; a released one is reclaimed.
fn sync_volume(work: &mut Work<'_, '_>, volume: &Value) -> Result<(), ApiError> {
    let uid = text(volume, "/spec/claimRef/uid");
    if uid.is_empty() {
        return set_phase(work, volume, "Available", None);
    }
    let claim = work
        .session
        .get(
            &known::PERSISTENT_VOLUME_CLAIMS,
            text(volume, "/spec/claimRef/namespace"),
            text(volume, "/spec/claimRef/name"),
        )
        .filter(|c| object::uid(c) == uid);
    let Some(claim) = claim else {
        if text(volume, "/status/phase") == "Failed" {
            return Ok(());
        }
        set_phase(work, volume, "Released", None)?;
        return reclaim(work, volume);
    };
    match text(&claim, "/spec/volumeName") {
        "" => Ok(()),
        name if name == object::name(volume) => set_phase(work, volume, "Bound", None),
        _ => release(work, volume),
    }
}

/// The claim has another volume: this one is reclaimed if it was made for the claim, and free again otherwise.
fn release(work: &mut Work<'_, '_>, volume: &Value) -> Result<(), ApiError> {
    let is_made_for_it = annotation(volume, PROVISIONED_BY).is_some();
    if is_made_for_it && text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
        set_phase(work, volume, "Released", None)?;
        return reclaim(work, volume);
    }
    let mut freed = volume.clone();
    if annotation(volume, facts::BOUND_BY_CONTROLLER).is_some() {
        object::remove(&mut freed, &["spec", "claimRef"]);
        object::remove(
            &mut freed,
            &["metadata", "annotations", facts::BOUND_BY_CONTROLLER],
        );
    } else {
        object::remove(&mut freed, &["spec", "claimRef", "uid"]);
    }
    let freed = work.session.update(&VOLUMES, freed)?;
    set_phase(work, &freed, "Available", None)
}

/// Deletes a released volume whose policy says so, if this controller or the simulated provisioner can.
fn reclaim(work: &mut Work<'_, '_>, volume: &Value) -> Result<(), ApiError> {
    if text(volume, "/spec/persistentVolumeReclaimPolicy") != "Delete"
        || object::is_terminating(volume)
    {
        return Ok(());
    }
    match annotation(volume, PROVISIONED_BY) {
        Some(provision::NAME) => {}
        Some(_) => return Ok(()),
        None => {
            let path = text(volume, "/spec/hostPath/path");
            if volume.pointer("/spec/hostPath").is_none() {
                return Ok(());
            }
            if path.strip_prefix("/tmp/").is_none_or(str::is_empty) {
                let message =
                    format!("host_path deleter only supports /tmp/.+ but received provided {path}");
                let name = object::name(volume);
                let Some(current) = work.session.get(&VOLUMES, "", name) else {
                    return Ok(());
                };
                set_phase(work, &current, "Failed", Some(message.clone()))?;
                tell(work, volume, true, "VolumeFailedDelete", message);
                return Ok(());
            }
        }
    }
    work.perform(vec![Write::Delete(
        Target::of(VOLUMES, volume),
        DeleteOptions::default(),
    )])
}
