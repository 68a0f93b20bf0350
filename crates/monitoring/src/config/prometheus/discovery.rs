//! Service discoveries of a ScrapeConfig: files, catalogues and orchestrators.

use serde_json::Value;

use machinery::yaml::Ordered;

use super::generator::{ConfigError, Generator};
use crate::api::common::{
    BasicAuth, Filter, HttpClientConfig, OAuth2, ProxyConfig, SafeAuthorization, SecretKeySelector,
};
use crate::api::scrape_config::ScrapeConfigSpec;
use crate::api::service_discovery as api;
use crate::config::assets::Scope;
use crate::config::version::Since;
use crate::config::yaml::{IntoNode, Mapping, natural, sorted};

/// What a discovery is made with: the generator, the namespace's assets and the name of the job, for messages.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) generator: &'a Generator<'a>,
    pub(super) scope: Scope<'a>,
    pub(super) job: &'a str,
}

type Made = Result<Mapping, ConfigError>;

impl Generator<'_> {
    /// Every discovery, each kind under its key.
    #[allow(clippy::too_many_lines, reason = "a table of kinds")]
    pub(super) fn discoveries(
        &self,
        out: &mut Mapping,
        scope: Scope,
        spec: &ScrapeConfigSpec,
        job: &str,
    ) -> Result<(), ConfigError> {
        let maker = Maker {
            generator: self,
            scope,
            job,
        };
        list(out, "static_configs", &spec.static_configs, |one| {
            Ok(Mapping::new()
                .with("targets", &one.targets)
                .with("labels", natural(&one.labels)))
        })?;
        list(out, "file_sd_configs", &spec.file_sd_configs, |one| {
            let mut block = Mapping::new().with("files", &one.files);
            block.put_some("refresh_interval", one.refresh_interval.as_ref());
            Ok(block)
        })?;
        list(out, "http_sd_configs", &spec.http_sd_configs, |one| {
            Ok(maker.http(one))
        })?;
        list(
            out,
            "kubernetes_sd_configs",
            &spec.kubernetes_sd_configs,
            |one| Ok(maker.kubernetes(one)),
        )?;
        list(out, "consul_sd_configs", &spec.consul_sd_configs, |one| {
            maker.consul(one)
        })?;
        list(out, "dns_sd_configs", &spec.dns_sd_configs, |one| {
            Ok(maker.dns(one))
        })?;
        list(out, "ec2_sd_configs", &spec.ec2_sd_configs, |one| {
            maker.ec2(one)
        })?;
        list(out, "azure_sd_configs", &spec.azure_sd_configs, |one| {
            maker.azure(one)
        })?;
        list(out, "gce_sd_configs", &spec.gce_sd_configs, |one| {
            Ok(maker.gce(one))
        })?;
        list(
            out,
            "openstack_sd_configs",
            &spec.openstack_sd_configs,
            |one| maker.openstack(one),
        )?;
        list(
            out,
            "digitalocean_sd_configs",
            &spec.digital_ocean_sd_configs,
            |one| Ok(maker.digital_ocean(one)),
        )?;
        list(out, "kuma_sd_configs", &spec.kuma_sd_configs, |one| {
            Ok(maker.kuma(one))
        })?;
        list(out, "eureka_sd_configs", &spec.eureka_sd_configs, |one| {
            Ok(maker.eureka(one))
        })?;
        list(out, "docker_sd_configs", &spec.docker_sd_configs, |one| {
            Ok(maker.docker(one))
        })?;
        list(out, "linode_sd_configs", &spec.linode_sd_configs, |one| {
            Ok(maker.linode(one))
        })?;
        list(out, "hetzner_sd_configs", &spec.hetzner_sd_configs, |one| {
            Ok(maker.hetzner(one))
        })?;
        list(out, "nomad_sd_configs", &spec.nomad_sd_configs, |one| {
            Ok(maker.nomad(one))
        })?;
        list(
            out,
            "dockerswarm_sd_configs",
            &spec.docker_swarm_sd_configs,
            |one| Ok(maker.docker_swarm(one)),
        )?;
        list(
            out,
            "puppetdb_sd_configs",
            &spec.puppet_db_sd_configs,
            |one| Ok(maker.puppet_db(one)),
        )?;
        list(
            out,
            "lightsail_sd_configs",
            &spec.light_sail_sd_configs,
            |one| maker.light_sail(one),
        )?;
        list(
            out,
            "ovhcloud_sd_configs",
            &spec.ovhcloud_sd_configs,
            |one| Ok(maker.ovh_cloud(one)),
        )?;
        list(
            out,
            "scaleway_sd_configs",
            &spec.scaleway_sd_configs,
            |one| Ok(maker.scaleway(one)),
        )?;
        list(out, "ionos_sd_configs", &spec.ionos_sd_configs, |one| {
            Ok(maker.ionos(one))
        })
    }
}

