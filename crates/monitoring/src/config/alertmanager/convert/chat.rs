//! Integrations that write into chats.

use serde_json::{Value, json};

use super::paging::of_go;
use super::{Converter, Refusal};
use crate::api::common::SecretKeySelector;
use crate::api::receiver::{
    DiscordConfig, MsTeamsConfig, MsTeamsV2Config, TelegramConfig, WeChatConfig, WebexConfig,
};
use crate::api::receiver_chat::{RocketChatConfig, SlackAction, SlackConfig};
use crate::config::alertmanager::block::Block;
use crate::config::alertmanager::sanitize::check_secret_url;

impl Converter<'_> {
    pub(super) fn rocketchat(self, one: &RocketChatConfig) -> Result<Value, Refusal> {
        let token = self.maybe_secret(Some(&one.token), "RocketChat token")?;
        let id = self.maybe_secret(Some(&one.token_id), "RocketChat token ID")?;
        let fields = one.fields.iter().map(|field| {
            Block::default()
                .maybe("title", field.title.as_ref())
                .maybe("value", field.value.as_ref())
                .put("short", Some(json!(field.short)))
                .value()
        });
        // Alertmanager gives these no names of their own in YAML: it reads those of Go's fields in small letters.
        let actions = one.actions.iter().map(|action| {
            Block::default()
                .maybe("text", action.text.as_ref())
                .maybe("url", action.url.as_ref())
                .put("iswebview", Some(false))
                .maybe("msg", action.msg.as_ref())
                .put("msginchatwindow", Some(false))
                .value()
        });
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("api_url", one.api_url.as_ref())
            .put("token", token)
            .put("token_id", id)
            .maybe("channel", one.channel.as_ref())
            .maybe("color", one.color.as_ref())
            .maybe("title", one.title.as_ref())
            .maybe("title_link", one.title_link.as_ref())
            .maybe("text", one.text.as_ref())
            .put("short_fields", Some(one.short_fields == Some(true)))
            .maybe("emoji", one.emoji.as_ref())
            .maybe("icon_url", one.icon_url.as_ref())
            .maybe("image_url", one.image_url.as_ref())
            .maybe("thumb_url", one.thumb_url.as_ref())
            .put("link_names", Some(one.link_names == Some(true)))
            .list("fields", fields.collect())
            .list("actions", actions.collect())
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    pub(super) fn discord(self, one: &DiscordConfig) -> Result<Value, Refusal> {
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("title", one.title.as_ref())
            .maybe("message", one.message.as_ref())
            .maybe("content", one.content.as_ref())
            .maybe("username", one.username.as_ref())
            .maybe("avatar_url", one.avatar_url.as_ref())
            .text("webhook_url", &self.url(&one.api_url)?)
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    pub(super) fn slack(self, one: &SlackConfig) -> Result<Value, Refusal> {
        let url = one.api_url.as_ref().map(|url| self.url(url)).transpose()?;
        let fields = one.fields.iter().map(|field| {
            Block::default()
                .text("title", &field.title)
                .text("value", &field.value)
                .on("short", field.short)
                .value()
        });
        let block = Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("channel", one.channel.as_ref())
            .maybe("username", one.username.as_ref())
            .maybe("color", one.color.as_ref())
            .maybe("title", one.title.as_ref())
            .maybe("title_link", one.title_link.as_ref())
            .maybe("pretext", one.pretext.as_ref())
            .maybe("text", one.text.as_ref())
            .on("short_fields", one.short_fields)
            .maybe("footer", one.footer.as_ref())
            .maybe("fallback", one.fallback.as_ref())
            .maybe("callback_id", one.callback_id.as_ref())
            .maybe("icon_emoji", one.icon_emoji.as_ref())
            .maybe("icon_url", one.icon_url.as_ref())
            .maybe("image_url", one.image_url.as_ref())
            .maybe("thumb_url", one.thumb_url.as_ref())
            .on("link_names", one.link_names)
            .list("mrkdwn_in", one.mrkdwn_in.clone());
        Ok(block
            .maybe("message_text", one.message_text.as_ref())
            .put("update_message", one.update_message)
            .maybe("api_url", url.as_ref())
            .list("actions", one.actions.iter().map(slack_action).collect())
            .list("fields", fields.collect())
            .put("http_config", self.http(one.http_config.as_ref())?)
            .put("timeout", of_go(one.timeout.as_ref())?)
            .value())
    }

    pub(super) fn wechat(self, one: &WeChatConfig) -> Result<Value, Refusal> {
        let secret = self.maybe_secret(one.api_secret.as_ref(), "API secret")?;
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("corp_id", one.corp_id.as_ref())
            .maybe("agent_id", one.agent_id.as_ref())
            .maybe("to_user", one.to_user.as_ref())
            .maybe("to_party", one.to_party.as_ref())
            .maybe("to_tag", one.to_tag.as_ref())
            .maybe("message", one.message.as_ref())
            .maybe("message_type", one.message_type.as_ref())
            .maybe("api_url", one.api_url.as_ref())
            .maybe("api_secret", secret.as_ref())
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    pub(super) fn webex(self, one: &WebexConfig) -> Result<Value, Refusal> {
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .put("room_id", Some(one.room_id.clone()))
            .maybe("api_url", one.api_url.as_ref())
            .maybe("message", one.message.as_ref())
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    pub(super) fn telegram(self, one: &TelegramConfig) -> Result<Value, Refusal> {
        let http = self.http(one.http_config.as_ref())?;
        let token = self.maybe_secret(one.bot_token.as_ref(), "bot token")?;
        if token.as_ref().is_some_and(String::is_empty) {
            return Err("mandatory field \"botToken\" is empty".to_owned());
        }
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .put("chat_id", Some(one.chat_id).filter(|id| *id != 0))
            .maybe("message", one.message.as_ref())
            .on("disable_notifications", one.disable_notifications)
            .maybe("parse_mode", one.parse_mode.as_ref())
            .maybe("bot_token_file", one.bot_token_file.as_ref())
            .maybe("api_url", one.api_url.as_ref())
            .put("http_config", http)
            .put(
                "message_thread_id",
                one.message_thread_id.filter(|id| *id != 0),
            )
            .maybe("bot_token", token.as_ref())
            .value())
    }

    pub(super) fn msteams(self, one: &MsTeamsConfig) -> Result<Value, Refusal> {
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("title", one.title.as_ref())
            .maybe("text", one.text.as_ref())
            .maybe("summary", one.summary.as_ref())
            .put("webhook_url", Some(self.trimmed(&one.webhook_url)?))
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    pub(super) fn msteams_v2(self, one: &MsTeamsV2Config) -> Result<Value, Refusal> {
        let url = one.webhook_url.as_ref();
        let url = url.map(|url| self.trimmed(url)).transpose()?;
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("title", one.title.as_ref())
            .maybe("text", one.text.as_ref())
            .maybe("webhook_url", url.as_ref())
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    /// A URL that lies in a Secret.
    fn url(self, reference: &SecretKeySelector) -> Result<String, Refusal> {
        let url = self.maybe_secret(Some(reference), "URL")?;
        let url = url.unwrap_or_default().trim().to_owned();
        check_secret_url(&url).map_err(|why| {
            format!(
                "failed to validate key {:?} from secret {:?}: {why}",
                reference.key,
                reference.name.as_deref().unwrap_or_default()
            )
        })?;
        Ok(url)
    }
}

fn slack_action(action: &SlackAction) -> Value {
    let confirm = action.confirm.as_ref().and_then(|confirm| {
        Block::default()
            .text("text", &confirm.text)
            .maybe("title", confirm.title.as_ref())
            .maybe("ok_text", confirm.ok_text.as_ref())
            .maybe("dismiss_text", confirm.dismiss_text.as_ref())
            .filled()
    });
    Block::default()
        .text("type", &action.r#type)
        .text("text", &action.text)
        .maybe("url", action.url.as_ref())
        .maybe("style", action.style.as_ref())
        .maybe("name", action.name.as_ref())
        .maybe("value", action.value.as_ref())
        .put("confirm", confirm)
        .value()
}
