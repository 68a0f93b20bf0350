//! Built-in controllers: each an ordinary client of the simulated server.

mod api_availability;
mod auto_register;
mod autoscaler;
mod certificate_signing;
mod cluster_role_aggregation;
pub(crate) mod control;
mod cron_job;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoint_slice;
mod endpoints;
pub(crate) mod event;
mod garbage_collector;
mod history;
mod job;
mod kubernetes_service;
mod load_balancer;
mod namespace;
mod node_lifecycle;
pub(crate) mod object;
pub(crate) mod pod;
mod pod_control;
mod pod_gc;
mod policy_status;
mod policy_types;
mod replica_set;
pub(crate) mod scheduler;
mod service_account;
mod service_account_token;
mod service_cidr;
mod stateful_set;
pub(crate) mod volume;
pub(crate) mod write;

use jiff::Timestamp;
use machinery::duration::GoDuration;
use serde_json::Value;

use self::control::Loop;
use crate::certificates::issue::Authority;
use crate::nodes::containers::ContainerRuntime;
use crate::nodes::local::LocalPods;
use crate::nodes::{DEFAULT_NODES, NodeAgent};
use crate::session::{Change, Session};

/// A built-in controller. It is level-triggered: `step` is called whenever something changed or its wake time came,
/// with the changes since its last step (its own included), and may be called at any time with none.
pub trait Builtin: Send {
    /// Name of the controller; its user is `system:serviceaccount:kube-system:NAME`.
    fn name(&self) -> &'static str;

    /// Reads, decides and writes. Returns when it wants to be called again even if nothing changes.
    fn step(&mut self, session: &mut Session<'_>, changes: &[Change]) -> Option<Timestamp>;
}

/// What can be chosen about the built-in controllers of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Names of the nodes that register; none for a world without pods that run.
    pub nodes: Vec<String>,
    /// Certificate (PEM) in ConfigMap `kube-root-ca.crt` of every namespace.
    pub root_ca: String,
    /// Key (PEM) of that certificate: what is approved is signed with it. Without it nothing is.
    pub root_ca_key: String,
    /// Whether there is a default `StorageClass`, `standard`, whose claims get volumes.
    pub default_class: bool,
    /// Really runs the containers of the images it knows; without it all are simulated.
    pub containers: Option<ContainerRuntime>,
    /// How long Services of type `LoadBalancer` wait for an address; for ever without it.
    pub load_balancer_delay: Option<GoDuration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodes: DEFAULT_NODES.map(str::to_owned).to_vec(),
            root_ca: String::new(),
            root_ca_key: String::new(),
            default_class: true,
            containers: None,
            load_balancer_delay: None,
        }
    }
}

/// What the controller makes first of a StatefulSet, whatever its replicas: the claims of a pod, and the pod. They have
/// no owner, and no hash that anything follows from.
#[must_use]
pub fn first_member(set: &Value) -> Vec<Value> {
    const HASH: &str = "xxxxxxxxxx";
    let revision = format!("{}-{HASH}", object::name(set));
    let first = stateful_set::identity::first(set);
    let mut pod = stateful_set::identity::new_pod(set, first, &revision);
    if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
        metadata.remove("generateName");
    }
    let mut made = stateful_set::claims::wanted(set, &pod);
    made.push(pod);
    made
}

/// All built-in controllers in the order they are stepped, with three nodes.
pub fn all() -> Vec<Box<dyn Builtin>> {
    with(Settings::default())
}

/// All built-in controllers in the order they are stepped.
pub fn with(settings: Settings) -> Vec<Box<dyn Builtin>> {
    let Settings {
        nodes,
        root_ca,
        root_ca_key,
        default_class,
        containers,
        load_balancer_delay,
    } = settings;
    let signing = Authority::read(&root_ca, &root_ca_key).map(|authority| {
        let control = certificate_signing::CertificateSigning::new(authority);
        Box::new(Loop::new(control)) as Box<dyn Builtin>
    });
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let local: Option<Box<dyn Builtin>> = containers
        .clone()
        .map(|runtime| Box::new(LocalPods::new(runtime)) as Box<dyn Builtin>);
    let mut all: Vec<Box<dyn Builtin>> = vec![
        Box::new(Loop::new(service_account::NamespaceContent::new(
            root_ca.clone(),
        ))),
        Box::new(Loop::new(service_account_token::Tokens::new(root_ca))),
        Box::new(Loop::new(cluster_role_aggregation::ClusterRoleAggregation)),
        Box::new(Loop::new(policy_status::PolicyStatus)),
        Box::new(Loop::new(auto_register::AutoRegister)),
        Box::new(Loop::new(api_availability::ApiAvailability)),
        Box::new(Loop::new(service_cidr::ServiceCidrs)),
        Box::new(Loop::new(deployment::Deployments)),
        Box::new(Loop::new(replica_set::ReplicaSets)),
        Box::new(Loop::new(replica_set::ReplicationControllers)),
        Box::new(Loop::new(stateful_set::StatefulSets)),
        Box::new(Loop::new(daemon_set::DaemonSets)),
        Box::new(Loop::new(cron_job::CronJobs::default())),
        Box::new(Loop::new(job::Jobs::default())),
        Box::new(Loop::new(volume::Volumes::new(default_class))),
        Box::new(Loop::new(volume::ephemeral::EphemeralVolumes)),
        Box::new(Loop::new(volume::protection::Protection)),
        Box::new(Loop::new(scheduler::Scheduler::default())),
        Box::new(NodeAgent::new(&nodes).beside(containers)),
        Box::new(Loop::new(node_lifecycle::NodeLifecycle::default())),
        Box::new(Loop::new(pod_gc::PodGarbage::default())),
        Box::new(Loop::new(endpoint_slice::EndpointSlices::default())),
        Box::new(Loop::new(endpoints::EndpointsMirror::default())),
        Box::new(Loop::new(endpoint_slice::mirror::Mirroring)),
        Box::new(kubernetes_service::KubernetesService::default()),
        Box::new(Loop::new(load_balancer::LoadBalancers::new(
            load_balancer_delay,
        ))),
        Box::new(Loop::new(disruption::Disruption)),
        Box::new(Loop::new(autoscaler::Autoscalers::default())),
        Box::new(garbage_collector::GarbageCollector::new()),
        Box::new(Loop::new(namespace::Namespaces)),
    ];
    all.extend(signing);
    all.extend(local);
    all
}

#[cfg(test)]
mod tests;
