//! Where clients find a server that listens on all addresses.
//!
//! As `--advertise-address` of kube-apiserver, which is that of the interface of the default route unless it is given
//! (`ResolveBindAddress` in `apimachinery/pkg/util/net`).

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// An address of this machine in place of an unspecified one; any other stays. Without a network that is loopback.
pub(super) fn address(listening: SocketAddr) -> SocketAddr {
    if !listening.ip().is_unspecified() {
        return listening;
    }
    // Who listens on all IPv6 addresses does so on those of IPv4 too, and that is what the cluster has.
    let own = interface().unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    SocketAddr::new(own.ip(), listening.port())
}

/// From where this machine would send to others. Nothing is sent: the address is one for documentation.
fn interface() -> Option<SocketAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let own = socket.local_addr().ok()?;
    (!own.ip().is_unspecified()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_an_unspecified_address() {
        for given in ["127.0.0.1:7443", "[::1]:7443", "192.0.2.7:7443"] {
            let given: SocketAddr = given.parse().unwrap();
            assert_eq!(address(given), given);
        }
        for given in ["0.0.0.0:7443", "[::]:7443"] {
            let found = address(given.parse().unwrap());
            assert!(found.is_ipv4() && !found.ip().is_unspecified(), "{found}");
            assert_eq!(found.port(), 7443);
        }
    }
}
