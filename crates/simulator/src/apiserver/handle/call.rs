//! One request on its way, from its head to its reply.

use std::sync::Arc;

use jiff::Timestamp;
use machinery::decode::Empties;
use machinery::entropy::Entropy;
use machinery::schema::TypeTable;
use serde_json::Value;

use crate::apiserver::negotiate::Form;
use crate::apiserver::options::shown;
use crate::apiserver::owners::manager_of;
use crate::apiserver::registry::Served;
use crate::apiserver::reply;
use crate::apiserver::store::Entry;
use crate::apiserver::target::Target;
use crate::apiserver::write::Writer;
use crate::request::{Reply, Request, User};
use crate::status_error::ApiError;

/// One request on its way.
pub(crate) struct Call<'a> {
    /// The request.
    pub request: &'a Request,
    /// Who sent it.
    pub user: &'a User,
    /// What it names.
    pub target: Target,
    /// The resource.
    pub served: Arc<Served>,
    /// The form of the reply.
    pub form: Form,
    /// The time.
    pub now: Timestamp,
    /// Seeded randomness.
    pub entropy: &'a mut Entropy,
    /// Warnings for the client.
    pub warnings: Vec<String>,
    /// What its body has that is empty.
    pub empty: Empties,
    /// Its body has no labels: they are those of its template.
    pub shares_labels: bool,
}

impl Call<'_> {
    /// What a write needs.
    pub fn writer(&mut self, dry_run: bool) -> Writer<'_> {
        Writer {
            dry_run,
            warnings: std::mem::take(&mut self.warnings),
            empty: std::mem::take(&mut self.empty),
            shares_labels: self.shares_labels,
            user: Some(self.user),
            is_own: false,
            manager: Some(manager_of(self.request)),
            options: shown(self.request),
            ..Writer::own(self.now, self.entropy)
        }
    }

    /// One object as the reply.
    pub fn object(&self, status: u16, entry: &Entry) -> Result<Reply, ApiError> {
        let body = reply::object_body(&self.served, entry, self.request, &self.form, self.now)?;
        Ok(Reply::Full(reply::response(
            self.request,
            status,
            body,
            &self.form.content_type,
            &self.warnings,
        )))
    }

    /// A value of another type as the reply.
    pub fn value(
        &self,
        status: u16,
        value: &Value,
        (group, version, kind): (&str, &str, &str),
    ) -> Reply {
        let type_id = TypeTable::builtin().type_of(group, version, kind);
        let body = reply::encode(value, type_id, &self.form);
        Reply::Full(reply::response(
            self.request,
            status,
            body,
            &self.form.content_type,
            &self.warnings,
        ))
    }

    /// The namespace of the objects, empty for cluster-scoped kinds.
    pub fn namespace(&self) -> &str {
        if self.served.resource.namespaced {
            &self.target.namespace
        } else {
            ""
        }
    }
}
