//! The rollout controllers as one manager: caches, controllers, leader election.
//!
//! Mirrors upstream's `cmd/rollouts-controller/main.go` and `controller/controller.go`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use runtime::access::Right;
use runtime::client::{Client as RuntimeClient, ClientOptions};
use runtime::leader::{self, LeaderOptions};
use runtime::queue::Backoff;
use runtime::{
    Cache, Change, Clock, ControllerOptions, Error, EventApi, EventType, Index, Manager,
    ManagerOptions, Meta, ObjectKey, ObjectReference, Projection, Scope, Shutdown,
};

use crate::access;
use crate::api::labels::{CONTROLLER_INSTANCE_ID, POD_TEMPLATE_HASH};
use crate::api::{API_VERSION, Rollout};
use crate::metrics::Metrics;
use crate::rollout::RolloutReconciler;
use crate::rollout::decide::writes::{DEPLOYMENT, POD_TEMPLATE, REPLICA_SET, ROLLOUT, SERVICE};
use crate::rollout::facts::Memory;
use crate::rollout::observe::{self, Caches, Unwritten, Workloads};
use crate::service::{self, ServiceReconciler};
use crate::views::{Cached, Packed, ReplicaSetView, ServiceView};

/// Name of the Lease of controllers without an instance id; upstream's.
pub const LEASE: &str = "argo-rollouts-controller-lock";

/// How the rollout controllers run; the defaults are upstream's flags.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Only this namespace; empty means all.
    pub namespace: String,
    /// Only Rollouts with this instance id; empty means those without one.
    pub instance_id: String,
    /// How often every Rollout is looked at without a reason.
    pub resync: Duration,
    /// Rollouts worked on at the same time.
    pub rollout_workers: usize,
    /// Services worked on at the same time.
    pub service_workers: usize,
    /// Requests a second; no limit if absent.
    pub qps: Option<f64>,
    /// Requests that may exceed `qps` at once.
    pub burst: u32,
    /// Namespace of the Lease for leader election; none if absent.
    pub leader_namespace: Option<String>,
    /// Others may take the Lease after this long without renewal.
    pub lease_duration: Duration,
    /// The leader gives up after this long without a successful renewal.
    pub renew_deadline: Duration,
    /// Time between attempts to take or renew the Lease.
    pub retry_period: Duration,
    /// Addresses of health and metrics.
    pub listen: Vec<SocketAddr>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Seed of chance, for reproducible runs.
    pub seed: Option<u64>,
    /// Nothing is sent that needs another right; anything if absent, as where it is recorded what is sent.
    pub rights: Option<Arc<[Right]>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            instance_id: String::new(),
            resync: Duration::from_mins(15),
            rollout_workers: 10,
            service_workers: 10,
            qps: Some(40.0),
            burst: 80,
            leader_namespace: None,
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
            listen: Vec::new(),
            clock: Clock::system(),
            seed: None,
            rights: Some(access::rights().into()),
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

/// The manager with all rollout controllers, not yet running.
pub fn manager(client: kube::Client, options: &RunOptions) -> Manager {
    let defaults = ClientOptions::default();
    let client = RuntimeClient::new(
        client,
        ClientOptions {
            clock: options.clock,
            seed: options.seed.unwrap_or(defaults.seed),
            field_manager: "rollouts-controller".to_owned(),
            qps: options.qps,
            burst: options.burst,
            rights: options.rights.clone(),
            ..defaults
        },
    );
    let leader = options
        .leader_namespace
        .as_ref()
        .map(|namespace| leader_options(&client, namespace, options));
    let manager_options = ManagerOptions {
        component: "rollouts-controller".to_owned(),
        events: Some(EventApi::Core),
        leader,
        listen: options.listen.clone(),
        ..ManagerOptions::default()
    };
    let mut manager = Manager::new(client, manager_options);
    add(&mut manager, options);
    manager
}

fn leader_options(client: &RuntimeClient, namespace: &str, options: &RunOptions) -> LeaderOptions {
    let name = match options.instance_id.as_str() {
        "" => LEASE.to_owned(),
        instance => format!("{LEASE}-{instance}"),
    };
    LeaderOptions {
        lease: ObjectKey::new(namespace, name),
        identity: leader::identity(client),
        lease_duration: options.lease_duration,
        renew_deadline: options.renew_deadline,
        retry_period: options.retry_period,
    }
}

