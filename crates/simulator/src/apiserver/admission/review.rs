//! Reviews of admission: what is asked, and what an answer means
//! (`apiserver/pkg/admission/plugin/webhook/request/admissionreview.go`).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::configurations::Hook;
use super::{Attributes, internal_error};
use crate::apiserver::ApiServer;
use crate::apiserver::registry::Served;
use crate::apiserver::resource::Resource;
use crate::apiserver::webhook_reply::{Expected, body_of};
use crate::outside::Answered;
use crate::request::User;
use crate::status_error::{ApiError, Cause, Details};

const GROUP: &str = "admission.k8s.io";
const KIND: &str = "AdmissionReview";

/// The object and the stored object of a review, in the version it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Objects<'a> {
    /// What is to be stored; `None` for a deletion.
    pub new: Option<&'a Value>,
    /// What is stored.
    pub old: Option<&'a Value>,
}

/// Both objects of a write as somebody judges them: in the version that was asked for.
pub(super) struct Shown<'a> {
    new: Option<Cow<'a, Value>>,
    old: Option<Cow<'a, Value>>,
}

impl<'a> Shown<'a> {
    /// In the version of `about`.
    pub(super) fn of(
        server: &ApiServer,
        attributes: &Attributes<'a>,
        about: &Served,
        object: Option<&'a Value>,
    ) -> Result<Self, ApiError> {
        let shown = |object| shown(server, attributes, about, object);
        Ok(Self {
            new: object.map(shown).transpose()?,
            old: attributes.old.map(shown).transpose()?,
        })
    }

    /// For a review or an expression.
    pub(super) fn objects(&self) -> Objects<'_> {
        Objects {
            new: self.new.as_deref(),
            old: self.old.as_deref(),
        }
    }
}

/// An object of a write in the version of `about`; those of a kind of their own have one version only.
pub(super) fn shown<'a>(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    about: &Served,
    object: &'a Value,
) -> Result<Cow<'a, Value>, ApiError> {
    match attributes.kind {
        Some(_) => Ok(Cow::Borrowed(object)),
        None => converted(server, attributes.served, about, object),
    }
}

/// An object in another version of its resource.
pub(super) fn converted<'a>(
    server: &ApiServer,
    from: &Served,
    to: &Served,
    object: &'a Value,
) -> Result<Cow<'a, Value>, ApiError> {
    let converted = server.converted(from, to, object);
    converted.map_err(|error| internal_error(&error.message))
}

/// Who asks, as reviews and expressions see it.
pub(super) fn user_info(user: &User) -> Value {
    crate::apiserver::user_info(user)
}

fn kind_of(attributes: &Attributes<'_>, resource: &Resource) -> Value {
    match attributes.kind {
        Some((group, version, kind)) => json!({"group": group, "version": version, "kind": kind}),
        None => {
            json!({"group": resource.group, "version": resource.version, "kind": resource.kind})
        }
    }
}

fn resource_of(resource: &Resource) -> Value {
    json!({"group": resource.group, "version": resource.version, "resource": resource.plural})
}

/// The request of a review, without its uid. `about` is the resource in the version it is about.
pub(super) fn request(
    attributes: &Attributes<'_>,
    about: &Resource,
    objects: Objects<'_>,
) -> Value {
    let requested = attributes.resource();
    let mut request = Map::new();
    let mut put = |key: &str, value: Value| {
        request.insert(key.to_owned(), value);
    };
    put("kind", kind_of(attributes, about));
    put("resource", resource_of(about));
    put("requestKind", kind_of(attributes, requested));
    put("requestResource", resource_of(requested));
    for (key, text) in [
        ("subResource", attributes.subresource),
        ("requestSubResource", attributes.subresource),
        ("name", attributes.name),
        ("namespace", attributes.namespace),
    ] {
        if !text.is_empty() {
            put(key, json!(text));
        }
    }
    put("operation", json!(attributes.operation.name()));
    put("userInfo", user_info(attributes.user));
    put("object", objects.new.cloned().unwrap_or_default());
    put("oldObject", objects.old.cloned().unwrap_or_default());
    put("dryRun", json!(attributes.dry_run));
    put("options", attributes.all_options());
    Value::Object(request)
}

/// A whole review.
pub(super) fn review(version: &str, request: &Value) -> Value {
    json!({"kind": KIND, "apiVersion": format!("{GROUP}/{version}"), "request": request})
}

/// An answer that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    /// Whether the webhook agrees.
    pub allowed: bool,
    /// JSON patch; empty for none.
    pub patch: Vec<u8>,
    /// How the patch is to be read.
    pub patch_type: String,
    /// What the webhook says about a denial.
    pub status: Option<Value>,
    /// Texts for the client.
    pub warnings: Vec<String>,
}

