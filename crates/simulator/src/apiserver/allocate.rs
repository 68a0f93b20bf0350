//! Addresses and node ports of Services (`pkg/registry/core/service/storage/alloc.go`).

mod families;
mod ports;

use std::collections::BTreeSet;

use machinery::builtin::strategy::service;
use machinery::builtin::validation::FieldError;
use machinery::meta;
use serde_json::{Map, Value, json};

use self::families::text;
use self::ports::{Ports, Refusal};
use super::ApiServer;
use super::registry::Served;
use super::resource::known;
use crate::status_error::ApiError;

/// First two bytes of all service addresses: 10.96.0.0/16. The first 256 are for who asks for one.
const RANGE: &str = "10.96";

impl ApiServer {
    /// Gives a Service what it lacks: families, then addresses, then ports. The first that can't be had is told.
    pub(crate) fn allocate(
        &self,
        served: &Served,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), ApiError> {
        if served.resource != known::SERVICES {
            return Ok(());
        }
        let name = meta::name(object).to_owned();
        let own = old.map(meta::uid).unwrap_or_default().to_owned();
        let old = old
            .and_then(|old| old.get("spec"))
            .and_then(Value::as_object);
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        let refused = |errors: &[FieldError]| ApiError::invalid(&served.resource, &name, errors);
        let errors = families::init(spec, old);
        if !errors.is_empty() {
            return Err(refused(&errors));
        }
        if service::needs_cluster_ip(spec) {
            self.allocate_address(spec, &own)
                .map_err(|error| refused(&[error]))?;
        }
        let others = self.services().filter(|service| meta::uid(service) != own);
        let used = others
            .filter_map(|service| service.get("spec")?.as_object())
            .flat_map(ports::of);
        let mut ports = Ports::new(used.collect());
        match ports.allocate(spec, old) {
            Ok(()) => Ok(()),
            Err(Refusal::Field(error)) => Err(refused(&[error])),
            Err(Refusal::Other(error)) => Err(error),
        }
    }

    fn services(&self) -> impl Iterator<Item = &Value> {
        self.objects_of("/services")
    }

    fn allocate_address(&self, spec: &mut Map<String, Value>, own: &str) -> Result<(), FieldError> {
        let wanted = text(spec, "clusterIP").to_owned();
        if wanted == "None" {
            return Ok(());
        }
        if !wanted.is_empty() {
            let complaint = if self.has_address(&wanted, |uid| uid == own) {
                return Ok(());
            } else if !in_range(&wanted) {
                "the provided network does not match the current range"
            } else if self.has_address(&wanted, |uid| uid != own) {
                "provided IP is already allocated"
            } else {
                return Ok(());
            };
            let detail = format!("failed to allocate IP {wanted}: {complaint}");
            return Err(FieldError::invalid(
                "spec.clusterIPs",
                &json!([wanted]),
                detail,
            ));
        }
        let used: BTreeSet<&str> = self
            .services()
            .filter_map(|service| service.pointer("/spec/clusterIP").and_then(Value::as_str))
            .collect();
        let free = (1..=255_u16)
            .flat_map(|third| (1..=254_u16).map(move |fourth| (third, fourth)))
            .map(|(third, fourth)| format!("{RANGE}.{third}.{fourth}"))
            .find(|address| !used.contains(address.as_str()));
        let full = "failed to allocate a serviceIP: range is full";
        let address =
            free.ok_or_else(|| FieldError::invalid("spec.clusterIPs", &json!([]), full))?;
        spec.insert("clusterIP".to_owned(), json!(address));
        spec.insert("clusterIPs".to_owned(), json!([address]));
        Ok(())
    }

    fn has_address(&self, address: &str, of: impl Fn(&str) -> bool) -> bool {
        self.services().any(|service| {
            of(meta::uid(service))
                && service.pointer("/spec/clusterIP").and_then(Value::as_str) == Some(address)
        })
    }
}

/// Whether an address is one of this cluster's.
fn in_range(address: &str) -> bool {
    address
        .strip_prefix(RANGE)
        .is_some_and(|rest| rest.starts_with('.'))
}
