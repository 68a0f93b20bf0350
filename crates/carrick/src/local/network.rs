//! What a pod's own network would give a program, put into its arguments: `localhost` and ports without a host are the pod's.

use std::net::Ipv4Addr;

/// Flags whose value is for others to follow.
const FOR_OTHERS: &[&str] = &["--web.external-url=", "--alert.query-url="];

/// An argument with the pod's address where it means the pod.
pub fn localise(argument: &str, ip: Ipv4Addr) -> String {
    if FOR_OTHERS.iter().any(|flag| argument.starts_with(flag)) {
        return argument.to_owned();
    }
    let Some((flag, value)) = argument.split_once('=') else {
        return argument.to_owned();
    };
    if is_port(value) {
        return format!("{flag}={ip}{value}");
    }
    for host in ["localhost", "127.0.0.1", "0.0.0.0", "[::]"] {
        let (scheme, rest) = match value.split_once("://") {
            Some((scheme, rest)) => (format!("{scheme}://"), rest),
            None => (String::new(), value),
        };
        let after = rest.strip_prefix(host);
        if let Some(after) = after.filter(|after| after.starts_with(':')) {
            return format!("{flag}={scheme}{ip}{after}");
        }
    }
    argument.to_owned()
}

fn is_port(value: &str) -> bool {
    let port = value.strip_prefix(':');
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_is_where_a_program_thinks_it_is_alone() {
        let ip = Ipv4Addr::new(127, 2, 0, 9);
        for (argument, expected) in [
            ("--listen-address=:8080", "--listen-address=127.2.0.9:8080"),
            (
                "--reload-url=http://localhost:9090/-/reload",
                "--reload-url=http://127.2.0.9:9090/-/reload",
            ),
            (
                "--web.listen-address=127.0.0.1:9093",
                "--web.listen-address=127.2.0.9:9093",
            ),
            (
                "--web.external-url=http://localhost:9090",
                "--web.external-url=http://localhost:9090",
            ),
            ("--cluster.listen-address=", "--cluster.listen-address="),
            ("--a=localhosts:1", "--a=localhosts:1"),
            ("--web.enable-lifecycle", "--web.enable-lifecycle"),
        ] {
            assert_eq!(localise(argument, ip), expected);
        }
    }
}
