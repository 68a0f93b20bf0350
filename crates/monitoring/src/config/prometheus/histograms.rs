//! Limits, protocols and native histograms of a job.

use super::generator::Generator;
use crate::api::common::NativeHistogramConfig;
use crate::config::version::Since;
use crate::config::yaml::{Mapping, filled};
use machinery::int_or_string::IntOrString;
use machinery::quantity::Quantity;

/// The limits a monitor sets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) sample: Option<i64>,
    pub(super) target: Option<i64>,
    pub(super) label: Option<i64>,
    pub(super) label_name_length: Option<i64>,
    pub(super) label_value_length: Option<i64>,
    pub(super) keep_dropped_targets: Option<i64>,
}

impl Generator<'_> {
    /// The limits of a job: the smaller of what the monitor wants and what is enforced.
    pub(super) fn limits(&self, out: &mut Mapping, own: Limits) {
        let common = self.common;
        let all: [(&str, Since, Option<i64>, Option<i64>); 6] = [
            (
                "sample_limit",
                (0, 0, 0),
                own.sample,
                common.enforced_sample_limit,
            ),
            (
                "target_limit",
                (2, 21, 0),
                own.target,
                common.enforced_target_limit,
            ),
            (
                "label_limit",
                (2, 27, 0),
                own.label,
                common.enforced_label_limit,
            ),
            (
                "label_name_length_limit",
                (2, 27, 0),
                own.label_name_length,
                common.enforced_label_name_length_limit,
            ),
            (
                "label_value_length_limit",
                (2, 27, 0),
                own.label_value_length,
                common.enforced_label_value_length_limit,
            ),
            (
                "keep_dropped_targets",
                (2, 47, 0),
                own.keep_dropped_targets,
                common.enforced_keep_dropped_targets,
            ),
        ];
        for (key, since, own, enforced) in all {
            self.put_some_since(out, since, key, self.limit(own, enforced));
        }
    }

    /// Zero means no limit. From 2.45 on the global section holds what is enforced.
    fn limit(&self, own: Option<i64>, enforced: Option<i64>) -> Option<i64> {
        match (own.unwrap_or_default(), enforced.unwrap_or_default()) {
            (_, 0) => own,
            (0, _) => enforced.filter(|_| !self.version.at_least((2, 45, 0))),
            (own, enforced) => Some(own.min(enforced)),
        }
    }

    /// `body_size_limit` of a job.
    pub(super) fn body_size_limit(&self, out: &mut Mapping, own: Option<&String>) {
        let enforced = filled(&self.common.enforced_body_size_limit);
        let own = own.map(String::as_str).filter(|own| !own.is_empty());
        self.put_some_since(out, (2, 28, 0), "body_size_limit", smaller(own, enforced));
    }

    /// Everything about native histograms.
    pub(super) fn native_histograms(&self, out: &mut Mapping, own: &NativeHistogramConfig) {
        self.put_some_since(
            out,
            (3, 8, 0),
            "scrape_native_histograms",
            own.scrape_native_histograms,
        );
        self.put_some_since(
            out,
            (2, 45, 0),
            "native_histogram_bucket_limit",
            own.native_histogram_bucket_limit,
        );
        let factor = own.native_histogram_min_bucket_factor.as_ref().map(float);
        self.put_some_since(
            out,
            (2, 50, 0),
            "native_histogram_min_bucket_factor",
            factor,
        );
        if self.version.major >= 3 {
            out.put_some(
                "always_scrape_classic_histograms",
                own.scrape_classic_histograms,
            );
        } else {
            self.put_some_since(
                out,
                (2, 45, 0),
                "scrape_classic_histograms",
                own.scrape_classic_histograms,
            );
        }
        self.put_some_since(
            out,
            (3, 0, 0),
            "convert_classic_histograms_to_nhcb",
            own.convert_classic_histograms_to_nhcb,
        );
    }

    /// `scrape_protocols`, without those the version doesn't know.
    pub(super) fn scrape_protocols(&self, out: &mut Mapping, protocols: &[String]) {
        if protocols.is_empty() {
            return;
        }
        let knows_text =
            self.options.bypass_version_check || self.version.at_least_pre((3, 0, 0), "rc.0");
        let mut kept = Vec::new();
        for protocol in protocols {
            if protocol == "PrometheusText1.0.0" && !knows_text {
                self.unsupported("scrapeProtocol=PrometheusText1.0.0");
            } else {
                kept.push(protocol.clone());
            }
        }
        self.put_since(out, (2, 49, 0), "scrape_protocols", kept);
    }

    /// `honor_labels`.
    pub(super) fn honor_labels(&self, out: &mut Mapping, own: bool) {
        let overridden = self.common.override_honor_labels == Some(true);
        out.put("honor_labels", own && !overridden);
    }

    /// `honor_timestamps`, if the monitor or the override says something.
    pub(super) fn honor_timestamps(&self, out: &mut Mapping, own: Option<bool>) {
        let overridden = self.common.override_honor_timestamps == Some(true);
        if own.is_some() || overridden {
            let honored = own.unwrap_or_default() && !overridden;
            self.put_since(out, (2, 9, 0), "honor_timestamps", honored);
        }
    }

    /// The beginning of the job of a service or pod monitor's endpoint: its name, and whose labels and timestamps count.
    pub(super) fn job_of(
        &self,
        name: String,
        honor_labels: Option<bool>,
        honor_timestamps: Option<bool>,
        staleness: Option<bool>,
    ) -> Mapping {
        let mut job = Mapping::new().with("job_name", name);
        self.honor_labels(&mut job, honor_labels.unwrap_or_default());
        self.honor_timestamps(&mut job, honor_timestamps);
        self.put_some_since(
            &mut job,
            (2, 48, 0),
            "track_timestamps_staleness",
            staleness,
        );
        job
    }
}

