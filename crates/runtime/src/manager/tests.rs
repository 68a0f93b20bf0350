//! The whole loop against a small API server in memory.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::cache::{Index, Meta, Whole};
use crate::effect::{Effect, IfExists, ObjectReference};
use crate::plan::{Performed, Plan, Requeue};
use crate::reconciler::{Reader, Rejection, StatusWrite};
use crate::resource::{LEASE, ObjectKey};
use crate::shutdown;
use crate::testing::{FakeApi, Fate};

const WIDGET: ResourceRef = ResourceRef::namespaced("example.dev", "v1", "Widget", "widgets");
const CONFIG_MAP: ResourceRef = ResourceRef::namespaced("", "v1", "ConfigMap", "configmaps");
const WIDGETS: &str = "/apis/example.dev/v1/widgets";
const CONFIG_MAPS: &str = "/api/v1/configmaps";

/// Keeps as many config maps as a widget wants, one write a step.
struct Widgets {
    widgets: Cache<Whole>,
    children: Index<Meta>,
}

struct Seen {
    widget: Value,
    children: Vec<Arc<Meta>>,
}

impl Seen {
    fn reference(&self) -> ObjectReference {
        ObjectReference::of(&WIDGET, &self.widget)
    }
}

impl Reconciler for Widgets {
    type Observed = Seen;

    fn resource(&self) -> ResourceRef {
        WIDGET
    }

    async fn observe(&self, key: &ObjectKey, _: &Reader) -> Result<Option<Seen>, Error> {
        let Some(widget) = self.widgets.get(key) else {
            return Ok(None);
        };
        let children = self.children.get(&widget.meta().uid);
        Ok(Some(Seen {
            widget: widget.value(),
            children,
        }))
    }

    fn decide(&self, seen: &Seen) -> Result<Plan, Rejection> {
        let wanted =
            usize::try_from(seen.widget["spec"]["children"].as_u64().unwrap_or_default()).unwrap();
        assert_ne!(wanted, 99, "ninety-nine is not supported");
        let names: Vec<&str> = seen
            .children
            .iter()
            .map(|child| child.key.name.as_str())
            .collect();
        let name = seen.widget["metadata"]["name"].as_str().unwrap();
        let missing = (0..wanted)
            .map(|n| format!("{name}-{n}"))
            .find(|name| !names.contains(&name.as_str()));
        if let Some(missing) = missing {
            let owner = json!({"apiVersion": "example.dev/v1", "kind": "Widget", "name": name,
                "uid": seen.widget["metadata"]["uid"], "controller": true});
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": missing, "namespace": "ns", "ownerReferences": [owner]}});
            let create = Effect::Create {
                resource: CONFIG_MAP,
                object,
                if_exists: IfExists::Accept,
            };
            let event = Effect::event(seen.reference(), "Created", format!("Created {missing}"));
            return Ok(Plan::of(vec![create, event]).requeue(Requeue::Immediately));
        }
        let surplus = seen.children.iter().skip(wanted);
        Ok(Plan::of(
            surplus
                .map(|child| Effect::delete(CONFIG_MAP, child.key.clone(), &*child.uid))
                .collect(),
        ))
    }

    fn status(&self, seen: &Seen, plan: &Plan<Performed>) -> StatusWrite {
        if plan.failure().is_some() || plan.requeue == Requeue::Immediately {
            return StatusWrite::Unchanged;
        }
        let old = seen
            .widget
            .get("status")
            .cloned()
            .unwrap_or_else(|| json!({}));
        let new = json!({"children": seen.children.len() - plan.done()});
        StatusWrite::MergePatch {
            subresource: true,
            old,
            new,
            resource_version: None,
        }
    }
}

fn widget(name: &str, children: usize) -> Value {
    json!({"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": name, "namespace": "ns"},
        "spec": {"children": children}})
}

