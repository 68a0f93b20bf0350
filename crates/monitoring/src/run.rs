//! The monitoring controllers as one manager: caches and what wakes whom (upstream's `cmd/operator/main.go`).

mod adding;
mod options;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runtime::client::{Client as RuntimeClient, ClientOptions};
use runtime::leader::{self, LeaderOptions};
use runtime::select::{Either, race};
use runtime::web::Site;
use runtime::{Error, EventApi, Manager, ManagerOptions, ObjectKey, Shutdown, shutdown};

use crate::admission::Admission;
use crate::kubelet;
use crate::metrics::Metrics;
use crate::operator::refusals;
use crate::operator::usable::Usable;
use adding::add;

pub use options::{Bindings, Gates, RunOptions, Selectors};

/// Name of the Lease of the controllers.
pub const LEASE: &str = "carrick-monitoring";
/// Field manager of everything that is written; upstream's.
const FIELD_MANAGER: &str = "PrometheusOperator";
/// How long caches may take to fill (`DefaultCacheSyncTimeout` of upstream's `pkg/operator/operator.go`).
const FILL_WITHIN: Duration = Duration::from_mins(10);
/// Runs the controllers against one API server until the shutdown, or until leadership is lost (`Err`). What can't be used at
/// first is looked for again, and the controllers start anew once it can.
pub async fn run(
    client: kube::Client,
    options: RunOptions,
    shutdown: Shutdown,
) -> Result<(), Error> {
    loop {
        let client = client_of(client.clone(), &options);
        let Some(usable) = shutdown.or(Usable::look_up(&client, &options)).await else {
            return Ok(());
        };
        let usable = usable?;
        let again = AtomicBool::new(false);
        let (trigger, stop) = shutdown::channel();
        let watching = async {
            let changed = shutdown.or(usable.changed(&client, &options)).await;
            again.store(changed.is_some(), Ordering::Release);
            trigger.trigger();
            std::future::pending::<()>().await;
        };
        let working = manager(client.clone(), &options, &usable).run(stop);
        if let Either::Left(ended) = Box::pin(race(working, watching)).await {
            ended?;
        }
        if !again.load(Ordering::Acquire) {
            return Ok(());
        }
        tracing::info!("more can be used than before: starting anew");
    }
}

fn client_of(client: kube::Client, options: &RunOptions) -> RuntimeClient {
    let defaults = ClientOptions::default();
    RuntimeClient::new(
        client,
        ClientOptions {
            clock: options.clock,
            seed: options.seed.unwrap_or(defaults.seed),
            field_manager: FIELD_MANAGER.to_owned(),
            qps: options.qps,
            burst: options.burst,
            rights: options.rights.clone(),
            ..defaults
        },
    )
}

/// The manager with all monitoring controllers that can work, not yet running.
fn manager(client: RuntimeClient, options: &RunOptions, usable: &Usable) -> Manager {
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
        events: usable.may_tell().then_some(EventApi::New {
            action: refusals::action,
        }),
        leader,
        listen: options.listen.clone(),
        site: Site {
            pages: Some(Admission::default().pages()),
            tls: options.tls.clone(),
        },
        fill_within: Some(FILL_WITHIN),
    };
    let mut manager = Manager::new(client, manager_options);
    let metrics = Metrics::watching(manager.client(), options.gates);
    add(&mut manager, options, usable, &metrics);
    if let Some(kubelets) = usable.kubelets(options) {
        let (client, recorder) = (manager.client().clone(), manager.recorder().clone());
        let settings = Arc::new(options.settings.clone());
        let kubelets = kubelet::Kubelets::new(client, recorder, kubelets, settings);
        // They are kept whatever becomes of the caches of others.
        manager.work_without_caches(move |shutdown| kubelets.run(shutdown));
    }
    // Where nothing can be watched yet there is no controller, and whoever looks after the process is to find it at work.
    manager.work(|shutdown| async move { shutdown.triggered().await });
    manager
}
