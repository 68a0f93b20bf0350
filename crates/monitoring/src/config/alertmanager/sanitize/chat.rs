//! Receivers that write into chats.

use super::fields::{check_template, check_url};
use super::{Fields, Refusal, Sanitizer, is_set, is_true, mappings, text};
use crate::config::version::Since;

/// Fields of Mattermost's one attachment, before there were several.
const MATTERMOST_FIELDS: [&str; 13] = [
    "fallback",
    "color",
    "pretext",
    "author_name",
    "author_link",
    "author_icon",
    "title",
    "title_link",
    "thumb_url",
    "footer",
    "footer_icon",
    "image_url",
    "fields",
];
/// Those of them that are URLs or templates of one.
const MATTERMOST_URLS: [&str; 6] = [
    "author_link",
    "author_icon",
    "title_link",
    "thumb_url",
    "footer_icon",
    "image_url",
];

impl Sanitizer<'_> {
    /// An integration that came with `since`; `how` is upstream's wording.
    pub(super) fn known(&self, name: &str, since: Since, how: &str) -> Result<(), Refusal> {
        if !self.before(since) {
            return Ok(());
        }
        let (major, minor, patch) = since;
        Err(format!(
            "invalid syntax in receivers config; {name} integration is {how} Alertmanager >= {major}.{minor}.{patch}"
        ))
    }

    pub(super) fn slack(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.client_of(fields)?;
        for key in ["timeout", "app_token", "app_token_file", "app_url"] {
            self.drop_before((0, 30, 0), fields, key);
        }
        self.drop_before((0, 31, 0), fields, "message_text");
        self.drop_before((0, 32, 0), fields, "update_message");
        let api = text(fields, "api_url");
        let postable = api.is_empty() || api == "https://slack.com/api/chat.postMessage";
        if is_true(fields, "update_message") && !postable {
            return Err(
                "update_message' can only be used with bot tokens. api_url must be set to https://slack.com/api/chat.postMessage"
                    .to_owned(),
            );
        }
        self.prefer(fields, "app_token", "app_token_file");
        let by_token = is_set(fields, "app_token") || is_set(fields, "app_token_file");
        if by_token && (is_set(fields, "api_url") || is_set(fields, "api_url_file")) {
            return Err(
                "at most one of app_token/app_token_file & api_url/api_url_file must be configured"
                    .to_owned(),
            );
        }
        self.drop_before((0, 22, 0), fields, "api_url_file");
        self.prefer(fields, "api_url", "api_url_file");
        Ok(())
    }

    pub(super) fn wechat(&self, fields: &mut Fields) -> Result<(), Refusal> {
        check_url(fields, "api_url", "'api_url'")?;
        self.drop_before((0, 31, 0), fields, "api_secret_file");
        self.prefer(fields, "api_secret", "api_secret_file");
        self.client_of(fields)
    }

    pub(super) fn telegram(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("telegram", (0, 24, 0), "available in")?;
        self.drop_before((0, 31, 0), fields, "chat_id_file");
        if !is_set(fields, "chat_id") && !is_set(fields, "chat_id_file") {
            return Err("missing mandatory field chat_id or chat_id_file".to_owned());
        }
        self.prefer(fields, "chat_id", "chat_id_file");
        self.drop_before((0, 26, 0), fields, "bot_token_file");
        self.prefer(fields, "bot_token", "bot_token_file");
        let anonymous = !is_set(fields, "bot_token") && !is_set(fields, "bot_token_file");
        if anonymous && self.before((0, 31, 0)) {
            return Err("missing mandatory field botToken or botTokenFile".to_owned());
        }
        self.drop_before((0, 26, 0), fields, "message_thread_id");
        check_url(fields, "api_url", "'api_url'")?;
        self.client_of(fields)
    }

    pub(super) fn discord(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("discord", (0, 25, 0), "available in")?;
        for key in ["content", "username", "avatar_url"] {
            self.drop_before((0, 28, 0), fields, key);
        }
        self.client_of(fields)
    }

    pub(super) fn webex(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("webex", (0, 25, 0), "available in")?;
        if !is_set(fields, "room_id") {
            return Err("mandatory field \"room_id\" is empty".to_owned());
        }
        check_url(fields, "api_url", "'api_url'")?;
        self.client_of(fields)
    }

    pub(super) fn msteams(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("msteams", (0, 26, 0), "only available in")?;
        if !is_set(fields, "webhook_url") {
            return Err("mandatory field \"webhook_url\" is empty".to_owned());
        }
        check_url(fields, "webhook_url", "'webhook_url'")?;
        self.drop_before((0, 27, 0), fields, "summary");
        self.client_of(fields)
    }

    pub(super) fn msteams_v2(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("msteams v2", (0, 28, 0), "available in")?;
        match (
            is_set(fields, "webhook_url"),
            is_set(fields, "webhook_url_file"),
        ) {
            (false, false) => return Err("no webhook_url or webhook_url_file provided".to_owned()),
            (true, true) => {
                return Err(
                    "both webhook_url and webhook_url_file cannot be set at the same time"
                        .to_owned(),
                );
            }
            (true, false) | (false, true) => {}
        }
        check_url(fields, "webhook_url", "'webhook_url'")?;
        self.client_of(fields)
    }

    pub(super) fn rocketchat(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("rocketchat", (0, 28, 0), "available in")?;
        for (value, file) in [("token", "token_file"), ("token_id", "token_id_file")] {
            if fields.get(value).is_some_and(|value| !value.is_null()) && is_set(fields, file) {
                return Err(format!(
                    "at most one of {value} & {file} must be configured"
                ));
            }
        }
        self.client_of(fields)
    }

    pub(super) fn mattermost(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("mattermost", (0, 30, 0), "available in")?;
        let nowhere = !is_set(fields, "webhook_url") && !is_set(fields, "webhook_url_file");
        if nowhere && self.before((0, 32, 0)) {
            return Err("one of 'webhook_url' or 'webhook_url_file' must be configured".to_owned());
        }
        self.prefer(fields, "webhook_url", "webhook_url_file");
        check_url(fields, "webhook_url", "'webhook_url'")?;
        check_template(fields, "icon_url", "'icon_url'")?;
        for key in MATTERMOST_FIELDS {
            self.drop_before((0, 32, 0), fields, key);
        }
        for key in MATTERMOST_URLS {
            check_template(fields, key, &format!("'{key}'"))?;
        }
        for (index, attachment) in mappings(fields, "attachments").enumerate() {
            for key in MATTERMOST_URLS {
                check_template(attachment, key, &format!("'{key}' in attachments[{index}]"))?;
            }
        }
        self.client_of(fields)
    }
}
