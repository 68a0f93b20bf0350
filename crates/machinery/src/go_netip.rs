//! Addresses and prefixes as Go's `net/netip` reads them, and why it does not take one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::decode::quote;

/// Groups of an IPv6 address.
const GROUPS: usize = 8;
/// Fields of an IPv4 address.
const FIELDS: usize = 4;

/// An address, as `netip.ParseAddr` gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
    /// Whether a zone follows it: `fe80::1%eth0`.
    pub(crate) zoned: bool,
}

impl Address {
    /// Whether it is an IPv4 address written as one of IPv6: `::ffff:1.2.3.4`.
    pub(crate) fn is_mapped(self) -> bool {
        matches!(self.ip, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())
    }
}

/// What is wrong with a text, and where it begins if Go tells that.
#[derive(Debug, PartialEq, Eq)]
struct Fault<'a> {
    message: &'static str,
    at: Option<&'a str>,
}

impl<'a> Fault<'a> {
    fn of(message: &'static str) -> Self {
        Self { message, at: None }
    }

    fn at(message: &'static str, at: &'a str) -> Self {
        let at = Some(at).filter(|at| !at.is_empty());
        Self { message, at }
    }
}

/// Reads an address.
///
/// # Errors
/// `ParseAddr("1.2.3"): IPv4 address too short`.
pub(crate) fn parse_address(text: &str) -> Result<Address, String> {
    read(text).map_err(|fault| {
        let at = fault.at.map(|at| format!(" (at {})", quote(at)));
        format!(
            "ParseAddr({}): {}{}",
            quote(text),
            fault.message,
            at.unwrap_or_default()
        )
    })
}

/// Reads an address and the number of its bits that are the network's.
///
/// # Errors
/// `netip.ParsePrefix("1.2.3.4"): no '/'`.
pub(crate) fn parse_prefix(text: &str) -> Result<(Address, u8), String> {
    let refused = |reason: String| format!("netip.ParsePrefix({}): {reason}", quote(text));
    let (address, bits) = text
        .rsplit_once('/')
        .ok_or_else(|| refused("no '/'".to_owned()))?;
    let address = parse_address(address).map_err(refused)?;
    if address.zoned {
        let reason = "IPv6 zones cannot be present in a prefix";
        return Err(refused(reason.to_owned()));
    }
    let plain = bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    // Go reads them into 64 bits with a sign.
    let Some(bits) = bits.parse::<i64>().ok().filter(|_| plain) else {
        return Err(refused(format!("bad bits after slash: {}", quote(bits))));
    };
    let most = if address.ip.is_ipv4() { 32 } else { 128 };
    match u8::try_from(bits) {
        Ok(bits) if bits <= most => Ok((address, bits)),
        _ => Err(refused("prefix length out of range".to_owned())),
    }
}

/// What the first `.`, `:` or `%` is decides over how a text is read.
fn read(text: &str) -> Result<Address, Fault<'_>> {
    let address = |ip, zoned| Address { ip, zoned };
    match text.chars().find(|c| matches!(c, '.' | ':' | '%')) {
        Some('.') => match text.parse::<Ipv4Addr>() {
            Ok(v4) => Ok(address(v4.into(), false)),
            Err(_) => Err(fault_of_v4(text)),
        },
        Some(':') => {
            let (v6, zone) = text
                .split_once('%')
                .map_or((text, None), |(v6, zone)| (v6, Some(zone)));
            if zone == Some("") {
                return Err(Fault::of("zone must be a non-empty string"));
            }
            match v6.parse::<Ipv6Addr>() {
                Ok(v6) => Ok(address(v6.into(), zone.is_some())),
                Err(_) => Err(fault_of_v6(v6)),
            }
        }
        Some(_) => Err(Fault::of("missing IPv6 address")),
        None => Err(Fault::of("unable to parse IP")),
    }
}

/// Why a text is no IPv4 address.
fn fault_of_v4(text: &str) -> Fault<'_> {
    let mut rest = text;
    for nth in 1.. {
        let (field, after) = rest.find('.').map_or((rest, ""), |dot| rest.split_at(dot));
        if let Some(fault) = fault_of_field(field, rest) {
            return fault;
        }
        if after.is_empty() {
            break;
        }
        if field.is_empty() || after == "." {
            return Fault::at("IPv4 field must have at least one digit", after);
        }
        if nth == FIELDS {
            return Fault::of("IPv4 address too long");
        }
        rest = after.strip_prefix('.').unwrap_or_default();
    }
    Fault::of("IPv4 address too short")
}

