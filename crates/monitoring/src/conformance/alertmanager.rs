//! Replays of the Alertmanager configuration.

use serde_json::Value;

use super::Answer;
use crate::config::alertmanager::sanitize::{Part, sanitize};
use crate::config::version::Version;

/// A part of a configuration, made fit for a version.
pub(super) fn sanitized(input: &Value) -> Answer {
    let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
    let Some(part) = part(text("type")) else {
        return Answer::Error(format!("no part is called {}", text("type")));
    };
    let made = || -> Result<String, String> {
        let version = Version::parse(text("amVersion")).map_err(|error| error.to_string())?;
        let mut value = machinery::yaml::parse(text("config"))
            .map_err(|error| error.to_string())?
            .value;
        sanitize(part, &mut value, &version)?;
        Ok(machinery::yaml::to_string(&value))
    };
    made().map_or_else(Answer::Error, Answer::Yaml)
}

fn part(name: &str) -> Option<Part> {
    Some(match name {
        "alertmanagerConfig" => Part::Document,
        "globalConfig" => Part::Global,
        "route" => Part::Route,
        "inhibitRule" => Part::InhibitRule,
        "timeInterval" => Part::TimeInterval,
        "receiver" => Part::Receiver,
        "httpClientConfig" => Part::HttpClient,
        "tlsConfig" => Part::Tls,
        "proxyConfig" => Part::Proxy,
        "oauth2" => Part::OAuth2,
        "emailConfig" => Part::Integration("email_configs"),
        "opsgenieConfig" => Part::Integration("opsgenie_configs"),
        "pagerdutyConfig" => Part::Integration("pagerduty_configs"),
        "pushoverConfig" => Part::Integration("pushover_configs"),
        "slackConfig" => Part::Integration("slack_configs"),
        "victorOpsConfig" => Part::Integration("victorops_configs"),
        "webhookConfig" => Part::Integration("webhook_configs"),
        "weChatConfig" => Part::Integration("wechat_configs"),
        "snsConfig" => Part::Integration("sns_configs"),
        "telegramConfig" => Part::Integration("telegram_configs"),
        "discordConfig" => Part::Integration("discord_configs"),
        "webexConfig" => Part::Integration("webex_configs"),
        "msTeamsConfig" => Part::Integration("msteams_configs"),
        "msTeamsV2Config" => Part::Integration("msteamsv2_configs"),
        "jiraConfig" => Part::Integration("jira_configs"),
        "rocketChatConfig" => Part::Integration("rocketchat_configs"),
        "mattermostConfig" => Part::Integration("mattermost_configs"),
        "incidentioConfig" => Part::Integration("incidentio_configs"),
        _ => return None,
    })
}
