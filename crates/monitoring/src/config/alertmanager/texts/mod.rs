//! Which scalars of a configuration are texts (upstream's `pkg/alertmanager/types.go`, and what only Alertmanager itself
//! knows): they stay as they are written, so that a password `0123` or a label's value `yes` is what its writer meant. Flags,
//! numbers, what may be anything, and fields that nobody here knows are read as YAML says.

mod integrations;

use machinery::yaml::{Document, YamlError, parse_typed};

use self::integrations::RECEIVER;

/// Reads a configuration.
pub(crate) fn read(text: &str) -> Result<Document, YamlError> {
    parse_typed(text, &|path| DOCUMENT.is_text(path))
}

/// Fields of a mapping, or of each mapping in a list.
struct Fields {
    /// Texts, also those in a list or a mapping.
    texts: &'static [&'static str],
    /// Mappings with fields of their own.
    parts: &'static [(&'static str, &'static Fields)],
}

impl Fields {
    fn is_text(&self, path: &[&str]) -> bool {
        let Some((name, rest)) = path.split_first() else {
            return false;
        };
        let part = self.parts.iter().find(|(part, _)| part == name);
        self.texts.contains(name) || part.is_some_and(|(_, part)| part.is_text(rest))
    }
}

static DOCUMENT: Fields = Fields {
    texts: &["templates"],
    parts: &[
        ("global", &GLOBAL),
        ("route", &ROUTE),
        ("inhibit_rules", &INHIBIT_RULE),
        ("receivers", &RECEIVER),
        ("mute_time_intervals", &INTERVAL),
        ("time_intervals", &INTERVAL),
    ],
};

static GLOBAL: Fields = Fields {
    texts: &[
        "resolve_timeout",
        "smtp_from",
        "smtp_hello",
        "smtp_smarthost",
        "smtp_auth_username",
        "smtp_auth_password",
        "smtp_auth_password_file",
        "smtp_auth_secret",
        "smtp_auth_secret_file",
        "smtp_auth_identity",
        "slack_api_url",
        "slack_api_url_file",
        "pagerduty_url",
        "hipchat_api_url",
        "hipchat_auth_token",
        "opsgenie_api_url",
        "opsgenie_api_key",
        "opsgenie_api_key_file",
        "wechat_api_url",
        "wechat_api_secret",
        "wechat_api_corp_id",
        "victorops_api_url",
        "victorops_api_key",
        "victorops_api_key_file",
        "telegram_api_url",
        "telegram_bot_token",
        "telegram_bot_token_file",
        "webex_api_url",
        "jira_api_url",
        "rocketchat_api_url",
        "rocketchat_token",
        "rocketchat_token_file",
        "rocketchat_token_id",
        "rocketchat_token_id_file",
        "slack_app_token",
        "slack_app_token_file",
        "slack_app_url",
        "wechat_api_secret_file",
        "mattermost_webhook_url",
        "mattermost_webhook_url_file",
    ],
    parts: &[("http_config", &CLIENT), ("smtp_tls_config", &TLS)],
};

static ROUTE: Fields = Fields {
    texts: &[
        "receiver",
        "group_by",
        "match",
        "match_re",
        "matchers",
        "group_wait",
        "group_interval",
        "repeat_interval",
        "mute_time_intervals",
        "active_time_intervals",
        "labels",
    ],
    parts: &[("routes", &ROUTE)],
};

static INHIBIT_RULE: Fields = Fields {
    texts: &[
        "target_match",
        "target_match_re",
        "target_matchers",
        "source_match",
        "source_match_re",
        "source_matchers",
        "equal",
        "name",
    ],
    parts: &[],
};

static INTERVAL: Fields = Fields {
    // Also what is written as a number: days, months and years.
    texts: &["name", "time_intervals"],
    parts: &[],
};

static CLIENT: Fields = Fields {
    texts: &[
        "bearer_token",
        "bearer_token_file",
        "http_headers",
        "proxy_url",
        "no_proxy",
        "proxy_connect_header",
    ],
    parts: &[
        ("authorization", &AUTHORIZATION),
        ("basic_auth", &BASIC_AUTH),
        ("oauth2", &OAUTH2),
        ("tls_config", &TLS),
    ],
};

static TLS: Fields = Fields {
    texts: &[
        "ca_file",
        "cert_file",
        "key_file",
        "server_name",
        "min_version",
        "max_version",
        "ca",
        "ca_ref",
        "cert",
        "cert_ref",
        "key",
        "key_ref",
    ],
    parts: &[],
};

static AUTHORIZATION: Fields = Fields {
    texts: &["type", "credentials", "credentials_file", "credentials_ref"],
    parts: &[],
};

static BASIC_AUTH: Fields = Fields {
    texts: &[
        "username",
        "password",
        "password_file",
        "username_file",
        "username_ref",
        "password_ref",
    ],
    parts: &[],
};

static OAUTH2: Fields = Fields {
    texts: &[
        "client_id",
        "client_secret",
        "client_secret_file",
        "scopes",
        "token_url",
        "endpoint_params",
        "proxy_url",
        "no_proxy",
        "proxy_connect_header",
        "client_secret_ref",
    ],
    parts: &[("tls_config", &TLS)],
};