/// Why a text is no number of an IPv4 address; `rest` begins with it.
fn fault_of_field<'a>(field: &str, rest: &'a str) -> Option<Fault<'a>> {
    let digits = leading(field, |c| c.is_ascii_digit());
    let number = field.get(..digits).unwrap_or_default();
    if number.len() > 1 && number.starts_with('0') {
        return Some(Fault::of("IPv4 field has octet with leading zero"));
    }
    if !number.is_empty() && number.parse::<u8>().is_err() {
        return Some(Fault::of("IPv4 field has value >255"));
    }
    let at = rest.get(digits..).unwrap_or_default();
    (digits < field.len()).then(|| Fault::at("unexpected character", at))
}

/// Why a text without a zone is no IPv6 address.
fn fault_of_v6(text: &str) -> Fault<'_> {
    let opened = text.strip_prefix("::");
    let mut gap = opened.is_some();
    let mut rest = opened.unwrap_or(text);
    let mut groups = 0;
    while groups < GROUPS {
        let digits = leading(rest, |c| c.is_ascii_hexdigit());
        if digits > 4 {
            return Fault::at("each group must have 4 or less digits", rest);
        }
        if digits == 0 {
            let message = "each colon-separated field must have at least one digit";
            return Fault::at(message, rest);
        }
        let after = rest.get(digits..).unwrap_or_default();
        if after.starts_with('.') {
            if let Some(fault) = fault_of_embedded(rest, groups, gap) {
                return fault;
            }
            (groups, rest) = (groups + 2, "");
            break;
        }
        groups += 1;
        let Some(next) = after.strip_prefix(':') else {
            if after.is_empty() {
                rest = after;
                break;
            }
            return Fault::at("unexpected character, want colon", after);
        };
        if next.is_empty() {
            return Fault::at("colon must be followed by more characters", after);
        }
        rest = next;
        if let Some(beyond) = next.strip_prefix(':') {
            if gap {
                return Fault::at("multiple :: in address", next);
            }
            (gap, rest) = (true, beyond);
            if beyond.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return Fault::at("trailing garbage after address", rest);
    }
    if groups < GROUPS {
        return Fault::of("address string too short");
    }
    Fault::of("the :: must expand to at least one field of zeros")
}

/// Why an IPv4 address can't end an IPv6 address after so many groups.
fn fault_of_embedded(v4: &str, groups: usize, gap: bool) -> Option<Fault<'_>> {
    if !gap && groups != GROUPS - 2 {
        let message = "embedded IPv4 address must replace the final 2 fields of the address";
        return Some(Fault::at(message, v4));
    }
    if groups > GROUPS - 2 {
        let message = "too many hex fields to fit an embedded IPv4 at the end of the address";
        return Some(Fault::at(message, v4));
    }
    v4.parse::<Ipv4Addr>().is_err().then(|| fault_of_v4(v4))
}

/// How many bytes at the beginning are such characters, all of them ASCII.
fn leading(text: &str, is_such: impl Fn(char) -> bool) -> usize {
    text.len() - text.trim_start_matches(is_such).len()
}

