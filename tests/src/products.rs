//! Which products' controllers run in a scenario, and in which surroundings: what is served, which namespaces there are, and
//! what the controllers may do.

use std::collections::BTreeSet;
use std::sync::Arc;

use monitoring::operator::watched::{Namespaces, Watch};
use monitoring::workload::Repair;
use runtime::access::Right;
use runtime::{Clock, ResourceRef};
use serde_json::Value;

use crate::objects::{self, text};
use crate::seed;

/// A product with controllers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    /// Argo Rollouts' kinds.
    Rollouts,
    /// Prometheus Operator's kinds.
    Monitoring,
}

impl Product {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rollouts, Self::Monitoring];

    /// Name of its folder, and of its chapter in `deploy/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rollouts => "rollouts",
            Self::Monitoring => "monitoring",
        }
    }

    /// The definitions of its kinds.
    pub fn definitions(self) -> Vec<Value> {
        match self {
            Self::Rollouts => rollouts::api::crds::crds(),
            Self::Monitoring => monitoring::api::crds::crds(),
        }
    }

    /// What its controllers say they need.
    pub fn rights(self) -> Vec<Right> {
        match self {
            Self::Rollouts => rollouts::access::rights(),
            Self::Monitoring => monitoring::access::rights(),
        }
    }

    /// Those of them that no scenario reaches.
    pub fn by_hand(self) -> Vec<Right> {
        let by_hand = match self {
            Self::Rollouts => &[],
            Self::Monitoring => monitoring::access::BY_HAND,
        };
        let each = by_hand.iter();
        each.filter_map(|(right, _)| right.parse().ok()).collect()
    }

    /// The same by a recording.
    pub fn rights_of(self, recording: &str) -> Vec<Right> {
        match self {
            Self::Rollouts => rollouts::access::of(recording),
            Self::Monitoring => monitoring::access::of(recording),
        }
    }

    /// Name of the `ServiceAccount` of its controllers.
    fn account(self) -> &'static str {
        match self {
            Self::Rollouts => rollouts::install::NAME,
            Self::Monitoring => monitoring::access::NAME,
        }
    }

    /// That `ServiceAccount` in a namespace, roles with these rights, in some places or everywhere, and their bindings.
    fn access(
        self,
        namespace: &str,
        places: BTreeSet<String>,
        rights: &[Right],
    ) -> Vec<(ResourceRef, Value)> {
        match self {
            Self::Rollouts => rollouts::install::Install {
                namespace: namespace.to_owned(),
                image: String::new(),
                namespaced: false,
            }
            .access(rights)
            .into(),
            Self::Monitoring => monitoring::access::Grants {
                namespace: namespace.to_owned(),
                namespaces: places,
                daemon_sets: true,
            }
            .objects_with(rights),
        }
    }
}

/// Surroundings of a scenario.
pub struct Stage {
    /// Whose controllers run.
    pub products: &'static [Product],
    /// Kinds that are served where a world is made for the scenario: serving schemas takes time. A real Kubernetes serves all
    /// that the products have.
    pub kinds: &'static [&'static str],
    /// Namespaces there are besides the scenario's own, which the controllers see too; their names follow on its own.
    pub beside: &'static [&'static str],
    /// What definitions are made to say before they are served in a world of the scenario's own.
    pub definition: fn(&mut Value),
    /// What the controllers are granted there; absent: what they say they need. Where it is given they may be refused something.
    pub role: Option<fn() -> Vec<Right>>,
    /// Whether the controllers are granted that in the scenario's namespaces alone, with a Role in each; on a real Kubernetes
    /// too, where they act as whoever starts them otherwise.
    pub roles: bool,
    /// Further operators of monitoring, by the id by which workloads choose them.
    pub operators: &'static [&'static str],
    /// How the monitoring controllers run, with the scenario's namespace.
    pub monitoring: fn(&mut monitoring::RunOptions, &str),
}

/// Only the Rollouts controller.
pub static ROLLOUTS: Stage = Stage {
    products: &[Product::Rollouts],
    // Serving the other kinds takes a simulation longer than a whole release.
    kinds: &["Rollout"],
    ..STAGE
};

/// Servers, and what most of them select.
pub static PROMETHEUS: Stage = Stage {
    kinds: &["Prometheus", "PrometheusRule", "ServiceMonitor"],
    ..STAGE
};

