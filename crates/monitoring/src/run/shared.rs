//! Caches that the controllers share, a controller that reads them, and what wakes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use runtime::queue::Backoff;
use runtime::resource::NAMESPACE;
use runtime::{
    Cache, Controller, ControllerOptions, Manager, Meta, ObjectKey, ResourceRef, Scope, Whole,
};

use super::adding::May;
use super::{Bindings, Gates, RunOptions, Selectors};
use crate::config::prometheus::Options as GeneratorOptions;
use crate::config::version::Since;
use crate::metrics::{ControllerMetrics, Name};
use crate::operator::assets::{AssetReader, same_version};
use crate::operator::bindings::Bound;
use crate::operator::candidates::Configurations;
use crate::operator::gone::{self, GoneReconciler};
use crate::operator::memory::Memories;
use crate::operator::outline::Outline;
use crate::operator::reconciler::WorkloadReconciler;
use crate::operator::references::Source;
use crate::operator::refusals::Told;
use crate::operator::resources::{
    CLAIM, CONFIG_MAP, DAEMON_SET, SECRET, STATEFUL_SET, STORAGE_CLASS,
};
use crate::operator::selectable::Selectable;
use crate::operator::selecting::{Configuration, Selecting, regarding, wanting};
use crate::operator::stored::Own;
use crate::operator::usable::Usable;
use crate::operator::watched::{Namespaces, Watch};
use crate::operator::workload::{Caches, SecretChanges, Setup, Workload};

/// How often namespaces that can't be watched are asked for; upstream's figure.
const ASK_AGAIN: Duration = Duration::from_secs(15);
/// Upstream's words for an agent that is to run on every node, where none may.
const GATE_CLOSED: &str = "feature gate for Prometheus Agent's DaemonSet mode is not enabled";
/// Since when namespaces bear their names as labels.
const NAMES_AS_LABELS: Since = (1, 22, 0);
/// What is made bears this label; watches of Secrets and others are kept to it.
const OURS: &str = "managed-by=prometheus-operator";

/// Caches that all controllers of this product share.
pub(super) struct Shared {
    pub(super) configurations: Configurations,
    /// Metadata of every Secret and `ConfigMap`, to see changes of those that are referred to. Secrets that may not be watched
    /// are in no cache.
    secrets: Option<Cache<Meta>>,
    config_maps: Cache<Meta>,
    /// Whole objects, of those alone that we made; of `ConfigMap`s outlines.
    own_secrets: Option<Cache<Whole>>,
    own_config_maps: Cache<Outline>,
    own_stateful_sets: Cache<Whole>,
    /// Where agents can run on every node.
    pub(super) own_daemon_sets: Option<Cache<Whole>>,
    own: Own,
    no_daemon_sets: Option<Arc<str>>,
    /// The kinds whose objects say who uses them.
    pub(super) bound: Bound,
    labels_pods: bool,
    grows_claims: bool,
    generator: GeneratorOptions,
}

impl Shared {
    pub(super) fn new(manager: &mut Manager, options: &RunOptions, usable: &Usable) -> Self {
        let ours = options.workloads().scope().labelled(OURS);
        let mut by_kind: BTreeMap<Configuration, Cache<Selectable>> = BTreeMap::new();
        for kind in Configuration::ALL {
            let resource = kind.resource();
            match usable.obstacle(&resource.plural, &["list", "watch"]) {
                None => {
                    let scope = options.selected(kind).scope();
                    by_kind.insert(kind, manager.cache(resource, scope));
                }
                Some(why) => {
                    tracing::warn!(kind = %resource.kind, why, "nothing of this kind is selected");
                }
            }
        }
        let mut whole = |resource, scope: &Scope| manager.cache(resource, scope.clone());
        let obstacle = usable.lacks(&SECRET.plural, "", &["list", "watch"]);
        if let Some(why) = &obstacle {
            tracing::info!(why, "Secrets are read by name, once a minute");
        }
        let watches_secrets = obstacle.is_none();
        let own_secrets: Option<Cache<Whole>> = watches_secrets.then(|| whole(SECRET, &ours));
        let own_stateful_sets: Cache<Whole> = whole(STATEFUL_SET, &ours);
        let no_daemon_sets = no_daemon_sets(options.gates, usable);
        let own_daemon_sets: Option<Cache<Whole>> = no_daemon_sets.is_none().then(|| {
            let scope = options.prometheuses.namespaces.scope();
            whole(DAEMON_SET, &scope.labelled(OURS))
        });
        let own_config_maps: Cache<Outline> = manager.cache(CONFIG_MAP, ours);
        let own = Own {
            secrets: own_secrets.as_ref().map(Cache::index_by_controller),
            config_maps: own_config_maps.index_by_controller(),
            stateful_sets: own_stateful_sets.index_by_controller(),
            daemon_sets: own_daemon_sets.as_ref().map(Cache::index_by_controller),
        };
        let namespaces = namespaces(manager, options, usable);
        let selected = |selectors: &Selectors| selectors.within(options.everything().scope());
        let mut configurations = Configurations::new(by_kind, namespaces);
        configurations.watched = options.namespaces.clone();
        configurations.alertmanager_configs = options.alertmanager_configs.clone();
        Self {
            configurations,
            bound: match options.gates.bindings {
                Bindings::Off => Bound::default(),
                Bindings::On | Bindings::Kept => usable.bindable(),
            },
            labels_pods: usable.lacks("pods", "", &["patch"]).is_none(),
            grows_claims: may_grow_claims(usable),
            generator: options.generator(usable.kubernetes.as_ref()),
            secrets: watches_secrets.then(|| manager.cache(SECRET, selected(&options.secrets))),
            config_maps: manager.cache(CONFIG_MAP, selected(&options.config_maps)),
            own_secrets,
            own_config_maps,
            own_stateful_sets,
            own_daemon_sets,
            own,
            no_daemon_sets,
        }
    }

