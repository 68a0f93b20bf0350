//! Scales, and tokens of pods' accounts, for built-in controllers.

use machinery::meta;
use serde_json::Value;

use super::{Session, path, writer};
use crate::apiserver::ApiServer;
use crate::apiserver::resource::{Resource, known};
use crate::apiserver::scale::scale_of;
use crate::apiserver::tokens::{Claims, ISSUER};
use crate::apiserver::write::{UpdateTarget, Writer};
use crate::status_error::ApiError;

impl Session<'_> {
    /// A token for a pod's ServiceAccount, as its node asks for one; empty if there is no such account.
    pub(crate) fn pod_token(&mut self, pod: &Value, seconds: i64) -> String {
        let name = machinery::builtin::admission::service_account_name(pod);
        let Some(account) = self.get(&known::SERVICE_ACCOUNTS, meta::namespace(pod), name) else {
            return String::new();
        };
        let claims = Claims {
            account: &account,
            audiences: &[ISSUER.to_owned()],
            seconds,
            bound: vec![("pod", pod.clone())],
            id: self.entropy.uid(),
        };
        self.api.issue_token(&claims, self.now).0
    }

    /// The Scale of an object.
    pub fn scale(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Value, ApiError> {
        let served = self.known(resource)?;
        if !served.has_subresource("scale") {
            return Err(ApiError::unknown_resource());
        }
        let found = self.get(resource, namespace, name);
        found
            .map(|object| scale_of(&served, &object))
            .ok_or_else(|| ApiError::not_found(resource, name))
    }

    /// Gives an object the replicas of a Scale, whose resourceVersion is the precondition.
    pub fn rescale(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        scale: &Value,
    ) -> Result<(), ApiError> {
        let url = path(resource, namespace, name, "scale");
        let body = self.shown(scale);
        self.write("PUT", &url, &body, |session| {
            let served = session.known(resource)?;
            let target = UpdateTarget {
                served: &served,
                namespace,
                name,
                subresource: "scale",
                uid: "",
                may_create: false,
            };
            let user = session.user();
            let mut writer = writer(session.actor, session.now, session.entropy, user.as_ref());
            let manager = writer.manager.take().unwrap_or_default();
            let change = &mut |api: &ApiServer, old: &Value, writer: &mut Writer<'_>| {
                api.replaced_scale(target, old, scale, &manager, writer)
            };
            session.api.update(target, &mut writer, change).map(|_| ())
        })
    }
}
