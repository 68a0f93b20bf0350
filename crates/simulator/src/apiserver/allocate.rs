//! Addresses and node ports of Services (`pkg/registry/core/service/storage/alloc.go`).

mod families;
mod ports;

use std::collections::BTreeSet;
use std::sync::Arc;

use machinery::builtin::strategy::service;
use machinery::builtin::validation::FieldError;
use machinery::{hash, meta};
use serde_json::{Map, Value, json};

use self::families::text;
use self::ports::{Ports, Refusal};
use super::ApiServer;
use super::registry::Served;
use super::resource::known;
use crate::status_error::ApiError;

/// First two bytes of all service addresses.
const PREFIX: &str = "10.96";
/// Addresses that are handed out: 10.96.1.1 to 10.96.255.254. Those below are for who asks for one.
const THIRDS: u32 = 255;
const FOURTHS: u32 = 254;
/// What a dry run is told instead of an address that nobody has.
const DRY: &str = "10.96.0.0";

impl ApiServer {
    /// Gives a Service what it lacks, before anything else of it is looked at: families, then addresses, then ports. The
    /// first that can't be had is told (`beginCreate` and `beginUpdate` of `storage.go`).
    pub(crate) fn allocate(
        &self,
        served: &Served,
        object: &mut Value,
        old: Option<&Value>,
        dry_run: bool,
    ) -> Result<(), ApiError> {
        if served.resource != known::SERVICES {
            return Ok(());
        }
        let name = meta::name(object).to_owned();
        let own = meta::uid(old.unwrap_or(object)).to_owned();
        let refused = |errors: &[FieldError]| ApiError::invalid(&served.resource, &name, errors);
        let old = old.and_then(Value::as_object);
        if let Some(fields) = object.as_object_mut() {
            match old {
                Some(old) => service::take_over(fields, old),
                None => service::sync_cluster_ips(fields, None),
            }
        }
        let old = old
            .and_then(|old| old.get("spec"))
            .and_then(Value::as_object);
        let errors = families::init(object, old);
        if !errors.is_empty() {
            return Err(refused(&errors));
        }
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        // Of what has addresses already, none is changed.
        let lacks = old.is_none_or(|old| !service::needs_cluster_ip(old));
        if lacks && service::needs_cluster_ip(spec) {
            let whose = (name.as_str(), own.as_str());
            self.allocate_address(spec, whose, dry_run)
                .map_err(|error| refused(&[error]))?;
        }
        let others: Vec<Arc<Value>> = self
            .services()
            .filter(|service| meta::uid(service) != own)
            .collect();
        let used = others
            .iter()
            .filter_map(|service| service.get("spec")?.as_object())
            .flat_map(ports::of);
        let mut ports = Ports::new(used.collect(), self.chance(&own), dry_run);
        match ports.allocate(spec, old) {
            Ok(()) => Ok(()),
            Err(Refusal::Field(error)) => Err(refused(&[error])),
            Err(Refusal::Other(error)) => Err(error),
        }
    }

    fn services(&self) -> impl Iterator<Item = Arc<Value>> {
        self.objects_of("/services")
    }

    /// Where looking for something free begins. What was given back isn't handed out again at once.
    fn chance(&self, own: &str) -> u32 {
        hash::fnv32a(format!("{own} {}", self.revision()).as_bytes())
    }

    fn allocate_address(
        &self,
        spec: &mut Map<String, Value>,
        (name, own): (&str, &str),
        dry_run: bool,
    ) -> Result<(), FieldError> {
        let wanted = text(spec, "clusterIP").to_owned();
        if wanted == "None" {
            return Ok(());
        }
        // An address that is handed out is an object of its own, which names the Service.
        let unnamed = |address: &str| {
            let nobody = name.is_empty() && !dry_run;
            nobody.then(|| format!("IPAddress.networking.k8s.io {address:?} is invalid: spec.parentRef.name: Required value"))
        };
        if !wanted.is_empty() {
            let complaint = self.may_have(&wanted, dry_run).err();
            let Some(complaint) = complaint.or_else(|| unnamed(&wanted)) else {
                return Ok(());
            };
            let detail = format!("failed to allocate IP {wanted}: {complaint}");
            let shown = json!([wanted]);
            return Err(FieldError::invalid("spec.clusterIPs", &shown, detail));
        }
        let address = if dry_run {
            DRY.to_owned()
        } else {
            let full = "failed to allocate a serviceIP: range is full";
            self.free_address(own)
                .ok_or_else(|| FieldError::invalid("spec.clusterIPs", &json!([]), full))?
        };
        if let Some(complaint) = unnamed(&address) {
            let detail = format!("failed to allocate IP: {complaint}");
            return Err(FieldError::invalid("spec.clusterIPs", &json!([""]), detail));
        }
        spec.insert("clusterIP".to_owned(), json!(address));
        spec.insert("clusterIPs".to_owned(), json!([address]));
        Ok(())
    }

    /// Whether a new Service may have an address. A dry run isn't told that somebody has it.
    fn may_have(&self, address: &str, dry_run: bool) -> Result<(), String> {
        let inside = address
            .strip_prefix(PREFIX)
            .is_some_and(|rest| rest.starts_with('.'));
        let other = !dry_run && self.other_range_offers(address);
        let edges = [DRY.to_owned(), format!("{PREFIX}.255.255")];
        if !other && !inside && !dry_run {
            return Err("the provided network does not match the current range".to_owned());
        }
        if !other && (!inside || edges.iter().any(|edge| edge == address)) {
            return Err(format!(
                "the provided IP ({address}) is not in the valid range. The range of valid IPs is {DRY}/16"
            ));
        }
        let has = |service: Arc<Value>| {
            service.pointer("/spec/clusterIP").and_then(Value::as_str) == Some(address)
        };
        if !dry_run && self.services().any(has) {
            return Err("provided IP is already allocated".to_owned());
        }
        Ok(())
    }

    fn free_address(&self, own: &str) -> Option<String> {
        let services: Vec<Arc<Value>> = self.services().collect();
        let used: BTreeSet<&str> = services
            .iter()
            .filter_map(|service| service.pointer("/spec/clusterIP").and_then(Value::as_str))
            .collect();
        let (all, first) = (THIRDS * FOURTHS, self.chance(own));
        (0..all)
            .map(|step| (first % all + step) % all)
            .map(|at| format!("{PREFIX}.{}.{}", 1 + at / FOURTHS, 1 + at % FOURTHS))
            .find(|address| !used.contains(address.as_str()))
    }
}
