//! `alerting`: relabelings of alerts and the Alertmanagers.

use machinery::int_or_string::IntOrString;

use super::additional::mappings;
use super::generator::{ConfigError, Generator};
use super::kubernetes::Discovery;
use super::relabel::Rules;
use super::server::Additional;
use crate::api::prometheus::{AlertingSpec, AlertmanagerEndpoints};
use crate::config::yaml::{Mapping, filled};

impl Generator<'_> {
    /// The block, if anything belongs into it.
    pub(super) fn alerting(
        &self,
        out: &mut Mapping,
        alerting: Option<&AlertingSpec>,
        additional: &Additional,
    ) -> Result<(), ConfigError> {
        let (relabelings, alertmanagers) = (
            &additional.alert_relabel_configs,
            &additional.alertmanager_configs,
        );
        if alerting.is_none() && relabelings.is_none() && alertmanagers.is_none() {
            return Ok(());
        }
        let within = |error: ConfigError| error.within("generating alerting configuration failed");
        let mut managers: Vec<Mapping> = alerting
            .iter()
            .flat_map(|alerting| &alerting.alertmanagers)
            .map(|endpoints| self.alertmanager(endpoints))
            .collect();
        let text = alertmanagers.as_deref().unwrap_or_default();
        managers.extend(mappings(text, "alertmanager configs").map_err(within)?);
        let mut rules = Vec::new();
        let replica = self
            .common
            .replica_external_label_name
            .as_deref()
            .unwrap_or("prometheus_replica");
        if !replica.is_empty() {
            rules.push(
                Mapping::new()
                    .with("action", "labeldrop")
                    .with("regex", quoted(replica)),
            );
        }
        let text = relabelings.as_deref().unwrap_or_default();
        rules.extend(mappings(text, "alerting relabel configs").map_err(within)?);
        out.put(
            "alerting",
            Mapping::new()
                .with("alert_relabel_configs", rules)
                .with("alertmanagers", managers),
        );
        Ok(())
    }

    fn alertmanager(&self, endpoints: &AlertmanagerEndpoints) -> Mapping {
        let scope = self.own_scope();
        let mut out = Mapping::new();
        out.put_some(
            "scheme",
            endpoints
                .scheme
                .as_ref()
                .map(|scheme| scheme.to_lowercase()),
        );
        out.put_some("path_prefix", endpoints.path_prefix.as_ref());
        out.put_some("timeout", endpoints.timeout.as_ref());
        self.put_some_since(&mut out, (2, 35, 0), "enable_http2", endpoints.enable_http2);
        self.tls(&mut out, scope, endpoints.tls_config.as_ref());
        self.proxy(&mut out, scope, &endpoints.proxy);
        let role = self.endpoints_role(self.common.service_discovery_role.as_ref());
        let namespace = endpoints
            .namespace
            .as_deref()
            .unwrap_or(&self.metadata.namespace);
        self.kubernetes_discovery(
            &mut out,
            Discovery {
                role,
                namespaces: self.namespaces(None, namespace),
                attach: None,
                selectors: None,
            },
        );
        out.put_some("bearer_token_file", filled(&endpoints.bearer_token_file));
        if self.supports((2, 26, 0)) {
            self.basic_auth(&mut out, scope, endpoints.basic_auth.as_ref());
        } else if endpoints.basic_auth.is_some() {
            self.unsupported("basic_auth");
        }
        self.safe_authorization(&mut out, scope, endpoints.authorization.as_ref());
        self.sigv4(&mut out, scope, (2, 48, 0), endpoints.sigv4.as_ref());
        let api = endpoints
            .api_version
            .as_ref()
            .map(|version| version.to_lowercase());
        let known = api.filter(|api| api == "v2" || (api == "v1" && self.version.major <= 2));
        self.put_some_since(&mut out, (2, 11, 0), "api_version", known);

        let mut rules = Rules::default();
        rules.filter("keep", ["__meta_kubernetes_service_name"], &endpoints.name);
        match &endpoints.port {
            Some(IntOrString::String(name)) if !name.is_empty() => {
                let prefix = if role == "endpointslice" {
                    "endpointslice"
                } else {
                    "endpoint"
                };
                rules.filter(
                    "keep",
                    [format!("__meta_kubernetes_{prefix}_port_name")],
                    name,
                );
            }
            Some(IntOrString::Int(number)) if *number != 0 => {
                let number = number.to_string();
                rules.filter(
                    "keep",
                    ["__meta_kubernetes_pod_container_port_number"],
                    number,
                );
            }
            Some(IntOrString::String(_) | IntOrString::Int(_)) | None => {}
        }
        rules.extend(&endpoints.relabelings);
        out.put("relabel_configs", rules);
        if !endpoints.alert_relabelings.is_empty() {
            let mut rules = Rules::default();
            rules.extend(&endpoints.alert_relabelings);
            self.put_since(&mut out, (2, 51, 0), "alert_relabel_configs", rules);
        }
        out
    }
}

/// A text as a pattern that matches it alone.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
