//! The controllers that can work, added to a manager.

use runtime::{Cache, Controller, Manager};

use super::shared::Shared;
use super::{Bindings, RunOptions};
use crate::alertmanager;
use crate::api::{Alertmanager, Prometheus, PrometheusAgent, ThanosRuler};
use crate::metrics::{Metrics, Name};
use crate::operator::bindings::{Bound, Finalizer};
use crate::operator::reconciler::WorkloadReconciler;
use crate::operator::selecting::{Configuration, Selecting};
use crate::operator::usable::Usable;
use crate::operator::watched::Watch;
use crate::operator::workload::Workload;

/// Adds the monitoring controllers whose kinds are served and may be watched.
pub(super) fn add(manager: &mut Manager, options: &RunOptions, usable: &Usable, metrics: &Metrics) {
    let shared = Shared::new(manager, options, usable);
    let mut adding = Adding {
        manager,
        options,
        shared: &shared,
        usable,
        metrics,
    };
    adding.add::<Prometheus>(Name::Prometheus, &options.prometheuses, |controller, _| {
        controller
    });
    let agents = Name::PrometheusAgent;
    let daemon_sets = shared.own_daemon_sets.as_ref();
    adding.add::<PrometheusAgent>(
        agents,
        &options.prometheuses,
        |controller, _| match daemon_sets {
            Some(daemon_sets) => controller.owned(daemon_sets, &PrometheusAgent::RESOURCE),
            None => controller,
        },
    );
    let kind = Configuration::AlertmanagerConfig;
    let configs = shared.configurations.by_kind.get(&kind);
    let alertmanagers = Name::Alertmanager;
    adding.add::<Alertmanager>(alertmanagers, &options.alertmanagers, |controller, all| {
        // No selector finds the one that is the base of everything.
        match configs {
            Some(configs) => {
                controller.watches(configs, move |change| alertmanager::based_on(&all, change))
            }
            None => controller,
        }
    });
    adding.add::<ThanosRuler>(
        Name::ThanosRuler,
        &options.thanos_rulers,
        |controller, _| controller,
    );
}

/// What may be done with workloads of a kind.
pub(super) struct May {
    /// Write their status.
    pub(super) report: bool,
    /// Put upstream's finalizer on them, or take it off.
    pub(super) finalize: Finalizer,
    /// Have objects of these kinds say that they use them.
    pub(super) bind: Bound,
}

/// Adds controllers.
struct Adding<'a> {
    manager: &'a mut Manager,
    options: &'a RunOptions,
    shared: &'a Shared,
    usable: &'a Usable,
    metrics: &'a Metrics,
}

impl Adding<'_> {
    /// What becomes of upstream's finalizer on a kind of workloads.
    fn finalizer(&self, plural: &str, bound: &Bound) -> Finalizer {
        let kept = !bound.is_empty() && self.options.gates.bindings == Bindings::Kept;
        match self.usable.obstacle(plural, &["patch"]) {
            Some(_) => Finalizer::Left,
            None if kept => Finalizer::Added,
            None => Finalizer::Removed,
        }
    }

    /// The kinds whose objects say that they are used by workloads of a kind. Whether one of these is still there must be seen.
    fn bound(&self, plural: &str) -> Bound {
        let bound = &self.shared.bound;
        match self.usable.obstacle(plural, &["get"]) {
            Some(why) if !bound.is_empty() => {
                tracing::warn!(
                    kind = plural,
                    why,
                    remedy = self.usable.remedy(plural, &["get"]),
                    "selected objects don't say that these use them"
                );
                Bound::default()
            }
            Some(_) | None => bound.clone(),
        }
    }

    /// Adds the controller of a kind, with more that wakes it, unless there is an obstacle.
    fn add<W: Workload>(
        &mut self,
        name: Name,
        watch: &Watch,
        more: impl FnOnce(
            Controller<WorkloadReconciler<W>>,
            Cache<Selecting<W>>,
        ) -> Controller<WorkloadReconciler<W>>,
    ) {
        let plural = &W::RESOURCE.plural;
        let reads = ["list", "watch"];
        if let Some(why) = self.usable.obstacle(plural, &reads) {
            let remedy = self.usable.remedy(plural, &reads);
            tracing::warn!(controller = name.queue(), why, remedy, "switched off");
            return;
        }
        // As upstream, which applies it.
        let (resource, writes) = (format!("{plural}/status"), ["patch"]);
        let status = self.usable.obstacle(&resource, &writes);
        if let Some(why) = &status {
            let remedy = self.usable.remedy(&resource, &writes);
            tracing::warn!(
                controller = name.queue(),
                why,
                remedy,
                "status isn't written"
            );
        }
        let metrics = self.metrics.of(name);
        let bind = self.bound(plural);
        let may = May {
            report: status.is_none(),
            finalize: self.finalizer(plural, &bind),
            bind,
        };
        let named = (&metrics, &may);
        let manager = &mut *self.manager;
        let (workloads, controller) =
            self.shared
                .controller::<W>(manager, self.options, watch, named);
        if !may.bind.is_empty() {
            let of = (&may.bind, &watch.namespaces);
            let gone = self.shared.gone(manager, name, &workloads, of);
            manager.add(gone);
        }
        self.manager.add(more(controller, workloads));
        // A replica that waits to lead is ready too.
        self.manager.once_filled(move || metrics.ready());
    }
}
