//! Which form of reply a client takes (`apiserver/pkg/endpoints/handlers/negotiation`).

use http::header::{ACCEPT, USER_AGENT};

use crate::request::Request;
use crate::status_error::{ApiError, Details};

/// Serialisation of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/json`.
    Json,
    /// `application/yaml`.
    Yaml,
}

/// What becomes of an object before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transform {
    /// Nothing.
    Plain,
    /// A Table.
    Table,
    /// Metadata of one object.
    PartialObject,
    /// Metadata of a list.
    PartialList,
}

/// The form of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// Serialisation.
    pub encoding: Encoding,
    /// Indented.
    pub pretty: bool,
    /// Conversion.
    pub transform: Transform,
    /// Version of meta.k8s.io for conversions.
    pub meta_version: String,
    /// The media type is repeated in Content-Type.
    pub content_type: String,
}

/// Why a reply can't be had in the form that was asked for.
const ACCEPTED: &str = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
const WATCH_ACCEPTED: &str = "only the following media types are accepted: application/json;stream=watch, \
application/vnd.kubernetes.protobuf;stream=watch";
const AVAILABLE: &str = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
application/vnd.kubernetes.protobuf";
/// What a route adds that can also be watched.
const AVAILABLE_STREAMS: &str =
    ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

struct Clause<'a> {
    media: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f64,
}

fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = accept
        .split(',')
        .map(|clause| {
            let mut parts = clause.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let parameters: Vec<(&str, &str)> =
                parts.filter_map(|part| part.split_once('=')).collect();
            let quality = parameters
                .iter()
                .find(|(key, _)| *key == "q")
                .and_then(|(_, value)| value.parse().ok());
            Clause {
                media,
                parameters,
                quality: quality.unwrap_or(1.0),
            }
        })
        .filter(|clause| !clause.media.is_empty())
        .collect();
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    clauses
}

fn accept(request: &Request) -> String {
    let values = request
        .headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// Whether the request wants indented JSON: it says so, or a person is likely to read it.
pub(crate) fn pretty(request: &Request) -> bool {
    match request.query_value("pretty") {
        Some(value) => !matches!(value, "" | "0" | "false"),
        None => request.header(USER_AGENT).is_some_and(|agent| {
            ["curl", "Wget", "Mozilla/5.0"]
                .iter()
                .any(|prefix| agent.starts_with(prefix))
        }),
    }
}

/// The form of a reply to a request about a resource; `list` for the route that lists and watches.
pub(crate) fn negotiate(request: &Request, builtin: bool, list: bool) -> Result<Form, ApiError> {
    form(request, builtin, list, &|_| true)
}

/// The form of a document that is nothing else: who would rather have a table gets what he takes next.
pub(crate) fn untransformed(request: &Request, builtin: bool) -> Result<Form, ApiError> {
    form(request, builtin, false, &|transform| {
        transform == Transform::Plain
    })
}

fn form(
    request: &Request,
    builtin: bool,
    list: bool,
    can_be: &dyn Fn(Transform) -> bool,
) -> Result<Form, ApiError> {
    let accept = accept(request);
    let all = clauses(&accept);
    let pretty = pretty(request);
    let plain = |encoding| Form {
        encoding,
        pretty,
        transform: Transform::Plain,
        meta_version: String::new(),
        content_type: match encoding {
            Encoding::Json => "application/json".to_owned(),
            Encoding::Yaml => "application/yaml".to_owned(),
        },
    };
    if all.is_empty() {
        return Ok(plain(Encoding::Json));
    }
    // A route knows its media types by name.
    let named = |clause: &Clause<'_>| clause.media != "application/*";
    if builtin && !all.iter().any(|clause| is_served(clause) && named(clause)) {
        let streams = if list { AVAILABLE_STREAMS } else { "" };
        let message = format!("{AVAILABLE}{streams}");
        return Err(ApiError::not_acceptable(message).with_details(Details::default()));
    }
    for clause in &all {
        let encoding = match clause.media {
            "application/json" | "application/*" | "*/*" => Encoding::Json,
            "application/yaml" => Encoding::Yaml,
            _ => continue,
        };
        let parameter = |name: &str| {
            clause
                .parameters
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| *value)
        };
        let Some(kind) = parameter("as") else {
            return Ok(plain(encoding));
        };
        let (group, version) = (
            parameter("g").unwrap_or_default(),
            parameter("v").unwrap_or_default(),
        );
        let known = group == "meta.k8s.io" && matches!(version, "v1" | "v1beta1");
        let transform = match kind {
            "Table" if known => Transform::Table,
            "PartialObjectMetadata" if known => Transform::PartialObject,
            "PartialObjectMetadataList" if known => Transform::PartialList,
            _ => continue,
        };
        if !can_be(transform) {
            continue;
        }
        return Ok(Form {
            transform,
            meta_version: version.to_owned(),
            ..plain(encoding)
        });
    }
    Err(ApiError::not_acceptable(ACCEPTED))
}

/// Whether there is an encoding for a clause, with its parameters or not.
fn is_served(clause: &Clause<'_>) -> bool {
    matches!(
        clause.media,
        "application/json"
            | "application/yaml"
            | "application/vnd.kubernetes.protobuf"
            | "application/*"
            | "*/*"
    )
}

/// Whether events can be sent in the form that was negotiated: what the client takes first decides, even if it takes
/// something else too.
///
/// # Errors
/// 406 where there is no stream of it.
pub(crate) fn streams(form: &Form) -> Result<(), ApiError> {
    match form.encoding {
        Encoding::Json => Ok(()),
        Encoding::Yaml => Err(ApiError::not_acceptable(WATCH_ACCEPTED)),
    }
}

/// Whether a route of few media types has one that the client takes.
///
/// # Errors
/// 406 that lists them.
pub(crate) fn one_of(request: &Request, types: &[&str]) -> Result<(), ApiError> {
    let accept = accept(request);
    let all = clauses(&accept);
    let takes = |clause: &Clause<'_>| clause.media == "*/*" || types.contains(&clause.media);
    if all.is_empty() || all.iter().any(takes) {
        return Ok(());
    }
    let message = format!(
        "406: Not Acceptable\n\nAvailable representations: {}",
        types.join(", ")
    );
    Err(ApiError::not_acceptable(message).with_details(Details::default()))
}

/// The form of an error: indented where no clause of the Accept header can be served without a conversion.
pub(crate) fn error_form(request: &Request) -> (Encoding, bool) {
    let accept = accept(request);
    let all = clauses(&accept);
    let pretty = pretty(request);
    for clause in &all {
        if clause.parameters.iter().any(|(key, _)| *key == "as") {
            continue;
        }
        match clause.media {
            "application/json" | "application/*" | "*/*" => return (Encoding::Json, pretty),
            "application/yaml" => return (Encoding::Yaml, pretty),
            _ => {}
        }
    }
    (Encoding::Json, pretty || !all.is_empty())
}
