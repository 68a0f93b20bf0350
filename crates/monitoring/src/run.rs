//! The monitoring controllers as one manager: caches and what wakes whom (upstream's `cmd/operator/main.go`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use runtime::client::{Client as RuntimeClient, ClientOptions};
use runtime::leader::{self, LeaderOptions};
use runtime::queue::Backoff;
use runtime::{
    Cache, Clock, Controller, ControllerOptions, Error, Manager, ManagerOptions, Meta, ObjectKey,
    Scope, Shutdown, Whole,
};

use crate::access;
use crate::alertmanager;
use crate::api::{Alertmanager, Prometheus, PrometheusAgent, ThanosRuler};
use crate::config::prometheus::Options;
use crate::operator::assets::{AssetReader, same_version};
use crate::operator::candidates::Configurations;
use crate::operator::reconciler::WorkloadReconciler;
use crate::operator::references::Source;
use crate::operator::refusals::Told;
use crate::operator::resources::{CONFIG_MAP, SECRET, STATEFUL_SET};
use crate::operator::selecting::{Configuration, Selecting, regarding, wanting};
use crate::operator::stored::Own;
use crate::operator::workload::{Caches, Workload};
use crate::workload::Settings;

/// Name of the Lease of the controllers.
pub const LEASE: &str = "carrick-monitoring";
/// Field manager of everything that is written; upstream's.
const FIELD_MANAGER: &str = "PrometheusOperator";
/// What is made bears this label; watches of Secrets and others are kept to it.
const OURS: &str = "managed-by=prometheus-operator";

/// How the monitoring controllers run; the defaults are upstream's flags.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Only this namespace; empty means all.
    pub namespace: String,
    /// What pods are made with.
    pub settings: Settings,
    /// Whether selected objects say in their status which workloads use them (`StatusForConfigurationResources`).
    pub writes_bindings: bool,
    /// Workloads of a kind that are worked on at the same time.
    pub workers: usize,
    /// Requests a second; no limit if absent.
    pub qps: Option<f64>,
    /// Requests that may exceed `qps` at once.
    pub burst: u32,
    /// Namespace of the Lease for leader election; none if absent.
    pub leader_namespace: Option<String>,
    /// Addresses of health and metrics.
    pub listen: Vec<SocketAddr>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Seed of chance, for reproducible runs.
    pub seed: Option<u64>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            settings: Settings::default(),
            writes_bindings: true,
            workers: 1,
            qps: Some(100.0),
            burst: 100,
            leader_namespace: None,
            listen: Vec::new(),
            clock: Clock::system(),
            seed: None,
        }
    }
}

/// Runs the controllers against one API server until the shutdown, or until leadership is lost (`Err`).
pub async fn run(
    client: kube::Client,
    options: RunOptions,
    shutdown: Shutdown,
) -> Result<(), Error> {
    manager(client, &options).run(shutdown).await
}

/// The manager with all monitoring controllers, not yet running.
pub fn manager(client: kube::Client, options: &RunOptions) -> Manager {
    let defaults = ClientOptions::default();
    let client = RuntimeClient::new(
        client,
        ClientOptions {
            clock: options.clock,
            seed: options.seed.unwrap_or(defaults.seed),
            field_manager: FIELD_MANAGER.to_owned(),
            qps: options.qps,
            burst: options.burst,
            rights: Some(access::rights().into()),
            ..defaults
        },
    );
    let leader = options
        .leader_namespace
        .as_ref()
        .map(|namespace| LeaderOptions {
            lease: ObjectKey::new(namespace.clone(), LEASE),
            identity: leader::identity(&client),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        });
    let manager_options = ManagerOptions {
        component: "prometheus-operator".to_owned(),
        leader,
        listen: options.listen.clone(),
    };
    let mut manager = Manager::new(client, manager_options);
    add(&mut manager, options);
    manager
}

/// Caches that all controllers of this product share.
struct Shared {
    configurations: Configurations,
    /// Metadata of every Secret and `ConfigMap`, to see changes of those that are referred to.
    secrets: Cache<Meta>,
    config_maps: Cache<Meta>,
    /// Whole objects, of those alone that we made.
    own_secrets: Cache<Whole>,
    own_config_maps: Cache<Whole>,
    own_stateful_sets: Cache<Whole>,
    own: Own,
}

