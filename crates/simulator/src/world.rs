//! A world: one API server, its built-in controllers, entropy, faults and trace.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use jiff::Timestamp;
use machinery::entropy::Entropy;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::apiserver::{ApiServer, Definitions, EventExpiry, Options};
use crate::builtin::Builtin;
use crate::clock::WorldClock;
use crate::faults::Faults;
use crate::instrument::{Instruments, Route};
use crate::outside::services::{self, Outside, Services};
use crate::outside::waiting::WaitId;
use crate::outside::{Answer, Pending, Question, TIMED_OUT};
use crate::recorder::Recorder;
use crate::request::{Reply, Request, WatchId};
use crate::session::{Change, Session};

/// Rounds after which controllers that keep waking each other must wait for the next poll.
const ROUNDS: usize = 1000;

/// Everything that is simulated, as one value. Pure: time and randomness are data.
pub struct World {
    /// The API server.
    pub api: ApiServer,
    /// Seeded randomness.
    pub entropy: Entropy,
    /// Decides over calls, if faults are wanted.
    pub faults: Option<Box<dyn Faults>>,
    /// The trace.
    pub recorder: Recorder,
    controllers: Vec<Runner>,
    changes: VecDeque<Change>,
    /// Number of the first change in `changes`.
    first: u64,
}

struct Runner {
    controller: Box<dyn Builtin>,
    cursor: u64,
    wake: Option<Timestamp>,
}

impl World {
    /// A world with a fresh API server at `now` (system namespaces exist), and the given controllers.
    pub fn new(
        options: Options,
        entropy: Entropy,
        controllers: Vec<Box<dyn Builtin>>,
        now: Timestamp,
    ) -> Self {
        Self::with_server(ApiServer::new(options), entropy, controllers, now)
    }

    /// A world round a server that already holds objects.
    pub fn with_server(
        api: ApiServer,
        mut entropy: Entropy,
        controllers: Vec<Box<dyn Builtin>>,
        now: Timestamp,
    ) -> Self {
        let mut api = api;
        api.boot(now, &mut entropy);
        let own: [Box<dyn Builtin>; 2] = [
            Box::new(Definitions::default()),
            Box::new(EventExpiry::default()),
        ];
        let controllers = own
            .into_iter()
            .chain(controllers)
            .map(|controller| Runner {
                controller,
                cursor: 0,
                wake: Some(now),
            })
            .collect();
        Self {
            api,
            entropy,
            faults: None,
            recorder: Recorder::default(),
            controllers,
            changes: VecDeque::new(),
            first: 0,
        }
    }

    /// Handles a request of an actor. Faults don't apply here; see [`crate::wire::Wire`].
    pub fn handle(&mut self, request: &Request, now: Timestamp) -> Reply {
        self.api.handle(request, now, &mut self.entropy)
    }

    /// Handles a request again that asked something.
    pub fn resume(&mut self, request: &Request, now: Timestamp, pending: Pending) -> Reply {
        self.api.resume(request, now, pending)
    }

    /// An answer to what a write of a built-in controller asked. The controller goes on at the next poll.
    pub fn answer(&mut self, id: WaitId, question: &Question, answer: Answer, now: Timestamp) {
        let Some(actor) = self.api.answer(id, question, answer) else {
            return;
        };
        let runners = self.controllers.iter_mut();
        for runner in runners.filter(|runner| runner.controller.name() == actor) {
            runner.wake = Some(now);
        }
    }

