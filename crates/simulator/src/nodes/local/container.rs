//! One container's life: waiting, running, ended, started again after a while.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::probe::{Finding, Probes};
use super::{event, spec};
use crate::builtin::object::{self, count, integer, items, text};
use crate::builtin::write::Work;
use crate::nodes::containers::ContainerRuntime;

/// Seconds before the second restart; doubled each time.
const FIRST_BACK_OFF: i64 = 10;
/// Longest wait before a restart.
const LAST_BACK_OFF: i64 = 300;
/// Seconds a container has to run for its past to be forgotten.
const FORGIVEN_AFTER: i64 = 600;

/// One run that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) code: i64,
    pub(super) since: Timestamp,
    pub(super) at: Timestamp,
}

/// Where a container is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has not been started yet, or waits for its next start.
    Waiting {
        reason: &'static str,
        message: String,
        until: Option<Timestamp>,
    },
    /// It runs.
    Running { since: Timestamp },
    /// It ended for good.
    Ended(Ended),
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) phase: Phase,
    pub(super) restarts: i64,
    pub(super) last: Option<Ended>,
    /// Whether its image is known: others are simulated beside it.
    pub(super) is_real: bool,
    probes: Probes,
    /// Whether it was told to end because it doesn't live.
    stopped: bool,
    back_off: i64,
}

impl Container {
    /// Whether it has started up.
    pub(super) fn started(&self) -> bool {
        self.runs() && self.probes.started()
    }

    /// Whether it may get requests.
    pub(super) fn ready(&self) -> bool {
        self.runs() && self.probes.ready() && !self.stopped
    }

    fn runs(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }
}

/// All containers of a pod as they begin; what a former node process left in the status counts as one run more.
pub(super) fn all(pod: &Value) -> BTreeMap<String, Container> {
    let before = |name: &str| {
        ["/status/containerStatuses", "/status/initContainerStatuses"]
            .iter()
            .flat_map(|list| items(pod, list))
            .find(|status| text(status, "/name") == name && status.get("containerID").is_some())
            .map_or(0, |status| count(status, "/restartCount") + 1)
    };
    let reason = if items(pod, "/spec/initContainers").is_empty() {
        "ContainerCreating"
    } else {
        "PodInitializing"
    };
    ["/spec/initContainers", "/spec/containers"]
        .iter()
        .flat_map(|list| items(pod, list))
        .map(|container| {
            let name = text(container, "/name").to_owned();
            let made = Container {
                phase: Phase::Waiting {
                    reason,
                    message: String::new(),
                    until: None,
                },
                restarts: before(&name),
                last: None,
                is_real: false,
                probes: Probes::default(),
                stopped: false,
                back_off: 0,
            };
            (name, made)
        })
        .collect()
}

/// Brings all containers further: those that initialise one after the other, then the others together.
pub(super) fn advance_all(
    work: &mut Work<'_, '_>,
    runtime: &ContainerRuntime,
    pod: &Value,
    address: IpAddr,
    containers: &mut BTreeMap<String, Container>,
) {
    let policy = match text(pod, "/spec/restartPolicy") {
        "" => "Always",
        policy => policy,
    };
    for init in items(pod, "/spec/initContainers") {
        let Some(container) = containers.get_mut(text(init, "/name")) else {
            continue;
        };
        let sidecar = text(init, "/restartPolicy") == "Always";
        let own = match (sidecar, policy) {
            (true, _) => "Always",
            (false, "Never") => "Never",
            (false, _) => "OnFailure",
        };
        advance(work, runtime, pod, (init, container), own, address);
        let done = match &container.phase {
            Phase::Running { .. } => sidecar,
            Phase::Ended(ended) => ended.code == 0,
            Phase::Waiting { .. } => false,
        };
        if !done {
            return;
        }
    }
    for one in items(pod, "/spec/containers") {
        if let Some(container) = containers.get_mut(text(one, "/name")) {
            advance(work, runtime, pod, (one, container), policy, address);
        }
    }
}

fn advance(
    work: &mut Work<'_, '_>,
    runtime: &ContainerRuntime,
    pod: &Value,
    (spec, container): (&Value, &mut Container),
    policy: &str,
    address: IpAddr,
) {
    let now = work.now();
    let name = text(spec, "/name");
    if let Phase::Running { since } = container.phase
        && container.is_real
        && let Some(exit) = runtime.0.exit(object::uid(pod), name)
    {
        let ended = Ended {
            code: exit.code,
            since,
            at: exit.at,
        };
        after_exit(work, pod, name, container, ended, policy);
    }
    if container.is_real && container.runs() && !container.stopped {
        probe(work, runtime, pod, (spec, container), address);
    }
    let due = match &container.phase {
        Phase::Waiting { until, .. } => until.is_none_or(|at| at <= now),
        Phase::Running { .. } | Phase::Ended(_) => false,
    };
    if due {
        start(work, runtime, pod, (spec, container), address);
    }
}

