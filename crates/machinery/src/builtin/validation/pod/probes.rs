//! Probes and lifecycle hooks of containers.

use super::Context;
use super::spec::port_number_or_name;
use crate::builtin::validation::read::{At, Errors};
use crate::names;

/// Lifecycle and the three probes of a container that may have them.
pub fn lifecycle_and_probes(context: &Context<'_>, container: &At<'_>, errors: &mut Errors) {
    if let Some(lifecycle) = container.child("lifecycle").set() {
        for hook in ["postStart", "preStop"] {
            if let Some(hook) = lifecycle.child(hook).set() {
                handler(
                    &hook,
                    &["exec", "httpGet", "tcpSocket", "sleep"],
                    context.grace,
                    errors,
                );
            }
        }
        if let Some(signal) = lifecycle.child("stopSignal").set()
            && !context.spec.child("os").is_set()
        {
            errors
                .push(signal.forbidden("may not be set for containers with empty `spec.os.name`"));
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.child(key).set() else {
            continue;
        };
        self::probe(&probe, context.grace, errors);
        let (threshold, grace) = (
            probe.child("successThreshold"),
            probe.child("terminationGracePeriodSeconds"),
        );
        if key == "readinessProbe" {
            if grace.is_set() {
                errors.push(grace.invalid("must not be set for readinessProbes"));
            }
        } else if threshold.int() != 1 {
            errors.push(threshold.invalid_as(threshold.int(), "must be 1"));
        }
    }
}

fn probe(probe: &At<'_>, grace: Option<i64>, errors: &mut Errors) {
    handler(
        probe,
        &["exec", "httpGet", "tcpSocket", "grpc"],
        grace,
        errors,
    );
    for key in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        probe.child(key).not_negative(errors);
    }
    let own_grace = probe.child("terminationGracePeriodSeconds");
    if own_grace.is_set() && own_grace.int() <= 0 {
        errors.push(own_grace.invalid("must be greater than 0"));
    }
}

fn handler(handler: &At<'_>, kinds: &[&str], grace: Option<i64>, errors: &mut Errors) {
    let mut found = 0;
    for kind in kinds {
        let Some(action) = handler.child(kind).set() else {
            continue;
        };
        found += 1;
        if found > 1 {
            errors.push(action.forbidden("may not specify more than 1 handler type"));
            found = 1;
            continue;
        }
        match *kind {
            "exec" if action.child("command").is_empty() => {
                errors.push(action.child("command").required(""));
            }
            "httpGet" => http_get(&action, errors),
            "tcpSocket" | "grpc" => port_number_or_name(&action.child("port"), errors),
            "sleep" => sleep(&action, grace, errors),
            _ => {}
        }
    }
    if found == 0 {
        errors.push(handler.required("must specify a handler type"));
    }
}

fn http_get(action: &At<'_>, errors: &mut Errors) {
    if action.child("path").is_empty() {
        errors.push(action.child("path").required(""));
    }
    port_number_or_name(&action.child("port"), errors);
    let scheme = action.child("scheme");
    if !["HTTP", "HTTPS"].contains(&scheme.text()) {
        errors.push(scheme.not_supported(&["HTTP", "HTTPS"]));
    }
    let headers = action.child("httpHeaders");
    for header in headers.items() {
        let name = header.child("name");
        name.moved(headers.path())
            .complain(names::http_header_name(name.text()), errors);
    }
}

fn sleep(action: &At<'_>, grace: Option<i64>, errors: &mut Errors) {
    let seconds = action.child("seconds").int();
    if let Some(grace) = grace.filter(|grace| seconds < 0 || seconds > *grace) {
        let detail =
            format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.push(action.invalid_as(seconds, detail));
    }
}
