//! The defaults of all receivers, `alertmanagerConfiguration.global` of an Alertmanager.

use super::{Look, Refusal, looking};
use crate::api::alertmanager::{AlertmanagerGlobalConfig, GlobalHttpConfig};
use crate::config::alertmanager::convert::global::http_of;
use crate::config::alertmanager::sanitize::{check_secret_url, check_url_text};
use crate::config::assets::Scope;
use crate::config::version::{Since, Version};
use crate::selection::At;
use crate::selection::client::{Client, check_proxy, check_safe_tls};

/// Whether the defaults make sense and are known to the version, and whether what services need resolves.
pub fn check_global_config(
    global: &AlertmanagerGlobalConfig,
    version: &Version,
    scope: Scope,
) -> Result<(), Refusal> {
    validate(global)?;
    looking(version, scope, |look| look.services(global))
}

/// Whether what the HTTP client of all receivers refers to can be used.
pub fn check_global_client(
    global: &AlertmanagerGlobalConfig,
    version: &Version,
    scope: Scope,
) -> Result<(), Refusal> {
    let http = global.http_config.as_ref().map(http_of);
    looking(version, scope, |look| look.http_references(http.as_ref()))
}

fn validate(global: &AlertmanagerGlobalConfig) -> Result<(), Refusal> {
    global
        .http_config
        .as_ref()
        .map_or(Ok(()), validate_http)
        .at("'httpConfig'")?;
    let url = |url: Option<&String>| {
        let url = url.filter(|url| !url.is_empty());
        url.map_or(Ok(()), |url| check_url_text(url))
            .at("invalid 'apiURL'")
    };
    let plain = |part: &Option<crate::api::alertmanager::GlobalApiUrl>| {
        url(part.as_ref().and_then(|part| part.api_url.as_ref()))
    };
    plain(&global.telegram).at("telegram")?;
    plain(&global.jira).at("jira")?;
    let victorops = global.victorops.as_ref();
    url(victorops.and_then(|part| part.api_url.as_ref())).at("victorops")?;
    let chat = global.rocket_chat.as_ref();
    url(chat.and_then(|part| part.api_url.as_ref())).at("rocketChat")?;
    plain(&global.webex).at("webex")?;
    let wechat = global.wechat.as_ref();
    url(wechat.and_then(|part| part.api_url.as_ref())).at("'wechat'")
}

fn validate_http(http: &GlobalHttpConfig) -> Result<(), Refusal> {
    let client = Client {
        basic: http.basic_auth.as_ref(),
        authorization: http.authorization.as_ref(),
        bearer: http.bearer_token_secret.as_ref(),
        oauth2: http.oauth2.as_ref(),
        ..Client::default()
    };
    client.authentication()?;
    http.tls_config
        .as_ref()
        .map_or(Ok(()), check_safe_tls)
        .at("tlsConfig")?;
    check_proxy(&http.proxy)
}

impl Look<'_> {
    fn services(self, global: &AlertmanagerGlobalConfig) -> Result<(), Refusal> {
        let implicit = global
            .smtp
            .as_ref()
            .is_some_and(|smtp| smtp.force_implicit_tls.is_some());
        self.since(
            "'forceImplicitTLS' integration requires",
            implicit,
            (0, 31, 0),
        )?;
        self.since(
            "'telegram' integration requires",
            global.telegram.is_some(),
            (0, 24, 0),
        )?;
        self.since(
            "'jira' integration requires",
            global.jira.is_some(),
            (0, 28, 0),
        )?;
        if let Some(victorops) = &global.victorops {
            self.resolves(victorops.api_key.as_ref())?;
        }
        if let Some(chat) = &global.rocket_chat {
            self.since("'rocketChat' integration requires", true, (0, 28, 0))?;
            self.resolves(chat.token.as_ref())?;
            self.resolves(chat.token_id.as_ref())?;
        }
        self.since(
            "'webex' integration requires",
            global.webex.is_some(),
            (0, 25, 0),
        )?;
        if let Some(wechat) = &global.wechat {
            self.resolves(wechat.api_secret.as_ref())?;
        }
        let Some(mattermost) = &global.mattermost else {
            return Ok(());
        };
        self.since("'mattermost' global parameters require", true, (0, 32, 0))?;
        let Some(url) = &mattermost.webhook_url else {
            return Ok(());
        };
        let url = self
            .secret(url)
            .at("failed to retrieve Mattermost Webhook URL")?;
        check_secret_url(url.trim()).at("failed to validate Mattermost Webhook URL")
    }

    fn since(self, what: &str, set: bool, since: Since) -> Result<(), Refusal> {
        if !set || !self.before(since) {
            return Ok(());
        }
        let (major, minor, patch) = since;
        Err(format!(
            "{what} Alertmanager >= {major}.{minor}.{patch} - current {}",
            self.version
        ))
    }
}
