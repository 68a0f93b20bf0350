//! `pods/portforward` of pods that are local processes: what is agreed with the client before bytes flow
//! (`apiserver/pkg/util/proxy/streamtunnel.go`, `pkg/kubelet` behind it).

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    UPGRADE,
};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::builtin::object::{self, text};
use crate::request::Request;
use crate::status_error::ApiError;

/// How the protocol of streams and ports is called.
const PROTOCOL: &str = "portforward.k8s.io";
/// The same over a WebSocket.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
/// The header that names it over plain SPDY.
const VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");
/// What a WebSocket's key is joined with (RFC 6455, section 4.2.2).
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What carries SPDY frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The connection itself.
    Spdy,
    /// Binary messages of a WebSocket.
    WebSocket,
}

/// Ports of a pod that a client wants to reach: answer 101 with these headers, and forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Response headers.
    pub headers: HeaderMap,
    /// What carries the frames.
    pub carrier: Carrier,
    /// Where the pod listens.
    pub address: IpAddr,
    /// Name of the pod.
    pub pod: String,
    /// Its uid.
    pub uid: String,
}

/// Agrees with a client that asks for the ports of a pod.
///
/// # Errors
/// 400 if the request is no upgrade, or to a protocol that is unknown; 500 for a pod that has no address yet.
pub(super) fn negotiate(request: &Request, pod: &Value) -> Result<Forward, ApiError> {
    let upgrade = request.header(UPGRADE).unwrap_or_default();
    let mut headers = HeaderMap::new();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    let carrier = if upgrade.eq_ignore_ascii_case("websocket") {
        let key = request.header(SEC_WEBSOCKET_KEY).unwrap_or_default();
        if !offers(request, &SEC_WEBSOCKET_PROTOCOL, TUNNEL) || key.is_empty() {
            return Err(ApiError::bad_request(format!(
                "unable to upgrade: the only protocol over a WebSocket is {TUNNEL}"
            )));
        }
        let accept = HeaderValue::from_str(&accepted_key(key))
            .map_err(|error| ApiError::internal(error.to_string()))?;
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(TUNNEL));
        Carrier::WebSocket
    } else if upgrade.eq_ignore_ascii_case("spdy/3.1") {
        if !offers(request, &VERSION, PROTOCOL) {
            return Err(ApiError::bad_request(format!(
                "unable to upgrade: the only protocol is {PROTOCOL}"
            )));
        }
        headers.insert(UPGRADE, HeaderValue::from_static("SPDY/3.1"));
        headers.insert(VERSION, HeaderValue::from_static(PROTOCOL));
        Carrier::Spdy
    } else {
        return Err(ApiError::bad_request("Upgrade request required"));
    };
    let address = text(pod, "/status/podIP").parse().map_err(|_| {
        ApiError::internal(format!(
            "pod {:?} has no address yet: none of its containers has started",
            object::name(pod)
        ))
    })?;
    Ok(Forward {
        headers,
        carrier,
        address,
        pod: object::name(pod).to_owned(),
        uid: object::uid(pod).to_owned(),
    })
}

/// Whether a client wants to speak something else than HTTP (`httpstream.IsUpgradeRequest`).
pub(crate) fn is_upgrade(request: &Request) -> bool {
    let all = request.headers.get_all(CONNECTION).iter();
    let mut all = all.filter_map(|value| value.to_str().ok());
    all.any(|value| value.to_ascii_lowercase().contains("upgrade"))
}

/// Whether a header, which may be there several times and hold several names each time, has that one.
fn offers(request: &Request, header: &HeaderName, wanted: &str) -> bool {
    request
        .headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim() == wanted)
}

/// What a server answers to a WebSocket's key.
pub(crate) fn accepted_key(key: &str) -> String {
    let joined = format!("{key}{KEY_SUFFIX}");
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, joined.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asking(headers: &[(&'static str, &'static str)]) -> Result<Forward, ApiError> {
        let path = "/api/v1/namespaces/n/pods/p/portforward";
        let mut request = crate::conformance::request("GET", path, b"", None);
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            request.headers.append(*name, value);
        }
        let pod = json!({"metadata": {"name": "p", "uid": "u"}, "status": {"podIP": "127.9.0.1"}});
        negotiate(&request, &pod)
    }

    #[test]
    fn a_websockets_key_is_answered_as_its_standard_shows() {
        assert_eq!(
            accepted_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn both_carriers_are_agreed_upon() {
        let spdy = asking(&[
            ("upgrade", "SPDY/3.1"),
            ("x-stream-protocol-version", "portforward.k8s.io"),
        ]);
        assert_eq!(spdy.unwrap().carrier, Carrier::Spdy);
        let tunnelled = asking(&[
            ("upgrade", "websocket"),
            ("sec-websocket-key", "a"),
            ("sec-websocket-protocol", "x, SPDY/3.1+portforward.k8s.io"),
        ]);
        let tunnelled = tunnelled.unwrap();
        assert_eq!(tunnelled.carrier, Carrier::WebSocket);
        assert_eq!(tunnelled.headers[SEC_WEBSOCKET_PROTOCOL], TUNNEL);
    }

    #[test]
    fn anything_else_is_refused() {
        let refusal = |headers: &[(&'static str, &'static str)]| asking(headers).unwrap_err();
        assert_eq!(refusal(&[]).message, "Upgrade request required");
        assert_eq!(refusal(&[("upgrade", "SPDY/3.1")]).code, 400);
        let other = [
            ("upgrade", "websocket"),
            ("sec-websocket-key", "a"),
            ("sec-websocket-protocol", "v4.channel.k8s.io"),
        ];
        assert_eq!(refusal(&other).code, 400);
    }
}
