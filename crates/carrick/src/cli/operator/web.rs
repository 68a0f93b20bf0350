//! Flags of the web server (upstream's `pkg/server/server.go`): where it listens, and how connections are encrypted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use runtime::web::Tls;
use serving::{Certificates, Files, Settings, Version};

use super::flags::{boolean, positive};
use crate::cli::fail;

/// The web server. Its arguments have names of their own: the operator has a `--cert-file` and a `--key-file` too.
#[derive(Args, Debug)]
#[command(next_help_heading = "The web server")]
pub struct Web {
    /// Address of /metrics, /healthz and the webhooks [default: :8080; of admission-webhook :8443]
    #[arg(id = "web.listen-address", long = "web.listen-address", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Speak TLS [default: false; of admission-webhook true]
    #[arg(id = "web.enable-tls", long = "web.enable-tls", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean)]
    enable_tls: Option<bool>,
    /// Certificate, PEM
    #[arg(
        id = "web.cert-file",
        long = "web.cert-file",
        value_name = "FILE",
        default_value = "/etc/tls/private/tls.crt"
    )]
    cert_file: String,
    /// Key of the certificate, PEM
    #[arg(
        id = "web.key-file",
        long = "web.key-file",
        value_name = "FILE",
        default_value = "/etc/tls/private/tls.key"
    )]
    key_file: String,
    /// Certificates of the authorities that clients need one of, PEM; where the file is missing they need none
    #[arg(
        id = "web.client-ca-file",
        long = "web.client-ca-file",
        value_name = "FILE",
        default_value = "/etc/tls/private/tls-ca.crt"
    )]
    client_ca_file: String,
    /// How often these files are read again
    #[arg(id = "web.tls-reload-interval", long = "web.tls-reload-interval", value_name = "DURATION", default_value = "1m", value_parser = interval)]
    reload_interval: Duration,
    /// Oldest version of TLS: `VersionTLS12` or `VersionTLS13`
    #[arg(
        id = "web.tls-min-version",
        long = "web.tls-min-version",
        default_value = "VersionTLS13"
    )]
    min_version: String,
    /// Cipher suites of TLS 1.2, by Go's names; all if none is given
    #[arg(
        id = "web.tls-cipher-suites",
        long = "web.tls-cipher-suites",
        value_delimiter = ','
    )]
    cipher_suites: Vec<String>,
    /// Curves: `CurveP256`, `CurveP384`, `CurveP521`, X25519, X25519MLKEM768; all if none is given
    #[arg(id = "web.tls-curves", long = "web.tls-curves", value_delimiter = ',')]
    curves: Vec<String>,
    /// Speak HTTP/2 too, where TLS is spoken
    #[arg(id = "web.enable-http2", long = "web.enable-http2", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_parser = boolean, action = clap::ArgAction::Set)]
    enable_http2: bool,
}

/// What a program does unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Port it listens on, at every address.
    pub port: u16,
    /// Whether it speaks TLS.
    pub tls: bool,
}

impl Web {
    /// Where to listen.
    pub fn listen(&self, defaults: Defaults) -> SocketAddr {
        let everywhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let default = SocketAddr::new(everywhere, defaults.port);
        self.listen.unwrap_or(default)
    }

    /// How connections are encrypted, if they are. The files are read.
    ///
    /// # Errors
    /// If a flag or a file can't be used.
    pub fn tls(&self, defaults: Defaults) -> Result<Option<Tls>> {
        if !self.enable_tls.unwrap_or(defaults.tls) {
            return Ok(None);
        }
        if self.cert_file.is_empty() && self.key_file.is_empty() {
            if !self.client_ca_file.is_empty() {
                return fail(
                    "server key and certificate must be provided when a client CA is configured",
                );
            }
            tracing::warn!("server key and certificate not provided, TLS disabled");
            return Ok(None);
        }
        let settings = Settings {
            versions: version(&self.min_version)?..=Version::Tls13,
            cipher_suites: given(&self.cipher_suites),
            curves: given(&self.curves),
            http2: self.enable_http2,
            ..Settings::default()
        };
        let files = Files {
            certificate: PathBuf::from(&self.cert_file),
            key: PathBuf::from(&self.key_file),
            client_authorities: self.client_authorities(),
        };
        let certificates = Certificates::load(files, settings)
            .context("failed to create TLS configuration\nhint: see --web.cert-file, --web.key-file and --web.client-ca-file")?;
        Ok(Some(Tls {
            certificates: Arc::new(certificates),
            interval: self.reload_interval,
        }))
    }

