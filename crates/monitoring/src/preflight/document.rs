//! The whole of Prometheus' configuration but its jobs (`config/config.go`).

use machinery::yaml::Ordered;

use super::Reader;
use super::client::{CLIENT, TLS, check_client, check_headers, refuse};
use super::cloud::SIGV4;
use super::discovery::{KINDS, is_glob};
use super::fault::Fault;
use super::job::{JOBS, check_static_targets};
use super::relabel::{RULES, Scheme, check_rules};
use super::remote::{REMOTE_READ, REMOTE_WRITE, check_all};
use super::shape::{Node, Shape, Struct, field, nothing, since, text};

const TEXTS: Shape = Shape::List(&Shape::Text);

/// The document.
pub(super) static DOCUMENT: Struct = Struct {
    fields: &[&[
        field("global", Shape::Struct(&GLOBAL)),
        since("runtime", Shape::Struct(&RUNTIME), (2, 53, 0)),
        field("alerting", Shape::Struct(&ALERTING)),
        field("rule_files", TEXTS),
        since("scrape_config_files", TEXTS, (2, 43, 0)),
        field("scrape_configs", JOBS),
        since("storage", Shape::Struct(&STORAGE), (2, 29, 0)),
        since("tracing", Shape::Struct(&TRACING), (2, 34, 0)),
        field("remote_write", Shape::List(&Shape::Struct(&REMOTE_WRITE))),
        field("remote_read", Shape::List(&Shape::Struct(&REMOTE_READ))),
        since("otlp", Shape::Struct(&OTLP), (2, 55, 0)),
    ]],
    check: check_document,
};

/// Protocols of scrapes.
pub(super) const PROTOCOLS: Shape = Shape::List(&PROTOCOL);
/// A protocol of scrapes.
pub(super) const PROTOCOL: Shape = Shape::OneOf(&[
    "PrometheusProto",
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
]);
/// Which names are valid.
pub(super) const VALIDATION: Shape = Shape::OneOf(&["", "legacy", "utf8"]);
/// How names are escaped.
pub(super) const ESCAPING: Shape =
    Shape::OneOf(&["", "allow-utf-8", "underscores", "dots", "values"]);

static GLOBAL: Struct = Struct {
    fields: &[&[
        field("scrape_interval", Shape::Duration),
        field("scrape_timeout", Shape::Duration),
        since("scrape_protocols", PROTOCOLS, (2, 49, 0)),
        field("evaluation_interval", Shape::Duration),
        since("rule_query_offset", Shape::Duration, (2, 53, 0)),
        since("query_log_file", Shape::Text, (2, 16, 0)),
        since("scrape_failure_log_file", Shape::Text, (2, 55, 0)),
        field("external_labels", Shape::Labels),
        since("body_size_limit", Shape::Size, (2, 45, 0)),
        since("sample_limit", Shape::Unsigned, (2, 45, 0)),
        since("target_limit", Shape::Unsigned, (2, 45, 0)),
        since("label_limit", Shape::Unsigned, (2, 45, 0)),
        since("label_name_length_limit", Shape::Unsigned, (2, 45, 0)),
        since("label_value_length_limit", Shape::Unsigned, (2, 45, 0)),
        since("keep_dropped_targets", Shape::Unsigned, (2, 47, 0)),
        since("metric_name_validation_scheme", VALIDATION, (2, 55, 0)),
        since("metric_name_escaping_scheme", ESCAPING, (3, 4, 0)),
        since("scrape_native_histograms", Shape::Flag, (3, 8, 0)),
        since("convert_classic_histograms_to_nhcb", Shape::Flag, (3, 4, 0)),
        since("always_scrape_classic_histograms", Shape::Flag, (3, 5, 0)),
        since("extra_scrape_metrics", Shape::Flag, (3, 10, 0)),
    ]],
    check: |global, reader| {
        let interval = global
            .milliseconds("scrape_interval")
            .filter(|one| *one > 0);
        let timeout = global.milliseconds("scrape_timeout").unwrap_or_default();
        if timeout > interval.unwrap_or(60_000) {
            return refuse("global scrape timeout greater than scrape interval");
        }
        let labels = global.node("external_labels");
        let legacy = Scheme::of(global) == Scheme::Legacy && reader.supports((3, 8, 0));
        for (name, _) in labels.0 {
            if legacy && !crate::selection::relabel::is_legacy_name(name) {
                let why = format!("{name:?} is not a valid label name");
                return Err(Fault::here(why).within("external_labels"));
            }
        }
        check_protocols(global, reader)
    },
};

