//! What no client should send, over real sockets: each is answered with a Status or a closed connection, and the server
//! lives on. The statuses are those of a real API server.

#[cfg(test)]
mod bad_input {
    use std::sync::Arc;
    use std::time::Duration;

    use base64::Engine as _;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};
    use simulator::serve::{Limits, ServeOptions, Server};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
    const JSON: &str = "application/json";
    const YAML: &str = "application/yaml";
    const MERGE: &str = "application/merge-patch+json";
    const STRATEGIC: &str = "application/strategic-merge-patch+json";
    const JSON_PATCH: &str = "application/json-patch+json";
    const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

    struct Client {
        server: Server,
        connector: TlsConnector,
        token: String,
    }

    impl Client {
        async fn start(limits: Limits) -> Self {
            let server = Server::start(ServeOptions {
                addr: ([127, 0, 0, 1], 0).into(),
                state_dir: None,
                settings: simulator::builtin::Settings::default(),
                limits,
            })
            .await
            .unwrap();
            let field = |name: &str| {
                let lines = server.kubeconfig.lines();
                let mut found = lines.filter_map(|line| line.trim().strip_prefix(name));
                found.next().unwrap().trim().to_owned()
            };
            let ca = base64::engine::general_purpose::STANDARD
                .decode(field("certificate-authority-data:"))
                .unwrap();
            let mut roots = rustls::RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(&ca).unwrap())
                .unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let token = field("token:");
            Self {
                server,
                connector: TlsConnector::from(Arc::new(config)),
                token,
            }
        }

        async fn connect(&self) -> TlsStream<TcpStream> {
            let stream = TcpStream::connect(self.server.addr).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            self.connector.connect(name, stream).await.unwrap()
        }

        fn head(&self, method: &str, path: &str, media: &str, length: usize) -> String {
            let token = &self.token;
            format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: {media}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
            )
        }

        /// The reply to bytes as they are, as text, up to the end of the connection.
        async fn raw(&self, bytes: &[u8]) -> String {
            let mut stream = self.connect().await;
            // The server may close before everything is written.
            let _ = stream.write_all(bytes).await;
            let mut reply = Vec::new();
            let read = stream.read_to_end(&mut reply);
            let _ = tokio::time::timeout(Duration::from_secs(30), read)
                .await
                .expect("a reply in time");
            String::from_utf8_lossy(&reply).into_owned()
        }

        async fn send(&self, method: &str, path: &str, media: &str, body: &[u8]) -> String {
            let head = self.head(method, path, media, body.len());
            self.raw(&[head.as_bytes(), body].concat()).await
        }
    }

    fn status(reply: &str) -> u16 {
        let word = reply.split(' ').nth(1).unwrap_or_default();
        word.parse().unwrap_or_default()
    }

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

    /// Asks until the reply has that status.
    async fn asked_until(client: &Client, expected: u16) -> String {
        loop {
            let reply = client.send("GET", "/api", JSON, b"").await;
            if status(&reply) == expected {
                return reply;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn lists_that_nobody_reads_hold_their_room_and_end() {
        /// More than the buffers of a connection hold.
        const OBJECTS: usize = 40;
        let client = Client::start(Limits {
            max_reading: Some(3),
            patience: Duration::from_secs(5),
            ..Limits::default()
        })
        .await;
        let size = large_objects(&client, OBJECTS).await;
        let unread = unread_lists(&client, 3, "").await;
        let patient = Duration::from_mins(1);
        let refused = tokio::time::timeout(patient, asked_until(&client, 429)).await;
        assert!(refused.is_ok(), "unread lists hold no room");
        let served = tokio::time::timeout(patient, asked_until(&client, 200)).await;
        assert!(served.is_ok(), "unread lists hold their room for ever");
        // Whose room was free again has lost its list; others may still have been in time.
        let mut cut = 0;
        for mut stream in unread {
            let mut got = Vec::new();
            let _ = stream.read_to_end(&mut got).await;
            cut += usize::from(got.len() < OBJECTS * size);
        }
        assert!(cut > 0, "the lists were kept");
        // Who reads, however slowly, gets everything.
        let whole = client.send("GET", CONFIG_MAPS, JSON, b"").await;
        assert!(whole.len() > OBJECTS * size);
        client.server.shutdown().await.unwrap();
    }

    /// Makes objects `c0`, `c1`, … and tells how many bytes each has at least.
    async fn large_objects(client: &Client, count: usize) -> usize {
        let text = "x".repeat(900_000);
        for number in 0..count {
            let body = format!(r#"{{"metadata":{{"name":"c{number}"}},"data":{{"a":"{text}"}}}}"#);
            let made = client
                .send("POST", CONFIG_MAPS, JSON, body.as_bytes())
                .await;
            assert_eq!(status(&made), 201, "{made}");
        }
        text.len()
    }

    /// Lists that nobody reads, of as many clients as asked for.
    async fn unread_lists(client: &Client, count: usize, rest: &str) -> Vec<TlsStream<TcpStream>> {
        let mut unread = Vec::new();
        for _ in 0..count {
            let mut stream = client.connect().await;
            let head = client.head("GET", &format!("{CONFIG_MAPS}{rest}"), JSON, 0);
            stream.write_all(head.as_bytes()).await.unwrap();
            unread.push(stream);
        }
        unread
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn lists_that_nobody_reads_cost_little_and_hold_nobody_up() {
        const OBJECTS: usize = 30;
        const CLIENTS: usize = 40;
        /// What an unread list may cost, both ends of its connection and its TLS included.
        const EACH: usize = 2_000_000;
        let client = Client::start(Limits::default()).await;
        let size = large_objects(&client, OBJECTS).await;
        // Once, so that what all of them share is there.
        let whole = client.send("GET", CONFIG_MAPS, JSON, b"").await;
        assert!(whole.len() > OBJECTS * size);
        drop(whole);
        let before = memory();
        let mut unread = Vec::new();
        for rest in ["", "?pretty=true"] {
            unread.extend(unread_lists(&client, CLIENTS / 2, rest).await);
        }
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let begin = tokio::time::Instant::now();
            let small = client
                .send("GET", "/api/v1/namespaces/default", JSON, b"")
                .await;
            slowest = slowest.max(begin.elapsed());
            assert_eq!(status(&small), 200, "{small}");
        }
        let grown = memory().saturating_sub(before);
        eprintln!("{CLIENTS} lists: {grown} bytes, slowest read {slowest:?}");
        assert!(grown < CLIENTS * EACH, "{grown} bytes");
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
        client.server.shutdown().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn only_so_much_is_kept_for_clients_and_short_answers_are_never_too_much() {
        let client = Client::start(Limits {
            max_unread: Some(2_000_000),
            patience: Duration::from_secs(5),
            ..Limits::default()
        })
        .await;
        large_objects(&client, 40).await;
        let unread = unread_lists(&client, 40, "").await;
        let refused = tokio::time::timeout(Duration::from_mins(1), async {
            loop {
                let reply = client.send("GET", CONFIG_MAPS, JSON, b"").await;
                if status(&reply) == 429 {
                    return reply;
                }
            }
        });
        let refused = refused.await.expect("everything is kept");
        assert!(
            refused.to_lowercase().contains("retry-after: 1"),
            "{refused}"
        );
        // Short answers, and those that are owed because something was written.
        let small = client
            .send("GET", "/api/v1/namespaces/default", JSON, b"")
            .await;
        assert_eq!(status(&small), 200, "{small}");
        let change = br#"{"metadata":{"labels":{"a":"b"}}}"#;
        let path = format!("{CONFIG_MAPS}/c1");
        let changed = client.send("PATCH", &path, MERGE, change).await;
        assert_eq!(status(&changed), 200);
        drop(unread);
        let served = tokio::time::timeout(Duration::from_mins(1), async {
            while status(&client.send("GET", CONFIG_MAPS, JSON, b"").await) != 200 {}
        });
        assert!(served.await.is_ok(), "what nobody reads is kept for ever");
        client.server.shutdown().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_may_not_write_is_told_before_the_body_is_there() {
        let client = Client::start(Limits::default()).await;
        let head = client.head("POST", CONFIG_MAPS, JSON, 3_000_000);
        let bearer = format!("Bearer {}", client.token);
        for (authorization, expected) in [("Bearer wrong", 401), ("Basic eA==", 403)] {
            let reply = client
                .raw(head.replace(&bearer, authorization).as_bytes())
                .await;
            assert_eq!(status(&reply), expected, "{reply}");
        }
        client.server.shutdown().await.unwrap();
    }

    /// Bytes of memory in use by this process.
    fn memory() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    /// How many connections of `wanted` this process can hold both ends of, once it may open as many files as it is allowed.
    fn connections(wanted: usize) -> usize {
        const OTHERS: u64 = 200;
        let limit = getrlimit(Resource::Nofile);
        let most = limit.maximum.unwrap_or(u64::MAX);
        let files = (2 * wanted as u64 + OTHERS).min(most);
        if limit.current.is_some_and(|current| current < files) {
            let raised = Rlimit {
                current: Some(files),
                maximum: limit.maximum,
            };
            setrlimit(Resource::Nofile, raised).unwrap();
        }
        let room = usize::try_from((files - OTHERS) / 2).unwrap();
        if room < wanted {
            eprintln!("only {room} of {wanted} watches: the limit of open files is {most}");
        }
        room
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_thousand_watches_that_nobody_reads_cost_little_and_hold_nobody_up() {
        const OBJECTS: usize = 40;
        /// What a watch may cost, both ends of its connection and its TLS included.
        const EACH: usize = 400_000;
        let client = Client::start(Limits::default()).await;
        let text = "x".repeat(50_000);
        for number in 0..OBJECTS {
            let body = format!(r#"{{"metadata":{{"name":"c{number}"}},"data":{{"a":"{text}"}}}}"#);
            let made = client
                .send("POST", CONFIG_MAPS, JSON, body.as_bytes())
                .await;
            assert_eq!(status(&made), 201, "{made}");
        }
        let before = memory();
        let count = connections(1000);
        let mut watches = Vec::new();
        for _ in 0..count {
            let mut stream = client.connect().await;
            let head = client.head("GET", &format!("{CONFIG_MAPS}?watch=1"), JSON, 0);
            stream.write_all(head.as_bytes()).await.unwrap();
            watches.push(stream);
        }
        // Another client's writes and reads are as quick as ever.
        let mut slowest = Duration::ZERO;
        for round in 0..5 {
            for number in 0..OBJECTS {
                let path = format!("{CONFIG_MAPS}/c{number}");
                let change = format!(r#"{{"data":{{"b":"{round}"}}}}"#);
                let begin = tokio::time::Instant::now();
                let changed = client.send("PATCH", &path, MERGE, change.as_bytes()).await;
                slowest = slowest.max(begin.elapsed());
                assert_eq!(status(&changed), 200, "{changed}");
            }
        }
        let grown = memory().saturating_sub(before);
        eprintln!("{count} watches: {grown} bytes, slowest write {slowest:?}");
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
        // Before each of them lie 2 MB of initial events and 10 MB of changes.
        assert!(grown < count * EACH, "{grown} bytes for {count} watches");
        // They were no dead ends: the last one still gets everything.
        let mut last = watches.pop().unwrap();
        let mut got = 0;
        let mut buffer = vec![0; 65_536];
        while got < 6 * OBJECTS * text.len() {
            let read = tokio::time::timeout(Duration::from_secs(30), last.read(&mut buffer));
            let read = read.await.unwrap().unwrap();
            assert!(read > 0, "the watch ended");
            got += read;
        }
        client.server.shutdown().await.unwrap();
    }
}
