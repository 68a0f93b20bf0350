//! Where the platform listens.

use std::net::{SocketAddr, ToSocketAddrs as _};

use super::PORT;
use crate::cli::message;

/// An address with a port; names such as `localhost` are looked up, and one of IPv4 is taken first.
pub(super) fn read(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let found: Vec<SocketAddr> = text
        .to_socket_addrs()
        .map(Iterator::collect)
        .unwrap_or_default();
    let chosen = found.iter().find(|one| one.is_ipv4()).or(found.first());
    chosen.copied().ok_or_else(|| {
        format!("it is no address with a port: write one as in 127.0.0.1:{PORT}, [::1]:{PORT} or localhost:{PORT}")
    })
}

/// Says that others can come in where it doesn't listen on loopback alone.
pub(super) fn warn(listening: SocketAddr) {
    if !listening.ip().is_loopback() {
        message(&format!(
            "warning: {listening} is open to the network: whoever has a token of this cluster can use it from there"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_be_names_and_what_is_none_is_told_with_an_example() {
        let port = |text| read(text).map(|found| (found.ip().is_loopback(), found.port()));
        for text in ["localhost:17559", "127.0.0.1:17559", "[::1]:17559"] {
            assert_eq!(port(text), Ok((true, 17559)), "{text}");
        }
        for text in [
            "",
            "7443",
            "localhost",
            "127.0.0.1",
            "::1",
            "127.0.0.1:99999",
        ] {
            let why = port(text).unwrap_err();
            assert!(
                why.ends_with("as in 127.0.0.1:7443, [::1]:7443 or localhost:7443"),
                "{why}"
            );
        }
    }
}
