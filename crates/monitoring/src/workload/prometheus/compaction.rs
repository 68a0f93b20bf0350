//! Compaction beside a Thanos sidecar that uploads blocks.

use super::STORAGE;
use super::member::Member;
use crate::api::prometheus::{PrometheusSpec, ThanosSpec};
use crate::config::version::{Version, VersionError};
use crate::config::yaml::filled;
use crate::workload::WorkloadError;
use crate::workload::arguments::Arguments;
use crate::workload::settings::THANOS_VERSION;

/// What the sidecar writes about its uploads.
pub(super) const SHIPPER_FILE: &str = "thanos.shipper.json";

/// Who compacts, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compaction {
    /// Prometheus, as it likes.
    Own,
    /// Nobody here: blocks are uploaded as they are.
    Off,
    /// Prometheus, once blocks are uploaded (prometheus-operator#8266).
    Delayed,
}

/// The version of a sidecar.
pub(super) fn thanos_version(thanos: &ThanosSpec) -> Result<Version, WorkloadError> {
    let text = thanos.version.as_deref().unwrap_or(THANOS_VERSION);
    let unread =
        |error: VersionError| WorkloadError(format!("failed to parse Thanos version: {error}"));
    Version::parse(text).map_err(unread)
}

/// Whether the sidecar uploads blocks.
pub(super) fn uploads(thanos: &ThanosSpec) -> bool {
    thanos.object_storage_config.is_some() || thanos.object_storage_config_file.is_some()
}

impl Member<'_> {
    /// Who compacts.
    pub(super) fn compaction(&self, spec: &PrometheusSpec) -> Result<Compaction, WorkloadError> {
        if spec.disable_compaction == Some(true) {
            return Ok(Compaction::Off);
        }
        let Some(thanos) = spec.thanos.as_ref().filter(|thanos| uploads(thanos)) else {
            return Ok(Compaction::Own);
        };
        let both_know =
            self.version().at_least((3, 9, 0)) && thanos_version(thanos)?.at_least((0, 41, 0));
        Ok(if both_know {
            Compaction::Delayed
        } else {
            Compaction::Off
        })
    }

    /// Appends the arguments for it.
    pub(super) fn compact(
        &self,
        out: &mut Arguments,
        spec: &PrometheusSpec,
        compaction: Compaction,
    ) {
        match compaction {
            Compaction::Own => return,
            Compaction::Off => {
                let thanos = spec.thanos.as_ref();
                let size = thanos.and_then(|thanos| filled(&thanos.block_size));
                let size = size.filter(|size| !size.trim().is_empty()).unwrap_or("2h");
                out.set("storage.tsdb.max-block-duration", size);
                out.set("storage.tsdb.min-block-duration", size);
            }
            Compaction::Delayed => out.set(
                "storage.tsdb.delay-compact-file.path",
                format!("{STORAGE}/{SHIPPER_FILE}"),
            ),
        }
        // Late samples make blocks that overlap, and these would be compacted before they are uploaded
        // (prometheus-operator#6829).
        let tsdb = self.generator.common.tsdb.as_ref();
        if tsdb.is_some_and(|tsdb| tsdb.out_of_order_time_window.is_some())
            && self.generator.supports((2, 55, 0))
        {
            out.flag("no-storage.tsdb.allow-overlapping-compaction");
        }
    }
}
