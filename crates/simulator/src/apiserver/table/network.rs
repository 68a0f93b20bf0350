//! Rows of services, endpoints and networking.k8s.io.

use std::collections::BTreeSet;

use machinery::{labels, meta};
use serde_json::Value;

use super::view::{View, with_more};

pub(super) fn service(view: View<'_>) -> Vec<Value> {
    let ports: Vec<String> = view
        .list("/spec/ports")
        .map(|port| {
            let (number, protocol) = (port.int("/port"), port.str("/protocol"));
            match port.int("/nodePort") {
                1.. => format!("{number}:{}/{protocol}", port.int("/nodePort")),
                _ => format!("{number}/{protocol}"),
            }
        })
        .collect();
    let ports = if ports.is_empty() {
        "<none>".to_owned()
    } else {
        ports.join(",")
    };
    vec![
        view.name(),
        Value::from(view.str("/spec/type")),
        Value::from(if view.len("/spec/clusterIPs") == 0 {
            "<none>"
        } else {
            view.str("/spec/clusterIPs/0")
        }),
        Value::from(external_ip(view)),
        Value::from(ports),
        view.age(),
        Value::from(labels::format_labels(&meta::string_map(
            view.get("/spec/selector"),
        ))),
    ]
}

fn external_ip(view: View<'_>) -> String {
    let external = view.strs("/spec/externalIPs").join(",");
    match view.str("/spec/type") {
        "ClusterIP" | "NodePort" if external.is_empty() => "<none>".to_owned(),
        "ClusterIP" | "NodePort" => external,
        "LoadBalancer" => {
            let balancer = ingress_addresses(view);
            match (balancer.is_empty(), external.is_empty()) {
                (true, true) => "<pending>".to_owned(),
                (true, false) => external,
                (false, true) => balancer,
                (false, false) => format!("{balancer},{external}"),
            }
        }
        "ExternalName" => view.str("/spec/externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// Addresses of a load balancer, sorted.
fn ingress_addresses(view: View<'_>) -> String {
    let addresses: BTreeSet<&str> = view
        .list("/status/loadBalancer/ingress")
        .map(|ingress| {
            if ingress.str("/ip").is_empty() {
                ingress.str("/hostname")
            } else {
                ingress.str("/ip")
            }
        })
        .filter(|address| !address.is_empty())
        .collect();
    addresses.into_iter().collect::<Vec<_>>().join(",")
}

pub(super) fn endpoints(view: View<'_>) -> Vec<Value> {
    let mut addresses = Vec::new();
    for subset in view.list("/subsets") {
        let ips: Vec<&str> = subset
            .list("/addresses")
            .map(|address| address.str("/ip"))
            .collect();
        if subset.len("/ports") == 0 {
            addresses.extend(ips.iter().map(|ip| (*ip).to_owned()));
        }
        for port in subset.list("/ports") {
            addresses.extend(ips.iter().map(|ip| host_port(ip, port.int("/port"))));
        }
    }
    let text = if view.len("/subsets") == 0 {
        "<none>".to_owned()
    } else {
        with_more(&addresses, 3)
    };
    vec![view.name(), Value::from(text), view.age()]
}

fn host_port(ip: &str, port: i64) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

pub(super) fn endpoint_slice(view: View<'_>) -> Vec<Value> {
    let ports: Vec<String> = view
        .list("/ports")
        .map(|port| match port.get("/port").and_then(Value::as_i64) {
            Some(number) => number.to_string(),
            None => port
                .get("/name")
                .and_then(Value::as_str)
                .unwrap_or("*")
                .to_owned(),
        })
        .collect();
    let addresses: Vec<String> = view
        .list("/endpoints")
        .flat_map(|endpoint| endpoint.strs("/addresses"))
        .map(str::to_owned)
        .collect();
    let or_unset = |text: String| {
        if text.is_empty() {
            "<unset>".to_owned()
        } else {
            text
        }
    };
    vec![
        view.name(),
        Value::from(view.str("/addressType")),
        Value::from(or_unset(with_more(&ports, 3))),
        Value::from(or_unset(with_more(&addresses, 3))),
        view.age(),
    ]
}

pub(super) fn networking(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    Some(match plural {
        "ingresses" => ingress(view),
        "ingressclasses" => ingress_class(view),
        "networkpolicies" => {
            let selector = view
                .get("/spec/podSelector")
                .cloned()
                .unwrap_or_else(|| serde_json::json!({}));
            vec![
                view.name(),
                Value::from(labels::format_label_selector(&selector)),
                view.age(),
            ]
        }
        "servicecidrs" => vec![
            view.name(),
            Value::from(view.strs("/spec/cidrs").join(",")),
            view.age(),
        ],
        "ipaddresses" => vec![view.name(), Value::from(parent_reference(view)), view.age()],
        _ => return None,
    })
}

fn ingress(view: View<'_>) -> Vec<Value> {
    vec![
        view.name(),
        Value::from(
            view.get("/spec/ingressClassName")
                .and_then(Value::as_str)
                .unwrap_or("<none>"),
        ),
        Value::from(hosts(view)),
        Value::from(ingress_addresses(view)),
        Value::from(if view.len("/spec/tls") == 0 {
            "80"
        } else {
            "80, 443"
        }),
        view.age(),
    ]
}

fn hosts(view: View<'_>) -> String {
    let rules = view.list("/spec/rules").len();
    let mut hosts: Vec<&str> = Vec::new();
    let mut more = false;
    for rule in view.list("/spec/rules") {
        more |= hosts.len() == 3;
        let host = rule.str("/host");
        if !more && !host.is_empty() {
            hosts.push(host);
        }
    }
    let text = hosts.join(",");
    match (hosts.is_empty(), more) {
        (true, _) => "*".to_owned(),
        (false, true) => format!("{text} + {} more...", rules - 3),
        (false, false) => text,
    }
}

fn ingress_class(view: View<'_>) -> Vec<Value> {
    let default =
        view.str("/metadata/annotations/ingressclass.kubernetes.io~1is-default-class") == "true";
    let name = format!(
        "{}{}",
        view.str("/metadata/name"),
        if default { " (default)" } else { "" }
    );
    let parameters = view.get("/spec/parameters").map_or_else(
        || "<none>".to_owned(),
        |parameters| {
            let parameters = view.of(parameters);
            let group = parameters.get("/apiGroup").and_then(Value::as_str);
            let group = group.map(|group| format!(".{group}")).unwrap_or_default();
            format!(
                "{}{group}/{}",
                parameters.str("/kind"),
                parameters.str("/name")
            )
        },
    );
    vec![
        Value::from(name),
        Value::from(view.str("/spec/controller")),
        Value::from(parameters),
        view.age(),
    ]
}

fn parent_reference(view: View<'_>) -> String {
    let Some(parent) = view.get("/spec/parentRef") else {
        return "<none>".to_owned();
    };
    let parent = view.of(parent);
    let (group, resource) = (parent.str("/group"), parent.str("/resource"));
    let dot = if group.is_empty() { "" } else { "." };
    let mut parts = vec![format!("{resource}{dot}{group}").to_lowercase()];
    parts.extend(
        Some(parent.str("/namespace"))
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
    );
    parts.push(parent.str("/name").to_owned());
    parts.join("/")
}
