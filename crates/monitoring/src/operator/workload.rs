//! What a kind of workload is to the controllers: all that differs from kind to kind.

use std::collections::BTreeSet;
use std::sync::Arc;

use machinery::time::Timestamp;
use runtime::{Cache, Meta, ResourceRef};
use serde_json::{Map, Value, json};

use super::assets::AssetReader;
use super::bindings::{Bound, Finalizer, Held};
use super::candidates::{Configurations, Find};
use super::claims;
use super::decision::Decision;
use super::memory::{Memories, Memory};
use super::references::{self, Reference, Source};
use super::refusals::{Refused, Told};
use super::rendering::Input;
use super::selecting::{Selecting, Selects};
use super::stored::{Names, Own, Stored, selector_text};
use super::watched::Watch;
use crate::api::kinds::ObjectMeta;
use crate::api::status::Condition;
use crate::api::workload::StorageSpec;
use crate::config::assets::Assets;
use crate::config::prometheus::Options;
use crate::metrics::{ControllerMetrics, Measured};
use crate::workload::{Health, Settings, Texts};

/// A kind of workload.
pub trait Workload: Selects + Measured + Clone {
    /// Its resource.
    const RESOURCE: ResourceRef;

    /// What names of all that is made for it begin with.
    const PREFIX: &'static str;

    /// What its selectors find.
    type Candidates: Default + Send + Sync;

    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// Name of the workload with what all that is made for it begins with.
    fn prefixed(&self) -> String {
        format!("{}-{}", Self::PREFIX, self.metadata().name)
    }

    /// Whether it is left alone.
    fn is_paused(&self) -> bool;

    /// Where its data lies.
    fn storage(&self) -> Option<&StorageSpec>;

    /// The conditions it was last given.
    fn conditions(&self) -> &[Condition];

    /// Labels of its pods.
    fn pod_labels(&self) -> Texts;

    /// Names of what it always needs.
    fn names(&self) -> Names;

    /// Looks for what it selects.
    fn candidates(&self, find: &mut Find<'_, Self>) -> Self::Candidates;

    /// What to write for it; it is neither paused nor going.
    fn decide(&self, observed: &Observed<Self>) -> Decision;

    /// The `StatefulSet`s that it wants, or the DaemonSet: the key of each, and how it is.
    fn sets<'a>(&self, observed: &'a Observed<Self>) -> Vec<(String, Health<'a>)>;

    /// The condition `Available`.
    fn available(sets: &[(String, Health<'_>)]) -> Option<Condition>;

    /// What its status says beside numbers of pods and conditions.
    fn describe(&self, _sets: &[(String, Health<'_>)], _status: &mut Map<String, Value>) {}

    /// The selector of its pods, for whoever scales it.
    fn describe_selector(&self, status: &mut Map<String, Value>) {
        let selector = selector_text(&self.pod_labels());
        status.insert("selector".to_owned(), json!(selector));
    }
}

/// How changes of Secrets are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretChanges {
    /// Watches tell of them.
    Told,
    /// Nothing tells of them: what is named is looked at again and again.
    LookedFor,
}

/// What holds for every pass over workloads of a kind: flags, and what the rights of the program allow.
#[derive(Debug)]
pub struct Setup {
    /// Whether the status of workloads can be written.
    pub reports: bool,
    /// What becomes of upstream's finalizer.
    pub finalizer: Finalizer,
    /// Whether labels of pods can be changed.
    pub labels_pods: bool,
    /// Whether claims can be looked at, their classes, and claims made larger.
    pub grows_claims: bool,
    /// Why no `DaemonSet`s can be made, if they can't.
    pub no_daemon_sets: Option<Arc<str>>,
    /// How changes of Secrets are seen.
    pub secrets: SecretChanges,
    /// The kinds whose objects are made to say who uses them.
    pub bound: Bound,
    /// What the program was started with.
    pub settings: Settings,
    /// What generators are told.
    pub options: Options,
}

/// What the controller of a kind reads from, and what it remembers.
pub struct Caches<W> {
    /// The workloads.
    pub workloads: Cache<Selecting<W>>,
    /// Objects they select.
    pub configurations: Configurations,
    /// What was made before.
    pub own: Own,
    /// Referenced Secrets and `ConfigMap`s.
    pub assets: AssetReader,
    /// Refusals that were told.
    pub told: Told,
    /// What is counted.
    pub metrics: ControllerMetrics,
    /// What was rendered before.
    pub memories: Memories,
    /// Which of the workloads are looked after.
    pub watch: Watch,
    /// What holds for every pass.
    pub setup: Arc<Setup>,
}

/// Which object, and in which version.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// The object, whatever its name.
    pub uid: &'a str,
    /// Counts changes of its spec.
    pub generation: i64,
    /// Its resource version.
    pub version: u64,
}

impl<'a> Version<'a> {
    /// That of an object in a cache.
    pub fn of(meta: &'a Meta) -> Self {
        Self {
            uid: &meta.uid,
            generation: meta.generation,
            version: meta.version,
        }
    }
}

/// Everything a decision about a workload may look at.
#[derive(Debug, Clone)]
pub struct Observed<W: Workload> {
    /// The workload, or why it can't be read.
    pub workload: Result<W, String>,
    /// The workload as it is stored.
    pub object: Value,
    /// What its selectors find.
    pub candidates: W::Candidates,
    /// Selected objects, and what these say of who uses them.
    pub held: Held,
    /// What is referred to.
    pub assets: Assets,
    /// What was made before.
    pub stored: Stored,
    /// Its pods, and others with its name.
    pub pods: Vec<Value>,
    /// Whether the storage class it names exists; unknown without the right to look.
    pub storage_class: Option<bool>,
    /// Its claims.
    pub claims: claims::Seen,
    /// Refusals that were told.
    pub told: BTreeSet<Refused>,
    /// What was rendered before.
    pub memory: Arc<Memory>,
    /// What holds for every pass.
    pub setup: Arc<Setup>,
    /// The time of this pass.
    pub now: Timestamp,
}

impl<W: Workload> Observed<W> {
    /// What was rendered before, if it follows from this workload as it is now; else nothing.
    pub fn known(&self) -> Memory {
        let object = &self.object;
        let meta = Version {
            uid: machinery::meta::uid(object),
            generation: machinery::meta::generation(object),
            version: machinery::meta::resource_version(object)
                .parse()
                .unwrap_or(0),
        };
        let ground = Some(self.input(meta, &references::of(object)));
        if self.memory.ground == ground {
            return Memory::clone(&self.memory);
        }
        Memory {
            ground,
            ..Memory::default()
        }
    }

    /// What is made of an object follows from this, beside the workload.
    pub fn input(&self, object: Version<'_>, references: &BTreeSet<Reference>) -> Input {
        let version = |(source, key): &Reference| match source {
            Source::Secret => self.assets.secret_version(&key.namespace, &key.name),
            Source::ConfigMap => self.assets.config_map_version(&key.namespace, &key.name),
        };
        Input {
            uid: object.uid.into(),
            // Without a generation every version may be another one.
            generation: match object.generation {
                0 => i64::try_from(object.version).map_or(i64::MIN, |version| -version),
                generation => generation,
            },
            references: references.iter().map(version).collect(),
        }
    }

    /// Whether deletion was asked for.
    pub fn is_going(&self) -> bool {
        machinery::meta::deletion_timestamp(&self.object).is_some()
    }
}