/// A manager with the widget controller; answers it with what the tests look at.
fn manager(api: &FakeApi, leader: Option<LeaderOptions>) -> (Manager, Cache<Whole>) {
    let options = ManagerOptions {
        component: "widget-controller".to_owned(),
        events: Some(EventApi::Core),
        leader,
        ..ManagerOptions::default()
    };
    let mut manager = Manager::new(api.client(), options);
    let widgets: Cache<Whole> = manager.cache(WIDGET, Scope::all());
    let config_maps: Cache<Meta> = manager.cache(CONFIG_MAP, Scope::all());
    let reconciler = Widgets {
        widgets: widgets.clone(),
        children: config_maps.index_by_controller(),
    };
    let controller = manager
        .controller(reconciler, ControllerOptions::new("widget"))
        .primary(&widgets)
        .owned(&config_maps, &WIDGET);
    manager.add(controller);
    (manager, widgets)
}

/// A runtime of one thread; with `paused`, on virtual time.
fn tokio_runtime(paused: bool) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build()
        .unwrap()
}

/// Whether a manager ends well, and in time, once it is told to, after something else has been awaited.
async fn ends(
    manager: Manager,
    (trigger, shutdown): (shutdown::Trigger, shutdown::Shutdown),
    beside: impl Future<Output = ()>,
) -> bool {
    let waiting = async {
        beside.await;
        trigger.trigger();
        std::future::pending::<()>().await;
    };
    let both = crate::select::race(manager.run(shutdown), waiting);
    let ended = tokio::time::timeout(Duration::from_secs(20), both).await;
    matches!(ended, Ok(crate::select::Either::Left(Ok(()))))
}

