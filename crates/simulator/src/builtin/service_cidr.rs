//! Ranges of Service addresses become ready, and stay until no Service has an address of theirs alone.
//!
//! Mirrors `pkg/controller/servicecidrs`.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::time;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::object::{self, items, text};
use super::write::Work;
use crate::apiserver::ranges::Range;
use crate::apiserver::resource::known::{IP_ADDRESSES, SERVICE_CIDRS};
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// Keeps a range while Services need it.
const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
/// Seconds between the DELETE of a range and its end, so that nobody takes an address of it any more.
const GRACE: i64 = 10;

/// The controller of ranges.
pub(crate) struct ServiceCidrs;

impl Control for ServiceCidrs {
    const NAME: &'static str = "service-cidr-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &SERVICE_CIDRS, None)
    }

    fn affected(&self, session: &Session<'_>, change: &Change) -> Vec<Key> {
        if [SERVICE_CIDRS, IP_ADDRESSES].contains(&change.resource) {
            return control::keys(session, &SERVICE_CIDRS, None);
        }
        Vec::new()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let Some(range) = work.session.get(&SERVICE_CIDRS, "", &key.1) else {
            return Ok(None);
        };
        if !object::is_terminating(&range) {
            let mut finalizers = items(&range, "/metadata/finalizers").to_vec();
            if !finalizers.contains(&json!(FINALIZER)) {
                finalizers.push(json!(FINALIZER));
                put_finalizers(work, &range, &finalizers)?;
            }
            let ready = ("True", "", "Kubernetes Service CIDR is ready");
            return tell(work, &range, ready).map(|()| None);
        }
        let ranges = work.session.list(&SERVICE_CIDRS, None);
        let addresses = work.session.list(&IP_ADDRESSES, None);
        if is_needed(&range, &ranges, &addresses) {
            let text = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
            return tell(work, &range, ("False", "Terminating", text)).map(|()| None);
        }
        let marked = object::time(&range, "/metadata/deletionTimestamp").unwrap_or(work.now());
        let end = object::seconds_after(marked, GRACE);
        if end > work.now() {
            return Ok(Some(end));
        }
        let mut finalizers = items(&range, "/metadata/finalizers").to_vec();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        put_finalizers(work, &range, &finalizers).map(|()| None)
    }
}

/// Whether an address is in this range and in no other.
fn is_needed(range: &Value, ranges: &[Arc<Value>], addresses: &[Arc<Value>]) -> bool {
    let holds = |range: &Value, address: Ipv4Addr| {
        let mut all = Range::all(range);
        all.any(|one| one.contains(address))
    };
    let others = || {
        ranges
            .iter()
            .filter(|other| object::name(other) != object::name(range))
    };
    addresses
        .iter()
        .filter_map(|address| object::name(address).parse().ok())
        .any(|address| holds(range, address) && !others().any(|other| holds(other, address)))
}

/// Writes the condition, unless it says so already.
fn tell(
    work: &mut Work<'_, '_>,
    range: &Value,
    (status, reason, message): (&str, &str, &str),
) -> Result<(), ApiError> {
    let said = object::condition(range, "Ready").is_some_and(|found| {
        [
            ("/status", status),
            ("/reason", reason),
            ("/message", message),
        ]
        .iter()
        .all(|(at, wanted)| text(found, at) == *wanted)
    });
    if said {
        return Ok(());
    }
    let condition = json!({
        "type": "Ready", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": time::rfc3339(work.now()),
    });
    patch(
        work,
        range,
        "status",
        &json!({"status": {"conditions": [condition]}}),
    )
}

fn put_finalizers(
    work: &mut Work<'_, '_>,
    range: &Value,
    finalizers: &[Value],
) -> Result<(), ApiError> {
    let change = json!({"metadata": {"finalizers": finalizers}});
    patch(work, range, "", &change)
}

fn patch(
    work: &mut Work<'_, '_>,
    range: &Value,
    subresource: &str,
    patch: &Value,
) -> Result<(), ApiError> {
    let name = object::name(range);
    work.session
        .patch_merge(&SERVICE_CIDRS, "", name, subresource, patch)
        .map(|_| ())
}
