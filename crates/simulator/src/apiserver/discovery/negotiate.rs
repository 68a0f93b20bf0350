//! Whether a client takes the aggregated form of a discovery document.

use http::header;

use crate::request::Request;

/// Media type of the aggregated document.
pub(super) const AGGREGATED_V2: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The first media range that can be served decides.
pub(super) fn wants_aggregated(request: &Request) -> bool {
    let accept = request.header(header::ACCEPT).unwrap_or_default();
    accept.split(',').find_map(is_aggregated).unwrap_or(false)
}

/// `None` for a range that can't be served at all.
fn is_aggregated(range: &str) -> Option<bool> {
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
        (true, None) => Some(false),
        (true, Some("APIGroupDiscoveryList"))
            if parameter("g") == Some("apidiscovery.k8s.io") && parameter("v") == Some("v2") =>
        {
            Some(true)
        }
        (false, None) if media_type == "application/yaml" => Some(false),
        _ => None,
    }
}
