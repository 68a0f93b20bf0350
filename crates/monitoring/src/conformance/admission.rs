//! Replays of requests to the webhooks.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Answer, bare, compare};
use crate::admission::Admission;
use crate::rules::Language;

/// Whether ours answers as upstream did: `allowed`, code and message, the patch as a set, and causes as far as upstream says
/// them itself, for positions and the texts of Go's parsers are their own.
pub(super) fn replay(case: &Value) -> Result<(), String> {
    let input = case.get("in").unwrap_or(&Value::Null);
    let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
    let admission = Admission {
        language: Language {
            any_names: text("nameValidationScheme") == "utf8",
            ..Language::default()
        },
    };
    let body = input.get("review").unwrap_or(&Value::Null).to_string();
    let path = text("path");
    let answer = admission
        .answer(path, Some("application/json"), body.as_bytes())
        .ok_or_else(|| format!("{path} isn't answered"))?;
    let review: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let mut ours = json!({"httpStatus": answer.status, "review": review});
    let encoded = ours.pointer_mut("/review/response/patch").map(Value::take);
    if let (Some(encoded), Some(fields)) = (encoded, ours.as_object_mut()) {
        fields.insert("patch".to_owned(), operations(&encoded)?);
    }
    let mut case = case.clone();
    let theirs = causes(case.pointer("/out"));
    let own = causes(Some(&ours));
    let alike = theirs.len() == own.len()
        && theirs
            .iter()
            .zip(&own)
            .all(|(theirs, ours)| begins_alike(theirs, ours));
    if !alike {
        return Err(format!("upstream's causes are {theirs:?}, ours {own:?}"));
    }
    for value in [case.pointer_mut("/out"), Some(&mut ours)]
        .into_iter()
        .flatten()
    {
        if let Some(causes) = value.pointer_mut(CAUSES) {
            causes.take();
        }
        if let Some(list) = value.get_mut("patch").and_then(Value::as_array_mut) {
            list.sort_by_key(Value::to_string);
        }
    }
    compare(&case, &Answer::Json(bare(&ours).unwrap_or_default()))
}

const CAUSES: &str = "/review/response/status/details/causes";

fn operations(patch: &Value) -> Result<Value, String> {
    let text = patch.as_str().unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn causes(answer: Option<&Value>) -> Vec<String> {
    let causes = answer.and_then(|answer| answer.pointer(CAUSES)?.as_array());
    let message = |cause: &Value| Some(cause.get("message")?.as_str()?.to_owned());
    causes.into_iter().flatten().filter_map(message).collect()
}

/// Without a position at the beginning; where a parser of Go's speaks, what comes before it counts.
fn begins_alike(theirs: &str, ours: &str) -> bool {
    let is_position = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == ':');
    let theirs = match theirs.split_once(": ") {
        Some((position, rest)) if is_position(position) => rest,
        _ => theirs,
    };
    let spoken = ["could not parse expression: ", "template: "];
    let begins = |words: &str| {
        theirs
            .split_once(words)
            .is_some_and(|(before, _)| ours.starts_with(before))
    };
    theirs == ours || spoken.into_iter().any(begins)
}
