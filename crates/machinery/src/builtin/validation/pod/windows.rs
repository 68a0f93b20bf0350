//! What containers of Windows may say (`validateWindowsSecurityContextOptions`, `validateWindowsHostProcessPod` and
//! `validateWindows` of `pkg/apis/core/validation/validation.go`).

use super::all_containers;
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::{BadValue, FieldError};
use crate::{go_json, names};

const NOT_FOR_WINDOWS: &str = "cannot be set for a windows pod";
/// Longest specification of credentials, in KiB.
const CREDENTIALS: usize = 64;
/// A domain is shorter than this, in bytes.
const DOMAIN: usize = 256;
/// Longest name of a user, in bytes.
const USER: usize = 104;

/// `windowsOptions` of a pod's or container's security context.
pub fn options(options: &At<'_>, errors: &mut Errors) {
    if let Some(name) = options.child("gmsaCredentialSpecName").set() {
        let complaints = names::dns1123_subdomain(name.text());
        errors.extend(complaints.into_iter().map(|text| refused(&name, text)));
    }
    if let Some(credentials) = options.child("gmsaCredentialSpec").set() {
        if credentials.is_empty() {
            errors.push(refused(
                &credentials,
                "gmsaCredentialSpec cannot be an empty string",
            ));
        } else if credentials.text().len() > CREDENTIALS * 1024 {
            let detail = format!("gmsaCredentialSpec size must be under {CREDENTIALS} KiB");
            errors.push(refused(&credentials, detail));
        }
    }
    if let Some(name) = options.child("runAsUserName").set() {
        let complaints = user_name(name.text());
        errors.extend(complaints.into_iter().map(|text| refused(&name, text)));
    }
}

/// A text that is refused; Go has a pointer to it, and shows it as JSON.
fn refused(at: &At<'_>, detail: impl Into<String>) -> FieldError {
    at.invalid_as(BadValue::Json(go_json::to_string(at.value(), None)), detail)
}

/// What is wrong with `USER` or `DOMAIN\USER`.
fn user_name(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec!["runAsUserName cannot be an empty string".to_owned()];
    }
    if name.bytes().any(|byte| byte.is_ascii_control()) {
        return vec!["runAsUserName cannot contain control characters".to_owned()];
    }
    if name.matches('\\').count() > 1 {
        return vec!["runAsUserName cannot contain more than one backslash".to_owned()];
    }
    let (domain, user) = match name.split_once('\\') {
        Some((domain, user)) => (Some(domain), user),
        None => (None, name),
    };
    let mut complaints = Vec::new();
    if domain.is_some_and(|domain| domain.len() >= DOMAIN) {
        complaints.push(format!(
            "runAsUserName's Domain length must be under {DOMAIN} characters"
        ));
    }
    if domain.is_some_and(|domain| !is_net_bios(domain) && !is_dns(domain)) {
        complaints
            .push("runAsUserName's Domain doesn't match the NetBios nor the DNS format".to_owned());
    }
    if user.is_empty() {
        complaints.push("runAsUserName's User cannot be empty".to_owned());
    } else if user.len() > USER {
        complaints.push(format!(
            "runAsUserName's User length must not be longer than {USER} characters"
        ));
    }
    if !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')) {
        complaints.push("runAsUserName's User cannot contain only periods or spaces".to_owned());
    }
    if user.contains([
        '"', '/', '\\', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>', '@', '[', ']',
    ]) {
        complaints.push(
            "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"
                .to_owned(),
        );
    }
    complaints
}

fn is_net_bios(domain: &str) -> bool {
    (1..=15).contains(&domain.chars().count())
        && !domain.starts_with('.')
        && !domain.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|'])
}

fn is_dns(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// `hostProcess` of a pod or a container.
fn process_of<'a>(holder: &At<'a>) -> At<'a> {
    let options = holder.child("securityContext").child("windowsOptions");
    options.child("hostProcess")
}

/// Containers that are processes of the node: all of them or none, and in its network.
pub fn host_process(spec: &At<'_>, errors: &mut Errors) {
    let of_pod = process_of(spec).value().as_bool();
    let containers = all_containers(spec);
    let mut count = 0;
    for container in &containers {
        let at = process_of(container);
        let own = at.value().as_bool();
        if let (Some(pod), Some(own)) = (of_pod, own)
            && pod != own
        {
            errors.push(at.invalid(format!(
                "pod hostProcess value must be identical if both are specified, was {pod}"
            )));
        }
        count += usize::from(own.or(of_pod) == Some(true));
    }
    if count == 0 {
        return;
    }
    if count != containers.len() {
        let detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        errors.push(spec.invalid_as("", detail));
    }
    let network = spec.child("hostNetwork");
    if !network.is_true() {
        let detail = "hostNetwork must be true if pod contains any hostProcess containers";
        errors.push(network.invalid_as(BadValue::Json("false".to_owned()), detail));
    }
}

/// What a pod that says it is for Windows can't have.
pub fn pod(spec: &At<'_>, errors: &mut Errors) {
    let context = spec.child("securityContext");
    let mut refuse = |at: At<'_>, there: bool| {
        if there {
            errors.push(at.forbidden(NOT_FOR_WINDOWS));
        }
    };
    for key in ["appArmorProfile", "seLinuxOptions"] {
        let at = context.child(key);
        refuse(at.clone(), at.is_set());
    }
    let users = spec.child("hostUsers");
    refuse(users.clone(), users.is_set());
    for key in ["hostPID", "hostIPC"] {
        let at = spec.child(key);
        refuse(at.clone(), at.is_true());
    }
    for key in ["seccompProfile", "fsGroup", "fsGroupChangePolicy"] {
        let at = context.child(key);
        refuse(at.clone(), at.is_set());
    }
    let sysctls = context.child("sysctls");
    refuse(sysctls.clone(), !sysctls.is_empty());
    let share = spec.child("shareProcessNamespace");
    refuse(share.clone(), share.is_set());
    for key in [
        "runAsUser",
        "runAsGroup",
        "supplementalGroups",
        "supplementalGroupsPolicy",
        "seLinuxChangePolicy",
    ] {
        let at = context.child(key);
        refuse(at.clone(), at.is_set());
    }
    for container in all_containers(spec) {
        let context = container.child("securityContext");
        for key in [
            "appArmorProfile",
            "seLinuxOptions",
            "seccompProfile",
            "capabilities",
            "readOnlyRootFilesystem",
            "privileged",
            "allowPrivilegeEscalation",
            "procMount",
            "runAsUser",
            "runAsGroup",
        ] {
            let at = context.child(key);
            refuse(at.clone(), at.is_set());
        }
    }
}
