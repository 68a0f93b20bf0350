//! Flags of the Service of the kubelets.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use monitoring::kubelet::{Options, Preference};
use runtime::ObjectKey;

use super::flags::{positive, selector};
use crate::cli::fail;

/// The Service of the kubelets.
#[derive(Args, Debug)]
#[command(next_help_heading = "The Service of the kubelets")]
#[allow(
    clippy::struct_field_names,
    reason = "flags are called as the fields are"
)]
pub struct Kubelet {
    /// Keep a Service of this name with the kubelets of all nodes
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        default_value = "",
        hide_default_value = true
    )]
    kubelet_service: String,
    /// Only kubelets of nodes with these labels
    #[arg(long, default_value = "", value_parser = selector)]
    kubelet_selector: String,
    /// Which addresses of a node are taken if it has both
    #[arg(long, value_enum, default_value = "internal")]
    kubelet_node_address_priority: Priority,
    /// Write Endpoints
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", value_parser = super::flags::boolean, action = clap::ArgAction::Set)]
    kubelet_endpoints: bool,
    /// Write `EndpointSlices`
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", value_parser = super::flags::boolean, action = clap::ArgAction::Set)]
    kubelet_endpointslice: bool,
    /// How often nodes are looked at
    #[arg(long, value_name = "DURATION", default_value = "3m", value_parser = period)]
    kubelet_sync_period: Duration,
    /// Name the kubelets' port without TLS too
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", value_parser = super::flags::boolean, action = clap::ArgAction::Set)]
    kubelet_http_metrics: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Priority {
    Internal,
    External,
}

impl Kubelet {
    /// What is kept, if anything.
    ///
    /// # Errors
    /// If the Service has no name of that form, or would stay empty.
    pub fn options(self) -> Result<Option<Options>> {
        if self.kubelet_service.is_empty() {
            return Ok(None);
        }
        let named = self.kubelet_service.split_once('/');
        let named = named.filter(|(namespace, name)| {
            !namespace.is_empty() && !name.is_empty() && !name.contains('/')
        });
        let Some((namespace, name)) = named else {
            return fail(format!(
                "malformatted kubelet object string {:?}, must be in format \"namespace/name\"",
                self.kubelet_service
            ));
        };
        if !self.kubelet_endpoints && !self.kubelet_endpointslice {
            return fail(
                "at least one of endpoints or endpointslice needs to be enabled\nhint: --kubelet-endpoints, --kubelet-endpointslice",
            );
        }
        Ok(Some(Options {
            service: ObjectKey::new(namespace, name),
            selector: self.kubelet_selector,
            preference: match self.kubelet_node_address_priority {
                Priority::Internal => Preference::Internal,
                Priority::External => Preference::External,
            },
            endpoints: self.kubelet_endpoints,
            slices: self.kubelet_endpointslice,
            period: self.kubelet_sync_period,
            insecure_port: self.kubelet_http_metrics,
        }))
    }
}

fn period(text: &str) -> Result<Duration, String> {
    positive(text, "write 3m or 30s")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        kubelet: Kubelet,
    }

    fn options(args: &str) -> Result<Option<Options>> {
        let args = ["program"].into_iter().chain(args.split_whitespace());
        Program::try_parse_from(args).unwrap().kubelet.options()
    }

    #[test]
    fn flags_are_read_as_upstreams() {
        let expected = Options {
            service: ObjectKey::new("kube-system", "kubelet"),
            selector: String::new(),
            preference: Preference::Internal,
            endpoints: true,
            slices: false,
            period: Duration::from_mins(3),
            insecure_port: true,
        };
        let made = options("--kubelet-service=kube-system/kubelet").unwrap();
        assert_eq!(made, Some(expected.clone()));
        let made = options("--kubelet-service=kube-system/kubelet --kubelet-endpoints=false --kubelet-endpointslice --kubelet-sync-period=10s --kubelet-node-address-priority=external --kubelet-http-metrics=false --kubelet-selector=a=b").unwrap();
        let expected = Options {
            selector: "a=b".to_owned(),
            preference: Preference::External,
            endpoints: false,
            slices: true,
            period: Duration::from_secs(10),
            insecure_port: false,
            ..expected
        };
        assert_eq!(made, Some(expected));
        assert_eq!(options("").unwrap(), None);
        for odd in ["a", "a/", "/b", "a/b/c"] {
            let error = options(&format!("--kubelet-service={odd}")).unwrap_err();
            assert!(error.to_string().contains("must be in format"), "{odd}");
        }
        assert!(options("--kubelet-service=a/b --kubelet-endpoints=false").is_err());
    }
}
