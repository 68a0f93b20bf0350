//! Which monitors a workload takes, and whether each of them can become a job (upstream's `resource_selector.go`).
//!
//! A monitor is checked alone: one that is refused is left out with a reason, the jobs of the others stay as they are.
//! References are looked up in the namespace of the monitor.

mod alertmanager;
mod client;
mod cloud;
mod discovery;
mod monitors;
mod pem;
pub mod relabel;
mod scrape_config;
mod which;
mod workload;

pub use alertmanager::{
    ApiVersion, check_alertmanager_config, check_global_client, check_global_config, validate,
};
pub(crate) use client::check_safe_tls;
pub use monitors::{check_pod_monitor, check_probe, check_service_monitor};
pub use scrape_config::check_scrape_config;
pub use which::Wanted;
pub use workload::{check_common, check_remote_write, check_server};

use crate::api::common::{SecretKeySelector, SecretOrConfigMap};
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::config::assets::Scope;
use crate::config::version::{Since, Version};

/// Why a monitor is refused: the field and what is wrong with it.
pub type Refusal = String;

/// What checks look at.
#[derive(Clone, Copy)]
pub struct Check<'a> {
    /// Fields of the workload.
    pub common: &'a CommonPrometheusFields,
    /// Version of the program that gets the job.
    pub version: &'a Version,
    /// Assets of the namespace of the monitor.
    pub scope: Scope<'a>,
}

impl Check<'_> {
    fn supports(self, since: Since) -> bool {
        self.version.at_least(since)
    }

    fn secret(self, reference: &SecretKeySelector) -> Result<String, Refusal> {
        self.scope
            .secret(reference)
            .map_err(|error| error.explain())
    }

    fn text(self, reference: &SecretOrConfigMap) -> Result<String, Refusal> {
        self.scope.text(reference).map_err(|error| error.explain())
    }

    /// The class a monitor names must exist.
    fn scrape_class(self, name: Option<&String>) -> Result<(), Refusal> {
        let known = |name: &String| {
            self.common
                .scrape_classes
                .iter()
                .any(|class| class.name == *name)
        };
        match name {
            Some(name) if !name.is_empty() && !known(name) => Err(format!(
                "scrapeClass {name:?} not found in Prometheus scrapeClasses"
            )),
            _ => Ok(()),
        }
    }

    /// A scrape must end before the next one begins.
    fn timing(self, interval: Option<&String>, timeout: Option<&String>) -> Result<(), Refusal> {
        let filled = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
        let Some(timeout) = filled(timeout) else {
            return Ok(());
        };
        let interval = filled(interval).or_else(|| self.common.scrape_interval.clone());
        crate::duration::timeout_within_interval(&timeout, &interval.unwrap_or_default())
    }
}

/// Puts the place before what is wrong there.
trait At<T> {
    fn at(self, place: &str) -> Result<T, Refusal>;
}

impl<T> At<T> for Result<T, Refusal> {
    fn at(self, place: &str) -> Result<T, Refusal> {
        self.map_err(|refusal| format!("{place}: {refusal}"))
    }
}
