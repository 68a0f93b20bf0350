//! Integrations that call a service or a person: their fields by version, and what their own reader asks of them (`UnmarshalYAML`
//! in Alertmanager's `config/notifiers.go` and `notify/*/config.go`).

use super::super::Reader;
use super::super::client::{TLS, most_one, refuse};
use super::super::fault::Fault;
use super::super::shape::{
    Node, Shape, Struct, between, field, nothing, plain, plain_since, since,
};
use super::{COMMON, needs_one, refuse_at};
use crate::config::alertmanager::convert::paging::VICTOROPS_RESERVED;
use crate::template::{self, Of};

static THREADING: Struct = Struct {
    fields: &[&[field("enabled", Shape::Flag), plain("thread_by_date")]],
    check: nothing,
};

pub(super) static EMAIL: Struct = Struct {
    fields: &[&[
        field("send_resolved", Shape::Flag),
        plain("to"),
        plain("from"),
        plain("hello"),
        field("smarthost", Shape::Address),
        plain("auth_username"),
        plain("auth_password"),
        plain_since("auth_password_file", (0, 25, 0)),
        plain("auth_secret"),
        plain_since("auth_secret_file", (0, 31, 0)),
        plain("auth_identity"),
        field("headers", Shape::Map(&Shape::Text)),
        plain("html"),
        plain("text"),
        field("require_tls", Shape::Flag),
        since("tls_config", Shape::Client(&TLS), (0, 16, 0)),
        since("force_implicit_tls", Shape::Flag, (0, 31, 0)),
        since("threading", Shape::Struct(&THREADING), (0, 30, 0)),
    ]],
    check: check_email,
};

fn check_email(of: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    if !of.filled("to") {
        return refuse("missing to address in email config");
    }
    let mut seen = Vec::new();
    for (name, _) in of.node("headers").0 {
        let lower = name.to_lowercase();
        if seen.contains(&lower) {
            return refuse(&format!("duplicate header {name:?} in email config"));
        }
        seen.push(lower);
    }
    let threading = of.node("threading");
    if !threading.flag("enabled") {
        return Ok(());
    }
    for name in ["References", "In-Reply-To"] {
        if seen.contains(&name.to_lowercase()) {
            return refuse(&format!(
                "threading.enabled conflicts with custom {name} header; remove one of them"
            ));
        }
    }
    let by_date = threading.text("thread_by_date");
    if reader.supports((0, 31, 0)) && !["none", "daily"].contains(&by_date.as_ref()) {
        return refuse("threading.thread_by_date must be either 'none' or 'daily'");
    }
    Ok(())
}

static LINK: Struct = Struct {
    fields: &[&[plain("href"), plain("text")]],
    check: nothing,
};

static IMAGE: Struct = Struct {
    fields: &[&[
        plain("src"),
        plain("alt"),
        between("text", Shape::Text, (0, 16, 0), (0, 18, 0)),
        plain_since("href", (0, 18, 0)),
    ]],
    check: nothing,
};

pub(super) static PAGERDUTY: Struct = Struct {
    fields: &[
        COMMON,
        &[
            plain("service_key"),
            plain_since("service_key_file", (0, 25, 0)),
            plain("routing_key"),
            plain_since("routing_key_file", (0, 25, 0)),
            field("url", Shape::HttpUrl),
            plain("client"),
            plain("client_url"),
            plain("description"),
            between("details", Shape::Map(&Shape::Text), (0, 0, 0), (0, 30, 0)),
            since("details", Shape::Map(&Shape::Any), (0, 30, 0)),
            since("images", Shape::List(&Shape::Struct(&IMAGE)), (0, 16, 0)),
            since("links", Shape::List(&Shape::Struct(&LINK)), (0, 16, 0)),
            plain_since("source", (0, 25, 0)),
            plain("severity"),
            plain("class"),
            plain("component"),
            plain("group"),
            since("timeout", Shape::Nanoseconds, (0, 30, 0)),
        ],
    ],
    check: |of, _| {
        most_one(of, &["routing_key", "routing_key_file"])?;
        most_one(of, &["service_key", "service_key_file"])?;
        let keys = [
            "routing_key",
            "routing_key_file",
            "service_key",
            "service_key_file",
        ];
        if of.count(&keys) == 0 {
            return refuse("missing service or routing key in PagerDuty config");
        }
        Ok(())
    },
};

