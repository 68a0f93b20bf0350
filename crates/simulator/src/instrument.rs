//! What the server counts of requests (`apiserver/pkg/endpoints/metrics/metrics.go`).
//!
//! As upstream, what is refused before its resource is looked for (401, 403, 404) isn't counted. Values of labels come from
//! what is served, and of definitions that come and go only so many are remembered, so that clients can't grow them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Method, header};
use jiff::{SignedDuration, Timestamp};
use metrics::Observations;

use crate::apiserver::discovery::health;
use crate::apiserver::handle::apply::APPLY;
use crate::apiserver::options;
use crate::apiserver::registry::Served;
use crate::request::{Reply, Request};
use crate::world::WorldHandle;

/// Upper bounds of `apiserver_request_duration_seconds`.
pub(crate) const DURATIONS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0,
    10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
];
/// Upper bounds of `apiserver_request_sli_duration_seconds`.
pub(crate) const OWN_DURATIONS: [f64; 21] = [
    0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0,
    30.0, 45.0, 60.0,
];
/// As many sets of labels are counted.
const MOST: usize = 5000;
/// Subresources there are; their names are labels.
const SUBRESOURCES: [&str; 14] = [
    "approval",
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "finalize",
    "log",
    "portforward",
    "proxy",
    "resize",
    "scale",
    "status",
    "token",
];
/// Those whose requests are connections.
const CONNECTIONS: [&str; 5] = ["attach", "exec", "log", "portforward", "proxy"];

/// What a request is counted as.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    served: Option<Arc<Served>>,
    /// For paths without a resource the path.
    subresource: &'static str,
    verb: &'static str,
    dry_run: &'static str,
    scope: &'static str,
}

impl Route {
    /// Of a request for a resource: namespace, name and subresource as far as it names them.
    pub fn of_resource(
        request: &Request,
        served: &Arc<Served>,
        (namespace, name, subresource): (&str, &str, &str),
    ) -> Self {
        let subresource = subresource.split('/').next().unwrap_or_default();
        let mut known = SUBRESOURCES.into_iter();
        let subresource = known.find(|known| *known == subresource).unwrap_or("");
        let scope = if !name.is_empty() || request.method == Method::POST {
            "resource"
        } else if served.resource.namespaced && !namespace.is_empty() {
            "namespace"
        } else {
            "cluster"
        };
        Self {
            served: Some(served.clone()),
            subresource,
            verb: verb(request, scope, subresource),
            dry_run: dry_run(request),
            scope,
        }
    }

    /// Of a request for what can be asked at a path of its own, if it is counted.
    pub fn of_path(request: &Request) -> Option<Self> {
        let mut counted = health::PATHS.into_iter();
        let path = counted.find(|path| *path == request.path)?;
        Some(Self {
            served: None,
            subresource: path,
            verb: verb(request, "", ""),
            dry_run: dry_run(request),
            scope: "",
        })
    }

    /// Values of `LABELS`.
    fn labels(&self) -> [&str; 7] {
        let resource = self.served.as_ref().map(|served| &served.resource);
        [
            self.dry_run,
            resource.map_or("", |resource| &resource.group),
            resource.map_or("", |resource| &resource.plural),
            self.scope,
            self.subresource,
            self.verb,
            resource.map_or("", |resource| &resource.version),
        ]
    }
}

/// Names of the labels that every request has, in order.
pub(crate) const LABELS: [&str; 7] = [
    "dry_run",
    "group",
    "resource",
    "scope",
    "subresource",
    "verb",
    "version",
];

fn verb(request: &Request, scope: &str, subresource: &str) -> &'static str {
    if CONNECTIONS.contains(&subresource) {
        return "CONNECT";
    }
    match request.method.as_str() {
        "GET" if options::boolean(request, "watch") == Some(true) => "WATCH",
        "GET" | "HEAD" if matches!(scope, "namespace" | "cluster") => "LIST",
        "GET" | "HEAD" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" if request.header(header::CONTENT_TYPE) == Some(APPLY) => "APPLY",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

fn dry_run(request: &Request) -> &'static str {
    match options::dry_run_values(request).as_slice() {
        [] => "",
        values if values.iter().all(|value| *value == "All") => "All",
        _ => "invalid",
    }
}