/// The smaller of two sizes; one that is not set is none.
pub(super) fn smaller<'a>(own: Option<&'a str>, enforced: Option<&'a str>) -> Option<&'a str> {
    match (own, enforced) {
        (Some(own), Some(enforced)) => Some(if bytes(own) > bytes(enforced) {
            enforced
        } else {
            own
        }),
        (own, enforced) => own.or(enforced),
    }
}

/// A size in bytes: K, M, … and Ki, Mi, … alike are powers of 1024. 0 if it is none.
pub(crate) fn bytes(text: &str) -> u128 {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let power = match unit.chars().next() {
        None | Some('B') => 0,
        Some(letter) => "KMGTPE".find(letter).map_or(0, |index| index + 1),
    };
    let factor = 1024u128.pow(u32::try_from(power).unwrap_or_default());
    match digits.split_once('.') {
        None => digits
            .parse::<u128>()
            .unwrap_or_default()
            .saturating_mul(factor),
        Some((whole, fraction)) => {
            let scale = 10u128.saturating_pow(u32::try_from(fraction.len()).unwrap_or(38));
            let whole = whole
                .parse::<u128>()
                .unwrap_or_default()
                .saturating_mul(factor);
            let part = fraction
                .parse::<u128>()
                .unwrap_or_default()
                .saturating_mul(factor);
            whole.saturating_add(part.checked_div(scale).unwrap_or_default())
        }
    }
}

/// A quantity as a float, 0 if it is none.
pub(super) fn float(quantity: &IntOrString) -> f64 {
    Quantity::parse(&quantity.to_string()).map_or(0.0, |quantity| quantity.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(bytes("0"), 0);
        assert_eq!(bytes("512B"), 512);
        assert_eq!(bytes("1KB"), 1024);
        assert_eq!(bytes("1KiB"), 1024);
        assert_eq!(bytes("1.5MB"), 1_572_864);
        assert_eq!(smaller(Some("1GB"), Some("2000MB")), Some("1GB"));
        assert_eq!(smaller(Some("3GB"), Some("2000MB")), Some("2000MB"));
        assert_eq!(smaller(None, Some("5B")), Some("5B"));
    }
}
