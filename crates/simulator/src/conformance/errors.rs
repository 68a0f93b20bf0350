//! `errors.ndjson`: setup steps and failing requests, run top to bottom on a fresh server.

use std::path::Path;

use serde_json::Value;

use super::compare::{difference, text_matches};
use super::{Case, Ground, Outcome, request, set_header};
use crate::request::Response;

/// Cases whose message holds words of Go's own that we don't imitate: a printed Go object, a decoder's own text.
/// Their code, reason and the rest of their details must still be the recorded ones.
const OWN_WORDS: [&str; 2] = ["e093", "e273"];

/// Replays the file in that directory.
pub fn run(directory: &Path) -> std::io::Result<Vec<Case>> {
    let mut ground = Ground::new();
    let mut cases = Vec::new();
    let text = std::fs::read_to_string(directory.join("errors.ndjson"))?;
    for raw in text.lines().filter(|raw| !raw.is_empty()) {
        let line: Value = serde_json::from_str(raw).map_err(std::io::Error::other)?;
        let id = line
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let setup = line.get("step").and_then(Value::as_str) == Some("setup");
        let response = send(&mut ground, &line, raw);
        let mut outcome = if setup {
            setup_outcome(&line, &response)
        } else {
            compare(&id, &line, &response)
        };
        if setup {
            ground.wait(6);
            if outcome == Outcome::Passed {
                continue;
            }
            if let Outcome::Failed(text) = outcome {
                outcome = Outcome::Failed(format!("setup: {text}"));
            }
        }
        cases.push(Case { id, outcome });
    }
    Ok(cases)
}

fn send(ground: &mut Ground, line: &Value, raw: &str) -> Response {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let id = text("id").unwrap_or_default();
    let body = match line.get("body") {
        None => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        // Sent by Python, which puts spaces after colons and commas; here they show in the message.
        Some(other) if id == "e103" => other.to_string().replace(':', ": ").into_bytes(),
        Some(other) => raw_body(raw).unwrap_or_else(|| other.to_string().into_bytes()),
    };
    let mut request = request(
        text("method").unwrap_or("GET"),
        text("path").unwrap_or("/"),
        &body,
        text("contentType"),
    );
    for (name, value) in line
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        set_header(&mut request, name, value.as_str().unwrap_or_default());
    }
    if line.get("user").is_some() {
        request.user = None;
    }
    ground.send(&request)
}

/// The body as it stands in the line: the order of its fields counts.
fn raw_body(raw: &str) -> Option<Vec<u8>> {
    let start = raw.find("\"body\":")? + "\"body\":".len();
    let rest = raw.get(start..)?;
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
    stream.next()?.ok()?;
    rest.get(..stream.byte_offset())
        .map(|body| body.as_bytes().to_vec())
}

fn setup_outcome(line: &Value, response: &Response) -> Outcome {
    let code = line.get("code").and_then(Value::as_u64).unwrap_or_default();
    if u64::from(response.status) == code {
        return Outcome::Passed;
    }
    Outcome::Failed(format!(
        "expected {code}, found {} {}",
        response.status,
        String::from_utf8_lossy(&response.body)
    ))
}

fn compare(id: &str, line: &Value, response: &Response) -> Outcome {
    let code = line.get("code").and_then(Value::as_u64).unwrap_or_default();
    let body = String::from_utf8_lossy(&response.body);
    if u64::from(response.status) != code {
        return Outcome::Failed(format!(
            "expected code {code}, found {}: {}",
            response.status,
            body.trim_end()
        ));
    }
    if let Some(text) = line.get("text").and_then(Value::as_str) {
        if text_matches(text, &body) {
            return Outcome::Passed;
        }
        return Outcome::Failed(format!("expected text {text:?}, found {body:?}"));
    }
    let expected = line.get("status").unwrap_or(&Value::Null);
    let Ok(found) = serde_json::from_str::<Value>(&body) else {
        return Outcome::Failed(format!("no JSON: {body}"));
    };
    let whole = difference(expected, &found);
    if !OWN_WORDS.contains(&id) {
        return whole.map_or(Outcome::Passed, Outcome::Failed);
    }
    if whole.is_none() {
        return Outcome::Failed("its words are the recorded ones now: list it no more".to_owned());
    }
    match difference(&without_words(expected), &without_words(&found)) {
        None => Outcome::Passed,
        Some(text) => Outcome::Failed(text),
    }
}

/// A Status without its message and those of its causes.
fn without_words(status: &Value) -> Value {
    let mut status = status.clone();
    if let Some(fields) = status.as_object_mut() {
        fields.remove("message");
    }
    for cause in status
        .pointer_mut("/details/causes")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(fields) = cause.as_object_mut() {
            fields.remove("message");
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_requests_are_answered_as_a_real_server_does() {
        let Some(directory) = super::super::recordings() else {
            return;
        };
        let cases = run(&directory).unwrap();
        super::super::assert_none_failed(&cases);
    }
}