impl Shared {
    fn new(manager: &mut Manager, options: &RunOptions) -> Self {
        let scope = Scope::namespace(options.namespace.clone());
        let ours = scope.clone().labelled(OURS);
        let mut whole = |resource, scope: &Scope| manager.cache(resource, scope.clone());
        let by_kind: BTreeMap<Configuration, Cache<Whole>> = Configuration::ALL
            .into_iter()
            .map(|kind| (kind, whole(kind.resource(), &scope)))
            .collect();
        let own_secrets: Cache<Whole> = whole(SECRET, &ours);
        let own_config_maps: Cache<Whole> = whole(CONFIG_MAP, &ours);
        let own_stateful_sets: Cache<Whole> = whole(STATEFUL_SET, &ours);
        let own = Own {
            secrets: own_secrets.index_by_controller(),
            config_maps: own_config_maps.index_by_controller(),
            stateful_sets: own_stateful_sets.index_by_controller(),
            services: whole(runtime::resource::SERVICE, &ours),
        };
        let namespaces = manager.cache(runtime::resource::NAMESPACE, Scope::all());
        Self {
            configurations: Configurations::new(by_kind, namespaces),
            secrets: manager.cache(SECRET, scope.clone()),
            config_maps: manager.cache(CONFIG_MAP, scope),
            own_secrets,
            own_config_maps,
            own_stateful_sets,
            own,
        }
    }

    /// The controller of a kind of workload, and the cache of these.
    fn controller<W: Workload>(
        &self,
        manager: &mut Manager,
        options: &RunOptions,
        name: &str,
    ) -> (Cache<Selecting<W>>, Controller<WorkloadReconciler<W>>) {
        let scope = Scope::namespace(options.namespace.clone());
        let workloads = manager.cache(W::RESOURCE, scope);
        let assets = AssetReader::new(self.secrets.clone(), self.config_maps.clone());
        let reconciler = WorkloadReconciler::new(Caches {
            workloads: workloads.clone(),
            configurations: self.configurations.clone(),
            own: self.own.clone(),
            assets: assets.clone(),
            told: Told::default(),
            writes_bindings: options.writes_bindings,
            settings: Arc::new(options.settings.clone()),
            options: generator_options(),
        });
        let mut settings = ControllerOptions::new(name);
        settings.workers = options.workers;
        settings.backoff = backoff();
        let controller = manager.controller(reconciler, settings);
        let controller = self.wake(controller, &workloads, &assets);
        (workloads, controller)
    }

    /// What wakes a workload besides itself: what it made, what it selects, namespaces, and what it refers to.
    fn wake<W: Workload>(
        &self,
        mut controller: Controller<WorkloadReconciler<W>>,
        workloads: &Cache<Selecting<W>>,
        assets: &AssetReader,
    ) -> Controller<WorkloadReconciler<W>> {
        let namespaces = &self.configurations.namespaces;
        controller = controller
            .primary(workloads)
            .owned(&self.own_stateful_sets, &W::RESOURCE)
            .owned(&self.own_secrets, &W::RESOURCE)
            .owned(&self.own_config_maps, &W::RESOURCE);
        for (configuration, cache) in &self.configurations.by_kind {
            let (configuration, workloads) = (*configuration, workloads.clone());
            let namespaces = namespaces.clone();
            controller = controller.watches(cache, move |change| {
                wanting(&workloads, &namespaces, configuration, change)
            });
        }
        let selecting = workloads.clone();
        controller = controller.watches(namespaces, move |change| regarding(&selecting, change));
        for (source, cache) in [
            (Source::Secret, &self.secrets),
            (Source::ConfigMap, &self.config_maps),
        ] {
            let assets = assets.clone();
            controller = controller.watches(cache, move |change| {
                if same_version(change) {
                    Vec::new()
                } else {
                    assets.users(source, change)
                }
            });
        }
        controller
    }
}

/// Adds the monitoring controllers to a manager.
pub fn add(manager: &mut Manager, options: &RunOptions) {
    let shared = Shared::new(manager, options);
    add_plain::<Prometheus>(manager, options, &shared, "prometheus");
    add_plain::<PrometheusAgent>(manager, options, &shared, "prometheusagent");
    add_alertmanager(manager, options, &shared);
    add_plain::<ThanosRuler>(manager, options, &shared, "thanosruler");
}

/// Adds the controller of a kind that nothing wakes but what wakes all.
fn add_plain<W: Workload>(
    manager: &mut Manager,
    options: &RunOptions,
    shared: &Shared,
    name: &str,
) {
    let (_, controller) = shared.controller::<W>(manager, options, name);
    manager.add(controller);
}

fn add_alertmanager(manager: &mut Manager, options: &RunOptions, shared: &Shared) {
    let (alertmanagers, mut controller) =
        shared.controller::<Alertmanager>(manager, options, "alertmanager");
    let kind = Configuration::AlertmanagerConfig;
    if let Some(configs) = shared.configurations.by_kind.get(&kind) {
        // No selector finds the one that is the base of everything.
        controller = controller.watches(configs, move |change| {
            alertmanager::based_on(&alertmanagers, change)
        });
    }
    manager.add(controller);
}

/// What a cluster of today can do, and upstream's default feature gates.
fn generator_options() -> Options {
    Options {
        endpoint_slice_supported: true,
        topology_sharding: true,
        retention_policies: true,
        ..Options::default()
    }
}

/// Upstream's rate limit of failures: 5 ms, doubled up to 1000 s.
fn backoff() -> Backoff {
    Backoff {
        base: Duration::from_millis(5),
        max: Duration::from_secs(1000),
    }
}
