//! The handle that scenarios work with: what a person could do with kubectl, and waiting.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use machinery::patch::merge;
use runtime::access::Right;
use runtime::client::{Client, ClientOptions};
use runtime::{Clock, DeleteOptions, ObjectKey, Patch, Propagation, ResourceRef};
use serde_json::{Value, json};
use simulator::world::WorldHandle;

use crate::controllers::{self, Controllers};
use crate::faults::Faults;
use crate::objects::{NAMESPACE, resource_of};
use crate::products::{Options, Stage, With};
use crate::state;
use crate::warnings::Warnings;

/// Where a scenario takes place.
#[derive(Clone)]
pub enum Ground {
    /// A world of its own, in virtual time.
    Simulated(WorldHandle),
    /// A real Kubernetes.
    Real,
}

/// A namespace on some cluster, with the controllers at work in it.
pub struct Cluster {
    /// The scenario's own namespace.
    pub namespace: String,
    pub(crate) stage: &'static Stage,
    pub(crate) ground: Ground,
    pub(crate) client: Client,
    pub(crate) controllers: Option<Controllers>,
    /// What controllers reach the server through, if not as this person.
    pub(crate) transport: Option<kube::Client>,
    /// The program to run controllers with; this process if there is none.
    pub(crate) program: Option<PathBuf>,
    /// What controllers send nothing beside, if they are to keep to it.
    pub(crate) declared: Option<Arc<[Right]>>,
    pub(crate) warnings: Warnings,
}

impl Cluster {
    /// A person's view of a cluster.
    pub fn new(
        stage: &'static Stage,
        ground: Ground,
        client: kube::Client,
        clock: Clock,
        namespace: impl Into<String>,
    ) -> Self {
        let options = ClientOptions {
            clock,
            seed: 7,
            field_manager: "kubectl".to_owned(),
            ..ClientOptions::default()
        };
        let client = Client::new(client, options);
        Self {
            namespace: namespace.into(),
            stage,
            ground,
            client,
            controllers: None,
            transport: None,
            program: None,
            declared: Some(stage.rights().into()),
            warnings: Warnings::default(),
        }
    }

    /// A client of somebody else, whose writes have another field manager.
    pub fn client_of(&self, manager: &str) -> Client {
        let options = ClientOptions {
            clock: self.client.clock(),
            seed: 11,
            field_manager: manager.to_owned(),
            ..ClientOptions::default()
        };
        Client::new(self.client.kube().clone(), options)
    }

    /// Name of a namespace beside the scenario's own.
    pub fn beside_name(&self, beside: &str) -> String {
        format!("{}-{beside}", self.namespace)
    }

    /// The same cluster as seen from a namespace beside the scenario's own. Nobody is at work in the view.
    pub fn view(&self, beside: &str) -> Self {
        Self {
            namespace: self.beside_name(beside),
            stage: self.stage,
            ground: self.ground.clone(),
            client: self.client.clone(),
            controllers: None,
            transport: self.transport.clone(),
            program: self.program.clone(),
            declared: self.declared.clone(),
            warnings: self.warnings.clone(),
        }
    }

    /// Whether time is virtual here.
    pub fn is_simulated(&self) -> bool {
        match self.ground {
            Ground::Simulated(_) => true,
            Ground::Real => false,
        }
    }

    /// From now on whoever sets an owner that cannot go before its dependents must be allowed to set that owner's
    /// finalizers, as `OwnerReferencesPermissionEnforcement` wants it. A real server says so with a flag at its start.
    pub fn enforce_owner_permissions(&self) {
        match &self.ground {
            Ground::Simulated(world) => world.lock().api.enforce_owner_permissions(),
            Ground::Real => {}
        }
    }

    fn options(&self, elected: bool, seed: u64) -> Vec<Options> {
        self.stage.options(&With {
            namespace: self.namespace.clone(),
            elected,
            clock: self.client.clock(),
            seed,
            rights: self.declared.clone(),
        })
    }

    /// Starts the controllers in this process, which reach the server through `transport`.
    pub(crate) fn start(&mut self, transport: kube::Client, faults: Arc<Faults>, seed: u64) {
        let start = controllers::in_process(self.options(false, seed));
        self.controllers = Some(Controllers::start(transport, faults, start));
    }

