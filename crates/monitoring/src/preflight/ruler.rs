//! Whether Thanos Ruler would take the file that says where it writes to (`cmd/thanos/rule.go` of Thanos), which is read by the
//! Prometheus that it is built with.

use super::{Reader, Variables};
use crate::config::prometheus::built_with;
use crate::config::version::Version;

/// Why a version of Thanos Ruler wouldn't write to what a text names, by the fields of the ruler. A version that doesn't read
/// such a file takes any.
pub fn check(text: &str, version: &Version) -> Result<(), String> {
    let Some(prometheus) = built_with(version) else {
        return Ok(());
    };
    let prometheus = Version::parse(prometheus).map_err(|error| error.to_string())?;
    // Thanos passes over what isn't known.
    let reader = Reader {
        is_newer: true,
        variables: Variables::None,
        ..Reader::new(&prometheus)
    };
    reader.text(text).map_err(|fault| {
        let fault = super::in_the_workloads_words(fault);
        format!("Thanos Ruler {version} would refuse the remote-write configuration: {fault}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(version: &str, remote_write: &str) -> String {
        let version = Version::parse(version).unwrap();
        let text = format!("remote_write:\n- {remote_write}\n");
        check(&text, &version).err().unwrap_or_default()
    }

    #[test]
    fn what_a_ruler_would_refuse_is_told_by_its_field_with_what_to_do() {
        assert_eq!(said("0.42.4", "url: http://x/"), "");
        let place = "would refuse the remote-write configuration: spec.remoteWrite";
        for (remote_write, wanted) in [
            (
                "{url: 'http://x/', remote_timeout: 5}",
                "[0].remoteTimeout: not a valid duration string: \"5\"; write one as in 30s or 1m30s (in its configuration: remote_write[0].remote_timeout)",
            ),
            (
                "{url: 'http://x/', headers: {Authorization: a}}",
                "[0].headers: authorization header must be changed via",
            ),
            (
                "url: http://x/\n- url: http://x/",
                "[1]: the same as [0]; remove one, or give it a name (in its configuration: remote_write[1])",
            ),
            (
                "{url: 'http://x/', name: a}\n- {url: 'http://y/', name: a}",
                "[1].name: \"a\" is the name of two; rename one",
            ),
        ] {
            let told = said("0.42.4", remote_write);
            let wanted = format!("Thanos Ruler 0.42.4 {place}{wanted}");
            assert!(told.starts_with(&wanted), "{told}");
        }
    }

    #[test]
    fn a_ruler_reads_as_the_prometheus_that_it_is_built_with() {
        let certificate = "{url: 'http://x/', tls_config: {cert_file: a}}";
        assert_eq!(said("0.31.0", certificate), "");
        assert!(said("0.32.0", certificate).contains("spec.remoteWrite[0].tlsConfig: "));
        // What it doesn't know it passes over, unlike Prometheus.
        let newer = "{url: 'http://x/', protobuf_message: nonsense}";
        assert_eq!(said("0.36.1", newer), "");
        assert!(said("0.37.0", newer).contains(".protobufMessage: "));
        // It writes elsewhere, and doesn't read this.
        assert_eq!(said("0.23.0", "nothing"), "");
    }
}