/// Protocols come once, there is one if any are named, and the version knows them.
pub(super) fn check_protocols(of: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    let Some(Ordered::List(protocols)) = of.get("scrape_protocols") else {
        return Ok(());
    };
    if protocols.is_empty() {
        return refuse("scrape_protocols cannot be empty");
    }
    let mut seen = Vec::new();
    for (index, protocol) in protocols.iter().enumerate() {
        let Some(protocol) = text(protocol) else {
            continue;
        };
        // Added with `fallback_scrape_protocol`, in 3.0.0-rc.0 (prometheus/prometheus#15136); 2.55 doesn't have it.
        if protocol == "PrometheusText1.0.0" && !reader.supports((3, 0, 0)) {
            let version = &reader.version;
            let why = format!(
                "{protocol:?} is known from version 3.0.0 on, this one is {version}; remove it or set another version"
            );
            return Err(Fault::here(why).at(index).within("scrape_protocols"));
        }
        let lower = protocol.to_lowercase();
        if seen.contains(&lower) {
            return refuse("duplicated protocol in scrape_protocols");
        }
        seen.push(lower);
    }
    Ok(())
}

impl Scheme {
    /// The scheme that the mapping names, else that of any text.
    pub(super) fn of(node: Node<'_>) -> Self {
        match node.text("metric_name_validation_scheme").as_ref() {
            "legacy" => Self::Legacy,
            _ => Self::Utf8,
        }
    }
}

static RUNTIME: Struct = Struct {
    fields: &[&[field("gogc", Shape::Integer)]],
    check: nothing,
};

static RETENTION: Struct = Struct {
    fields: &[&[
        field("time", Shape::Duration),
        field("size", Shape::Size),
        since("percentage", Shape::Number, (3, 11, 0)),
    ]],
    check: |of, _| {
        if of.text("size").starts_with('-') {
            return Err(Fault::here("is negative".to_owned()).within("size"));
        }
        if !(0.0..=100.0).contains(&of.number("percentage").unwrap_or_default()) {
            return Err(
                Fault::here("must be in the range [0, 100]".to_owned()).within("percentage")
            );
        }
        Ok(())
    },
};

static ENCODING: Struct = Struct {
    fields: &[&[field("floats", Shape::OneOf(&["", "xor", "xor2"]))]],
    check: nothing,
};

static TSDB: Struct = Struct {
    fields: &[&[
        field("out_of_order_time_window", Shape::Duration),
        since(
            "stale_series_compaction_threshold",
            Shape::Number,
            (3, 10, 0),
        ),
        since("chunk_encoding", Shape::Struct(&ENCODING), (3, 13, 0)),
        since("retention", Shape::Struct(&RETENTION), (3, 8, 0)),
    ]],
    check: nothing,
};

static EXEMPLARS: Struct = Struct {
    fields: &[&[field("max_exemplars", Shape::Integer)]],
    check: nothing,
};

static STORAGE: Struct = Struct {
    fields: &[&[
        since("tsdb", Shape::Struct(&TSDB), (2, 39, 0)),
        field("exemplars", Shape::Struct(&EXEMPLARS)),
    ]],
    check: nothing,
};

static TRACING: Struct = Struct {
    fields: &[&[
        field("client_type", Shape::OneOf(&["http", "grpc"])),
        field("endpoint", Shape::Text),
        field("sampling_fraction", Shape::Number),
        field("insecure", Shape::Flag),
        field("tls_config", Shape::Struct(&TLS)),
        field("headers", Shape::Map(&Shape::Text)),
        field("compression", Shape::OneOf(&["", "gzip"])),
        field("timeout", Shape::Duration),
    ]],
    check: |tracing, _| {
        check_headers(tracing)?;
        if !tracing.filled("endpoint") {
            return refuse("tracing endpoint must be set");
        }
        Ok(())
    },
};

const STRATEGIES: Shape = Shape::OneOf(&[
    "",
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
]);

static OTLP: Struct = Struct {
    fields: &[&[
        since("promote_all_resource_attributes", Shape::Flag, (3, 5, 0)),
        field("promote_resource_attributes", TEXTS),
        since("ignore_resource_attributes", TEXTS, (3, 5, 0)),
        since("translation_strategy", STRATEGIES, (3, 0, 0)),
        since(
            "keep_identifying_resource_attributes",
            Shape::Flag,
            (3, 1, 0),
        ),
        since("convert_histograms_to_nhcb", Shape::Flag, (3, 4, 0)),
        since("promote_scope_metadata", Shape::Flag, (3, 6, 0)),
        since("label_name_underscore_sanitization", Shape::Flag, (3, 8, 0)),
        since(
            "label_name_preserve_multiple_underscores",
            Shape::Flag,
            (3, 8, 0),
        ),
    ]],
    check: check_otlp,
};

