//! `defaults.ndjson`: the smallest accepted objects and what a server makes of them.

use std::path::Path;

use serde_json::{Value, json};

use super::compare::{difference, text_matches};
use super::{Case, Ground, Outcome, request};

/// Replays the file in that directory.
pub fn run(directory: &Path) -> std::io::Result<Vec<Case>> {
    let mut ground = Ground::new();
    let namespace = json!({"metadata": {"name": "conf"}}).to_string();
    ground.send(&request(
        "POST",
        "/api/v1/namespaces",
        namespace.as_bytes(),
        Some("application/json"),
    ));
    ground.wait(1);
    let mut cases = Vec::new();
    let text = std::fs::read_to_string(directory.join("defaults.ndjson"))?;
    for raw in text.lines().filter(|raw| !raw.is_empty()) {
        let line: Value = serde_json::from_str(raw).map_err(std::io::Error::other)?;
        let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
        let id = format!("{} {}", text("kind"), text("name"));
        let root = if text("group").is_empty() {
            format!("/api/{}", text("version"))
        } else {
            format!("/apis/{}/{}", text("group"), text("version"))
        };
        let collection = if line.get("namespaced") == Some(&json!(true)) {
            format!("{root}/namespaces/conf/{}", text("resource"))
        } else {
            format!("{root}/{}", text("resource"))
        };
        let sent = line.get("sent").unwrap_or(&Value::Null).to_string();
        let response = ground.send(&request(
            "POST",
            &collection,
            sent.as_bytes(),
            Some("application/json"),
        ));
        let body = String::from_utf8_lossy(&response.body).into_owned();
        let found: Value = serde_json::from_str(&body).unwrap_or_default();
        let outcome = if response.status == 201 {
            let expected = masked(&with_owners(&line));
            let delete = format!("{collection}/{}", machinery::meta::name(&found));
            let reply = ground.send(&request("DELETE", &delete, b"", None));
            let kind: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let is_status = machinery::meta::kind(&kind) == "Status";
            match difference(&expected, &found).filter(|text| !text.starts_with("/spec/uid")) {
                Some(text) => Outcome::Failed(text),
                None if !body.contains(raw_owners(raw)) => {
                    Outcome::Failed(format!("fields are owned in another order: {body}"))
                }
                None if is_status != (text("deleteReply") == "Status") => {
                    Outcome::Failed(format!("DELETE answered {kind}"))
                }
                None => Outcome::Passed,
            }
        } else {
            Outcome::Failed(format!("found {}: {}", response.status, body.trim_end()))
        };
        cases.push(Case { id, outcome });
    }
    Ok(cases)
}

/// The recorded object with its `managedFields`, which are recorded apart and without times.
fn with_owners(line: &Value) -> Value {
    let mut object = line.get("returned").cloned().unwrap_or_default();
    let mut owners = line.get("managedFields").cloned().unwrap_or_default();
    let entries = owners.as_array_mut();
    if entries.as_ref().is_none_or(|entries| entries.is_empty()) {
        return object;
    }
    for entry in entries
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        entry.insert("time".to_owned(), json!("<time>"));
    }
    machinery::meta::set(&mut object, "managedFields", owners);
    object
}

/// The first entry's `fieldsV1` as it stands in the line: the order of its fields counts.
fn raw_owners(raw: &str) -> &str {
    let start = raw.find("\"fieldsV1\":").unwrap_or(raw.len());
    let rest = raw.get(start..).unwrap_or_default();
    let end = rest.find("}]").unwrap_or_default();
    rest.get(..end).unwrap_or_default()
}

/// The recorded object with placeholders for uids and times that stand in labels and status.
fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) if text_matches("<uid>", text) => json!("<uid>"),
        Value::String(text) if text_matches("<time>", text) => json!("<time>"),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), masked(value)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_objects_are_completed_as_a_real_server_does() {
        let Some(directory) = super::super::recordings() else {
            return;
        };
        let cases = run(&directory).unwrap();
        super::super::assert_none_failed(&cases);
    }
}
