//! What a webhook of any kind sent back, read as client-go reads it: the HTTP response and the review in it.

use machinery::decode;
use machinery::schema::TypeTable;
use serde_json::Value;

use crate::outside::Answer;

const SCHEME: &str = "in scheme \"pkg/runtime/scheme.go:111\"";

/// The review that is expected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    group: &'a str,
    kind: &'a str,
    version: &'a str,
}

impl<'a> Expected<'a> {
    /// A review of that group, kind and version.
    pub(crate) fn new(group: &'a str, kind: &'a str, version: &'a str) -> Self {
        Self {
            group,
            kind,
            version,
        }
    }
}

/// The review an answer holds; the error is the REST client's.
pub(crate) fn body_of(
    expected: &Expected<'_>,
    url: &str,
    answer: &Answer,
) -> Result<Value, String> {
    let (status, body) = match answer {
        Answer::Failed(text) => return Err(format!("Post {url:?}: {text}")),
        Answer::FailedElsewhere { url, text } => return Err(format!("Post {url:?}: {text}")),
        Answer::Unreadable(text) => {
            return Err(format!(
                "unexpected error when reading response body. Please retry. Original error: {text}"
            ));
        }
        Answer::Reply { status, body } => (*status, body),
    };
    if !(200..=206).contains(&status) {
        return Err(complaint(status, body));
    }
    if body.is_empty() {
        return Err(format!(
            "0-length response with status code: {status} and content type: application/json"
        ));
    }
    decoded(expected, body)
}

/// What client-go's REST client says about a response that isn't a success.
fn complaint(status: u16, body: &[u8]) -> String {
    let given = serde_json::from_slice::<Value>(body).ok();
    let given = given.filter(|value| value.get("kind").and_then(Value::as_str) == Some("Status"));
    if let Some(message) = given
        .as_ref()
        .and_then(|value| value.get("message")?.as_str())
    {
        return message.to_owned();
    }
    match status {
        401 => "the server has asked for the client to provide credentials".to_owned(),
        403 | 415 => "unknown".to_owned(),
        404 => "the server could not find the requested resource".to_owned(),
        405 => "the server does not allow this method on the requested resource".to_owned(),
        409 => "the server reported a conflict".to_owned(),
        422 => "the server rejected our request due to an error in our request".to_owned(),
        406 => "the server was unable to respond with a content type that the client supports"
            .to_owned(),
        503 => "the server is currently unable to handle the request".to_owned(),
        504 => "the server was unable to return a response in the time allotted, but may still be processing the request"
            .to_owned(),
        429 => "the server has received too many requests and has asked us to try again later"
            .to_owned(),
        400 => "the server rejected our request for an unknown reason".to_owned(),
        500.. => "an error on the server (\"unknown\") has prevented the request from succeeding"
            .to_owned(),
        _ => format!(
            "the server responded with the status code {status} but did not return more information"
        ),
    }
}

/// What doesn't begin as an object does is taken for YAML, in which most texts are a string
/// (`apimachinery/pkg/runtime/serializer/recognizer`).
fn untyped(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).unwrap_or_default().trim_start();
    if !text.starts_with('{')
        && let Ok(document) = machinery::yaml::parse(text)
    {
        return Ok(document.value);
    }
    let value = decode::decode_untyped(body).map_err(|error| error.to_string())?;
    Ok(value.value)
}

/// The body as a review, as the codec of its group reads it.
fn decoded(expected: &Expected<'_>, body: &[u8]) -> Result<Value, String> {
    let value = untyped(body)
        .map_err(|error| format!("couldn't get version/kind; json parse error: {error}"))?;
    let Expected {
        group: own_group,
        kind: own_kind,
        version,
    } = *expected;
    if !value.is_object() && !value.is_null() {
        return Err(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct {{ \
             APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            decode::json_word(&value)
        ));
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (kind, api_version) = (text("kind").to_owned(), text("apiVersion").to_owned());
    // What is left out is taken from what was expected.
    let full = format!("{own_group}/{version}");
    let known = kind.is_empty() || kind == own_kind;
    if (api_version.is_empty() || api_version == full) && known {
        well_typed((own_group, version, own_kind), body)?;
        return Ok(value);
    }
    if kind == "Status" && api_version == "v1" {
        return Err(format!(
            "converting (v1.Status) to ({version}.{own_kind}): unknown conversion"
        ));
    }
    let group = api_version.split('/').next().unwrap_or_default();
    let other = api_version.rsplit('/').next().unwrap_or_default();
    if group == own_group && matches!(other, "v1" | "v1beta1") && known {
        return Err(format!(
            "converting ({other}.{own_kind}) to ({version}.{own_kind}): unknown conversion"
        ));
    }
    Err(format!(
        "no kind {kind:?} is registered for version {api_version:?} {SCHEME}"
    ))
}

/// Whether the fields of a review are of their types. All of its versions have the same.
fn well_typed((group, version, kind): (&str, &str, &str), body: &[u8]) -> Result<(), String> {
    let table = TypeTable::builtin();
    let Some(review) = table.type_of(group, "v1", kind) else {
        return Ok(());
    };
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let decoded = if is_object {
        decode::decode(table, review, body)
    } else {
        decode::decode_yaml(table, review, body)
    };
    // Types of the review's own are called by its version.
    let own = kind.trim_end_matches("Review");
    decoded.map(drop).map_err(|error| {
        let text = error.to_string();
        text.replace(&format!("v1.{own}"), &format!("{version}.{own}"))
    })
}
