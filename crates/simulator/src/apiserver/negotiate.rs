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
pub(crate) const ACCEPTED: &str = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
/// The media types of a route.
const TYPES: [&str; 3] = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];
const WATCH_ACCEPTED: &str = "only the following media types are accepted: application/json;stream=watch, \
application/vnd.kubernetes.protobuf;stream=watch";
const AVAILABLE: &str = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
application/vnd.kubernetes.protobuf";
/// What a route adds that can also be watched.
const AVAILABLE_STREAMS: &str =
    ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

/// What becomes of objects on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversions {
    /// Nothing.
    None,
    /// They can be cut down to their metadata.
    Metadata,
    /// That, and tables.
    All,
}

/// A route, as far as the form of its answers goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// A router looks at the media types before the handler does.
    pub routed: bool,
    /// It lists and watches.
    pub streams: bool,
    /// What it makes of objects.
    pub conversions: Conversions,
}

/// One media range of an Accept header.
struct Clause<'a> {
    kind: &'a str,
    subkind: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f64,
}

impl<'a> Clause<'a> {
    /// A range as `munnerz/goautoneg` reads it; `None` for what it passes over.
    fn parse(text: &'a str) -> Option<Self> {
        let trim = |text: &'a str| text.trim_matches(' ');
        let (media, rest) = text.split_once(';').unwrap_or((text, ""));
        let (kind, subkind) = media.split_once('/').unwrap_or((media, ""));
        let kind = trim(kind);
        let subkind = match subkind.trim_end_matches(' ') {
            "" if kind == "*" => "*",
            "" => return None,
            other if other.trim_end_matches('/').contains('/') => return None,
            other => trim(other.trim_end_matches('/')),
        };
        let mut clause = Self {
            kind,
            subkind,
            parameters: Vec::new(),
            quality: 1.0,
        };
        for (key, value) in rest.split(';').filter_map(|part| part.split_once('=')) {
            match (trim(key), value) {
                (_, "") => {}
                (_, value) if value.contains('=') => {}
                ("q", value) => clause.quality = value.parse().unwrap_or_default(),
                (key, value) => clause.parameters.push((key, trim(value))),
            }
        }
        Some(clause)
    }

    /// Whether it goes before another one. No order, strictly speaking: what is more specific goes first, whatever its
    /// quality.
    fn goes_before(&self, other: &Self) -> bool {
        self.quality > other.quality
            || (self.kind != "*" && other.kind == "*")
            || (self.subkind != "*" && other.subkind == "*")
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut all = self.parameters.iter().rev();
        all.find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// What it can be served as.
    fn media(&self) -> Option<Media> {
        match (self.kind, self.subkind) {
            ("application", "json" | "*") | ("*", "*") => Some(Media::Encoded(Encoding::Json)),
            ("application", "yaml") => Some(Media::Encoded(Encoding::Yaml)),
            ("application", "vnd.kubernetes.protobuf") => Some(Media::Protobuf),
            _ => None,
        }
    }

    /// Whether its parameters can be kept, conversions left aside.
    fn is_served(&self, encoding: Encoding) -> bool {
        let stream = match self.parameter("stream") {
            None | Some("") => true,
            Some(schema) => schema == "watch" && encoding == Encoding::Json,
        };
        stream && matches!(self.parameter("sv"), None | Some("" | "v1"))
    }

    /// Whether it wants objects as something else.
    fn converts(&self) -> bool {
        ["as", "g", "v"]
            .iter()
            .any(|name| self.parameter(name).is_some())
    }

    /// What it wants of objects; `None` if a route can't do that.
    fn transform(&self, conversions: Conversions) -> Option<(Transform, &'a str)> {
        if !self.converts() {
            return Some((Transform::Plain, ""));
        }
        let version = self.parameter("v").unwrap_or_default();
        if self.parameter("g") != Some("meta.k8s.io") || !matches!(version, "v1" | "v1beta1") {
            return None;
        }
        let transform = match (self.parameter("as").unwrap_or_default(), conversions) {
            (_, Conversions::None) => return None,
            ("Table", Conversions::All) => Transform::Table,
            ("PartialObjectMetadata", _) => Transform::PartialObject,
            ("PartialObjectMetadataList", _) => Transform::PartialList,
            _ => return None,
        };
        Some((transform, version))
    }
}

/// A media type the server has.
enum Media {
    /// One of those replies are made in.
    Encoded(Encoding),
    /// The binary one, in which none is made.
    Protobuf,
}

/// The ranges of a header in the order they are tried: Go sorts as few as these by insertion.
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = Vec::new();
    for clause in accept
        .split(',')
        .filter_map(|part| Clause::parse(part.trim_matches(' ')))
    {
        let before = clauses.iter().rposition(|other| !clause.goes_before(other));
        clauses.insert(before.map_or(0, |at| at + 1), clause);
    }
    clauses
}

/// The Accept header that counts: the first.
fn accept(request: &Request) -> &str {
    request.header(ACCEPT).unwrap_or_default()
}

