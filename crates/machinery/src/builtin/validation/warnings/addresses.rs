//! Addresses and networks that are valid in a field from before there were rules
//! (`apimachinery/pkg/util/validation/ip.go`, `GetWarningsForIP`, `GetWarningsForCIDR`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::read::At;

/// An address with zeros in front of its numbers as well.
fn sloppy(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let parts: Vec<u8> = text
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let parts: [u8; 4] = parts.try_into().ok()?;
    Some(IpAddr::V4(Ipv4Addr::from(parts)))
}

fn mapped(address: Ipv6Addr) -> Option<IpAddr> {
    address.to_ipv4_mapped().map(IpAddr::V4)
}

/// Warns of an address that isn't written as it should be.
pub(super) fn address(at: &At<'_>, warnings: &mut Vec<String>) {
    let (path, text) = (at.path(), at.text());
    let Some(parsed) = sloppy(text) else {
        return;
    };
    let standard = match parsed {
        IpAddr::V4(_) => text.parse::<Ipv4Addr>().is_err().then_some(parsed),
        IpAddr::V6(six) => mapped(six),
    };
    if let Some(standard) = standard {
        warnings.push(format!(
            "{path}: non-standard IP address {text:?} is invalid: use \"{standard}\""
        ));
    } else if parsed.is_ipv6() && parsed.to_string() != text {
        warnings.push(format!(
            "{path}: IPv6 address {text:?} should be in RFC 5952 canonical format (\"{parsed}\")"
        ));
    }
}

/// Warns of a network that isn't written as it should be.
pub(super) fn network(at: &At<'_>, warnings: &mut Vec<String>) {
    let (path, text) = (at.path(), at.text());
    let Some((address, bits)) = text.split_once('/') else {
        return;
    };
    let (Some(parsed), Ok(length)) = (sloppy(address), bits.parse::<u32>()) else {
        return;
    };
    let (parsed, length) = match parsed {
        IpAddr::V6(six) => match mapped(six) {
            Some(four) => (four, length.saturating_sub(96)),
            None => (parsed, length),
        },
        IpAddr::V4(_) => (parsed, length),
    };
    let (masked, width) = match parsed {
        IpAddr::V4(four) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(length))
                .unwrap_or(0);
            (IpAddr::V4(Ipv4Addr::from_bits(four.to_bits() & mask)), 32)
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(length))
                .unwrap_or(0);
            (IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & mask)), 128)
        }
    };
    let before = warnings.len();
    if masked != parsed {
        warnings.push(format!(
            "{path}: CIDR value {text:?} is ambiguous in this context (should be \"{masked}/{length}\" or \
             \"{parsed}/{width}\"?)"
        ));
    }
    let standard = address.parse::<IpAddr>().is_ok_and(|given| given == parsed)
        && (bits == "0" || !bits.starts_with('0'));
    if !standard {
        warnings.push(format!(
            "{path}: non-standard CIDR value {text:?} is invalid: use \"{masked}/{length}\""
        ));
    }
    if warnings.len() == before && parsed.is_ipv6() && format!("{parsed}/{length}") != text {
        warnings.push(format!(
            "{path}: IPv6 CIDR value {text:?} should be in RFC 5952 canonical format (\"{parsed}/{length}\")"
        ));
    }
}
