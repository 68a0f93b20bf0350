//! Probes of a container that really runs: when to look, and what follows from what was seen.
//!
//! Mirrors `pkg/kubelet/prober/worker.go`. Looking itself is the runtime's; nothing waits for it here.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::builtin::object::{self, integer, items, text};
use crate::nodes::containers::{Action, Check, ContainerRuntime};

/// What a probe decides about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Startup,
    Liveness,
    Readiness,
}

impl Kind {
    /// The field of a container's spec.
    fn pointer(self) -> &'static str {
        match self {
            Self::Startup => "/startupProbe",
            Self::Liveness => "/livenessProbe",
            Self::Readiness => "/readinessProbe",
        }
    }

    /// As events name it.
    fn name(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// Where one probe of one run of a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Probe {
    kind: Kind,
    /// When to look next; `None` while a look is under way.
    due: Option<Timestamp>,
    holds: bool,
    passed: i64,
    failed: i64,
}

/// The probes of one run of a container. One without probes is ready while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Probes(Vec<Probe>);

/// What is to be done after a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// A look failed: an event tells it.
    Unhealthy(String),
    /// The container is to be started again.
    Restart(String),
}

impl Probes {
    /// Those of a container that starts now.
    pub(super) fn begin(container: &Value, now: Timestamp) -> Self {
        let kinds = [Kind::Startup, Kind::Liveness, Kind::Readiness];
        let declared = kinds
            .into_iter()
            .filter_map(|kind| Some((kind, container.pointer(kind.pointer())?)));
        let begun = declared.map(|(kind, spec)| {
            let delay = integer(spec, "/initialDelaySeconds").unwrap_or(0);
            Probe {
                kind,
                due: Some(object::seconds_after(now, delay)),
                holds: kind == Kind::Liveness,
                passed: 0,
                failed: 0,
            }
        });
        Self(begun.collect())
    }

    fn holds(&self, kind: Kind) -> bool {
        let mut of_kind = self.0.iter().filter(|probe| probe.kind == kind);
        of_kind.all(|probe| probe.holds)
    }

    /// Whether the container has started up.
    pub(super) fn started(&self) -> bool {
        self.holds(Kind::Startup)
    }

    /// Whether it may get requests.
    pub(super) fn ready(&self) -> bool {
        self.started() && self.holds(Kind::Readiness)
    }

    /// Takes in what looks have shown, and begins those that are due.
    pub(super) fn look(
        &mut self,
        runtime: &ContainerRuntime,
        pod: &Value,
        container: &Value,
        (address, now): (IpAddr, Timestamp),
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let (uid, name) = (object::uid(pod), text(container, "/name"));
        let started = self.started();
        for probe in &mut self.0 {
            let done = probe.kind == Kind::Startup && probe.holds;
            let early = probe.kind != Kind::Startup && !started;
            let Some(spec) = container.pointer(probe.kind.pointer()) else {
                continue;
            };
            if done || early {
                continue;
            }
            match probe.due {
                None => {
                    if let Some(outcome) = runtime.0.checked(uid, name, probe.kind.name()) {
                        let period = integer(spec, "/periodSeconds").unwrap_or(10);
                        probe.due = Some(object::seconds_after(now, period));
                        findings.extend(probe.saw(outcome, spec, name));
                    }
                }
                Some(due) if due <= now => {
                    probe.due = None;
                    let check = check(spec, container, address);
                    runtime.0.check(uid, name, probe.kind.name(), check);
                }
                Some(_) => {}
            }
        }
        findings
    }
}

impl Probe {
    fn saw(&mut self, outcome: Result<(), String>, spec: &Value, name: &str) -> Vec<Finding> {
        let threshold = |key: &str, usual: i64| integer(spec, key).unwrap_or(usual).max(1);
        let Err(message) = outcome else {
            (self.passed, self.failed) = (self.passed + 1, 0);
            self.holds |= self.passed >= threshold("/successThreshold", 1);
            return Vec::new();
        };
        (self.passed, self.failed) = (0, self.failed + 1);
        let kind = self.kind.name();
        let mut findings = vec![Finding::Unhealthy(format!(
            "{kind} probe failed: {message}"
        ))];
        if self.failed < threshold("/failureThreshold", 3) {
            return findings;
        }
        self.holds = false;
        if self.kind != Kind::Readiness {
            let probe = kind.to_lowercase();
            let text = format!("Container {name} failed {probe} probe, will be restarted");
            findings.push(Finding::Restart(text));
        }
        findings
    }
}

