//! `global`, from `alertmanagerConfiguration.global` of an Alertmanager.

use serde_json::Value;

use super::paging::normal;
use super::{Converter, Refusal};
use crate::api::alertmanager::{AlertmanagerGlobalConfig, GlobalHttpConfig, GlobalSmtp};
use crate::api::alertmanager_config::HttpConfig;
use crate::api::common::SecretKeySelector;
use crate::config::alertmanager::block::Block;
use crate::{redact, url};

impl Converter<'_> {
    /// The defaults of all receivers.
    pub(in crate::config::alertmanager) fn global(
        self,
        global: &AlertmanagerGlobalConfig,
    ) -> Result<Value, Refusal> {
        let at = |place: &'static str| move |why: Refusal| format!("invalid global {place}: {why}");
        let mut block = Block::default();
        if let Some(smtp) = &global.smtp {
            block = block.with(self.smtp(smtp).map_err(at("smtpConfig"))?);
        }
        let http = global.http_config.as_ref().map(http_of);
        block = block
            .put(
                "http_config",
                self.http(http.as_ref()).map_err(at("httpConfig"))?,
            )
            .put(
                "resolve_timeout",
                normal(global.resolve_timeout.as_ref())
                    .map_err(|why| format!("parse resolve timeout: {why}"))?,
            )
            .put(
                "slack_api_url",
                self.url_in(global.slack_api_url.as_ref(), "Slack", "slack")?,
            )
            .put(
                "opsgenie_api_url",
                self.url_in(global.ops_genie_api_url.as_ref(), "OpsGenie", "OpsGenie")?,
            );
        let key = self.maybe_secret(global.ops_genie_api_key.as_ref(), "OpsGenie API KEY")?;
        block = block.maybe("opsgenie_api_key", key.as_ref());
        if let Some(url) = &global.pagerduty_url {
            // Alertmanager itself would refuse the whole configuration for a URL without a scheme.
            url::check_http(url).map_err(|why| format!("parse Pagerduty URL: {why}"))?;
            block = block.text("pagerduty_url", url);
        }
        self.services(block, global)
    }

    fn services(
        self,
        mut block: Block,
        global: &AlertmanagerGlobalConfig,
    ) -> Result<Value, Refusal> {
        for (part, key) in [
            (&global.telegram, "telegram_api_url"),
            (&global.jira, "jira_api_url"),
            (&global.webex, "webex_api_url"),
        ] {
            let url = part.as_ref().and_then(|part| part.api_url.as_ref());
            block = block.maybe(key, url);
        }
        if let Some(chat) = &global.rocket_chat {
            let at = |why| format!("invalid global rocket chat config: {why}");
            let token = self.maybe_secret(chat.token.as_ref(), "Rocket Chat Token");
            let id = self.maybe_secret(chat.token_id.as_ref(), "Rocket Chat Token ID");
            block = block
                .maybe("rocketchat_api_url", chat.api_url.as_ref())
                .maybe("rocketchat_token", token.map_err(at)?.as_ref())
                .maybe("rocketchat_token_id", id.map_err(at)?.as_ref());
        }
        if let Some(wechat) = &global.wechat {
            let secret = self.maybe_secret(wechat.api_secret.as_ref(), "WeChat Secret");
            let secret = secret.map_err(|why| format!("invalid global wechat config: {why}"))?;
            block = block
                .maybe("wechat_api_url", wechat.api_url.as_ref())
                .maybe("wechat_api_secret", secret.as_ref())
                .maybe("wechat_api_corp_id", wechat.api_corp_id.as_ref());
        }
        if let Some(victorops) = &global.victorops {
            let key = self.maybe_secret(victorops.api_key.as_ref(), "VictorOps Secret");
            let key = key.map_err(|why| format!("invalid global victorops config: {why}"))?;
            block = block
                .maybe("victorops_api_url", victorops.api_url.as_ref())
                .maybe("victorops_api_key", key.as_ref());
        }
        if let Some(mattermost) = &global.mattermost {
            let url = mattermost.webhook_url.as_ref();
            let url = url.map(|url| self.trimmed(url)).transpose();
            let url = url.map_err(|why| {
                format!("invalid global mattermost config: failed to get Mattermost Webhook URL Secret: {why}")
            })?;
            block = block.maybe("mattermost_webhook_url", url.as_ref());
        }
        Ok(block.value())
    }

    fn url_in(
        self,
        reference: Option<&SecretKeySelector>,
        service: &str,
        spelled: &str,
    ) -> Result<Option<String>, Refusal> {
        let text = self.maybe_secret(reference, &format!("{service} API URL"))?;
        if let Some(text) = &text {
            url::parse(text).map_err(|why| {
                let why = redact::without_url(&why, text);
                format!("parse {spelled} API URL: {why}")
            })?;
        }
        Ok(text)
    }

    fn smtp(self, smtp: &GlobalSmtp) -> Result<Block, Refusal> {
        let secret = |reference: Option<&SecretKeySelector>| {
            reference.map(|one| self.secret(one)).transpose()
        };
        let (password, cram) = (
            secret(smtp.auth_password.as_ref())?,
            secret(smtp.auth_secret.as_ref())?,
        );
        let host = smtp.smart_host.as_ref();
        Ok(Block::default()
            .maybe("smtp_from", smtp.from.as_ref())
            .maybe("smtp_hello", smtp.hello.as_ref())
            .put(
                "smtp_smarthost",
                host.map(|host| url::join_host_port(&host.host, &host.port)),
            )
            .maybe("smtp_auth_username", smtp.auth_username.as_ref())
            .maybe("smtp_auth_identity", smtp.auth_identity.as_ref())
            .maybe("smtp_auth_password", password.as_ref())
            .maybe("smtp_auth_secret", cram.as_ref())
            .put("smtp_require_tls", smtp.require_tls)
            .put("smtp_force_implicit_tls", smtp.force_implicit_tls)
            .put(
                "smtp_tls_config",
                smtp.tls_config.as_ref().map(|tls| self.tls(tls)),
            ))
    }
}

/// The client of all receivers as that of one.
pub(crate) fn http_of(global: &GlobalHttpConfig) -> HttpConfig {
    let global = global.clone();
    HttpConfig {
        authorization: global.authorization,
        basic_auth: global.basic_auth,
        bearer_token_secret: global.bearer_token_secret,
        enable_http2: global.enable_http2,
        follow_redirects: global.follow_redirects,
        oauth2: global.oauth2,
        proxy_url: None,
        tls_config: global.tls_config,
        proxy: global.proxy,
    }
}