    /// A look at the world as a controller has it, for whoever steers it.
    pub fn look(&mut self, now: Timestamp) -> Session<'_> {
        Session {
            api: &mut self.api,
            entropy: &mut self.entropy,
            faults: None,
            recorder: &mut self.recorder,
            actor: "steering",
            now,
        }
    }

    fn take_changes(&mut self) -> u64 {
        self.changes.append(&mut self.api.take_changes());
        self.first + self.changes.len() as u64
    }

    /// Runs the built-in controllers until they are quiet. Returns when one of them wants to run again.
    pub fn poll(&mut self, now: Timestamp) -> Option<Timestamp> {
        let due: Vec<bool> = self
            .controllers
            .iter()
            .map(|runner| runner.wake.is_some_and(|wake| wake <= now))
            .collect();
        for round in 0..ROUNDS {
            let mut quiet = true;
            for (index, due) in due.iter().enumerate() {
                quiet &= !self.step(index, *due && round == 0, now);
            }
            if quiet {
                break;
            }
        }
        let end = self.take_changes();
        let oldest = self
            .controllers
            .iter()
            .map(|runner| runner.cursor)
            .min()
            .unwrap_or(end);
        while self.first < oldest && self.changes.pop_front().is_some() {
            self.first += 1;
        }
        let behind = self.controllers.iter().any(|runner| runner.cursor < end);
        if behind {
            Some(now)
        } else {
            self.controllers
                .iter()
                .filter_map(|runner| runner.wake)
                .min()
        }
    }

    /// Steps one controller if there is a reason to. Tells whether it ran.
    fn step(&mut self, index: usize, due: bool, now: Timestamp) -> bool {
        let end = self.take_changes();
        let Some(cursor) = self.controllers.get(index).map(|runner| runner.cursor) else {
            return false;
        };
        if cursor >= end && !due {
            return false;
        }
        let skip = usize::try_from(cursor.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let changes = self.changes.make_contiguous();
        let changes = changes.get(skip..).unwrap_or_default();
        let Some(runner) = self.controllers.get_mut(index) else {
            return false;
        };
        let mut session = Session {
            api: &mut self.api,
            entropy: &mut self.entropy,
            faults: self.faults.as_deref_mut(),
            recorder: &mut self.recorder,
            actor: runner.controller.name(),
            now,
        };
        runner.cursor = end;
        runner.wake = runner.controller.step(&mut session, changes);
        true
    }
}

/// A shared world with a clock: what wires, servers and pumps hold.
#[derive(Clone)]
pub struct WorldHandle {
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    services: Services,
    network: OnceLock<Arc<dyn Outside>>,
    wakers: Mutex<BTreeMap<WatchId, Waker>>,
    clock: WorldClock,
    changed: Notify,
    instruments: Arc<Instruments>,
}

impl WorldHandle {
    /// Shares a world.
    pub fn new(world: World, clock: WorldClock) -> Self {
        Self {
            shared: Arc::new(Shared {
                instruments: world.api.instruments().clone(),
                world: Mutex::new(world),
                services: Services::default(),
                network: OnceLock::new(),
                wakers: Mutex::new(BTreeMap::new()),
                clock,
                changed: Notify::new(),
            }),
        }
    }

    /// Exclusive access, never held across an await. Use [`WorldHandle::with`] for what may change objects.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.shared
            .world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the world, then wakes the watches and controllers it concerns.
    pub fn with<R>(&self, action: impl FnOnce(&mut World, Timestamp) -> R) -> R {
        let (result, dirty) = {
            let mut world = self.lock();
            let result = action(&mut world, self.now());
            (result, world.api.take_dirty_watches())
        };
        self.wake(&dirty);
        self.shared.changed.notify_one();
        result
    }

    /// Handles a request, then wakes the watches and controllers it concerns; a read concerns none. Tells also what it is
    /// counted as.
    pub(crate) fn handle(&self, request: &Request) -> (Reply, Option<Route>) {
        let handle = |world: &mut World, now| {
            let reply = world.handle(request, now);
            (reply, world.api.take_route())
        };
        if matches!(request.method, http::Method::GET | http::Method::HEAD) {
            let now = self.now();
            return handle(&mut self.lock(), now);
        }
        self.with(handle)
    }

    /// Handles a request again that asked something.
    pub(crate) fn resume(&self, request: &Request, pending: Pending) -> (Reply, Option<Route>) {
        self.with(|world, now| {
            let reply = world.resume(request, now, pending);
            (reply, world.api.take_route())
        })
    }

    /// What requests to its server are counted in.
    pub(crate) fn instruments(&self) -> &Arc<Instruments> {
        &self.shared.instruments
    }

    fn wake(&self, dirty: &[WatchId]) {
        if dirty.is_empty() {
            return;
        }
        let wakers: Vec<Waker> = {
            let mut known = self
                .shared
                .wakers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            dirty.iter().filter_map(|id| known.remove(id)).collect()
        };
        for waker in wakers {
            waker.wake();
        }
    }

