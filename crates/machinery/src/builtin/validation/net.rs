//! IP addresses and CIDRs (`apimachinery/pkg/util/validation/ip.go`), strict as `StrictIPCIDRValidation` has them.

use std::net::{IpAddr, Ipv4Addr};

use super::read::{At, Errors};

/// An address as Go's `netutils.ParseIPSloppy` reads it: octets may have leading zeros.
pub fn parse_sloppy(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| sloppy_v4(text))
}

fn sloppy_v4(text: &str) -> Option<IpAddr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts
            .next()
            .filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *octet = part.parse().ok()?;
    }
    parts
        .next()
        .is_none()
        .then(|| Ipv4Addr::from(octets).into())
}

fn is_mapped(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

/// An address in a field that predates strict rules: any valid form, without leading zeros.
pub fn legacy_ip(at: &At<'_>, errors: &mut Errors) {
    let text = at.text();
    match (text.parse::<IpAddr>(), parse_sloppy(text)) {
        (Ok(address), _) if is_mapped(&address) => {
            errors.push(at.invalid_as(text, "must not be an IPv4-mapped IPv6 address"));
        }
        (Ok(_), _) => {}
        (Err(_), Some(_)) => errors.push(at.invalid_as(text, "must not have leading 0s")),
        (Err(_), None) => {
            errors.push(at.invalid_as(
                text,
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ));
        }
    }
}

/// An address in its one canonical form.
pub fn strict_ip(at: &At<'_>, errors: &mut Errors) {
    let before = errors.len();
    legacy_ip(at, errors);
    if let (true, Ok(address)) = (errors.len() == before, at.text().parse::<IpAddr>())
        && address.to_string() != at.text()
    {
        errors.push(at.invalid(format!("must be in canonical form (\"{address}\")")));
    }
}

/// A network: prefix length, no bits beyond it, no leading zeros.
pub fn legacy_cidr(at: &At<'_>, text: &str, errors: &mut Errors) {
    let parsed = text.split_once('/').and_then(|(address, length)| {
        let address = parse_sloppy(address)?;
        let length: u32 = Some(length)
            .filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()))?
            .parse()
            .ok()?;
        (length <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, length))
    });
    let Some((address, length)) = parsed else {
        errors.push(at.invalid_as(
            text,
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        ));
        return;
    };
    let plain = text
        .split_once('/')
        .is_some_and(|(ip, bits)| ip.parse::<IpAddr>().is_ok() && bits == length.to_string());
    let detail = if !plain {
        "must not have leading 0s in IP or prefix length"
    } else if is_mapped(&address) {
        "must not have an IPv4-mapped IPv6 address"
    } else if has_host_bits(&address, length) {
        "must not have bits set beyond the prefix length"
    } else {
        return;
    };
    errors.push(at.invalid_as(text, detail));
}

/// A network in its one canonical form.
pub fn strict_cidr(at: &At<'_>, errors: &mut Errors) {
    let before = errors.len();
    legacy_cidr(at, at.text(), errors);
    if errors.len() > before {
        return;
    }
    let canonical = at.text().split_once('/').and_then(|(address, length)| {
        let address = address.parse::<IpAddr>().ok()?;
        Some(format!("{address}/{length}"))
    });
    if let Some(canonical) = canonical
        && canonical != at.text()
    {
        errors.push(at.invalid(format!("must be in canonical form (\"{canonical}\")")));
    }
}

/// Whether a network is one of IPv6, and not of IPv4 written as such; `None` where it is none.
pub fn family_of_cidr(text: &str) -> Option<bool> {
    let (address, length) = text.split_once('/')?;
    let address = parse_sloppy(address)?;
    let length: u32 = length.parse().ok()?;
    let fits = length <= if address.is_ipv4() { 32 } else { 128 };
    fits.then_some(address.is_ipv6() && !is_mapped(&address))
}

