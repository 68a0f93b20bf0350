//! Names that the server makes up (`apiserver/pkg/registry/rest/create.go`, `storage/names/generate.go`).

use machinery::meta;
use serde_json::Value;

use super::Writer;
use super::conflict::not_generated;
use crate::apiserver::ApiServer;
use crate::apiserver::registry::Served;
use crate::apiserver::store::key;
use crate::status_error::ApiError;

const NAME_ATTEMPTS: usize = 8;
const GENERATED_BASE: usize = 58;
const SUFFIX: usize = 5;

impl ApiServer {
    /// Names an object that has the beginning of a name and no name; 409 if all that were tried are taken.
    pub(super) fn generate_name(
        &self,
        served: &Served,
        namespace: &str,
        object: &mut Value,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let base = meta::generate_name(object).to_owned();
        if base.is_empty() || !meta::name(object).is_empty() {
            return Ok(());
        }
        let end = base
            .char_indices()
            .nth(GENERATED_BASE)
            .map_or(base.len(), |(index, _)| index);
        let base = base.get(..end).unwrap_or_default();
        let namespace = if served.resource.namespaced {
            namespace
        } else {
            ""
        };
        let mut name = String::new();
        for _ in 0..NAME_ATTEMPTS {
            name = format!("{base}{}", writer.entropy.suffix(SUFFIX));
            if self
                .store
                .get(&served.table, &key(namespace, &name))
                .is_none()
            {
                meta::set_name(object, &name);
                return Ok(());
            }
        }
        Err(not_generated(ApiError::already_exists(
            &served.resource,
            &name,
        )))
    }
}