    /// A namespace of its own on the same ground, with nothing in it and nobody at work.
    pub(crate) async fn beside(&self, suffix: &str) -> Result<Self> {
        let other = self.view(suffix);
        other.prepare(&[]).await?;
        Ok(other)
    }

    /// Starts the controllers as `carrick run` does, behind a Lease: as a process of their own where there is a
    /// program, else in this one.
    pub(crate) fn start_elected(&mut self, faults: Arc<Faults>) {
        let start = match &self.program {
            Some(program) => {
                controllers::process(program.clone(), self.stage.first(), self.namespace.clone())
            }
            None => controllers::in_process(self.options(true, 1)),
        };
        let transport = self.transport.as_ref();
        let transport = transport.unwrap_or_else(|| self.client.kube()).clone();
        self.controllers = Some(Controllers::start(transport, faults, start));
    }

    /// Gives the namespaces up, without waiting for their end.
    pub(crate) async fn leave(&self) -> Result<()> {
        let beside = self.stage.beside.iter();
        let all = beside.map(|beside| self.beside_name(beside));
        for name in all.chain([self.namespace.clone()]) {
            let key = ObjectKey::cluster(name);
            self.client
                .delete(&NAMESPACE, &key, &DeleteOptions::default())
                .await?;
        }
        Ok(())
    }

    /// The client, for what has no verb here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The ground's time.
    pub fn now(&self) -> jiff::Timestamp {
        self.client.clock().now()
    }

    fn key(&self, resource: &ResourceRef, name: &str) -> ObjectKey {
        if resource.namespaced {
            ObjectKey::new(&self.namespace, name)
        } else {
            ObjectKey::cluster(name)
        }
    }

    /// Reads an object; absent is `None`.
    pub async fn find(&self, resource: &ResourceRef, name: &str) -> Result<Option<Value>> {
        Ok(self.client.get(resource, &self.key(resource, name)).await?)
    }

    /// Reads an object that is there.
    pub async fn get(&self, resource: &ResourceRef, name: &str) -> Result<Value> {
        self.find(resource, name)
            .await?
            .with_context(|| format!("no {resource} {name}"))
    }

    /// Lists the objects of the namespace by name.
    pub async fn list(&self, resource: &ResourceRef) -> Result<Vec<Value>> {
        let namespace = if resource.namespaced {
            self.namespace.as_str()
        } else {
            ""
        };
        Ok(self.client.list(resource, namespace, "").await?)
    }

    /// Creates the object, or brings what it says into the one that is there.
    pub async fn apply(&self, object: &Value) -> Result<Value> {
        let resource = resource_of(object)?;
        let mut object = object.clone();
        if resource.namespaced
            && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        {
            metadata.insert("namespace".to_owned(), self.namespace.clone().into());
        }
        let name = machinery::meta::name(&object).to_owned();
        if self.find(&resource, &name).await?.is_some() {
            return self
                .patch(&resource, &name, None, Patch::Merge(object))
                .await;
        }
        Ok(self.client.create(&resource, &object).await?.value()?)
    }

    /// Sends a merge, strategic or JSON patch.
    pub async fn patch(
        &self,
        resource: &ResourceRef,
        name: &str,
        subresource: Option<&str>,
        patch: Patch,
    ) -> Result<Value> {
        let answer = self
            .client
            .patch(resource, &self.key(resource, name), subresource, &patch)
            .await?;
        Ok(answer.value()?)
    }

    /// A merge patch of the object.
    pub async fn merge(&self, resource: &ResourceRef, name: &str, patch: Value) -> Result<Value> {
        self.patch(resource, name, None, Patch::Merge(patch)).await
    }

    /// Reads, changes, and sends back what changed as a merge patch under the resource version that was read.
    pub async fn edit(
        &self,
        resource: &ResourceRef,
        name: &str,
        edit: impl FnOnce(&mut Value),
    ) -> Result<Value> {
        let old = self.get(resource, name).await?;
        let mut new = old.clone();
        edit(&mut new);
        self.merge(resource, name, merge::diff(&old, &new)).await
    }

