//! Integrations that write into chats: their fields by version, and what their own reader asks of them (`UnmarshalYAML` in
//! Alertmanager's `config/notifiers.go` and `notify/*/config.go`).

use super::super::client::{most_one, refuse};
use super::super::shape::{Field, Node, Shape, Struct, field, nothing, plain, plain_since, since};
use super::super::{Fault, Reader};
use super::{COMMON, needed, needs_one, refuse_at};

static CONFIRMATION: Struct = Struct {
    fields: &[&[
        plain("text"),
        plain("title"),
        plain("ok_text"),
        plain("dismiss_text"),
    ]],
    check: |of, _| needed(of, &["text"]),
};

static ACTION: Struct = Struct {
    fields: &[&[
        plain("type"),
        plain("text"),
        plain("url"),
        plain("style"),
        plain_since("name", (0, 16, 0)),
        plain_since("value", (0, 16, 0)),
        since("confirm", Shape::Struct(&CONFIRMATION), (0, 16, 0)),
    ]],
    check: |of, _| {
        needed(of, &["type", "text"])?;
        if of.count(&["url", "name"]) == 0 {
            return refuse("missing name or url in Slack action configuration");
        }
        Ok(())
    },
};

/// A field of a message in Slack or Mattermost.
static MESSAGE_FIELD: Struct = Struct {
    fields: &[&[plain("title"), plain("value"), field("short", Shape::Flag)]],
    check: |of, _| needed(of, &["title", "value"]),
};

/// The one URL with which Slack updates messages.
const SLACK_POST: &str = "https://slack.com/api/chat.postMessage";

pub(super) static SLACK: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("api_url", Shape::HttpUrl),
            plain_since("api_url_file", (0, 22, 0)),
            plain_since("app_token", (0, 30, 0)),
            plain_since("app_token_file", (0, 30, 0)),
            since("app_url", Shape::HttpUrl, (0, 30, 0)),
            plain("channel"),
            plain("username"),
            plain("color"),
            plain("title"),
            plain("title_link"),
            plain("pretext"),
            plain("text"),
            plain_since("message_text", (0, 31, 0)),
            field("fields", Shape::List(&Shape::Struct(&MESSAGE_FIELD))),
            field("short_fields", Shape::Flag),
            plain("footer"),
            plain("fallback"),
            plain_since("callback_id", (0, 16, 0)),
            plain("icon_emoji"),
            plain("icon_url"),
            plain_since("image_url", (0, 16, 0)),
            plain_since("thumb_url", (0, 16, 0)),
            field("link_names", Shape::Flag),
            since("mrkdwn_in", Shape::List(&Shape::Text), (0, 19, 0)),
            field("actions", Shape::List(&Shape::Struct(&ACTION))),
            since("update_message", Shape::Flag, (0, 32, 0)),
            since("timeout", Shape::Nanoseconds, (0, 30, 0)),
        ],
    ],
    check: check_slack,
};

fn check_slack(of: Node<'_>, _: &Reader) -> Result<(), Fault> {
    let (url, app) = (["api_url", "api_url_file"], ["app_token", "app_token_file"]);
    most_one(of, &url)?;
    most_one(of, &app)?;
    if of.count(&url) > 0 && of.count(&app) > 0 {
        return refuse(
            "at most one of api_url/api_url_file & app_token/app_token_file must be configured",
        );
    }
    if of.flag("update_message") && of.text("api_url") != SLACK_POST {
        return refuse_at(
            "update_message",
            format!("can only be used with bot tokens; set api_url to {SLACK_POST} or remove it"),
        );
    }
    Ok(())
}

pub(super) static WECHAT: Struct = Struct {
    fields: &[
        COMMON,
        &[
            plain("api_secret"),
            plain_since("api_secret_file", (0, 31, 0)),
            plain("corp_id"),
            plain("message"),
            field("api_url", Shape::HttpUrl),
            plain("to_user"),
            plain("to_party"),
            plain("to_tag"),
            plain("agent_id"),
            plain_since("message_type", (0, 22, 0)),
        ],
    ],
    check: |of, _| {
        most_one(of, &["api_secret", "api_secret_file"])?;
        let kind = of.text("message_type");
        if !["", "text", "markdown"].contains(&kind.as_ref()) {
            return refuse_at(
                "message_type",
                format!("{kind:?} is none of text, markdown"),
            );
        }
        Ok(())
    },
};

pub(super) static TELEGRAM: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("api_url", Shape::HttpUrl),
            plain("bot_token"),
            plain_since("bot_token_file", (0, 26, 0)),
            field("chat_id", Shape::Integer),
            plain_since("chat_id_file", (0, 31, 0)),
            since("message_thread_id", Shape::Integer, (0, 28, 0)),
            plain("message"),
            field("disable_notifications", Shape::Flag),
            plain("parse_mode"),
        ],
    ],
    check: |of, reader| {
        most_one(of, &["bot_token", "bot_token_file"])?;
        if !reader.supports((0, 31, 0)) {
            needs_one(of, &["bot_token", "bot_token_file"])?;
        }
        // Version 0.24 alone doesn't take the one of `global`.
        if !reader.supports((0, 25, 0)) {
            needs_one(of, &["api_url"])?;
        }
        let chat = of.number("chat_id").unwrap_or_default() != 0.0;
        match (chat, of.filled("chat_id_file")) {
            (false, false) => {
                return refuse("missing chat_id or chat_id_file on telegram_config");
            }
            (true, true) => {
                return refuse("at most one of chat_id & chat_id_file must be configured");
            }
            (true, false) | (false, true) => {}
        }
        let mode = of.text("parse_mode");
        if !["", "Markdown", "MarkdownV2", "HTML"].contains(&mode.as_ref()) {
            return refuse_at(
                "parse_mode",
                format!("{mode:?} is none of Markdown, MarkdownV2, HTML"),
            );
        }
        Ok(())
    },
};

