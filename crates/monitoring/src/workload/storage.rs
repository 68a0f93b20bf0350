//! Where data lies: a volume of the pod or a claim for each pod.

use serde_json::{Map, Value, json};

use super::metadata::Texts;
use super::pod::empty_dir;
use crate::api::workload::{EmbeddedPersistentVolumeClaim, StorageSpec};
use crate::config::yaml::filled;

/// Data of a workload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage<'a> {
    spec: Option<&'a StorageSpec>,
    /// Name of the volume unless the claim has one.
    name: &'a str,
}

impl<'a> Storage<'a> {
    /// What the user asks for, under a name.
    pub(super) fn new(spec: Option<&'a StorageSpec>, name: &'a str) -> Self {
        Self { spec, name }
    }

    /// Name of the volume that is mounted.
    pub(super) fn mounted_name(self) -> &'a str {
        let claim = self
            .spec
            .and_then(|spec| spec.volume_claim_template.as_ref());
        claim_name(claim).unwrap_or(self.name)
    }

    /// The folder of the volume that is mounted, if the user asked for any storage.
    pub(super) fn folder(self, folder: &'static str) -> &'static str {
        match self.spec {
            Some(spec) if spec.disable_mount_sub_path != Some(true) => folder,
            Some(_) | None => "",
        }
    }

    /// The volume of the pod; none if there are claims.
    pub(super) fn volume(self) -> Option<Value> {
        let Some(spec) = self.spec else {
            return Some(empty_dir(self.name));
        };
        let volume = |kind: &str, source: &Value| {
            let mut volume = Map::new();
            volume.insert("name".to_owned(), json!(self.name));
            volume.insert(kind.to_owned(), source.clone());
            Value::Object(volume)
        };
        match (&spec.empty_dir, &spec.ephemeral) {
            (Some(source), _) => Some(volume("emptyDir", source)),
            (None, Some(source)) => Some(volume("ephemeral", source)),
            (None, None) => None,
        }
    }

    /// The claim of each pod; none if there is a volume.
    pub(super) fn claim(self) -> Option<Value> {
        let spec = self.spec?;
        if self.volume().is_some() {
            return None;
        }
        let claim = spec.volume_claim_template.as_ref();
        let metadata = claim.and_then(|claim| claim.metadata.as_ref());
        let empty = Texts::new();
        let wanted = claim.and_then(|claim| claim.spec.clone());
        let mut wanted = wanted.unwrap_or_else(|| json!({}));
        let modes = wanted.get("accessModes").and_then(Value::as_array);
        // The API server refuses a claim without any.
        if modes.is_none_or(Vec::is_empty)
            && let Some(wanted) = wanted.as_object_mut()
        {
            wanted.insert("accessModes".to_owned(), json!(["ReadWriteOnce"]));
        }
        Some(json!({
            "metadata": {
                "name": claim_name(claim).unwrap_or(self.name),
                "labels": metadata.map_or(&empty, |metadata| &metadata.labels),
                "annotations": metadata.map_or(&empty, |metadata| &metadata.annotations),
            },
            "spec": wanted,
            "status": claim.and_then(|claim| claim.status.as_ref()),
        }))
    }
}

fn claim_name(claim: Option<&EmbeddedPersistentVolumeClaim>) -> Option<&str> {
    filled(&claim?.metadata.as_ref()?.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::read;

    fn storage(spec: &Value) -> StorageSpec {
        read(spec).unwrap()
    }

    #[test]
    fn volumes_come_before_claims_and_claims_have_a_mode() {
        let none = Storage::new(None, "db");
        assert_eq!(
            none.volume().unwrap(),
            json!({"name": "db", "emptyDir": {}})
        );
        assert_eq!((none.folder("sub"), none.claim()), ("", None));
        let both = storage(&json!({"emptyDir": {"medium": "Memory"}, "ephemeral": {}}));
        let both = Storage::new(Some(&both), "db");
        assert_eq!(both.volume().unwrap()["emptyDir"]["medium"], "Memory");
        let claim = storage(&json!({"volumeClaimTemplate": {
            "apiVersion": "v1", "metadata": {"name": "mine"}, "spec": {"storageClassName": "x"},
        }}));
        let claim = Storage::new(Some(&claim), "db");
        assert_eq!((claim.mounted_name(), claim.folder("sub")), ("mine", "sub"));
        assert_eq!(claim.volume(), None);
        let made = claim.claim().unwrap();
        assert_eq!(made["spec"]["accessModes"], json!(["ReadWriteOnce"]));
        assert_eq!(made["spec"]["storageClassName"], "x");
        assert!(made.get("apiVersion").is_none());
    }
}