    /// `kubectl scale`.
    pub async fn scale(&self, resource: &ResourceRef, name: &str, replicas: i64) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        self.patch(resource, name, Some("scale"), patch)
            .await
            .map(drop)
    }

    /// `kubectl set image`, for the first container, again if somebody else was quicker.
    pub async fn set_image(
        &self,
        resource: &ResourceRef,
        name: &str,
        image: &str,
    ) -> Result<Value> {
        loop {
            let old = self.get(resource, name).await?;
            let container = old
                .pointer("/spec/template/spec/containers/0/name")
                .and_then(Value::as_str);
            let new =
                rollouts::commands::set_image(&old, container.context("no container")?, image)?;
            match self.client.update(resource, &new, None).await {
                Err(error) if error.is_conflict() => {}
                answer => return Ok(answer?.value()?),
            }
        }
    }

    /// `kubectl delete`, with the garbage collector deleting what it owns afterwards.
    pub async fn delete(&self, resource: &ResourceRef, name: &str) -> Result<()> {
        let options = DeleteOptions {
            propagation: Some(Propagation::Background),
            ..DeleteOptions::default()
        };
        self.client
            .delete(resource, &self.key(resource, name), &options)
            .await?;
        Ok(())
    }

    /// What the controllers write while time passes: virtual time as given, a moment of the real one.
    pub async fn quiet(&self, time: Duration) -> Result<Vec<String>> {
        let controllers = self.controllers.as_ref().context("no controllers")?;
        let before = controllers.faults.writes().len();
        let time = if self.is_simulated() {
            time
        } else {
            Duration::from_secs(5)
        };
        tokio::time::sleep(time).await;
        let mut writes = controllers.faults.writes();
        Ok(writes.split_off(before.min(writes.len())))
    }

    /// What the controllers warned of so far, if they run in this process.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.all()
    }

    /// Whether nobody else is at work here, so that definitions and nodes may be changed.
    pub fn is_alone(&self) -> bool {
        self.is_simulated() || self.stage.alone
    }

    /// The surroundings.
    pub fn stage(&self) -> &'static Stage {
        self.stage
    }

    /// Drops every task of the controllers and starts them with empty memory.
    pub fn restart_controllers(&self) {
        if let Some(controllers) = &self.controllers {
            controllers.faults.kill();
        }
    }

    /// Drops every task of the controllers; nobody is at work until they are started again.
    pub fn stop_controllers(&self) {
        if let Some(controllers) = &self.controllers {
            controllers.faults.stop();
        }
    }

    /// Starts controllers that were stopped, with empty memory.
    pub fn start_controllers(&self) {
        if let Some(controllers) = &self.controllers {
            controllers.faults.start();
        }
    }

    /// How often to look, and for how long, in the ground's own time.
    fn patience(&self) -> (Duration, Duration) {
        match self.ground {
            Ground::Simulated(_) => (Duration::from_millis(500), Duration::from_mins(15)),
            Ground::Real => (Duration::from_millis(200), Duration::from_mins(2)),
        }
    }

    /// Looks again and again until there is something, or the ground's patience ends.
    pub async fn eventually<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let (interval, patience) = self.patience();
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let seen = look().await;
            if let Ok(Some(found)) = seen {
                return Ok(found);
            }
            if tokio::time::Instant::now() >= deadline {
                let error = seen
                    .err()
                    .map(|error| format!(" ({error:#})"))
                    .unwrap_or_default();
                bail!("never seen: {what}{error}\n{}", state::summary(self).await);
            }
            tokio::time::sleep(interval).await;
        }
    }

    /// Waits for a condition of one object.
    pub async fn until(
        &self,
        what: &str,
        resource: &ResourceRef,
        name: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        self.eventually(what, async || {
            Ok(self.find(resource, name).await?.filter(&condition))
        })
        .await
    }

    /// Waits until nothing in the namespace has changed for a while.
    pub async fn settle(&self) -> Result<()> {
        let calm = if self.is_simulated() {
            Duration::from_mins(1)
        } else {
            Duration::from_secs(4)
        };
        let (_, patience) = self.patience();
        let deadline = tokio::time::Instant::now() + patience;
        let mut before = state::versions(self).await?;
        loop {
            tokio::time::sleep(calm).await;
            let after = state::versions(self).await?;
            if before == after {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline {
                bail!("never calm\n{}", state::summary(self).await);
            }
            before = after;
        }
    }
}
