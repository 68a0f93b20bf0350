//! Sites that a real Prometheus asks, over HTTP or HTTPS: what each was asked with is kept. And certificates for both sides.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::local_monitoring::until;

/// Who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, PEM.
    pub certificate: String,
}

/// A certificate and its key, PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

fn named(name: &str, hosts: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = named(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    /// Somebody whom it knows, good for a host.
    pub fn identity(&self, name: &str, host: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = named(name, vec![host.to_owned()]);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// What a site was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and path.
    pub what: String,
    /// The field `Authorization`; empty if there is none.
    pub authorization: String,
    /// Whether a certificate was shown.
    pub certified: bool,
    pub body: Vec<u8>,
}

impl Asked {
    /// What is at `/basic` and `/bearer` wants to know who asks, as upstream's sample program does.
    fn is_welcome(&self) -> bool {
        let wanted = match self.what.as_str() {
            // user:pass
            "GET /basic" => "Basic dXNlcjpwYXNz",
            "GET /bearer" => "Bearer abc",
            _ => return true,
        };
        self.authorization == wanted
    }
}

/// A site of one port of this machine, as long as the runtime lives that it was opened in.
pub struct Site {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Site {
    /// One over HTTP.
    pub async fn plain() -> Self {
        Self::open(None).await
    }

    /// One over HTTPS.
    pub async fn secure(identity: &Identity, clients: serving::Clients) -> Self {
        let settings = serving::Settings {
            clients,
            ..serving::Settings::default()
        };
        let config = settings.load(&identity.certificate, &identity.key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        Self::open(Some(acceptor)).await
    }

    async fn open(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), kept.clone()));
            }
        });
        Self { port, asked }
    }

    /// Everything it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits to be asked something.
    pub async fn until_asked(&self, what: &str, holds: impl Fn(&Asked) -> bool) -> Asked {
        let found = until(what, || async { self.asked().into_iter().find(&holds) });
        found.await
    }
}

/// One connection. Whoever breaks off has their reasons, and says so elsewhere.
async fn serve(stream: TcpStream, acceptor: Option<TlsAcceptor>, kept: Arc<Mutex<Vec<Asked>>>) {
    let Some(acceptor) = acceptor else {
        return answer(stream, false, &kept).await.unwrap_or_default();
    };
    if let Ok(stream) = acceptor.accept(stream).await {
        let certified = stream.get_ref().1.peer_certificates().is_some();
        answer(stream, certified, &kept).await.unwrap_or_default();
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    certified: bool,
    kept: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut authorization, mut length) = (String::new(), String::new(), 0);
    stream.read_line(&mut line).await?;
    loop {
        let mut field = String::new();
        stream.read_line(&mut field).await?;
        let Some((name, value)) = field.split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => value.trim().clone_into(&mut authorization),
            "content-length" => length = value.trim().parse().unwrap_or_default(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let (what, _) = line.rsplit_once(' ').unwrap_or_default();
    let asked = Asked {
        what: what.to_owned(),
        authorization,
        certified,
        body,
    };
    let (status, page) = if asked.is_welcome() {
        ("200 OK", "site_is_there 1\n")
    } else {
        ("401 Unauthorized", "")
    };
    kept.lock().unwrap().push(asked);
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
