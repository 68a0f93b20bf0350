//! Receivers of Alertmanager and what their integrations must have, some of it in `global`.

use machinery::yaml::Ordered;
use serde_json::Value;

use super::Reader;
use super::alertmanager::HTTP;
use super::client::{TLS, most_one, refuse};
use super::fault::Fault;
use super::shape::{Field, Node, Shape, Struct, field, nothing, since};

/// Fields of `global`, but its client.
pub(super) static GLOBAL_FIELDS: &[Field] = &[
    since("jira_api_url", Shape::HttpUrl, (0, 28, 0)),
    field("smtp_from", Shape::Text),
    field("smtp_hello", Shape::Text),
    field("smtp_smarthost", Shape::Address),
    field("smtp_auth_username", Shape::Text),
    field("smtp_auth_password", Shape::Text),
    since("smtp_auth_password_file", Shape::Text, (0, 25, 0)),
    field("smtp_auth_secret", Shape::Text),
    since("smtp_auth_secret_file", Shape::Text, (0, 31, 0)),
    field("smtp_auth_identity", Shape::Text),
    field("smtp_require_tls", Shape::Flag),
    since("smtp_force_implicit_tls", Shape::Flag, (0, 31, 0)),
    field("slack_api_url", Shape::HttpUrl),
    since("slack_api_url_file", Shape::Text, (0, 22, 0)),
    since("slack_app_token", Shape::Text, (0, 30, 0)),
    since("slack_app_token_file", Shape::Text, (0, 30, 0)),
    since("slack_app_url", Shape::HttpUrl, (0, 30, 0)),
    field("pagerduty_url", Shape::HttpUrl),
    field("opsgenie_api_url", Shape::HttpUrl),
    field("opsgenie_api_key", Shape::Text),
    since("opsgenie_api_key_file", Shape::Text, (0, 24, 0)),
    field("wechat_api_url", Shape::HttpUrl),
    field("wechat_api_secret", Shape::Text),
    since("wechat_api_secret_file", Shape::Text, (0, 31, 0)),
    field("wechat_api_corp_id", Shape::Text),
    field("victorops_api_url", Shape::HttpUrl),
    field("victorops_api_key", Shape::Text),
    since("victorops_api_key_file", Shape::Text, (0, 25, 0)),
    since("telegram_api_url", Shape::HttpUrl, (0, 24, 0)),
    since("telegram_bot_token", Shape::Text, (0, 31, 0)),
    since("telegram_bot_token_file", Shape::Text, (0, 31, 0)),
    since("webex_api_url", Shape::HttpUrl, (0, 25, 0)),
    since("rocketchat_api_url", Shape::HttpUrl, (0, 28, 0)),
    since("rocketchat_token", Shape::Text, (0, 28, 0)),
    since("rocketchat_token_file", Shape::Text, (0, 28, 0)),
    since("rocketchat_token_id", Shape::Text, (0, 28, 0)),
    since("rocketchat_token_id_file", Shape::Text, (0, 28, 0)),
    since("mattermost_webhook_url", Shape::HttpUrl, (0, 32, 0)),
    since("mattermost_webhook_url_file", Shape::Text, (0, 32, 0)),
];

/// What must hold within `global`.
pub(super) fn check_global(global: Node<'_>, _: &Reader) -> Result<(), Fault> {
    for name in [
        "slack_app_token",
        "slack_api_url",
        "opsgenie_api_key",
        "victorops_api_key",
        "telegram_bot_token",
        "smtp_auth_password",
        "smtp_auth_secret",
        "rocketchat_token",
        "rocketchat_token_id",
        "wechat_api_secret",
        "mattermost_webhook_url",
    ] {
        most_one(global, &[name, &format!("{name}_file")])?;
    }
    let app = global.count(&["slack_app_token", "slack_app_token_file"]) > 0;
    let api = global.count(&["slack_api_url", "slack_api_url_file"]) > 0;
    if app && api && global.text("slack_api_url") != global.text("slack_app_url") {
        return refuse(
            "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured",
        );
    }
    Ok(())
}

/// Fields that several integrations have; others aren't looked at.
static COMMON: &[Field] = &[
    field("http_config", Shape::Client(&HTTP)),
    field("send_resolved", Shape::Flag),
    field("timeout", Shape::Duration),
];

