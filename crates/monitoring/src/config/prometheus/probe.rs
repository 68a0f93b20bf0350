//! The job of a Probe.

use std::collections::BTreeMap;

use super::generator::Generator;
use super::histograms::Limits;
use super::kubernetes::Discovery;
use super::relabel::Rules;
use crate::api::Probe;
use crate::api::probe::{ProbeTargetIngress, ProbeTargetStaticConfig, ProberSpec};
use crate::config::yaml::{Mapping, filled, natural};

impl Generator<'_> {
    /// The job.
    pub(super) fn probe_job(&self, probe: &Probe) -> Mapping {
        let (metadata, spec) = (&probe.metadata, &probe.spec);
        let object = (probe.kind.as_str(), metadata);
        let class = self.class(spec.scrape_class.as_ref());
        let scope = self.assets.within(&metadata.namespace);
        let nobody = ProberSpec::default();
        let prober = spec.prober.as_ref().unwrap_or(&nobody);
        let mut job = Mapping::new();
        job.put(
            "job_name",
            format!("probe/{}/{}", metadata.namespace, metadata.name),
        );
        self.honor_timestamps(&mut job, Some(true));
        job.put("metrics_path", prober.path.as_deref().unwrap_or_default());
        job.put_some("scrape_interval", filled(&spec.interval));
        job.put_some("scrape_timeout", filled(&spec.scrape_timeout));
        job.put_some(
            "scheme",
            prober.scheme.as_ref().map(|scheme| scheme.to_lowercase()),
        );
        self.probe_params(&mut job, probe);
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
        self.body_size_limit(&mut job, None);
        self.proxy(&mut job, scope, &prober.proxy);
        self.put_some_since(
            &mut job,
            (2, 26, 0),
            "follow_redirects",
            spec.follow_redirects,
        );
        self.put_some_since(&mut job, (2, 35, 0), "enable_http2", spec.enable_http2);
        self.safe_tls_or_class(&mut job, scope, spec.tls_config.as_ref(), class);

        let mut rules = Rules::of_job();
        if let Some(name) = filled(&spec.job_name) {
            rules.set("job", name);
        }
        let targets = spec.targets.as_ref();
        let fixed = targets.and_then(|targets| targets.static_config.as_ref());
        let ingress = targets.and_then(|targets| targets.ingress.as_ref());
        if let Some(fixed) = fixed {
            static_targets(
                &mut job,
                &mut rules,
                fixed,
                &metadata.namespace,
                &prober.url,
            );
            self.own_rules(&mut rules, object, class, &fixed.relabeling_configs);
        } else if let Some(ingress) = ingress {
            self.ingress_targets(
                &mut job,
                &mut rules,
                ingress,
                &metadata.namespace,
                &prober.url,
            );
            self.own_rules(&mut rules, object, class, &ingress.relabeling_configs);
        }
        self.shard_by(&mut rules, "__param_target");
        job.put("relabel_configs", rules);

        let token = spec.bearer_token_secret.as_ref();
        job.put_some(
            "bearer_token",
            token.and_then(|reference| scope.secret(reference).ok()),
        );
        self.basic_auth(&mut job, scope, spec.basic_auth.as_ref());
        self.oauth2(&mut job, scope, spec.oauth2.as_ref());
        self.authorization_or_class(&mut job, scope, spec.authorization.as_ref(), class);
        self.metric_rules(&mut job, object, class, &spec.metric_relabelings);
        job
    }

    #[allow(
        clippy::unused_self,
        reason = "it is called as the others of its kind are"
    )]
    fn probe_params(&self, job: &mut Mapping, probe: &Probe) {
        let module = filled(&probe.spec.module);
        let mut params = Mapping::new();
        params.put_some("module", module.map(|module| [module]));
        for param in &probe.spec.params {
            if module.is_none() || param.name != "module" {
                params.put(&param.name, &param.values);
            }
        }
        if !params.is_empty() {
            job.put("params", params);
        }
    }

    fn ingress_targets(
        &self,
        job: &mut Mapping,
        rules: &mut Rules,
        ingress: &ProbeTargetIngress,
        namespace: &str,
        prober: &str,
    ) {
        if let Some(selector) = &ingress.selector {
            rules.selector("ingress", selector);
        }
        self.kubernetes_discovery(
            job,
            Discovery {
                role: "ingress",
                namespaces: self.namespaces(ingress.namespace_selector.as_ref(), namespace),
                attach: None,
                selectors: None,
            },
        );
        let parts = [
            "__meta_kubernetes_ingress_scheme",
            "__address__",
            "__meta_kubernetes_ingress_path",
        ];
        rules.0.push(
            Mapping::new()
                .with("source_labels", parts)
                .with("separator", ";")
                .with("regex", "(.+);(.+);(.+)")
                .with("target_label", "__param_target")
                .with("replacement", "${1}://${2}${3}")
                .with("action", "replace"),
        );
        rules.copy("__meta_kubernetes_namespace", "namespace");
        rules.copy("__meta_kubernetes_ingress_name", "ingress");
        rules.0.push(
            Mapping::new()
                .with("source_labels", ["__address__"])
                .with("separator", ";")
                .with("regex", "(.*)")
                .with("target_label", "__tmp_ingress_address")
                .with("replacement", "$1")
                .with("action", "replace"),
        );
        rules.copy("__param_target", "instance");
        rules.set("__address__", prober);
    }
}

fn static_targets(
    job: &mut Mapping,
    rules: &mut Rules,
    fixed: &ProbeTargetStaticConfig,
    namespace: &str,
    prober: &str,
) {
    let mut labels: BTreeMap<String, String> = fixed.labels.clone();
    labels
        .entry("namespace".to_owned())
        .or_insert_with(|| namespace.to_owned());
    let block = Mapping::new()
        .with("targets", &fixed.r#static)
        .with("labels", natural(&labels));
    job.put("static_configs", vec![block]);
    rules.copy("__address__", "__param_target");
    rules.copy("__param_target", "instance");
    rules.set("__address__", prober);
}