/// Reads an answer. The error is what follows `failed calling webhook "NAME": `.
pub(super) fn read(hook: &Hook<'_>, url: &str, answered: &Answered) -> Result<Response, String> {
    let failed = |text: String| format!("failed to call webhook: {text}");
    let invalid = |text: String| format!("received invalid webhook response: {text}");
    let version = hook.review_version().unwrap_or("v1");
    let review = body_of(&Expected::new(GROUP, KIND, version), url, &answered.answer);
    let review = review.map_err(failed)?;
    let response = review.get("response").filter(|value| value.is_object());
    let response = response.ok_or_else(|| invalid("webhook response was absent".to_owned()))?;
    // Read before anything is asked of it.
    let patch = patch_of(response).map_err(failed)?;
    if version == "v1" {
        verify(hook, &review, response, &answered.uid).map_err(invalid)?;
    }
    let text = response.get("patchType").and_then(Value::as_str);
    Ok(Response {
        allowed: response.get("allowed") == Some(&Value::Bool(true)),
        patch_type: match (version, patch.is_empty()) {
            ("v1", _) => text.unwrap_or_default().to_owned(),
            (_, true) => String::new(),
            (_, false) => "JSONPatch".to_owned(),
        },
        patch: if hook.mutating { patch } else { Vec::new() },
        status: response.get("status").cloned(),
        warnings: strings(response.get("warnings")),
    })
}

fn strings(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What a v1 answer must hold to.
fn verify(hook: &Hook<'_>, review: &Value, response: &Value, uid: &str) -> Result<(), String> {
    let text = |value: &Value, key: &str| {
        let found = value.get(key).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let given = text(response, "uid");
    if given != uid {
        return Err(format!("expected response.uid={uid:?}, got {given:?}"));
    }
    let (api_version, kind) = (text(review, "apiVersion"), text(review, "kind"));
    if kind != KIND || api_version.is_empty() {
        let got = if api_version.is_empty() {
            "/"
        } else {
            &api_version
        };
        return Err(format!(
            "expected webhook response of {GROUP}/v1, Kind={KIND}, got {got}, Kind={kind}"
        ));
    }
    let has_patch = !text(response, "patch").is_empty();
    let patch_type = response.get("patchType").filter(|value| !value.is_null());
    let text = match (hook.mutating, has_patch, patch_type) {
        (false, true, _) => "validating webhook may not return response.patch",
        (false, false, Some(_)) => "validating webhook may not return response.patchType",
        (true, true, None) => "webhook returned response.patch but not response.patchType",
        (true, false, Some(_)) => "webhook returned response.patchType but not response.patch",
        (true, true, Some(kind)) if kind == "" => {
            "webhook returned invalid response.patchType of \"\""
        }
        (true | false, _, _) => return Ok(()),
    };
    Err(text.to_owned())
}

fn patch_of(response: &Value) -> Result<Vec<u8>, String> {
    let text = response.get("patch").and_then(Value::as_str);
    let text = text.unwrap_or_default();
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    STANDARD.decode(text).map_err(|_| {
        let wrong = text.bytes().position(|byte| !legal(&byte));
        format!(
            "illegal base64 data at input byte {}",
            wrong.unwrap_or(text.len())
        )
    })
}

/// The failure a client sees of a denial (`webhook/errors/statuserror.go`).
pub(super) fn denial(name: &str, status: Option<&Value>) -> ApiError {
    let status = status.unwrap_or(&Value::Null);
    let text = |key: &str| {
        let found = status.get(key).and_then(Value::as_str);
        found.unwrap_or_default()
    };
    let code = status
        .get("code")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let code = u16::try_from(code).unwrap_or_default().max(400);
    let denied = format!("admission webhook {name:?} denied the request");
    let message = match (text("message"), text("reason")) {
        ("", "") => format!("{denied} without explanation"),
        ("", reason) => format!("{denied}: {reason}"),
        (message, _) => format!("{denied}: {message}"),
    };
    let details = status.get("details").filter(|value| value.is_object());
    let details = details.map(details_of);
    let waits = details
        .as_ref()
        .is_some_and(|details| details.retry_after_seconds > 0);
    let metadata = |key: &str| status.get("metadata")?.get(key)?.as_str();
    let error = ApiError::new(code, text("reason").to_owned(), message, details);
    let error = error.with_list_metadata(
        metadata("resourceVersion").unwrap_or_default(),
        metadata("continue").unwrap_or_default(),
    );
    if waits {
        error.with_retry_header()
    } else {
        error
    }
}

fn details_of(details: &Value) -> Details {
    let text = |value: &Value, key: &str| {
        let found = value.get(key).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let causes = details.get("causes").and_then(Value::as_array);
    let seconds = details.get("retryAfterSeconds").and_then(Value::as_u64);
    Details {
        name: text(details, "name"),
        group: text(details, "group"),
        kind: text(details, "kind"),
        uid: text(details, "uid"),
        causes: causes
            .into_iter()
            .flatten()
            .map(|cause| Cause {
                reason: text(cause, "reason"),
                message: text(cause, "message"),
                field: text(cause, "field"),
            })
            .collect(),
        retry_after_seconds: seconds
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or_default(),
    }
}