    /// The file that clients are checked with: without it nobody is, as upstream has it.
    fn client_authorities(&self) -> Option<PathBuf> {
        let path = PathBuf::from(&self.client_ca_file);
        if self.client_ca_file.is_empty() {
            return None;
        }
        if path.is_file() {
            tracing::info!(client_ca_file = %path.display(), "server TLS client verification enabled");
            return Some(path);
        }
        tracing::warn!(client_ca_file = %path.display(), "server TLS client verification disabled: there is no such file");
        None
    }
}

/// An older version wouldn't be safe.
fn version(name: &str) -> Result<Version> {
    let unsafe_version =
        |number: &str| fail(format!("TLS version \"TLS {number}\" isn't supported"));
    match name {
        "" | "VersionTLS12" => Ok(Version::Tls12),
        "VersionTLS13" => Ok(Version::Tls13),
        "VersionTLS10" => unsafe_version("1.0"),
        "VersionTLS11" => unsafe_version("1.1"),
        unknown => fail(format!(
            "invalid TLS version: unknown tls version {unknown:?}\nhint: --web.tls-min-version=VersionTLS12 or VersionTLS13"
        )),
    }
}

fn given(names: &[String]) -> Vec<String> {
    let names = names.iter().filter(|name| !name.is_empty());
    names.cloned().collect()
}

fn interval(text: &str) -> Result<Duration, String> {
    positive(text, "write 1m or 30s")
}

/// Reads `:8080` and `HOST:8080`; without a host it is every address, of a name its first one.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| "write HOST:PORT or :PORT".to_owned())?;
    let port = port.parse::<u16>().map_err(|error| error.to_string())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = match host {
        "" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => {
            let why = |error: &dyn std::fmt::Display| format!("{host:?} has no address: {error}");
            let found = (host, port).to_socket_addrs();
            let mut found = found.map_err(|error| why(&error))?;
            return found.next().ok_or_else(|| why(&"none was found"));
        }
    };
    Ok(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        web: Web,
    }

    fn web(args: &str) -> Web {
        let args = ["program"].into_iter().chain(args.split_whitespace());
        Program::try_parse_from(args).unwrap().web
    }

    const PLAIN: Defaults = Defaults {
        port: 8080,
        tls: false,
    };
    const ENCRYPTED: Defaults = Defaults {
        port: 8443,
        tls: true,
    };

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        assert_eq!(address(":10250").unwrap(), "[::]:10250".parse().unwrap());
        assert_eq!(address("0.0.0.0:1").unwrap(), "0.0.0.0:1".parse().unwrap());
        assert_eq!(address("[::1]:1").unwrap(), "[::1]:1".parse().unwrap());
        assert_eq!(
            address("localhost:1").unwrap(),
            "127.0.0.1:1".parse().unwrap()
        );
        for odd in ["8080", "a host:1", ":x"] {
            assert!(address(odd).is_err(), "{odd}");
        }
        assert_eq!(web("").listen(ENCRYPTED).port(), 8443);
        assert_eq!(web("--web.listen-address=:1").listen(ENCRYPTED).port(), 1);
    }

    #[test]
    fn tls_is_on_or_off_as_the_program_and_its_flags_say() {
        assert!(web("").tls(PLAIN).unwrap().is_none());
        assert!(
            web("--web.enable-tls=false")
                .tls(ENCRYPTED)
                .unwrap()
                .is_none()
        );
        let none = "--web.enable-tls --web.cert-file= --web.key-file=";
        let error = web(none).tls(PLAIN).unwrap_err().to_string();
        assert_eq!(
            error,
            "server key and certificate must be provided when a client CA is configured"
        );
        let none = format!("{none} --web.client-ca-file=");
        assert!(web(&none).tls(PLAIN).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = |args: &str| format!("{:#}", web(args).tls(ENCRYPTED).unwrap_err());
        assert!(error("--web.cert-file=/nowhere/crt").contains("/nowhere/crt: No such file"));
        assert_eq!(
            error("--web.tls-min-version=VersionTLS11"),
            "TLS version \"TLS 1.1\" isn't supported"
        );
        assert!(error("--web.tls-min-version=1.3").contains("unknown tls version \"1.3\""));
        let args = ["program", "--web.tls-reload-interval=0s"];
        assert!(Program::try_parse_from(args).is_err());
    }
}