/// What is counted of requests with the same labels.
#[derive(Debug)]
pub(crate) struct Counted {
    /// Values of [`LABELS`].
    pub labels: [String; 7],
    /// How many by status.
    pub codes: BTreeMap<u16, u64>,
    /// How long they took.
    pub took: Observations,
    /// The same without what others were asked meanwhile.
    pub took_alone: Observations,
    /// How many long ones there are now, if there were ever any.
    pub running: Option<u64>,
}

/// How many requests were under way at the same time.
#[derive(Debug, Default)]
struct Peak {
    now: u64,
    /// Within this second of the clock, and within the one before.
    second: i64,
    most: u64,
    before: u64,
}

impl Peak {
    fn at(&mut self, second: i64) -> &mut Self {
        if self.second != second {
            let followed = second == self.second.saturating_add(1);
            self.before = if followed { self.most } else { self.now };
            (self.second, self.most) = (second, self.now);
        }
        self
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// By labels, in their order.
    requests: Vec<Counted>,
    /// Where in `requests` routes are that were counted before, with the resource whose address names it here.
    places: BTreeMap<Place, (Option<Arc<Served>>, usize)>,
    /// How often a check was well, by the path (`livez`) and its name.
    pub checks: BTreeMap<(&'static str, &'static str), u64>,
    reading: Peak,
    writing: Peak,
}

/// A route told by the address of its resource: many labels are slower to compare.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    served: Option<usize>,
    subresource: &'static str,
    verb: &'static str,
    dry_run: &'static str,
    scope: &'static str,
}

impl Place {
    fn of(route: &Route) -> Self {
        Self {
            served: route
                .served
                .as_ref()
                .map(|served| Arc::as_ptr(served).addr()),
            subresource: route.subresource,
            verb: route.verb,
            dry_run: route.dry_run,
            scope: route.scope,
        }
    }
}

impl Counts {
    /// What was counted, by labels, in their order.
    pub fn requests(&self) -> &[Counted] {
        &self.requests
    }

    /// Forgets all requests.
    pub fn clear(&mut self) {
        self.requests.clear();
        self.places.clear();
    }

    fn of(&mut self, route: &Route) -> Option<&mut Counted> {
        let place = Place::of(route);
        let known = self.places.get(&place).map(|(_, at)| *at);
        let at = known.or_else(|| {
            let at = self.found(route)?;
            if self.places.len() >= MOST {
                self.places.clear();
            }
            self.places.insert(place, (route.served.clone(), at));
            Some(at)
        })?;
        self.requests.get_mut(at)
    }

    /// Where a route is counted, from now on if not before. `None` if there are too many.
    fn found(&mut self, route: &Route) -> Option<usize> {
        let labels = route.labels();
        let found = self.requests.binary_search_by(|counted| {
            let known = counted.labels.iter().map(String::as_str);
            known.cmp(labels)
        });
        let at = match found {
            Ok(at) => at,
            Err(_) if self.requests.len() >= MOST => return None,
            Err(at) => {
                let counted = Counted {
                    labels: labels.map(str::to_owned),
                    codes: BTreeMap::new(),
                    took: Observations::default(),
                    took_alone: Observations::default(),
                    running: None,
                };
                self.requests.insert(at, counted);
                self.places.clear();
                at
            }
        };
        Some(at)
    }

    /// The most requests that only read, and that write, under way at the same time within the last second.
    pub fn in_flight(&mut self, now: Timestamp) -> (u64, u64) {
        let second = now.as_second();
        let [reading, writing] = [&mut self.reading, &mut self.writing].map(|peak| {
            let peak = peak.at(second);
            peak.most.max(peak.before)
        });
        (reading, writing)
    }
}

/// What a server counts, which is shared by all that answer for it.
#[derive(Debug, Default)]
pub(crate) struct Instruments(Mutex<Counts>);

impl Instruments {
    /// All counts, to be read or reset.
    pub fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request in until the guard goes.
    pub fn enter(self: &Arc<Self>, reads: bool, now: Timestamp) -> InFlight {
        let mut counts = self.lock();
        let peak = peak_of(&mut counts, reads).at(now.as_second());
        peak.now += 1;
        peak.most = peak.most.max(peak.now);
        InFlight {
            all: Arc::clone(self),
            reads,
        }
    }

