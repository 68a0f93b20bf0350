//! AlertmanagerConfigs: what holds whatever the version of Alertmanager, without a look at what they refer to.

use super::review::{Request, Verdict, refused};
use crate::api::conversion::Version;
use crate::api::v1beta1::to_v1alpha1;
use crate::api::{AlertmanagerConfig, GROUP, read};
use crate::selection::{ApiVersion, validate as check};

const RESOURCE: &str = "alertmanagerconfigs";

/// Whether an Alertmanager could take the object.
pub(super) fn validate(request: &Request) -> Verdict {
    let resource = &request.resource;
    if (&*resource.group, &*resource.plural) != (GROUP, RESOURCE) {
        let shown = resource.shown();
        let cause = format!("expected resource to be {RESOURCE}, but received {shown}");
        return refused("Unexpected resource kind", RESOURCE, cause);
    }
    let Some(version) = Version::named(&resource.version) else {
        let cause = format!(
            "expected resource version to be 'v1alpha1' or 'v1beta1', but received {}",
            resource.version
        );
        return refused("Unexpected resource version", RESOURCE, cause);
    };
    let (object, api) = match version {
        Version::V1alpha1 => (request.object.clone(), ApiVersion::V1alpha1),
        Version::V1beta1 => (to_v1alpha1(request.object.clone()), ApiVersion::V1beta1),
    };
    let config = match read::<AlertmanagerConfig>(&object) {
        Ok(config) => config,
        // Upstream's word, misspelt as it is: it may be looked for.
        Err(error) => {
            return refused(
                "Cannot unmarhsal config from spec",
                RESOURCE,
                error.to_string(),
            );
        }
    };
    match check(&config.spec, api) {
        Ok(()) => Verdict::Allowed,
        Err(why) => {
            tracing::info!(namespace = %config.metadata.namespace, name = %config.metadata.name, why, "invalid config");
            refused("AlertmanagerConfig is invalid", RESOURCE, why)
        }
    }
}