/// What to look at.
fn check(spec: &Value, container: &Value, address: IpAddr) -> Check {
    let seconds = integer(spec, "/timeoutSeconds").unwrap_or(1);
    let timeout = Duration::from_secs(u64::try_from(seconds).unwrap_or(1).max(1));
    let port = |action: &Value| port_of(action.get("port"), container);
    let host = |action: &Value| match text(action, "/host") {
        "" => address.to_string(),
        host => host.to_owned(),
    };
    let action = if let Some(get) = spec.get("httpGet") {
        let headers = items(get, "/httpHeaders").iter();
        Action::Get {
            host: host(get),
            port: port(get),
            tls: text(get, "/scheme") == "HTTPS",
            path: match text(get, "/path") {
                "" => "/".to_owned(),
                path => path.to_owned(),
            },
            headers: headers
                .map(|header| {
                    (
                        text(header, "/name").to_owned(),
                        text(header, "/value").to_owned(),
                    )
                })
                .collect(),
        }
    } else if let Some(connect) = spec.get("tcpSocket").or_else(|| spec.get("grpc")) {
        Action::Connect {
            host: host(connect),
            port: port(connect),
        }
    } else {
        Action::Nothing
    };
    Check { action, timeout }
}

/// A port by number, or by the name it has in the container; 0 for one that is not there.
fn port_of(port: Option<&Value>, container: &Value) -> u16 {
    let number = match port {
        Some(Value::String(name)) => {
            let named = |port: &&Value| text(port, "/name") == name;
            let found = items(container, "/ports").iter().find(named);
            found.and_then(|port| integer(port, "/containerPort"))
        }
        other => other.and_then(Value::as_i64),
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn probe(kind: Kind) -> Probe {
        Probe {
            kind,
            due: None,
            holds: kind == Kind::Liveness,
            passed: 0,
            failed: 0,
        }
    }

    fn bad() -> Result<(), String> {
        Err("HTTP probe failed with statuscode: 500".to_owned())
    }

    #[test]
    fn readiness_comes_and_goes_with_its_thresholds() {
        let spec = json!({"successThreshold": 2, "failureThreshold": 2});
        let mut probe = probe(Kind::Readiness);
        let mut holds = Vec::new();
        for outcome in [Ok(()), Ok(()), bad(), Ok(()), bad(), bad()] {
            let findings = probe.saw(outcome, &spec, "c");
            assert!(!findings.iter().any(|f| matches!(f, Finding::Restart(_))));
            holds.push(probe.holds);
        }
        assert_eq!(holds, [false, true, true, true, true, false]);
    }

    #[test]
    fn what_does_not_live_is_started_again() {
        let mut probe = probe(Kind::Liveness);
        let spec = json!({"failureThreshold": 1});
        assert_eq!(
            probe.saw(bad(), &spec, "c"),
            [
                Finding::Unhealthy(
                    "Liveness probe failed: HTTP probe failed with statuscode: 500".to_owned()
                ),
                Finding::Restart("Container c failed liveness probe, will be restarted".to_owned()),
            ]
        );
    }

    #[test]
    fn ports_are_found_by_name() {
        let container = json!({"ports": [{"name": "web", "containerPort": 8080}]});
        let look = |spec: &Value| check(spec, &container, IpAddr::from([127, 9, 0, 1]));
        let get = look(&json!({"httpGet": {"port": "web"}, "timeoutSeconds": 4}));
        assert_eq!(get.timeout, Duration::from_secs(4));
        assert_eq!(
            get.action,
            Action::Get {
                host: "127.9.0.1".to_owned(),
                port: 8080,
                tls: false,
                path: "/".to_owned(),
                headers: Vec::new(),
            }
        );
        assert_eq!(
            look(&json!({"tcpSocket": {"port": 9, "host": "h"}})).action,
            Action::Connect {
                host: "h".to_owned(),
                port: 9
            }
        );
    }

    #[test]
    fn nothing_else_is_looked_at_before_it_has_started_up() {
        let container = json!({"startupProbe": {}, "readinessProbe": {}});
        let mut probes = Probes::begin(&container, Timestamp::UNIX_EPOCH);
        assert!(!probes.started() && !probes.ready());
        probes.0[0].holds = true;
        assert!(probes.started() && !probes.ready());
        probes.0[1].holds = true;
        assert!(probes.ready());
        assert!(Probes::begin(&json!({}), Timestamp::UNIX_EPOCH).ready());
    }
}