/// Whether the router finds a media type that a route has, or `*/*`; it doesn't look at parameters.
fn is_routed(accept: &str, types: &[&str]) -> bool {
    let mut ranges = accept.split(',').map(|range| {
        range
            .split(';')
            .next()
            .unwrap_or_default()
            .trim_matches(' ')
    });
    accept.is_empty() || ranges.any(|range| range == "*/*" || types.contains(&range))
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

/// The form of a reply on a route.
///
/// # Errors
/// 406 if the client takes nothing that the route has.
pub(crate) fn negotiate(request: &Request, route: Route) -> Result<Form, ApiError> {
    let accept = accept(request);
    let pretty = pretty(request);
    let form = |encoding, pretty| Form {
        encoding,
        pretty,
        transform: Transform::Plain,
        meta_version: String::new(),
        content_type: match encoding {
            Encoding::Json => "application/json".to_owned(),
            Encoding::Yaml => "application/yaml".to_owned(),
        },
    };
    if accept.is_empty() {
        return Ok(form(Encoding::Json, pretty));
    }
    if route.routed && !is_routed(accept, &TYPES) {
        let streams = if route.streams { AVAILABLE_STREAMS } else { "" };
        let message = format!("{AVAILABLE}{streams}");
        return Err(ApiError::not_acceptable(message).with_details(Details::default()));
    }
    for clause in clauses(accept) {
        let Some(Media::Encoded(encoding)) = clause.media() else {
            continue;
        };
        let Some((transform, version)) = clause.transform(route.conversions) else {
            continue;
        };
        if clause.is_served(encoding) {
            return Ok(Form {
                transform,
                meta_version: version.to_owned(),
                ..form(encoding, pretty || clause.parameter("pretty") == Some("1"))
            });
        }
    }
    Err(ApiError::not_acceptable(ACCEPTED))
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
    if is_routed(accept(request), types) {
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
    let pretty = pretty(request);
    for clause in clauses(accept) {
        if let Some(Media::Encoded(encoding)) = clause.media()
            && !clause.converts()
            && clause.is_served(encoding)
        {
            return (encoding, pretty || clause.parameter("pretty") == Some("1"));
        }
    }
    (Encoding::Json, pretty || !accept.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: Route = Route {
        routed: true,
        streams: false,
        conversions: Conversions::All,
    };

    fn asked(accept: &str) -> Request {
        let mut headers = http::HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        Request {
            method: http::Method::GET,
            path: "/api/v1/pods".to_owned(),
            query: Vec::new(),
            headers,
            body: bytes::Bytes::new(),
            user: None,
        }
    }

    /// Encoding and conversion, or the first line of why not.
    fn form(accept: &str, route: Route) -> Result<(Encoding, Transform), String> {
        negotiate(&asked(accept), route)
            .map(|form| (form.encoding, form.transform))
            .map_err(|error| error.message.lines().next().unwrap_or_default().to_owned())
    }

    #[test]
    fn what_the_client_likes_best_and_the_route_has_is_taken() {
        let (json, yaml) = (Encoding::Json, Encoding::Yaml);
        let table = "application/json;as=Table;g=meta.k8s.io;v=v1";
        for (accept, expected) in [
            ("", (json, Transform::Plain)),
            ("application/yaml", (yaml, Transform::Plain)),
            (
                "application/json;q=0.5, application/yaml",
                (yaml, Transform::Plain),
            ),
            // What is more specific goes first, whatever its quality.
            ("*/*, application/yaml;q=0.1", (yaml, Transform::Plain)),
            ("text/html, */*;q=0.1", (json, Transform::Plain)),
            (table, (json, Transform::Table)),
            (
                "application/json;as=Other;g=meta.k8s.io;v=v1,application/yaml",
                (yaml, Transform::Plain),
            ),
            (
                "application/json;g=meta.k8s.io,application/yaml",
                (yaml, Transform::Plain),
            ),
            (
                "application/json;sv=v2,application/yaml",
                (yaml, Transform::Plain),
            ),
            (
                "application/yaml;stream=watch,application/json;stream=watch",
                (json, Transform::Plain),
            ),
        ] {
            assert_eq!(form(accept, ROUTE), Ok(expected), "{accept}");
        }
        let route = Route {
            conversions: Conversions::Metadata,
            ..ROUTE
        };
        assert_eq!(
            form(&format!("{table},application/yaml"), route),
            Ok((yaml, Transform::Plain))
        );
        assert_eq!(form(table, route), Err(ACCEPTED.to_owned()));
    }

    #[test]
    fn the_router_knows_whole_media_types_alone() {
        let router = Err("406: Not Acceptable".to_owned());
        for accept in ["text/html", "application/*", "*", "x"] {
            assert_eq!(form(accept, ROUTE), router, "{accept}");
        }
        let custom = Route {
            routed: false,
            ..ROUTE
        };
        assert_eq!(
            form("application/*", custom),
            Ok((Encoding::Json, Transform::Plain))
        );
        assert_eq!(form("text/html", custom), Err(ACCEPTED.to_owned()));
        let other = "application/json;as=Other;g=meta.k8s.io;v=v1";
        assert_eq!(form(other, ROUTE), Err(ACCEPTED.to_owned()));
        assert_eq!(error_form(&asked(other)), (Encoding::Json, true));
        assert_eq!(
            error_form(&asked("application/json;pretty=1")),
            (Encoding::Json, true)
        );
        assert_eq!(
            error_form(&asked("application/yaml")),
            (Encoding::Yaml, false)
        );
    }
}
