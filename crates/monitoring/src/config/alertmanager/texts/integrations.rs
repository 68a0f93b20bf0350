//! Texts of receivers.

use super::{CLIENT, Fields, TLS};

/// A receiver with its integrations.
pub(super) static RECEIVER: Fields = Fields {
    texts: &["name", "labels"],
    parts: &[
        ("opsgenie_configs", &OPSGENIE),
        ("pagerduty_configs", &PAGERDUTY),
        ("slack_configs", &SLACK),
        ("webhook_configs", &WEBHOOK),
        ("wechat_configs", &WECHAT),
        ("email_configs", &EMAIL),
        ("pushover_configs", &PUSHOVER),
        ("victorops_configs", &VICTOROPS),
        ("sns_configs", &SNS),
        ("telegram_configs", &TELEGRAM),
        ("discord_configs", &DISCORD),
        ("webex_configs", &WEBEX),
        ("msteams_configs", &MSTEAMS),
        ("msteamsv2_configs", &MSTEAMS_V2),
        ("jira_configs", &JIRA),
        ("rocketchat_configs", &ROCKETCHAT),
        ("mattermost_configs", &MATTERMOST),
        ("incidentio_configs", &INCIDENTIO),
    ],
};

static WEBHOOK: Fields = Fields {
    texts: &["url", "url_file", "timeout"],
    parts: &[("http_config", &CLIENT)],
};

static PAGERDUTY: Fields = Fields {
    texts: &[
        "service_key",
        "service_key_file",
        "routing_key",
        "routing_key_file",
        "url",
        "client",
        "client_url",
        "description",
        "severity",
        "class",
        "component",
        "group",
        "source",
        "timeout",
    ],
    parts: &[
        ("http_config", &CLIENT),
        ("images", &IMAGE),
        ("links", &LINK),
    ],
};

static OPSGENIE: Fields = Fields {
    texts: &[
        "api_key",
        "api_key_file",
        "api_url",
        "message",
        "description",
        "source",
        "details",
        "tags",
        "note",
        "priority",
        "entity",
        "actions",
    ],
    parts: &[("http_config", &CLIENT), ("responders", &RESPONDER)],
};

static WECHAT: Fields = Fields {
    texts: &[
        "api_secret",
        "api_url",
        "corp_id",
        "agent_id",
        "to_user",
        "to_party",
        "to_tag",
        "message",
        "message_type",
        "api_secret_file",
    ],
    parts: &[("http_config", &CLIENT)],
};

static SLACK: Fields = Fields {
    texts: &[
        "api_url",
        "api_url_file",
        "app_token",
        "app_token_file",
        "app_url",
        "channel",
        "username",
        "color",
        "title",
        "title_link",
        "pretext",
        "text",
        "footer",
        "fallback",
        "callback_id",
        "icon_emoji",
        "icon_url",
        "image_url",
        "thumb_url",
        "mrkdwn_in",
        "timeout",
        "message_text",
    ],
    parts: &[
        ("http_config", &CLIENT),
        ("fields", &FIELD),
        ("actions", &SLACK_ACTION),
    ],
};

static LINK: Fields = Fields {
    texts: &["href", "text"],
    parts: &[],
};

static IMAGE: Fields = Fields {
    texts: &["src", "alt", "href"],
    parts: &[],
};

static RESPONDER: Fields = Fields {
    texts: &["id", "name", "username", "type"],
    parts: &[],
};

static FIELD: Fields = Fields {
    texts: &["title", "value"],
    parts: &[],
};

static SLACK_ACTION: Fields = Fields {
    texts: &["type", "text", "url", "style", "name", "value"],
    parts: &[("confirm", &CONFIRMATION)],
};

static CONFIRMATION: Fields = Fields {
    texts: &["text", "title", "ok_text", "dismiss_text"],
    parts: &[],
};

static EMAIL: Fields = Fields {
    texts: &[
        "to",
        "from",
        "hello",
        "smarthost",
        "auth_username",
        "auth_password",
        "auth_password_file",
        "auth_secret",
        "auth_secret_file",
        "auth_identity",
        "headers",
        "html",
        "text",
    ],
    parts: &[("tls_config", &TLS), ("threading", &THREADING)],
};

static THREADING: Fields = Fields {
    texts: &["thread_by_date"],
    parts: &[],
};

