//! Query options of writes and deletes, with the server's complaints about them.

use std::num::IntErrorKind;

use jiff::SignedDuration;
use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use machinery::decode::quote;
use machinery::duration::GoDuration;
use serde_json::{Map, Value};

use super::handle::apply::is_apply;
use super::target::Target;
use crate::request::Request;
use crate::session::{DeleteOptions, Propagation};
use crate::status_error::ApiError;

/// What to do with unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// Nothing.
    Ignore,
    /// A Warning header each.
    Warn,
    /// Refuse.
    Strict,
}

/// Options of a create, update or patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WriteOptions {
    /// Do everything but store.
    pub dry_run: bool,
    /// Unknown fields.
    pub field_validation: FieldValidation,
    /// An apply takes fields over from others.
    pub force: bool,
}

/// A boolean as Go reads it from a query: `0` and `false`, in letters of any size, are false, anything else is true.
pub(crate) fn boolean(request: &Request, name: &str) -> Option<bool> {
    request
        .query_value(name)
        .map(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
}

/// A number in a query.
pub(crate) fn number(request: &Request, name: &str) -> Result<Option<i64>, ApiError> {
    match request.query_value(name) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|error| {
            let why = match std::num::ParseIntError::kind(&error) {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            ApiError::bad_request(format!("strconv.ParseInt: parsing {}: {why}", quote(text)))
        }),
    }
}

/// How long a request may take, in seconds from its arrival (`requestTimeoutUpperBound` of `endpoints/handlers/rest.go`).
const REQUEST_LIMIT: SignedDuration = SignedDuration::from_secs(34);

/// How long a request may take: the server's limit, or a shorter `timeout` of the query. 400 for one that is no duration.
/// What is meant to take long has no limit here and isn't asked for one
/// (`apiserver/pkg/endpoints/filters/request_deadline.go`).
pub(crate) fn time_limit(
    request: &Request,
    target: Option<&Target>,
) -> Result<SignedDuration, ApiError> {
    let Some(text) = request
        .query_value("timeout")
        .filter(|text| !text.is_empty() && !is_long_running(request, target))
    else {
        return Ok(REQUEST_LIMIT);
    };
    let asked = GoDuration::parse(text).map_err(|error| {
        ApiError::bad_request(format!(
            "invalid timeout specified in the request URL - {error}"
        ))
    })?;
    let asked = SignedDuration::from_nanos(asked.as_nanos());
    let shorter = asked.is_positive() && asked < REQUEST_LIMIT;
    Ok(if shorter { asked } else { REQUEST_LIMIT })
}

fn is_long_running(request: &Request, target: Option<&Target>) -> bool {
    target.is_some_and(|target| {
        let subresource = target.subresource.split('/').next().unwrap_or_default();
        matches!(
            subresource,
            "attach" | "exec" | "proxy" | "log" | "portforward"
        ) || (request.method == http::Method::GET
            && target.name.is_empty()
            && boolean(request, "watch") == Some(true))
    })
}

/// 422 about options of that kind.
pub(crate) fn invalid(kind: &str, errors: &[FieldError]) -> ApiError {
    ApiError::invalid_as(
        &format!("{kind}.meta.k8s.io"),
        "meta.k8s.io",
        kind,
        "",
        errors,
    )
}
/// Every `dryRun` of the query.
pub(crate) fn dry_run_values(request: &Request) -> Vec<&str> {
    request
        .query
        .iter()
        .filter(|(key, _)| key == "dryRun")
        .map(|(_, value)| value.as_str())
        .collect()
}

fn dry_run(values: &[&str], errors: &mut Vec<FieldError>) -> bool {
    if values.iter().any(|value| *value != "All") {
        let list = BadValue::Json(Value::from(values.to_vec()).to_string());
        errors.push(FieldError::not_supported("dryRun", list, &["All"]));
    }
    !values.is_empty()
}

/// Reads the options of a create. Whether its body can be read at all is asked before.
pub(crate) fn create_options(request: &Request) -> Result<WriteOptions, ApiError> {
    super::body::check_media_type(request)?;
    write_options(request, "CreateOptions")
}

