//! Receivers: one list of integrations for each kind.

use serde_json::Value;

use super::{Converter, Refusal};
use crate::api::receiver::Receiver;
use crate::config::alertmanager::block::Block;

impl Converter<'_> {
    /// A receiver with all its integrations.
    pub(super) fn receiver(self, receiver: &Receiver) -> Result<Value, Refusal> {
        let of = receiver;
        Ok(Block::default()
            .put("name", Some(self.prefixed(&of.name)))
            .list(
                "pagerduty_configs",
                all(&of.pagerduty_configs, "PagerDutyConfig", |one| {
                    self.pagerduty(one)
                })?,
            )
            .list(
                "discord_configs",
                all(&of.discord_configs, "DiscordConfig", |one| {
                    self.discord(one)
                })?,
            )
            .list(
                "slack_configs",
                all(&of.slack_configs, "SlackConfig", |one| self.slack(one))?,
            )
            .list(
                "webhook_configs",
                all(&of.webhook_configs, "WebhookConfig", |one| {
                    self.webhook(one)
                })?,
            )
            .list(
                "opsgenie_configs",
                all(&of.opsgenie_configs, "OpsGenieConfigs", |one| {
                    self.opsgenie(one)
                })?,
            )
            .list(
                "wechat_configs",
                all(&of.wechat_configs, "WeChatConfig", |one| self.wechat(one))?,
            )
            .list(
                "email_configs",
                all(&of.email_configs, "EmailConfig", |one| self.email(one))?,
            )
            .list(
                "victorops_configs",
                all(&of.victorops_configs, "VictorOpsConfig", |one| {
                    self.victorops(one)
                })?,
            )
            .list(
                "pushover_configs",
                all(&of.pushover_configs, "PushoverConfig", |one| {
                    self.pushover(one)
                })?,
            )
            .list(
                "sns_configs",
                all(&of.sns_configs, "SNSConfig", |one| self.sns(one))?,
            )
            .list(
                "telegram_configs",
                all(&of.telegram_configs, "TelegramConfig", |one| {
                    self.telegram(one)
                })?,
            )
            .list(
                "msteams_configs",
                all(&of.msteams_configs, "MSTeamsConfig", |one| {
                    self.msteams(one)
                })?,
            )
            .list(
                "msteamsv2_configs",
                all(&of.msteamsv2_configs, "MSTeamsConfigV2", |one| {
                    self.msteams_v2(one)
                })?,
            )
            .list(
                "webex_configs",
                all(&of.webex_configs, "WebexConfig", |one| self.webex(one))?,
            )
            .list(
                "rocketchat_configs",
                all(&of.rocketchat_configs, "RocketChatConfig", |one| {
                    self.rocketchat(one)
                })?,
            )
            .value())
    }
}

fn all<T>(
    items: &[T],
    kind: &str,
    convert: impl Fn(&T) -> Result<Value, Refusal>,
) -> Result<Vec<Value>, Refusal> {
    let convert = |(index, item): (usize, &T)| {
        convert(item).map_err(|refusal| format!("{kind}[{index}]: {refusal}"))
    };
    items.iter().enumerate().map(convert).collect()
}
