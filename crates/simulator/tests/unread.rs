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

    /// Until the server answers each of them.
    async fn answered(streams: &mut [TlsStream<TcpStream>]) {
        for stream in streams {
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.unwrap();
            assert_eq!(&start, b"HTTP/1.1 200");
        }
    }

    /// How many of the lists end before they are whole.
    async fn cut(lists: Vec<TlsStream<TcpStream>>, whole: usize) -> usize {
        let mut cut = 0;
        for mut stream in lists {
            let mut got = Vec::new();
            let _ = stream.read_to_end(&mut got).await;
            cut += usize::from(got.len() < whole);
        }
        cut
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn answers_that_nobody_reads_hold_no_seats_and_end() {
        /// More than the buffers of a connection hold.
        const OBJECTS: usize = 40;
        const CLIENTS: usize = 6;
        let client = Client::start(Limits {
            max_reading: Some(3),
            max_writing: Some(3),
            patience: Duration::from_secs(1),
            ..Limits::default()
        })
        .await;
        make_objects(&client, OBJECTS, LARGE).await;
        let mut lists = unread(&client, CLIENTS, "").await;
        answered(&mut lists).await;
        let text = "x".repeat(LARGE);
        let mut writes = Vec::new();
        for number in 0..CLIENTS {
            let body = format!(r#"{{"metadata":{{"name":"w{number}"}},"data":{{"a":"{text}"}}}}"#);
            let mut stream = client.connect().await;
            let head = client.head("POST", CONFIG_MAPS, JSON, body.len());
            let sent = format!("{head}{body}");
            stream.write_all(sent.as_bytes()).await.unwrap();
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.unwrap();
            assert_eq!(&start, b"HTTP/1.1 201");
            writes.push(stream);
        }
        let read = client.send("GET", "/api", JSON, b"").await;
        assert_eq!(status(&read), 200, "{read}");
        // They read nothing for long enough.
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(cut(lists, OBJECTS * LARGE).await > 0, "the lists were kept");
        drop(writes);
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
    async fn only_so_much_is_kept_for_clients_and_new_answers_go_first() {
        const OBJECTS: usize = 40;
        let client = Client::start(Limits {
            max_unread: Some(2_000_000),
            ..Limits::default()
        })
        .await;
        make_objects(&client, OBJECTS, LARGE).await;
        let mut lists = unread(&client, 40, "").await;
        answered(&mut lists).await;
        let whole = client.send("GET", CONFIG_MAPS, JSON, b"").await;
        assert_eq!(status(&whole), 200);
        assert!(whole.len() > OBJECTS * LARGE);
        let change = br#"{"metadata":{"labels":{"a":"b"}}}"#;
        let path = format!("{CONFIG_MAPS}/c1");
        let changed = client.send("PATCH", &path, MERGE, change).await;
        assert_eq!(status(&changed), 200);
        assert!(cut(lists, OBJECTS * LARGE).await > 0, "everything is kept");
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
