//! The jobs of a PodMonitor.

use super::generator::Generator;
use super::histograms::Limits;
use super::kubernetes::Discovery;
use super::relabel::{Rules, sanitized};
use super::scrape_class::attach_node;
use crate::api::PodMonitor;
use crate::api::pod_monitor::PodMetricsEndpoint;
use crate::config::yaml::{Mapping, filled, natural};

impl Generator<'_> {
    /// The job of one endpoint.
    pub(super) fn pod_monitor_job(
        &self,
        monitor: &PodMonitor,
        endpoint: &PodMetricsEndpoint,
        index: usize,
    ) -> Mapping {
        let (metadata, spec) = (&monitor.metadata, &monitor.spec);
        let class = self.class(spec.scrape_class.as_ref());
        let scope = self.assets.within(&metadata.namespace);
        let mut job = self.job_of(
            format!(
                "podMonitor/{}/{}/{index}",
                metadata.namespace, metadata.name
            ),
            endpoint.honor_labels,
            endpoint.honor_timestamps,
            endpoint.track_timestamps_staleness,
        );
        let attach = self.attach(
            attach_node(spec.attach_metadata.as_ref(), class),
            (2, 35, 0),
        );
        let by_role = spec.selector_mechanism.as_deref() == Some("RoleSelector");
        self.kubernetes_discovery(
            &mut job,
            Discovery {
                role: "pod",
                namespaces: self.namespaces(spec.namespace_selector.as_ref(), &metadata.namespace),
                attach,
                selectors: by_role.then(|| (vec!["pod"], &spec.selector)),
            },
        );
        job.put_some("scrape_interval", filled(&endpoint.interval));
        job.put_some("scrape_timeout", filled(&endpoint.scrape_timeout));
        job.put_some("metrics_path", filled(&endpoint.path));
        if !endpoint.params.is_empty() {
            job.put("params", natural(&endpoint.params));
        }
        job.put_some(
            "scheme",
            endpoint.scheme.as_ref().map(|scheme| scheme.to_lowercase()),
        );
        self.put_some_since(
            &mut job,
            (2, 26, 0),
            "follow_redirects",
            endpoint.follow_redirects,
        );
        self.put_some_since(&mut job, (2, 35, 0), "enable_http2", endpoint.enable_http2);
        self.safe_tls_or_class(&mut job, scope, endpoint.tls_config.as_ref(), class);
        self.bearer_token(&mut job, scope, endpoint.bearer_token_secret.as_ref());
        self.basic_auth(&mut job, scope, endpoint.basic_auth.as_ref());
        self.oauth2(&mut job, scope, endpoint.oauth2.as_ref());
        self.proxy(&mut job, scope, &endpoint.proxy);
        self.authorization_or_class(&mut job, scope, endpoint.authorization.as_ref(), class);

        let kind = monitor.kind.as_str();
        let mut rules = self.pod_monitor_rules(monitor, endpoint, by_role);
        self.own_rules(&mut rules, (kind, metadata), class, &endpoint.relabelings);
        if !self.options.daemon_set {
            self.shard_by(&mut rules, "__address__");
        }
        job.put("relabel_configs", rules);
        self.limits(
            &mut job,
            Limits {
                sample: spec.sample_limit,
                target: spec.target_limit,
                label: spec.label_limit,
                label_name_length: spec.label_name_length_limit,
                label_value_length: spec.label_value_length_limit,
                keep_dropped_targets: spec.keep_dropped_targets,
            },
        );
        self.native_histograms(&mut job, &spec.native_histograms);
        self.scrape_protocols(&mut job, &spec.scrape_protocols);
        self.fallback_protocol(&mut job, spec.fallback_scrape_protocol.as_ref(), class);
        self.body_size_limit(&mut job, spec.body_size_limit.as_ref());
        self.metric_rules(
            &mut job,
            (kind, metadata),
            class,
            &endpoint.metric_relabelings,
        );
        job
    }

    fn pod_monitor_rules(
        &self,
        monitor: &PodMonitor,
        endpoint: &PodMetricsEndpoint,
        by_role: bool,
    ) -> Rules {
        let (metadata, spec) = (&monitor.metadata, &monitor.spec);
        let mut rules = Rules::of_job();
        if endpoint.filter_running != Some(false) {
            rules.only_running();
        }
        if !by_role {
            rules.selector("pod", &spec.selector);
        }
        let port = filled(&endpoint.port);
        match (
            port,
            endpoint.port_number.filter(|number| *number != 0),
            &endpoint.target_port,
        ) {
            (Some(port), _, _) => {
                rules.filter("keep", ["__meta_kubernetes_pod_container_port_name"], port);
            }
            (None, Some(number), _) => {
                rules.filter(
                    "keep",
                    ["__meta_kubernetes_pod_container_port_number"],
                    number,
                );
            }
            (None, None, Some(target)) => rules.container_port(target),
            (None, None, None) => {}
        }
        rules.copy("__meta_kubernetes_namespace", "namespace");
        rules.copy("__meta_kubernetes_pod_container_name", "container");
        rules.copy("__meta_kubernetes_pod_name", "pod");
        rules.labels_of("pod", &spec.pod_target_labels);
        rules.labels_of("pod", &self.common.pod_target_labels);
        rules.set("job", &format!("{}/{}", metadata.namespace, metadata.name));
        if let Some(label) = filled(&spec.job_label) {
            rules.copy_filled(
                &format!("__meta_kubernetes_pod_label_{}", sanitized(label)),
                "job",
            );
        }
        rules.endpoint(port, endpoint.target_port.as_ref());
        rules
    }
}