fn has_host_bits(address: &IpAddr, length: u32) -> bool {
    match address {
        IpAddr::V4(address) => address
            .to_bits()
            .checked_shl(length)
            .is_some_and(|rest| rest != 0),
        IpAddr::V6(address) => address
            .to_bits()
            .checked_shl(length)
            .is_some_and(|rest| rest != 0),
    }
}

/// Whether a network lies within a larger one; `None` where one of them is none.
pub fn is_strict_subset(inner: &str, outer: &str) -> Option<bool> {
    let bits = |text: &str| {
        let (address, length) = text.split_once('/')?;
        let (bits, width) = match parse_sloppy(address)? {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        Some((
            bits,
            length
                .parse::<u32>()
                .ok()
                .filter(|length| *length <= width)?,
            width,
        ))
    };
    let ((inner, inner_length, inner_width), (outer, outer_length, outer_width)) =
        (bits(inner)?, bits(outer)?);
    let shared = (inner ^ outer).checked_shr(128 - outer_length).unwrap_or(0);
    Some(inner_width == outer_width && outer_length < inner_length && shared == 0)
}

/// An address that can be an endpoint or an external address of a service.
pub fn endpoint_ip(at: &At<'_>, errors: &mut Errors) {
    let text = at.text();
    let Some(address) = parse_sloppy(text) else {
        errors.push(at.invalid_as(text, "must be a valid IP address"));
        return;
    };
    let address = address.to_canonical();
    let (link_local, link_local_multicast) = match address {
        IpAddr::V4(address) => (
            address.is_link_local(),
            matches!(address.octets(), [224, 0, 0, _]),
        ),
        IpAddr::V6(address) => {
            let first = address.segments().first().copied().unwrap_or_default();
            (address.is_unicast_link_local(), first & 0xff0f == 0xff02)
        }
    };
    let mut complain = |wrong: bool, detail: String| {
        if wrong {
            errors.push(at.invalid(detail));
        }
    };
    complain(
        address.is_unspecified(),
        format!("may not be unspecified ({text})"),
    );
    complain(
        address.is_loopback(),
        "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned(),
    );
    complain(
        link_local,
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned(),
    );
    let range = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
    complain(link_local_multicast, range.to_owned());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, rule: impl Fn(&At<'_>, &mut Errors)) -> Option<String> {
        let value = json!(text);
        let mut errors = Errors::new();
        rule(&At::new("ip", &value), &mut errors);
        errors.first().map(|error| error.detail.clone())
    }

    #[test]
    fn addresses_must_be_unambiguous() {
        assert_eq!(check("10.0.0.1", legacy_ip), None);
        assert_eq!(check("FE80:0:0:0:0:0:0:0abc", legacy_ip), None);
        assert_eq!(
            check("010.0.0.1", legacy_ip).unwrap(),
            "must not have leading 0s"
        );
        assert_eq!(
            check("::ffff:1.2.3.4", legacy_ip).unwrap(),
            "must not be an IPv4-mapped IPv6 address"
        );
        assert_eq!(
            check("FE80::1", strict_ip).unwrap(),
            "must be in canonical form (\"fe80::1\")"
        );
        assert_eq!(
            check("127.0.0.1", endpoint_ip).unwrap(),
            "may not be in the loopback range (127.0.0.0/8, ::1/128)"
        );
    }

    #[test]
    fn networks_have_no_host_bits() {
        let cidr = |text: &str| check(text, |at, errors| legacy_cidr(at, at.text(), errors));
        assert_eq!(cidr("10.0.0.0/8"), None);
        assert_eq!(cidr("0.0.0.0/0"), None);
        assert_eq!(cidr("10.0.0.1/32"), None);
        assert_eq!(
            cidr("10.0.0.1/8").unwrap(),
            "must not have bits set beyond the prefix length"
        );
        assert_eq!(
            cidr("10.0.0.0/08").unwrap(),
            "must not have leading 0s in IP or prefix length"
        );
        assert!(
            cidr("10.0.0.0/33")
                .unwrap()
                .starts_with("must be a valid CIDR value")
        );
    }
}
