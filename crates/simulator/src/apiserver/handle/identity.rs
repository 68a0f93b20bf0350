//! Whether a body is about the object that the path names.

use machinery::meta;
use serde_json::Value;

use super::Call;
use crate::apiserver::registry::Served;
use crate::status_error::ApiError;

/// Name and namespace of the body must be those of the path.
pub(super) fn check_identity(call: &Call<'_>, object: &Value) -> Result<(), ApiError> {
    check_names(&call.served, call.namespace(), &call.target.name, object)
}

/// The same for an object that comes from elsewhere. The namespace is looked at first
/// (`apiserver/pkg/endpoints/handlers/{update,patch}.go`).
pub(crate) fn check_names(
    served: &Served,
    namespace: &str,
    name: &str,
    object: &Value,
) -> Result<(), ApiError> {
    let own = meta::namespace(object);
    if served.resource.namespaced && !own.is_empty() && own != namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let given = meta::name(object);
    if given.is_empty() {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if given != name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    Ok(())
}
