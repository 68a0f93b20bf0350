//! Where samples are written to: what Prometheus, and Thanos Ruler with its code, refuses of that.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Found, duration, items, known, parsed, relabeling, serving};
use crate::objects::text;

const ENDPOINT: [&str; 27] = [
    "url",
    "remote_timeout",
    "headers",
    "write_relabel_configs",
    "name",
    "send_exemplars",
    "send_native_histograms",
    "round_robin_dns",
    "protobuf_message",
    "queue_config",
    "metadata_config",
    "sigv4",
    "azuread",
    "google_iam",
    "basic_auth",
    "authorization",
    "oauth2",
    "bearer_token",
    "bearer_token_file",
    "tls_config",
    "follow_redirects",
    "enable_http2",
    "proxy_url",
    "no_proxy",
    "proxy_from_environment",
    "proxy_connect_header",
    "http_headers",
];
const QUEUE: [&str; 9] = [
    "capacity",
    "max_shards",
    "min_shards",
    "max_samples_per_send",
    "batch_send_deadline",
    "min_backoff",
    "max_backoff",
    "retry_on_http_429",
    "sample_age_limit",
];
/// Ways to say who one is, of which there is one at most.
const CREDENTIALS: [&str; 8] = [
    "basic_auth",
    "authorization",
    "oauth2",
    "bearer_token",
    "bearer_token_file",
    "sigv4",
    "azuread",
    "google_iam",
];
/// Headers that the writer sets itself.
const RESERVED: [&str; 5] = [
    "authorization",
    "content-encoding",
    "content-type",
    "user-agent",
    "x-prometheus-remote-write-version",
];

/// The file of a Thanos Ruler. One that is empty says nothing.
pub fn remote_write(text: &str) -> Found {
    if text.is_empty() {
        return Ok(());
    }
    let config = parsed(text)?;
    known(&config, &["remote_write"])?;
    endpoints(&config)
}

/// The endpoints that a configuration writes to.
pub(super) fn endpoints(config: &Value) -> Found {
    let mut names = BTreeSet::new();
    for (index, one) in items(config, "remote_write").enumerate() {
        let name = text(one, "/name");
        if !name.is_empty() && !names.insert(name) {
            return Err(format!("two endpoints are named {name}"));
        }
        endpoint(one).map_err(|why| format!("remote_write[{index}]: {why}"))?;
    }
    Ok(())
}

fn endpoint(one: &Value) -> Found {
    known(one, &ENDPOINT)?;
    if text(one, "/url").is_empty() {
        return Err("no url".to_owned());
    }
    duration(one, "remote_timeout")?;
    items(one, "write_relabel_configs").try_for_each(relabeling)?;
    let credentials = CREDENTIALS.iter().filter(|way| one.get(**way).is_some());
    let credentials: Vec<&&str> = credentials.collect();
    if credentials.len() > 1 {
        return Err(format!("several of {credentials:?}"));
    }
    let headers = one.get("headers").and_then(Value::as_object);
    for name in headers.into_iter().flat_map(|headers| headers.keys()) {
        if RESERVED.contains(&name.to_lowercase().as_str()) {
            return Err(format!("{name} isn't to be set"));
        }
    }
    if let Some(tls) = one.get("tls_config") {
        serving::client(tls).map_err(|why| format!("tls_config: {why}"))?;
    }
    if let Some(queue) = one.get("queue_config") {
        known(queue, &QUEUE)?;
        for field in [
            "batch_send_deadline",
            "min_backoff",
            "max_backoff",
            "sample_age_limit",
        ] {
            duration(queue, field)?;
        }
    }
    if let Some(metadata) = one.get("metadata_config") {
        known(metadata, &["send", "send_interval", "max_samples_per_send"])?;
        duration(metadata, "send_interval")?;
    }
    Ok(())
}

#[test]
fn what_a_writer_refuses_is_found() {
    let of = |more: &str| format!("remote_write:\n- {{url: http://x/{more}}}\n");
    for good in [
        String::new(),
        "remote_write: []\n".to_owned(),
        of(", name: a, queue_config: {max_backoff: 5s}, basic_auth: {username: u}"),
        of(", tls_config: {ca: a, cert: c, key: k}, headers: {X-A: b}"),
    ] {
        assert_eq!(remote_write(&good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("remote_write: [{".to_owned(), "line"),
        ("remote_writes: []\n".to_owned(), "unknown field"),
        ("remote_write: [{name: a}]\n".to_owned(), "no url"),
        (of(", name: a}\n- {url: http://y, name: a"), "named a"),
        (of(", urls: []"), "unknown field urls"),
        (of(", remote_timeout: soon"), "no duration"),
        (of(", queue_config: {max_backof: 5s}"), "unknown field"),
        (of(", queue_config: {max_backoff: 5}"), "no duration"),
        (of(", metadata_config: {send_interval: x}"), "no duration"),
        (of(", basic_auth: {}, sigv4: {}"), "several of"),
        (of(", tls_config: {cert: c}"), "or neither"),
        (of(", headers: {Content-Type: x}"), "isn't to be set"),
        (
            of(", write_relabel_configs: [{action: kep}]"),
            "unknown action",
        ),
    ] {
        let error = remote_write(&bad).expect_err(&bad);
        assert!(error.contains(why), "{bad}: {error}");
    }
}
