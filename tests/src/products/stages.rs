//! The surroundings of all scenarios.

use std::time::Duration;

use monitoring::operator::watched::{Namespaces, Watch};
use monitoring::run::Bindings;
use monitoring::workload::Repair;
use runtime::ObjectKey;
use runtime::access::Verb;

use super::{Product, STAGE, Stage};
use crate::scenarios::kubelets;
use crate::{seed, webhooks};

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
    alone: true,
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
    kinds: &[
        "Prometheus",
        "PrometheusAgent",
        "PrometheusRule",
        "ServiceMonitor",
    ],
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

/// Servers, and two operators that give their config-reloaders different amounts.
pub static RELOADERS: Stage = Stage {
    kinds: &["Prometheus"],
    operators: &["42"],
    monitoring: |options, _| {
        if options.prometheuses.controller_id == "42" {
            let reloader = &mut options.settings.reloader;
            "51m".clone_into(&mut reloader.cpu_request);
            "0".clone_into(&mut reloader.cpu_limit);
            "51Mi".clone_into(&mut reloader.memory_request);
            "101Mi".clone_into(&mut reloader.memory_limit);
        }
    },
    ..STAGE
};

/// Workloads that look into another namespace, and rights in these two alone.
pub static ROLES: Stage = Stage {
    kinds: &IN_NAMESPACES,
    beside: &["other"],
    roles: true,
    ..STAGE
};

/// Servers, and no right to claims.
pub static WITHOUT_CLAIMS: Stage = Stage {
    kinds: &["Prometheus"],
    role: Some(|| {
        let mut rights = Product::Monitoring.rights();
        rights.retain(|right| right.resource != "persistentvolumeclaims");
        rights
    }),
    roles: true,
    ..STAGE
};

/// Rights in two namespaces alone: what is selected is in the other one, the workloads are in the scenario's own.
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

/// Workloads that are kept by a finalizer until nothing says that it is used by them.
pub static KEPT: Stage = Stage {
    monitoring: |options, _| options.gates.bindings = Bindings::Kept,
    ..MONITORING
};

/// Servers, and pods with Carrick's own config-reloader.
pub static SPREAD: Stage = Stage {
    kinds: &["Prometheus", "ScrapeConfig"],
    monitoring: |options, _| options.settings.reloader.joins = true,
    ..STAGE
};

/// Servers, and the rights of the default installation, by which Secrets are neither listed nor watched.
pub static SECRETS_BY_NAME: Stage = Stage {
    kinds: &[
        "Alertmanager",
        "Prometheus",
        "ScrapeConfig",
        "ServiceMonitor",
    ],
    role: Some(|| {
        let mut rights = Product::Monitoring.rights();
        let all = [Verb::List, Verb::Watch];
        rights.retain(|right| right.resource != "secrets" || !all.contains(&right.verb));
        rights
    }),
    monitoring: |options, _| options.settings.reloader.joins = true,
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

/// Has workloads choose these controllers by an id.
pub(super) fn chosen_by(options: &mut monitoring::RunOptions, id: &str) {
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

/// The same of Alertmanagers and their routes.
pub static DEFINED_ROUTES: Stage = Stage {
    kinds: &["Alertmanager", "AlertmanagerConfig"],
    definition: webhooks::both_versions,
    monitoring: |options, _| {
        "nobody".clone_into(&mut options.alertmanagers.controller_id);
    },
    ..STAGE
};

/// The same of ScrapeConfigs.
pub static DEFINED_JOBS: Stage = Stage {
    kinds: &["Prometheus", "ScrapeConfig"],
    ..STAGE
};

/// What webhooks are asked about.
pub static ADMITTED: Stage = Stage {
    kinds: &["AlertmanagerConfig", "Prometheus", "PrometheusRule"],
    ..STAGE
};

/// Alertmanagers, and routes in two versions and two namespaces.
pub static ROUTED: Stage = Stage {
    kinds: &["Alertmanager", "AlertmanagerConfig"],
    beside: &["other"],
    definition: webhooks::both_versions,
    ..STAGE
};

/// Servers and Thanos Rulers, and all that they select in two namespaces.
pub static ELSEWHERE: Stage = Stage {
    kinds: &[
        "PodMonitor",
        "Probe",
        "Prometheus",
        "PrometheusRule",
        "ScrapeConfig",
        "ServiceMonitor",
        "ThanosRuler",
    ],
    beside: &["other"],
    ..STAGE
};

/// No kind of monitoring is served before the scenario has it so.
pub static UNSERVED: Stage = Stage { ..STAGE };

/// A Service of the kubelets, but for hidden nodes: those of the testbed have addresses that no API server takes into Endpoints.
pub static KUBELETS: Stage = Stage {
    kinds: &["Prometheus"],
    alone: true,
    monitoring: |options, namespace| {
        options.kubelets = Some(monitoring::kubelet::Options {
            service: ObjectKey::new(namespace, kubelets::SERVICE_NAME),
            selector: format!("{}!=yes", kubelets::HIDDEN),
            preference: monitoring::kubelet::Preference::Internal,
            endpoints: true,
            slices: true,
            period: Duration::from_secs(30),
            insecure_port: true,
        });
    },
    ..STAGE
};