/// What servers and agents select.
pub static AGENT: Stage = Stage {
    kinds: &["PodMonitor", "PrometheusAgent"],
    ..STAGE
};

/// Agents, which may run on every node, and what they select.
pub static ON_EVERY_NODE: Stage = Stage {
    kinds: &["PodMonitor", "PrometheusAgent"],
    monitoring: |options, _| options.gates.daemon_sets = true,
    ..STAGE
};

/// Alertmanagers and their routes.
pub static ALERTMANAGER: Stage = Stage {
    kinds: &["Alertmanager", "AlertmanagerConfig"],
    ..STAGE
};

/// Thanos Rulers and their rules.
pub static THANOS_RULER: Stage = Stage {
    kinds: &["PrometheusRule", "ThanosRuler"],
    ..STAGE
};

/// All that the monitoring controllers know, and two namespaces.
pub static MONITORING: Stage = Stage {
    kinds: &[
        "Alertmanager",
        "AlertmanagerConfig",
        "PodMonitor",
        "Probe",
        "Prometheus",
        "PrometheusAgent",
        "PrometheusRule",
        "ScrapeConfig",
        "ServiceMonitor",
        "ThanosRuler",
    ],
    ..STAGE
};

/// Servers, and stuck pods of theirs are evicted.
pub static EVICTING: Stage = Stage {
    monitoring: |options, _| options.settings.repair = Repair::Evict,
    kinds: &["Prometheus"],
    ..STAGE
};

/// Workloads, and stuck pods of theirs are deleted.
pub static DELETING: Stage = Stage {
    kinds: &["Alertmanager", "Prometheus", "ThanosRuler"],
    monitoring: |options, _| options.settings.repair = Repair::Delete,
    ..STAGE
};

/// Servers and agents.
pub static SCRAPING: Stage = Stage {
    kinds: &["PodMonitor", "Prometheus", "PrometheusAgent"],
    ..STAGE
};

/// The monitoring that people come from: old definitions, an old role, and what the chart's arguments say.
pub static SEED: Stage = Stage {
    kinds: &[
        "Alertmanager",
        "AlertmanagerConfig",
        "PodMonitor",
        "Probe",
        "Prometheus",
        "PrometheusRule",
        "ServiceMonitor",
        "ThanosRuler",
    ],
    beside: &["other"],
    definition: seed::age,
    role: Some(seed::role),
    monitoring: |options, _| {
        let settings = &mut options.settings;
        "127.0.0.1".clone_into(&mut settings.local_host);
        settings.legacy_app_label = true;
        let reloader = &mut settings.reloader;
        for quantity in [&mut reloader.cpu_request, &mut reloader.cpu_limit] {
            "100m".clone_into(quantity);
        }
    },
    ..STAGE
};

/// Servers, and all that they select.
pub static SELECTED: Stage = Stage {
    kinds: &[
        "PodMonitor",
        "Probe",
        "Prometheus",
        "PrometheusRule",
        "ScrapeConfig",
        "ServiceMonitor",
    ],
    ..STAGE
};

/// Kinds whose definitions are tried.
pub static DEFINED: Stage = Stage {
    kinds: &["Prometheus", "PrometheusAgent", "ServiceMonitor"],
    // What is made to be taken back at once is nobody's to look after.
    monitoring: |options, _| {
        "nobody".clone_into(&mut options.prometheuses.controller_id);
    },
    ..STAGE
};

/// Workloads, and two operators that look after them.
pub static OPERATORS: Stage = Stage {
    kinds: &[
        "Alertmanager",
        "Prometheus",
        "PrometheusAgent",
        "ThanosRuler",
    ],
    operators: &["42"],
    ..STAGE
};

/// Workloads that look into another namespace, and rights in these two alone.
pub static ROLES: Stage = Stage {
    kinds: &IN_NAMESPACES,
    beside: &["other"],
    roles: true,
    ..STAGE
};

/// The same, and what is selected is in the other namespace, the workloads are in the scenario's own.
pub static ALLOWED: Stage = Stage {
    kinds: &IN_NAMESPACES,
    beside: &["allowed"],
    roles: true,
    monitoring: |options, own| {
        selected_in(
            options,
            &Namespaces::Only([format!("{own}-allowed")].into()),
        );
        looked_after_in(options, &Namespaces::Only([own.to_owned()].into()));
    },
    ..STAGE
};

