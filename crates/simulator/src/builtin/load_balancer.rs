//! Services of type `LoadBalancer`: an address outside the cluster, a while after they ask for one.
//!
//! Mirrors `k8s.io/cloud-provider/controllers/service`, with a cloud that has the addresses set aside for documentation. Without a
//! delay in the settings there is no cloud, as in a cluster without one; annotation `carrick.dev/load-balancer-after` (a Go
//! duration) on a Service then makes one for it, and otherwise another delay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::Timestamp;
use machinery::duration::GoDuration;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::event::Note;
use super::object::{self, items, text};
use super::write::{Work, is_not_found};
use crate::apiserver::resource::known;
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// Finalizer that keeps a Service until its load balancer is gone.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// Annotation with the time a Service has to wait.
const AFTER: &str = "carrick.dev/load-balancer-after";
/// The networks for documentation of RFC 5737, in the order in which they are used.
const NETWORKS: [[u8; 3]; 3] = [[203, 0, 113], [198, 51, 100], [192, 0, 2]];

/// The service controller of a cloud.
pub(crate) struct LoadBalancers {
    delay: Option<GoDuration>,
    /// Since when Services have been waiting.
    waiting: BTreeMap<Key, Timestamp>,
}

impl LoadBalancers {
    /// A cloud that takes this long; none without it.
    pub(crate) fn new(delay: Option<GoDuration>) -> Self {
        Self {
            delay,
            waiting: BTreeMap::new(),
        }
    }
}

impl Control for LoadBalancers {
    const NAME: &'static str = "service-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &known::SERVICES, None)
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == known::SERVICES {
            vec![control::itself(change)]
        } else {
            Vec::new()
        }
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let Some(service) = work.session.get(&known::SERVICES, &key.0, &key.1) else {
            self.waiting.remove(key);
            return Ok(None);
        };
        let Some(delay) = delay(&service).or(self.delay) else {
            return Ok(None);
        };
        if !wants(&service) || object::is_terminating(&service) {
            self.waiting.remove(key);
            if has_finalizer(&service) {
                give_up(work, &service)?;
            }
            return Ok(None);
        }
        if !has_finalizer(&service) {
            let patch = json!({"metadata": {"finalizers": with_finalizer(&service)}});
            patch_service(work, &service, "", &patch)?;
        }
        if !items(&service, "/status/loadBalancer/ingress").is_empty() {
            return Ok(None);
        }
        let since = if let Some(since) = self.waiting.get(key) {
            *since
        } else {
            self.waiting.insert(key.clone(), work.now());
            let text = "Ensuring load balancer".to_owned();
            work.perform(vec![Note::normal(&service, "EnsuringLoadBalancer", text)])?;
            work.now()
        };
        let due = object::milliseconds_after(since, delay.as_millis());
        if due > work.now() {
            return Ok(Some(due));
        }
        let services = work.session.list(&known::SERVICES, None);
        let Some(address) = address(&service, services.iter().map(AsRef::as_ref)) else {
            let text =
                "Error syncing load balancer: failed to ensure load balancer: no address is left"
                    .to_owned();
            work.perform(vec![Note::warning(
                &service,
                "SyncLoadBalancerFailed",
                text,
            )])?;
            return Ok(Some(object::seconds_after(work.now(), 5)));
        };
        let ingress = json!([{"ip": address, "ipMode": "VIP"}]);
        let patch = json!({"status": {"loadBalancer": {"ingress": ingress}}});
        patch_service(work, &service, "status", &patch)?;
        self.waiting.remove(key);
        let text = "Ensured load balancer".to_owned();
        work.perform(vec![Note::normal(&service, "EnsuredLoadBalancer", text)])?;
        Ok(None)
    }
}

/// Whether a Service is this cloud's: of the type, and of no class.
fn wants(service: &Value) -> bool {
    text(service, "/spec/type") == "LoadBalancer"
        && text(service, "/spec/loadBalancerClass").is_empty()
}

fn delay(service: &Value) -> Option<GoDuration> {
    let text = object::annotation(service, AFTER)?;
    let delay = GoDuration::parse(text).ok();
    delay.filter(|delay| delay.as_millis() >= 0)
}

fn has_finalizer(service: &Value) -> bool {
    items(service, "/metadata/finalizers")
        .iter()
        .any(|finalizer| finalizer == FINALIZER)
}

fn with_finalizer(service: &Value) -> Vec<Value> {
    let mut all = items(service, "/metadata/finalizers").to_vec();
    all.push(json!(FINALIZER));
    all
}

/// The load balancer goes, and what tells of it.
fn give_up(work: &mut Work<'_, '_>, service: &Value) -> Result<(), ApiError> {
    let text = "Deleting load balancer".to_owned();
    work.perform(vec![Note::normal(service, "DeletingLoadBalancer", text)])?;
    if !items(service, "/status/loadBalancer/ingress").is_empty() {
        let patch = json!({"status": {"loadBalancer": {"ingress": null}}});
        patch_service(work, service, "status", &patch)?;
    }
    let mut rest = items(service, "/metadata/finalizers").to_vec();
    rest.retain(|finalizer| finalizer != FINALIZER);
    let patch = json!({"metadata": {"finalizers": rest}});
    patch_service(work, service, "", &patch)?;
    let text = "Deleted load balancer".to_owned();
    work.perform(vec![Note::normal(service, "DeletedLoadBalancer", text)])
}

fn patch_service(
    work: &mut Work<'_, '_>,
    service: &Value,
    subresource: &str,
    patch: &Value,
) -> Result<(), ApiError> {
    let patched = work.session.patch_merge(
        &known::SERVICES,
        object::namespace(service),
        object::name(service),
        subresource,
        patch,
    );
    match patched {
        Err(error) if !is_not_found(&error) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The address a Service asks for, or the first that nobody has.
fn address<'a>(service: &Value, all: impl Iterator<Item = &'a Value>) -> Option<String> {
    let wanted = text(service, "/spec/loadBalancerIP");
    if !wanted.is_empty() {
        return Some(wanted.to_owned());
    }
    let used: BTreeSet<&str> = all
        .flat_map(|other| items(other, "/status/loadBalancer/ingress"))
        .map(|ingress| text(ingress, "/ip"))
        .collect();
    NETWORKS
        .iter()
        .flat_map(|[a, b, c]| (1..=254).map(|d| Ipv4Addr::new(*a, *b, *c, d).to_string()))
        .find(|address| !used.contains(address.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_first_free_ones_or_the_one_asked_for() {
        let with = |ip: &str| json!({"status": {"loadBalancer": {"ingress": [{"ip": ip}]}}});
        let all = [with("203.0.113.1"), with("203.0.113.3")];
        let plain = json!({});
        assert_eq!(address(&plain, all.iter()).unwrap(), "203.0.113.2");
        let asking = json!({"spec": {"loadBalancerIP": "192.0.2.9"}});
        assert_eq!(address(&asking, all.iter()).unwrap(), "192.0.2.9");
        let full: Vec<Value> = (1..=254).map(|d| with(&format!("203.0.113.{d}"))).collect();
        assert_eq!(address(&plain, full.iter()).unwrap(), "198.51.100.1");
    }
}
