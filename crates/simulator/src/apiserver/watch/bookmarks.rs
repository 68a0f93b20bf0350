//! Bookmarks of a watch: objects without values that tell how far it has got.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use machinery::{go_json, meta};
use serde_json::{Value, json};

use super::super::convert;
use super::super::negotiate::Transform;
use super::super::reply;
use super::super::store::{Entry, line};
use super::{BOOKMARK_SECONDS, Pending, Watch, plus};
use crate::status_error::ApiError;

const END_ANNOTATION: &str = "k8s.io/initial-events-end";

impl Watch {
    pub(super) fn bookmark_line(
        &self,
        now: Timestamp,
        end_of_list: bool,
    ) -> Result<Bytes, ApiError> {
        let resource = &self.served.resource;
        let mut metadata = json!({"resourceVersion": self.cursor.to_string()});
        if let (true, Some(fields)) = (end_of_list, metadata.as_object_mut()) {
            fields.insert("annotations".to_owned(), json!({END_ANNOTATION: "true"}));
        }
        let mut bare = json!({
            "kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata,
        });
        zero_values(&mut bare);
        let type_id = self.served.type_id();
        // Also where only a part of it is shown: a row may hold the whole object.
        let zero = type_id.and_then(|type_id| machinery::decode::normalise(type_id, &bare).ok());
        let zero = zero.unwrap_or(bare);
        let object = match self.form.transform {
            Transform::Plain => go_json::to_vec(&zero, type_id).into(),
            Transform::Table | Transform::PartialObject | Transform::PartialList => {
                let entry = Entry::new(Arc::new(zero), self.cursor);
                reply::event_object(
                    &self.served,
                    &entry,
                    &self.request,
                    &self.form,
                    self.first,
                    now,
                )?
            }
        };
        Ok(line("BOOKMARK", &object))
    }

    /// Sends a bookmark about every minute, and 2 s and 1 s before the end.
    pub(super) fn due_bookmark(&mut self, now: Timestamp) {
        if self.ended || self.bookmark.is_none_or(|due| now < due) {
            return;
        }
        self.pending.push_back(Pending::Bookmark(false));
        let (two, one) = (plus(self.deadline, -2), plus(self.deadline, -1));
        let next = plus(now, BOOKMARK_SECONDS);
        self.bookmark = Some(if now < two {
            next.min(two)
        } else if now < one {
            one
        } else {
            Timestamp::MAX
        });
    }
}

/// What an object without values has all the same: it is converted from a type of the server's own, where some values
/// are no pointers (`pkg/apis/apps/v1/conversion.go`).
fn zero_values(bare: &mut Value) {
    match bare.get("kind").and_then(Value::as_str) {
        Some("Deployment" | "ReplicaSet" | "StatefulSet") => bare["spec"] = json!({"replicas": 0}),
        Some("DaemonSet") => meta::set_annotation(bare, convert::TEMPLATE_GENERATION, "0"),
        Some(_) | None => {}
    }
}
