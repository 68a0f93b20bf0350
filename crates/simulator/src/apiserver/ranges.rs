//! Ranges of Service addresses beside the first one.
//!
//! Mirrors `pkg/registry/core/service/ipallocator/cidrallocator.go`: an address that somebody asks for may be of any range that is
//! ready; one that nobody asks for is of the first.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;

use super::ApiServer;
use crate::builtin::object;

/// A network of IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    first: u32,
    last: u32,
}

impl Range {
    /// Reads `ADDRESS/LENGTH`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
        let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
        let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
        Some(Self {
            first: address & !hosts,
            last: address | hosts,
        })
    }

    /// Those of a `ServiceCIDR`.
    pub(crate) fn all(object: &Value) -> impl Iterator<Item = Self> {
        let texts = object.pointer("/spec/cidrs").and_then(Value::as_array);
        let texts = texts.into_iter().flatten().filter_map(Value::as_str);
        texts.filter_map(Self::parse)
    }

    /// Whether an address is in it.
    pub(crate) fn contains(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&u32::from(address))
    }

    /// Whether a Service may have an address: not that of the network, nor the one for everybody.
    fn offers(self, address: Ipv4Addr) -> bool {
        self.contains(address) && ![self.first, self.last].contains(&u32::from(address))
    }
}

impl ApiServer {
    /// Whether a range other than the first offers an address.
    pub(crate) fn other_range_offers(&self, address: &str) -> bool {
        let Ok(address) = address.parse::<Ipv4Addr>() else {
            return false;
        };
        let ready = |object: &Arc<Value>| {
            object::is_true(object, "Ready")
                && machinery::meta::name(object) != super::own::RANGE
                && machinery::meta::deletion_timestamp(object).is_none()
        };
        self.objects_of("networking.k8s.io/servicecidrs")
            .filter(ready)
            .any(|object| Range::all(&object).any(|range| range.offers(address)))
    }
}

#[test]
fn a_range_has_a_first_and_a_last_address_that_nobody_gets() {
    let range = Range::parse("10.200.0.0/24").unwrap();
    let offers = |text: &str| range.offers(text.parse().unwrap());
    assert!(offers("10.200.0.1") && offers("10.200.0.254"));
    assert!(!offers("10.200.0.0") && !offers("10.200.0.255") && !offers("10.200.1.1"));
    assert_eq!(Range::parse("10.200.0.0/33"), None);
    assert_eq!(Range::parse("2001:db8::/64"), None);
    let one = Range::parse("192.0.2.1/32").unwrap();
    assert!(one.contains("192.0.2.1".parse().unwrap()));
    assert!(
        Range::parse("0.0.0.0/0")
            .unwrap()
            .offers("9.9.9.9".parse().unwrap())
    );
}
