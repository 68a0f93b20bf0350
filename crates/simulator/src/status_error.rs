//! Errors of the API server: Status bodies with Kubernetes' codes, reasons and texts
//! (`apimachinery/pkg/api/errors/errors.go`).

use std::borrow::Cow;

use machinery::builtin::validation::{self, FieldError};
use machinery::decode::quote;
use serde_json::{Map, Value, json};

use crate::apiserver::resource::Resource;

/// One cause in the details of a Status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// Machine-readable reason.
    pub reason: String,
    /// Text.
    pub message: String,
    /// Field path, or empty.
    pub field: String,
}

/// Details of a Status; empty fields are not printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// Name of the object.
    pub name: String,
    /// Group of the kind.
    pub group: String,
    /// Plural resource, or the kind for some errors.
    pub kind: String,
    /// Uid of the object.
    pub uid: String,
    /// Causes.
    pub causes: Vec<Cause>,
    /// When to try again.
    pub retry_after_seconds: u32,
}

/// A failure as the server reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError(Box<Failure>);

/// The fields of an [`ApiError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status code.
    pub code: u16,
    /// Reason, such as `NotFound`; empty for plain internal errors.
    pub reason: Cow<'static, str>,
    /// Text.
    pub message: String,
    /// Details; `None` leaves them out.
    pub details: Option<Details>,
    /// Token to go on with an expired list.
    pub list_continue: String,
    /// Revision in the metadata, which only a webhook's denial has.
    pub list_version: String,
    /// Answer `message` as text/plain instead of a Status.
    pub plain_text: bool,
    /// Send a Retry-After header.
    pub retry_header: bool,
    /// Tell browsers not to guess what the body is, as refusals of the authorizer do.
    pub no_sniff: bool,
}

impl std::ops::Deref for ApiError {
    type Target = Failure;
    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl ApiError {
    /// Any failure.
    pub fn new(
        code: u16,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        details: Option<Details>,
    ) -> Self {
        Self(Box::new(Failure {
            code,
            reason: reason.into(),
            message: message.into(),
            details,
            list_continue: String::new(),
            list_version: String::new(),
            plain_text: false,
            retry_header: false,
            no_sniff: false,
        }))
    }

    /// 404: that object is absent.
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {} not found", resource.group_resource(), quote(name));
        Self::new(404, "NotFound", message, Some(Details::of(resource, name)))
    }

