//! Node ports of Services (`txnAllocNodePorts` and `txnUpdateNodePorts` of `alloc.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use machinery::builtin::strategy::service;
use machinery::builtin::validation::FieldError;
use serde_json::{Map, Value, json};

use crate::status_error::{ApiError, Cause, Details};

type Object = Map<String, Value>;

const RANGE: RangeInclusive<i64> = 30_000..=32_767;
/// The lowest port that is handed out; those below are for who asks for one, while others are left.
const FIRST_DYNAMIC: i64 = 30_086;

const TAKEN: &str = "provided port is already allocated";
const OUTSIDE: &str =
    "provided port is not in the valid range. The range of valid ports is 30000-32767";

/// Above it are the ports a dry run is told.
const DRY: i64 = 32_768;

/// The ports that are taken: by others, and one by one by this Service.
pub(super) struct Ports {
    used: BTreeSet<i64>,
    /// The highest this write took.
    highest: Option<i64>,
    /// Where looking for a free one begins.
    chance: u32,
    dry_run: bool,
}

/// Why ports can't be had.
pub(super) enum Refusal {
    /// About a field of the Service.
    Field(FieldError),
    /// Not about a field.
    Other(ApiError),
}

fn number(port: &Value, key: &str) -> i64 {
    port.get(key).and_then(Value::as_i64).unwrap_or(0)
}

