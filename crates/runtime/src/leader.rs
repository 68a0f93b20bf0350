//! Leader election by a Lease, wire-compatible with client-go's `tools/leaderelection`.
//!
//! [`evaluate`] is pure. As in client-go, whether another's lease still holds is judged by when this process saw it
//! change, not by the times that the other wrote into it: clocks may differ.

use std::time::Duration;

use jiff::Timestamp;
use machinery::time::rfc3339_micro;
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::Error;
use crate::resource::{LEASE, ObjectKey};
use crate::shutdown::Shutdown;

/// Which lease, who we are, and client-go's three durations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderOptions {
    /// Namespace and name of the Lease.
    pub lease: ObjectKey,
    /// `holderIdentity`; see [`identity`].
    pub identity: String,
    /// Others may take over after this long without renewal.
    pub lease_duration: Duration,
    /// The leader gives up after this long without a successful renewal.
    pub renew_deadline: Duration,
    /// Time between attempts.
    pub retry_period: Duration,
}

impl LeaderOptions {
    /// client-go's usual 15, 10 and 2 seconds.
    pub fn new(lease: ObjectKey, identity: impl Into<String>) -> Self {
        Self {
            lease,
            identity: identity.into(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// `hostname_uuid`, as upstream's identities look.
pub fn identity(client: &Client) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!(
        "{}_{}",
        host.trim(),
        client.with_entropy(machinery::entropy::Entropy::uid)
    )
}

/// The part of a Lease that decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseView {
    /// `spec.holderIdentity`; empty when released.
    pub holder: String,
    /// `spec.leaseDurationSeconds`.
    pub duration_seconds: i64,
    /// `spec.renewTime` as written.
    pub renewed: String,
    /// `spec.acquireTime` as written.
    pub acquired: String,
    /// `spec.leaseTransitions`.
    pub transitions: i64,
}

impl LeaseView {
    /// Reads a Lease; missing fields are zero.
    pub fn of(lease: &Value) -> Self {
        let spec = lease.get("spec").unwrap_or(&Value::Null);
        let text = |field: &str| {
            spec.get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let number = |field: &str| spec.get(field).and_then(Value::as_i64).unwrap_or_default();
        Self {
            holder: text("holderIdentity"),
            duration_seconds: number("leaseDurationSeconds"),
            renewed: text("renewTime"),
            acquired: text("acquireTime"),
            transitions: number("leaseTransitions"),
        }
    }

    fn spec(&self) -> Value {
        let Self {
            holder,
            duration_seconds,
            renewed,
            acquired,
            transitions,
        } = self;
        json!({
            "holderIdentity": holder,
            "leaseDurationSeconds": duration_seconds,
            "acquireTime": acquired,
            "renewTime": renewed,
            "leaseTransitions": transitions,
        })
    }
}

/// A lease and when this process first saw it in that state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What was seen.
    pub lease: LeaseView,
    /// Since when.
    pub since: Timestamp,
}

/// What to do about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nobody holds it: take it.
    Acquire,
    /// It is ours: renew it.
    Renew,
    /// Another holds it.
    Yield,
}

/// What `me` does at `now` about the lease as last seen; `None` when there is no Lease.
pub fn evaluate(lease: Option<&Sighting>, me: &str, now: Timestamp) -> Decision {
    let Some(Sighting { lease, since }) = lease else {
        return Decision::Acquire;
    };
    if lease.holder == me {
        return Decision::Renew;
    }
    let held_for = jiff::SignedDuration::from_secs(lease.duration_seconds);
    let expired = now.duration_since(*since) >= held_for;
    if lease.holder.is_empty() || expired {
        Decision::Acquire
    } else {
        Decision::Yield
    }
}

/// One candidate.
pub struct Elector {
    client: Client,
    options: LeaderOptions,
    seen: Option<Sighting>,
    /// The Lease as our last write left it.
    written: Option<Value>,
}

impl Elector {
    /// A candidate that has seen nothing yet.
    pub fn new(client: Client, options: LeaderOptions) -> Self {
        Self {
            client,
            options,
            seen: None,
            written: None,
        }
    }

    /// Waits until the lease is ours. The first attempt is made at once.
    pub async fn acquire(&mut self) {
        tracing::info!(lease = %self.options.lease, "waiting for the lease");
        while !self.succeeded().await {
            let period = self.options.retry_period;
            // client-go: up to 2.2 times the period.
            let extra = self.client.with_entropy(|entropy| entropy.below(1200));
            let jitter = period.saturating_mul(u32::try_from(extra).unwrap_or_default()) / 1000;
            tokio::time::sleep(period + jitter).await;
        }
        tracing::info!(lease = %self.options.lease, "leading");
    }

    /// Renews until that fails for the renew deadline, which means that leadership is lost.
    pub async fn hold(&mut self) {
        loop {
            let (deadline, period) = (self.options.renew_deadline, self.options.retry_period);
            tokio::time::sleep(period).await;
            let attempts = async {
                while !self.succeeded().await {
                    tokio::time::sleep(period).await;
                }
            };
            if tokio::time::timeout(deadline, attempts).await.is_err() {
                tracing::error!(lease = %self.options.lease, "the lease is lost");
                return;
            }
        }
    }

