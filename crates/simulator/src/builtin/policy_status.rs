//! Policies of validating admission say which generation was looked at, and which of its expressions don't fit the types
//! they are about.
//!
//! Mirrors `pkg/controller/validatingadmissionpolicystatus/controller.go`.

use jiff::Timestamp;
use machinery::meta;
use serde_json::{Value, json};

use super::control::{self, Control, Key};
use super::policy_types;
use super::write::Work;
use crate::apiserver::resource::known::VALIDATING_ADMISSION_POLICIES as POLICIES;
use crate::session::{Change, Session};
use crate::status_error::ApiError;

/// Writes the status of policies.
pub(crate) struct PolicyStatus;

impl Control for PolicyStatus {
    const NAME: &'static str = "validatingadmissionpolicy-status-controller";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        control::keys(session, &POLICIES, None)
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == POLICIES {
            vec![control::itself(change)]
        } else {
            Vec::new()
        }
    }

    fn sync(
        &mut self,
        work: &mut Work<'_, '_>,
        (_, name): &Key,
    ) -> Result<Option<Timestamp>, ApiError> {
        let Some(policy) = work.session.get(&POLICIES, "", name) else {
            return Ok(None);
        };
        let generation = meta::generation(&policy);
        let observed = policy.pointer("/status/observedGeneration");
        let observed = observed.and_then(Value::as_i64).unwrap_or_default();
        if generation > observed {
            let now = work.now();
            let served: Vec<_> = work.session.api.registry().all().cloned().collect();
            let warnings = policy_types::warnings(&policy, &served, now.subsec_nanosecond());
            // It is applied there: what was applied before and is no more goes, and leaves nothing around it.
            let told = policy.pointer("/status/typeChecking/expressionWarnings");
            let checked = match (warnings.is_empty(), told) {
                (true, Some(_)) => Value::Null,
                (true, None) => json!({}),
                (false, _) => json!({ "expressionWarnings": warnings }),
            };
            let patch =
                json!({"status": {"observedGeneration": generation, "typeChecking": checked}});
            work.session
                .patch_merge(&POLICIES, "", name, "status", &patch)?;
        }
        Ok(None)
    }
}
