//! `global`.

use super::{Fields, Refusal, Sanitizer, is_set, mapping};
use crate::config::version::Since;

/// Fields and the versions they came with, in the order in which they are looked at.
const SINCE: &[(&str, Since)] = &[
    ("smtp_tls_config", (0, 28, 0)),
    ("slack_app_token", (0, 30, 0)),
    ("slack_app_token_file", (0, 30, 0)),
    ("slack_app_url", (0, 30, 0)),
    ("opsgenie_api_key_file", (0, 24, 0)),
    ("smtp_auth_password_file", (0, 25, 0)),
    ("victorops_api_key_file", (0, 25, 0)),
    ("wechat_api_secret_file", (0, 31, 0)),
    ("telegram_bot_token", (0, 31, 0)),
    ("telegram_bot_token_file", (0, 31, 0)),
    ("smtp_auth_secret_file", (0, 31, 0)),
    ("smtp_force_implicit_tls", (0, 31, 0)),
    ("mattermost_webhook_url", (0, 32, 0)),
    ("mattermost_webhook_url_file", (0, 32, 0)),
];

/// Values that win over files.
const EITHER: &[(&str, &str)] = &[
    ("slack_app_token", "slack_app_token_file"),
    ("smtp_auth_password", "smtp_auth_password_file"),
    ("victorops_api_key", "victorops_api_key_file"),
    ("wechat_api_secret", "wechat_api_secret_file"),
    ("telegram_bot_token", "telegram_bot_token_file"),
    ("smtp_auth_secret", "smtp_auth_secret_file"),
    ("mattermost_webhook_url", "mattermost_webhook_url_file"),
];

impl Sanitizer<'_> {
    pub(super) fn global(&self, fields: &mut Fields) -> Result<(), Refusal> {
        if let Some(client) = mapping(fields, "http_config") {
            self.http_client(client)?;
        }
        self.prefer(fields, "slack_api_url", "slack_api_url_file");
        self.drop_before((0, 22, 0), fields, "slack_api_url_file");
        for (key, since) in SINCE {
            self.drop_before(*since, fields, key);
        }
        for (value, file) in EITHER {
            self.prefer(fields, value, file);
        }
        let by_token = is_set(fields, "slack_app_token") || is_set(fields, "slack_app_token_file");
        let urls = (fields.get("slack_api_url"), fields.get("slack_app_url"));
        if let (true, (Some(api), Some(app))) = (by_token, urls)
            && !api.is_null()
            && !app.is_null()
            && api != app
        {
            return Err(
                "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured (unless slack_api_url matches slack_app_url)"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