    /// Gives the lease back, so that a successor need not wait.
    pub async fn release(&mut self) -> Result<(), Error> {
        let Some(lease) = self.client.get(&LEASE, &self.options.lease).await? else {
            return Ok(());
        };
        let view = LeaseView::of(&lease);
        if view.holder != self.options.identity {
            return Ok(());
        }
        let now = rfc3339_micro(self.client.clock().now());
        let released = LeaseView {
            holder: String::new(),
            duration_seconds: 1,
            renewed: now.clone(),
            acquired: now,
            transitions: view.transitions,
        };
        let result = self.write(Some(lease), released).await;
        self.written = None;
        result
    }

    /// Leads until the shutdown or until leadership is lost; `work` runs only meanwhile. `true` if it was lost.
    pub async fn lead<F: Future<Output = ()>>(&mut self, work: F, shutdown: &Shutdown) -> bool {
        if shutdown.or(self.acquire()).await.is_none() {
            return false;
        }
        let lost = crate::select! {
            () = work => false,
            () = self.hold() => true,
        };
        if !lost {
            let limit = self.options.renew_deadline;
            match tokio::time::timeout(limit, self.release()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the lease could not be released"),
                Err(error) => tracing::warn!(%error, "the lease could not be released"),
            }
        }
        lost
    }

    async fn succeeded(&mut self) -> bool {
        match self.attempt().await {
            Ok(leading) => leading,
            Err(error) => {
                tracing::warn!(lease = %self.options.lease, %error, "lease not written");
                false
            }
        }
    }

    /// Renews on top of our last write; where that fails, reads the lease and takes or renews it if it may be.
    async fn attempt(&mut self) -> Result<bool, Error> {
        if let Some(lease) = self.written.take() {
            let view = LeaseView::of(&lease);
            let renewed = self.renewed(view.acquired.clone(), view.transitions);
            if self.write(Some(lease), renewed).await.is_ok() {
                return Ok(true);
            }
        }
        let lease = self.client.get(&LEASE, &self.options.lease).await?;
        let now = self.client.clock().now();
        self.see(lease.as_ref().map(LeaseView::of), now);
        let held = self.seen.as_ref().map(|sighting| sighting.lease.clone());
        let (acquired, transitions) =
            match evaluate(self.seen.as_ref(), &self.options.identity, now) {
                Decision::Yield => return Ok(false),
                Decision::Renew => held.map_or((rfc3339_micro(now), 0), |held| {
                    (held.acquired, held.transitions)
                }),
                Decision::Acquire => (
                    rfc3339_micro(now),
                    held.map_or(0, |held| held.transitions + 1),
                ),
            };
        let view = self.renewed(acquired, transitions);
        self.write(lease, view).await?;
        Ok(true)
    }

    /// The lease, held by us and renewed now.
    fn renewed(&self, acquired: String, transitions: i64) -> LeaseView {
        LeaseView {
            holder: self.options.identity.clone(),
            duration_seconds: i64::try_from(self.options.lease_duration.as_secs())
                .unwrap_or(i64::MAX),
            renewed: rfc3339_micro(self.client.clock().now()),
            acquired,
            transitions,
        }
    }

    fn see(&mut self, lease: Option<LeaseView>, now: Timestamp) {
        match lease {
            None => self.seen = None,
            Some(lease) if self.seen.as_ref().is_some_and(|seen| seen.lease == lease) => {}
            Some(lease) => self.seen = Some(Sighting { lease, since: now }),
        }
    }

    /// Creates or replaces the Lease; its resource version guards against another candidate.
    async fn write(&mut self, lease: Option<Value>, view: LeaseView) -> Result<(), Error> {
        let answer = if let Some(mut lease) = lease {
            if let Some(fields) = lease.as_object_mut() {
                fields.insert("spec".to_owned(), view.spec());
            }
            self.client.update(&LEASE, &lease, None).await?
        } else {
            let ObjectKey { namespace, name } = &self.options.lease;
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": name, "namespace": namespace},
                "spec": view.spec(),
            });
            self.client.create(&LEASE, &lease).await?
        };
        self.written = answer.value().ok();
        let now = self.client.clock().now();
        self.see(Some(view), now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(holder: &str, seen_seconds_ago: i64) -> Decision {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let lease = LeaseView {
            holder: holder.to_owned(),
            duration_seconds: 15,
            ..LeaseView::default()
        };
        let since = Timestamp::from_second(1_000_000 - seen_seconds_ago).unwrap();
        evaluate(Some(&Sighting { lease, since }), "me", now)
    }

    #[test]
    fn a_lease_is_taken_when_missing_released_or_expired() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(evaluate(None, "me", now), Decision::Acquire);
        assert_eq!(
            [
                decided("", 0),
                decided("other", 14),
                decided("other", 15),
                decided("me", 0),
                decided("me", 60)
            ],
            [
                Decision::Acquire,
                Decision::Yield,
                Decision::Acquire,
                Decision::Renew,
                Decision::Renew
            ]
        );
    }

    #[test]
    fn a_lease_survives_the_round_trip() {
        let view = LeaseView {
            holder: "host_1".to_owned(),
            duration_seconds: 15,
            renewed: "2030-01-01T00:00:02.000000Z".to_owned(),
            acquired: "2030-01-01T00:00:00.000000Z".to_owned(),
            transitions: 3,
        };
        assert_eq!(LeaseView::of(&json!({"spec": view.spec()})), view);
    }
}
