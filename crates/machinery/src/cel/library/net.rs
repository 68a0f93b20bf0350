//! Addresses and networks (`apiserver/pkg/cel/library/{ip,cidr}.go`).

use std::fmt;
use std::net::IpAddr;

use super::super::error::EvalError;
use super::super::value::Value;
use super::{Answer, fail, give};
use crate::decode::quote;
use crate::go_netip::{parse_address, parse_prefix};

/// An address and how many of its bits are the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Cidr {
    fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4((u32::from(v4) & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                IpAddr::V6((u128::from(v6) & mask).into())
            }
        };
        Self { address, ..self }
    }

    fn contains(self, address: IpAddr) -> bool {
        let other = Self { address, ..self };
        address.is_ipv4() == self.address.is_ipv4() && other.masked() == self.masked()
    }

    fn contains_network(self, other: Self) -> bool {
        other.bits >= self.bits && self.contains(other.address)
    }
}

/// What every complaint of `cidr()` begins with.
const NO_NETWORK: &str = "network address parse error during conversion from string";

fn ip(text: &str) -> Result<IpAddr, String> {
    let address = parse_address(text).map_err(|why| {
        let quoted = quote(text);
        format!("IP Address {quoted} parse error during conversion from string: {why}")
    })?;
    if address.zoned {
        let quoted = quote(text);
        return Err(format!(
            "IP address {quoted} with zone value is not allowed"
        ));
    }
    if address.is_mapped() {
        return Err(mapped(text));
    }
    Ok(address.ip)
}

fn mapped(text: &str) -> String {
    format!("IPv4-mapped IPv6 address {} is not allowed", quote(text))
}

fn cidr(text: &str) -> Result<Cidr, String> {
    let (address, bits) =
        parse_prefix(text).map_err(|why| format!("{NO_NETWORK}: {NO_NETWORK}: {why}"))?;
    if address.is_mapped() {
        return Err(format!("{NO_NETWORK}: {}", mapped(text)));
    }
    let address = address.ip;
    Ok(Cidr { address, bits })
}

pub(super) fn call(function: &str, args: &[Value]) -> Answer {
    match (function, args) {
        ("ip", [Value::String(text)]) => ip(text).map_or_else(fail, |ip| give(Value::Ip(ip))),
        ("isIP", [Value::String(text)]) => give(ip(text).is_ok()),
        ("ip.isCanonical", [Value::String(text)]) => {
            ip(text).map_or_else(fail, |ip| give(ip.to_string() == text.as_ref()))
        }
        ("cidr", [Value::String(text)]) => {
            cidr(text).map_or_else(fail, |cidr| give(Value::Cidr(cidr)))
        }
        ("isCIDR", [Value::String(text)]) => give(cidr(text).is_ok()),
        (function, [Value::Ip(address)]) => property(function, *address),
        (function, [Value::Cidr(network), rest @ ..]) => of_network(function, *network, rest),
        _ => None,
    }
}

fn property(function: &str, address: IpAddr) -> Answer {
    let holds = match (function, address) {
        ("family", _) => return give(if address.is_ipv4() { 4_i64 } else { 6 }),
        ("isUnspecified", _) => address.is_unspecified(),
        ("isLoopback", _) => address.is_loopback(),
        ("isLinkLocalMulticast", IpAddr::V4(v4)) => matches!(v4.octets(), [224, 0, 0, _]),
        ("isLinkLocalMulticast", IpAddr::V6(v6)) => {
            matches!(v6.octets(), [0xff, scope, ..] if scope & 0x0f == 2)
        }
        ("isLinkLocalUnicast", IpAddr::V4(v4)) => v4.is_link_local(),
        ("isLinkLocalUnicast", IpAddr::V6(v6)) => v6.is_unicast_link_local(),
        ("isGlobalUnicast", _) => {
            let local = match address {
                IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
                IpAddr::V6(v6) => v6.is_unicast_link_local(),
            };
            !local && !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
        }
        _ => return None,
    };
    give(holds)
}

fn of_network(function: &str, network: Cidr, rest: &[Value]) -> Answer {
    match (function, rest) {
        ("ip", []) => give(Value::Ip(network.address)),
        ("prefixLength", []) => give(i64::from(network.bits)),
        ("masked", []) => give(Value::Cidr(network.masked())),
        ("containsIP", [Value::Ip(address)]) => give(network.contains(*address)),
        // Upstream doesn't say what is wrong with the text.
        ("containsIP", [Value::String(text)]) => Some(match ip(text) {
            Ok(address) => Ok(network.contains(address).into()),
            Err(_) => Err(EvalError::no_overload()),
        }),
        ("containsCIDR", [Value::Cidr(other)]) => give(network.contains_network(*other)),
        ("containsCIDR", [Value::String(text)]) => {
            cidr(text).map_or_else(fail, |other| give(network.contains_network(other)))
        }
        _ => None,
    }
}
