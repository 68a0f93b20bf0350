//! What controllers write, as a decoder would have read it.

use machinery::decode;
use serde_json::Value;

use crate::apiserver::body::{defaulted, is_normal, own_custom};
use crate::apiserver::registry::Served;
use crate::status_error::ApiError;

/// An object as a decoder would have read it: normalised and defaulted.
pub(crate) fn typed(served: &Served, object: Value) -> Result<Value, ApiError> {
    if let Some(type_id) = served.type_id() {
        if decode::is_normal(type_id, &object) {
            return Ok(defaulted(served, object));
        }
        let value = decode::normalise(type_id, &object)
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        Ok(defaulted(served, value))
    } else {
        own_custom(served, object)
    }
}

/// The same for what was made of the stored object.
pub(super) fn typed_beside(
    served: &Served,
    object: Value,
    stored: &Value,
) -> Result<Value, ApiError> {
    if is_normal(served, &object, stored) {
        Ok(defaulted(served, object))
    } else {
        typed(served, object)
    }
}
