//! Small parts of HTTP and of Kubernetes' bodies.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

use crate::error::{ApiStatus, Error};
use crate::resource::ResourceRef;

/// The media type of bodies, and of answers unless another form is asked for.
pub(crate) const JSON: &str = "application/json";

/// Media types of a request.
#[derive(Clone, Copy)]
pub(super) struct Media<'a> {
    /// Of its body, if it has one.
    pub(super) content_type: Option<&'a str>,
    /// Of its answer.
    pub(super) accept: &'a str,
}

impl<'a> Media<'a> {
    /// A request with a body.
    pub(super) fn body(content_type: &'a str) -> Self {
        Self {
            content_type: Some(content_type),
            accept: JSON,
        }
    }

    /// A request without one.
    pub(super) fn answer(accept: &'a str) -> Self {
        Self {
            content_type: None,
            accept,
        }
    }
}

/// The whole body.
pub(super) async fn collect(response: Response<Body>) -> Result<Bytes, Error> {
    let collected = response
        .into_body()
        .collect()
        .await
        .map_err(|error| Error::Transport(Box::new(error)))?;
    Ok(collected.to_bytes())
}

/// The `Status` of an answer that is no success.
pub(super) async fn failure(response: Response<Body>) -> Result<ApiStatus, Error> {
    let code = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs);
    let body = collect(response).await?;
    Ok(ApiStatus::parse(code, &body, retry_after))
}

/// A request body.
pub(crate) fn to_bytes(value: &Value) -> Result<Bytes, Error> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|source| Error::Decode {
            what: "a request body".to_owned(),
            source,
        })
}

/// Whether an answer to a delete is the object itself rather than a `Status`.
pub(super) fn is_object(resource: &ResourceRef, bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Kind {
        #[serde(default)]
        kind: String,
    }
    serde_json::from_slice::<Kind>(bytes).is_ok_and(|answer| answer.kind == resource.kind)
}

/// Items of a typed list come without `apiVersion` and `kind`.
pub(super) fn with_type(resource: &ResourceRef, mut item: Value) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields
            .entry("apiVersion")
            .or_insert_with(|| json!(resource.api_version()));
        fields.entry("kind").or_insert_with(|| json!(resource.kind));
    }
    item
}

/// `?a=b&c=d` of the pairs whose value is not empty; empty when there is none.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&encode(value));
    }
    text
}

/// Percent-encodes everything but unreserved characters.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_query_values_are_left_out_and_the_rest_is_encoded() {
        assert_eq!(
            query(&[
                ("limit", "5"),
                ("continue", ""),
                ("labelSelector", "a in (b,c)")
            ]),
            "?limit=5&labelSelector=a%20in%20%28b%2Cc%29"
        );
        assert_eq!(query(&[("continue", "")]), "");
    }
}
