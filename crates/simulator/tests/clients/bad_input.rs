//! What no client should send, over real sockets: each is answered with a Status or a closed connection, and the server
//! lives on. The statuses are those of a real API server.

use std::time::Duration;

use simulator::serve::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;

use super::many::{KINDS, define_things, many, repetitions};
use super::sockets::{CONFIG_MAPS, Client, JSON, MERGE, status};

const YAML: &str = "application/yaml";
pub(super) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const APPLY: &str = "application/apply-patch+yaml";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

fn deep(open: &str, inner: &str, close: &str, levels: usize) -> Vec<u8> {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels)).into_bytes()
}

fn config_map(rest: &[u8]) -> Vec<u8> {
    [
        br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"#.as_slice(),
        rest,
        b"}",
    ]
    .concat()
}

/// Method, path, media type, body, status of the reply.
pub(super) type Case = (&'static str, String, &'static str, Vec<u8>, u16);

fn bodies() -> Vec<Case> {
    let one = format!("{CONFIG_MAPS}/here");
    let post = |media: &'static str, body: Vec<u8>, status: u16| -> Case {
        ("POST", CONFIG_MAPS.to_owned(), media, body, status)
    };
    let patch = |media: &'static str, body: Vec<u8>, status: u16| -> Case {
        ("PATCH", one.clone(), media, body, status)
    };
    let doubling = {
        let copies = (0..60).map(|n| format!(r#",{{"op":"copy","from":"/a","path":"/a/{n}"}}"#));
        let copies: String = copies.collect();
        format!(r#"[{{"op":"add","path":"/a","value":{{"b":1}}}}{copies}]"#)
    };
    let tests = r#"{"op":"test","path":"/kind","value":"ConfigMap"},"#.repeat(10_000);
    let bomb = (1..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let last = format!("*a{}", n - 1);
        let all = [last.as_str(); 9].join(",");
        format!("{text}a{n}: &a{n} [{all}]\n")
    });
    let large = "x".repeat(1_600_000);
    vec![
    post(JSON, vec![0; 1000], 400),
    post(JSON, (0..=255).collect(), 400),
    post(JSON, deep("[", "", "]", 100_000), 400),
    post(JSON, b"[".repeat(100_000), 400),
    post(JSON, deep("{\"a\":", "1", "}", 100_000), 400),
    post(JSON, config_map(&[b"\"f\":".as_slice(), &deep("[", "", "]", 100_000)].concat()), 400),
    post(JSON, config_map(&[b"\"f\":".as_slice(), &deep("[", "", "]", 390)].concat()), 201),
    post(JSON, config_map(&[b"\"f\":1".as_slice(), &b"0".repeat(100_000)].concat()), 409),
    post(JSON, br#"{"metadata":{"name":"y","generation":1e999999999}}"#.to_vec(), 400),
    post(JSON, config_map(b"\"data\":{\"a\":\"\xff\xfe\"}"), 409),
    post(JSON, config_map(br#""data":{"a":"1","a":"2"},"data":{}"#), 409),
    post(JSON, vec![b' '; 3_145_729], 413),
    post(JSON, vec![b' '; 3_145_728], 400),
    post(JSON, format!(r#"{{"metadata":{{"name":"y"}},"data":{{"a":"{large}"}}}}"#).into(), 422),
    post(YAML, deep("[", "", "]", 100_000), 400),
    post(YAML, b"{a: ".repeat(100_000), 400),
    post(YAML, [b"- ".repeat(100_000).as_slice(), b"x"].concat(), 400),
    post(YAML, bomb.into_bytes(), 400),
    post(PROTOBUF, (0..=255).collect(), 400),
    post(PROTOBUF, b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(), 400),
    patch(MERGE, deep("{\"a\":", "1", "}", 100_000), 400),
    patch(STRATEGIC, deep("{\"a\":", "1", "}", 100_000), 400),
    patch(JSON_PATCH, deep("[", "", "]", 100_000), 400),
    patch(JSON_PATCH, doubling.into_bytes(), 422),
    patch(JSON_PATCH, format!("[{}]", tests.trim_end_matches(',')).into_bytes(), 200),
    patch(JSON_PATCH, format!(r#"[{tests}{{"op":"test","path":"/kind","value":"ConfigMap"}}]"#).into_bytes(), 413),
    patch(MERGE, vec![b' '; 3_145_729], 413),
    ("POST", "/api/v1/namespaces/default/pods".to_owned(), JSON,
        format!(r#"{{"metadata":{{"name":"y"}},"spec":{{"containers":[{{"name":"a","image":"i","args":["{large}"]}}]}}}}"#).into(), 500),
    ("GET", format!("{CONFIG_MAPS}?labelSelector={}", "%28".repeat(5000)), JSON, Vec::new(), 400),
    ("GET", format!("{CONFIG_MAPS}?limit=1&continue={}", "A".repeat(50_000)), JSON, Vec::new(), 400),
    ("GET", format!("{CONFIG_MAPS}?{}", "&=".repeat(20_000)), JSON, Vec::new(), 200),
]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_none_get_a_status() {
    let client = Client::start(Limits::default()).await;
    let here = br#"{"metadata":{"name":"here"}}"#;
    let made = client.send("POST", CONFIG_MAPS, JSON, here).await;
    assert_eq!(status(&made), 201, "{made}");
    for (index, (method, path, media, body, expected)) in bodies().into_iter().enumerate() {
        let reply = client.send(method, &path, media, &body).await;
        let shown: String = reply.chars().take(600).collect();
        assert_eq!(
            status(&reply),
            expected,
            "{index}: {method} {media}: {shown}"
        );
        if expected >= 400 {
            assert!(shown.contains(r#""status":"Failure""#), "{index}: {shown}");
        }
    }
    let ready = client.send("GET", "/readyz", JSON, b"").await;
    assert_eq!(status(&ready), 200, "{ready}");
    client.server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_elements_hold_nobody_up() {
    let client = Client::start(Limits::default()).await;
    let here = br#"{"metadata":{"name":"here"}}"#;
    let made = client.send("POST", CONFIG_MAPS, JSON, here).await;
    assert_eq!(status(&made), 201, "{made}");
    define_things(&client).await;
    let before = r#"{"apiVersion":"many.example.com/v1","kind":"Thing","metadata":{"name":"here"},"spec":{"map":["#;
    let thing = many(before, 25_000, |n| format!(r#"{{"k":{n}}}"#), "]}}");
    let made = client.send("POST", KINDS, JSON, &thing).await;
    assert_eq!(
        status(&made),
        201,
        "{}",
        made.chars().take(600).collect::<String>()
    );
    for (index, (method, path, media, body, expected)) in repetitions().into_iter().enumerate() {
        // Either reply is waited for no longer than the client has patience.
        let (reply, other) = futures::join!(
            client.send(method, &path, media, &body),
            client.send("GET", CONFIG_MAPS, JSON, b"")
        );
        let shown: String = reply.chars().take(600).collect();
        let what = format!("{index}: {method} {path} {media}");
        assert_eq!(status(&reply), expected, "{what}: {shown}");
        assert_eq!(status(&other), 200, "{what}");
    }
    client.server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_is_refused_or_closed() {
    let client = Client::start(Limits::default()).await;
    let long = "a".repeat(1_200_000);
    let head = client.head("GET", CONFIG_MAPS, JSON, 0);
    let large = head.replace("Host:", &format!("X-Long: {long}\r\nHost:"));
    // D10: the URL alone is bounded by 64 KiB.
    let path = format!("{CONFIG_MAPS}?{}", "&=".repeat(50_000));
    let url = client.head("GET", &path, JSON, 0);
    let negative = head.replace("Content-Length: 0", "Content-Length: -1");
    for (bytes, expected) in [
        (b"\0\x01\x02\x03garbage\r\n\r\n".to_vec(), 400),
        (large.into_bytes(), 431),
        (url.into_bytes(), 414),
        (negative.into_bytes(), 400),
    ] {
        let reply = client.raw(&bytes).await;
        assert_eq!(status(&reply), expected, "{reply}");
    }
    // No TLS at all, and a connection that says nothing.
    let mut plain = TcpStream::connect(client.server.addr).await.unwrap();
    plain.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut reply = Vec::new();
    let _ = plain.read_to_end(&mut reply).await;
    let _silent = TcpStream::connect(client.server.addr).await.unwrap();
    // Half a request, then the end of what the client sends.
    let mut half = client.connect().await;
    let text = client.head("POST", CONFIG_MAPS, JSON, 1000);
    half.write_all(text.as_bytes()).await.unwrap();
    half.shutdown().await.unwrap();
    let _ = half.read_to_end(&mut reply).await;
    // A watch whose client sends nothing any more ends.
    let mut watch = client.connect().await;
    let text = client.head("GET", &format!("{CONFIG_MAPS}?watch=1"), JSON, 0);
    watch.write_all(text.as_bytes()).await.unwrap();
    let mut first = [0; 64];
    let read = watch.read(&mut first).await.unwrap();
    assert!(first.get(..read).unwrap().starts_with(b"HTTP/1.1 200"));
    watch.shutdown().await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(30), watch.read_to_end(&mut reply)).await;
    assert!(end.is_ok(), "the watch goes on");
    let ready = client.send("GET", "/readyz", JSON, b"").await;
    assert_eq!(status(&ready), 200, "{ready}");
    client.server.shutdown().await.unwrap();
}

/// Announces a body, until the server waits for it.
async fn announce(client: &Client, length: usize) -> TlsStream<TcpStream> {
    let mut stream = client.connect().await;
    let head = client.head("POST", CONFIG_MAPS, JSON, length);
    let head = head.replace("Host:", "Expect: 100-continue\r\nHost:");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut goes_on = [0; 25];
    stream.read_exact(&mut goes_on).await.unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

async fn make(client: &Client, name: &str) -> u16 {
    let body = format!(r#"{{"metadata":{{"name":"{name}"}}}}"#);
    let reply = client.send("POST", CONFIG_MAPS, JSON, body.as_bytes());
    status(&reply.await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_never_whole_hold_nobody_up() {
    let client = Client::start(Limits::default()).await;
    let mut slow = Vec::new();
    for _ in 0..260 {
        let mut stream = announce(&client, 1000).await;
        stream.write_all(b"{").await.unwrap();
        slow.push(stream);
    }
    for number in 0..20 {
        assert_eq!(make(&client, &format!("n{number}")).await, 201);
    }
    // The last one still gets its answer once its body is there.
    let mut last = slow.pop().unwrap();
    let rest = format!(r#""metadata":{{"name":"last"}}}}{}"#, " ".repeat(1000));
    last.write_all(&rest.as_bytes()[..999]).await.unwrap();
    let mut reply = String::new();
    let _ = last.read_to_string(&mut reply).await;
    assert_eq!(status(&reply), 201, "{reply}");
    client.server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_must_come_in_time() {
    let client = Client::start(Limits {
        max_writing: Some(1),
        request_timeout: Duration::from_millis(700),
        ..Limits::default()
    })
    .await;
    let mut slow = announce(&client, 1000).await;
    slow.write_all(b"{").await.unwrap();
    assert_eq!(make(&client, "meanwhile").await, 201);
    let mut reply = String::new();
    let _ = slow.read_to_string(&mut reply).await;
    assert_eq!(status(&reply), 504, "{reply}");
    assert!(reply.contains(r#""reason":"Timeout""#), "{reply}");
    client.server.shutdown().await.unwrap();
}

async fn make_secret_for_another(client: &Client) -> String {
    let (path, body) = (
        CONFIG_MAPS.replace("configmaps", "secrets"),
        r#"{"metadata":{"name":"s"}}"#,
    );
    let head = client.head("POST", &path, JSON, body.len());
    let another = "Impersonate-User: another\r\nImpersonate-Group: system:masters\r\nHost:";
    let request = format!("{}{body}", head.replace("Host:", another));
    client.raw(request.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_told_however_many_ask_for_other_things() {
    let client = Client::start(Limits {
        max_reading: Some(0),
        ..Limits::default()
    })
    .await;
    for (path, expected) in [
        ("/api", 429),
        ("/readyz", 200),
        ("/livez", 200),
        ("/healthz", 200),
    ] {
        let reply = client.send("GET", path, JSON, b"").await;
        assert_eq!(status(&reply), expected, "{path}: {reply}");
    }
    client.server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_writes_may_be_under_way() {
    let client = Client::start(Limits {
        max_writing: Some(1),
        max_reading: Some(1),
        ..Limits::default()
    })
    .await;
    let webhook = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", webhook.local_addr().unwrap());
    let configuration = serde_json::json!({"metadata": {"name": "silent"}, "webhooks": [{
        "name": "silent.example.com", "clientConfig": {"url": url}, "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "failurePolicy": "Ignore",
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
    }]});
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let configuration = configuration.to_string();
    let made = client
        .send("POST", path, JSON, configuration.as_bytes())
        .await;
    assert_eq!(status(&made), 201, "{made}");
    let waiting = make(&client, "waits");
    let others = async {
        // It is asked about the first write, which is under way until it answers.
        let (asked, _) = webhook.accept().await.unwrap();
        let body = br#"{"metadata":{"name":"n"}}"#;
        let refused = client.send("POST", CONFIG_MAPS, JSON, body).await;
        assert_eq!(status(&refused), 429, "{refused}");
        let refused = refused.to_lowercase();
        assert!(refused.contains("retry-after: 1"), "{refused}");
        let read = client.send("GET", CONFIG_MAPS, JSON, b"").await;
        assert_eq!(status(&read), 200, "{read}");
        // Who is no member of `system:masters`, or speaks for somebody, is counted by himself.
        assert_eq!(status(&make_secret_for_another(&client).await), 201);
        drop((asked, webhook));
    };
    let (waited, ()) = futures::join!(waiting, others);
    assert_eq!(waited, 201);
    assert_eq!(make(&client, "later").await, 201);
    client.server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_write_is_told_before_the_body_is_there() {
    let client = Client::start(Limits::default()).await;
    let head = client.head("POST", CONFIG_MAPS, JSON, 3_000_000);
    let bearer = format!("Bearer {}", client.token);
    let spaced = format!("Bearer  {}", client.token);
    for (authorization, expected, warned) in [
        ("Bearer wrong", 401, false),
        ("Basic eA==", 403, false),
        (&spaced, 403, true),
    ] {
        let reply = client
            .raw(head.replace(&bearer, authorization).as_bytes())
            .await;
        assert_eq!(status(&reply), expected, "{reply}");
        let warning = "warning: 299 - \"the provided Authorization header contains extra space";
        assert_eq!(reply.contains(warning), warned, "{reply}");
    }
    client.server.shutdown().await.unwrap();
}
