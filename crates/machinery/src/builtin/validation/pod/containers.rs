//! Containers of a pod: regular ones, init containers and ephemeral ones.

use std::collections::BTreeSet;

use super::{Context, env, mounts, probes, resources, security};
use crate::builtin::validation::{
    FieldError,
    read::{At, Errors},
};
use crate::names;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const NOT_INIT: &str = "may not be set for init containers without restartPolicy=Always";

/// The fields an ephemeral container may have, as JSON names.
const EPHEMERAL: [&str; 18] = [
    "name",
    "image",
    "command",
    "args",
    "workingDir",
    "envFrom",
    "env",
    "volumeMounts",
    "volumeDevices",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
    "targetContainerName",
    "resources",
];

/// `containers`.
pub fn regular(context: &Context<'_>, errors: &mut Errors) {
    let containers = context.spec.child("containers");
    if containers.is_empty() {
        errors.push(containers.required(""));
        return;
    }
    let mut seen = BTreeSet::new();
    for container in containers.items() {
        common(context, &container, errors);
        let name = container.child("name");
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        probes::lifecycle_and_probes(context, &container, errors);
        restart_policy(&container, errors);
    }
    host_port_conflicts(&containers.items(), errors);
}

/// `initContainers`; those that restart always are sidecars.
pub fn init(context: &Context<'_>, errors: &mut Errors) {
    let regular = context.spec.child("containers").items();
    let mut seen: BTreeSet<&str> = regular
        .iter()
        .map(|container| container.child("name").text())
        .collect();
    let list = context.spec.child("initContainers");
    for container in list.items() {
        common(context, &container, errors);
        restart_policy(&container, errors);
        let name = container.child("name");
        if seen.contains(name.text()) {
            errors.push(name.duplicate());
        } else if !name.is_empty() {
            seen.insert(name.text());
        }
        // Init containers run one by one; Go reports each conflict at index 0.
        host_port_conflicts(&[container.moved(format!("{}[0]", list.path()))], errors);
        let sidecar = container.child("restartPolicy").text() == "Always";
        if sidecar {
            probes::lifecycle_and_probes(context, &container, errors);
        } else {
            for key in [
                "lifecycle",
                "livenessProbe",
                "readinessProbe",
                "startupProbe",
            ] {
                if let Some(set) = container.child(key).set() {
                    errors.push(set.forbidden(NOT_INIT));
                }
            }
            for policy in container.child("resizePolicy").items() {
                let restart = policy.child("restartPolicy");
                if restart.text() == "RestartContainer" {
                    errors.push(restart.invalid(
                        "must not be set to 'RestartContainer' for non-sidecar initContainers",
                    ));
                }
            }
        }
    }
}

/// `ephemeralContainers`.
pub fn ephemeral(context: &Context<'_>, errors: &mut Errors) {
    let mut others = BTreeSet::new();
    for list in ["containers", "initContainers"] {
        others.extend(
            context
                .spec
                .child(list)
                .items()
                .iter()
                .map(|container| container.child("name").text()),
        );
    }
    let mut seen = others.clone();
    for container in context.spec.child("ephemeralContainers").items() {
        common(context, &container, errors);
        image_whitespace(&container, errors);
        let name = container.child("name");
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        let target = container.child("targetContainerName");
        if !target.is_empty() && !others.contains(target.text()) {
            errors.push(target.not_found());
        }
        for (key, _) in container.entries() {
            let field = container.child(key);
            let resources = key == "resources" && !field.is_empty();
            if resources || !EPHEMERAL.contains(&key) {
                errors.push(field.forbidden("cannot be set for an Ephemeral Container"));
            }
        }
        for mount in container.child("volumeMounts").items() {
            for key in ["subPath", "subPathExpr"] {
                let path = mount.child(key);
                if !path.is_empty() {
                    errors.push(path.forbidden("cannot be set for an Ephemeral Container"));
                }
            }
        }
    }
}

/// Images of pods, not of templates, have no spaces around them.
pub fn image_whitespace(container: &At<'_>, errors: &mut Errors) {
    let image = container.child("image");
    if image.text().trim().len() != image.text().len() {
        errors.push(image.invalid("must not have leading or trailing whitespace"));
    }
}