/// The same with rights everywhere, and with a namespace that isn't there.
pub static NOT_FOUND: Stage = Stage {
    kinds: &IN_NAMESPACES,
    beside: &["allowed"],
    monitoring: |options, own| {
        let not_found = format!("{own}-notfound");
        let allowed = [format!("{own}-allowed"), not_found.clone()];
        selected_in(options, &Namespaces::Only(allowed.into()));
        let own = [own.to_owned(), not_found];
        looked_after_in(options, &Namespaces::Only(own.into()));
    },
    ..STAGE
};

/// Workloads of one namespace, among those where something is selected.
pub static INSTANCES: Stage = Stage {
    kinds: &IN_NAMESPACES,
    beside: &["other"],
    monitoring: |options, own| {
        looked_after_in(options, &Namespaces::Only([own.to_owned()].into()));
    },
    ..STAGE
};

/// All namespaces but one. On a real Kubernetes others are at work in these too, so that workloads choose this operator by the
/// name of the scenario's namespace.
pub static DENIED: Stage = Stage {
    kinds: &IN_NAMESPACES,
    beside: &["allowed", "denied"],
    monitoring: |options, own| {
        let denied = Namespaces::Except([format!("{own}-denied")].into());
        selected_in(options, &denied);
        looked_after_in(options, &denied);
        chosen_by(options, own);
    },
    ..STAGE
};

/// Workloads of the scenario's own namespace, and what they select in all but that and another.
pub static DENIED_INSTANCES: Stage = Stage {
    kinds: &IN_NAMESPACES,
    beside: &["denied"],
    monitoring: |options, own| {
        let denied = [own.to_owned(), format!("{own}-denied")];
        selected_in(options, &Namespaces::Except(denied.into()));
        looked_after_in(options, &Namespaces::Only([own.to_owned()].into()));
        chosen_by(options, own);
    },
    ..STAGE
};

/// Kinds that scenarios about namespaces need.
const IN_NAMESPACES: [&str; 6] = [
    "Alertmanager",
    "AlertmanagerConfig",
    "Prometheus",
    "PrometheusRule",
    "ServiceMonitor",
    "ThanosRuler",
];

fn selected_in(options: &mut monitoring::RunOptions, namespaces: &Namespaces) {
    options.namespaces.clone_from(namespaces);
    options.alertmanager_configs.clone_from(namespaces);
}

fn watches(options: &mut monitoring::RunOptions) -> [&mut Watch; 3] {
    [
        &mut options.prometheuses,
        &mut options.alertmanagers,
        &mut options.thanos_rulers,
    ]
}

fn looked_after_in(options: &mut monitoring::RunOptions, namespaces: &Namespaces) {
    for watch in watches(options) {
        watch.namespaces.clone_from(namespaces);
    }
}

fn chosen_by(options: &mut monitoring::RunOptions, id: &str) {
    for watch in watches(options) {
        id.clone_into(&mut watch.controller_id);
    }
}

/// Both products at once.
pub static BOTH: Stage = Stage {
    products: &Product::ALL,
    kinds: &["Rollout", "Prometheus", "PrometheusRule", "ServiceMonitor"],
    ..STAGE
};

/// What a stage is if it says nothing else.
pub const STAGE: Stage = Stage {
    products: &[Product::Monitoring],
    kinds: &[],
    beside: &[],
    definition: |_| {},
    role: None,
    roles: false,
    operators: &[],
    monitoring: |_, _| {},
};

impl Stage {
    /// The definitions that are served in a world of the scenario's own.
    pub fn served(&self) -> Vec<Value> {
        let mut served = self.definitions();
        served.retain(|definition| self.kinds.contains(&text(definition, "/spec/names/kind")));
        served.iter_mut().for_each(self.definition);
        served
    }

    /// All definitions of its products.
    pub fn definitions(&self) -> Vec<Value> {
        let each = self.products.iter();
        each.flat_map(|product| product.definitions()).collect()
    }

    /// What its controllers say they need.
    pub fn rights(&self) -> Vec<Right> {
        let each = self.products.iter();
        let mut rights: Vec<Right> = each.flat_map(|product| product.rights()).collect();
        rights.sort_unstable();
        rights.dedup();
        rights
    }

    /// The first of its products.
    pub fn first(&self) -> Product {
        let first = self.products.first().copied();
        first.unwrap_or(Product::Rollouts)
    }