/// Looks at a container that runs; one that doesn't live is told to end, and its end is seen later.
fn probe(
    work: &mut Work<'_, '_>,
    runtime: &ContainerRuntime,
    pod: &Value,
    (spec, container): (&Value, &mut Container),
    address: IpAddr,
) {
    let now = work.now();
    let at = (address, now);
    let subject = (pod, text(spec, "/name"));
    for finding in container.probes.look(runtime, pod, spec, at) {
        match finding {
            Finding::Unhealthy(why) => event(work, subject, true, "Unhealthy", why),
            Finding::Restart(why) => {
                event(work, subject, false, "Killing", why);
                let seconds = integer(pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
                let grace = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
                container.stopped = true;
                runtime.0.stop(object::uid(pod), subject.1, grace);
            }
        }
    }
}

/// A container that ended is started again, after a while, or not.
fn after_exit(
    work: &mut Work<'_, '_>,
    pod: &Value,
    name: &str,
    container: &mut Container,
    ended: Ended,
    policy: &str,
) {
    if policy == "Never" || policy == "OnFailure" && ended.code == 0 {
        container.phase = Phase::Ended(ended);
        return;
    }
    container.last = Some(ended);
    container.restarts += 1;
    if ended.at >= object::seconds_after(ended.since, FORGIVEN_AFTER) {
        container.back_off = 0;
    }
    if container.back_off == 0 {
        // The first one is started again at once.
        container.back_off = FIRST_BACK_OFF;
        container.phase = Phase::Waiting {
            reason: "CrashLoopBackOff",
            message: String::new(),
            until: None,
        };
        return;
    }
    let wait = container.back_off;
    container.back_off = (wait * 2).min(LAST_BACK_OFF);
    let (pod_name, namespace) = (object::name(pod), object::namespace(pod));
    let duration = machinery::duration::GoDuration::from_secs(wait);
    let message = format!(
        "back-off {duration} restarting failed container={name} pod={pod_name}_{namespace}({})",
        object::uid(pod)
    );
    let text = format!(
        "Back-off restarting failed container {name} in pod {pod_name}_{namespace}({})",
        object::uid(pod)
    );
    event(work, (pod, name), true, "BackOff", text);
    container.phase = Phase::Waiting {
        reason: "CrashLoopBackOff",
        message,
        until: Some(object::seconds_after(ended.at, wait)),
    };
}

fn start(
    work: &mut Work<'_, '_>,
    runtime: &ContainerRuntime,
    pod: &Value,
    (spec, container): (&Value, &mut Container),
    address: IpAddr,
) {
    let now = work.now();
    let (image, subject) = (text(spec, "/image"), (pod, text(spec, "/name")));
    container.is_real = runtime.0.knows(image);
    if !container.is_real {
        container.phase = Phase::Running { since: now };
        return;
    }
    let run = match spec::run(work.session, pod, spec, address) {
        Ok(run) => run,
        Err(message) => {
            event(work, subject, true, "Failed", format!("Error: {message}"));
            return wait(container, "CreateContainerConfigError", message, now);
        }
    };
    match runtime.0.start(run) {
        Ok(()) => {
            container.phase = Phase::Running { since: now };
            container.probes = Probes::begin(spec, now);
            container.stopped = false;
            let pulled = format!(
                "Container image {image:?} already present on machine and can be accessed by the pod"
            );
            event(work, subject, false, "Pulled", pulled);
            event(
                work,
                subject,
                false,
                "Created",
                "Container created".to_owned(),
            );
            event(
                work,
                subject,
                false,
                "Started",
                "Container started".to_owned(),
            );
        }
        Err(message) => {
            event(work, subject, true, "Failed", format!("Error: {message}"));
            wait(container, "RunContainerError", message, now);
        }
    }
}

fn wait(container: &mut Container, reason: &'static str, message: String, now: Timestamp) {
    container.phase = Phase::Waiting {
        reason,
        message,
        until: Some(object::seconds_after(now, FIRST_BACK_OFF)),
    };
}
