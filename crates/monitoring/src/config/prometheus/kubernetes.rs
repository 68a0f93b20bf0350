//! `kubernetes_sd_configs` of monitors.

use serde_json::json;

use machinery::labels::Selector;

use super::generator::Generator;
use crate::api::common::{LabelSelector, NamespaceSelector};
use crate::config::version::Since;
use crate::config::yaml::{Mapping, filled};

/// What is discovered for a job.
pub(super) struct Discovery<'a> {
    /// `endpoints`, `endpointslice`, `pod` or `ingress`.
    pub(super) role: &'a str,
    /// Namespaces; all if empty.
    pub(super) namespaces: Vec<String>,
    /// Whether node metadata is attached, and since when that is known.
    pub(super) attach: Option<(bool, Since)>,
    /// Roles whose objects the API server selects, and how.
    pub(super) selectors: Option<(Vec<&'a str>, &'a LabelSelector)>,
}

impl Generator<'_> {
    /// `endpointslice` where cluster and version know it and it is wanted.
    pub(super) fn endpoints_role(&self, wanted: Option<&String>) -> &'static str {
        let wanted = wanted.is_some_and(|wanted| wanted == "EndpointSlice");
        if wanted && self.options.endpoint_slice_supported && self.version.at_least((2, 21, 0)) {
            "endpointslice"
        } else {
            "endpoints"
        }
    }

    /// The namespaces a monitor may look into.
    pub(super) fn namespaces(
        &self,
        selector: Option<&NamespaceSelector>,
        own: &str,
    ) -> Vec<String> {
        let own = vec![own.to_owned()];
        if self.common.ignore_namespace_selectors == Some(true) {
            return own;
        }
        match selector {
            Some(selector) if selector.any == Some(true) => Vec::new(),
            Some(selector) if !selector.match_names.is_empty() => selector.match_names.clone(),
            _ => own,
        }
    }

    /// Whether node metadata is attached: by the monitor, its class, or because shards need the zone.
    pub(super) fn attach(&self, wanted: Option<bool>, since: Since) -> Option<(bool, Since)> {
        if self.needs_node_zone() {
            return Some((true, since));
        }
        wanted.map(|wanted| (wanted, since))
    }

    /// `kubernetes_sd_configs`. Credentials for the API server are those of Prometheus' own namespace.
    pub(super) fn kubernetes_discovery(&self, out: &mut Mapping, discovery: Discovery) {
        let mut block = Mapping::new().with("role", discovery.role);
        if !discovery.namespaces.is_empty() {
            block.put(
                "namespaces",
                Mapping::new().with("names", discovery.namespaces),
            );
        }
        self.api_server(&mut block);
        if let Some((node, since)) = discovery.attach {
            self.put_since(
                &mut block,
                since,
                "attach_metadata",
                Mapping::new().with("node", node),
            );
        }
        let mut selectors = Vec::new();
        if self.options.daemon_set {
            selectors.push(
                Mapping::new()
                    .with("role", "pod")
                    .with("field", "spec.nodeName=$(NODE_NAME)"),
            );
        }
        if let Some((roles, selector)) = discovery.selectors {
            let label = selector_text(selector);
            selectors.extend(
                roles
                    .iter()
                    .map(|role| Mapping::new().with("role", *role).with("label", &label)),
            );
        }
        if !selectors.is_empty() {
            block.put("selectors", selectors);
        }
        out.put("kubernetes_sd_configs", vec![block]);
    }

    fn api_server(&self, block: &mut Mapping) {
        let Some(config) = &self.common.apiserver_config else {
            return;
        };
        let scope = self.own_scope();
        block.put("api_server", &config.host);
        self.basic_auth(block, scope, config.basic_auth.as_ref());
        block.put_some("bearer_token", filled(&config.bearer_token));
        block.put_some("bearer_token_file", filled(&config.bearer_token_file));
        self.authorization(block, scope, config.authorization.as_ref());
        self.tls(block, scope, config.tls_config.as_ref());
        self.proxy(block, scope, &config.proxy);
    }
}

/// A selector in the syntax of the API server.
fn selector_text(selector: &LabelSelector) -> String {
    let expressions: Vec<_> = selector
        .match_expressions
        .iter()
        .map(|one| json!({"key": one.key, "operator": one.operator, "values": one.values}))
        .collect();
    let value = json!({"matchLabels": selector.match_labels, "matchExpressions": expressions});
    Selector::from_label_selector(&value)
        .map(|selector| selector.to_string())
        .unwrap_or_default()
}
