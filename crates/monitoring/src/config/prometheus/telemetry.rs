//! `otlp` and `tracing`.

use super::generator::{ConfigError, Generator};
use super::histograms::float;
use crate::api::common_prometheus::OtlpConfig;
use crate::config::yaml::{Mapping, sorted};

impl Generator<'_> {
    /// `otlp`, if anything is set that the version knows.
    pub(super) fn otlp(&self, out: &mut Mapping) -> Result<(), ConfigError> {
        let Some(otlp) = &self.common.otlp else {
            return Ok(());
        };
        self.check_otlp(otlp)
            .map_err(|error| error.within("failed to generate OTLP configuration"))?;
        let mut block = Mapping::new();
        if !otlp.promote_resource_attributes.is_empty() {
            self.put_since(
                &mut block,
                (2, 55, 0),
                "promote_resource_attributes",
                &otlp.promote_resource_attributes,
            );
        }
        self.put_some_since(
            &mut block,
            (3, 0, 0),
            "translation_strategy",
            otlp.translation_strategy.as_ref(),
        );
        self.put_some_since(
            &mut block,
            (3, 1, 0),
            "keep_identifying_resource_attributes",
            otlp.keep_identifying_resource_attributes,
        );
        self.put_some_since(
            &mut block,
            (3, 4, 0),
            "convert_histograms_to_nhcb",
            otlp.convert_histograms_to_nhcb,
        );
        self.put_some_since(
            &mut block,
            (3, 5, 0),
            "promote_all_resource_attributes",
            otlp.promote_all_resource_attributes,
        );
        if !otlp.ignore_resource_attributes.is_empty() {
            self.put_since(
                &mut block,
                (3, 5, 0),
                "ignore_resource_attributes",
                &otlp.ignore_resource_attributes,
            );
        }
        self.put_some_since(
            &mut block,
            (3, 6, 0),
            "promote_scope_metadata",
            otlp.promote_scope_metadata,
        );
        self.put_some_since(
            &mut block,
            (3, 8, 0),
            "label_name_underscore_sanitization",
            otlp.label_name_underscore_sanitization,
        );
        self.put_some_since(
            &mut block,
            (3, 8, 0),
            "label_name_preserve_multiple_underscores",
            otlp.label_name_preserve_multiple_underscores,
        );
        if !block.is_empty() {
            out.put("otlp", block);
        }
        Ok(())
    }

    fn check_otlp(&self, otlp: &OtlpConfig) -> Result<(), ConfigError> {
        let refuse = |text: &str| Err(ConfigError(text.to_owned()));
        let strategy = otlp.translation_strategy.as_deref().unwrap_or_default();
        let legacy = self.common.name_validation_scheme.as_deref() == Some("Legacy");
        if !self.version.at_least((2, 55, 0)) {
            return refuse("OTLP configuration is only supported from Prometheus version 2.55.0");
        }
        if strategy == "NoUTF8EscapingWithSuffixes" && legacy {
            return refuse(
                "nameValidationScheme \"Legacy\" is not compatible with OTLP translation strategy \"NoUTF8EscapingWithSuffixes\"",
            );
        }
        if strategy == "NoTranslation" && !self.version.at_least((3, 4, 0)) {
            return refuse(
                "nameValidationScheme \"NoTranslation\" is only supported from Prometheus version 3.4.0 ",
            );
        }
        if strategy == "UnderscoreEscapingWithoutSuffixes" && !self.version.at_least((3, 6, 0)) {
            return refuse(
                "nameValidationScheme \"UnderscoreEscapingWithoutSuffixes\" is only supported from Prometheus version 3.6.0 ",
            );
        }
        if !self.version.at_least((3, 5, 0)) {
            return Ok(());
        }
        let all = otlp.promote_all_resource_attributes == Some(true);
        if all && !otlp.promote_resource_attributes.is_empty() {
            return refuse(
                "'promoteAllResourceAttributes' cannot be set to 'true' simultaneously with 'promoteResourceAttributes'",
            );
        }
        if !all && !otlp.ignore_resource_attributes.is_empty() {
            return refuse(
                "'ignoreResourceAttributes' can only be set when 'promoteAllResourceAttributes' is true",
            );
        }
        Ok(())
    }

    /// `tracing`.
    pub(super) fn tracing(&self, out: &mut Mapping) -> Result<(), ConfigError> {
        let Some(tracing) = &self.common.tracing_config else {
            return Ok(());
        };
        let fraction = tracing.sampling_fraction.as_ref().map(float);
        if fraction.is_some_and(|fraction| !(0.0..=1.0).contains(&fraction)) {
            return Err(ConfigError(
                "failed to generate tracing configuration: `samplingFraction` must be between 0 and 1"
                    .to_owned(),
            ));
        }
        let mut block = Mapping::new().with("endpoint", &tracing.endpoint);
        let lower = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
        block.put_some("client_type", lower(&tracing.client_type));
        block.put_some("sampling_fraction", fraction);
        block.put_some("insecure", tracing.insecure);
        if !tracing.headers.is_empty() {
            block.put("headers", sorted(&tracing.headers));
        }
        block.put_some("compression", lower(&tracing.compression));
        block.put_some("timeout", tracing.timeout.as_ref());
        self.tls(&mut block, self.own_scope(), tracing.tls_config.as_ref());
        out.put("tracing", block);
        Ok(())
    }
}
