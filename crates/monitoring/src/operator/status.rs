//! Conditions of workloads and how their status is written.

use runtime::StatusWrite;
use serde_json::{Value, json};

use super::decision::Decision;
use crate::api::status::Condition;

/// The condition `Reconciled`. `failure`: why the plan stopped, if it did.
pub fn reconciled(decision: &Decision, failure: Option<&str>) -> Condition {
    let failed = decision.outcome.as_ref().err().map(String::as_str);
    let (status, reason, message) = match (failed.or(failure), &decision.remark) {
        (Some(why), _) => ("False", "ReconciliationFailed", why.to_owned()),
        (None, Some((reason, message))) => ("True", *reason, message.clone()),
        (None, None) => ("True", "", String::new()),
    };
    Condition {
        r#type: "Reconciled".to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        ..Condition::default()
    }
}

/// The status of an object, written if it differs from what is stored.
pub fn write(object: &Value, new: Value) -> StatusWrite {
    let old = object.get("status").filter(|status| !status.is_null());
    StatusWrite::MergePatch {
        subresource: true,
        new,
        old: old.cloned().unwrap_or_else(|| json!({})),
        resource_version: None,
    }
}