    /// The controller of a kind of workload, and the cache of these.
    pub(super) fn controller<W: Workload>(
        &self,
        manager: &mut Manager,
        options: &RunOptions,
        watch: &Watch,
        (metrics, may): (&ControllerMetrics, &May),
    ) -> (Cache<Selecting<W>>, Controller<WorkloadReconciler<W>>) {
        let scope = watch.namespaces.scope().labelled(&watch.selector);
        let workloads = manager.cache(W::RESOURCE, scope);
        let assets = AssetReader::new(self.secrets.clone(), self.config_maps.clone())
            .watching_few(options.selective());
        let reconciler = WorkloadReconciler::new(Caches {
            workloads: workloads.clone(),
            configurations: self.configurations.clone(),
            own: self.own.clone(),
            assets: assets.clone(),
            told: Told::default(),
            metrics: metrics.clone(),
            memories: Memories::default(),
            watch: watch.clone(),
            setup: Arc::new(Setup {
                reports: may.report,
                finalizer: may.finalize,
                labels_pods: self.labels_pods,
                grows_claims: self.grows_claims,
                no_daemon_sets: self.no_daemon_sets.clone(),
                secrets: match self.secrets {
                    Some(_) => SecretChanges::Told,
                    None => SecretChanges::LookedFor,
                },
                bound: may.bind.clone(),
                settings: options.settings.clone(),
                options: self.generator,
            }),
        });
        let looks_after = watch.clone();
        let takes = move |held: &Selecting<W>| looks_after.takes(&held.whole().value());
        metrics.follow(&workloads, |held| held.whole().value(), takes);
        metrics.follow_sets(&self.own_stateful_sets, &workloads);
        let mut settings = ControllerOptions::new(metrics.name().queue());
        settings.workers = options.workers;
        settings.backoff = backoff();
        let controller = manager.controller(reconciler, settings);
        let controller = self.wake(controller, (&workloads, metrics), &assets);
        (workloads, controller)
    }

    /// What has nothing say any more that it is used by a workload of a kind that is gone.
    pub(super) fn gone<W: Workload>(
        &self,
        manager: &Manager,
        name: Name,
        workloads: &Cache<Selecting<W>>,
        (bound, namespaces): (&Bound, &Namespaces),
    ) -> Controller<GoneReconciler<W>> {
        let reconciler = GoneReconciler {
            workloads: workloads.clone(),
            configurations: self.configurations.clone(),
            bound: bound.clone(),
            namespaces: namespaces.clone(),
        };
        let mut settings = ControllerOptions::new(format!("{}-bindings", name.queue()));
        settings.backoff = backoff();
        let mut controller = manager
            .controller(reconciler, settings)
            .watches(workloads, gone::ended);
        let kinds = self.configurations.by_kind.iter();
        for (_, cache) in kinds.filter(|(kind, _)| bound.includes(**kind)) {
            let workloads = workloads.clone();
            controller = controller.watches(cache, move |change| gone::unknown(&workloads, change));
        }
        controller
    }

