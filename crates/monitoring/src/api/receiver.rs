//! Receivers of an AlertmanagerConfig.

use std::collections::BTreeMap;

use super::alertmanager_config::{HttpConfig, KeyValue};
use super::common::{SafeTlsConfig, SecretKeySelector, Sigv4};
use super::patterns::{DURATION, HTTP_URL, NON_EMPTY_DURATION};
use super::receiver_chat::{RocketChatConfig, SlackConfig};
use super::schema::api_object;

api_object! {
    /// A named set of notification channels.
    pub struct Receiver {
        /// Discord channels.
        "discordConfigs" discord_configs: Vec<DiscordConfig> = {"x-kubernetes-list-type": "atomic"},
        /// E-mail addresses.
        "emailConfigs" email_configs: Vec<EmailConfig> = {"x-kubernetes-list-type": "atomic"},
        /// Microsoft Teams channels, by connector.
        "msteamsConfigs" msteams_configs: Vec<MsTeamsConfig> = {"x-kubernetes-list-type": "atomic"},
        /// Microsoft Teams channels, by flow.
        "msteamsv2Configs" msteamsv2_configs: Vec<MsTeamsV2Config> = {"x-kubernetes-list-type": "atomic"},
        /// Name.
        required "name" name: String = {"minLength": 1},
        /// OpsGenie teams.
        "opsgenieConfigs" opsgenie_configs: Vec<OpsGenieConfig> = {"x-kubernetes-list-type": "atomic"},
        /// PagerDuty services.
        "pagerdutyConfigs" pagerduty_configs: Vec<PagerDutyConfig> = {"x-kubernetes-list-type": "atomic"},
        /// Pushover users.
        "pushoverConfigs" pushover_configs: Vec<PushoverConfig> = {"x-kubernetes-list-type": "atomic"},
        /// Rocket.Chat channels.
        "rocketchatConfigs" rocketchat_configs: Vec<RocketChatConfig> = {"x-kubernetes-list-type": "atomic"},
        /// Slack channels.
        "slackConfigs" slack_configs: Vec<SlackConfig> = {"x-kubernetes-list-type": "atomic"},
        /// SNS topics.
        "snsConfigs" sns_configs: Vec<SnsConfig> = {"x-kubernetes-list-type": "atomic"},
        /// Telegram chats.
        "telegramConfigs" telegram_configs: Vec<TelegramConfig> = {"x-kubernetes-list-type": "atomic"},
        /// VictorOps teams.
        "victoropsConfigs" victorops_configs: Vec<VictorOpsConfig> = {"x-kubernetes-list-type": "atomic"},
        /// Webex rooms.
        "webexConfigs" webex_configs: Vec<WebexConfig> = {"x-kubernetes-list-type": "atomic"},
        /// HTTP endpoints.
        "webhookConfigs" webhook_configs: Vec<WebhookConfig> = {"x-kubernetes-list-type": "atomic"},
        /// WeChat departments.
        "wechatConfigs" wechat_configs: Vec<WeChatConfig> = {"x-kubernetes-list-type": "atomic"},
    }

    /// A Discord channel.
    pub struct DiscordConfig {
        /// URL of the API.
        required "apiURL" api_url: SecretKeySelector,
        /// Picture of the sender.
        "avatarURL" avatar_url: Option<String> = {"pattern": HTTP_URL},
        /// Text before the embed.
        "content" content: Option<String> = {"minLength": 1},
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Explanation.
        "message" message: Option<String>,
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Title.
        "title" title: Option<String>,
        /// User name.
        "username" username: Option<String> = {"minLength": 1},
    }

    /// An e-mail address.
    pub struct EmailConfig {
        /// Identity for PLAIN authentication.
        "authIdentity" auth_identity: Option<String> = {"minLength": 1},
        /// Secret key with the password.
        "authPassword" auth_password: Option<SecretKeySelector>,
        /// Secret key with the secret for CRAM-MD5.
        "authSecret" auth_secret: Option<SecretKeySelector>,
        /// User name.
        "authUsername" auth_username: Option<String> = {"minLength": 1},
        /// Whether TLS starts with the connection.
        "forceImplicitTLS" force_implicit_tls: Option<bool>,
        /// Sender.
        "from" from: Option<String> = {"minLength": 1},
        /// Headers.
        "headers" headers: Vec<KeyValue> = {"x-kubernetes-list-type": "atomic"},
        /// Name in the SMTP greeting.
        "hello" hello: Option<String> = {"minLength": 1},
        /// HTML form of the text.
        "html" html: Option<String>,
        /// Whether TLS is demanded.
        "requireTLS" require_tls: Option<bool>,
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// SMTP server and port.
        "smarthost" smarthost: Option<String> = {"minLength": 1},
        /// Text.
        "text" text: Option<String> = {"minLength": 1},
        /// Whether mails form threads.
        "threading" threading: Option<EmailThreading>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        /// Recipient.
        "to" to: Option<String> = {"minLength": 1},
    }

    /// How mails form threads.
    pub struct EmailThreading {
        /// Daily or None.
        required "threadByDate" thread_by_date: String = {"enum": ["Daily", "None"]},
    }

    /// A Microsoft Teams channel, by connector.
    pub struct MsTeamsConfig {
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Summary.
        "summary" summary: Option<String>,
        /// Text.
        "text" text: Option<String>,
        /// Title.
        "title" title: Option<String>,
        /// Secret key with the URL.
        required "webhookUrl" webhook_url: SecretKeySelector,
    }

    /// A Microsoft Teams channel, by flow.
    pub struct MsTeamsV2Config {
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Text.
        "text" text: Option<String> = {"minLength": 1},
        /// Title.
        "title" title: Option<String> = {"minLength": 1},
        /// Secret key with the URL.
        "webhookURL" webhook_url: Option<SecretKeySelector>,
    }

    /// An OpsGenie team.
    pub struct OpsGenieConfig {
        /// Actions that are offered.
        "actions" actions: Option<String> = {"minLength": 1},
        /// Secret key with the API key.
        "apiKey" api_key: Option<SecretKeySelector>,
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": HTTP_URL},
        /// Description.
        "description" description: Option<String> = {"minLength": 1},
        /// Further facts.
        "details" details: Vec<KeyValue> = {"x-kubernetes-list-type": "atomic"},
        /// Domain of the alert.
        "entity" entity: Option<String> = {"minLength": 1},
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Explanation.
        "message" message: Option<String> = {"minLength": 1},
        /// Note.
        "note" note: Option<String> = {"minLength": 1},
        /// Priority.
        "priority" priority: Option<String> = {"minLength": 1},
        /// Who responds.
        "responders" responders: Vec<OpsGenieResponder> = {"x-kubernetes-list-type": "atomic"},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Where it comes from.
        "source" source: Option<String> = {"minLength": 1},
        /// Tags.
        "tags" tags: Option<String> = {"minLength": 1},
        /// Whether alerts are updated.
        "updateAlerts" update_alerts: Option<bool>,
    }

    /// Who responds: one of id, name and username.
    pub struct OpsGenieResponder {
        /// ID.
        "id" id: Option<String> = {"minLength": 1},
        /// Name.
        "name" name: Option<String> = {"minLength": 1},
        /// Type.
        required "type" r#type: String = {"enum": ["team", "teams", "user", "escalation", "schedule"], "minLength": 1},
        /// User name.
        "username" username: Option<String> = {"minLength": 1},
    }

    /// A PagerDuty service.
    pub struct PagerDutyConfig {
        /// Class of the event.
        "class" class: Option<String> = {"minLength": 1},
        /// Who sends.
        "client" client: Option<String> = {"minLength": 1},
        /// Link back to the sender.
        "clientURL" client_url: Option<String>,
        /// What is affected.
        "component" component: Option<String> = {"minLength": 1},
        /// Description.
        "description" description: Option<String> = {"minLength": 1},
        /// Further facts.
        "details" details: Vec<KeyValue> = {"x-kubernetes-list-type": "atomic"},
        /// Group of sources.
        "group" group: Option<String> = {"minLength": 1},
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Images.
        "pagerDutyImageConfigs" pager_duty_image_configs: Vec<PagerDutyImage> = {"x-kubernetes-list-type": "atomic"},
        /// Links.
        "pagerDutyLinkConfigs" pager_duty_link_configs: Vec<PagerDutyLink> = {"x-kubernetes-list-type": "atomic"},
        /// Secret key with the integration key (Events API v2).
        "routingKey" routing_key: Option<SecretKeySelector>,
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Secret key with the integration key (Prometheus).
        "serviceKey" service_key: Option<SecretKeySelector>,
        /// Severity.
        "severity" severity: Option<String> = {"minLength": 1},
        /// Where it comes from.
        "source" source: Option<String> = {"minLength": 1},
        /// How long a request may take.
        "timeout" timeout: Option<String> = {"pattern": DURATION},
        /// URL.
        "url" url: Option<String> = {"pattern": HTTP_URL},
    }

    /// An image.
    pub struct PagerDutyImage {
        /// Text of the link or in place of the image.
        "alt" alt: Option<String> = {"minLength": 1},
        /// Link.
        "href" href: Option<String>,
        /// Address of the image.
        "src" src: Option<String> = {"minLength": 1},
    }

    /// A link.
    pub struct PagerDutyLink {
        /// Text of the link or in place of the image.
        "alt" alt: Option<String> = {"minLength": 1},
        /// Link.
        "href" href: Option<String>,
    }

    /// A Pushover user.
    pub struct PushoverConfig {
        /// Device that messages go to.
        "device" device: Option<String> = {"minLength": 1},
        /// How long an emergency message is repeated.
        "expire" expire: Option<String> = {"pattern": NON_EMPTY_DURATION},
        /// HTML form of the text.
        "html" html: Option<bool>,
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Explanation.
        "message" message: Option<String> = {"minLength": 1},
        /// Whether the text is monospaced.
        "monospace" monospace: Option<bool>,
        /// Priority.
        "priority" priority: Option<String> = {"minLength": 1},
        /// Time between repetitions of an emergency message.
        "retry" retry: Option<String> = {"pattern": NON_EMPTY_DURATION},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Sound.
        "sound" sound: Option<String> = {"minLength": 1},
        /// Title.
        "title" title: Option<String> = {"minLength": 1},
        /// Secret key with the token.
        "token" token: Option<SecretKeySelector>,
        /// File with the token.
        "tokenFile" token_file: Option<String> = {"minLength": 1},
        /// How long the message is kept.
        "ttl" ttl: Option<String> = {"pattern": DURATION},
        /// URL.
        "url" url: Option<String>,
        /// Title of the link.
        "urlTitle" url_title: Option<String> = {"minLength": 1},
        /// Secret key with the user key.
        "userKey" user_key: Option<SecretKeySelector>,
        /// File with the user key.
        "userKeyFile" user_key_file: Option<String> = {"minLength": 1},
    }

    /// An SNS topic, endpoint or phone number.
    pub struct SnsConfig {
        /// URL of the API.
        "apiURL" api_url: Option<String>,
        /// SNS message attributes.
        "attributes" attributes: BTreeMap<String, String>,
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Explanation.
        "message" message: Option<String> = {"minLength": 1},
        /// Phone number for text messages.
        "phoneNumber" phone_number: Option<String> = {"minLength": 1},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// AWS Signature Version 4.
        "sigv4" sigv4: Option<Sigv4>,
        /// Subject.
        "subject" subject: Option<String> = {"minLength": 1},
        /// Endpoint that messages go to.
        "targetARN" target_arn: Option<String> = {"minLength": 1},
        /// Topic that messages go to.
        "topicARN" topic_arn: Option<String> = {"minLength": 1},
        /// Whether the AWS HTTP client is used.
        "useAWSHTTPClient" use_aws_http_client: Option<bool>,
    }

    /// A Telegram chat.
    pub struct TelegramConfig {
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": HTTP_URL},
        /// Secret key with the bot token.
        "botToken" bot_token: Option<SecretKeySelector>,
        /// File with the bot token.
        "botTokenFile" bot_token_file: Option<String>,
        /// Chat that messages go to.
        required "chatID" chat_id: i64,
        /// Whether messages make no sound.
        "disableNotifications" disable_notifications: Option<bool>,
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Explanation.
        "message" message: Option<String>,
        /// Thread that messages go to.
        "messageThreadID" message_thread_id: Option<i64>,
        /// How the text is formatted.
        "parseMode" parse_mode: Option<String> = {"enum": ["MarkdownV2", "Markdown", "HTML"]},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
    }

    /// A VictorOps team.
    pub struct VictorOpsConfig {
        /// Secret key with the API key.
        "apiKey" api_key: Option<SecretKeySelector>,
        /// URL of the API.
        "apiUrl" api_url: Option<String> = {"pattern": HTTP_URL},
        /// Further fields.
        "customFields" custom_fields: Vec<KeyValue> = {"x-kubernetes-list-type": "atomic"},
        /// Summary of the problem.
        "entityDisplayName" entity_display_name: Option<String> = {"minLength": 1},
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Type of the message.
        "messageType" message_type: Option<String> = {"minLength": 1},
        /// Name of the monitoring tool.
        "monitoringTool" monitoring_tool: Option<String> = {"minLength": 1},
        /// Routing key.
        required "routingKey" routing_key: String = {"minLength": 1},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Explanation of the state.
        "stateMessage" state_message: Option<String> = {"minLength": 1},
    }

    /// A Webex room.
    pub struct WebexConfig {
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": HTTP_URL},
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Explanation.
        "message" message: Option<String>,
        /// Room that messages go to.
        required "roomID" room_id: String = {"minLength": 1},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
    }

    /// An HTTP endpoint.
    pub struct WebhookConfig {
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Most alerts in a message; all if 0.
        "maxAlerts" max_alerts: Option<i32> = {"minimum": 0},
        /// Template of the request body.
        "payload" payload: Option<String> = {"minLength": 1},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// How long a request may take.
        "timeout" timeout: Option<String> = {"pattern": DURATION},
        /// URL.
        "url" url: Option<String>,
        /// Secret key with the URL; wins over url.
        "urlSecret" url_secret: Option<SecretKeySelector>,
    }

    /// A WeChat application.
    pub struct WeChatConfig {
        /// Agent that sends.
        "agentID" agent_id: Option<String> = {"minLength": 1},
        /// Secret key with the API secret.
        "apiSecret" api_secret: Option<SecretKeySelector>,
        /// URL of the API.
        "apiURL" api_url: Option<String> = {"pattern": HTTP_URL},
        /// Corporation ID.
        "corpID" corp_id: Option<String> = {"minLength": 1},
        /// HTTP client.
        "httpConfig" http_config: Option<HttpConfig>,
        /// Explanation.
        "message" message: Option<String> = {"minLength": 1},
        /// Type of the message.
        "messageType" message_type: Option<String> = {"minLength": 1},
        /// Whether resolved alerts are sent.
        "sendResolved" send_resolved: Option<bool>,
        /// Departments that messages go to.
        "toParty" to_party: Option<String> = {"minLength": 1},
        /// Tags that messages go to.
        "toTag" to_tag: Option<String> = {"minLength": 1},
        /// Users that messages go to.
        "toUser" to_user: Option<String> = {"minLength": 1},
    }
}