    /// A request was answered with that status, so long after it came; for part of that time others were asked.
    pub fn answered(&self, route: &Route, code: u16, took: SignedDuration, others: SignedDuration) {
        let mut counts = self.lock();
        let Some(counted) = counts.of(route) else {
            return;
        };
        *counted.codes.entry(code).or_default() += 1;
        let seconds = took.as_secs_f64().max(0.0);
        counted.took.add(&DURATIONS, seconds);
        if route.dry_run.is_empty() {
            let alone = (took - others).as_secs_f64().max(0.0);
            counted.took_alone.add(&OWN_DURATIONS, alone);
        }
    }

    /// A request was turned away, as there were too many.
    pub fn dropped(&self, route: &Route) {
        if let Some(counted) = self.lock().of(route) {
            *counted.codes.entry(429).or_default() += 1;
        }
    }

    /// Checks of health were well.
    pub fn checked(&self, path: &'static str, checks: impl Iterator<Item = &'static str>) {
        let mut counts = self.lock();
        for check in checks {
            *counts.checks.entry((path, check)).or_default() += 1;
        }
    }
}

fn peak_of(counts: &mut Counts, reads: bool) -> &mut Peak {
    if reads {
        &mut counts.reading
    } else {
        &mut counts.writing
    }
}

/// A request under way.
pub(crate) struct InFlight {
    all: Arc<Instruments>,
    reads: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut counts = self.all.lock();
        let peak = peak_of(&mut counts, self.reads);
        peak.now = peak.now.saturating_sub(1);
    }
}

/// One request on its way to its answer.
pub(crate) struct Count {
    world: WorldHandle,
    route: Option<Route>,
    began: Timestamp,
    /// How long others were asked.
    pub others: SignedDuration,
    _in_flight: InFlight,
}

impl Count {
    /// It came just now.
    pub fn begin(world: &WorldHandle, reads: bool) -> Self {
        let began = world.now();
        Self {
            route: None,
            began,
            others: SignedDuration::ZERO,
            _in_flight: world.instruments().enter(reads, began),
            world: world.clone(),
        }
    }

    /// It was handled, and turned out to be that.
    pub fn handled(&mut self, (reply, route): (Reply, Option<Route>)) -> Reply {
        self.route = route;
        reply
    }

    /// It has its answer.
    pub fn answered(&self, code: u16) {
        if let Some(route) = &self.route {
            let took = self.world.now().duration_since(self.began);
            let all = self.world.instruments();
            all.answered(route, code, took, self.others);
        }
    }

    /// Its answer began, and goes on.
    pub fn goes_on(self) -> LongRunning {
        if let Some(route) = &self.route
            && let Some(counted) = self.world.instruments().lock().of(route)
        {
            counted.running = Some(counted.running.unwrap_or_default() + 1);
        }
        LongRunning {
            world: self.world,
            route: self.route,
            began: self.began,
        }
    }
}

/// A request that goes on after its answer began: it is counted when it ends.
pub(crate) struct LongRunning {
    world: WorldHandle,
    route: Option<Route>,
    began: Timestamp,
}

impl Drop for LongRunning {
    fn drop(&mut self) {
        let Some(route) = &self.route else {
            return;
        };
        let took = self.world.now().duration_since(self.began);
        let all = self.world.instruments();
        if let Some(counted) = all.lock().of(route) {
            counted.running = counted.running.map(|running| running.saturating_sub(1));
        }
        all.answered(route, 200, took, SignedDuration::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_seen_for_a_second_after_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let all = Arc::new(Instruments::default());
        let seen = |second| all.lock().in_flight(at(second));
        let first = all.enter(true, at(10));
        let guards = [all.enter(true, at(10)), all.enter(false, at(10))];
        drop(guards);
        assert_eq!(seen(10), (2, 1));
        assert_eq!(seen(11), (2, 1));
        assert_eq!(seen(12), (1, 0));
        drop(first);
        assert_eq!(seen(20), (0, 0));
    }
}
