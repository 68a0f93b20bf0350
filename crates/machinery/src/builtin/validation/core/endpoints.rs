//! Endpoints, the old form of EndpointSlices.

use crate::builtin::validation::net;
use crate::builtin::validation::pod::qualified_name;
use crate::builtin::validation::read::{At, Errors, same};
use crate::names;

/// The subsets; on updates, unchanged ones are not looked at.
pub fn endpoints(object: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let subsets = object.child("subsets");
    if old.is_some_and(|old| same(old.child("subsets").value(), subsets.value())) {
        return;
    }
    for subset in subsets.items() {
        let lists = [subset.child("addresses"), subset.child("notReadyAddresses")];
        if lists.iter().all(At::is_empty) {
            errors.push(subset.required("must specify `addresses` or `notReadyAddresses`"));
        }
        for address in lists.iter().flat_map(At::items) {
            self::address(&address, errors);
        }
        let ports = subset.child("ports").items();
        for port in &ports {
            self::port(port, ports.len() > 1, errors);
        }
    }
}

fn address(address: &At<'_>, errors: &mut Errors) {
    let (ip, hostname) = (address.child("ip"), address.child("hostname"));
    net::legacy_ip(&ip, errors);
    if !hostname.is_empty() {
        hostname.complain(names::dns1123_label(hostname.text()), errors);
    }
    if let Some(node) = address.child("nodeName").set() {
        node.complain(names::dns1123_subdomain(node.text()), errors);
    }
    net::endpoint_ip(&ip, errors);
}

fn port(port: &At<'_>, require_name: bool, errors: &mut Errors) {
    let (name, number) = (port.child("name"), port.child("port"));
    if !name.is_empty() {
        name.complain(names::dns1123_label(name.text()), errors);
    } else if require_name {
        errors.push(name.required(""));
    }
    for complaint in names::port_number(number.int()) {
        errors.push(number.invalid_as(number.int(), complaint));
    }
    port.child("protocol")
        .one_of(&["SCTP", "TCP", "UDP"], errors);
    if let Some(protocol) = port.child("appProtocol").set() {
        qualified_name(&protocol, errors);
    }
}