static RESPONDER: Struct = Struct {
    fields: &[&[plain("id"), plain("name"), plain("username"), plain("type")]],
    check: check_responder,
};

fn check_responder(of: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    if of.count(&["id", "username", "name"]) == 0 {
        return refuse("responder has to have at least one of id, username or name specified");
    }
    let kind = of.text("type");
    if kind.contains("{{") && reader.supports((0, 25, 0)) {
        return template::check(&kind, Of::Configuration(reader.go()))
            .or_else(|why| refuse_at("type", format!("no valid template: {why}")));
    }
    let known = ["team", "user", "escalation", "schedule"];
    let kind = kind.to_lowercase();
    let teams = kind == "teams" && reader.supports((0, 24, 0));
    if teams || known.contains(&kind.as_str()) {
        return Ok(());
    }
    refuse_at(
        "type",
        format!("{kind:?} is none of {}, teams", known.join(", ")),
    )
}

pub(super) static OPSGENIE: Struct = Struct {
    fields: &[
        COMMON,
        &[
            plain("api_key"),
            plain_since("api_key_file", (0, 24, 0)),
            field("api_url", Shape::HttpUrl),
            plain("message"),
            plain("description"),
            plain("source"),
            field("details", Shape::Map(&Shape::Text)),
            plain_since("entity", (0, 24, 0)),
            since(
                "responders",
                Shape::List(&Shape::Struct(&RESPONDER)),
                (0, 18, 0),
            ),
            plain_since("actions", (0, 24, 0)),
            between("teams", Shape::Text, (0, 0, 0), (0, 18, 0)),
            plain("tags"),
            plain("note"),
            plain("priority"),
            since("update_alerts", Shape::Flag, (0, 24, 0)),
        ],
    ],
    check: |of, _| most_one(of, &["api_key", "api_key_file"]),
};

pub(super) static VICTOROPS: Struct = Struct {
    fields: &[
        COMMON,
        &[
            plain("api_key"),
            plain_since("api_key_file", (0, 22, 0)),
            field("api_url", Shape::HttpUrl),
            plain("routing_key"),
            plain("message_type"),
            plain("state_message"),
            plain("entity_display_name"),
            plain("monitoring_tool"),
            since("custom_fields", Shape::Map(&Shape::Text), (0, 16, 0)),
        ],
    ],
    check: |of, _| {
        needs_one(of, &["routing_key"])?;
        most_one(of, &["api_key", "api_key_file"])?;
        let custom = of.node("custom_fields");
        match VICTOROPS_RESERVED.iter().find(|name| custom.present(name)) {
            Some(name) => refuse_at(
                "custom_fields",
                format!("{name} is the name of a field of VictorOps itself; use another"),
            ),
            None => Ok(()),
        }
    },
};

pub(super) static PUSHOVER: Struct = Struct {
    fields: &[
        COMMON,
        &[
            plain("user_key"),
            plain_since("user_key_file", (0, 26, 0)),
            plain("token"),
            plain_since("token_file", (0, 26, 0)),
            plain("title"),
            plain("message"),
            plain("url"),
            plain_since("url_title", (0, 16, 0)),
            plain_since("device", (0, 26, 0)),
            plain_since("sound", (0, 16, 0)),
            plain("priority"),
            field("retry", Shape::GoDuration),
            field("expire", Shape::GoDuration),
            since("ttl", Shape::GoDuration, (0, 27, 0)),
            since("html", Shape::Flag, (0, 16, 0)),
            since("monospace", Shape::Flag, (0, 29, 0)),
        ],
    ],
    check: |of, _| {
        needs_one(of, &["user_key", "user_key_file"])?;
        needs_one(of, &["token", "token_file"])?;
        if of.flag("html") && of.flag("monospace") {
            return refuse("at most one of monospace & html must be configured");
        }
        Ok(())
    },
};

