//! Which ReplicaSet each Service selects.
//!
//! Mirrors upstream's `rollout/service.go`. A Service that serves users moves only to a ReplicaSet with available pods;
//! one that nobody managed before only to a fully available one.

use super::pass::{Pass, hash_of};
use super::writes;
use crate::api::labels::{MANAGED_BY_ROLLOUTS, POD_TEMPLATE_HASH};

impl Pass<'_> {
    /// Hash that a Service selects in this pass; `None` if there is no such Service, "" if it selects none.
    pub fn selected(&self, service: &str) -> Option<&str> {
        self.services
            .get(service)
            .map(crate::views::ServiceView::hash)
    }

    /// Points a Service at a hash, unless it is ours and does so already.
    pub fn switch(&mut self, name: &str, hash: &str) {
        let Some(service) = self.services.get_mut(name) else {
            return;
        };
        let managed = service
            .metadata
            .annotations
            .contains_key(MANAGED_BY_ROLLOUTS);
        let before = service.hash().to_owned();
        let selects = service.selector.contains_key(POD_TEMPLATE_HASH);
        if selects && before == hash && managed {
            return;
        }
        let rollout = self.rollout.metadata.name.clone();
        self.effects
            .push(writes::switch_service(service, &rollout, hash));
        service
            .selector
            .insert(POD_TEMPLATE_HASH.to_owned(), hash.to_owned());
        service
            .metadata
            .annotations
            .entry(MANAGED_BY_ROLLOUTS.to_owned())
            .or_insert(rollout);
        let message = format!("Switched selector for service '{name}' from '{before}' to '{hash}'");
        self.event("SwitchService", message);
    }

    /// Points the preview Service at the new ReplicaSet, at once.
    pub fn reconcile_preview_service(&mut self) {
        let preview = self
            .rollout
            .spec
            .strategy
            .blue_green
            .as_ref()
            .map(|b| b.preview_service.clone());
        if let Some(preview) = preview.filter(|name| !name.is_empty() && !self.halted()) {
            let hash = self.new_hash().to_owned();
            self.switch(&preview, &hash);
        }
    }

    /// Points the stable and the canary Service of a canary where they belong.
    pub fn reconcile_canary_services(&mut self) {
        let Some(canary) = self.rollout.spec.strategy.canary.as_deref() else {
            return;
        };
        let (stable_service, canary_service) =
            (canary.stable_service.clone(), canary.canary_service.clone());
        self.ensure_target(&stable_service, self.stable);
        let target = if self.aborted() {
            self.stable
        } else {
            self.new
        };
        self.ensure_target(&canary_service, target);
    }

    fn ensure_target(&mut self, name: &str, target: Option<usize>) {
        let Some(set) = target.and_then(|index| self.sets.get(index)) else {
            return;
        };
        let Some(service) = self.services.get(name) else {
            return;
        };
        let hash = hash_of(set).to_owned();
        let adopted = service
            .metadata
            .annotations
            .contains_key(MANAGED_BY_ROLLOUTS);
        let serves = if adopted {
            set.is_partially_available()
        } else {
            set.is_available()
        };
        if service.hash() != hash && serves {
            self.switch(name, &hash);
        }
    }
}
