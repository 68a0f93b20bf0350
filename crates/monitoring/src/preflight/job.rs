//! Jobs: entries of `scrape_configs` (`config.ScrapeConfig`).

use machinery::yaml::Ordered;

use super::Reader;
use super::client::{CLIENT, check_client, refuse};
use super::discovery::KINDS;
use super::document::{ESCAPING, PROTOCOL, PROTOCOLS, VALIDATION, check_protocols};
use super::fault::Fault;
use super::relabel::{RULES, Scheme, check_rules};
use super::shape::{Node, Shape, Struct, between, field, since, text};

/// The jobs.
pub(super) const JOBS: Shape = Shape::List(&Shape::Struct(&JOB));

/// A job.
pub(super) static JOB: Struct = Struct {
    fields: &[
        &[
            field("job_name", Shape::Text),
            field("honor_labels", Shape::Flag),
            since("honor_timestamps", Shape::Flag, (2, 9, 0)),
            since("track_timestamps_staleness", Shape::Flag, (2, 48, 0)),
            field("params", Shape::Map(&Shape::List(&Shape::Text))),
            field("scrape_interval", Shape::Duration),
            field("scrape_timeout", Shape::Duration),
            since("scrape_protocols", PROTOCOLS, (2, 49, 0)),
            since("fallback_scrape_protocol", PROTOCOL, (3, 0, 0)),
            since("scrape_native_histograms", Shape::Flag, (3, 8, 0)),
            since("always_scrape_classic_histograms", Shape::Flag, (3, 0, 0)),
            between(
                "scrape_classic_histograms",
                Shape::Flag,
                (2, 45, 0),
                (3, 0, 0),
            ),
            since("convert_classic_histograms_to_nhcb", Shape::Flag, (3, 0, 0)),
            since("scrape_failure_log_file", Shape::Text, (2, 55, 0)),
            field("metrics_path", Shape::Text),
            field("scheme", Shape::Text),
            since("enable_compression", Shape::Flag, (2, 49, 0)),
            since("body_size_limit", Shape::Size, (2, 28, 0)),
            field("sample_limit", Shape::Unsigned),
            since("target_limit", Shape::Unsigned, (2, 21, 0)),
            since("label_limit", Shape::Unsigned, (2, 27, 0)),
            since("label_name_length_limit", Shape::Unsigned, (2, 27, 0)),
            since("label_value_length_limit", Shape::Unsigned, (2, 27, 0)),
            since("native_histogram_bucket_limit", Shape::Unsigned, (2, 45, 0)),
            since(
                "native_histogram_min_bucket_factor",
                Shape::Number,
                (2, 50, 0),
            ),
            since("keep_dropped_targets", Shape::Unsigned, (2, 47, 0)),
            since("metric_name_validation_scheme", VALIDATION, (2, 55, 0)),
            since("metric_name_escaping_scheme", ESCAPING, (3, 4, 0)),
            since("extra_scrape_metrics", Shape::Flag, (3, 10, 0)),
            field("relabel_configs", RULES),
            field("metric_relabel_configs", RULES),
        ],
        CLIENT,
        KINDS,
    ],
    check: |job, reader| {
        if !job.filled("job_name") {
            return refuse("job_name is empty");
        }
        check_client(job, reader)?;
        check_static_targets(job)?;
        check_protocols(job, reader)
    },
};

/// Without relabelings targets are addresses, not URLs.
pub(super) fn check_static_targets(of: Node<'_>) -> Result<(), Fault> {
    if !of.list("relabel_configs").is_empty() {
        return Ok(());
    }
    for (index, group) in of.list("static_configs").iter().enumerate() {
        for (place, target) in Node::of(group).list("targets").iter().enumerate() {
            let target = text(target).unwrap_or_default();
            if target.contains('/') {
                let why = format!("{target:?} is not a valid hostname");
                let fault = Fault::here(why).at(place).within("targets");
                return Err(fault.at(index).within("static_configs"));
            }
        }
    }
    Ok(())
}

/// What a job takes over from `global`.
#[derive(Debug, Clone)]
pub struct Global {
    /// Milliseconds.
    interval: u64,
    scheme: Scheme,
    /// How names are escaped; empty if that follows from the scheme.
    escaping: String,
}

impl Global {
    /// Of a configuration; defaults if it can't be read.
    pub fn of_text(text: &str) -> Self {
        let document = super::read(text).ok();
        Self::of(
            document
                .as_ref()
                .and_then(|document| Node::of(document).get("global")),
        )
    }

    /// Of a document's `global`, which has its shape.
    pub fn of(global: Option<&Ordered>) -> Self {
        let global = global.map_or(Node(&[]), Node::of);
        let interval = global
            .milliseconds("scrape_interval")
            .filter(|one| *one > 0);
        Self {
            interval: interval.unwrap_or(60_000),
            scheme: Scheme::of(global),
            escaping: global.text("metric_name_escaping_scheme").into_owned(),
        }
    }

    /// Relabelings under a key, by the global scheme of names.
    pub(super) fn check_rules(
        &self,
        of: Node<'_>,
        name: &str,
        reader: &Reader,
    ) -> Result<(), Fault> {
        check_rules(of, name, self.scheme, reader)
    }
}

/// What must hold of a job beside what `global` says.
pub(super) fn check_job(job: Node<'_>, global: &Global, reader: &Reader) -> Result<(), Fault> {
    let interval = job.milliseconds("scrape_interval").filter(|one| *one > 0);
    let timeout = job.milliseconds("scrape_timeout").unwrap_or_default();
    if timeout > interval.unwrap_or(global.interval) {
        return refuse("scrape_timeout is greater than scrape_interval");
    }
    let own = match job.text("metric_name_validation_scheme").as_ref() {
        "legacy" => Some(Scheme::Legacy),
        "utf8" => Some(Scheme::Utf8),
        _ => None,
    };
    let scheme = own.unwrap_or(global.scheme);
    if reader.supports((3, 4, 0)) {
        check_escaping(job, own, global, reader)?;
    }
    check_rules(job, "relabel_configs", scheme, reader)?;
    check_rules(job, "metric_relabel_configs", scheme, reader)
}

/// Names that may be anything are only asked for where they are valid.
fn check_escaping(
    job: Node<'_>,
    own: Option<Scheme>,
    global: &Global,
    reader: &Reader,
) -> Result<(), Fault> {
    let of_scheme = |scheme: Scheme| match scheme {
        Scheme::Legacy => "underscores",
        Scheme::Utf8 => "allow-utf-8",
    };
    let of_global = match global.escaping.as_str() {
        "" => of_scheme(global.scheme),
        given => given,
    };
    let given = job.text("metric_name_escaping_scheme");
    let escaping = match (given.as_ref(), own) {
        // Since 3.8 a job with a scheme of its own doesn't take over how names are escaped.
        ("", Some(scheme)) if reader.supports((3, 8, 0)) => of_scheme(scheme),
        ("", _) => of_global,
        (given, _) => given,
    };
    if escaping == "allow-utf-8" && own.unwrap_or(global.scheme) == Scheme::Legacy {
        return refuse(
            "utf8 metric names requested but validation scheme is not set to UTF8; set metric_name_escaping_scheme too",
        );
    }
    Ok(())
}