    /// 409: the name is taken.
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!(
            "{} {} already exists",
            resource.group_resource(),
            quote(name)
        );
        Self::new(
            409,
            "AlreadyExists",
            message,
            Some(Details::of(resource, name)),
        )
    }

    /// 409: `Operation cannot be fulfilled on R "name": TEXT`.
    pub fn conflict(resource: &Resource, name: &str, text: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {}: {text}",
            resource.group_resource(),
            quote(name)
        );
        Self::new(409, "Conflict", message, Some(Details::of(resource, name)))
    }

    /// 403: `R "name" is forbidden: TEXT`; without a name `R is forbidden: TEXT`.
    pub fn forbidden(resource: &Resource, name: &str, text: &str) -> Self {
        let subject = if name.is_empty() {
            resource.group_resource()
        } else {
            format!("{} {}", resource.group_resource(), quote(name))
        };
        Self::new(
            403,
            "Forbidden",
            format!("{subject} is forbidden: {text}"),
            Some(Details::of(resource, name)),
        )
    }

    /// 422: `Kind.group "name" is invalid: …` with one cause per error.
    pub fn invalid(resource: &Resource, name: &str, errors: &[FieldError]) -> Self {
        Self::invalid_as(
            &resource.qualified_kind(),
            &resource.group,
            &resource.kind,
            name,
            errors,
        )
    }

    /// 422 of something that is no object of a resource (`CreateOptions.meta.k8s.io`).
    pub fn invalid_as(
        subject: &str,
        group: &str,
        kind: &str,
        name: &str,
        errors: &[FieldError],
    ) -> Self {
        let causes = errors
            .iter()
            .map(|error| Cause {
                reason: error.reason().to_owned(),
                message: error.body(),
                field: error.field.clone(),
            })
            .collect();
        let joined = validation::message(errors);
        let message = format!("{subject} {} is invalid: {joined}", quote(name));
        let details = Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            causes,
            ..Details::default()
        };
        Self::new(422, "Invalid", message, Some(details))
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, None)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message, Some(Details::default()))
    }

    /// 405 of a custom resource, which names what was wanted.
    pub fn verb_not_supported(resource: &Resource, verb: &str) -> Self {
        let text = resource.group_resource();
        let details = Details {
            group: resource.group.to_string(),
            kind: resource.plural.to_string(),
            ..Details::default()
        };
        Self::new(
            405,
            "MethodNotAllowed",
            format!("{verb} is not supported on resources of kind {text:?}"),
            Some(details),
        )
    }

    /// 404 of an unknown resource of a built-in group.
    pub fn unknown_resource() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
            Some(Details::default()),
        )
    }

    /// 404 as text/plain.
    pub fn page_not_found() -> Self {
        let mut error = Self::new(404, "", "404 page not found\n", None);
        error.0.plain_text = true;
        error
    }

    /// 503 as text/plain: the aggregator's answer where a Service should have one.
    pub fn service_unavailable() -> Self {
        let mut error = Self::new(503, "", "service unavailable\n", None);
        error.0.plain_text = true;
        error
    }

    /// 415.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message, None)
    }

    /// 406.
    pub fn not_acceptable(message: impl Into<String>) -> Self {
        Self::new(406, "NotAcceptable", message, None)
    }

    /// 410.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message, None)
    }

    /// 500 without reason and details.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message, None)
    }

    /// 429 with a Retry-After header of that many seconds.
    pub fn too_many_requests(message: impl Into<String>, seconds: u32) -> Self {
        let details = Details {
            retry_after_seconds: seconds,
            ..Details::default()
        };
        Self::new(429, "TooManyRequests", message, Some(details)).with_retry_header()
    }

    /// The same failure with a Retry-After header, of the seconds in its details.
    #[must_use]
    pub fn with_retry_header(mut self) -> Self {
        self.0.retry_header = true;
        self
    }

    /// The same failure with metadata of lists, as a webhook gave it.
    #[must_use]
    pub fn with_list_metadata(mut self, version: &str, token: &str) -> Self {
        version.clone_into(&mut self.0.list_version);
        token.clone_into(&mut self.0.list_continue);
        self
    }

    /// The same failure, whose body browsers shall not guess at.
    #[must_use]
    pub fn with_no_sniff(mut self) -> Self {
        self.0.no_sniff = true;
        self
    }

    /// A run that ends because an answer from outside is not there yet. No client sees it.
    pub fn pending() -> Self {
        let message = "an answer from outside is needed first";
        Self::new(503, "ServiceUnavailable", message, None)
    }

    /// 504 of a request that took too long.
    pub fn timed_out() -> Self {
        let message = "Timeout: request did not complete within requested timeout - context deadline exceeded";
        Self::new(504, "Timeout", message, Some(Details::default()))
    }

    /// 501: something this version of Carrick doesn't do, and says so.
    pub fn unsupported(what: &str) -> Self {
        Self::new(
            501,
            "NotImplemented",
            format!("{what} is not supported by this version of Carrick"),
            None,
        )
    }

    /// The same failure with a token to go on with.
    #[must_use]
    pub fn with_continue(mut self, token: String) -> Self {
        self.0.list_continue = token;
        self
    }

    /// The same failure with other details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The same failure with another message.
    #[must_use]
    pub fn with_message(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    /// The Status object. Print it with `machinery::go_json`, whose order for Status is Go's.
    pub fn to_status(&self) -> Value {
        let mut metadata = Map::new();
        if !self.list_version.is_empty() {
            metadata.insert("resourceVersion".to_owned(), json!(self.list_version));
        }
        if !self.list_continue.is_empty() {
            metadata.insert("continue".to_owned(), json!(self.list_continue));
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure", "code": self.code,
        });
        if let Some(fields) = status.as_object_mut() {
            if !self.message.is_empty() {
                fields.insert("message".to_owned(), json!(self.message));
            }
            if !self.reason.is_empty() {
                fields.insert("reason".to_owned(), json!(self.reason));
            }
            if let Some(details) = &self.details {
                fields.insert("details".to_owned(), details.to_value());
            }
        }
        status
    }
}

impl Details {
    /// Details that name an object by its resource.
    pub fn of(resource: &Resource, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            group: resource.group.to_string(),
            kind: resource.plural.to_string(),
            ..Self::default()
        }
    }

    /// The details as JSON.
    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        for (key, value) in [
            ("name", &self.name),
            ("group", &self.group),
            ("kind", &self.kind),
            ("uid", &self.uid),
        ] {
            if !value.is_empty() {
                fields.insert(key.to_owned(), json!(value));
            }
        }
        if !self.causes.is_empty() {
            fields.insert(
                "causes".to_owned(),
                self.causes.iter().map(Cause::to_value).collect(),
            );
        }
        if self.retry_after_seconds > 0 {
            fields.insert(
                "retryAfterSeconds".to_owned(),
                json!(self.retry_after_seconds),
            );
        }
        Value::Object(fields)
    }
}

impl Cause {
    fn to_value(&self) -> Value {
        let mut fields = Map::new();
        for (key, value) in [
            ("reason", &self.reason),
            ("message", &self.message),
            ("field", &self.field),
        ] {
            if !value.is_empty() {
                fields.insert(key.to_owned(), json!(value));
            }
        }
        Value::Object(fields)
    }
}
