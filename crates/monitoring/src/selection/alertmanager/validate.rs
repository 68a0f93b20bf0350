//! What an AlertmanagerConfig must fulfil whatever the version of Alertmanager (upstream's `validation` packages); the webhook
//! asks this too.

use std::collections::BTreeSet;

use super::http::validate_http;
use super::route::{Names, check_interval};
use super::{AlertmanagerConfigSpec, Refusal};
use crate::api::receiver::{
    EmailConfig, OpsGenieConfig, OpsGenieResponder, PagerDutyConfig, PushoverConfig, Receiver,
    SnsConfig, TelegramConfig, VictorOpsConfig, WebhookConfig,
};
use crate::api::receiver_chat::{RocketChatConfig, SlackConfig};
use crate::config::alertmanager::convert::paging::VICTOROPS_RESERVED;
use crate::config::alertmanager::sanitize::{check_template_url, check_url_text};
use crate::config::yaml::filled;
use crate::selection::At;
use crate::url;

/// Which version of the API a text is written in; the words of refusals differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// `v1alpha1`, the stored one.
    V1alpha1,
    /// `v1beta1`.
    V1beta1,
}

/// The checks of a spec. One of `v1beta1` is given as `v1alpha1`: `timeIntervals` as `muteTimeIntervals`.
pub fn validate(spec: &AlertmanagerConfigSpec, api: ApiVersion) -> Result<(), Refusal> {
    let mut receivers = BTreeSet::new();
    for receiver in &spec.receivers {
        if !receivers.insert(receiver.name.as_str()) {
            return Err(format!("{:?} receiver is not unique", receiver.name));
        }
        check_receiver(receiver).at(&format!("failed to validate receiver {:?}", receiver.name))?;
    }
    let kind = match api {
        ApiVersion::V1alpha1 => "mute time interval",
        ApiVersion::V1beta1 => "time interval",
    };
    let mut intervals = BTreeSet::new();
    for (index, interval) in spec.mute_time_intervals.iter().enumerate() {
        check_interval(interval, api).at(&format!("{kind}[{index}] is invalid"))?;
        intervals.insert(interval.name.as_str());
    }
    let names = Names {
        receivers,
        intervals,
        api,
    };
    spec.route
        .as_ref()
        .map_or(Ok(()), |route| names.check(route, true))
}

fn check_receiver(of: &Receiver) -> Result<(), Refusal> {
    all(&of.opsgenie_configs, "opsgenie", opsgenie)?;
    all(&of.pagerduty_configs, "pagerduty", pagerduty)?;
    all(&of.discord_configs, "discord", |one| {
        http(one.http_config.as_ref())
    })?;
    all(&of.slack_configs, "slack", slack)?;
    all(&of.webhook_configs, "webhook", webhook)?;
    all(&of.wechat_configs, "wechat", |one| {
        plain_url(one.api_url.as_ref(), "apiURL")?;
        http(one.http_config.as_ref())
    })?;
    all(&of.email_configs, "email", email)?;
    all(&of.victorops_configs, "victorops", victorops)?;
    all(&of.pushover_configs, "pushover", pushover)?;
    all(&of.sns_configs, "sns", sns)?;
    all(&of.telegram_configs, "telegram", telegram)?;
    all(&of.webex_configs, "webex", |one| {
        plain_url(one.api_url.as_ref(), "apiURL")?;
        http(one.http_config.as_ref())
    })?;
    all(&of.msteams_configs, "msteams", |one| {
        http(one.http_config.as_ref())
    })?;
    all(&of.msteamsv2_configs, "msteamsv2", |one| {
        http(one.http_config.as_ref())
    })?;
    all(&of.rocketchat_configs, "rocketchat", rocketchat)
}

fn all<T>(
    items: &[T],
    kind: &str,
    check: impl Fn(&T) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut items = items.iter().enumerate();
    items.try_for_each(|(index, item)| check(item).at(&format!("'{kind}Configs'[{index}]")))
}

fn http(http: Option<&crate::api::alertmanager_config::HttpConfig>) -> Result<(), Refusal> {
    validate_http(http).at("'httpConfig'")
}

/// An optional field with a URL.
fn plain_url(url: Option<&String>, field: &str) -> Result<(), Refusal> {
    let url = url.filter(|url| !url.is_empty());
    url.map_or(Ok(()), |url| check_url_text(url))
        .at(&format!("invalid '{field}'"))
}

/// An optional field with a URL or a template of one.
fn template_url(url: Option<&String>, field: &str) -> Result<(), Refusal> {
    let url = url.filter(|url| !url.is_empty());
    url.map_or(Ok(()), |url| check_template_url(url))
        .at(&format!("invalid '{field}'"))
}

fn refuse(text: &str) -> Result<(), Refusal> {
    Err(text.to_owned())
}

fn pagerduty(one: &PagerDutyConfig) -> Result<(), Refusal> {
    plain_url(one.url.as_ref(), "url")?;
    template_url(one.client_url.as_ref(), "clientURL")?;
    if one.routing_key.is_none() && one.service_key.is_none() {
        return refuse("one of 'routingKey' or 'serviceKey' is required");
    }
    for (index, link) in one.pager_duty_link_configs.iter().enumerate() {
        template_url(link.href.as_ref(), "href").at(&format!("'pagerDutyLinkConfigs'[{index}]"))?;
    }
    for (index, image) in one.pager_duty_image_configs.iter().enumerate() {
        template_url(image.href.as_ref(), "href")
            .at(&format!("'pagerDutyImageConfigs'[{index}]"))?;
    }
    http(one.http_config.as_ref())
}