/// Reads the options of a write; `kind` is `CreateOptions`, `UpdateOptions` or `PatchOptions`.
pub(crate) fn write_options(request: &Request, kind: &str) -> Result<WriteOptions, ApiError> {
    let mut errors = Vec::new();
    let force = boolean(request, "force");
    let manager = request.query_value("fieldManager").unwrap_or_default();
    if is_apply(request) {
        if manager.is_empty() {
            errors.push(FieldError::required(
                "fieldManager",
                "is required for apply patch",
            ));
        }
    } else if kind == "PatchOptions" && force.is_some() {
        errors.push(FieldError::forbidden(
            "force",
            "may not be specified for non-apply patch",
        ));
    }
    if manager.len() > 128 {
        errors.push(FieldError::too_long("fieldManager", 128));
    }
    if let Some((position, character)) = manager
        .char_indices()
        .find(|(_, character)| character.is_control())
    {
        let detail = format!(
            "invalid character U+{:04X} (at position {position})",
            u32::from(character)
        );
        errors.push(FieldError::invalid("fieldManager", manager, detail));
    }
    let dry_run = dry_run(&dry_run_values(request), &mut errors);
    let field_validation = match request.query_value("fieldValidation") {
        None | Some("" | "Warn") => FieldValidation::Warn,
        Some("Ignore") => FieldValidation::Ignore,
        Some("Strict") => FieldValidation::Strict,
        Some(other) => {
            errors.push(FieldError::not_supported(
                "fieldValidation",
                other,
                &["", "Ignore", "Strict", "Warn"],
            ));
            FieldValidation::Warn
        }
    };
    if errors.is_empty() {
        Ok(WriteOptions {
            dry_run,
            field_validation,
            force: force.unwrap_or_default(),
        })
    } else {
        Err(invalid(kind, &errors))
    }
}

/// Reads the options of a delete: the body if there is one, else the query.
pub(crate) fn delete_options(request: &Request) -> Result<DeleteOptions, ApiError> {
    let mut errors = Vec::new();
    let mut options = DeleteOptions::default();
    let mut policy = None;
    if request.body.is_empty() {
        options.grace_period_seconds = number(request, "gracePeriodSeconds")?;
        options.orphan_dependents = boolean(request, "orphanDependents");
        policy = request.query_value("propagationPolicy").map(str::to_owned);
        options.dry_run = dry_run(&dry_run_values(request), &mut errors);
    } else {
        let body = super::body::delete_body(request)?;
        options.grace_period_seconds = body.get("gracePeriodSeconds").and_then(Value::as_i64);
        options.orphan_dependents = body.get("orphanDependents").and_then(Value::as_bool);
        policy = body
            .get("propagationPolicy")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or(policy);
        let text = |pointer: &str| {
            body.pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        options.uid = text("/preconditions/uid");
        options.resource_version = text("/preconditions/resourceVersion");
        let values: Vec<&str> = body
            .get("dryRun")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        options.dry_run = dry_run(&values, &mut errors);
    }
    options.propagation = match policy.as_deref() {
        None | Some("") => None,
        Some("Background") => Some(Propagation::Background),
        Some("Foreground") => Some(Propagation::Foreground),
        Some("Orphan") => Some(Propagation::Orphan),
        Some(other) => {
            errors.push(FieldError::not_supported(
                "propagationPolicy",
                other,
                &["Foreground", "Background", "Orphan", "nil"],
            ));
            None
        }
    };
    if let (Some(policy), Some(_)) = (
        policy.filter(|policy| !policy.is_empty()),
        options.orphan_dependents,
    ) {
        errors.insert(
            0,
            FieldError::new(
                ErrorKind::Invalid,
                "propagationPolicy",
                policy,
                "orphanDependents and deletionPropagation cannot be both set",
            ),
        );
    }
    if errors.is_empty() {
        Ok(options)
    } else {
        Err(invalid("DeleteOptions", &errors))
    }
}

/// The options of a write as admission reviews show them, without kind and apiVersion.
pub(crate) fn shown(request: &Request) -> Map<String, Value> {
    let mut options = Map::new();
    let dry_run: Vec<&str> = dry_run_values(request);
    if dry_run.iter().any(|value| !value.is_empty()) {
        options.insert("dryRun".to_owned(), Value::from(dry_run));
    }
    for key in ["fieldManager", "fieldValidation"] {
        let given = request.query_value(key).filter(|text| !text.is_empty());
        if let Some(text) = given {
            options.insert(key.to_owned(), Value::from(text));
        }
    }
    options
}
