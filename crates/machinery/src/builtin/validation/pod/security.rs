//! Security contexts of pods and containers.

use std::collections::BTreeSet;

use super::volumes::local_descending;
use super::{Context, all_containers, windows};
use crate::builtin::validation::FieldError;
use crate::builtin::validation::read::{At, Errors};

const ID_RANGE: &str = "must be between 0 and 2147483647, inclusive";
const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// `securityContext` of a pod.
pub fn pod(spec: &At<'_>, errors: &mut Errors) {
    let context = spec.child("securityContext");
    for key in ["fsGroup", "runAsUser", "runAsGroup"] {
        id(&context.child(key), errors);
    }
    for group in context.child("supplementalGroups").items() {
        id(&group, errors);
    }
    let share = spec.child("shareProcessNamespace");
    if share.is_true() && spec.child("hostPID").is_true() {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(
            share
                .moved(context.path_of("shareProcessNamespace"))
                .invalid(detail),
        );
    }
    sysctls(spec, &context.child("sysctls"), errors);
    known(
        &context.child("fsGroupChangePolicy"),
        &["Always", "OnRootMismatch"],
        errors,
    );
    seccomp(&context.child("seccompProfile"), errors);
    windows::options(&context.child("windowsOptions"), errors);
    app_armor(&context.child("appArmorProfile"), errors);
    known(
        &context.child("supplementalGroupsPolicy"),
        &["Merge", "Strict"],
        errors,
    );
    known(
        &context.child("seLinuxChangePolicy"),
        &["Recursive"],
        errors,
    );
}

fn known(at: &At<'_>, supported: &[&str], errors: &mut Errors) {
    if at.is_set() && !supported.contains(&at.text()) {
        errors.push(at.not_supported(supported));
    }
}

fn id(at: &At<'_>, errors: &mut Errors) {
    if at.is_set() && !(0..=i64::from(i32::MAX)).contains(&at.int()) {
        errors.push(at.invalid(ID_RANGE));
    }
}

fn sysctls(spec: &At<'_>, list: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for sysctl in list.items() {
        let name = sysctl.child("name");
        if name.is_empty() {
            errors.push(name.required(""));
        } else if !is_sysctl(name.text()) {
            errors.push(name.invalid(
                r"must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
            ));
        } else if seen.contains(name.text()) {
            errors.push(name.duplicate());
        }
        let dotted = name.text().replace('/', ".");
        if spec.child("hostNetwork").is_true() && dotted.starts_with("net.") {
            errors.push(name.invalid("may not be specified when 'hostNetwork' is true"));
        } else if spec.child("hostIPC").is_true()
            && (dotted.starts_with("fs.mqueue.") || is_ipc(&dotted))
        {
            errors.push(name.invalid("may not be specified when 'hostIPC' is true"));
        }
        seen.insert(name.text());
    }
}

fn is_ipc(name: &str) -> bool {
    name.starts_with("kernel.shm") || name.starts_with("kernel.msg") || name == "kernel.sem"
}

fn is_sysctl(name: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let segment = |part: &str| {
        part.starts_with(edge)
            && part.ends_with(edge)
            && part.chars().all(|c| edge(c) || c == '-' || c == '_')
    };
    name.len() <= 253 && name.split(['.', '/']).all(segment)
}

fn seccomp(profile: &At<'_>, errors: &mut Errors) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.child("type"), profile.child("localhostProfile"));
    if kind.is_empty() {
        errors.push(kind.required("type is required when seccompProfile is set"));
    } else {
        known(&kind, &PROFILES, errors);
    }
    if kind.text() != "Localhost" {
        if local.is_set() {
            let value = profile.dump("core.SeccompProfile");
            errors.push(local.invalid_as(value, "can only be set when seccomp type is Localhost"));
        }
    } else if local.is_set() {
        local_descending(&local, errors);
    } else {
        errors.push(local.required("must be set when seccomp type is Localhost"));
    }
}

pub fn app_armor(profile: &At<'_>, errors: &mut Errors) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.child("type"), profile.child("localhostProfile"));
    match kind.text() {
        "Localhost" => {
            if local.is_empty() {
                errors.push(local.required("must be set when AppArmor type is Localhost"));
            } else if local.text().trim() != local.text() {
                errors.push(local.invalid("must not be padded with whitespace"));
            }
            if local.text().len() > 4095 {
                errors.push(FieldError::too_long(local.path(), 4095));
            }
        }
        "RuntimeDefault" | "Unconfined" => {
            if local.is_set() {
                errors.push(local.invalid("can only be set when AppArmor type is Localhost"));
            }
        }
        "" => errors.push(kind.required("type is required when appArmorProfile is set")),
        _ => errors.push(kind.not_supported(&PROFILES)),
    }
}

/// `securityContext` of a container.
pub fn container(context: &Context<'_>, security: &At<'_>, errors: &mut Errors) {
    for key in ["runAsUser", "runAsGroup"] {
        id(&security.child(key), errors);
    }
    let mount = security.child("procMount");
    known(&mount, &["Default", "Unmasked"], errors);
    if context.host_users && mount.text() == "Unmasked" {
        errors.push(mount.invalid("`hostUsers` must be false to use `Unmasked`"));
    }
    seccomp(&security.child("seccompProfile"), errors);
    let escalation = security.child("allowPrivilegeEscalation");
    if escalation.value() == &serde_json::Value::Bool(false) {
        if security.child("privileged").is_true() {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.push(security.invalid_struct("core.SecurityContext", detail));
        }
        for capability in security.child("capabilities").child("add").items() {
            if capability.text() == "CAP_SYS_ADMIN" {
                let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
                errors.push(security.invalid_struct("core.SecurityContext", detail));
            }
        }
    }
    windows::options(&security.child("windowsOptions"), errors);
    app_armor(&security.child("appArmorProfile"), errors);
}

/// A pod with its own user namespace shares no other one with the node.
pub fn host_users(context: &Context<'_>, errors: &mut Errors) {
    if context.host_users {
        return;
    }
    let detail = "when `hostUsers` is false";
    for (key, name) in [
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ] {
        let at = context.spec.renamed(key, name);
        if at.is_true() {
            errors.push(at.forbidden(detail));
        }
    }
    for container in all_containers(&context.spec) {
        let devices = container.child("volumeDevices");
        if !devices.is_empty() {
            errors.push(devices.forbidden(detail));
        }
    }
}
