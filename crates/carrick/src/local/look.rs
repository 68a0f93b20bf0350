//! Looks of probes: each on a thread of its own, so that nobody waits for it (`pkg/probe/http`, `pkg/probe/tcp`).

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use simulator::nodes::containers::{Action, Check};

/// Longest head of a response that is read, in bytes.
const HEAD: u64 = 16 * 1024;

/// A look that goes on or is over.
#[derive(Clone, Default)]
pub struct Look(Arc<Mutex<Option<Result<(), String>>>>);

impl Look {
    /// Begins one.
    pub fn begin(check: Check) -> Self {
        let look = Self::default();
        let kept = look.clone();
        let run = move || kept.set(run(&check));
        if let Err(error) = Builder::new().name("probe".to_owned()).spawn(run) {
            look.set(Err(format!("cannot start a thread: {error}")));
        }
        look
    }

    fn set(&self, outcome: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    /// What it has shown.
    pub fn outcome(&self) -> Option<Result<(), String>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn run(check: &Check) -> Result<(), String> {
    match &check.action {
        Action::Nothing => Ok(()),
        // Who answers is not asked over TLS: that somebody listens is what is left.
        Action::Connect { host, port }
        | Action::Get {
            host,
            port,
            tls: true,
            ..
        } => connect(host, *port, check.timeout).map(|_| ()),
        Action::Get {
            host,
            port,
            path,
            headers,
            tls: false,
        } => {
            let url = format!("http://{host}:{port}{path}");
            let stream = connect(host, *port, check.timeout)
                .map_err(|error| format!("Get {url:?}: {error}"))?;
            let code = get(stream, &format!("{host}:{port}"), path, headers)
                .map_err(|error| format!("Get {url:?}: {error}"))?;
            if (200..400).contains(&code) {
                Ok(())
            } else {
                Err(format!("HTTP probe failed with statuscode: {code}"))
            }
        }
    }
}

fn connect(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, String> {
    let absent = |error: std::io::Error| format!("dial tcp: lookup {host}: {error}");
    let mut found = (host, port).to_socket_addrs().map_err(absent)?;
    let address: SocketAddr = found.next().ok_or_else(|| format!("no address: {host}"))?;
    let stream = TcpStream::connect_timeout(&address, timeout).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
            std::io::ErrorKind::TimedOut => "i/o timeout".to_owned(),
            _ => format!("connect: {error}"),
        };
        format!("dial tcp {address}: {why}")
    })?;
    let limits = stream
        .set_read_timeout(Some(timeout))
        .and_then(|()| stream.set_write_timeout(Some(timeout)));
    limits.map_err(|error| error.to_string())?;
    Ok(stream)
}

/// The status code of a response.
fn get(
    mut stream: TcpStream,
    authority: &str,
    path: &str,
    headers: &[(String, String)],
) -> std::io::Result<u16> {
    let mut request = format!("GET {path} HTTP/1.1\r\n");
    let is_named = |name: &str| {
        headers
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(name))
    };
    for (name, usual) in [
        ("Host", authority),
        ("User-Agent", "kube-probe/1.36"),
        ("Accept", "*/*"),
        ("Connection", "close"),
    ] {
        if !is_named(name) {
            request.extend([name, ": ", usual, "\r\n"]);
        }
    }
    for (name, value) in headers {
        request.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut reader = stream.take(HEAD);
    let mut part = [0; 1024];
    while !head.contains(&b'\n') {
        match reader.read(&mut part)? {
            0 => break,
            read => head.extend_from_slice(part.get(..read).unwrap_or_default()),
        }
    }
    status_code(&String::from_utf8_lossy(&head)).ok_or_else(|| {
        let text = "malformed HTTP response";
        std::io::Error::new(std::io::ErrorKind::InvalidData, text)
    })
}

fn status_code(head: &str) -> Option<u16> {
    let line = head.lines().next()?;
    line.strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn look(action: Action) -> Result<(), String> {
        run(&Check {
            action,
            timeout: Duration::from_secs(5),
        })
    }

    fn answering(response: &'static str) -> (u16, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(response.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        };
        (port, Builder::new().spawn(serve).unwrap())
    }

    fn getting(port: u16) -> Action {
        Action::Get {
            host: "127.0.0.1".to_owned(),
            port,
            tls: false,
            path: "/healthz".to_owned(),
            headers: vec![("Host".to_owned(), "inside".to_owned())],
        }
    }

    #[test]
    fn a_response_is_good_or_bad_by_its_code() {
        let (port, asked) = answering("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(look(getting(port)), Ok(()));
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("GET /healthz HTTP/1.1\r\n"), "{asked}");
        assert_eq!(asked.matches("Host:").count(), 1);
        let (port, _) = answering("HTTP/1.0 503 Service Unavailable\r\n\r\n");
        assert_eq!(
            look(getting(port)),
            Err("HTTP probe failed with statuscode: 503".to_owned())
        );
    }

    #[test]
    fn nobody_there_is_said_as_go_says_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = "127.0.0.1".to_owned();
        let connect = Action::Connect { host, port };
        assert_eq!(look(connect.clone()), Ok(()));
        drop(listener);
        assert_eq!(
            look(connect),
            Err(format!(
                "dial tcp 127.0.0.1:{port}: connect: connection refused"
            ))
        );
    }
}