fn opsgenie(one: &OpsGenieConfig) -> Result<(), Refusal> {
    one.responders.iter().try_for_each(responder)?;
    plain_url(one.api_url.as_ref(), "apiURL")?;
    http(one.http_config.as_ref())
}

fn responder(one: &OpsGenieResponder) -> Result<(), Refusal> {
    if [&one.id, &one.name, &one.username]
        .into_iter()
        .all(|field| filled(field).is_none())
    {
        return refuse("responder must have at least an ID, a Name or an Username defined");
    }
    if one.r#type.contains("{{") {
        return check_template_url(&one.r#type).at("responder type is not a valid template");
    }
    let kinds = ["team", "teams", "user", "escalation", "schedule"];
    if kinds.contains(&one.r#type.to_lowercase().as_str()) {
        return Ok(());
    }
    Err(format!(
        "opsGenieConfig responder type {:?} does not match valid options ^({})$",
        one.r#type,
        kinds.join("|")
    ))
}

fn slack(one: &SlackConfig) -> Result<(), Refusal> {
    for action in &one.actions {
        if action.r#type.is_empty() {
            return refuse("missing 'type' in Slack action configuration");
        }
        if action.text.is_empty() {
            return refuse("missing 'text' in Slack action configuration");
        }
        if filled(&action.url).is_none() && filled(&action.name).is_none() {
            return refuse("missing 'name' or 'url' in Slack action configuration");
        }
        let confirm = action.confirm.as_ref();
        if confirm.is_some_and(|confirm| confirm.text.is_empty()) {
            return refuse("missing 'text' in Slack confirmation configuration");
        }
    }
    for field in &one.fields {
        if field.title.is_empty() {
            return refuse("missing 'title' in Slack field configuration");
        }
        if field.value.is_empty() {
            return refuse("missing 'value' in Slack field configuration");
        }
    }
    http(one.http_config.as_ref())
}

fn webhook(one: &WebhookConfig) -> Result<(), Refusal> {
    if one.url.is_none() && one.url_secret.is_none() {
        return refuse("one of 'url' or 'urlSecret' must be specified");
    }
    template_url(one.url.as_ref(), "url")?;
    http(one.http_config.as_ref())
}

fn email(one: &EmailConfig) -> Result<(), Refusal> {
    if filled(&one.to).is_none() {
        return refuse("missing 'to' address");
    }
    if let Some(smarthost) = filled(&one.smarthost) {
        url::split_host_port(smarthost).at(&format!("invalid 'smarthost' {smarthost:?}"))?;
    }
    let mut names = BTreeSet::new();
    for header in &one.headers {
        let name = header.key.to_lowercase();
        if names.contains(&name) {
            return Err(format!("duplicate header {name:?}"));
        }
        names.insert(name);
    }
    Ok(())
}

fn victorops(one: &VictorOpsConfig) -> Result<(), Refusal> {
    let mut names = one.custom_fields.iter().map(|field| field.key.as_str());
    if let Some(name) = names.find(|name| VICTOROPS_RESERVED.contains(name)) {
        return Err(format!(
            "usage of reserved word {name:?} is not allowed in custom fields"
        ));
    }
    if one.routing_key.is_empty() {
        return refuse("missing 'routingKey' key");
    }
    plain_url(one.api_url.as_ref(), "apiURL")?;
    http(one.http_config.as_ref())
}

fn pushover(one: &PushoverConfig) -> Result<(), Refusal> {
    if one.user_key.is_none() && one.user_key_file.is_none() {
        return refuse("one of 'userKey' or 'userKeyFile' must be configured");
    }
    if one.token.is_none() && one.token_file.is_none() {
        return refuse("one of 'token' or 'tokenFile' must be configured");
    }
    if one.html == Some(true) && one.monospace == Some(true) {
        return refuse("'html' and 'monospace' options are mutually exclusive");
    }
    template_url(one.url.as_ref(), "url")?;
    http(one.http_config.as_ref())
}

fn sns(one: &SnsConfig) -> Result<(), Refusal> {
    let targets = [&one.target_arn, &one.topic_arn, &one.phone_number];
    let given = targets
        .into_iter()
        .filter(|target| filled(target).is_some());
    if given.count() != 1 {
        return refuse("must provide one of 'targetARN', 'topicARN', or 'phoneNumber'");
    }
    if let Some(url) = &one.api_url {
        check_template_url(url).at("invalid 'apiURL'")?;
    }
    http(one.http_config.as_ref())
}

fn telegram(one: &TelegramConfig) -> Result<(), Refusal> {
    match (&one.bot_token, &one.bot_token_file) {
        (None, None) => return refuse("mandatory field botToken or botTokenfile is empty"),
        (Some(_), Some(_)) => {
            return refuse("only one of 'botToken' or 'botTokenfile' must be configured");
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    if one.chat_id == 0 {
        return refuse("mandatory field 'chatID' is empty");
    }
    plain_url(one.api_url.as_ref(), "apiURL")?;
    http(one.http_config.as_ref())
}

fn rocketchat(one: &RocketChatConfig) -> Result<(), Refusal> {
    plain_url(one.api_url.as_ref(), "apiURL")?;
    template_url(one.icon_url.as_ref(), "iconURL")?;
    template_url(one.image_url.as_ref(), "imageURL")?;
    template_url(one.thumb_url.as_ref(), "thumbURL")?;
    for (index, action) in one.actions.iter().enumerate() {
        template_url(action.url.as_ref(), "url").at(&format!("'actions'[{index}]"))?;
    }
    http(one.http_config.as_ref())
}
