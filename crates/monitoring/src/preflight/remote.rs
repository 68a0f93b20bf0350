//! Where Prometheus sends samples and reads them (`RemoteWriteConfig`, `RemoteReadConfig` of `config/config.go`, and what
//! `storage/remote` says of all of them).

use machinery::yaml::Ordered;
use serde_json::Value;

use super::Reader;
use super::client::{CLIENT, check_client, check_headers, refuse};
use super::cloud::{AZURE_AD, SIGV4};
use super::fault::Fault;
use super::relabel::RULES;
use super::shape::{Node, Shape, Struct, between, field, nothing, since};

static QUEUE: Struct = Struct {
    fields: &[&[
        field("capacity", Shape::Integer),
        field("max_shards", Shape::Integer),
        since("min_shards", Shape::Integer, (2, 6, 0)),
        field("max_samples_per_send", Shape::Integer),
        field("batch_send_deadline", Shape::Duration),
        between("max_retries", Shape::Integer, (0, 0, 0), (2, 11, 0)),
        field("min_backoff", Shape::Duration),
        field("max_backoff", Shape::Duration),
        since("retry_on_http_429", Shape::Flag, (2, 26, 0)),
        since("sample_age_limit", Shape::Duration, (2, 50, 0)),
    ]],
    check: nothing,
};

/// Since when a queue is looked at when it is read.
const QUEUES: (u64, u64, u64) = (3, 10, 0);

fn check_queue(queue: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    if !reader.supports(QUEUES) {
        return Ok(());
    }
    let number = |name: &str, default: f64| queue.number(name).unwrap_or(default);
    let sizes = [
        ("max_shards", number("max_shards", 50.0)),
        ("min_shards", number("min_shards", 1.0)),
        (
            "max_samples_per_send",
            number("max_samples_per_send", 2000.0),
        ),
        ("capacity", number("capacity", 10_000.0)),
    ];
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size <= 0.0) {
        return Err(Fault::here("must be positive".to_owned()).within(name));
    }
    if number("min_shards", 1.0) > number("max_shards", 50.0) {
        return refuse("min_shards must not be greater than max_shards");
    }
    let least = queue.milliseconds("min_backoff").unwrap_or(30);
    if queue.milliseconds("max_backoff").unwrap_or(5000) < least {
        return refuse("max_backoff must not be less than min_backoff");
    }
    Ok(())
}

static METADATA: Struct = Struct {
    fields: &[&[
        field("send", Shape::Flag),
        field("send_interval", Shape::Duration),
        since("max_samples_per_send", Shape::Integer, (2, 29, 0)),
    ]],
    check: nothing,
};

const GOOGLE: Shape = Shape::Map(&Shape::Text);

/// Where samples are sent.
pub(super) static REMOTE_WRITE: Struct = Struct {
    fields: &[
        &[
            field("url", Shape::Url),
            field("remote_timeout", Shape::Duration),
            since("headers", Shape::Map(&Shape::Text), (2, 25, 0)),
            field("write_relabel_configs", RULES),
            since("name", Shape::Text, (2, 15, 0)),
            since("send_exemplars", Shape::Flag, (2, 27, 0)),
            since("send_native_histograms", Shape::Flag, (2, 40, 0)),
            since("round_robin_dns", Shape::Flag, (3, 1, 0)),
            since(
                "protobuf_message",
                Shape::OneOf(&["prometheus.WriteRequest", "io.prometheus.write.v2.Request"]),
                (2, 54, 0),
            ),
            since("failed_request_logging", Shape::Flag, (3, 14, 0)),
            field("queue_config", Shape::Struct(&QUEUE)),
            since("metadata_config", Shape::Struct(&METADATA), (2, 23, 0)),
            since("sigv4", Shape::Struct(&SIGV4), (2, 26, 0)),
            since("azuread", Shape::Struct(&AZURE_AD), (2, 45, 0)),
            since("google_iam", GOOGLE, (2, 55, 0)),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        if !of.has("url") {
            return refuse("url for remote_write is empty");
        }
        if of.present("protobuf_message") && !of.filled("protobuf_message") {
            return Err(Fault::here("must not be empty".to_owned()).within("protobuf_message"));
        }
        check_headers(of)?;
        check_client(of, reader)?;
        check_queue(of.node("queue_config"), reader)
            .map_err(|fault| fault.within("queue_config"))?;
        let ways = [
            "basic_auth",
            "authorization",
            "oauth2",
            "sigv4",
            "azuread",
            "google_iam",
        ];
        let bearer = usize::from(of.count(&["bearer_token", "bearer_token_file"]) > 0);
        if ways.iter().filter(|way| of.has(way)).count() + bearer > 1 {
            return refuse(
                "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured",
            );
        }
        Ok(())
    },
};

/// Where samples are read.
pub(super) static REMOTE_READ: Struct = Struct {
    fields: &[
        &[
            field("url", Shape::Url),
            field("remote_timeout", Shape::Duration),
            since("chunked_read_limit", Shape::Unsigned, (2, 55, 0)),
            since("headers", Shape::Map(&Shape::Text), (2, 26, 0)),
            field("read_recent", Shape::Flag),
            since("name", Shape::Text, (2, 15, 0)),
            field("required_matchers", Shape::Labels),
            since("filter_external_labels", Shape::Flag, (2, 34, 0)),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        if !of.has("url") {
            return refuse("url for remote_read is empty");
        }
        check_headers(of)?;
        check_client(of, reader)
    },
};

/// Remote endpoints come once, and so do their names.
pub(super) fn check_all(document: Node<'_>, list: &str) -> Result<(), Fault> {
    let mut seen = Vec::new();
    for (index, one) in document.list(list).iter().enumerate() {
        let name = Node::of(one).text("name").into_owned();
        if !name.is_empty() && seen.contains(&name) {
            let why = format!("{name:?} is the name of two; rename one");
            return Err(Fault::here(why).within("name").at(index).within(list));
        }
        seen.push(name);
    }
    let all: Vec<Ordered> = document.list(list).iter().map(masked).collect();
    for (index, one) in all.iter().enumerate() {
        let before = all.iter().take(index).position(|before| before == one);
        if let Some(before) = before {
            let why = format!("the same as [{before}]; remove one, or give it a name");
            return Err(Fault::here(why).at(index).within(list));
        }
    }
    Ok(())
}

/// Keys whose values aren't compared: Prometheus prints them as `<secret>` first.
const SECRETS: [&str; 5] = [
    "password",
    "credentials",
    "bearer_token",
    "client_secret",
    "secret_key",
];

/// What Prometheus compares of an endpoint.
fn masked(value: &Ordered) -> Ordered {
    match value {
        Ordered::Scalar(scalar) => Ordered::Scalar(scalar.clone()),
        Ordered::List(items) => Ordered::List(items.iter().map(masked).collect()),
        Ordered::Map(entries) => {
            let entry = |(key, value): &(String, Ordered)| {
                let hidden = SECRETS.contains(&key.as_str());
                let value = if hidden {
                    Ordered::Scalar(Value::Null)
                } else {
                    masked(value)
                };
                (key.clone(), value)
            };
            Ordered::Map(entries.iter().map(entry).collect())
        }
    }
}