static INTEGRATION: Struct = Struct {
    fields: &[COMMON],
    check: nothing,
};

static WITH_API: Struct = Struct {
    fields: &[COMMON, &[field("api_url", Shape::HttpUrl)]],
    check: nothing,
};

static EMAIL: Struct = Struct {
    fields: &[&[
        field("smarthost", Shape::Address),
        field("tls_config", Shape::Client(&TLS)),
        field("headers", Shape::Map(&Shape::Text)),
        field("require_tls", Shape::Flag),
        field("send_resolved", Shape::Flag),
    ]],
    check: nothing,
};

static WITH_WEBHOOK: Struct = Struct {
    fields: &[COMMON, &[field("webhook_url", Shape::HttpUrl)]],
    check: nothing,
};

static WITH_URL: Struct = Struct {
    fields: &[COMMON, &[field("url", Shape::TemplateUrl)]],
    check: nothing,
};

static CONFIRMATION: Struct = Struct {
    fields: &[&[
        field("text", Shape::Text),
        field("title", Shape::Text),
        field("ok_text", Shape::Text),
        field("dismiss_text", Shape::Text),
    ]],
    check: |of, _| needed(of, &["text"]),
};

static ACTION: Struct = Struct {
    fields: &[&[
        field("type", Shape::Text),
        field("text", Shape::Text),
        field("url", Shape::Text),
        field("style", Shape::Text),
        field("name", Shape::Text),
        field("value", Shape::Text),
        field("confirm", Shape::Struct(&CONFIRMATION)),
    ]],
    check: |of, _| {
        needed(of, &["type", "text"])?;
        if of.count(&["url", "name"]) == 0 {
            return refuse("missing name or url in Slack action configuration");
        }
        Ok(())
    },
};

static SLACK_FIELD: Struct = Struct {
    fields: &[&[
        field("title", Shape::Text),
        field("value", Shape::Text),
        field("short", Shape::Flag),
    ]],
    check: |of, _| needed(of, &["title", "value"]),
};

static SLACK: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("api_url", Shape::HttpUrl),
            field("channel", Shape::Text),
            field("username", Shape::Text),
            field("color", Shape::Text),
            field("title", Shape::Text),
            field("title_link", Shape::Text),
            field("pretext", Shape::Text),
            field("text", Shape::Text),
            field("fallback", Shape::Text),
            field("callback_id", Shape::Text),
            field("icon_emoji", Shape::Text),
            field("icon_url", Shape::Text),
            field("short_fields", Shape::Flag),
            field("link_names", Shape::Flag),
            field("mrkdwn_in", Shape::List(&Shape::Text)),
            field("fields", Shape::List(&Shape::Struct(&SLACK_FIELD))),
            field("actions", Shape::List(&Shape::Struct(&ACTION))),
            field("update_message", Shape::Flag),
            field("message_text", Shape::Text),
        ],
    ],
    check: |of, reader| {
        for (name, with) in [("update_message", (0, 32, 0)), ("message_text", (0, 31, 0))] {
            if of.present(name) && !reader.supports(with) {
                return Err(
                    Fault::here("not known to this version; remove it".to_owned()).within(name),
                );
            }
        }
        Ok(())
    },
};

static AWS: Struct = Struct {
    fields: &[&[
        field("region", Shape::Text),
        field("access_key", Shape::Text),
        field("secret_key", Shape::Text),
        field("profile", Shape::Text),
        field("role_arn", Shape::Text),
        since("external_id", Shape::Text, (0, 33, 0)),
    ]],
    check: |of, _| {
        if of.filled("access_key") != of.filled("secret_key") {
            return refuse("access_key and secret_key must both be set, or neither");
        }
        Ok(())
    },
};

static SNS: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("sigv4", Shape::Struct(&AWS)),
            field("api_url", Shape::Text),
            field("topic_arn", Shape::Text),
            field("target_arn", Shape::Text),
            field("phone_number", Shape::Text),
            field("subject", Shape::Text),
            field("message", Shape::Text),
            field("attributes", Shape::Map(&Shape::Text)),
        ],
    ],
    check: nothing,
};

