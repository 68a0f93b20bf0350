//! Watches over a WebSocket: a message of text for each event
//! (`apiserver/pkg/endpoints/handlers/watch.go`, `golang.org/x/net/websocket`).

use std::time::Duration;

use futures::future::{join, select};
use http::header::{
    CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::forward::websocket::{self, Message};
use crate::apiserver::{accepted_key, is_upgrade};
use crate::request::Request;
use crate::sim_body::SimBody;

/// The version of the protocol that there is.
const VERSION: &str = "13";
/// Messages that wait for a client.
const QUEUE: usize = 16;

/// Whether a client wants a WebSocket.
pub(super) fn is_wanted(request: &Request) -> bool {
    let upgrade = request.header(UPGRADE).unwrap_or_default();
    upgrade.eq_ignore_ascii_case("websocket") && is_upgrade(request)
}

/// What is answered before the first message: 101, or why not. A client that doesn't say which page it is on is no browser,
/// and gets no WebSocket either.
pub(super) fn handshake(request: &Request) -> http::Response<SimBody> {
    let refused = |status: StatusCode, text: &'static str| {
        let mut response = http::Response::new(SimBody::whole(text.as_bytes().into()));
        *response.status_mut() = status;
        response
    };
    let key = request.header(SEC_WEBSOCKET_KEY).unwrap_or_default();
    if key.is_empty() {
        return refused(StatusCode::BAD_REQUEST, "mismatch challenge/response");
    }
    if request.header(SEC_WEBSOCKET_VERSION) != Some(VERSION) {
        let mut response = refused(StatusCode::BAD_REQUEST, "missing or bad WebSocket Version");
        let version = HeaderValue::from_static(VERSION);
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, version);
        return response;
    }
    if request.header(ORIGIN).unwrap_or_default().is_empty() {
        return refused(StatusCode::FORBIDDEN, "");
    }
    let protocol = request.header(SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    let protocol = protocol.trim();
    let Some(accept) = HeaderValue::from_str(&accepted_key(key)).ok() else {
        return refused(StatusCode::BAD_REQUEST, "mismatch challenge/response");
    };
    if protocol.contains(',') {
        return refused(StatusCode::BAD_REQUEST, "");
    }
    let mut response = refused(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let (false, Ok(protocol)) = (protocol.is_empty(), HeaderValue::from_str(protocol)) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

/// Sends the events of a watch until it ends or the client goes, or takes nothing for that long.
pub(super) async fn serve(watch: SimBody, upgrade: OnUpgrade, patience: Duration) {
    let Ok(upgraded) = upgrade.await else {
        return;
    };
    let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
    let (queue, messages) = mpsc::channel(QUEUE);
    let both = async {
        let events = std::pin::pin!(send(watch, queue.clone()));
        let client = std::pin::pin!(listen(reader, queue));
        select(events, client).await;
    };
    join(both, write(messages, writer, patience)).await;
}

async fn send(watch: SimBody, queue: mpsc::Sender<Vec<u8>>) {
    let mut watch = std::pin::pin!(watch);
    while let Some(Ok(frame)) = watch.frame().await {
        let Ok(lines) = frame.into_data() else {
            continue;
        };
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if queue.send(websocket::text(line)).await.is_err() {
                return;
            }
        }
    }
    // The client may have gone.
    let _ = queue.send(websocket::close()).await;
}

/// A client has nothing to say but that it is there, or goes.
async fn listen(mut reader: impl AsyncRead + Unpin, queue: mpsc::Sender<Vec<u8>>) {
    let mut messages = websocket::Decoder::default();
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = reader.read(&mut buffer).await {
        let Ok(said) = messages.push(buffer.get(..read).unwrap_or_default()) else {
            return;
        };
        for message in said {
            let gone = match message {
                Message::Bytes(_) => false,
                Message::Ping(bytes) => queue.send(websocket::pong(&bytes)).await.is_err(),
                Message::Close => {
                    let _ = queue.send(websocket::close()).await;
                    true
                }
            };
            if gone {
                return;
            }
        }
    }
}

async fn write(
    mut messages: mpsc::Receiver<Vec<u8>>,
    mut writer: impl AsyncWrite + Unpin,
    patience: Duration,
) {
    while let Some(message) = messages.recv().await {
        let sent = async {
            writer.write_all(&message).await?;
            writer.flush().await
        };
        if !matches!(tokio::time::timeout(patience, sent).await, Ok(Ok(()))) {
            return;
        }
    }
}
