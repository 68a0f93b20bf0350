//! Group versions that an `APIService` leaves to a Service. Nothing is asked of a Service here: such a group version is
//! listed and never available (`kube-aggregator/pkg/apiserver/handler_{apis,discovery,proxy}.go`).

use serde_json::Value;

use super::ApiServer;
use crate::status_error::ApiError;

const API_SERVICES: &str = "apiregistration.k8s.io/apiservices";

/// A group version of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// Its group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// Priority of the group, then of the version in it: larger ones come first.
    pub priorities: (u64, u64),
}

/// Whether an `APIService` names a Service.
pub(crate) fn is_remote(service: &Value) -> bool {
    service
        .pointer("/spec/service")
        .is_some_and(Value::is_object)
}

impl ApiServer {
    /// All of them, by name.
    pub(crate) fn elsewhere(&self) -> Vec<Elsewhere> {
        let services = self.objects_of(API_SERVICES);
        let remote = services.filter(|service| is_remote(service));
        let found = remote.map(|service| {
            let spec = |key: &str| service.get("spec").and_then(|spec| spec.get(key));
            let text = |key| spec(key).and_then(Value::as_str).unwrap_or_default();
            let number = |key| spec(key).and_then(Value::as_u64).unwrap_or_default();
            Elsewhere {
                group: text("group").to_owned(),
                version: text("version").to_owned(),
                priorities: (number("groupPriorityMinimum"), number("versionPriority")),
            }
        });
        let is_own = |group: &str| group.is_empty() || self.registry.is_builtin_group(group);
        found.filter(|one| !is_own(&one.group)).collect()
    }

    /// Refuses what is asked of somebody else.
    ///
    /// # Errors
    /// 503.
    pub(super) fn check_served_here(&self, path: &str) -> Result<(), ApiError> {
        let mut parts = path.split('/').skip(1);
        let (Some("apis"), Some(group), Some(version)) = (parts.next(), parts.next(), parts.next())
        else {
            return Ok(());
        };
        if version.is_empty() || self.registry.is_builtin_group(group) {
            return Ok(());
        }
        let found = self.store.get(API_SERVICES, &format!("{version}.{group}"));
        if found.is_some_and(|found| is_remote(&found.value)) {
            return Err(ApiError::service_unavailable());
        }
        Ok(())
    }
}
