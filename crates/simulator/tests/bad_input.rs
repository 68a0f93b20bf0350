//! What no client should send, over real sockets: each is answered with a Status or a closed connection, and the server
//! lives on. The statuses are those of a real API server.

#[cfg(test)]
mod sockets;

#[cfg(test)]
mod bad_input {
    use std::time::Duration;

    use simulator::serve::Limits;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::sockets::{CONFIG_MAPS, Client, JSON, MERGE, status};

    const YAML: &str = "application/yaml";
    const STRATEGIC: &str = "application/strategic-merge-patch+json";
    const JSON_PATCH: &str = "application/json-patch+json";
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
    type Case = (&'static str, String, &'static str, Vec<u8>, u16);

    fn bodies() -> Vec<Case> {
        let one = format!("{CONFIG_MAPS}/here");
        let post = |media: &'static str, body: Vec<u8>, status: u16| -> Case {
            ("POST", CONFIG_MAPS.to_owned(), media, body, status)
        };
        let patch = |media: &'static str, body: Vec<u8>, status: u16| -> Case {
            ("PATCH", one.clone(), media, body, status)
        };
        let doubling = {
            let copies =
                (0..60).map(|n| format!(r#",{{"op":"copy","from":"/a","path":"/a/{n}"}}"#));
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
    async fn what_is_no_request_is_refused_or_closed() {
        let client = Client::start(Limits::default()).await;
        let long = "a".repeat(1_200_000);
        let head = client.head("GET", CONFIG_MAPS, JSON, 0);
        let large = head.replace("Host:", &format!("X-Long: {long}\r\nHost:"));
        let negative = head.replace("Content-Length: 0", "Content-Length: -1");
        for (bytes, expected) in [
            (b"\0\x01\x02\x03garbage\r\n\r\n".to_vec(), 400),
            (large.into_bytes(), 431),
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
        let end =
            tokio::time::timeout(Duration::from_secs(30), watch.read_to_end(&mut reply)).await;
        assert!(end.is_ok(), "the watch goes on");
        let ready = client.send("GET", "/readyz", JSON, b"").await;
        assert_eq!(status(&ready), 200, "{ready}");
        client.server.shutdown().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_body_must_come_in_time_and_only_so_many_requests_may_wait_for_theirs() {
        let client = Client::start(Limits {
            max_writing: Some(1),
            max_reading: Some(1),
            request_timeout: Duration::from_millis(700),
            ..Limits::default()
        })
        .await;
        let mut slow = client.connect().await;
        let text = client.head("POST", CONFIG_MAPS, JSON, 1000);
        slow.write_all(text.as_bytes()).await.unwrap();
        slow.write_all(b"{").await.unwrap();
        // The slow one counts as soon as the server has read its head.
        let mut refused = String::new();
        for attempt in 0..1000 {
            let name = format!(r#"{{"metadata":{{"name":"n{attempt}"}}}}"#);
            refused = client
                .send("POST", CONFIG_MAPS, JSON, name.as_bytes())
                .await;
            if status(&refused) == 429 {
                break;
            }
            assert_eq!(status(&refused), 201, "{refused}");
        }
        assert!(
            refused.to_lowercase().contains("retry-after: 1"),
            "{refused}"
        );
        let read = client.send("GET", CONFIG_MAPS, JSON, b"").await;
        assert_eq!(status(&read), 200, "{read}");
        let mut reply = String::new();
        let _ = slow.read_to_string(&mut reply).await;
        assert_eq!(status(&reply), 504, "{reply}");
        assert!(reply.contains(r#""reason":"Timeout""#), "{reply}");
        let again = client
            .send(
                "POST",
                CONFIG_MAPS,
                JSON,
                br#"{"metadata":{"name":"later"}}"#,
            )
            .await;
        assert_eq!(status(&again), 201, "{again}");
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
}