static PUSHOVER: Fields = Fields {
    texts: &[
        "user_key",
        "user_key_file",
        "token",
        "token_file",
        "title",
        "message",
        "url",
        "url_title",
        "ttl",
        "device",
        "sound",
        "priority",
        "retry",
        "expire",
    ],
    parts: &[("http_config", &CLIENT)],
};

static SNS: Fields = Fields {
    texts: &[
        "api_url",
        "topic_arn",
        "phone_number",
        "target_arn",
        "subject",
        "message",
        "attributes",
    ],
    parts: &[("http_config", &CLIENT), ("sigv4", &SIGV4)],
};

static TELEGRAM: Fields = Fields {
    texts: &[
        "api_url",
        "bot_token",
        "bot_token_file",
        "chat_id_file",
        "message",
        "parse_mode",
    ],
    parts: &[("http_config", &CLIENT)],
};

static DISCORD: Fields = Fields {
    texts: &[
        "webhook_url",
        "title",
        "message",
        "content",
        "username",
        "avatar_url",
        "webhook_url_file",
    ],
    parts: &[("http_config", &CLIENT)],
};

static WEBEX: Fields = Fields {
    texts: &["api_url", "message", "room_id"],
    parts: &[("http_config", &CLIENT)],
};

static SIGV4: Fields = Fields {
    texts: &[
        "region",
        "access_key",
        "secret_key",
        "profile",
        "role_arn",
        "external_id",
    ],
    parts: &[],
};

static VICTOROPS: Fields = Fields {
    texts: &[
        "api_key",
        "api_key_file",
        "api_url",
        "routing_key",
        "message_type",
        "state_message",
        "entity_display_name",
        "monitoring_tool",
        "custom_fields",
    ],
    parts: &[("http_config", &CLIENT)],
};

static MSTEAMS: Fields = Fields {
    texts: &["webhook_url", "title", "summary", "text"],
    parts: &[("http_config", &CLIENT)],
};

static MSTEAMS_V2: Fields = Fields {
    texts: &["webhook_url", "webhook_url_file", "title", "text"],
    parts: &[("http_config", &CLIENT)],
};

static JIRA: Fields = Fields {
    texts: &[
        "api_url",
        "project",
        "summary",
        "description",
        "labels",
        "priority",
        "issue_type",
        "reopen_transition",
        "resolve_transition",
        "wont_fix_resolution",
        "reopen_duration",
        "api_type",
    ],
    parts: &[("http_config", &CLIENT)],
};

static ROCKETCHAT_ACTION: Fields = Fields {
    texts: &[
        "type",
        "text",
        "url",
        "image_url",
        "webview_height_ratio",
        "msg",
        "msg_processing_type",
    ],
    parts: &[],
};

static ROCKETCHAT: Fields = Fields {
    texts: &[
        "api_url",
        "token_id",
        "token_id_file",
        "token",
        "token_file",
        "channel",
        "color",
        "title",
        "title_link",
        "text",
        "emoji",
        "icon_url",
        "image_url",
        "thumb_url",
    ],
    parts: &[
        ("http_config", &CLIENT),
        ("fields", &FIELD),
        ("actions", &ROCKETCHAT_ACTION),
    ],
};

static MATTERMOST: Fields = Fields {
    texts: &[
        "webhook_url",
        "webhook_url_file",
        "channel",
        "username",
        "text",
        "icon_url",
        "icon_emoji",
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
    ],
    parts: &[
        ("attachments", &ATTACHMENT),
        ("props", &PROPS),
        ("priority", &PRIORITY),
        ("fields", &FIELD),
        ("http_config", &CLIENT),
    ],
};

static ATTACHMENT: Fields = Fields {
    texts: &[
        "fallback",
        "color",
        "pretext",
        "text",
        "author_name",
        "author_link",
        "author_icon",
        "title",
        "title_link",
        "thumb_url",
        "footer",
        "footer_icon",
        "image_url",
    ],
    parts: &[("fields", &FIELD)],
};

static PROPS: Fields = Fields {
    texts: &["card"],
    parts: &[],
};

static PRIORITY: Fields = Fields {
    texts: &["priority"],
    parts: &[],
};

static INCIDENTIO: Fields = Fields {
    texts: &[
        "url",
        "url_file",
        "alert_source_token",
        "alert_source_token_file",
        "timeout",
    ],
    parts: &[("http_config", &CLIENT)],
};