fn list(spec: &Object) -> &[Value] {
    let list = spec.get("ports").and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// All node ports of a Service, the one for health checks included.
pub(super) fn of(spec: &Object) -> impl Iterator<Item = i64> {
    let health = spec.get("healthCheckNodePort").and_then(Value::as_i64);
    list(spec)
        .iter()
        .map(|port| number(port, "nodePort"))
        .chain(health)
        .filter(|port| *port != 0)
}

fn allocates(spec: &Object) -> bool {
    spec.get("allocateLoadBalancerNodePorts")
        .and_then(Value::as_bool)
        .unwrap_or(true)
}

fn protocol(port: &Value) -> &str {
    port.get("protocol")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

impl Ports {
    /// With what other Services have.
    pub(super) fn new(used: BTreeSet<i64>, chance: u32, dry_run: bool) -> Self {
        Self {
            used,
            highest: None,
            chance,
            dry_run,
        }
    }

    fn take(&mut self, port: i64) -> Result<(), &'static str> {
        // A dry run asks only whether somebody has it.
        if !self.dry_run && !RANGE.contains(&port) {
            return Err(OUTSIDE);
        }
        if !self.used.insert(port) {
            return Err(TAKEN);
        }
        self.highest = self.highest.max(Some(port));
        Ok(())
    }

    fn take_for(&mut self, index: usize, port: i64) -> Result<(), Refusal> {
        self.take(port).map_err(|error| {
            let field = format!("spec.ports[{index}].nodePort");
            Refusal::Field(FieldError::invalid(field, port, error))
        })
    }

    fn next(&mut self, what: &str) -> Result<i64, Refusal> {
        if self.dry_run {
            let port = self.highest.unwrap_or(DRY) + 1;
            self.highest = Some(port);
            return Ok(port);
        }
        let many = RANGE.end() - FIRST_DYNAMIC + 1;
        let first = i64::from(self.chance) % many;
        let dynamic = (0..many).map(|step| FIRST_DYNAMIC + (first + step) % many);
        let free = dynamic
            .chain(*RANGE.start()..FIRST_DYNAMIC)
            .find(|port| !self.used.contains(port));
        let Some(port) = free else {
            let text = format!("failed to allocate a {what}: range is full");
            return Err(Refusal::Other(internal(&text)));
        };
        self.used.insert(port);
        self.highest = self.highest.max(Some(port));
        Ok(port)
    }

    /// Gives the ports of a Service what they lack, and takes what they ask for.
    pub(super) fn allocate(
        &mut self,
        spec: &mut Object,
        old: Option<&Object>,
    ) -> Result<(), Refusal> {
        let kept: BTreeSet<i64> = old.into_iter().flat_map(of).collect();
        self.used.extend(&kept);
        if service::needs_node_port(spec) {
            match old {
                None => self.allocate_new(spec)?,
                Some(old) => self.allocate_changed(spec, old)?,
            }
        }
        if service::needs_health_check_port(spec)
            && !old.is_some_and(service::needs_health_check_port)
        {
            self.allocate_health_check(spec)?;
        }
        Ok(())
    }

    fn allocate_health_check(&mut self, spec: &mut Object) -> Result<(), Refusal> {
        let wanted = spec.get("healthCheckNodePort").and_then(Value::as_i64);
        let port = match wanted.filter(|wanted| *wanted != 0) {
            None => self.next("HealthCheck NodePort 0")?,
            Some(wanted) => {
                self.take(wanted).map_err(|error| {
                    let text = format!(
                        "failed to allocate requested HealthCheck NodePort {wanted}: {error}"
                    );
                    Refusal::Other(internal(&text))
                })?;
                wanted
            }
        };
        spec.insert("healthCheckNodePort".to_owned(), json!(port));
        Ok(())
    }

    /// Of a new Service: two protocols of one port share theirs (`initNodePorts`).
    fn allocate_new(&mut self, spec: &mut Object) -> Result<(), Refusal> {
        let allocates = allocates(spec);
        let wanted: Vec<(i64, i64)> = list(spec)
            .iter()
            .map(|port| (number(port, "port"), number(port, "nodePort")))
            .collect();
        let asked = wanted.iter().rev().filter(|(_, node)| *node != 0);
        let asked: BTreeMap<i64, i64> = asked.copied().collect();
        let mut by_port: BTreeMap<i64, i64> = BTreeMap::new();
        for (index, (own, given)) in wanted.iter().copied().enumerate() {
            if given == 0 && !allocates {
                continue;
            }
            let node = match by_port.get(&own).copied() {
                None => {
                    let node = match asked.get(&own) {
                        Some(node) => {
                            self.take_for(index, *node)?;
                            *node
                        }
                        None => self.next("nodePort")?,
                    };
                    by_port.insert(own, node);
                    node
                }
                Some(shared) if given == 0 || given == shared => shared,
                Some(_) => {
                    self.take_for(index, given)?;
                    given
                }
            };
            set(spec, index, node);
        }
        Ok(())
    }

    /// Of a changed one: what it had is its own (`updateNodePorts`).
    fn allocate_changed(&mut self, spec: &mut Object, old: &Object) -> Result<(), Refusal> {
        let allocates = allocates(spec);
        let kept: BTreeSet<i64> = list(old)
            .iter()
            .map(|port| number(port, "nodePort"))
            .collect();
        let mut seen = BTreeSet::new();
        let ports: Vec<(i64, String)> = list(spec)
            .iter()
            .map(|port| (number(port, "nodePort"), protocol(port).to_owned()))
            .collect();
        let mut asked_for = BTreeSet::new();
        for (index, (given, protocol)) in ports.into_iter().enumerate() {
            if given == 0 && !allocates {
                continue;
            }
            let node = if given == 0 {
                self.next("nodePort")?
            } else {
                if !kept.contains(&given) && asked_for.insert(given) {
                    self.take_for(index, given)?;
                }
                given
            };
            let twice = format!("duplicate nodePort: {{{protocol} {node}}}");
            if !seen.insert((protocol, node)) {
                return Err(Refusal::Other(ApiError::internal(twice)));
            }
            set(spec, index, node);
        }
        Ok(())
    }
}

fn set(spec: &mut Object, index: usize, node: i64) {
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    let port = ports.and_then(|ports| ports.get_mut(index)?.as_object_mut());
    if let Some(port) = port {
        port.insert("nodePort".to_owned(), json!(node));
    }
}

fn internal(text: &str) -> ApiError {
    let details = Details {
        causes: vec![Cause {
            reason: String::new(),
            message: text.to_owned(),
            field: String::new(),
        }],
        ..Details::default()
    };
    let message = format!("Internal error occurred: {text}");
    ApiError::new(500, "InternalError", message, Some(details))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocated(mut spec: Value, used: &[i64]) -> Result<Value, String> {
        let mut ports = Ports::new(used.iter().copied().collect(), 0, false);
        match ports.allocate(spec.as_object_mut().unwrap(), None) {
            Ok(()) => Ok(spec),
            Err(Refusal::Field(error)) => Err(error.to_string()),
            Err(Refusal::Other(error)) => Err(error.message.clone()),
        }
    }

    fn node_port(ports: &Value) -> Value {
        json!({"type": "NodePort", "ports": ports})
    }

    #[test]
    fn ports_are_taken_once_and_shared_between_protocols() {
        let twice =
            node_port(&json!([{"port": 80, "nodePort": 30091}, {"port": 81, "nodePort": 30091}]));
        assert_eq!(
            allocated(twice, &[]),
            Err(format!(
                "spec.ports[1].nodePort: Invalid value: 30091: {TAKEN}"
            ))
        );
        let both = json!([{"port": 80, "nodePort": 30092, "protocol": "TCP"}, {"port": 80, "protocol": "UDP"}]);
        assert_eq!(
            allocated(node_port(&both), &[]).unwrap()["ports"][1]["nodePort"],
            30092
        );
        let free = allocated(node_port(&json!([{"port": 80}])), &[30_086]).unwrap();
        assert_eq!(free["ports"][0]["nodePort"], 30_087);
        let low = node_port(&json!([{"port": 80, "nodePort": 80}]));
        assert_eq!(
            allocated(low, &[]),
            Err(format!(
                "spec.ports[0].nodePort: Invalid value: 80: {OUTSIDE}"
            ))
        );
    }

    #[test]
    fn a_dry_run_is_told_a_port_that_nobody_has() {
        let mut spec =
            node_port(&json!([{"port": 80}, {"port": 81, "nodePort": 80}, {"port": 82}]));
        let mut ports = Ports::new(BTreeSet::new(), 7, true);
        assert!(ports.allocate(spec.as_object_mut().unwrap(), None).is_ok());
        let node = |index: usize| spec["ports"][index]["nodePort"].as_i64();
        assert_eq!([node(0), node(1), node(2)], [32_769, 80, 32_770].map(Some));
    }

    #[test]
    fn an_update_keeps_its_ports_and_asks_for_none_twice() {
        let old = json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30_100, "protocol": "TCP"}]});
        let changed = |ports: Value| {
            let mut spec = node_port(&ports);
            let mut ports = Ports::new(BTreeSet::new(), 0, false);
            match ports.allocate(spec.as_object_mut().unwrap(), old.as_object()) {
                Ok(()) => Ok(spec["ports"].clone()),
                Err(Refusal::Field(error)) => Err(error.to_string()),
                Err(Refusal::Other(error)) => Err(error.message.clone()),
            }
        };
        let kept = json!([{"port": 81, "nodePort": 30_100, "protocol": "TCP"}]);
        assert_eq!(changed(kept.clone()), Ok(kept));
        let twice = json!([
            {"port": 80, "nodePort": 30_101, "protocol": "TCP"},
            {"port": 81, "nodePort": 30_101, "protocol": "TCP"},
        ]);
        assert_eq!(
            changed(twice),
            Err("duplicate nodePort: {TCP 30101}".to_owned())
        );
    }

    #[test]
    fn local_load_balancers_get_a_port_for_health_checks() {
        let local = |more: Value| {
            let mut spec = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]});
            spec.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            spec
        };
        let spec = allocated(local(json!({})), &[]).unwrap();
        assert_eq!(spec["ports"][0]["nodePort"], 30_086);
        assert_eq!(spec["healthCheckNodePort"], 30_087);
        assert_eq!(
            allocated(local(json!({"healthCheckNodePort": 30_080})), &[30_080]),
            Err(format!(
                "Internal error occurred: failed to allocate requested HealthCheck NodePort 30080: {TAKEN}"
            ))
        );
        let without = local(
            json!({"allocateLoadBalancerNodePorts": false, "externalTrafficPolicy": "Cluster"}),
        );
        assert_eq!(
            allocated(without, &[]).unwrap()["ports"],
            json!([{"port": 80}])
        );
    }
}
