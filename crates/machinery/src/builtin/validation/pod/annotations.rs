//! Annotations of pods that the server reads: mirror pods, deletion cost, and the old forms of security profiles.

use super::volumes::local_descending;
use super::{all_containers, texts_of};
use crate::builtin::APP_ARMOR;
use crate::builtin::validation::read::{At, Errors};

const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const MISMATCH: &str = "type in annotation and field must match";

/// Annotations with a meaning, of pods and templates; the path is the map's.
pub fn specific(annotations: &At<'_>, spec: &At<'_>, errors: &mut Errors) {
    let mirror = annotations.key(MIRROR);
    if mirror.is_set() && spec.child("nodeName").is_empty() {
        errors.push(mirror.invalid("must set spec.nodeName if mirror pod annotation is set"));
    }
    let cost = annotations.key(DELETION_COST);
    if cost.is_set() && !is_cost(cost.text()) {
        errors.push(cost.invalid("must be a 32bit integer"));
    }
    let names = texts_of(&all_containers(spec), "name");
    for (key, value) in annotations.entries() {
        if key == SECCOMP_POD || key.starts_with(SECCOMP_CONTAINER) {
            seccomp(&value.moved(annotations.path_of(key)), errors);
        }
        if let Some(container) = key.strip_prefix(APP_ARMOR) {
            if !names.contains(container) {
                errors.push(value.invalid_as(container, "container not found"));
            }
            let profile = value.text();
            let known = matches!(profile, "" | "runtime/default" | "unconfined")
                || profile.starts_with("localhost/");
            if !known {
                errors.push(value.invalid(format!("invalid AppArmor profile name: {profile:?}")));
            }
        }
    }
}

/// A 32-bit integer, without a leading plus or zeros.
fn is_cost(text: &str) -> bool {
    text.parse::<i32>()
        .is_ok_and(|cost| cost.to_string() == text)
}

fn seccomp(at: &At<'_>, errors: &mut Errors) {
    match at.text() {
        "runtime/default" | "docker/default" | "unconfined" => {}
        text => match text.strip_prefix("localhost/") {
            Some(path) => {
                let value = serde_json::Value::from(path);
                local_descending(&At::new(at.path(), &value), errors);
            }
            None => errors.push(at.invalid("must be a valid seccomp profile")),
        },
    }
}

/// Old annotations and new fields must say the same.
pub fn match_fields(metadata: &At<'_>, spec: &At<'_>, errors: &mut Errors) {
    let annotations = metadata.child("annotations");
    let pod = spec.child("securityContext");
    seccomp_matches(
        annotations.key(SECCOMP_POD),
        &pod.child("seccompProfile"),
        errors,
    );
    let containers = all_containers(spec);
    for container in &containers {
        let key = format!("{SECCOMP_CONTAINER}{}", container.child("name").text());
        seccomp_matches(
            annotations.key(&key),
            &container.child("securityContext").child("seccompProfile"),
            errors,
        );
    }
    for container in &containers {
        let path = container.child("securityContext").child("appArmorProfile");
        let profile = if path.is_set() {
            path.clone()
        } else {
            pod.child("appArmorProfile").moved(path.path())
        };
        let key = format!("{APP_ARMOR}{}", container.child("name").text());
        app_armor_matches(annotations.key(&key), &profile, errors);
    }
}

fn seccomp_matches(annotation: At<'_>, profile: &At<'_>, errors: &mut Errors) {
    let Some(annotation) = annotation.set() else {
        return;
    };
    let kind = profile.child("type");
    let local = annotation.text().strip_prefix("localhost/");
    let same = match kind.text() {
        "Unconfined" => annotation.text() == "unconfined",
        "RuntimeDefault" => matches!(annotation.text(), "runtime/default" | "docker/default"),
        "Localhost" => local.is_some(),
        _ => true,
    };
    if !same {
        errors.push(kind.forbidden(format!("seccomp {MISMATCH}")));
    } else if kind.text() == "Localhost"
        && local != profile.child("localhostProfile").value().as_str()
    {
        let at = profile.child("localhostProfile");
        errors.push(at.forbidden("seccomp profile in annotation and field must match"));
    }
}

fn app_armor_matches(annotation: At<'_>, profile: &At<'_>, errors: &mut Errors) {
    let Some(annotation) = annotation.set() else {
        return;
    };
    let kind = profile.child("type");
    let local = annotation.text().strip_prefix("localhost/");
    let same = match kind.text() {
        "Unconfined" => annotation.text() == "unconfined",
        "RuntimeDefault" => annotation.text() == "runtime/default",
        "Localhost" => local.is_some(),
        _ => true,
    };
    if !same {
        errors.push(kind.forbidden(format!("apparmor {MISMATCH}")));
    } else if kind.text() == "Localhost"
        && local != profile.child("localhostProfile").value().as_str()
    {
        let at = profile.child("localhostProfile");
        errors.push(at.forbidden("apparmor profile in annotation and field must match"));
    }
}

/// Annotations that an update of a pod may not touch.
pub fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    for (key, value) in old.entries() {
        let now = new.key(key);
        if now.value() == value.value() {
            continue;
        }
        if key.starts_with(APP_ARMOR) {
            errors.push(now.forbidden("may not remove or update AppArmor annotations"));
        }
        if key == MIRROR {
            errors.push(now.forbidden("may not remove or update mirror pod annotation"));
        }
    }
    for (key, value) in new.entries() {
        if old.key(key).is_set() {
            continue;
        }
        if key.starts_with(APP_ARMOR) {
            errors.push(value.forbidden("may not add AppArmor annotations"));
        }
        if key == MIRROR {
            errors.push(value.forbidden("may not add mirror pod annotation"));
        }
    }
}
