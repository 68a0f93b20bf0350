//! What a cluster's DNS and its Services would give a program: `NAME.NAMESPACE.svc:PORT` in a configuration becomes the address
//! of a pod that is ready.

use std::collections::BTreeMap;

use machinery::meta;
use serde_json::Value;

use crate::part::items;

/// The domain of the cluster.
const DOMAIN: &str = ".cluster.local";

/// The Services of the cluster and what they point to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<(String, String), Service>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Service {
    headless: bool,
    /// Names of ports by their numbers.
    ports: BTreeMap<u16, String>,
    pods: Vec<Pod>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pod {
    ip: String,
    hostname: String,
    /// Numbers of ports by their names.
    ports: BTreeMap<String, u16>,
}

fn text(value: &Value, pointer: &str) -> String {
    crate::part::text(value, pointer).to_owned()
}

fn port(value: &Value, key: &str) -> Option<u16> {
    u16::try_from(value.get(key)?.as_u64()?).ok()
}

fn key(object: &Value) -> (String, String) {
    (
        meta::namespace(object).to_owned(),
        meta::name(object).to_owned(),
    )
}

impl Names {
    /// From all Services and Endpoints.
    pub fn new(services: &[Value], endpoints: &[Value]) -> Self {
        let mut names: BTreeMap<(String, String), Service> = services
            .iter()
            .map(|service| {
                let ports = items(service, "/spec/ports");
                let made = Service {
                    headless: text(service, "/spec/clusterIP") == "None",
                    ports: ports
                        .filter_map(|one| Some((port(one, "port")?, text(one, "/name"))))
                        .collect(),
                    pods: Vec::new(),
                };
                (key(service), made)
            })
            .collect();
        for object in endpoints {
            let Some(service) = names.get_mut(&key(object)) else {
                continue;
            };
            for subset in items(object, "/subsets") {
                let ports: BTreeMap<String, u16> = items(subset, "/ports")
                    .filter_map(|one| Some((text(one, "/name"), port(one, "port")?)))
                    .collect();
                service
                    .pods
                    .extend(items(subset, "/addresses").map(|address| Pod {
                        ip: text(address, "/ip"),
                        hostname: text(address, "/hostname"),
                        ports: ports.clone(),
                    }));
            }
        }
        Self(names)
    }

    /// A text with the hosts in it replaced that are known.
    pub fn rewrite(&self, text: &str) -> String {
        if !text.contains(".svc") {
            return text.to_owned();
        }
        let is_host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        let mut out = String::new();
        let mut rest = text;
        while let Some(begin) = rest.find(is_host) {
            let (before, tail) = rest.split_at(begin);
            out.push_str(before);
            let end = tail.find(|c| !is_host(c)).unwrap_or(tail.len());
            let (host, after) = tail.split_at(end);
            let (number, beyond) = number(after);
            let usual = if out.ends_with("https://") { 443 } else { 80 };
            if let Some((ip, port)) = self.resolve(host, number.unwrap_or(usual)) {
                out.extend([ip, ":", &port.to_string()]);
                rest = beyond;
            } else {
                out.push_str(host);
                rest = after;
            }
        }
        out.push_str(rest);
        out
    }

    /// Addresses and ports that the cluster's DNS would lead to: of a host and a port, or of a name such as
    /// `_web._tcp.HOST`, which has its ports with it. `None` for a name that isn't the cluster's.
    pub fn records(&self, name: &str, port: u16) -> Option<Vec<String>> {
        if let Some(rest) = name.strip_prefix('_') {
            let (named, rest) = rest.split_once("._")?;
            let (_, host) = rest.split_once('.')?;
            let (service, _) = self.find(host)?;
            let pods = service.pods.iter();
            let found =
                pods.filter_map(|pod| Some(format!("{}:{}", pod.ip, pod.ports.get(named)?)));
            return Some(found.collect());
        }
        let (service, pod) = self.find(name)?;
        if service.headless && pod.is_none() {
            let pods = service.pods.iter();
            return Some(pods.map(|pod| format!("{}:{port}", pod.ip)).collect());
        }
        let found = self.resolve(name, port);
        Some(
            found
                .map(|(ip, port)| format!("{ip}:{port}"))
                .into_iter()
                .collect(),
        )
    }

