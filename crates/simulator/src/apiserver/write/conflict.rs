//! What a write says when it doesn't fit what is stored.

use machinery::builtin::validation::{self, FieldError};
use machinery::go_number::parse_uint;
use machinery::meta;
use serde_json::Value;

use super::UpdateTarget;
use crate::apiserver::facts;
use crate::apiserver::registry::Served;
use crate::status_error::ApiError;

const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// What etcd calls a resource (`pkg/kubeapiserver/default_storage_factory_builder.go`).
fn storage_name(builtin: bool, plural: &str) -> &str {
    match plural {
        "replicationcontrollers" if builtin => "controllers",
        "endpoints" if builtin => "services/endpoints",
        "nodes" if builtin => "minions",
        "services" if builtin => "services/specs",
        "ingresses" if builtin => "ingress",
        other => other,
    }
}

/// 409 of a uid that is not the stored one's.
pub(super) fn uid_mismatch(target: UpdateTarget<'_>, found: &str, dry_run: bool) -> ApiError {
    let resource = &target.served.resource;
    // A dry run doesn't get as far as the storage, which puts its prefix in front.
    let mut path = String::from(if dry_run { "/" } else { "/registry/" });
    if target.served.custom().is_some() {
        path.push_str(&resource.group);
        path.push('/');
    }
    path.push_str(storage_name(
        target.served.custom().is_none(),
        &resource.plural,
    ));
    if resource.namespaced {
        path.push('/');
        path.push_str(target.namespace);
    }
    let text = format!(
        "StorageError: invalid object, Code: 4, Key: {path}/{}, ResourceVersion: 0, AdditionalErrorMsg: \
         Precondition failed: UID in precondition: {}, UID in object meta: {found}",
        target.name, target.uid
    );
    ApiError::conflict(resource, target.name, &text)
}

/// 409 of a name that is taken; it says so if the object is on its way out.
pub(super) fn already_exists(served: &Served, name: &str, existing: &Value) -> ApiError {
    let error = ApiError::already_exists(&served.resource, name);
    if meta::deletion_timestamp(existing).is_none() {
        return error;
    }
    let message = format!("object is being deleted: {}", error.message);
    error.with_message(message)
}

/// A resourceVersion must be a number, whatever it is compared with.
pub(super) fn check_number(version: &str) -> Result<(), ApiError> {
    if version.is_empty() {
        return Ok(());
    }
    parse_uint(version).map(|_| ()).map_err(ApiError::internal)
}

/// The same of an object with a generateName, which is worth another try, whoever gave the name.
pub(super) fn not_generated(error: ApiError) -> ApiError {
    let text = "the server was not able to generate a unique name for the object";
    let message = format!("{}, {text}", error.message);
    let mut details = error.details.clone().unwrap_or_default();
    details.retry_after_seconds = 1;
    error
        .with_message(message)
        .with_details(details)
        .with_retry_header()
}

/// The resourceVersion of a new object must be the stored one, or absent where the kind allows it.
pub(super) fn check_version(
    served: &Served,
    name: &str,
    new: &mut Value,
    old: &Value,
) -> Result<(), ApiError> {
    let given = meta::resource_version(new);
    if given.is_empty() || given == "0" {
        if !facts::unconditional_update(served) {
            let text = "must be specified for an update";
            let zero = validation::BadValue::Json("0".to_owned());
            let error = FieldError::invalid("metadata.resourceVersion", zero, text);
            let resource = &served.resource;
            return Err(ApiError::invalid_as(
                &resource.group_resource(),
                &resource.group,
                &resource.plural,
                name,
                &[error],
            ));
        }
        let version = meta::resource_version(old).to_owned();
        meta::set_resource_version(new, &version);
        return Ok(());
    }
    check_number(given)?;
    if given != meta::resource_version(old) {
        return Err(ApiError::conflict(&served.resource, name, MODIFIED));
    }
    Ok(())
}