    /// Notes who reads a watch.
    pub(crate) fn register(&self, id: WatchId, waker: &Waker) {
        self.shared
            .wakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, waker.clone());
    }

    /// Whether nothing has happened since that reader was noted.
    pub(crate) fn is_registered(&self, id: WatchId, waker: &Waker) -> bool {
        let known = self.shared.wakers.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        known.get(&id).is_some_and(|known| known.will_wake(waker))
    }

    /// Forgets a watch.
    pub(crate) fn close_watch(&self, id: WatchId) {
        self.shared
            .wakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        self.lock().api.watch_closed(id);
    }

    /// The time of this world.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The clock of this world.
    pub fn clock(&self) -> WorldClock {
        self.shared.clock
    }

    /// Webhooks in this process.
    pub fn services(&self) -> &Services {
        &self.shared.services
    }

    /// Lets questions that no service of this process answers go out to a network. The first call counts.
    pub fn set_network(&self, network: Arc<dyn Outside>) {
        let _ = self.shared.network.set(network);
    }

    /// Asks one question and waits for its answer, at most as long as the question says.
    pub async fn ask(&self, question: &Question) -> Answer {
        let address = match self.lock().api.address_of(&question.place) {
            Ok(address) => address,
            Err(text) => return Answer::Failed(text),
        };
        let known = self.shared.services.ask(question, address, self.now());
        let answering = match (known, self.shared.network.get()) {
            (Some(answering), _) => answering,
            (None, Some(network)) => {
                let endpoint = self.lock().api.endpoint_of(&question.place);
                match endpoint {
                    Ok(endpoint) => network.ask(question.clone(), endpoint),
                    Err(text) => return Answer::Failed(text),
                }
            }
            (None, None) => return services::nobody(question),
        };
        match tokio::time::timeout(question.timeout, answering).await {
            Ok(answer) => answer,
            Err(_) => Answer::Failed(TIMED_OUT.to_owned()),
        }
    }

    /// Asks all questions of a request at once and adds the answers to it, or gives up when its time is over.
    pub(crate) async fn ask_all(&self, questions: Vec<Question>, pending: &mut Pending) {
        let limit = pending
            .deadline
            .map_or(Duration::MAX, |deadline| self.clock().until(deadline));
        let answers = tokio::time::timeout(limit, self.answers(questions)).await;
        for (question, answer) in answers.unwrap_or_default() {
            pending.answer(&question, answer);
        }
    }

    /// Asks all questions of a watch, which goes on with the answers.
    pub(crate) async fn ask_for_watch(self, id: WatchId, questions: Vec<Question>) {
        let answers = self.answers(questions).await;
        self.lock().api.watch_answered(id, answers);
    }

    async fn answers(&self, questions: Vec<Question>) -> Vec<(Question, Answer)> {
        let mut asked = JoinSet::new();
        for question in questions {
            let world = self.clone();
            asked.spawn(async move {
                let answer = world.ask(&question).await;
                (question, answer)
            });
        }
        let mut answers = Vec::new();
        while let Some(result) = asked.join_next().await {
            answers.extend(result);
        }
        answers
    }

    /// Runs the built-in controllers for ever: after each request, at their wake times and when what they asked is
    /// answered. Spawn it once per world.
    pub async fn pump(self) {
        let mut asked = JoinSet::new();
        loop {
            let (wake, dirty, questions) = {
                let mut world = self.lock();
                let wake = world.poll(self.now());
                let questions = world.api.take_questions();
                (wake, world.api.take_dirty_watches(), questions)
            };
            self.wake(&dirty);
            while asked.try_join_next().is_some() {}
            for (id, question) in questions {
                let handle = self.clone();
                asked.spawn(async move {
                    let answer = handle.ask(&question).await;
                    handle.with(|world, now| world.answer(id, &question, answer, now));
                });
            }
            let changed = self.shared.changed.notified();
            match wake {
                // At least a tick, so that a controller that is always due cannot starve the rest.
                Some(at) => {
                    let pause = self
                        .shared
                        .clock
                        .until(at)
                        .max(std::time::Duration::from_millis(1));
                    let _ = tokio::time::timeout(pause, changed).await;
                }
                None => changed.await,
            }
        }
    }
}
