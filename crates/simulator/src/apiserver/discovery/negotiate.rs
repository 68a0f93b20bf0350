//! Which form of a discovery document a client accepts.

use http::header;

use crate::request::Request;

/// Media type of the aggregated document.
pub(super) const AGGREGATED_V2: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The form to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `APIGroupDiscoveryList` of `apidiscovery.k8s.io/v2`.
    Aggregated,
    /// The legacy document as JSON.
    Json,
    /// The legacy document as YAML.
    Yaml,
}

/// The first media range that can be served; JSON if none.
pub(super) fn wanted(request: &Request) -> Wanted {
    let accept = request.header(header::ACCEPT).unwrap_or_default();
    accept.split(',').find_map(form).unwrap_or(Wanted::Json)
}

fn form(range: &str) -> Option<Wanted> {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next()?;
    let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    let parameter = |name: &str| {
        parameters
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    };
    let json = matches!(media_type, "application/json" | "application/*" | "*/*");
    match (json, parameter("as")) {
        (true, None) => Some(Wanted::Json),
        (true, Some("APIGroupDiscoveryList"))
            if parameter("g") == Some("apidiscovery.k8s.io") && parameter("v") == Some("v2") =>
        {
            Some(Wanted::Aggregated)
        }
        (false, None) if media_type == "application/yaml" => Some(Wanted::Yaml),
        _ => None,
    }
}
