//! Receivers of Alertmanager and what their integrations must have, some of it in `global`.

mod chat;
mod paging;

use machinery::yaml::Ordered;
use serde_json::Value;

use super::Reader;
use super::alertmanager::HTTP;
use super::client::{most_one, refuse};
use super::fault::Fault;
use super::shape::{Field, Node, Shape, Struct, between, field, since};
use crate::config::version::Since;

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

/// Fields that all integrations but e-mail have.
static COMMON: &[Field] = &[
    field("http_config", Shape::Client(&HTTP)),
    field("send_resolved", Shape::Flag),
];

fn needed(of: Node<'_>, names: &[&str]) -> Result<(), Fault> {
    match names.iter().find(|name| !of.filled(name)) {
        Some(name) => refuse(&format!("missing {name}")),
        None => Ok(()),
    }
}

/// One of these must be filled.
fn needs_one(of: Node<'_>, names: &[&str]) -> Result<(), Fault> {
    one_of(of, names, Node(&[]), &[])
}

/// Refuses a field.
fn refuse_at(name: &str, why: String) -> Result<(), Fault> {
    Err(Fault::here(why).within(name))
}

const fn list(name: &'static str, of: &'static Struct) -> Field {
    newer(name, of, (0, 0, 0))
}

const fn newer(name: &'static str, of: &'static Struct, with: Since) -> Field {
    since(name, Shape::Integrations(of), with)
}

/// Lists of integrations.
pub(super) static RECEIVER_LISTS: &[Field] = &[
    newer("discord_configs", &chat::DISCORD, (0, 25, 0)),
    list("email_configs", &paging::EMAIL),
    newer("incidentio_configs", &paging::INCIDENTIO, (0, 29, 0)),
    list("pagerduty_configs", &paging::PAGERDUTY),
    list("slack_configs", &chat::SLACK),
    list("webhook_configs", &paging::WEBHOOK),
    list("opsgenie_configs", &paging::OPSGENIE),
    list("wechat_configs", &chat::WECHAT),
    list("pushover_configs", &paging::PUSHOVER),
    list("victorops_configs", &paging::VICTOROPS),
    between(
        "hipchat_configs",
        Shape::Integrations(&paging::HIPCHAT),
        (0, 0, 0),
        (0, 21, 0),
    ),
    newer("sns_configs", &paging::SNS, (0, 23, 0)),
    newer("telegram_configs", &chat::TELEGRAM, (0, 24, 0)),
    newer("webex_configs", &chat::WEBEX, (0, 25, 0)),
    newer("msteams_configs", &chat::MSTEAMS, (0, 26, 0)),
    newer("msteamsv2_configs", &chat::MSTEAMS_V2, (0, 28, 0)),
    newer("jira_configs", &paging::JIRA, (0, 28, 0)),
    newer("rocketchat_configs", &chat::ROCKETCHAT, (0, 28, 0)),
    newer("mattermost_configs", &chat::MATTERMOST, (0, 30, 0)),
];

/// Integrations that say nothing and take everything from `global`.
const MAY_BE_EMPTY: [&str; 4] = [
    "slack_configs",
    "opsgenie_configs",
    "wechat_configs",
    "rocketchat_configs",
];

/// Since when nothing at all is such an integration; before, Alertmanager crashes.
const EMPTY: Since = (0, 32, 0);

/// What every integration of a receiver must have, here or in `global`.
pub(super) fn check_integrations(
    receiver: Node<'_>,
    global: Node<'_>,
    reader: &Reader,
) -> Result<(), Fault> {
    for (list, _) in receiver.0 {
        let Some(kind) = list.strip_suffix("_configs") else {
            continue;
        };
        let may_be_empty = MAY_BE_EMPTY.contains(&list.as_str()) && reader.supports(EMPTY);
        for (index, one) in receiver.list(list).iter().enumerate() {
            let empty = matches!(one, Ordered::Scalar(Value::Null));
            let checked = if empty && !may_be_empty {
                refuse(&format!("missing {kind} config; remove it or fill it in"))
            } else {
                check_integration(kind, Node::of(one), global, reader)
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

/// What of `global` fills an integration that doesn't say it itself.
fn check_integration(
    kind: &str,
    of: Node<'_>,
    global: Node<'_>,
    reader: &Reader,
) -> Result<(), Fault> {
    let either = |names: &[&str], there: &[&str]| one_of(of, names, global, there);
    match kind {
        "mattermost" if reader.supports((0, 32, 0)) => either(
            &["webhook_url", "webhook_url_file"],
            &["mattermost_webhook_url", "mattermost_webhook_url_file"],
        ),
        "email" => {
            either(&["smarthost"], &["smtp_smarthost"])?;
            either(&["from"], &["smtp_from"])
        }
        "slack" => check_slack(of, global),
        "opsgenie" => either(
            &["api_key", "api_key_file"],
            &["opsgenie_api_key", "opsgenie_api_key_file"],
        ),
        "wechat" => {
            either(
                &["api_secret", "api_secret_file"],
                &["wechat_api_secret", "wechat_api_secret_file"],
            )?;
            either(&["corp_id"], &["wechat_api_corp_id"])
        }
        "victorops" => either(
            &["api_key", "api_key_file"],
            &["victorops_api_key", "victorops_api_key_file"],
        ),
        "telegram" => either(
            &["bot_token", "bot_token_file"],
            &["telegram_bot_token", "telegram_bot_token_file"],
        ),
        "jira" => either(&["api_url"], &["jira_api_url"]),
        "hipchat" => either(&["auth_token"], &["hipchat_auth_token"]),
        "rocketchat" => {
            given(of, "token_id", global)?;
            given(of, "token", global)
        }
        // The others take nothing from there.
        _ => Ok(()),
    }
}

/// A token of Rocket.Chat, which may even be empty.
fn given(of: Node<'_>, name: &str, global: Node<'_>) -> Result<(), Fault> {
    let (file, there) = (format!("{name}_file"), format!("rocketchat_{name}"));
    let there_file = format!("{there}_file");
    let here = of.has(name) || of.filled(&file);
    if here || global.has(&there) || global.filled(&there_file) {
        return Ok(());
    }
    refuse(&format!(
        "one of {name}, {file} must be configured, or one of {there}, {there_file} in global"
    ))
}

fn check_slack(of: Node<'_>, global: Node<'_>) -> Result<(), Fault> {
    let own = of.count(&["api_url", "api_url_file", "app_token", "app_token_file"]);
    let there = [
        "slack_api_url",
        "slack_api_url_file",
        "slack_app_token",
        "slack_app_token_file",
    ];
    if own + global.count(&there) == 0 {
        return refuse(
            "no Slack API URL nor App token set either inline or in a file; set api_url here or slack_api_url in global",
        );
    }
    let authorized = of.node("http_config").has("authorization");
    // Only who says nothing about it takes over the token of all.
    let taken_over = !authorized
        && !of.has("api_url")
        && global.count(&["slack_app_token", "slack_app_token_file"]) > 0;
    let authorized =
        authorized || !of.has("http_config") && global.node("http_config").has("authorization");
    let by_token = of.count(&["app_token", "app_token_file"]) > 0 || taken_over;
    if by_token && authorized {
        return refuse(
            "http authorization can't be set when using Slack App tokens; remove one of them",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