fn check_otlp(otlp: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    let (promoted, ignored) = ("promote_resource_attributes", "ignore_resource_attributes");
    let strategy = otlp.text("translation_strategy");
    let known = match strategy.as_ref() {
        "NoTranslation" => reader.supports((3, 4, 0)),
        "UnderscoreEscapingWithoutSuffixes" => reader.supports((3, 6, 0)),
        _ => true,
    };
    if !known {
        let why = format!("unsupported OTLP translation strategy {strategy:?}");
        return Err(Fault::here(why).within("translation_strategy"));
    }
    if otlp.flag("promote_all_resource_attributes") {
        if !otlp.list(promoted).is_empty() {
            return refuse(
                "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously",
            );
        }
        return check_attributes(otlp, ignored);
    }
    if !otlp.list(ignored).is_empty() {
        return refuse(
            "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true",
        );
    }
    check_attributes(otlp, promoted)
}

fn check_attributes(otlp: Node<'_>, name: &str) -> Result<(), Fault> {
    let mut seen = Vec::new();
    for attribute in otlp.list(name).iter().filter_map(text) {
        let attribute = attribute.trim().to_owned();
        if attribute.is_empty() || seen.contains(&attribute) {
            let why = "empty or duplicated OTel resource attribute".to_owned();
            return Err(Fault::here(why).within(name));
        }
        seen.push(attribute);
    }
    Ok(())
}

static ALERTING: Struct = Struct {
    fields: &[&[
        field("alert_relabel_configs", RULES),
        field("alertmanagers", Shape::List(&Shape::Struct(&ALERTMANAGER))),
    ]],
    check: nothing,
};

/// Where alerts are sent.
pub(super) static ALERTMANAGER: Struct = Struct {
    fields: &[
        &[
            since("sigv4", Shape::Struct(&SIGV4), (2, 48, 0)),
            field("scheme", Shape::Text),
            field("path_prefix", Shape::Text),
            field("timeout", Shape::Duration),
            since("api_version", Shape::OneOf(&["v1", "v2"]), (2, 11, 0)),
            field("relabel_configs", RULES),
            since("alert_relabel_configs", RULES, (2, 51, 0)),
        ],
        CLIENT,
        KINDS,
    ],
    check: |of, reader| {
        check_client(of, reader)?;
        let authenticates = ["basic_auth", "authorization", "oauth2"];
        if of.has("sigv4") && authenticates.iter().any(|name| of.has(name)) {
            return refuse(
                "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured",
            );
        }
        if of.text("api_version") == "v1" && reader.version.major >= 3 {
            let why = "expected Alertmanager api version to be one of [v2] but got v1".to_owned();
            return Err(Fault::here(why).within("api_version"));
        }
        check_static_targets(of)
    },
};

fn check_document(document: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    for list in ["rule_files", "scrape_config_files"] {
        for (index, file) in document.list(list).iter().enumerate() {
            let file = text(file).unwrap_or_default();
            if !is_glob(&file) {
                let why = format!("invalid file path {file:?}");
                return Err(Fault::here(why).at(index).within(list));
            }
        }
    }
    let global = document.node("global");
    let scheme = Scheme::of(global);
    let alerting = document.node("alerting");
    let within = |fault: Fault| fault.within("alerting");
    check_rules(alerting, "alert_relabel_configs", scheme, reader).map_err(within)?;
    for (index, one) in alerting.list("alertmanagers").iter().enumerate() {
        for rules in ["alert_relabel_configs", "relabel_configs"] {
            check_rules(Node::of(one), rules, scheme, reader)
                .map_err(|fault| within(fault.at(index).within("alertmanagers")))?;
        }
    }
    for (index, one) in document.list("remote_write").iter().enumerate() {
        check_rules(Node::of(one), "write_relabel_configs", scheme, reader)
            .map_err(|fault| fault.at(index).within("remote_write"))?;
    }
    for list in ["remote_write", "remote_read"] {
        check_all(document, list)?;
    }
    let strategy = document.node("otlp").text("translation_strategy");
    let any_name = ["NoTranslation", "NoUTF8EscapingWithSuffixes"];
    if scheme == Scheme::Legacy && any_name.contains(&strategy.as_ref()) {
        let why =
            format!("OTLP translation strategy {strategy:?} is not allowed when UTF8 is disabled");
        return Err(Fault::here(why)
            .within("translation_strategy")
            .within("otlp"));
    }
    Ok(())
}
