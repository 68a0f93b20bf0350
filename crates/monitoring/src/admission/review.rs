//! Reviews of `admission.k8s.io`, `v1` and `v1beta1`: both look the same, and the answer is of the version that asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, JSON};
use crate::api::read;

/// A review, as far as it is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Review {
    api_version: String,
    kind: String,
    request: Option<Asked>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    uid: String,
    resource: Resource,
}

/// Group, version and plural of what is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    #[serde(rename = "resource")]
    pub(super) plural: String,
}

impl Resource {
    /// As Go prints it.
    pub(super) fn shown(&self) -> String {
        let Self {
            group,
            version,
            plural,
        } = self;
        format!("{{{group} {version} {plural}}}")
    }
}

/// What is to be admitted.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) resource: Resource,
    /// The object as it would be stored; null at a deletion.
    pub(super) object: &'a Value,
}

/// What is said to it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It may be stored.
    Allowed,
    /// It may be, with these operations of a JSON patch.
    Patched(Vec<Value>),
    /// It may not.
    Refused(Refusal),
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: &'static str,
    /// Plural of what was expected.
    pub(super) resource: &'static str,
    pub(super) causes: Vec<String>,
}

/// A refusal with one cause.
pub(super) fn refused(
    message: &'static str,
    resource: &'static str,
    cause: impl Into<String>,
) -> Verdict {
    Verdict::Refused(Refusal {
        message,
        resource,
        causes: vec![cause.into()],
    })
}

/// Answers a request with what `admit` says.
pub(super) fn answer(
    content_type: Option<&str>,
    body: &[u8],
    admit: &dyn Fn(&Request) -> Verdict,
) -> Answer {
    if body.is_empty() {
        return Answer::failure(400, "request has no body");
    }
    if content_type != Some(JSON) {
        return Answer::failure(415, "invalid Content-Type, want `application/json`");
    }
    let decoded = serde_json::from_slice::<Value>(body).and_then(|value| {
        let review: Review = read(&value)?;
        Ok((review, value))
    });
    let unreadable = |cause: String| refused("Unable to deserialize request", "", cause);
    let (review, verdict) = match decoded {
        Err(error) => (Review::default(), unreadable(error.to_string())),
        Ok((review, value)) => {
            let verdict = match &review.request {
                None => unreadable("the review has no request".to_owned()),
                Some(asked) => admit(&Request {
                    resource: asked.resource.clone(),
                    object: value.pointer("/request/object").unwrap_or(&Value::Null),
                }),
            };
            (review, verdict)
        }
    };
    Answer::json(&response(&review, &verdict))
}

fn response(review: &Review, verdict: &Verdict) -> Value {
    let mut answer = Map::new();
    for (key, text) in [("apiVersion", &review.api_version), ("kind", &review.kind)] {
        if !text.is_empty() {
            answer.insert(key.to_owned(), json!(text));
        }
    }
    let uid = review.request.as_ref().map_or("", |asked| &asked.uid);
    let response = match verdict {
        Verdict::Allowed => json!({"uid": uid, "allowed": true}),
        Verdict::Patched(operations) => json!({
            "uid": uid,
            "allowed": true,
            "patchType": "JSONPatch",
            "patch": STANDARD.encode(json!(operations).to_string()),
        }),
        Verdict::Refused(refusal) => {
            json!({"uid": uid, "allowed": false, "status": status(refusal)})
        }
    };
    answer.insert("response".to_owned(), response);
    Value::Object(answer)
}

fn status(refusal: &Refusal) -> Value {
    let causes = refusal.causes.iter().map(|cause| json!({"message": cause}));
    let mut details = json!({"causes": causes.collect::<Vec<_>>()});
    if let Some(details) = details.as_object_mut()
        && !refusal.resource.is_empty()
    {
        details.insert("name".to_owned(), json!(refusal.resource));
    }
    json!({
        "metadata": {},
        "status": "Failure",
        "message": refusal.message,
        "reason": "Invalid",
        "details": details,
        "code": 422,
    })
}