    /// What wakes a workload besides itself: what it made, what it selects, namespaces, and what it refers to.
    fn wake<W: Workload>(
        &self,
        mut controller: Controller<WorkloadReconciler<W>>,
        (workloads, metrics): (&Cache<Selecting<W>>, &ControllerMetrics),
        assets: &AssetReader,
    ) -> Controller<WorkloadReconciler<W>> {
        let counted = |kind: &ResourceRef| {
            let (metrics, kind) = (metrics.clone(), kind.kind.to_string());
            move |before: bool, after: bool, keys: Vec<ObjectKey>| {
                if !keys.is_empty() {
                    metrics.triggered(&kind, before, after);
                }
                keys
            }
        };
        let namespaces = &self.configurations.namespaces;
        controller = controller
            .primary(workloads)
            .owned(&self.own_stateful_sets, &W::RESOURCE)
            .owned(&self.own_config_maps, &W::RESOURCE);
        if let Some(own_secrets) = &self.own_secrets {
            controller = controller.owned(own_secrets, &W::RESOURCE);
        }
        for (configuration, cache) in &self.configurations.by_kind {
            let (configuration, workloads) = (*configuration, workloads.clone());
            let (namespaces, counted) = (namespaces.clone(), counted(cache.resource()));
            controller = controller.watches(cache, move |change| {
                let keys = wanting(&workloads, &namespaces, configuration, change);
                counted(change.old.is_some(), change.new.is_some(), keys)
            });
        }
        let (selecting, of_namespaces) = (workloads.clone(), counted(&NAMESPACE));
        controller = controller.watches(namespaces, move |change| {
            let keys = regarding(&selecting, change);
            of_namespaces(change.old.is_some(), change.new.is_some(), keys)
        });
        let secrets = self.secrets.iter().map(|cache| (Source::Secret, cache));
        for (source, cache) in secrets.chain([(Source::ConfigMap, &self.config_maps)]) {
            let (assets, counted) = (assets.clone(), counted(cache.resource()));
            controller = controller.watches(cache, move |change| {
                let keys = if same_version(change) {
                    Vec::new()
                } else {
                    assets.users(source, change)
                };
                counted(change.old.is_some(), change.new.is_some(), keys)
            });
        }
        controller
    }
}

/// Namespaces with their labels. Who may not watch them asks for each that anything is selected in; upstream does so too.
fn namespaces(manager: &mut Manager, options: &RunOptions, usable: &Usable) -> Cache<Meta> {
    let Some(why) = usable.lacks("namespaces", "", &["list", "watch"]) else {
        let named = usable.kubernetes.as_ref();
        let named = named.is_some_and(|version| version.at_least(NAMES_AS_LABELS));
        let scope = named.then(|| options.selectable().themselves());
        return manager.cache(NAMESPACE, scope.unwrap_or_default());
    };
    match options.selectable() {
        Namespaces::Only(names) => {
            tracing::info!(why, "namespaces are asked for one by one");
            manager.cache_by_name(NAMESPACE, names.into_iter().collect(), ASK_AGAIN)
        }
        Namespaces::All | Namespaces::Except(_) => {
            tracing::warn!(why, "namespaces are known by their names alone");
            Cache::new(NAMESPACE, Scope::all())
        }
    }
}

/// Why agents can't run on every node, if they can't.
fn no_daemon_sets(gates: Gates, usable: &Usable) -> Option<Arc<str>> {
    if !gates.daemon_sets {
        let remedy = "start the operator with --feature-gates=PrometheusAgentDaemonSet=true";
        return Some(format!("{GATE_CLOSED}: {remedy}").into());
    }
    let verbs = ["get", "list", "watch", "create", "update", "delete"];
    let lacking = usable.lacks(&DAEMON_SET.plural, &DAEMON_SET.group, &verbs)?;
    tracing::warn!(why = lacking, "agents can't run on every node");
    Some(format!("{lacking}: grant it to the operator").into())
}

/// Whether claims may be made larger, which takes a look at their classes too.
fn may_grow_claims(usable: &Usable) -> bool {
    let claims = usable.lacks(&CLAIM.plural, "", &["list", "patch"]);
    let class = || usable.lacks(&STORAGE_CLASS.plural, &STORAGE_CLASS.group, &["get"]);
    let lacking = claims.or_else(class);
    if let Some(why) = &lacking {
        let remedy = "grant list and patch of persistentvolumeclaims, and get of storageclasses.storage.k8s.io in the whole \
                      cluster, to the operator, as `carrick rbac monitoring` does";
        tracing::warn!(why, remedy, "claims don't grow with spec.storage");
    }
    lacking.is_none()
}

/// Upstream's rate limit of failures: 5 ms, doubled up to 1000 s.
fn backoff() -> Backoff {
    Backoff {
        base: Duration::from_millis(5),
        max: Duration::from_secs(1000),
    }
}
