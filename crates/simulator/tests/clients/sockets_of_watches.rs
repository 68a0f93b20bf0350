//! Watches over a WebSocket.

use serde_json::Value;
use simulator::serve::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::sockets::{CONFIG_MAPS, Client, JSON, MERGE, status};

const AGREED: [&str; 3] = [
    "Origin: https://localhost",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

fn head(client: &Client, path: &str, headers: &[&str]) -> String {
    let token = &client.token;
    let headers = headers.join("\r\n");
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: WebSocket\r\n{headers}\r\n\r\n"
    )
}

/// Opcode and payload of the next frame.
async fn frame(stream: &mut TlsStream<TcpStream>) -> (u8, Vec<u8>) {
    let kind = stream.read_u8().await.unwrap();
    let length = match stream.read_u8().await.unwrap() {
        126 => usize::from(stream.read_u16().await.unwrap()),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.unwrap();
    (kind, payload)
}

/// Type and name of the next event.
async fn event(stream: &mut TlsStream<TcpStream>) -> (String, String) {
    let (kind, payload) = frame(stream).await;
    assert_eq!((kind, payload.last()), (0x81, Some(&b'\n')));
    let event: Value = serde_json::from_slice(&payload).unwrap();
    let text = |at: &str| event.pointer(at).unwrap().as_str().unwrap().to_owned();
    (text("/type"), text("/object/metadata/name"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_a_message_until_the_client_goes() {
    let client = Client::start(Limits::default()).await;
    let made = client
        .send("POST", CONFIG_MAPS, JSON, br#"{"metadata":{"name":"a"}}"#)
        .await;
    assert_eq!(status(&made), 201, "{made}");
    let one = format!("{CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Da");
    let mut stream = client.connect().await;
    let head = head(&client, &one, &AGREED);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(status(&answer), 101, "{answer}");
    let accept = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    assert!(answer.contains(accept), "{answer}");
    let added = ("ADDED".to_owned(), "a".to_owned());
    assert_eq!(event(&mut stream).await, added);
    let path = format!("{CONFIG_MAPS}/a");
    client
        .send("PATCH", &path, MERGE, br#"{"data":{"b":"c"}}"#)
        .await;
    client.send("DELETE", &path, JSON, b"").await;
    for kind in ["MODIFIED", "DELETED"] {
        let wanted = (kind.to_owned(), "a".to_owned());
        assert_eq!(event(&mut stream).await, wanted);
    }
    // A ping of one byte, then the end; both masked with zeros.
    let said = [0x89, 0x81, 0, 0, 0, 0, b'x', 0x88, 0x80, 0, 0, 0, 0];
    stream.write_all(&said).await.unwrap();
    assert_eq!(frame(&mut stream).await, (0x8a, b"x".to_vec()));
    assert_eq!(frame(&mut stream).await.0, 0x88);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
    client.server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_handshake_lacks_is_told_and_other_reads_need_none() {
    let client = Client::start(Limits::default()).await;
    let watch = format!("{CONFIG_MAPS}?watch=1");
    let [origin, version, key] = AGREED;
    let close = "Connection: close";
    for (path, headers, code) in [
        (watch.as_str(), &[version, key, close][..], 403),
        (&watch, &[origin, version, close], 400),
        (&watch, &[origin, key, close], 400),
        (
            &watch,
            &[origin, version, key, "Sec-WebSocket-Protocol: a, b", close],
            400,
        ),
        (CONFIG_MAPS, &[origin, version, key, close], 200),
        (
            "/api/v1/nothing?watch=1",
            &[origin, version, key, close],
            404,
        ),
    ] {
        let reply = client.raw(head(&client, path, headers).as_bytes()).await;
        assert_eq!(status(&reply), code, "{path} {headers:?}: {reply}");
    }
    client.server.shutdown().await.unwrap();
}
