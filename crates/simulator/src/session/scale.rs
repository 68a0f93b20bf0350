//! Scales, and tokens of accounts, for built-in controllers.

use machinery::meta;
use serde_json::Value;

use super::{Session, path, writer};
use crate::apiserver::ApiServer;
use crate::apiserver::resource::Resource;
use crate::apiserver::scale::{rescaled, scale_of};
use crate::apiserver::write::{UpdateTarget, Writer};
use crate::status_error::ApiError;

impl Session<'_> {
    /// A token for a pod's ServiceAccount, as its node asks for one.
    pub(crate) fn pod_token(&mut self, pod: &Value, seconds: i64) -> String {
        let account = machinery::builtin::admission::service_account_name(pod).to_owned();
        let namespace = meta::namespace(pod);
        let (api, now) = (&mut *self.api, self.now);
        api.issue_token(namespace, &account, seconds, now, self.entropy)
            .0
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
            let change =
                &mut |_: &ApiServer, old: &Value, _: &mut Writer<'_>| rescaled(&served, old, scale);
            session.api.update(target, &mut writer, change).map(|_| ())
        })
    }
}
