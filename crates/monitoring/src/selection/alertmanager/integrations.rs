//! Integrations of receivers: what the version knows of them and whether their references resolve.

use super::{Look, Refusal};
use crate::api::common::SecretKeySelector;
use crate::api::receiver::{
    DiscordConfig, EmailConfig, MsTeamsConfig, MsTeamsV2Config, OpsGenieConfig, PagerDutyConfig,
    PushoverConfig, Receiver, SnsConfig, TelegramConfig, VictorOpsConfig, WeChatConfig,
    WebexConfig, WebhookConfig,
};
use crate::api::receiver_chat::{RocketChatConfig, SlackConfig};
use crate::config::alertmanager::sanitize::{check_secret_template_url, check_secret_url};
use crate::duration::milliseconds;
use crate::selection::At;

/// The one URL with which Slack updates messages.
const SLACK_POST: &str = "https://slack.com/api/chat.postMessage";

impl Look<'_> {
    /// All integrations of a receiver.
    pub(super) fn receiver(self, of: &Receiver) -> Result<(), Refusal> {
        let all = &of.pagerduty_configs;
        all.iter().try_for_each(|one| self.pagerduty(one))?;
        let all = &of.opsgenie_configs;
        all.iter().try_for_each(|one| self.opsgenie(one))?;
        self.discord(&of.discord_configs)?;
        let all = &of.slack_configs;
        all.iter().try_for_each(|one| self.slack(one))?;
        let all = &of.webhook_configs;
        all.iter().try_for_each(|one| self.webhook(one))?;
        let all = &of.wechat_configs;
        all.iter().try_for_each(|one| self.wechat(one))?;
        self.webex(&of.webex_configs)?;
        let all = &of.email_configs;
        all.iter().try_for_each(|one| self.email(one))?;
        let all = &of.victorops_configs;
        all.iter().try_for_each(|one| self.victorops(one))?;
        let all = &of.pushover_configs;
        all.iter().try_for_each(|one| self.pushover(one))?;
        let all = &of.sns_configs;
        all.iter().try_for_each(|one| self.sns(one))?;
        self.telegram(&of.telegram_configs)?;
        self.msteams(&of.msteams_configs)?;
        self.msteams_v2(&of.msteamsv2_configs)?;
        self.rocketchat(&of.rocketchat_configs)
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

    fn discord(self, all: &[DiscordConfig]) -> Result<(), Refusal> {
        self.known("discordConfigs", !all.is_empty(), (0, 25, 0))?;
        for one in all {
            self.http(one.http_config.as_ref())?;
            let url = self.secret(&one.api_url).at("failed to retrieve API URL")?;
            check_secret_url(url.trim()).at("failed to validate API URL")?;
        }
        Ok(())
    }

    fn rocketchat(self, all: &[RocketChatConfig]) -> Result<(), Refusal> {
        self.known("rocketChatConfigs", !all.is_empty(), (0, 28, 0))?;
        for one in all {
            self.http(one.http_config.as_ref())?;
            self.secret(&one.token)
                .at("failed to retrieve RocketChat token")?;
            self.secret(&one.token_id)
                .at("failed to retrieve RocketChat token ID")?;
        }
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

    fn webex(self, all: &[WebexConfig]) -> Result<(), Refusal> {
        self.known("webexConfigs", !all.is_empty(), (0, 25, 0))?;
        all.iter()
            .try_for_each(|one| self.http(one.http_config.as_ref()))
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

    fn telegram(self, all: &[TelegramConfig]) -> Result<(), Refusal> {
        self.known("telegramConfigs", !all.is_empty(), (0, 24, 0))?;
        for one in all {
            self.known("botTokenFile", one.bot_token_file.is_some(), (0, 26, 0))?;
            self.http_fields(one.http_config.as_ref())?;
            self.resolves(one.bot_token.as_ref())?;
            self.http_references(one.http_config.as_ref())?;
        }
        Ok(())
    }

    fn msteams(self, all: &[MsTeamsConfig]) -> Result<(), Refusal> {
        self.only_available("msteams", !all.is_empty(), (0, 26, 0))?;
        for one in all {
            self.http_fields(one.http_config.as_ref())?;
            self.secret(&one.webhook_url)?;
            self.http_references(one.http_config.as_ref())?;
        }
        Ok(())
    }

    fn msteams_v2(self, all: &[MsTeamsV2Config]) -> Result<(), Refusal> {
        self.only_available("msteamsv2", !all.is_empty(), (0, 28, 0))?;
        for one in all {
            self.resolves(one.webhook_url.as_ref())?;
            self.http(one.http_config.as_ref())?;
        }
        Ok(())
    }

    fn only_available(
        self,
        name: &str,
        set: bool,
        since: crate::config::version::Since,
    ) -> Result<(), Refusal> {
        if !set || !self.before(since) {
            return Ok(());
        }
        let (major, minor, patch) = since;
        Err(format!(
            "invalid syntax in receivers config; {name} integration is only available in Alertmanager >= {major}.{minor}.{patch}"
        ))
    }
}