    /// The Service of a host, and the pod of it that the host is.
    fn find<'a>(&self, host: &'a str) -> Option<(&Service, Option<&'a str>)> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = host.strip_suffix(DOMAIN).unwrap_or(host);
        let mut parts = host.strip_suffix(".svc")?.rsplit('.');
        let (namespace, service, pod) = (parts.next()?, parts.next()?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        let service = self.0.get(&(namespace.to_owned(), service.to_owned()))?;
        Some((service, pod))
    }

    /// Address and port of a pod behind a host and one of its ports.
    fn resolve(&self, host: &str, port: u16) -> Option<(&str, u16)> {
        let (service, pod) = self.find(host)?;
        let mut pods = service.pods.iter();
        let found = pods.find(|one| pod.is_none_or(|pod| one.hostname == pod))?;
        let named = service.ports.get(&port);
        let target = named.and_then(|name| found.ports.get(name)).copied();
        // DNS of a pod, and of a headless Service, gives an address only: the port is the pod's.
        let direct = (service.headless || pod.is_some()).then_some(port);
        Some((&found.ip, direct.or(target)?))
    }
}

/// The port at the beginning of a text, and what comes behind it.
fn number(text: &str) -> (Option<u16>, &str) {
    let Some(digits) = text.strip_prefix(':') else {
        return (None, text);
    };
    let end = digits.find(|c: char| !c.is_ascii_digit());
    let (digits, after) = digits.split_at(end.unwrap_or(digits.len()));
    digits
        .parse()
        .map_or((None, text), |port| (Some(port), after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        let service = json!({"metadata": {"namespace": "default", "name": "receiver"},
            "spec": {"clusterIP": "10.96.0.7", "ports": [{"name": "web", "port": 80}]}});
        let operated = json!({"metadata": {"namespace": "m", "name": "operated"},
            "spec": {"clusterIP": "None", "ports": [{"name": "web", "port": 9093}]}});
        let endpoints = json!({"metadata": {"namespace": "default", "name": "receiver"}, "subsets": [
            {"addresses": [{"ip": "127.2.0.5"}], "ports": [{"name": "web", "port": 8080}]}]});
        let members = json!({"metadata": {"namespace": "m", "name": "operated"}, "subsets": [
            {"addresses": [{"ip": "127.2.0.6", "hostname": "a-0"}, {"ip": "127.2.0.7", "hostname": "a-1"}],
             "ports": [{"name": "web", "port": 9093}]}]});
        Names::new(&[service, operated], &[endpoints, members])
    }

    #[test]
    fn hosts_of_services_become_addresses_of_pods() {
        let names = names();
        for (text, expected) in [
            (
                "http://receiver.default.svc/alerts",
                "http://127.2.0.5:8080/alerts",
            ),
            (
                "http://receiver.default.svc.cluster.local.:80/x",
                "http://127.2.0.5:8080/x",
            ),
            ("a-1.operated.m.svc:9094", "127.2.0.7:9094"),
            ("operated.m.svc.cluster.local:1", "127.2.0.6:1"),
        ] {
            assert_eq!(names.rewrite(text), expected);
        }
    }

    #[test]
    fn names_lead_to_addresses_as_dns_has_them() {
        let names = names();
        let all = |ips: &[&str]| Some(ips.iter().map(|&ip| ip.to_owned()).collect::<Vec<_>>());
        for (name, expected) in [
            ("receiver.default.svc", all(&["127.2.0.5:8080"])),
            (
                "operated.m.svc.cluster.local",
                all(&["127.2.0.6:80", "127.2.0.7:80"]),
            ),
            ("a-1.operated.m.svc", all(&["127.2.0.7:80"])),
            (
                "_web._tcp.operated.m.svc.cluster.local.",
                all(&["127.2.0.6:9093", "127.2.0.7:9093"]),
            ),
            ("_other._tcp.operated.m.svc", all(&[])),
            ("other.default.svc", None),
            ("_web._tcp.example.com", None),
        ] {
            assert_eq!(names.records(name, 80), expected, "{name}");
        }
    }

    #[test]
    fn what_leads_nowhere_stays() {
        let names = names();
        for text in [
            "http://other.default.svc/",
            "http://receiver.default.svc:81/",
            "https://receiver.default.svc/",
            "receiver.default.svc.example.com",
            "(receiver|x).svcs, über.default.svc",
        ] {
            assert_eq!(names.rewrite(text), text);
        }
    }
}