#[test]
fn what_is_no_address_is_told_as_go_tells_it() {
    for (text, complaint) in [
        ("", "unable to parse IP"),
        ("%eth", "missing IPv6 address"),
        ("01.2.3.4", "IPv4 field has octet with leading zero"),
        (
            "1..2.3",
            "IPv4 field must have at least one digit (at \".2.3\")",
        ),
        ("1.2.3", "IPv4 address too short"),
        (
            "1.2.3.",
            "IPv4 field must have at least one digit (at \".\")",
        ),
        ("1.2.3.4%e", "unexpected character (at \"%e\")"),
        ("1.2.3.4.5", "IPv4 address too long"),
        ("1.2.3.4/", "unexpected character (at \"/\")"),
        ("1.2.3.4/-1", "unexpected character (at \"/-1\")"),
        ("1.2.3.4/08", "unexpected character (at \"/08\")"),
        ("1.2.3.4/33", "unexpected character (at \"/33\")"),
        ("1.2.3.4/8", "unexpected character (at \"/8\")"),
        ("1.2.3.4/a", "unexpected character (at \"/a\")"),
        ("1.2.3.4000", "IPv4 field has value >255"),
        ("1.2.3.a", "unexpected character (at \"a\")"),
        ("10.0.0.0/8", "unexpected character (at \"/8\")"),
        (
            "12345::",
            "each group must have 4 or less digits (at \"12345::\")",
        ),
        ("1:2", "address string too short"),
        (
            "1:2:3:4:5:6:7:1.2.3.4",
            "embedded IPv4 address must replace the final 2 fields of the address (at \"1.2.3.4\")",
        ),
        (
            "1:2:3:4:5:6:7:8:9",
            "trailing garbage after address (at \"9\")",
        ),
        ("1::2::3", "multiple :: in address (at \":3\")"),
        ("256.1.1.1", "IPv4 field has value >255"),
        (
            "::/129",
            "each colon-separated field must have at least one digit (at \"/129\")",
        ),
        ("::1%", "zone must be a non-empty string"),
        ("::1.2.3", "IPv4 address too short"),
        (
            ":::",
            "each colon-separated field must have at least one digit (at \":\")",
        ),
        ("::ffff:1.2.3.4/100", "unexpected character (at \"/100\")"),
        (
            "::g",
            "each colon-separated field must have at least one digit (at \"g\")",
        ),
        ("a", "unable to parse IP"),
        ("a\"b", "unable to parse IP"),
        ("q", "unable to parse IP"),
        ("x/8", "unable to parse IP"),
        ("é", "unable to parse IP"),
        (
            "1:2:3:4:5:6:7::1.2.3.4",
            "too many hex fields to fit an embedded IPv4 at the end of the address (at \"1.2.3.4\")",
        ),
        ("1:2-3::", "unexpected character, want colon (at \"-3::\")"),
        (
            "1:2:",
            "colon must be followed by more characters (at \":\")",
        ),
        (
            "1:2:3:4::5:6:7:8",
            "the :: must expand to at least one field of zeros",
        ),
    ] {
        let wanted = format!("ParseAddr({}): {complaint}", quote(text));
        assert_eq!(parse_address(text), Err(wanted), "{text}");
    }
}

#[test]
fn what_is_no_prefix_is_told_as_go_tells_it() {
    for (text, complaint) in [
        ("", "no '/'"),
        ("1.2.3.4", "no '/'"),
        ("1.2.3.4/", "bad bits after slash: \"\""),
        ("1.2.3.4/-1", "bad bits after slash: \"-1\""),
        ("1.2.3.4/08", "bad bits after slash: \"08\""),
        ("1.2.3.4/33", "prefix length out of range"),
        ("1.2.3.4/a", "bad bits after slash: \"a\""),
        ("::/129", "prefix length out of range"),
        ("fe80::1%en/64", "IPv6 zones cannot be present in a prefix"),
        ("x/8", "ParseAddr(\"x\"): unable to parse IP"),
    ] {
        let wanted = format!("netip.ParsePrefix({}): {complaint}", quote(text));
        assert_eq!(parse_prefix(text), Err(wanted), "{text}");
    }
}

#[test]
fn addresses_and_prefixes_are_read() {
    let v4 = IpAddr::from([1, 2, 3, 4]);
    let link_local: IpAddr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into();
    let read = |text| parse_address(text).map(|address| (address.ip, address.zoned));
    assert_eq!(read("1.2.3.4"), Ok((v4, false)));
    assert_eq!(read("FE80::1"), Ok((link_local, false)));
    assert_eq!(read("fe80::1%a%b"), Ok((link_local, true)));
    let mapped = parse_address("::ffff:1.2.3.4").map(Address::is_mapped);
    assert_eq!(mapped, Ok(true));
    let prefix = |text| parse_prefix(text).map(|(address, bits)| (address.ip, bits));
    assert_eq!(prefix("1.2.3.4/0"), Ok((v4, 0)));
    assert_eq!(prefix("fe80::1/128"), Ok((link_local, 128)));
}
