//! Checks of discoveries: catalogues and orchestrators.

use machinery::fields;
use machinery::labels::Selector;

use super::client::Client;
use super::scrape_config::Fault;
use super::{Check, Refusal};
use crate::api::service_discovery as api;
use crate::url;

type Checked = Result<(), Fault>;

impl Check<'_> {
    pub(super) fn http(self, one: &api::HttpSdConfig) -> Checked {
        url::parse(&one.url)?;
        Ok(self.client(Client::from(&one.client))?)
    }

    pub(super) fn kubernetes(self, one: &api::KubernetesSdConfig) -> Checked {
        self.client(Client::from(&one.client))?;
        if one.role == "EndpointSlice" && !self.supports((2, 21, 0)) {
            return refuse("EndpointSlice role is only supported for Prometheus version >= 2.21.0");
        }
        let own = one
            .namespaces
            .as_ref()
            .and_then(|namespaces| namespaces.own_namespace);
        if one.api_server.is_some() && own == Some(true) {
            return refuse("cannot use 'apiServer' and 'namespaces.ownNamespace' simultaneously");
        }
        for selector in &one.selectors {
            let allowed: &[&str] = match one.role.to_lowercase().as_str() {
                "pod" => &["pod"],
                "service" => &["service"],
                "endpointslice" => &["pod", "service", "endpointslice"],
                "endpoints" => &["pod", "service", "endpoints"],
                "node" => &["node"],
                "ingress" => &["ingress"],
                _ => {
                    return Err(Fault::Here(format!(
                        "invalid role: {:?}, expecting one of: pod, service, endpoints, endpointslice, node or ingress",
                        selector.role
                    )));
                }
            };
            if !allowed.contains(&selector.role.to_lowercase().as_str()) {
                let allowed = allowed.join(", ");
                return Err(Fault::Spaced(format!(
                    "{} role supports only {allowed} selectors",
                    one.role
                )));
            }
        }
        for selector in &one.selectors {
            if let Some(field) = &selector.field {
                fields::Selector::parse(field).map_err(|error| error.to_string())?;
            }
            if let Some(label) = &selector.label {
                Selector::parse(label).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    pub(super) fn consul(self, one: &api::ConsulSdConfig) -> Checked {
        let gates = [
            (
                one.path_prefix.is_some(),
                (2, 45, 0),
                "PathPrefix",
                "2.45.0",
            ),
            (one.namespace.is_some(), (2, 28, 0), "Namespace", "2.28.0"),
            (one.filter.is_some(), (3, 0, 0), "Filter", "3.0.0"),
            (
                one.health_filter.is_some(),
                (3, 11, 2),
                "HealthFilter",
                "3.11.2",
            ),
        ];
        for (used, since, field, version) in gates {
            // A pre-release of 3.0.0 knows filters already.
            let known = self.supports(since) || (field == "Filter" && self.version.major >= 3);
            if used && !known {
                return Err(Fault::Whole(format!(
                    "field `config.{field}` is only supported for Prometheus version >= {version}"
                )));
            }
        }
        self.client(Client::from(&one.client))?;
        if let Some(token) = &one.token_ref {
            self.secret(token)?;
        }
        Ok(())
    }

    #[allow(
        clippy::unused_self,
        reason = "it is called as the others of its kind are"
    )]
    pub(super) fn dns(self, one: &api::DnsSdConfig) -> Checked {
        match &one.r#type {
            Some(kind) if kind != "SRV" && one.port.is_none() => Err(Fault::Here(format!(
                "port required for record type {kind:?}"
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn kuma(self, one: &api::KumaSdConfig) -> Checked {
        if one.client_id.is_some() && !self.supports((2, 50, 0)) {
            return Err(Fault::Whole(
                "field `clientID` in kuma SD configuration is only supported for Prometheus version >= 2.50.0"
                    .to_owned(),
            ));
        }
        check_server(&one.server)?;
        Ok(self.client(Client::from(&one.client))?)
    }

    pub(super) fn eureka(self, one: &api::EurekaSdConfig) -> Checked {
        Ok(self.client(Client::from(&one.client))?)
    }

    pub(super) fn docker(self, one: &api::DockerSdConfig) -> Checked {
        if one.match_first_network.is_some() && !self.supports((2, 54, 1)) {
            return refuse(
                "field `matchFirstNetwork` is only supported for Prometheus version >= 2.54.1",
            );
        }
        self.client(Client::from(&one.client))?;
        url::parse(&one.host)?;
        Ok(())
    }

    pub(super) fn docker_swarm(self, one: &api::DockerSwarmSdConfig) -> Checked {
        url::parse(&one.host)?;
        Ok(self.client(Client::from(&one.client))?)
    }

    pub(super) fn nomad(self, one: &api::NomadSdConfig) -> Checked {
        check_server(&one.server)?;
        Ok(self.client(Client::from(&one.client))?)
    }

    pub(super) fn puppet_db(self, one: &api::PuppetDbSdConfig) -> Checked {
        let url = url::parse(&one.url)?;
        if url.scheme != "http" && url.scheme != "https" {
            return refuse("URL scheme must be 'http' or 'https'");
        }
        if url.host.is_empty() {
            return refuse("host is missing in URL");
        }
        Ok(self.client(Client::from(&one.client))?)
    }
}

fn check_server(server: &str) -> Result<(), Refusal> {
    let url = url::parse(server).map_err(|error| format!("cannot parse server: {error}"))?;
    if url.scheme.is_empty() || url.host.is_empty() {
        return Err(format!("must not be empty and have a scheme: {server}"));
    }
    Ok(())
}

/// Refuses an entry.
pub(super) fn refuse(text: &str) -> Checked {
    Err(Fault::Here(text.to_owned()))
}