fn common(context: &Context<'_>, container: &At<'_>, errors: &mut Errors) {
    let name = container.child("name");
    if name.is_empty() {
        errors.push(name.required(""));
    } else {
        name.complain(names::dns1123_label(name.text()), errors);
    }
    if container.child("image").is_empty() {
        errors.push(container.child("image").required(""));
    }
    container
        .child("terminationMessagePolicy")
        .one_of(&["File", "FallbackToLogsOnError"], errors);
    ports(&container.child("ports"), errors);
    env::variables(&container.child("env"), errors);
    env::sources(&container.child("envFrom"), errors);
    mounts::mounts(context, container, errors);
    mounts::devices(context, container, errors);
    container
        .child("imagePullPolicy")
        .one_of(&["Always", "IfNotPresent", "Never"], errors);
    resources::container(context, &container.child("resources"), errors);
    resize_policy(context, &container.child("resizePolicy"), errors);
    security::container(context, &container.child("securityContext"), errors);
}

fn ports(ports: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for port in ports.items() {
        let name = port.child("name");
        if !name.is_empty() {
            let complaints = names::port_name(name.text());
            if !complaints.is_empty() {
                name.complain(complaints, errors);
            } else if !seen.insert(name.text()) {
                errors.push(name.duplicate());
            }
        }
        let number = port.child("containerPort");
        if number.int() == 0 {
            errors.push(number.required(""));
        } else {
            number_range(&number, errors);
        }
        let host = port.child("hostPort");
        if host.int() != 0 {
            number_range(&host, errors);
        }
        port.child("protocol").one_of(&PROTOCOLS, errors);
    }
}

fn number_range(port: &At<'_>, errors: &mut Errors) {
    errors.extend(
        names::port_number(port.int())
            .into_iter()
            .map(|complaint| port.invalid(complaint)),
    );
}

fn host_port_conflicts(containers: &[At<'_>], errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for container in containers {
        for port in container.child("ports").items() {
            let host = port.child("hostPort");
            if host.int() == 0 {
                continue;
            }
            let key = format!(
                "{}/{}/{}",
                port.child("protocol").text(),
                port.child("hostIP").text(),
                host.int()
            );
            if !seen.insert(key.clone()) {
                errors.push(FieldError::duplicate(host.path(), key));
            }
        }
    }
}

fn restart_policy(container: &At<'_>, errors: &mut Errors) {
    let (policy, rules) = (
        container.child("restartPolicy"),
        container.child("restartPolicyRules"),
    );
    if policy.is_set() {
        if !["Always", "Never", "OnFailure"].contains(&policy.text()) {
            errors.push(policy.not_supported(&["Always", "Never", "OnFailure"]));
        }
    } else if rules.is_empty() {
        return;
    } else {
        errors.push(policy.required("must specify restartPolicy when restart rules are used"));
    }
    let items = rules.items();
    if items.len() > 20 {
        errors.push(FieldError::too_many(rules.path(), items.len(), 20));
    }
    for rule in items {
        let action = rule.child("action");
        if !["Restart", "RestartAllContainers"].contains(&action.text()) {
            errors.push(action.not_supported(&["Restart", "RestartAllContainers"]));
        }
        let Some(codes) = rule.child("exitCodes").set() else {
            errors.push(rule.child("exitCodes").required("must be specified"));
            continue;
        };
        let operator = codes.child("operator");
        if !["In", "NotIn"].contains(&operator.text()) {
            errors.push(operator.not_supported(&["In", "NotIn"]));
        }
        let values = codes.child("values");
        if values.items().len() > 255 {
            errors.push(FieldError::too_many(
                values.path(),
                values.items().len(),
                255,
            ));
        }
    }
}

fn resize_policy(context: &Context<'_>, policies: &At<'_>, errors: &mut Errors) {
    let never = context.spec.child("restartPolicy").text() == "Never";
    let mut seen = BTreeSet::new();
    for policy in policies.items() {
        let (resource, restart) = (policy.child("resourceName"), policy.child("restartPolicy"));
        if !seen.insert(resource.text()) {
            errors.push(FieldError::duplicate(policy.path(), resource.text()));
        }
        resource
            .moved(policies.path())
            .one_of(&["cpu", "memory"], errors);
        restart
            .moved(policies.path())
            .one_of(&["NotRequired", "RestartContainer"], errors);
        if never && restart.text() != "NotRequired" {
            let detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            errors.push(policies.invalid_as(restart.text(), detail));
        }
    }
}
