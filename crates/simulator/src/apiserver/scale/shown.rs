//! A Scale as the client wants to see it.

use machinery::schema::TypeTable;
use serde_json::Value;

use super::SCALE;
use crate::apiserver::handle::Call;
use crate::apiserver::negotiate::Transform;
use crate::apiserver::reply::{self, meta_type, not_a_list, table_options};
use crate::apiserver::table::{partial, scale_table};
use crate::request::Reply;
use crate::status_error::ApiError;

impl Call<'_> {
    /// The Scale of an object as the reply.
    pub(super) fn scale(&self, scale: &Value) -> Result<Reply, ApiError> {
        let version = &self.form.meta_version;
        let (value, type_id) = match self.form.transform {
            Transform::Plain => {
                let (group, version, kind) = SCALE;
                let type_id = TypeTable::builtin().type_of(group, version, kind);
                (scale.clone(), type_id)
            }
            Transform::Table => {
                let options = table_options(self.request, &self.form, true)?;
                let table = scale_table(&self.served, scale, &options, self.now)?;
                (table, meta_type("Table", version))
            }
            Transform::PartialObject => {
                let type_id = meta_type("PartialObjectMetadata", version);
                (partial(scale, version), type_id)
            }
            Transform::PartialList => {
                // Custom resources are scaled by the type that is sent.
                let custom = self.served.custom().is_some();
                let package = if custom { "v1" } else { "autoscaling" };
                return Err(not_a_list(&format!("*{package}.Scale")));
            }
        };
        let body = reply::encode(&value, type_id, &self.form);
        let media = &self.form.content_type;
        let reply = reply::response(self.request, 200, body, media, &self.warnings);
        Ok(Reply::Full(reply))
    }
}
