//! What Alertmanager tells of itself: traces (`tracing/config.go`) and records of events (`eventrecorder`).

use machinery::yaml::Ordered;

use super::alertmanager::HTTP;
use super::client::{HEADERS, TLS, refuse};
use super::fault::Fault;
use super::shape::{Field, Node, Shape, Struct, field, plain, since, text};
use crate::config::version::Since;

/// `tracing`.
pub(super) static TRACING: Struct = Struct {
    fields: &[&[
        field("client_type", Shape::OneOf(&["http", "grpc"])),
        plain("endpoint"),
        field("sampling_fraction", Shape::Number),
        field("insecure", Shape::Flag),
        field("tls_config", Shape::Client(&TLS)),
        field("headers", HEADERS),
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

/// Since when the outputs of a kind have names, each its own.
const NAMED: Since = (0, 35, 0);
const NAME: Field = since("name", Shape::Text, NAMED);

/// `event_recorder`.
pub(super) static RECORDER: Struct = Struct {
    fields: &[&[
        field("file_outputs", Shape::List(&Shape::Struct(&FILE))),
        field("webhook_outputs", Shape::List(&Shape::Struct(&WEBHOOK))),
        field("kafka_outputs", Shape::List(&Shape::Struct(&KAFKA))),
        since(
            "stdout_outputs",
            // One with nothing in it is one.
            Shape::Integrations(&STDOUT),
            (0, 34, 0),
        ),
    ]],
    check: |of, reader| {
        if !reader.supports(NAMED) {
            return Ok(());
        }
        let lists = [
            "file_outputs",
            "webhook_outputs",
            "kafka_outputs",
            "stdout_outputs",
        ];
        lists.iter().try_for_each(|list| check_names(of, list))
    },
};

fn check_names(of: Node<'_>, list: &str) -> Result<(), Fault> {
    let mut seen = Vec::new();
    for (index, output) in of.list(list).iter().enumerate() {
        let name = Node::of(output).text("name");
        let fault = |why: String| Err(Fault::here(why).within("name").at(index).within(list));
        if name.is_empty() {
            let (major, minor, _) = NAMED;
            return fault(format!(
                "must be set from version {major}.{minor} on; write one"
            ));
        }
        if seen.contains(&name) {
            return fault(format!("{name:?} is the name of two; rename one"));
        }
        seen.push(name);
    }
    Ok(())
}

static STDOUT: Struct = Struct {
    fields: &[&[NAME]],
    check: super::shape::nothing,
};

static FILE: Struct = Struct {
    fields: &[&[NAME, plain("path")]],
    check: |of, _| needs(of, "path"),
};

static WEBHOOK: Struct = Struct {
    fields: &[&[
        NAME,
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

/// What `kafka` of Alertmanager takes, the same since it came with 0.33; what is empty is the default.
const FORMATS: Shape = Shape::OneOf(&["", "json", "protobuf"]);
const ACKS: Shape = Shape::OneOf(&["", "none", "leader", "all"]);
const COMPRESSIONS: Shape = Shape::OneOf(&["", "none", "gzip", "snappy", "lz4", "zstd"]);

static KAFKA: Struct = Struct {
    fields: &[&[
        NAME,
        field("brokers", Shape::List(&Shape::Text)),
        plain("topic"),
        plain("client_id"),
        field("format", FORMATS),
        field("acks", ACKS),
        field("compression", COMPRESSIONS),
        field("buffer_size", Shape::Integer),
        field("tls_config", Shape::Client(&TLS)),
    ]],
    check: |of, _| {
        if of.list("brokers").is_empty() {
            return refuse("brokers must name at least one");
        }
        let is_empty = |broker: &Ordered| text(broker).is_some_and(|broker| broker.is_empty());
        if let Some(index) = of.list("brokers").iter().position(is_empty) {
            let why = "broker entries must be non-empty; write host:port".to_owned();
            return Err(Fault::here(why).at(index).within("brokers"));
        }
        needs(of, "topic")
    },
};

#[cfg(test)]
mod tests {
    use crate::config::version::Version;

    /// What is said of a configuration with one output of a list; empty if it is taken.
    fn said(version: &str, list: &str, output: &str) -> String {
        let text = format!(
            "route: {{receiver: a}}\nreceivers: [{{name: a}}]\nevent_recorder:\n  {list}_outputs:\n  - {output}\n"
        );
        let version = Version::parse(version).unwrap();
        let checked = super::super::alertmanager::check(&text, &version);
        let fault = checked.err().map(|fault| fault.to_string());
        fault.unwrap_or_default()
    }

    #[test]
    fn kafka_takes_what_it_knows() {
        let with = |more: &str| format!("{{brokers: ['a:9092'], topic: t, {more}}}");
        for more in [
            "format: protobuf",
            "acks: all, compression: zstd",
            "acks: '', compression: ''",
            "compression: none",
        ] {
            assert_eq!(said("0.33.1", "kafka", &with(more)), "", "{more}");
        }
        for (more, part) in [
            (
                "format: yaml",
                ".format: \"yaml\" is none of json, protobuf",
            ),
            (
                "acks: majority",
                ".acks: \"majority\" is none of none, leader, all",
            ),
            (
                "compression: deflate",
                ".compression: \"deflate\" is none of",
            ),
        ] {
            let found = said("0.33.1", "kafka", &with(more));
            let wanted = format!("event_recorder.kafka_outputs[0]{part}");
            assert!(found.starts_with(&wanted), "{found}");
        }
        assert_eq!(
            said("0.33.1", "kafka", "{brokers: ['a:1', ''], topic: t}"),
            "event_recorder.kafka_outputs[0].brokers[1]: broker entries must be non-empty; write host:port"
        );
    }

    #[test]
    fn outputs_came_and_got_names_with_versions() {
        assert!(said("0.33.1", "stdout", "{}").contains("known from version 0.34.0 on"));
        assert_eq!(said("0.34.0", "stdout", ""), "");
        assert!(said("0.34.0", "file", "{path: /a, name: b}").contains("0.35.0 on"));
        assert_eq!(
            said("0.35.0", "file", "{path: /a}"),
            "event_recorder.file_outputs[0].name: must be set from version 0.35 on; write one"
        );
        assert_eq!(said("0.35.0", "stdout", "{name: b}"), "");
        let twice = "{name: b}\n  - {name: b}";
        assert_eq!(
            said("0.35.0", "stdout", twice),
            "event_recorder.stdout_outputs[1].name: \"b\" is the name of two; rename one"
        );
    }

    #[test]
    fn headers_of_traces_are_lists_of_values() {
        let traces = |headers: &str| {
            let text = format!(
                "route: {{receiver: a}}\nreceivers: [{{name: a}}]\ntracing: {{endpoint: 'a:1', headers: {headers}}}\n"
            );
            let version = Version::parse("0.33.1").unwrap();
            super::super::alertmanager::check(&text, &version).err()
        };
        assert_eq!(traces("{X-A: {values: [b]}}"), None);
        let fault = traces("{X-A: b}").unwrap();
        assert_eq!(fault.path(), "tracing.headers.X-A");
    }
}
