//! The webhooks as a real API server reaches them: over TLS on loopback, served as the operator serves them, by this process for
//! as long as it lives. All scenarios of a test program share them, for they may be played at the same time.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use monitoring::admission::Admission;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use runtime::Registry;
use runtime::health::Health;
use runtime::web::{Server, Site, Tls, listen};
use serving::{Certificates, Files, Settings};

/// Where the webhooks are, and how to know them.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its port on loopback.
    pub address: SocketAddr,
    /// The certificate that it shows, PEM.
    pub certificate: String,
}

/// The one of this process, which starts with the first who asks.
pub fn listener() -> Result<&'static Listener> {
    static LISTENER: OnceLock<Result<Listener, String>> = OnceLock::new();
    let started = LISTENER.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    started.as_ref().map_err(|error| anyhow!("{error}"))
}

fn start() -> Result<Listener> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let certificate = cert.pem();
    let site = Site {
        pages: Some(Admission::default().pages()),
        tls: Some(tls(&certificate, &signing_key.serialize_pem())?),
    };
    let health = Health {
        registry: Registry::new(),
        ready: Arc::new(|| true),
    };
    let (sender, receiver) = mpsc::channel();
    // A scenario's own thread ends with it.
    std::thread::Builder::new()
        .name("webhooks".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let listener = listen(([127, 0, 0, 1], 0).into()).await?;
                sender.send(listener.local_addr()?)?;
                Server { health, site }.serve(listener).await;
                anyhow::Ok(())
            })
        })?;
    let address = receiver.recv().context("the webhooks don't listen")?;
    Ok(Listener {
        address,
        certificate,
    })
}

/// What the listener shows; files are how an operator gets it.
fn tls(certificate: &str, key: &str) -> Result<Tls> {
    let folder = std::env::temp_dir().join(format!("carrick-webhooks-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let files = Files {
        certificate: folder.join("tls.crt"),
        key: folder.join("tls.key"),
        client_authorities: None,
    };
    std::fs::write(&files.certificate, certificate)?;
    std::fs::write(&files.key, key)?;
    let certificates = Certificates::load(files, Settings::default())?;
    std::fs::remove_dir_all(&folder)?;
    Ok(Tls {
        certificates: Arc::new(certificates),
        // They don't change.
        interval: Duration::from_hours(24),
    })
}
