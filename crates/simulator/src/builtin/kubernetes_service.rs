//! The Service that leads to the server itself: looked after every ten seconds.
//!
//! Mirrors `pkg/controlplane/controller/kubernetesservice`.

use jiff::Timestamp;

use super::Builtin;
use super::object;
use crate::apiserver::resource::known;
use crate::session::{Change, Session};

/// How often the server looks, in seconds.
const PERIOD: i64 = 10;

/// Puts the Service `kubernetes` and its endpoints back.
#[derive(Default)]
pub(crate) struct KubernetesService {
    /// When to put back what is known to be missing.
    due: Option<Timestamp>,
}

impl KubernetesService {
    fn is_whole(session: &Session<'_>) -> bool {
        [known::SERVICES, known::ENDPOINTS, known::ENDPOINT_SLICES]
            .iter()
            .all(|resource| session.get(resource, "default", "kubernetes").is_some())
    }
}

impl Builtin for KubernetesService {
    fn name(&self) -> &'static str {
        "kubernetesservice"
    }

    fn step(&mut self, session: &mut Session<'_>, _: &[Change]) -> Option<Timestamp> {
        if Self::is_whole(session) {
            self.due = None;
            return None;
        }
        let now = session.now();
        let due = *self.due.get_or_insert_with(|| next_look(now));
        if now < due {
            return Some(due);
        }
        session.api.ensure_kubernetes(now, session.entropy);
        self.due = None;
        // What can't be made now is tried again.
        (!Self::is_whole(session)).then(|| *self.due.insert(next_look(now)))
    }
}

/// The next full ten seconds after a time.
fn next_look(now: Timestamp) -> Timestamp {
    let seconds = now.as_second();
    object::seconds_after(now, PERIOD - seconds.rem_euclid(PERIOD))
}