pub(super) static DISCORD: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("webhook_url", Shape::HttpUrl),
            plain_since("webhook_url_file", (0, 27, 0)),
            plain_since("content", (0, 28, 0)),
            plain("title"),
            plain("message"),
            plain_since("username", (0, 28, 0)),
            plain_since("avatar_url", (0, 28, 0)),
        ],
    ],
    check: needs_webhook,
};

fn needs_webhook(of: Node<'_>, _: &Reader) -> Result<(), Fault> {
    needs_one(of, &["webhook_url", "webhook_url_file"])
}

pub(super) static WEBEX: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("api_url", Shape::HttpUrl),
            plain("message"),
            plain("room_id"),
        ],
    ],
    check: |of, _| {
        needs_one(of, &["room_id"])?;
        if !of.node("http_config").has("authorization") {
            return refuse("missing webex_configs.http_config.authorization");
        }
        Ok(())
    },
};

pub(super) static MSTEAMS: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("webhook_url", Shape::HttpUrl),
            plain_since("webhook_url_file", (0, 27, 0)),
            plain("title"),
            plain_since("summary", (0, 27, 0)),
            plain("text"),
        ],
    ],
    check: needs_webhook,
};

pub(super) static MSTEAMS_V2: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("webhook_url", Shape::HttpUrl),
            plain("webhook_url_file"),
            plain("title"),
            plain("text"),
        ],
    ],
    check: needs_webhook,
};

static ROCKETCHAT_FIELD: Struct = Struct {
    fields: &[&[field("short", Shape::Flag), plain("title"), plain("value")]],
    check: nothing,
};

/// These have no names of their own in YAML, so theirs are those of Go's fields in small letters.
static ROCKETCHAT_ACTION: Struct = Struct {
    fields: &[&[
        plain("type"),
        plain("text"),
        plain("url"),
        plain("imageurl"),
        field("iswebview", Shape::Flag),
        plain("webviewheightratio"),
        plain("msg"),
        field("msginchatwindow", Shape::Flag),
        plain("msgprocessingtype"),
    ]],
    check: nothing,
};

pub(super) static ROCKETCHAT: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("api_url", Shape::HttpUrl),
            plain("token_id"),
            plain("token_id_file"),
            plain("token"),
            plain("token_file"),
            plain("channel"),
            plain("color"),
            plain("title"),
            plain("title_link"),
            plain("text"),
            field("fields", Shape::List(&Shape::Struct(&ROCKETCHAT_FIELD))),
            field("short_fields", Shape::Flag),
            plain("emoji"),
            plain("icon_url"),
            plain("image_url"),
            plain("thumb_url"),
            field("link_names", Shape::Flag),
            field("actions", Shape::List(&Shape::Struct(&ROCKETCHAT_ACTION))),
        ],
    ],
    check: |of, _| {
        for (value, file) in [("token", "token_file"), ("token_id", "token_id_file")] {
            // An empty text is one here too.
            if of.has(value) && of.filled(file) {
                return refuse(&format!(
                    "at most one of {value} & {file} must be configured"
                ));
            }
        }
        Ok(())
    },
};

/// What an attachment of a message in Mattermost is made of.
static ATTACHMENT_FIELDS: &[Field] = &[
    plain("fallback"),
    plain("color"),
    plain("pretext"),
    plain("author_name"),
    plain("author_link"),
    plain("author_icon"),
    plain("title"),
    plain("title_link"),
    field("fields", Shape::List(&Shape::Struct(&MESSAGE_FIELD))),
    plain("thumb_url"),
    plain("footer"),
    plain("footer_icon"),
    plain("image_url"),
];

static ATTACHMENT: Struct = Struct {
    fields: &[&[plain("text")], ATTACHMENT_FIELDS],
    check: nothing,
};

static CARD: Struct = Struct {
    fields: &[&[plain("card")]],
    check: nothing,
};

static PRIORITY: Struct = Struct {
    fields: &[&[
        plain("priority"),
        field("requested_ack", Shape::Flag),
        field("persistent_notifications", Shape::Flag),
    ]],
    check: nothing,
};

pub(super) static MATTERMOST: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("webhook_url", Shape::HttpUrl),
            plain("webhook_url_file"),
            plain("channel"),
            plain("username"),
            plain("text"),
            plain("icon_url"),
            plain("icon_emoji"),
            field("attachments", Shape::List(&Shape::Struct(&ATTACHMENT))),
            plain("type"),
            field("props", Shape::Struct(&CARD)),
            field("priority", Shape::Struct(&PRIORITY)),
        ],
        ATTACHMENT_FIELDS,
    ],
    check: |of, reader| {
        most_one(of, &["webhook_url", "webhook_url_file"])?;
        if reader.supports((0, 32, 0)) {
            return Ok(());
        }
        let later = |field: &&Field| of.present(field.name());
        if let Some(field) = ATTACHMENT_FIELDS.iter().find(later) {
            return refuse_at(
                field.name(),
                format!(
                    "known from version 0.32.0 on, this one is {}; write it into attachments",
                    reader.version
                ),
            );
        }
        needs_webhook(of, reader)
    },
};