/// Runs a manager until the condition has been awaited, then shuts it down and waits for its end.
fn run(api: &FakeApi, leader: Option<LeaderOptions>, condition: impl AsyncFnOnce(Client)) {
    tokio_runtime(false).block_on(async {
        let (manager, _) = manager(api, leader);
        let client = manager.client().clone();
        let ended = ends(manager, shutdown::channel(), condition(client)).await;
        assert!(ended, "not reached in time");
    });
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

fn children_in_status(api: &FakeApi, name: &str) -> Option<u64> {
    api.state().objects[WIDGETS][&("ns".to_owned(), name.to_owned())]["status"]["children"].as_u64()
}

fn config_maps(api: &FakeApi) -> Vec<String> {
    let state = api.state();
    state
        .objects
        .get(CONFIG_MAPS)
        .into_iter()
        .flatten()
        .map(|((_, name), _)| name.clone())
        .collect()
}

fn events(api: &FakeApi) -> Vec<String> {
    let state = api.state();
    let events = state.objects.get("/api/v1/events").into_iter().flatten();
    events
        .map(|(_, event)| event["message"].as_str().unwrap().to_owned())
        .collect()
}

/// Writes but those of Events and Leases, whose moment depends on the background.
fn writes(api: &FakeApi) -> Vec<String> {
    let noise = |line: &String| line.contains("/events") || line.contains("/leases");
    api.state()
        .writes
        .iter()
        .filter(|line| !noise(line))
        .cloned()
        .collect()
}

#[test]
fn a_cache_of_metadata_asks_for_no_more() {
    let api = FakeApi::default();
    run(&api, None, async |_| {
        until(|| api.state().asked.len() >= 4).await;
    });
    let asked = api.state().asked.clone();
    let of = |collection: &str| -> Vec<String> {
        let all = asked
            .iter()
            .filter_map(|line| line.strip_prefix(collection));
        all.map(|form| form.trim().to_owned()).take(2).collect()
    };
    let partial =
        |kind: &str| format!("application/json;as={kind};g=meta.k8s.io;v=v1,application/json");
    assert_eq!(
        of("/api/v1/configmaps"),
        [
            partial("PartialObjectMetadataList"),
            partial("PartialObjectMetadata")
        ]
    );
    assert_eq!(of(WIDGETS), ["application/json", "application/json"]);
}

#[test]
fn a_widget_converges_with_one_status_write_and_then_nothing_more_is_written() {
    let api = FakeApi::default();
    api.put(WIDGETS, widget("a", 2));
    run(&api, None, async |_| {
        until(|| children_in_status(&api, "a") == Some(2)).await;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(
        writes(&api),
        [
            "POST /api/v1/namespaces/ns/configmaps 201",
            "POST /api/v1/namespaces/ns/configmaps 201",
            "PATCH /apis/example.dev/v1/namespaces/ns/widgets/a/status 200",
        ]
    );
    assert_eq!(events(&api), ["Created a-0", "Created a-1"]);
}

#[test]
fn two_runs_of_many_objects_write_the_same_in_the_same_order() {
    let trace = || {
        let api = FakeApi::default();
        for (n, name) in ["c", "a", "e", "b", "d"].into_iter().enumerate() {
            api.put(WIDGETS, widget(name, n + 1));
        }
        run(&api, None, async |_| {
            until(|| {
                ["a", "b", "c", "d", "e"]
                    .iter()
                    .all(|name| children_in_status(&api, name).is_some())
            })
            .await;
        });
        writes(&api)
    };
    let first = trace();
    assert_eq!(first.len(), 15 + 5);
    assert_eq!(first, trace());
}

#[test]
fn surplus_children_are_deleted_once() {
    let api = FakeApi::default();
    api.put(WIDGETS, widget("a", 3));
    run(&api, None, async |_| {
        until(|| children_in_status(&api, "a") == Some(3)).await;
        let mut smaller = api.state().objects[WIDGETS]
            .values()
            .next()
            .unwrap()
            .clone();
        smaller["spec"]["children"] = json!(1);
        api.put(WIDGETS, smaller);
        until(|| children_in_status(&api, "a") == Some(1)).await;
    });
    assert_eq!(config_maps(&api), ["a-0"]);
    let deletes = writes(&api)
        .into_iter()
        .filter(|line| line.starts_with("DELETE"))
        .count();
    assert_eq!(deletes, 2);
}

#[test]
fn a_create_whose_answer_was_lost_is_recognised_when_repeated() {
    let api = FakeApi::default();
    api.put(WIDGETS, widget("a", 1));
    api.state().fates.insert(
        "POST /api/v1/namespaces/ns/configmaps".to_owned(),
        Fate::LostReply,
    );
    run(&api, None, async |_| {
        until(|| children_in_status(&api, "a") == Some(1)).await;
    });
    assert_eq!(config_maps(&api), ["a-0"]);
}

#[test]
fn a_conflict_on_the_status_is_tried_again() {
    let api = FakeApi::default();
    api.put(WIDGETS, widget("a", 0));
    let path = "PATCH /apis/example.dev/v1/namespaces/ns/widgets/a/status";
    api.state().fates.insert(path.to_owned(), Fate::Conflict);
    run(&api, None, async |_| {
        until(|| children_in_status(&api, "a") == Some(0)).await;
    });
    assert_eq!(writes(&api), [format!("{path} 409"), format!("{path} 200")]);
}

#[test]
fn a_panic_degrades_one_object_only() {
    let api = FakeApi::default();
    api.put(WIDGETS, widget("a", 99));
    api.put(WIDGETS, widget("b", 1));
    run(&api, None, async |client| {
        until(|| children_in_status(&api, "b") == Some(1)).await;
        until(|| {
            client
                .registry()
                .encode()
                .contains("panics_total{controller=\"widget\"} 2")
        })
        .await;
    });
    assert_eq!(children_in_status(&api, "a"), None);
    let state = api.state();
    let reasons = state.objects["/api/v1/events"]
        .values()
        .map(|event| event["reason"].as_str().unwrap());
    assert!(reasons.collect::<Vec<_>>().contains(&"ReconcilePanic"));
}

#[test]
fn a_relist_shows_what_an_expired_watch_has_missed() {
    let api = FakeApi::default();
    api.put(WIDGETS, widget("a", 1));
    api.put(WIDGETS, widget("b", 1));
    run(&api, None, async |_| {
        until(|| {
            ["a", "b"]
                .iter()
                .all(|name| children_in_status(&api, name) == Some(1))
        })
        .await;
        let lists = api.lists();
        api.expire(|state| {
            state.delete(CONFIG_MAPS, &("ns".to_owned(), "a-0".to_owned()));
            state.store(WIDGETS, widget("c", 1));
        });
        until(|| api.lists() >= lists + 2).await;
        until(|| config_maps(&api) == ["a-0", "b-0", "c-0"]).await;
        until(|| children_in_status(&api, "c") == Some(1)).await;
    });
}

#[test]
fn only_a_leader_works_and_gives_the_lease_back_at_the_end() {
    let api = FakeApi::default();
    api.put(WIDGETS, widget("a", 1));
    let options = |identity: &str| Some(LeaderOptions::new(ObjectKey::new("ns", "lock"), identity));
    let lease = |api: &FakeApi| {
        let spec = api.state().objects["/apis/coordination.k8s.io/v1/leases"]
            .values()
            .next()
            .unwrap()["spec"]
            .clone();
        (
            spec["holderIdentity"].as_str().unwrap().to_owned(),
            spec["leaseTransitions"].as_u64().unwrap(),
        )
    };
    for (identity, transitions) in [("one", 0), ("two", 1)] {
        run(&api, options(identity), async |client| {
            until(|| children_in_status(&api, "a") == Some(1)).await;
            assert!(
                client
                    .get(&LEASE, &ObjectKey::new("ns", "lock"))
                    .await
                    .unwrap()
                    .is_some()
            );
            until(|| lease(&api).0 == identity).await;
        });
        assert_eq!(lease(&api), (String::new(), transitions));
    }
}

#[test]
fn who_waits_to_lead_has_full_caches_and_is_ready() {
    let api = FakeApi::default();
    api.put(WIDGETS, widget("a", 1));
    let leases = "/apis/coordination.k8s.io/v1/leases";
    let spec = json!({"holderIdentity": "other", "leaseDurationSeconds": 15, "leaseTransitions": 0,
        "acquireTime": "2030-01-01T00:00:00.000000Z", "renewTime": "2030-01-01T00:00:00.000000Z"});
    api.put(
        leases,
        json!({"metadata": {"name": "lock", "namespace": "ns"}, "spec": spec}),
    );
    tokio_runtime(false).block_on(async {
        let (_trigger, shutdown) = shutdown::channel();
        let options = LeaderOptions::new(ObjectKey::new("ns", "lock"), "own");
        let (mut manager, widgets) = manager(&api, Some(options));
        let (tell, told) = oneshot::channel();
        manager.once_filled(move || tell.send(()).unwrap());
        let both = crate::select::race(manager.run(shutdown), told);
        let ended = tokio::time::timeout(Duration::from_secs(10), both).await;
        assert!(matches!(ended, Ok(crate::select::Either::Right(Ok(())))));
        assert!(widgets.get(&ObjectKey::new("ns", "a")).is_some());
        assert_eq!(writes(&api), Vec::<String>::new());
    });
}

#[test]
fn a_cache_that_never_fills_ends_the_process_where_there_is_a_limit() {
    tokio_runtime(true).block_on(async {
        for (within, minutes) in [(Some(Duration::from_mins(3)), 3), (None, 0)] {
            let (_trigger, shutdown) = shutdown::channel();
            let begin = tokio::time::Instant::now();
            let mut watches = JoinSet::new();
            let filling = fill(vec![never_filled()], &mut watches, within, &shutdown);
            let ended = tokio::time::timeout(Duration::from_hours(1), filling).await;
            match ended {
                Ok(result) => {
                    let why = result.unwrap_err().to_string();
                    assert!(
                        why.contains("widgets.example.dev could not be listed"),
                        "{why}"
                    );
                    assert_eq!(begin.elapsed(), Duration::from_mins(minutes));
                }
                Err(_) => assert_eq!(within, None),
            }
        }
    });
}

/// A cache that nothing fills.
fn never_filled() -> Source {
    Source {
        of: "widgets.example.dev".to_owned(),
        watch: Box::new(|_| std::future::pending().boxed()),
        synced: Box::new(|| std::future::pending().boxed()),
        is_synced: Arc::new(|| false),
    }
}

#[test]
fn what_reads_no_cache_waits_for_none() {
    tokio_runtime(true).block_on(async {
        let (mut manager, _) = manager(&FakeApi::default(), None);
        manager.sources.push(never_filled());
        let (telling, told) = oneshot::channel();
        manager.work_without_caches(move |shutdown| async move {
            telling.send(()).unwrap();
            shutdown.triggered().await;
        });
        manager.work(async |_| panic!("a cache isn't filled"));
        let told = async { told.await.unwrap() };
        let ended = ends(manager, shutdown::channel(), told).await;
        assert!(ended, "it waited for a cache");
    });
}
