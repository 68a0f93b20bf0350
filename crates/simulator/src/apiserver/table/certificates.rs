//! Rows of certificate signing requests.

use machinery::human;
use serde_json::Value;

use super::view::View;

pub(super) fn cells(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    if plural != "certificatesigningrequests" {
        return None;
    }
    let requested = view.get("/spec/expirationSeconds").and_then(Value::as_i64);
    Some(vec![
        view.name(),
        view.age(),
        Value::from(view.str_or("/spec/signerName", "<none>")),
        Value::from(view.str("/spec/username")),
        Value::from(requested.map_or_else(|| "<none>".to_owned(), human::duration)),
        Value::from(condition(view)),
    ])
}

fn condition(view: View<'_>) -> String {
    let has = |kind: &str| {
        view.list("/status/conditions")
            .any(|condition| condition.str("/type") == kind)
    };
    let decided = match (has("Denied"), has("Approved")) {
        (true, _) => "Denied",
        (false, true) => "Approved",
        (false, false) => "Pending",
    };
    let failed = if has("Failed") { ",Failed" } else { "" };
    let issued = if view.str("/status/certificate").is_empty() {
        ""
    } else {
        ",Issued"
    };
    format!("{decided}{failed}{issued}")
}
