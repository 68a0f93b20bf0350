//! Replies that nobody reads: they are bounded, end after a while, and hold nobody up.

#[cfg(test)]
mod sockets;

#[cfg(test)]
mod unread {
    use std::time::Duration;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use simulator::serve::Limits;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio_rustls::client::TlsStream;

    use super::sockets::{CONFIG_MAPS, Client, JSON, MERGE, status};

    /// Reads until the reply has that status; `None` if it hasn't within a minute.
    async fn read_until(client: &Client, path: &str, expected: u16) -> Option<String> {
        let read = async {
            loop {
                let reply = client.send("GET", path, JSON, b"").await;
                if status(&reply) == expected {
                    return reply;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), read)
            .await
            .ok()
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
        make_objects(&client, OBJECTS, LARGE).await;
        let lists = unread(&client, 3, "").await;
        let refused = read_until(&client, "/api", 429).await;
        assert!(refused.is_some(), "unread lists hold no room");
        let served = read_until(&client, "/api", 200).await;
        assert!(served.is_some(), "unread lists hold their room for ever");
        // Whose room was free again has lost its list; others may still have been in time.
        let mut cut = 0;
        for mut stream in lists {
            let mut got = Vec::new();
            let _ = stream.read_to_end(&mut got).await;
            cut += usize::from(got.len() < OBJECTS * LARGE);
        }
        assert!(cut > 0, "the lists were kept");
        // Who reads, however slowly, gets everything.
        let whole = client.send("GET", CONFIG_MAPS, JSON, b"").await;
        assert!(whole.len() > OBJECTS * LARGE);
        client.server.shutdown().await.unwrap();
    }

    /// Bytes of a large object, at least.
    const LARGE: usize = 900_000;

    /// Makes objects `c0`, `c1`, … of at least so many bytes.
    async fn make_objects(client: &Client, count: usize, size: usize) {
        let text = "x".repeat(size);
        for number in 0..count {
            let body = format!(r#"{{"metadata":{{"name":"c{number}"}},"data":{{"a":"{text}"}}}}"#);
            let made = client
                .send("POST", CONFIG_MAPS, JSON, body.as_bytes())
                .await;
            assert_eq!(status(&made), 201, "{made}");
        }
    }

    /// Lists or watches that nobody reads, of as many clients as asked for.
    async fn unread(client: &Client, count: usize, query: &str) -> Vec<TlsStream<TcpStream>> {
        let mut unread = Vec::new();
        for _ in 0..count {
            let mut stream = client.connect().await;
            let head = client.head("GET", &format!("{CONFIG_MAPS}{query}"), JSON, 0);
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
        make_objects(&client, OBJECTS, LARGE).await;
        // Once, so that what all of them share is there.
        let whole = client.send("GET", CONFIG_MAPS, JSON, b"").await;
        assert!(whole.len() > OBJECTS * LARGE);
        drop(whole);
        let before = memory();
        let mut lists = Vec::new();
        for query in ["", "?pretty=true"] {
            lists.extend(unread(&client, CLIENTS / 2, query).await);
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
        make_objects(&client, 40, LARGE).await;
        let lists = unread(&client, 40, "").await;
        let refused = read_until(&client, CONFIG_MAPS, 429).await;
        let refused = refused.expect("everything is kept");
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
        drop(lists);
        let served = read_until(&client, CONFIG_MAPS, 200).await;
        assert!(served.is_some(), "what nobody reads is kept for ever");
        client.server.shutdown().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn only_so_much_is_kept_of_bodies_that_are_never_whole() {
        let client = Client::start(Limits {
            max_unfinished: Some(2_000_000),
            ..Limits::default()
        })
        .await;
        let text = "x".repeat(LARGE);
        let body =
            |name: &str| format!(r#"{{"metadata":{{"name":"{name}"}},"data":{{"a":"{text}"}}}}"#);
        let mut slow = Vec::new();
        for number in 0..8 {
            let body = body(&format!("slow{number}"));
            let mut stream = client.connect().await;
            let head = client.head("POST", CONFIG_MAPS, JSON, body.len() + 1);
            let sent = format!("{head}{body}");
            slow.push(Box::pin(async move {
                // Who is refused need not be listened to.
                let _ = stream.write_all(sent.as_bytes()).await;
                let mut start = [0; 12];
                let read = stream.read_exact(&mut start).await;
                (read.map(|_| start), stream)
            }));
        }
        let ((refused, stream), _, slow) = futures::future::select_all(slow).await;
        assert_eq!(&refused.unwrap(), b"HTTP/1.1 429");
        let short = br#"{"metadata":{"name":"short"}}"#;
        let made = client.send("POST", CONFIG_MAPS, JSON, short).await;
        assert_eq!(status(&made), 201, "{made}");
        drop((slow, stream));
        let long = body("long");
        let made = async {
            while status(
                &client
                    .send("POST", CONFIG_MAPS, JSON, long.as_bytes())
                    .await,
            ) != 201
            {}
        };
        let made = tokio::time::timeout(Duration::from_mins(1), made).await;
        assert!(made.is_ok(), "what was given up is counted for ever");
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
        const SIZE: usize = 50_000;
        /// What a watch may cost, both ends of its connection and its TLS included.
        const EACH: usize = 400_000;
        let client = Client::start(Limits::default()).await;
        make_objects(&client, OBJECTS, SIZE).await;
        let before = memory();
        let count = connections(1000);
        let mut watches = unread(&client, count, "?watch=1").await;
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
        while got < 6 * OBJECTS * SIZE {
            let read = tokio::time::timeout(Duration::from_secs(30), last.read(&mut buffer));
            let read = read.await.unwrap().unwrap();
            assert!(read > 0, "the watch ended");
            got += read;
        }
        client.server.shutdown().await.unwrap();
    }
}
