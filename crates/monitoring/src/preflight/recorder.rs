//! What Alertmanager tells of itself: traces (`tracing/config.go`) and records of events (`eventrecorder`).

use super::alertmanager::HTTP;
use super::client::{TLS, refuse};
use super::fault::Fault;
use super::shape::{Node, Shape, Struct, field, plain, since};

/// `tracing`.
pub(super) static TRACING: Struct = Struct {
    fields: &[&[
        field("client_type", Shape::OneOf(&["http", "grpc"])),
        plain("endpoint"),
        field("sampling_fraction", Shape::Number),
        field("insecure", Shape::Flag),
        field("tls_config", Shape::Client(&TLS)),
        field("headers", Shape::Any),
        field("compression", Shape::OneOf(&["", "gzip"])),
        field("timeout", Shape::Duration),
    ]],
    check: |of, _| needs(of, "endpoint"),
};

fn needs(of: Node<'_>, name: &str) -> Result<(), Fault> {
    if of.filled(name) {
        return Ok(());
    }
    refuse(&format!("{name} must be set"))
}

/// `event_recorder`.
pub(super) static RECORDER: Struct = Struct {
    fields: &[&[
        field("file_outputs", Shape::List(&Shape::Struct(&FILE))),
        field("webhook_outputs", Shape::List(&Shape::Struct(&WEBHOOK))),
        field("kafka_outputs", Shape::List(&Shape::Struct(&KAFKA))),
        since("stdout_outputs", Shape::Any, (0, 34, 0)),
    ]],
    check: super::shape::nothing,
};

static FILE: Struct = Struct {
    fields: &[&[plain("path")]],
    check: |of, _| needs(of, "path"),
};

static WEBHOOK: Struct = Struct {
    fields: &[&[
        field("url", Shape::HttpUrl),
        field("http_config", Shape::Client(&HTTP)),
        field("timeout", Shape::Duration),
        field("workers", Shape::Integer),
        field("max_retries", Shape::Integer),
        field("retry_backoff", Shape::Duration),
        since("batch", Shape::Flag, (0, 34, 0)),
        since("batch_max_events", Shape::Unsigned, (0, 34, 0)),
        since("batch_max_bytes", Shape::Unsigned, (0, 34, 0)),
        since("batch_flush_interval", Shape::Duration, (0, 34, 0)),
    ]],
    check: |of, _| {
        needs(of, "url")?;
        let number = |name| of.number(name).unwrap_or_default() != 0.0;
        let batches = number("batch_max_events")
            || number("batch_max_bytes")
            || of.milliseconds("batch_flush_interval").unwrap_or_default() > 0;
        if batches && !of.flag("batch") {
            return refuse("batch settings require batch: true; set it");
        }
        Ok(())
    },
};

static KAFKA: Struct = Struct {
    fields: &[&[
        field("brokers", Shape::List(&Shape::Text)),
        plain("topic"),
        plain("client_id"),
        plain("format"),
        plain("acks"),
        plain("compression"),
        field("buffer_size", Shape::Integer),
        field("tls_config", Shape::Client(&TLS)),
    ]],
    check: |of, _| {
        if of.list("brokers").is_empty() {
            return refuse("brokers must name at least one");
        }
        needs(of, "topic")
    },
};
