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

/// The ports that are taken: by others, and one by one by this Service.
pub(super) struct Ports {
    used: BTreeSet<i64>,
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

impl Ports {
    /// With what other Services have.
    pub(super) fn new(used: BTreeSet<i64>) -> Self {
        Self { used }
    }

    fn take(&mut self, port: i64) -> Result<(), &'static str> {
        if !RANGE.contains(&port) {
            return Err(OUTSIDE);
        }
        if self.used.insert(port) {
            Ok(())
        } else {
            Err(TAKEN)
        }
    }

    fn next(&mut self, what: &str) -> Result<i64, Refusal> {
        let all = (FIRST_DYNAMIC..=*RANGE.end()).chain(*RANGE.start()..FIRST_DYNAMIC);
        let free = all.into_iter().find(|port| !self.used.contains(port));
        let Some(port) = free else {
            let text = format!("failed to allocate a {what}: range is full");
            return Err(Refusal::Other(internal(&text)));
        };
        self.used.insert(port);
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
            self.allocate_ports(spec, old.is_none(), &kept)?;
        }
        if !service::needs_health_check_port(spec) {
            return Ok(());
        }
        let wanted = spec
            .get("healthCheckNodePort")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        let port = if wanted == 0 {
            self.next("HealthCheck NodePort 0")?
        } else {
            if !kept.contains(&wanted) {
                self.take(wanted).map_err(|error| {
                    let text = format!(
                        "failed to allocate requested HealthCheck NodePort {wanted}: {error}"
                    );
                    Refusal::Other(internal(&text))
                })?;
            }
            wanted
        };
        spec.insert("healthCheckNodePort".to_owned(), json!(port));
        Ok(())
    }

    fn allocate_ports(
        &mut self,
        spec: &mut Object,
        is_new: bool,
        kept: &BTreeSet<i64>,
    ) -> Result<(), Refusal> {
        let allocates = allocates(spec);
        // The node ports of a new Service by port: two protocols of one port share theirs.
        let mut by_port: BTreeMap<i64, i64> = BTreeMap::new();
        let wanted: Vec<(i64, i64)> = list(spec)
            .iter()
            .map(|port| (number(port, "port"), number(port, "nodePort")))
            .collect();
        let mut asked_for = BTreeSet::new();
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for (index, port) in ports.into_iter().flatten().enumerate() {
            let (own, given) = (number(port, "port"), number(port, "nodePort"));
            if given == 0 && !allocates {
                continue;
            }
            let shared = if is_new {
                let requested = wanted
                    .iter()
                    .find(|(port, node)| *port == own && *node != 0);
                by_port
                    .get(&own)
                    .copied()
                    .or(requested.map(|(_, node)| *node))
            } else {
                None
            };
            let node = match (given, shared) {
                (0, Some(shared)) => shared,
                (0, None) => self.next("nodePort")?,
                (given, _) => given,
            };
            let known = by_port.get(&own) == Some(&node) || kept.contains(&node);
            let again = !is_new && !asked_for.insert(node);
            if !known && !again && (given != 0 || shared.is_some()) {
                self.take(node).map_err(|error| {
                    let field = format!("spec.ports[{index}].nodePort");
                    Refusal::Field(FieldError::invalid(field, node, error))
                })?;
            }
            by_port.entry(own).or_insert(node);
            if let Some(port) = port.as_object_mut() {
                port.insert("nodePort".to_owned(), json!(node));
            }
        }
        Ok(())
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
        let mut ports = Ports::new(used.iter().copied().collect());
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
