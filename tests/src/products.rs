//! Which products' controllers run in a scenario, and in which surroundings: what is served, which namespaces there are, and
//! what the controllers may do.

mod stages;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use monitoring::operator::watched::{Namespaces, Watch};
use runtime::access::Right;
use runtime::{Clock, ResourceRef};
use serde_json::Value;

use crate::objects::{self, text};
use stages::chosen_by;

pub use stages::*;

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

    /// The definitions of its kinds, made once: every scenario begins with them.
    pub fn definitions(self) -> &'static [Value] {
        static ROLLOUTS: LazyLock<Vec<Value>> = LazyLock::new(rollouts::api::crds::crds);
        static MONITORING: LazyLock<Vec<Value>> = LazyLock::new(monitoring::api::crds::crds);
        match self {
            Self::Rollouts => &ROLLOUTS,
            Self::Monitoring => &MONITORING,
        }
    }

    /// What its controllers say they need.
    pub fn rights(self) -> Vec<Right> {
        match self {
            Self::Rollouts => rollouts::access::rights(),
            Self::Monitoring => monitoring::access::rights(),
        }
    }

    /// Those of them that no recorded scenario reaches.
    pub fn by_hand(self) -> Vec<Right> {
        let by_hand = match self {
            Self::Rollouts => &[],
            Self::Monitoring => monitoring::access::BY_HAND,
        };
        let each = by_hand.iter();
        each.filter_map(|(right, _)| right.parse().ok()).collect()
    }

    /// What its controllers were seen to call, as it is written down.
    pub fn recording(self) -> &'static str {
        match self {
            Self::Rollouts => rollouts::access::CALLED,
            Self::Monitoring => monitoring::access::CALLED,
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
                watches_secrets: true,
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
    /// Whether what it is about is the whole cluster's, definitions or nodes: it has a real Kubernetes to itself then, in which
    /// the definitions are made to say the same as in a world of the scenario's own, and the controllers have their role.
    pub alone: bool,
    /// Further operators of monitoring, by the id by which workloads choose them.
    pub operators: &'static [&'static str],
    /// How the monitoring controllers run, with the scenario's namespace; further operators know by their id who they are.
    pub monitoring: fn(&mut monitoring::RunOptions, &str),
}

/// What a stage is if it says nothing else.
pub const STAGE: Stage = Stage {
    products: &[Product::Monitoring],
    kinds: &[],
    beside: &[],
    definition: |_| {},
    role: None,
    roles: false,
    alone: false,
    operators: &[],
    monitoring: |_, _| {},
};

impl Stage {
    /// The definitions that are served in a world of the scenario's own.
    pub fn served(&self) -> Vec<Value> {
        let all = self.products.iter().flat_map(|one| one.definitions());
        let is_served =
            |definition: &&Value| self.kinds.contains(&text(definition, "/spec/names/kind"));
        let mut served: Vec<Value> = all.filter(is_served).cloned().collect();
        served.iter_mut().for_each(self.definition);
        served
    }

    /// All definitions of its products.
    pub fn definitions(&self) -> Vec<Value> {
        let each = self.products.iter();
        let all = each.flat_map(|product| product.definitions());
        all.cloned().collect()
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
            if !id.is_empty() {
                chosen_by(&mut options, id);
            }
            (self.monitoring)(&mut options, &with.namespace);
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