    /// Name of the `ServiceAccount` that the controllers act as. Those of several products are one program.
    pub fn account(&self) -> &'static str {
        self.first().account()
    }

    /// That `ServiceAccount` in a namespace, with these rights.
    pub fn access(&self, namespace: &str, rights: &[Right]) -> Vec<(ResourceRef, Value)> {
        let beside = self.beside.iter();
        let places = beside.map(|beside| format!("{namespace}-{beside}"));
        let places = places.chain([namespace.to_owned()]).filter(|_| self.roles);
        self.first().access(namespace, places.collect(), rights)
    }

    /// The resources that such a scenario is about, pods aside.
    pub fn resources(&self) -> Vec<ResourceRef> {
        let mut resources: Vec<ResourceRef> = Vec::new();
        for product in self.products {
            let of_product: &[&ResourceRef] = match product {
                Product::Rollouts => &objects::OF_ROLLOUTS,
                Product::Monitoring => &objects::OF_MONITORING,
            };
            for resource in of_product {
                let custom = ["argoproj.io", "monitoring.coreos.com"].contains(&&*resource.group);
                let served = !custom || self.kinds.contains(&&*resource.kind);
                if served && !resources.contains(resource) {
                    resources.push((*resource).clone());
                }
            }
        }
        resources
    }

    /// How the controllers run, product by product.
    pub fn options(&self, with: &With) -> Vec<Options> {
        let monitoring = |id: &&str| {
            let mut options = with.monitoring(self.beside);
            (self.monitoring)(&mut options, &with.namespace);
            if !id.is_empty() {
                chosen_by(&mut options, id);
            }
            Options::Monitoring(Box::new(options))
        };
        let of = |product: &Product| match product {
            Product::Rollouts => vec![Options::Rollouts(Box::new(with.rollouts()))],
            Product::Monitoring => [""].iter().chain(self.operators).map(monitoring).collect(),
        };
        self.products.iter().flat_map(of).collect()
    }
}

/// What options of all products have in common.
#[derive(Clone, Debug)]
pub struct With {
    /// The scenario's namespace.
    pub namespace: String,
    /// Whether the controllers hold a Lease.
    pub elected: bool,
    /// The ground's time.
    pub clock: Clock,
    /// Seed of chance.
    pub seed: u64,
    /// What they send nothing beside, if they keep to it.
    pub rights: Option<Arc<[Right]>>,
}

impl With {
    fn lease(&self) -> Option<String> {
        self.elected.then(|| self.namespace.clone())
    }

    fn rollouts(&self) -> rollouts::RunOptions {
        rollouts::RunOptions {
            namespace: self.namespace.clone(),
            leader_namespace: self.lease(),
            qps: None,
            clock: self.clock,
            seed: Some(self.seed),
            rights: self.rights.clone(),
            ..rollouts::RunOptions::default()
        }
    }

    fn monitoring(&self, beside: &[&str]) -> monitoring::RunOptions {
        let others = beside
            .iter()
            .map(|other| format!("{}-{other}", self.namespace));
        let namespaces =
            Namespaces::Only([self.namespace.clone()].into_iter().chain(others).collect());
        let watch = Watch {
            namespaces: namespaces.clone(),
            ..Watch::default()
        };
        monitoring::RunOptions {
            namespaces: namespaces.clone(),
            alertmanager_configs: namespaces,
            prometheuses: watch.clone(),
            alertmanagers: watch.clone(),
            thanos_rulers: watch,
            leader_namespace: self.lease(),
            qps: None,
            clock: self.clock,
            seed: Some(self.seed),
            rights: self.rights.clone(),
            ..monitoring::RunOptions::default()
        }
    }
}

/// How the controllers of a product run.
#[derive(Clone, Debug)]
pub enum Options {
    /// Those of Rollouts.
    Rollouts(Box<rollouts::RunOptions>),
    /// Those of monitoring.
    Monitoring(Box<monitoring::RunOptions>),
}

impl Options {
    /// Runs them in their n-th life; ends with what they say about their end.
    pub async fn run(self, client: kube::Client, life: u64) -> String {
        let (_trigger, shutdown) = runtime::shutdown::channel();
        let seed = |seed: Option<u64>| seed.map(|seed| seed + life - 1);
        match self {
            Self::Rollouts(mut options) => {
                options.seed = seed(options.seed);
                format!("{:?}", rollouts::run(client, *options, shutdown).await)
            }
            Self::Monitoring(mut options) => {
                options.seed = seed(options.seed);
                format!("{:?}", monitoring::run(client, *options, shutdown).await)
            }
        }
    }
}
