//! What a pass must not overlook: writes of ours that a cache cannot show yet.
//!
//! Most answers enter the caches at once. Those that do not (an eviction is answered without the pod) leave a fence:
//! the object is not looked at again before the cache has seen the write, or the fence has timed out. Counterpart of
//! upstream's expectations (`controller_utils.go`).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::resource::{ObjectKey, ResourceRef};

/// A write that no watch has shown within this time is not waited for any longer.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// One object that must be seen at a version or later, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Resource of the object.
    pub resource: ResourceRef,
    /// Which object.
    pub key: ObjectKey,
    /// Lowest resource version that shows the write.
    pub version: u64,
}

/// Fences by the key of the object whose passes they hold back.
#[derive(Debug, Default)]
pub struct Fences {
    held: BTreeMap<ObjectKey, Vec<(Fence, Instant)>>,
}

impl Fences {
    /// Holds `subject` back until the fence is passed.
    pub fn raise(&mut self, subject: &ObjectKey, fence: Fence, now: Instant) {
        self.held
            .entry(subject.clone())
            .or_default()
            .push((fence, now + TIMEOUT));
    }

    /// Whether `subject` may be looked at. `version` answers the version that the caches hold of an object, `None`
    /// if they hold none, which passes.
    pub fn passed(
        &mut self,
        subject: &ObjectKey,
        now: Instant,
        version: impl Fn(&ResourceRef, &ObjectKey) -> Option<u64>,
    ) -> bool {
        let Some(fences) = self.held.get_mut(subject) else {
            return true;
        };
        fences.retain(|(fence, until)| {
            *until > now
                && version(&fence.resource, &fence.key).is_some_and(|held| held < fence.version)
        });
        let passed = fences.is_empty();
        if passed {
            self.held.remove(subject);
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::POD;

    #[test]
    fn a_fence_holds_until_the_version_is_seen_the_object_is_gone_or_time_is_up() {
        let subject = ObjectKey::new("ns", "rollout");
        let pod = ObjectKey::new("ns", "pod");
        let now = Instant::now();
        let raised = || {
            let mut fences = Fences::default();
            fences.raise(
                &subject,
                Fence {
                    resource: POD,
                    key: pod.clone(),
                    version: 7,
                },
                now,
            );
            fences
        };
        let passed = |at: Instant, held: Option<u64>| raised().passed(&subject, at, |_, _| held);
        assert_eq!(
            [
                passed(now, Some(6)),
                passed(now, Some(7)),
                passed(now, None),
                passed(now + TIMEOUT, Some(6))
            ],
            [false, true, true, true]
        );
        assert!(
            raised().passed(&pod, now, |_, _| Some(6)),
            "other objects are not held back"
        );
    }
}
