//! Integrations of receivers: what the version knows of them and whether their references resolve.

use super::{Look, Refusal, Unusable};
use crate::api::common::SecretKeySelector;
use crate::api::receiver::{
    DiscordConfig, EmailConfig, MsTeamsConfig, MsTeamsV2Config, OpsGenieConfig, PagerDutyConfig,
    PushoverConfig, Receiver, SnsConfig, TelegramConfig, VictorOpsConfig, WeChatConfig,
    WebhookConfig,
};
use crate::api::receiver_chat::{RocketChatConfig, SlackConfig};
use crate::config::alertmanager::sanitize::{check_secret_template_url, check_secret_url};
use crate::config::version::Since;
use crate::duration::milliseconds;
use crate::selection::At;

/// The one URL with which Slack updates messages.
const SLACK_POST: &str = "https://slack.com/api/chat.postMessage";

impl Look<'_> {
    /// All integrations of a receiver.
    pub(super) fn receiver(self, of: &Receiver) -> Result<(), Unusable> {
        each("pagerdutyConfigs", &of.pagerduty_configs, |one| {
            self.pagerduty(one)
        })?;
        each("opsgenieConfigs", &of.opsgenie_configs, |one| {
            self.opsgenie(one)
        })?;
        self.known_kind("discordConfigs", &of.discord_configs, (0, 25, 0))?;
        each("discordConfigs", &of.discord_configs, |one| {
            self.discord(one)
        })?;
        each("slackConfigs", &of.slack_configs, |one| self.slack(one))?;
        each("webhookConfigs", &of.webhook_configs, |one| {
            self.webhook(one)
        })?;
        each("wechatConfigs", &of.wechat_configs, |one| self.wechat(one))?;
        self.known_kind("webexConfigs", &of.webex_configs, (0, 25, 0))?;
        each("webexConfigs", &of.webex_configs, |one| {
            self.http(one.http_config.as_ref())
        })?;
        each("emailConfigs", &of.email_configs, |one| self.email(one))?;
        each("victoropsConfigs", &of.victorops_configs, |one| {
            self.victorops(one)
        })?;
        each("pushoverConfigs", &of.pushover_configs, |one| {
            self.pushover(one)
        })?;
        each("snsConfigs", &of.sns_configs, |one| self.sns(one))?;
        self.known_kind("telegramConfigs", &of.telegram_configs, (0, 24, 0))?;
        each("telegramConfigs", &of.telegram_configs, |one| {
            self.telegram(one)
        })?;
        self.only_available("msteams", !of.msteams_configs.is_empty(), (0, 26, 0))?;
        each("msteamsConfigs", &of.msteams_configs, |one| {
            self.msteams(one)
        })?;
        self.only_available("msteamsv2", !of.msteamsv2_configs.is_empty(), (0, 28, 0))?;
        each("msteamsv2Configs", &of.msteamsv2_configs, |one| {
            self.msteams_v2(one)
        })?;
        self.known_kind("rocketChatConfigs", &of.rocketchat_configs, (0, 28, 0))?;
        each("rocketchatConfigs", &of.rocketchat_configs, |one| {
            self.rocketchat(one)
        })
    }

    fn known_kind<T>(self, name: &str, all: &[T], since: Since) -> Result<(), Refusal> {
        self.known(name, !all.is_empty(), since)
    }

    fn pagerduty(self, one: &PagerDutyConfig) -> Result<(), Refusal> {
        self.http_fields(one.http_config.as_ref())?;
        self.resolves(one.routing_key.as_ref())?;
        self.resolves(one.service_key.as_ref())?;
        self.http_references(one.http_config.as_ref())
    }

    fn opsgenie(self, one: &OpsGenieConfig) -> Result<(), Refusal> {
        self.http_fields(one.http_config.as_ref())?;
        let mut kinds = one.responders.iter().map(|one| one.r#type.as_str());
        if self.before((0, 24, 0)) && kinds.any(|kind| kind == "teams") {
            return Err(
                "'teams' set in 'opsgenieResponder' but supported in Alertmanager >= 0.24.0 only"
                    .to_owned(),
            );
        }
        self.resolves(one.api_key.as_ref())?;
        self.http_references(one.http_config.as_ref())
    }

    fn discord(self, one: &DiscordConfig) -> Result<(), Refusal> {
        self.http(one.http_config.as_ref())?;
        let url = self.secret(&one.api_url).at("failed to retrieve API URL")?;
        check_secret_url(url.trim()).at("failed to validate API URL")
    }

    fn rocketchat(self, one: &RocketChatConfig) -> Result<(), Refusal> {
        self.http(one.http_config.as_ref())?;
        self.secret(&one.token)
            .at("failed to retrieve RocketChat token")?;
        self.secret(&one.token_id)
            .at("failed to retrieve RocketChat token ID")?;
        Ok(())
    }

    fn slack(self, one: &SlackConfig) -> Result<(), Refusal> {
        self.http_fields(one.http_config.as_ref())?;
        let url = match &one.api_url {
            Some(reference) => {
                let url = self.secret(reference)?.trim().to_owned();
                check_secret_url(&url).at("failed to validate API URL")?;
                url
            }
            None => String::new(),
        };
        self.known("messageText", one.message_text.is_some(), (0, 31, 0))?;
        self.known("updateMessage", one.update_message.is_some(), (0, 32, 0))?;
        if one.update_message == Some(true) && !url.is_empty() && url != SLACK_POST {
            return Err(format!(
                "updateMessage' can only be used with bot tokens. API URL must be set to {SLACK_POST}"
            ));
        }
        self.http_references(one.http_config.as_ref())
    }

    fn webhook(self, one: &WebhookConfig) -> Result<(), Refusal> {
        self.http_fields(one.http_config.as_ref())?;
        if let Some(reference) = &one.url_secret {
            let url = self.secret(reference)?;
            check_secret_template_url(url.trim()).at("failed to validate URL")?;
        }
        self.known("payload", one.payload.is_some(), (0, 32, 0))?;
        self.http_references(one.http_config.as_ref())
    }

    fn wechat(self, one: &WeChatConfig) -> Result<(), Refusal> {
        self.http_fields(one.http_config.as_ref())?;
        self.resolves(one.api_secret.as_ref())?;
        self.http_references(one.http_config.as_ref())
    }

    fn email(self, one: &EmailConfig) -> Result<(), Refusal> {
        self.resolves(one.auth_password.as_ref())?;
        self.resolves(one.auth_secret.as_ref())?;
        self.tls(one.tls_config.as_ref())?;
        self.known(
            "forceImplicitTLS",
            one.force_implicit_tls.is_some(),
            (0, 31, 0),
        )?;
        self.known("threading", one.threading.is_some(), (0, 30, 0))
    }

    fn victorops(self, one: &VictorOpsConfig) -> Result<(), Refusal> {
        self.http_fields(one.http_config.as_ref())?;
        self.resolves(one.api_key.as_ref())?;
        self.http_references(one.http_config.as_ref())
    }

    fn pushover(self, one: &PushoverConfig) -> Result<(), Refusal> {
        self.http_fields(one.http_config.as_ref())?;
        let filled = |key: Option<&SecretKeySelector>, file: Option<&String>, name: &str| {
            let text = match (key, file) {
                (Some(reference), _) => self.secret(reference)?,
                (None, Some(file)) => file.clone(),
                (None, None) => String::new(),
            };
            if text.is_empty() {
                return Err(format!("mandatory field {name} is empty"));
            }
            Ok(())
        };
        filled(one.user_key.as_ref(), one.user_key_file.as_ref(), "userKey")?;
        filled(one.token.as_ref(), one.token_file.as_ref(), "token")?;
        if one.html == Some(true) && one.monospace == Some(true) {
            return Err("html and monospace options are mutually exclusive".to_owned());
        }
        for time in [&one.expire, &one.retry].into_iter().flatten() {
            if !time.is_empty() {
                milliseconds(time)?;
            }
        }
        self.http_references(one.http_config.as_ref())
    }

    fn sns(self, one: &SnsConfig) -> Result<(), Refusal> {
        self.known(
            "useAWSHTTPClient",
            one.use_aws_http_client.is_some(),
            (0, 33, 0),
        )?;
        self.http_fields(one.http_config.as_ref())?;
        if let Some(sigv4) = &one.sigv4 {
            match (&sigv4.access_key, &sigv4.secret_key) {
                (Some(access), Some(secret)) => {
                    self.secret(access).at("failed to read SigV4 access-key")?;
                    self.secret(secret).at("failed to read SigV4 secret-key")?;
                }
                (None, None) => {}
                (Some(_), None) | (None, Some(_)) => {
                    return Err("both accessKey and secretKey should be provided".to_owned());
                }
            }
        }
        self.http_references(one.http_config.as_ref())
    }

    fn telegram(self, one: &TelegramConfig) -> Result<(), Refusal> {
        self.known("botTokenFile", one.bot_token_file.is_some(), (0, 26, 0))?;
        self.http_fields(one.http_config.as_ref())?;
        self.resolves(one.bot_token.as_ref())?;
        self.http_references(one.http_config.as_ref())
    }

    fn msteams(self, one: &MsTeamsConfig) -> Result<(), Refusal> {
        self.http_fields(one.http_config.as_ref())?;
        self.secret(&one.webhook_url)?;
        self.http_references(one.http_config.as_ref())
    }

    fn msteams_v2(self, one: &MsTeamsV2Config) -> Result<(), Refusal> {
        self.resolves(one.webhook_url.as_ref())?;
        self.http(one.http_config.as_ref())
    }

    fn only_available(self, name: &str, set: bool, since: Since) -> Result<(), Refusal> {
        if !set || !self.before(since) {
            return Ok(());
        }
        let (major, minor, patch) = since;
        Err(format!(
            "invalid syntax in receivers config; {name} integration is only available in Alertmanager >= {major}.{minor}.{patch}"
        ))
    }
}

/// Checks all integrations of a kind; `field` is the list they are in.
fn each<T>(
    field: &str,
    all: &[T],
    check: impl Fn(&T) -> Result<(), Refusal>,
) -> Result<(), Unusable> {
    let mut all = all.iter().enumerate();
    all.try_for_each(|(index, one)| {
        check(one).map_err(|why| Unusable::from(why).within(&format!("{field}[{index}]")))
    })
}