fn list<T>(
    out: &mut Mapping,
    key: &str,
    all: &[T],
    make: impl Fn(&T) -> Made,
) -> Result<(), ConfigError> {
    if all.is_empty() {
        return Ok(());
    }
    let blocks: Result<Vec<Mapping>, ConfigError> = all.iter().map(make).collect();
    out.put(key, blocks?);
    Ok(())
}

impl Maker<'_> {
    /// Authentication and proxy of a client.
    pub(super) fn client(self, out: &mut Mapping, client: &HttpClientConfig) {
        self.authentication(
            out,
            client.basic_auth.as_ref(),
            client.authorization.as_ref(),
            client.oauth2.as_ref(),
            &client.proxy,
        );
    }

    /// Authentication and proxy, in the order most kinds have them.
    pub(super) fn authentication(
        self,
        out: &mut Mapping,
        basic: Option<&BasicAuth>,
        authorization: Option<&SafeAuthorization>,
        oauth2: Option<&OAuth2>,
        proxy: &ProxyConfig,
    ) {
        self.generator.basic_auth(out, self.scope, basic);
        self.generator
            .safe_authorization(out, self.scope, authorization);
        self.generator.oauth2(out, self.scope, oauth2);
        self.generator.proxy(out, self.scope, proxy);
    }

    /// The text of a Secret that must be there; `what` names it in the message.
    pub(super) fn secret(
        self,
        reference: &SecretKeySelector,
        what: &str,
    ) -> Result<String, ConfigError> {
        self.scope.secret(reference).map_err(|error| {
            let name = reference.name.as_deref().unwrap_or_default();
            ConfigError(format!(
                "failed to {} {}: {error}",
                what.replace("{}", name),
                self.job
            ))
        })
    }

    pub(super) fn since(
        self,
        out: &mut Mapping,
        since: Since,
        key: &str,
        value: Option<impl IntoNode>,
    ) {
        self.generator.put_some_since(out, since, key, value);
    }

    fn http(self, one: &api::HttpSdConfig) -> Mapping {
        let (mut out, generator) = (Mapping::new(), self.generator);
        generator.basic_auth(&mut out, self.scope, one.client.basic_auth.as_ref());
        generator.safe_authorization(&mut out, self.scope, one.client.authorization.as_ref());
        generator.safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        generator.proxy(&mut out, self.scope, &one.client.proxy);
        generator.oauth2(&mut out, self.scope, one.client.oauth2.as_ref());
        out.put("url", &one.url);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        out
    }

    fn kubernetes(self, one: &api::KubernetesSdConfig) -> Mapping {
        let mut out = Mapping::new();
        out.put_some("api_server", one.api_server.as_ref());
        let role = one.role.to_lowercase();
        let since = if one.role == "EndpointSlice" {
            (2, 21, 0)
        } else {
            (0, 0, 0)
        };
        self.since(&mut out, since, "role", Some(&role));
        self.client(&mut out, &one.client);
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        if let Some(namespaces) = &one.namespaces {
            let mut block = Mapping::new().with("names", &namespaces.names);
            block.put_some("own_namespace", namespaces.own_namespace);
            out.put("namespaces", block);
        }
        if !one.selectors.is_empty() {
            let selectors: Vec<Mapping> = one
                .selectors
                .iter()
                .map(|selector| {
                    let mut block = Mapping::new().with("role", selector.role.to_lowercase());
                    block.put_some("label", selector.label.as_ref());
                    block.put_some("field", selector.field.as_ref());
                    block
                })
                .collect();
            self.since(&mut out, (2, 17, 0), "selectors", Some(selectors));
        }
        if let Some(attach) = &one.attach_metadata {
            let node = attach
                .node
                .map_or(Ordered::Scalar(Value::Null), IntoNode::into_node);
            let block = Mapping::new().with("node", node);
            match role.as_str() {
                "pod" => self.since(&mut out, (2, 35, 0), "attach_metadata", Some(block)),
                "endpoints" | "endpointslice" => {
                    self.since(&mut out, (2, 37, 0), "attach_metadata", Some(block));
                }
                _ => self.generator.warn(format!(
                    "ignoring attachMetadata not supported by Prometheus for role: {}",
                    one.role
                )),
            }
        }
        out
    }

    fn consul(self, one: &api::ConsulSdConfig) -> Made {
        let mut out = Mapping::new();
        self.client(&mut out, &one.client);
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        out.put("server", &one.server);
        out.put_some("path_prefix", one.path_prefix.as_ref());
        if let Some(token) = &one.token_ref {
            out.put("token", self.secret(token, "read {} secret")?);
        }
        out.put_some("datacenter", one.datacenter.as_ref());
        out.put_some("namespace", one.namespace.as_ref());
        out.put_some("partition", one.partition.as_ref());
        out.put_some(
            "scheme",
            one.scheme.as_ref().map(|scheme| scheme.to_lowercase()),
        );
        put_list(&mut out, "services", &one.services);
        put_list(&mut out, "tags", &one.tags);
        out.put_some("tag_separator", one.tag_separator.as_ref());
        if !one.node_meta.is_empty() {
            out.put("node_meta", sorted(&one.node_meta));
        }
        out.put_some("filter", one.filter.as_ref());
        out.put_some("health_filter", one.health_filter.as_ref());
        out.put_some("allow_stale", one.allow_stale);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        Ok(out)
    }

    fn dns(self, one: &api::DnsSdConfig) -> Mapping {
        let mut out = Mapping::new().with("names", &one.names);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        let since = match one.r#type.as_deref() {
            Some("NS") => (2, 49, 0),
            Some("MX") => (2, 38, 0),
            _ => (0, 0, 0),
        };
        self.since(&mut out, since, "type", one.r#type.as_ref());
        out.put_some("port", one.port);
        out
    }

    fn kuma(self, one: &api::KumaSdConfig) -> Mapping {
        let mut out = Mapping::new();
        self.client(&mut out, &one.client);
        out.put("server", &one.server);
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some("fetch_timeout", one.fetch_timeout.as_ref());
        out.put_some("client_id", one.client_id.as_ref());
        out
    }

    fn eureka(self, one: &api::EurekaSdConfig) -> Mapping {
        let mut out = Mapping::new();
        self.client(&mut out, &one.client);
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some(
            "server",
            Some(&one.server).filter(|server| !server.is_empty()),
        );
        out
    }

    fn docker(self, one: &api::DockerSdConfig) -> Mapping {
        let (mut out, generator) = (Mapping::new(), self.generator);
        generator.safe_authorization(&mut out, self.scope, one.client.authorization.as_ref());
        generator.oauth2(&mut out, self.scope, one.client.oauth2.as_ref());
        generator.proxy(&mut out, self.scope, &one.client.proxy);
        generator.basic_auth(&mut out, self.scope, one.client.basic_auth.as_ref());
        put_filters(&mut out, &one.filters);
        out.put("host", &one.host);
        generator.safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        out.put_some("port", one.port);
        out.put_some("host_networking_host", one.host_networking_host.as_ref());
        self.since(
            &mut out,
            (2, 54, 1),
            "match_first_network",
            one.match_first_network,
        );
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        out
    }

    fn docker_swarm(self, one: &api::DockerSwarmSdConfig) -> Mapping {
        let mut out = Mapping::new();
        self.client(&mut out, &one.client);
        put_filters(&mut out, &one.filters);
        out.put("host", &one.host);
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        out.put("role", one.role.to_lowercase());
        out.put_some("port", one.port);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        out
    }

    fn nomad(self, one: &api::NomadSdConfig) -> Mapping {
        let mut out = Mapping::new();
        self.client(&mut out, &one.client);
        out.put("server", &one.server);
        out.put_some("allow_stale", one.allow_stale);
        out.put_some("namespace", one.namespace.as_ref());
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some("region", one.region.as_ref());
        out.put_some("tag_separator", one.tag_separator.as_ref());
        redirects(
            &mut out,
            one.client.follow_redirects,
            one.client.enable_http2,
        );
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        out
    }

    fn puppet_db(self, one: &api::PuppetDbSdConfig) -> Mapping {
        let mut out = Mapping::new();
        self.client(&mut out, &one.client);
        out.put("url", &one.url);
        out.put("query", &one.query);
        out.put_some("include_parameters", one.include_parameters);
        out.put_some("port", one.port);
        out.put_some("refresh_interval", one.refresh_interval.as_ref());
        out.put_some("follow_redirects", one.client.follow_redirects);
        self.generator
            .safe_tls(&mut out, self.scope, one.client.tls_config.as_ref());
        out.put_some("enable_http2", one.client.enable_http2);
        out
    }
}

/// How connections go on.
pub(super) fn redirects(out: &mut Mapping, follow: Option<bool>, http2: Option<bool>) {
    out.put_some("follow_redirects", follow);
    out.put_some("enable_http2", http2);
}

/// A list that is left out if empty.
pub(super) fn put_list(out: &mut Mapping, key: &str, list: &Vec<String>) {
    if !list.is_empty() {
        out.put(key, list);
    }
}

/// Filters by name.
pub(super) fn put_filters(out: &mut Mapping, filters: &[Filter]) {
    if filters.is_empty() {
        return;
    }
    let mut by_name: Vec<&Filter> = filters.iter().collect();
    by_name.sort_by(|a, b| a.name.cmp(&b.name));
    let blocks: Vec<Mapping> = by_name
        .into_iter()
        .map(|filter| {
            Mapping::new()
                .with("name", &filter.name)
                .with("values", &filter.values)
        })
        .collect();
    out.put("filters", blocks);
}
