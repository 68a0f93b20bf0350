//! Whether what an `APIService` leaves to a Service can be reached. Nothing is asked of a Service here, so nothing can; but
//! what is missing is told as there.
//!
//! Mirrors `kube-aggregator/pkg/controllers/status/{local,remote}`.

use jiff::Timestamp;
use machinery::{meta, time};
use serde_json::{Value, json};

use super::control::{self, Control, Key, key_of};
use super::endpoint_slice::decide::SERVICE_LABEL;
use super::object::{self, count, items, text};
use super::write::Work;
use crate::apiserver::elsewhere::is_remote;
use crate::apiserver::resource::known::{API_SERVICES, ENDPOINT_SLICES, SERVICES};
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// Writes the condition `Available`.
pub(crate) struct ApiAvailability;

/// Status, reason and message of a condition.
type Verdict = (&'static str, &'static str, String);

impl Control for ApiAvailability {
    const NAME: &'static str = "apiservice-availability";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &API_SERVICES, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == API_SERVICES {
            return vec![control::itself(change)];
        }
        let both = || [&change.before, &change.after].into_iter().flatten();
        let name = if change.resource == SERVICES {
            Some(change.name.clone())
        } else if change.resource == ENDPOINT_SLICES {
            both().map(|slice| service_of(slice).to_owned()).next()
        } else {
            None
        };
        let Some(name) = name else {
            return Vec::new();
        };
        let services = session.list(&API_SERVICES, None);
        let concerned = services.iter().filter(|service| {
            text(service, "/spec/service/name") == name
                && text(service, "/spec/service/namespace") == change.namespace
        });
        concerned.map(|service| key_of(service)).collect()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let Some(service) = work.session.get(&API_SERVICES, "", &key.1) else {
            return Ok(None);
        };
        let (status, reason, message) = if is_remote(&service) {
            remote(work.session, &service)
        } else {
            let text = "Local APIServices are always available";
            ("True", "Local", text.to_owned())
        };
        let old = object::condition(&service, "Available");
        let said = |key: &str| old.map(|old| text(old, key)).unwrap_or_default();
        if (said("/status"), said("/reason"), said("/message")) == (status, reason, &message) {
            return Ok(None);
        }
        let since = if said("/status") == status {
            said("/lastTransitionTime").to_owned()
        } else {
            time::rfc3339(work.now())
        };
        let condition = json!({
            "type": "Available", "status": status, "reason": reason, "message": message, "lastTransitionTime": since,
        });
        let others = items(&service, "/status/conditions").iter();
        let others = others.filter(|other| text(other, "/type") != "Available");
        let all: Vec<Value> = others.cloned().chain([condition]).collect();
        let patch = json!({"status": {"conditions": all}});
        let name = object::name(&service);
        work.session
            .patch_merge(&API_SERVICES, "", name, "status", &patch)?;
        Ok(None)
    }
}

fn remote(session: &Session<'_>, service: &Value) -> Verdict {
    let named = |key: &str| text(service, &format!("/spec/service/{key}"));
    let (namespace, name) = (named("namespace"), named("name"));
    let wanted = count(service, "/spec/service/port");
    let lacks = |reason, text: String| ("False", reason, text);
    let Some(found) = session.get(&SERVICES, namespace, name) else {
        let text = format!("service/{name} in {namespace:?} is not present");
        return lacks("ServiceNotFound", text);
    };
    if text(&found, "/spec/type") == "ClusterIP" {
        let ports = items(&found, "/spec/ports");
        let Some(port) = ports.iter().find(|port| count(port, "/port") == wanted) else {
            let text = format!("service/{name} in {namespace:?} is not listening on port {wanted}");
            return lacks("ServicePortError", text);
        };
        let slices = session.list(&ENDPOINT_SLICES, Some(namespace));
        let of_service = slices.iter().filter(|slice| service_of(slice) == name);
        let mut of_service = of_service.peekable();
        if of_service.peek().is_none() {
            let text = format!("cannot find endpointslices for service/{name} in {namespace:?}");
            return lacks("EndpointsNotFound", text);
        }
        let port = text(port, "/name");
        if !of_service.any(|slice| is_ready(slice, port)) {
            let text = format!(
                "endpointslices for service/{name} in {namespace:?} have no addresses with port name {port:?}"
            );
            return lacks("MissingEndpoints", text);
        }
    }
    let text = format!(
        "service/{name} in {namespace:?} is not asked: nothing is proxied to Services here"
    );
    lacks("FailedDiscoveryCheck", text)
}

/// The name of a slice's Service, or nothing.
fn service_of(slice: &Value) -> &str {
    meta::label(slice, SERVICE_LABEL).unwrap_or_default()
}

/// Whether a slice has an address with a port of that name.
fn is_ready(slice: &Value, port: &str) -> bool {
    let ready = |endpoint: &Value| endpoint.pointer("/conditions/ready") != Some(&json!(false));
    let ports = items(slice, "/ports").iter();
    items(slice, "/endpoints").iter().any(ready)
        && ports
            .filter(|found| found.get("port").is_some_and(Value::is_number))
            .any(|found| text(found, "/name") == port)
}
