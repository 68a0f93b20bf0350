//! `remote_write` and `remote_read`.

use super::generator::Generator;
use super::relabel::Rules;
use crate::api::remote::{AzureAd, MetadataConfig, QueueConfig, RemoteReadSpec, RemoteWriteSpec};
use crate::config::yaml::{Mapping, filled, sorted};

impl Generator<'_> {
    /// `remote_write`, if there is any.
    pub(super) fn remote_write(&self, out: &mut Mapping) {
        let all = &self.common.remote_write;
        if !all.is_empty() {
            let blocks: Vec<Mapping> = all.iter().map(|one| self.write_to(one)).collect();
            out.put("remote_write", blocks);
        }
    }

    fn write_to(&self, one: &RemoteWriteSpec) -> Mapping {
        let scope = self.own_scope();
        let mut out = Mapping::new().with("url", &one.url);
        out.put_some("remote_timeout", one.remote_timeout.as_ref());
        if !one.headers.is_empty() {
            self.put_since(&mut out, (2, 15, 0), "headers", sorted(&one.headers));
        }
        self.put_some_since(&mut out, (2, 15, 0), "name", filled(&one.name));
        let protocol = one.message_version.as_deref().map(protobuf_message);
        self.put_some_since(&mut out, (2, 54, 0), "protobuf_message", protocol);
        self.put_some_since(&mut out, (2, 27, 0), "send_exemplars", one.send_exemplars);
        self.put_some_since(
            &mut out,
            (2, 40, 0),
            "send_native_histograms",
            one.send_native_histograms,
        );
        if !one.write_relabel_configs.is_empty() {
            let mut rules = Rules::default();
            rules.extend(&one.write_relabel_configs);
            out.put("write_relabel_configs", rules);
        }
        self.basic_auth(&mut out, scope, one.basic_auth.as_ref());
        out.put_some("bearer_token", filled(&one.bearer_token));
        out.put_some("bearer_token_file", filled(&one.bearer_token_file));
        self.oauth2(&mut out, scope, one.oauth2.as_ref());
        self.tls(&mut out, scope, one.tls_config.as_ref());
        self.authorization(&mut out, scope, one.authorization.as_ref());
        self.proxy(&mut out, scope, &one.proxy);
        self.sigv4(&mut out, scope, (2, 26, 0), one.sigv4.as_ref());
        if let Some(azure) = &one.azure_ad {
            self.put_since(&mut out, (2, 45, 0), "azuread", self.azure_ad(azure));
        }
        self.put_some_since(
            &mut out,
            (2, 26, 0),
            "follow_redirects",
            one.follow_redirects,
        );
        self.put_some_since(&mut out, (2, 35, 0), "enable_http2", one.enable_http2);
        if let Some(queue) = &one.queue_config {
            out.put("queue_config", self.queue(queue));
        }
        if let Some(metadata) = &one.metadata_config {
            let version_2 = one.message_version.as_deref() == Some("V2.0");
            self.put_since(
                &mut out,
                (2, 23, 0),
                "metadata_config",
                self.metadata(metadata, version_2),
            );
        }
        self.put_some_since(&mut out, (3, 1, 0), "round_robin_dns", one.round_robin_dns);
        out
    }

    fn azure_ad(&self, azure: &AzureAd) -> Mapping {
        let mut out = Mapping::new();
        if let Some(identity) = &azure.managed_identity {
            let mut block = Mapping::new();
            block.put_some("client_id", filled(&identity.client_id));
            out.put("managed_identity", block);
        }
        if let Some(oauth) = &azure.oauth
            && let Ok(secret) = self.own_scope().secret(&oauth.client_secret)
        {
            let block = Mapping::new()
                .with("client_id", &oauth.client_id)
                .with("client_secret", secret)
                .with("tenant_id", &oauth.tenant_id);
            self.put_since(&mut out, (2, 48, 0), "oauth", block);
        }
        if let Some(sdk) = &azure.sdk {
            let tenant = sdk.tenant_id.as_deref().unwrap_or_default();
            self.put_since(
                &mut out,
                (2, 52, 0),
                "sdk",
                Mapping::new().with("tenant_id", tenant),
            );
        }
        if let Some(identity) = &azure.workload_identity {
            let block = Mapping::new()
                .with("client_id", &identity.client_id)
                .with("tenant_id", &identity.tenant_id);
            self.put_since(&mut out, (3, 7, 0), "workload_identity", block);
        }
        out.put_some("cloud", azure.cloud.as_ref());
        self.put_some_since(&mut out, (3, 9, 0), "scope", filled(&azure.scope));
        out
    }

    fn queue(&self, queue: &QueueConfig) -> Mapping {
        let mut out = Mapping::new();
        let number = |number: Option<isize>| number.filter(|number| *number != 0);
        out.put_some("capacity", number(queue.capacity));
        self.put_some_since(&mut out, (2, 6, 0), "min_shards", number(queue.min_shards));
        out.put_some("max_shards", number(queue.max_shards));
        out.put_some("max_samples_per_send", number(queue.max_samples_per_send));
        out.put_some("batch_send_deadline", queue.batch_send_deadline.as_ref());
        if let Some(retries) = number(queue.max_retries) {
            if self.options.bypass_version_check || !self.version.at_least((2, 11, 0)) {
                out.put("max_retries", retries);
            } else {
                self.unsupported("max_retries");
            }
        }
        out.put_some("min_backoff", queue.min_backoff.as_ref());
        out.put_some("max_backoff", queue.max_backoff.as_ref());
        let retry = queue.retry_on_rate_limit.filter(|retry| *retry);
        self.put_some_since(&mut out, (2, 26, 0), "retry_on_http_429", retry);
        self.put_some_since(
            &mut out,
            (2, 50, 0),
            "sample_age_limit",
            queue.sample_age_limit.as_ref(),
        );
        out
    }

    /// The second version of the protocol carries metadata with the samples.
    fn metadata(&self, metadata: &MetadataConfig, version_2: bool) -> Mapping {
        let mut out = Mapping::new();
        out.put("send", !version_2 && metadata.send.unwrap_or_default());
        out.put_some("send_interval", filled(&metadata.send_interval));
        self.put_some_since(
            &mut out,
            (2, 29, 0),
            "max_samples_per_send",
            metadata.max_samples_per_send,
        );
        out
    }

    /// `remote_read`, if there is any.
    pub(super) fn remote_read(&self, out: &mut Mapping, all: &[RemoteReadSpec]) {
        if !all.is_empty() {
            let blocks: Vec<Mapping> = all.iter().map(|one| self.read_from(one)).collect();
            out.put("remote_read", blocks);
        }
    }

    fn read_from(&self, one: &RemoteReadSpec) -> Mapping {
        let scope = self.own_scope();
        let mut out = Mapping::new().with("url", &one.url);
        out.put_some("remote_timeout", one.remote_timeout.as_ref());
        if !one.headers.is_empty() {
            self.put_since(&mut out, (2, 26, 0), "headers", sorted(&one.headers));
        }
        self.put_some_since(&mut out, (2, 15, 0), "name", filled(&one.name));
        if !one.required_matchers.is_empty() {
            out.put("required_matchers", sorted(&one.required_matchers));
        }
        out.put_some("read_recent", one.read_recent.filter(|recent| *recent));
        self.basic_auth(&mut out, scope, one.basic_auth.as_ref());
        out.put_some("bearer_token", filled(&one.bearer_token));
        out.put_some("bearer_token_file", filled(&one.bearer_token_file));
        self.oauth2(&mut out, scope, one.oauth2.as_ref());
        self.tls(&mut out, scope, one.tls_config.as_ref());
        self.authorization(&mut out, scope, one.authorization.as_ref());
        self.proxy(&mut out, scope, &one.proxy);
        self.put_some_since(
            &mut out,
            (2, 26, 0),
            "follow_redirects",
            one.follow_redirects,
        );
        self.put_some_since(
            &mut out,
            (2, 34, 0),
            "filter_external_labels",
            one.filter_external_labels,
        );
        out
    }
}

/// The protocol's name in the configuration.
pub(crate) fn protobuf_message(version: &str) -> &'static str {
    match version {
        "V2.0" => "io.prometheus.write.v2.Request",
        _ => "prometheus.WriteRequest",
    }
}
