//! What a deletion says its object has to be (`BeforeDelete` of `apiserver/pkg/registry/rest/delete.go`).

use machinery::meta;
use serde_json::Value;

use crate::apiserver::registry::Served;
use crate::apiserver::resource::known;
use crate::session::DeleteOptions;
use crate::status_error::ApiError;

/// Refuses another object than the one that is meant, or another state of it.
pub(super) fn check_preconditions(
    served: &Served,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let refuse = |text: String| {
        let (kind, name) = (served.resource.qualified_kind(), meta::name(object));
        let error = ApiError::conflict(&served.resource, name, &text);
        let mut details = error.details.clone().unwrap_or_default();
        details.kind = served.resource.kind.to_string();
        error
            .with_message(format!(
                "Operation cannot be fulfilled on {kind} {name:?}: {text}"
            ))
            .with_details(details)
    };
    // Definitions have a deletion of their own, and it words of its own.
    let own = served.resource == known::CUSTOM_RESOURCE_DEFINITIONS;
    let differs = |what: &str, given: &str, found: &str| {
        let text = format!(
            "Precondition failed: {what} in precondition: {given}, {what} in object meta: {found}"
        );
        ApiError::conflict(&served.resource, meta::name(object), &text)
    };
    if let Some(uid) = options
        .uid
        .as_ref()
        .filter(|uid| uid.as_str() != meta::uid(object))
    {
        if own {
            return Err(differs("UID", uid, meta::uid(object)));
        }
        return Err(refuse(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            meta::uid(object)
        )));
    }
    if let Some(version) = options
        .resource_version
        .as_ref()
        .filter(|version| version.as_str() != meta::resource_version(object))
    {
        if own {
            let found = meta::resource_version(object);
            return Err(differs("ResourceVersion", version, found));
        }
        return Err(refuse(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The \
             object might have been modified",
            meta::resource_version(object)
        )));
    }
    Ok(())
}
