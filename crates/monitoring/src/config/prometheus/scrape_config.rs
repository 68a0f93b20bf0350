//! The job of a ScrapeConfig.

use super::generator::{ConfigError, Generator};
use super::histograms::Limits;
use super::relabel::Rules;
use crate::api::ScrapeConfig;
use crate::api::scrape_config::ScrapeConfigSpec;
use crate::config::yaml::{Mapping, sorted};

impl Generator<'_> {
    /// The job.
    pub(super) fn scrape_config_job(&self, config: &ScrapeConfig) -> Result<Mapping, ConfigError> {
        let (metadata, spec) = (&config.metadata, &config.spec);
        let object = (config.kind.as_str(), metadata);
        let class = self.class(spec.scrape_class.as_ref());
        let scope = self.assets.within(&metadata.namespace);
        let name = format!("scrapeConfig/{}/{}", metadata.namespace, metadata.name);
        let mut job = Mapping::new().with("job_name", &name);
        self.honor_timestamps(&mut job, spec.honor_timestamps);
        self.put_some_since(
            &mut job,
            (2, 48, 0),
            "track_timestamps_staleness",
            spec.track_timestamps_staleness,
        );
        if let Some(honored) = spec.honor_labels {
            self.honor_labels(&mut job, honored);
        }
        job.put_some("metrics_path", spec.metrics_path.as_ref());
        if !spec.params.is_empty() {
            job.put("params", sorted(&spec.params));
        }
        self.put_some_since(
            &mut job,
            (2, 49, 0),
            "enable_compression",
            spec.enable_compression,
        );
        self.put_some_since(&mut job, (2, 35, 0), "enable_http2", spec.enable_http2);
        job.put_some("scrape_interval", spec.scrape_interval.as_ref());
        job.put_some("scrape_timeout", spec.scrape_timeout.as_ref());
        self.scrape_protocols(&mut job, &spec.scrape_protocols);
        self.fallback_protocol(&mut job, spec.fallback_scrape_protocol.as_ref(), class);
        job.put_some(
            "scheme",
            spec.scheme.as_ref().map(|scheme| scheme.to_lowercase()),
        );
        self.proxy(&mut job, scope, &spec.proxy);
        self.basic_auth(&mut job, scope, spec.basic_auth.as_ref());
        self.authorization_or_class(&mut job, scope, spec.authorization.as_ref(), class);
        self.oauth2(&mut job, scope, spec.oauth2.as_ref());
        self.safe_tls_or_class(&mut job, scope, spec.tls_config.as_ref(), class);
        self.limits(&mut job, limits(spec));
        self.native_histograms(&mut job, &spec.native_histograms);
        self.body_size_limit(&mut job, spec.body_size_limit.as_ref());
        self.discoveries(&mut job, scope, spec, &name)?;

        let mut rules = Rules::of_job();
        rules.extend(&class.relabelings);
        if let Some(job_name) = &spec.job_name {
            rules.0.push(
                Mapping::new()
                    .with("target_label", "job")
                    .with("action", "replace")
                    .with("replacement", job_name),
            );
        }
        self.enforced_rules(&mut rules, object, &spec.relabelings);
        if self.shards_all_jobs() {
            self.shard_unless_hashed(&mut rules);
        }
        job.put("relabel_configs", rules);
        self.metric_rules(&mut job, object, class, &spec.metric_relabelings);
        self.name_schemes(&mut job, spec);
        Ok(job)
    }

    /// Names by the old rules need escaping in a server that knows UTF-8 ones.
    fn name_schemes(&self, job: &mut Mapping, spec: &ScrapeConfigSpec) {
        self.name_validation(job, spec.name_validation_scheme.as_ref());
        let escaping = spec.name_escaping_scheme.as_ref();
        self.name_escaping(job, escaping);
        let legacy = |scheme: Option<&String>| scheme.is_some_and(|scheme| scheme == "Legacy");
        let global = self.common.name_escaping_scheme.as_deref();
        let allows_utf8 = escaping.is_none() && global.is_none_or(|scheme| scheme == "AllowUTF8");
        if legacy(spec.name_validation_scheme.as_ref())
            && !legacy(self.common.name_validation_scheme.as_ref())
            && allows_utf8
            && self.supports((3, 4, 0))
        {
            job.put("metric_name_escaping_scheme", "underscores");
        }
    }
}

fn limits(spec: &ScrapeConfigSpec) -> Limits {
    Limits {
        sample: spec.sample_limit,
        target: spec.target_limit,
        label: spec.label_limit,
        label_name_length: spec.label_name_length_limit,
        label_value_length: spec.label_value_length_limit,
        keep_dropped_targets: spec.keep_dropped_targets,
    }
}
