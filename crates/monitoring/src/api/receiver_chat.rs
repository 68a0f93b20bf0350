//! Receivers with interactive messages: Slack and Rocket.Chat.

use super::alertmanager_config::HttpConfig;
use super::common::SecretKeySelector;
use super::patterns::{DURATION, HTTP_URL};
use super::schema::api_object;

api_object! {
    /// A Rocket.Chat channel.
    pub struct RocketChatConfig {
        /// Actions that are offered.
        "actions" actions: Vec<RocketChatAction> = {"minItems": 1, "x-kubernetes-list-type": "atomic"},
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": HTTP_URL},
        /// Where messages go.
        "channel" channel: Option<String> = {"minLength": 1},
        /// Colour of the message.
        "color" color: Option<String> = {"minLength": 1},
        /// Emoji as the picture of the sender.
        "emoji" emoji: Option<String> = {"minLength": 1},
        /// Fields of the message.
        "fields" fields: Vec<RocketChatField> = {"minItems": 1, "x-kubernetes-list-type": "atomic"},
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Picture of the sender.
        "iconURL" icon_url: Option<String>,
        /// Image in the message.
        "imageURL" image_url: Option<String>,
        /// Whether names become links.
        "linkNames" link_names: Option<bool>,
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Whether fields stand beside each other.
        "shortFields" short_fields: Option<bool>,
        /// Text.
        "text" text: Option<String> = {"minLength": 1},
        /// Small image.
        "thumbURL" thumb_url: Option<String>,
        /// Title.
        "title" title: Option<String> = {"minLength": 1},
        /// Link of the title.
        "titleLink" title_link: Option<String> = {"minLength": 1},
        /// Secret key with the token.
        required "token" token: SecretKeySelector,
        /// Secret key with the user ID of the token.
        required "tokenID" token_id: SecretKeySelector,
    }

    /// A button.
    pub struct RocketChatAction {
        /// Message that is sent.
        "msg" msg: Option<String> = {"minLength": 1},
        /// Text.
        "text" text: Option<String> = {"minLength": 1},
        /// URL.
        "url" url: Option<String>,
    }

    /// A field of the message.
    pub struct RocketChatField {
        /// Whether fields stand beside each other.
        "short" short: Option<bool>,
        /// Title.
        "title" title: Option<String> = {"minLength": 1},
        /// Value.
        "value" value: Option<String> = {"minLength": 1},
    }

    /// A Slack channel.
    pub struct SlackConfig {
        /// Actions that are offered.
        "actions" actions: Vec<SlackAction> = {"minItems": 1, "x-kubernetes-list-type": "atomic"},
        /// URL of the API.
        "apiURL" api_url: Option<SecretKeySelector>,
        /// Identifies interactive messages.
        "callbackId" callback_id: Option<String> = {"minLength": 1},
        /// Where messages go.
        "channel" channel: Option<String> = {"minLength": 1},
        /// Colour of the message.
        "color" color: Option<String> = {"minLength": 1},
        /// Text without formatting.
        "fallback" fallback: Option<String> = {"minLength": 1},
        /// Fields of the message.
        "fields" fields: Vec<SlackField> = {"minItems": 1, "x-kubernetes-list-type": "atomic"},
        /// Text at the bottom.
        "footer" footer: Option<String> = {"minLength": 1},
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Emoji as the picture of the sender.
        "iconEmoji" icon_emoji: Option<String> = {"minLength": 1},
        /// Picture of the sender.
        "iconURL" icon_url: Option<String>,
        /// Image in the message.
        "imageURL" image_url: Option<String>,
        /// Whether names become links.
        "linkNames" link_names: Option<bool>,
        /// Text of the notification.
        "messageText" message_text: Option<String> = {"minLength": 1},
        /// Fields with Markdown.
        "mrkdwnIn" mrkdwn_in: Vec<String> = {"items": {"minLength": 1}, "minItems": 1, "x-kubernetes-list-type": "atomic"},
        /// Text above the message.
        "pretext" pretext: Option<String> = {"minLength": 1},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Whether fields stand beside each other.
        "shortFields" short_fields: Option<bool>,
        /// Text.
        "text" text: Option<String> = {"minLength": 1},
        /// Small image.
        "thumbURL" thumb_url: Option<String>,
        /// How long a request may take.
        "timeout" timeout: Option<String> = {"pattern": DURATION},
        /// Title.
        "title" title: Option<String> = {"minLength": 1},
        /// Link of the title.
        "titleLink" title_link: Option<String>,
        /// Whether the first message is updated.
        "updateMessage" update_message: Option<bool>,
        /// User name.
        "username" username: Option<String> = {"minLength": 1},
    }

    /// A button.
    pub struct SlackAction {
        /// Question asked before the action.
        "confirm" confirm: Option<SlackConfirmation>,
        /// Name.
        "name" name: Option<String> = {"minLength": 1},
        /// Style of the button.
        "style" style: Option<String> = {"minLength": 1},
        /// Text.
        required "text" text: String = {"minLength": 1},
        /// Type.
        required "type" r#type: String = {"minLength": 1},
        /// URL.
        "url" url: Option<String>,
        /// Value.
        "value" value: Option<String> = {"minLength": 1},
    }

    /// A question before an action.
    pub struct SlackConfirmation {
        /// Text of the button for no.
        "dismissText" dismiss_text: Option<String> = {"minLength": 1},
        /// Text of the button for yes.
        "okText" ok_text: Option<String> = {"minLength": 1},
        /// Text.
        required "text" text: String = {"minLength": 1},
        /// Title.
        "title" title: Option<String> = {"minLength": 1},
    }

    /// A field of the message.
    pub struct SlackField {
        /// Whether fields stand beside each other.
        "short" short: Option<bool>,
        /// Title.
        required "title" title: String = {"minLength": 1},
        /// Value.
        required "value" value: String = {"minLength": 1},
    }
}