static RESPONDER: Struct = Struct {
    fields: &[&[
        field("id", Shape::Text),
        field("name", Shape::Text),
        field("username", Shape::Text),
        field("type", Shape::Text),
    ]],
    check: |of, _| {
        if of.count(&["id", "username", "name"]) == 0 {
            return refuse("responder has to have at least one of id, username or name specified");
        }
        Ok(())
    },
};

static OPSGENIE: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("api_url", Shape::HttpUrl),
            field("api_key", Shape::Text),
            field("message", Shape::Text),
            field("description", Shape::Text),
            field("source", Shape::Text),
            field("tags", Shape::Text),
            field("note", Shape::Text),
            field("priority", Shape::Text),
            field("details", Shape::Map(&Shape::Text)),
            field("responders", Shape::List(&Shape::Struct(&RESPONDER))),
        ],
    ],
    check: nothing,
};

fn needed(of: Node<'_>, names: &[&str]) -> Result<(), Fault> {
    match names.iter().find(|name| !of.filled(name)) {
        Some(name) => refuse(&format!("missing {name}")),
        None => Ok(()),
    }
}

const fn list(name: &'static str, of: &'static Struct) -> Field {
    newer(name, of, (0, 0, 0))
}

const fn newer(name: &'static str, of: &'static Struct, with: (u64, u64, u64)) -> Field {
    since(name, Shape::Open(of), with)
}

/// Lists of integrations.
pub(super) static RECEIVER_LISTS: &[Field] = &[
    newer("discord_configs", &WITH_WEBHOOK, (0, 25, 0)),
    list("email_configs", &EMAIL),
    newer("incidentio_configs", &WITH_URL, (0, 29, 0)),
    list("pagerduty_configs", &WITH_URL),
    list("slack_configs", &SLACK),
    list("webhook_configs", &WITH_URL),
    list("opsgenie_configs", &OPSGENIE),
    list("wechat_configs", &WITH_API),
    list("pushover_configs", &INTEGRATION),
    list("victorops_configs", &WITH_API),
    newer("sns_configs", &SNS, (0, 23, 0)),
    newer("telegram_configs", &WITH_API, (0, 24, 0)),
    newer("webex_configs", &WITH_API, (0, 25, 0)),
    newer("msteams_configs", &WITH_WEBHOOK, (0, 26, 0)),
    newer("msteamsv2_configs", &WITH_WEBHOOK, (0, 28, 0)),
    newer("jira_configs", &WITH_API, (0, 28, 0)),
    newer("rocketchat_configs", &WITH_API, (0, 28, 0)),
    newer("mattermost_configs", &WITH_WEBHOOK, (0, 30, 0)),
];

/// Integrations that say nothing and take everything from `global`.
const MAY_BE_EMPTY: [&str; 4] = [
    "slack_configs",
    "opsgenie_configs",
    "wechat_configs",
    "rocketchat_configs",
];

/// What every integration of a receiver must have.
pub(super) fn check_integrations(receiver: Node<'_>, global: Node<'_>) -> Result<(), Fault> {
    for (list, _) in receiver.0 {
        let Some(kind) = list.strip_suffix("_configs") else {
            continue;
        };
        for (index, one) in receiver.list(list).iter().enumerate() {
            let empty = matches!(one, Ordered::Scalar(Value::Null));
            let checked = if empty && !MAY_BE_EMPTY.contains(&list.as_str()) {
                refuse(&format!("missing {kind} config"))
            } else {
                check_integration(kind, Node::of(one), global)
            };
            checked.map_err(|fault| fault.at(index).within(list))?;
        }
    }
    Ok(())
}

/// One of these must be filled, here or in `global` under other names.
fn one_of(of: Node<'_>, names: &[&str], global: Node<'_>, there: &[&str]) -> Result<(), Fault> {
    most_one(of, names)?;
    if of.count(names) == 0 && global.count(there) == 0 {
        let mut text = format!("one of {} must be configured", names.join(", "));
        if !there.is_empty() {
            text = format!("{text}, or one of {} in global", there.join(", "));
        }
        return refuse(&text);
    }
    Ok(())
}

