//! What a scenario finds when it begins: namespaces, definitions, rights, and volumes where it asks for them.

use anyhow::{Context as _, Result};
use machinery::pointer::{flag, items, text};
use runtime::access::Right;
use runtime::{ObjectKey, Patch};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{DEFINITION, NAMESPACE, STORAGE_CLASS, VOLUME};

impl Cluster {
    /// Makes the scenario's namespaces, installs these definitions if need be, and waits until they are served.
    pub(crate) async fn prepare(&self, definitions: &[Value]) -> Result<()> {
        self.make_namespace(&self.namespace).await?;
        for beside in self.stage.beside {
            self.make_namespace(&self.beside_name(beside)).await?;
        }
        if self.stage.alone && !self.is_simulated() {
            self.clear_definitions().await?;
        }
        for definition in definitions {
            // Another scenario may have been here before.
            let name = machinery::meta::name(definition);
            if self.find(&DEFINITION, name).await?.is_none() {
                let created = self.client.create(&DEFINITION, definition).await;
                // Another scenario may have been quicker.
                if let Err(error) = created.map(drop)
                    && !error.is_already_exists()
                {
                    return Err(error).with_context(|| format!("definition {name}"));
                }
            }
        }
        self.eventually("the definitions are served", async || {
            for resource in self.stage.resources() {
                self.list(&resource).await?;
            }
            self.discovers(definitions).await
        })
        .await
    }

    /// Whether discovery tells of all definitions, which a real server does some time after it serves them.
    async fn discovers(&self, definitions: &[Value]) -> Result<Option<()>> {
        if self.is_simulated() {
            return Ok(Some(()));
        }
        for definition in definitions {
            let (group, plural) = (
                text(definition, "/spec/group"),
                text(definition, "/spec/names/plural"),
            );
            let versions = items(definition, "/spec/versions").iter();
            for version in versions.filter(|version| flag(version, "/served")) {
                let path = format!("/apis/{group}/{}", text(version, "/name"));
                let resources: Value = serde_json::from_slice(&self.client.read(&path).await?)?;
                let mut resources = items(&resources, "/resources").iter();
                if !resources.any(|resource| text(resource, "/name") == plural) {
                    return Ok(None);
                }
            }
        }
        Ok(Some(()))
    }

    /// Takes away the definitions that a scenario before this one left, with all objects of their kinds.
    async fn clear_definitions(&self) -> Result<()> {
        let all = self.stage.definitions();
        let names: Vec<&str> = all.iter().map(machinery::meta::name).collect();
        for name in &names {
            if self.find(&DEFINITION, name).await?.is_some() {
                self.delete(&DEFINITION, name).await?;
            }
        }
        self.eventually("the definitions are gone", async || {
            for name in &names {
                if self.find(&DEFINITION, name).await?.is_some() {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .await
    }

    async fn make_namespace(&self, name: &str) -> Result<()> {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.client.create(&NAMESPACE, &namespace).await?;
        Ok(())
    }

    /// Makes the `ServiceAccount` that the controllers act as here, with these rights, or gives it others.
    pub(crate) async fn grant(&self, rights: &[Right]) -> Result<()> {
        for (resource, object) in self.stage.access(&self.namespace, rights) {
            let key = ObjectKey::of(&object);
            if self.client.get(&resource, &key).await?.is_none() {
                self.client.create(&resource, &object).await?;
            } else {
                // Other rights, or those of another scenario before this one.
                for field in ["rules", "subjects"] {
                    if let Some(said) = object.get(field) {
                        let patch = Patch::Merge(json!({field: said}));
                        self.client.patch(&resource, &key, None, &patch).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Has a class of volumes that these claims can name. In a world of the scenario's own it makes volumes on demand, a real
    /// Kubernetes has nobody who does, so that they are made here.
    pub async fn storage(&self, class: &str, claims: &[&str]) -> Result<()> {
        let provisioner = if self.is_simulated() {
            let usual = self.get(&STORAGE_CLASS, "standard").await?;
            usual.get("provisioner").cloned().unwrap_or_default()
        } else {
            json!("kubernetes.io/no-provisioner")
        };
        let made = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": class},
            "provisioner": provisioner,
        });
        // Another scenario may have been quicker.
        if let Err(error) = self.client.create(&STORAGE_CLASS, &made).await
            && !error.is_already_exists()
        {
            return Err(error.into());
        }
        for claim in claims.iter().filter(|_| !self.is_simulated()) {
            let volume = json!({
                "apiVersion": "v1", "kind": "PersistentVolume",
                "metadata": {"name": format!("{}-{claim}", self.namespace)},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "100Gi"}, "storageClassName": class,
                    "claimRef": {"namespace": self.namespace, "name": claim}, "hostPath": {"path": "/tmp"},
                },
            });
            self.client.create(&VOLUME, &volume).await?;
        }
        Ok(())
    }
}