static AWS: Struct = Struct {
    fields: &[&[
        plain("region"),
        plain("access_key"),
        plain("secret_key"),
        plain("profile"),
        plain("role_arn"),
        plain_since("external_id", (0, 33, 0)),
    ]],
    check: |of, _| {
        if of.filled("access_key") != of.filled("secret_key") {
            return refuse("access_key and secret_key must both be set, or neither");
        }
        Ok(())
    },
};

pub(super) static SNS: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("sigv4", Shape::Struct(&AWS)),
            plain("api_url"),
            plain("topic_arn"),
            plain("target_arn"),
            plain("phone_number"),
            plain("subject"),
            plain("message"),
            field("attributes", Shape::Map(&Shape::Text)),
            since("use_aws_http_client", Shape::Flag, (0, 33, 0)),
        ],
    ],
    check: |of, _| {
        // All three at once are taken, as an exclusive or of three takes them.
        match of.count(&["target_arn", "topic_arn", "phone_number"]) {
            1 | 3 => Ok(()),
            _ => refuse(
                "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config; set one of target_arn, topic_arn and phone_number",
            ),
        }
    },
};

pub(super) static WEBHOOK: Struct = Struct {
    fields: &[
        COMMON,
        &[
            between("url", Shape::HttpUrl, (0, 0, 0), (0, 31, 0)),
            since("url", Shape::TemplateUrl, (0, 31, 0)),
            plain_since("url_file", (0, 26, 0)),
            since("max_alerts", Shape::Unsigned, (0, 21, 0)),
            since("timeout", Shape::Nanoseconds, (0, 28, 0)),
            since("payload", Shape::Any, (0, 32, 0)),
        ],
    ],
    check: |of, _| needs_one(of, &["url", "url_file"]),
};

pub(super) static INCIDENTIO: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("url", Shape::HttpUrl),
            plain("url_file"),
            plain("alert_source_token"),
            plain("alert_source_token_file"),
            field("max_alerts", Shape::Unsigned),
            field("timeout", Shape::Nanoseconds),
        ],
    ],
    check: |of, _| {
        needs_one(of, &["url", "url_file"])?;
        let tokens = ["alert_source_token", "alert_source_token_file"];
        most_one(of, &tokens)?;
        let authorized = of.node("http_config").has("authorization");
        if authorized && of.count(&tokens) > 0 {
            return refuse(
                "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization; remove one of them",
            );
        }
        if of.has("http_config") && !authorized && of.count(&tokens) == 0 {
            return refuse(
                "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured",
            );
        }
        Ok(())
    },
};

static JIRA_FIELD: Struct = Struct {
    fields: &[&[plain("template"), field("enable_update", Shape::Flag)]],
    check: nothing,
};

pub(super) static JIRA: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("api_url", Shape::HttpUrl),
            plain_since("api_type", (0, 29, 0)),
            plain("project"),
            between("summary", Shape::Text, (0, 0, 0), (0, 30, 0)),
            since("summary", Shape::TextOr(&JIRA_FIELD), (0, 30, 0)),
            between("description", Shape::Text, (0, 0, 0), (0, 30, 0)),
            since("description", Shape::TextOr(&JIRA_FIELD), (0, 30, 0)),
            field("labels", Shape::List(&Shape::Text)),
            plain("priority"),
            plain("issue_type"),
            plain("reopen_transition"),
            plain("resolve_transition"),
            plain("wont_fix_resolution"),
            field("reopen_duration", Shape::Duration),
            field("fields", Shape::Map(&Shape::Any)),
        ],
    ],
    check: |of, _| {
        needs_one(of, &["project"])?;
        needs_one(of, &["issue_type"])?;
        let kind = of.text("api_type");
        if of.present("api_type") && !["auto", "cloud", "datacenter"].contains(&kind.as_ref()) {
            return refuse_at(
                "api_type",
                format!("{kind:?} is none of auto, cloud, datacenter"),
            );
        }
        Ok(())
    },
};

/// Of versions before 0.21.
pub(super) static HIPCHAT: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("api_url", Shape::HttpUrl),
            plain("auth_token"),
            plain("room_id"),
            plain("from"),
            field("notify", Shape::Flag),
            plain("message"),
            plain("message_format"),
            plain("color"),
        ],
    ],
    check: |of, _| needs_one(of, &["room_id"]),
};