fn check_integration(kind: &str, of: Node<'_>, global: Node<'_>) -> Result<(), Fault> {
    let needs = |names: &[&str]| one_of(of, names, global, &[]);
    match kind {
        "discord" | "msteams" | "msteamsv2" => needs(&["webhook_url", "webhook_url_file"]),
        "mattermost" => one_of(
            of,
            &["webhook_url", "webhook_url_file"],
            global,
            &["mattermost_webhook_url", "mattermost_webhook_url_file"],
        ),
        "webhook" | "incidentio" => needs(&["url", "url_file"]),
        "email" => check_email(of, global),
        "pagerduty" => check_pagerduty(of),
        "slack" => check_slack(of, global),
        "opsgenie" => one_of(
            of,
            &["api_key", "api_key_file"],
            global,
            &["opsgenie_api_key", "opsgenie_api_key_file"],
        ),
        "wechat" => {
            one_of(
                of,
                &["api_secret", "api_secret_file"],
                global,
                &["wechat_api_secret", "wechat_api_secret_file"],
            )?;
            one_of(of, &["corp_id"], global, &["wechat_api_corp_id"])
        }
        "pushover" => {
            needs(&["user_key", "user_key_file"])?;
            needs(&["token", "token_file"])
        }
        "victorops" => {
            needs(&["routing_key"])?;
            one_of(
                of,
                &["api_key", "api_key_file"],
                global,
                &["victorops_api_key", "victorops_api_key_file"],
            )
        }
        "sns" => {
            if of.count(&["target_arn", "topic_arn", "phone_number"]) == 0 {
                return refuse(
                    "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config",
                );
            }
            Ok(())
        }
        "telegram" => {
            one_of(
                of,
                &["bot_token", "bot_token_file"],
                global,
                &["telegram_bot_token", "telegram_bot_token_file"],
            )?;
            let chat = of.number("chat_id").unwrap_or_default() != 0.0;
            if !chat && !of.filled("chat_id_file") {
                return refuse("missing chat_id or chat_id_file on telegram_config");
            }
            Ok(())
        }
        "webex" => {
            needs(&["room_id"])?;
            if !of.node("http_config").has("authorization") {
                return refuse("missing webex_configs.http_config.authorization");
            }
            Ok(())
        }
        "jira" => {
            needs(&["project"])?;
            needs(&["issue_type"])?;
            one_of(of, &["api_url"], global, &["jira_api_url"])
        }
        "rocketchat" => {
            one_of(
                of,
                &["token", "token_file"],
                global,
                &["rocketchat_token", "rocketchat_token_file"],
            )?;
            one_of(
                of,
                &["token_id", "token_id_file"],
                global,
                &["rocketchat_token_id", "rocketchat_token_id_file"],
            )
        }
        // A kind that nobody here knows.
        _ => Ok(()),
    }
}

fn check_pagerduty(of: Node<'_>) -> Result<(), Fault> {
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
}

fn check_email(of: Node<'_>, global: Node<'_>) -> Result<(), Fault> {
    if !of.filled("to") {
        return refuse("missing to address in email config");
    }
    one_of(of, &["smarthost"], global, &["smtp_smarthost"])?;
    one_of(of, &["from"], global, &["smtp_from"])?;
    let mut seen = Vec::new();
    for (name, _) in of.node("headers").0 {
        let lower = name.to_lowercase();
        if seen.contains(&lower) {
            return refuse(&format!("duplicate header {name:?} in email config"));
        }
        seen.push(lower);
    }
    Ok(())
}

fn check_slack(of: Node<'_>, global: Node<'_>) -> Result<(), Fault> {
    let (url, app) = (["api_url", "api_url_file"], ["app_token", "app_token_file"]);
    most_one(of, &url)?;
    most_one(of, &app)?;
    if of.count(&url) > 0 && of.count(&app) > 0 {
        return refuse(
            "at most one of api_url/api_url_file & app_token/app_token_file must be configured",
        );
    }
    let there = [
        "slack_api_url",
        "slack_api_url_file",
        "slack_app_token",
        "slack_app_token_file",
    ];
    if of.count(&url) + of.count(&app) + global.count(&there) == 0 {
        return refuse(
            "no Slack API URL nor App token set either inline or in a file; set api_url here or slack_api_url in global",
        );
    }
    Ok(())
}