/// Adds the rollout controllers to a manager.
pub fn add(manager: &mut Manager, options: &RunOptions) {
    let scope = Scope::namespace(options.namespace.clone());
    let instance = match options.instance_id.as_str() {
        "" => format!("!{CONTROLLER_INSTANCE_ID}"),
        instance => format!("{CONTROLLER_INSTANCE_ID}={instance}"),
    };
    let rollouts: Cache<Packed<Rollout>> = manager.cache(ROLLOUT, scope.clone().labelled(instance));
    let replica_sets: Cache<Packed<ReplicaSetView>> =
        manager.cache(REPLICA_SET, scope.clone().labelled(POD_TEMPLATE_HASH));
    let services: Cache<Cached<ServiceView>> = manager.cache(SERVICE, scope.clone());
    // Most Rollouts never have their pods looked at; all pods of a cluster are many.
    let pods = manager.cache_on_demand(
        runtime::resource::POD,
        scope.clone().labelled(POD_TEMPLATE_HASH),
    );
    let deployments: Cache<Meta> = manager.cache(DEPLOYMENT, scope.clone());
    let pod_templates: Cache<Meta> = manager.cache(POD_TEMPLATE, scope.clone());
    // Hardly anybody refers to a ReplicaSet.
    let workload_sets: Cache<Meta> = manager.cache_on_demand(REPLICA_SET, scope);
    let by_name = rollouts.index(|rollout| rollout.names().map(str::to_owned).collect());
    announce(manager, &rollouts);
    let metrics = Metrics::watching(manager, &rollouts);
    metrics.follow("rollouts", &rollouts, options.clock);
    metrics.follow("services", &services, options.clock);
    metrics.follow("deployments", &deployments, options.clock);

    let caches = Caches {
        rollouts: rollouts.clone(),
        replica_sets: replica_sets.index(observe::finding),
        services: services.clone(),
        pods: pods.index_by_controller(),
        deployments: deployments.clone(),
        pod_templates: pod_templates.clone(),
        workload_sets: workload_sets.clone(),
        workloads: Workloads::default(),
        facts: Memory::default(),
        unwritten: Unwritten::default(),
        resync: options.resync,
    };
    let mut settings = ControllerOptions::new("rollout");
    settings.workers = options.rollout_workers;
    settings.resync = Some(options.resync);
    settings.backoff = backoff();
    let adopters = rollouts.clone();
    let controller = manager
        .controller(RolloutReconciler::new(caches, metrics), settings)
        .primary(&rollouts)
        .owned(&replica_sets, &ROLLOUT)
        .watches(&replica_sets, move |change| adopting(&adopters, change))
        .watches(&services, naming(&by_name, "Service"))
        .watches(&deployments, naming(&by_name, "Deployment"))
        .watches(&pod_templates, naming(&by_name, "PodTemplate"))
        .watches(&workload_sets, naming(&by_name, "ReplicaSet"));
    manager.add(controller);
    add_service_controller(manager, options, &services, (&rollouts, by_name));
}

fn add_service_controller(
    manager: &mut Manager,
    options: &RunOptions,
    services: &Cache<Cached<ServiceView>>,
    (rollouts, by_name): (&Cache<Packed<Rollout>>, Index<Packed<Rollout>>),
) {
    let mut settings = ControllerOptions::new("service");
    settings.workers = options.service_workers;
    settings.backoff = backoff();
    let reconciler = ServiceReconciler::new(services.clone(), by_name);
    let controller = manager
        .controller(reconciler, settings)
        .watches(services, service::managed)
        .watches(rollouts, service::let_go);
    manager.add(controller);
}

/// Upstream's rate limit of failures (`utils/queue`): 1 ms, doubled up to 10 s.
fn backoff() -> Backoff {
    Backoff {
        base: Duration::from_millis(1),
        max: Duration::from_secs(10),
    }
}

fn keys(rollouts: &[Arc<Packed<Rollout>>]) -> Vec<ObjectKey> {
    let keys = rollouts.iter().map(|rollout| rollout.meta().key.clone());
    keys.collect()
}

/// Rollouts that name an object of this kind.
fn naming<P: Projection>(
    rollouts: &Index<Packed<Rollout>>,
    kind: &'static str,
) -> impl Fn(&Change<P>) -> Vec<ObjectKey> + Send + Sync + use<P> {
    let rollouts = rollouts.clone();
    move |change| {
        let found = change
            .meta()
            .map(|meta| rollouts.get(&format!("{kind}/{}", meta.key)));
        keys(&found.unwrap_or_default())
    }
}

/// Rollouts that may adopt a ReplicaSet without a controller.
fn adopting(
    rollouts: &Cache<Packed<Rollout>>,
    change: &Change<Packed<ReplicaSetView>>,
) -> Vec<ObjectKey> {
    let orphan = change
        .new
        .as_ref()
        .filter(|set| set.meta().controller().is_none());
    orphan
        .map(|set| keys(&rollouts.list_in(&set.meta().key.namespace)))
        .unwrap_or_default()
}

/// Tells of Rollouts that come and go. Those that were there at the start are not announced again.
fn announce(manager: &Manager, rollouts: &Cache<Packed<Rollout>>) {
    let recorder = manager.recorder().clone();
    rollouts.on_change(move |change| {
        let (rollout, reason, text): (_, _, fn(&str, &str) -> String) =
            match (&change.old, &change.new) {
                (None, Some(new)) if !change.initial => {
                    (new, "RolloutAddedToInformer", |namespace, name| {
                        format!("Rollout resource added to informer: {namespace}/{name}")
                    })
                }
                (Some(old), None) => (old, "RolloutDeleted", |namespace, name| {
                    format!("Rollout {name}/{namespace} is deleted.")
                }),
                (None | Some(_), Some(_)) | (None, None) => return,
            };
        let meta = rollout.meta();
        let ObjectKey { namespace, name } = &meta.key;
        let regarding = ObjectReference {
            api_version: API_VERSION.to_owned(),
            kind: "Rollout".to_owned(),
            namespace: namespace.clone(),
            name: name.clone(),
            uid: meta.uid.to_string(),
            resource_version: meta.version.to_string(),
        };
        recorder.record(
            &regarding,
            EventType::Normal,
            reason,
            &text(namespace, name),
        );
    });
}
