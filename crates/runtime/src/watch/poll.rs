//! Keeps a cache filled without the rights to list and watch: asks for objects by name, again and again.
//!
//! Mirrors upstream's `newPollBasedListerWatcher` (prometheus-operator, `pkg/listwatch`), for resources of the cluster such as
//! namespaces.

use std::time::Duration;

use crate::cache::{Cache, Projection};
use crate::client::{Client, retry};
use crate::error::Error;
use crate::resource::ObjectKey;
use crate::shutdown::Shutdown;

/// Fills one cache with objects of the cluster that are known by name.
pub(crate) struct Poller<P> {
    client: Client,
    cache: Cache<P>,
    names: Vec<String>,
    every: Duration,
}

impl<P: Projection> Poller<P> {
    /// A poller of these objects; the cache is for all of them.
    pub(crate) fn new(
        client: Client,
        cache: Cache<P>,
        names: Vec<String>,
        every: Duration,
    ) -> Self {
        Self {
            client,
            cache,
            names,
            every,
        }
    }

    /// Asks until the shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        shutdown
            .or(async {
                loop {
                    if let Err(error) = self.round().await {
                        let resource = self.cache.resource();
                        tracing::warn!(%resource, %error, "poll failed");
                    }
                    let delay = self
                        .client
                        .with_entropy(|entropy| retry::stretch(self.every, entropy));
                    tokio::time::sleep(delay).await;
                }
            })
            .await;
    }

    /// Asks for each once. What can't be told leaves the cache as it was; what may not be read is taken to be absent.
    async fn round(&self) -> Result<(), Error> {
        let mut found = Vec::new();
        for name in &self.names {
            let key = ObjectKey::cluster(name.clone());
            match self.client.get(self.cache.resource(), &key).await {
                Ok(object) => found.extend(object),
                Err(error) if error.is_forbidden() => {
                    tracing::debug!(%key, %error, "known by its name alone");
                }
                Err(error) => return Err(error),
            }
        }
        self.cache.begin_relist("");
        for object in found {
            self.cache.put(&object)?;
        }
        self.cache.finish_relist("", 0);
        Ok(())
    }
}
