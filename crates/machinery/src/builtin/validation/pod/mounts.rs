//! Where containers mount volumes and see block devices.

use std::collections::BTreeSet;

use super::volumes::{local_descending, no_backsteps};
use super::{Context, texts_of};
use crate::builtin::validation::read::{At, Errors};

/// `volumeMounts` of a container. Some errors name the list instead of the mount, as the server does.
pub fn mounts(context: &Context<'_>, container: &At<'_>, errors: &mut Errors) {
    let devices = container.child("volumeDevices").items();
    let list = container.child("volumeMounts");
    let device_names = texts_of(&devices, "name");
    let device_paths = texts_of(&devices, "devicePath");
    let mut seen = BTreeSet::new();
    for mount in list.items() {
        let (name, path) = (mount.child("name"), mount.child("mountPath"));
        if name.is_empty() {
            errors.push(name.required(""));
        }
        if !context.volumes.contains_key(name.text()) {
            errors.push(name.not_found());
        }
        if path.is_empty() {
            errors.push(path.required(""));
        }
        if !seen.insert(path.text()) {
            errors.push(path.invalid_as(path.text(), "must be unique"));
        }
        if device_names.contains(name.text()) {
            errors.push(name.invalid_as(name.text(), "must not already exist in volumeDevices"));
        }
        if device_paths.contains(path.text()) {
            errors.push(path.invalid_as(
                path.text(),
                "must not already exist as a path in volumeDevices",
            ));
        }
        sub_paths(&list, &mount, errors);
        propagation(&list, &mount, container, errors);
        recursive_read_only(&list, &mount, errors);
    }
}

fn sub_paths(list: &At<'_>, mount: &At<'_>, errors: &mut Errors) {
    let (path, expression) = (mount.child("subPath"), mount.child("subPathExpr"));
    if !path.is_empty() {
        local_descending(&path.moved(list.path_of("subPath")), errors);
    }
    if !expression.is_empty() {
        if !path.is_empty() {
            errors.push(expression.invalid("subPathExpr and subPath are mutually exclusive"));
        }
        local_descending(&expression.moved(list.path_of("subPathExpr")), errors);
    }
}

fn propagation(list: &At<'_>, mount: &At<'_>, container: &At<'_>, errors: &mut Errors) {
    let Some(mode) = mount.child("mountPropagation").set() else {
        return;
    };
    let mode = mode.moved(list.path_of("mountPropagation"));
    let supported = ["Bidirectional", "HostToContainer", "None"];
    if !supported.contains(&mode.text()) {
        errors.push(mode.not_supported(&supported));
    }
    if mode.text() == "Bidirectional"
        && !container
            .child("securityContext")
            .child("privileged")
            .is_true()
    {
        errors.push(mode.forbidden(
            "Bidirectional mount propagation is available only to privileged containers",
        ));
    }
}

fn recursive_read_only(list: &At<'_>, mount: &At<'_>, errors: &mut Errors) {
    let Some(mode) = mount.child("recursiveReadOnly").set() else {
        return;
    };
    let mode = mode.moved(list.path_of("recursiveReadOnly"));
    match mode.text() {
        "Disabled" => {}
        "Enabled" | "IfPossible" => {
            if !mount.child("readOnly").is_true() {
                errors.push(mode.forbidden("may only be specified when readOnly is true"));
            }
            if mount
                .child("mountPropagation")
                .set()
                .is_some_and(|propagation| propagation.text() != "None")
            {
                errors.push(mode.forbidden(
                    "may only be specified when mountPropagation is None or not specified",
                ));
            }
        }
        _ => errors.push(mode.not_supported(&["Disabled", "Enabled", "IfPossible"])),
    }
}

/// `volumeDevices` of a container.
pub fn devices(context: &Context<'_>, container: &At<'_>, errors: &mut Errors) {
    let mounts = container.child("volumeMounts").items();
    let list = container.child("volumeDevices");
    let mount_names = texts_of(&mounts, "name");
    let mount_paths = texts_of(&mounts, "mountPath");
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for device in list.items() {
        let (name, path) = (device.child("name"), device.child("devicePath"));
        if name.is_empty() {
            errors.push(name.required(""));
        }
        if names.contains(name.text()) {
            errors.push(name.invalid_as(name.text(), "must be unique"));
        }
        match context.volumes.get(name.text()) {
            Some(volume) => {
                if !volume.child("persistentVolumeClaim").is_set()
                    && !volume.child("ephemeral").is_set()
                {
                    let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                    errors.push(name.invalid(detail));
                }
            }
            None => errors.push(name.not_found()),
        }
        if path.is_empty() {
            errors.push(path.required(""));
        }
        if paths.contains(path.text()) {
            errors.push(path.invalid_as(path.text(), "must be unique"));
        }
        let mut backsteps = Errors::new();
        no_backsteps(&path, &mut backsteps);
        if backsteps.is_empty() {
            paths.insert(path.text());
        } else {
            errors.push(path.invalid("can not contain backsteps ('..')"));
        }
        if mount_names.contains(name.text()) {
            errors.push(name.invalid_as(name.text(), "must not already exist in volumeMounts"));
        }
        if mount_paths.contains(path.text()) {
            errors.push(path.invalid_as(
                path.text(),
                "must not already exist as a path in volumeMounts",
            ));
        }
        if !name.is_empty() {
            names.insert(name.text());
        }
    }
}
