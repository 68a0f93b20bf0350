//! The pieces.

/// A configuration whose one receiver has one integration.
pub(super) fn with(list: &str, integration: &str) -> String {
    format!("route: {{receiver: a}}\nreceivers:\n- name: a\n  {list}: [{integration}]\n")
}

/// A configuration with more at its end.
pub(super) fn and(more: &str) -> String {
    format!("route: {{receiver: a}}\nreceivers: [{{name: a}}]\n{more}\n")
}

/// A configuration with one named interval.
pub(super) fn interval(times: &str) -> String {
    and(&format!(
        "mute_time_intervals: [{{name: i, time_intervals: [{times}]}}]"
    ))
}

/// A configuration with a matcher.
pub(super) fn matcher(text: &str) -> String {
    format!(
        "route: {{receiver: a, routes: [{{receiver: a, matchers: ['{text}']}}]}}\nreceivers: [{{name: a}}]\n"
    )
}

/// Lists of integrations, an entry, the place that is named and part of what is said; nothing is said of what is taken.
pub(super) const INTEGRATIONS: &[(&str, &str, &str, &str)] = &[
    (
        "pushover_configs",
        "{user_key: u, token: t, retry: 1m, expire: 1h30m}",
        "",
        "",
    ),
    (
        "pushover_configs",
        "{user_key: u, token: t, retry: 1d}",
        ".retry",
        "unknown unit",
    ),
    (
        "pushover_configs",
        "{user_key: u, token: t, expire: 30}",
        ".expire",
        "missing unit",
    ),
    (
        "pushover_configs",
        "{user_key: u, token: t, ttl: soon}",
        ".ttl",
        "write hours, minutes and seconds",
    ),
    (
        "pushover_configs",
        "{user_key: u}",
        "",
        "one of token, token_file must be configured",
    ),
    (
        "pushover_configs",
        "{token: t}",
        "",
        "one of user_key, user_key_file must be",
    ),
    (
        "pushover_configs",
        "{user_key: u, token: t, html: maybe}",
        ".html",
        "expected true or false",
    ),
    (
        "pushover_configs",
        "{user_key: u, token: t, surprise: 1}",
        ".surprise",
        "remove it",
    ),
    (
        "webhook_configs",
        "{url: 'http://x/', max_alerts: 5}",
        "",
        "",
    ),
    (
        "webhook_configs",
        "{url: 'http://x/', max_alerts: -1}",
        ".max_alerts",
        "-1 is negative",
    ),
    (
        "webhook_configs",
        "{url: 'ftp://x/'}",
        ".url",
        "unsupported scheme",
    ),
    (
        "webhook_configs",
        "{max_alerts: 5}",
        "",
        "one of url, url_file must be configured",
    ),
    (
        "opsgenie_configs",
        "{api_key: k, responders: [{name: n, type: Team}]}",
        "",
        "",
    ),
    (
        "opsgenie_configs",
        "{api_key: k, responders: [{name: n, type: robot}]}",
        ".responders[0].type",
        "is none of team, user, escalation, schedule, teams",
    ),
    (
        "opsgenie_configs",
        "{api_key: k, responders: [{type: user}]}",
        ".responders[0]",
        "at least one of id, username or name",
    ),
    (
        "opsgenie_configs",
        "{api_key: k, responders: [{name: n}]}",
        ".responders[0].type",
        "is none of",
    ),
    (
        "opsgenie_configs",
        "{api_key: k, api_url: x}",
        ".api_url",
        "unsupported scheme",
    ),
    (
        "opsgenie_configs",
        "{}",
        "",
        "one of api_key, api_key_file must be configured, or one of",
    ),
    (
        "opsgenie_configs",
        "{api_key: k, details: {a: [b]}}",
        ".details.a",
        "expected a text",
    ),
    (
        "victorops_configs",
        "{api_key: k, routing_key: r, custom_fields: {team: x}}",
        "",
        "",
    ),
    (
        "victorops_configs",
        "{api_key: k, routing_key: r, custom_fields: {entity_id: x}}",
        ".custom_fields",
        "entity_id is the name of a field of VictorOps itself; use another",
    ),
    (
        "victorops_configs",
        "{api_key: k}",
        "",
        "one of routing_key must be configured",
    ),
    ("sns_configs", "{topic_arn: t}", "", ""),
    ("sns_configs", "{}", "", "must provide either"),
    (
        "sns_configs",
        "{topic_arn: t, phone_number: p}",
        "",
        "must provide either",
    ),
    (
        "sns_configs",
        "{topic_arn: t, phone_number: p, target_arn: a}",
        "",
        "",
    ),
    (
        "sns_configs",
        "{topic_arn: t, sigv4: {access_key: k}}",
        ".sigv4",
        "access_key and secret_key must both be set",
    ),
    (
        "telegram_configs",
        "{bot_token: t, chat_id: 1, parse_mode: HTML}",
        "",
        "",
    ),
    (
        "telegram_configs",
        "{bot_token: t, chat_id: 1, parse_mode: html}",
        ".parse_mode",
        "is none of Markdown, MarkdownV2, HTML",
    ),
    ("telegram_configs", "{bot_token: t}", "", "missing chat_id"),
    (
        "telegram_configs",
        "{bot_token: t, chat_id: me}",
        ".chat_id",
        "expected a number",
    ),
    (
        "telegram_configs",
        "{chat_id: 1}",
        "",
        "one of bot_token, bot_token_file must be configured",
    ),
    (
        "wechat_configs",
        "{api_secret: s, corp_id: c, message_type: markdown}",
        "",
        "",
    ),
    (
        "wechat_configs",
        "{api_secret: s, corp_id: c, message_type: html}",
        ".message_type",
        "is none of text, markdown",
    ),
    (
        "wechat_configs",
        "{api_secret: s}",
        "",
        "one of corp_id must be configured",
    ),
    (
        "pagerduty_configs",
        "{routing_key: k, details: {a: b}, images: [{src: s}], links: [{href: h}]}",
        "",
        "",
    ),
    (
        "pagerduty_configs",
        "{}",
        "",
        "missing service or routing key",
    ),
    (
        "pagerduty_configs",
        "{routing_key: k, url: '{{ .x }}'}",
        ".url",
        "",
    ),
    (
        "pagerduty_configs",
        "{routing_key: k, links: [{alt: a}]}",
        ".links[0].alt",
        "remove it",
    ),
    (
        "slack_configs",
        "{api_url: 'http://x/', actions: [{type: t, text: x, url: u}], fields: [{title: t, value: v}]}",
        "",
        "",
    ),
    (
        "slack_configs",
        "{api_url: 'http://x/', actions: [{type: t, text: x}]}",
        ".actions[0]",
        "missing name or url",
    ),
    (
        "slack_configs",
        "{api_url: 'http://x/', fields: [{title: t}]}",
        ".fields[0]",
        "missing value",
    ),
    ("slack_configs", "{}", "", "no Slack API URL"),
    (
        "slack_configs",
        "{api_url: 'http://x/', api_url_file: f}",
        "",
        "at most one of",
    ),
    (
        "email_configs",
        "{to: t, from: f, smarthost: 'h:25', headers: {a: b, A: c}}",
        "",
        "duplicate header",
    ),
    (
        "email_configs",
        "{to: t, from: f, smarthost: h}",
        ".smarthost",
        "missing port",
    ),
    (
        "email_configs",
        "{from: f, smarthost: 'h:25'}",
        "",
        "missing to address",
    ),
    ("discord_configs", "{webhook_url: 'http://x/'}", "", ""),
    ("discord_configs", "{}", "", "one of webhook_url"),
    (
        "webex_configs",
        "{room_id: r, http_config: {authorization: {credentials: c}}}",
        "",
        "",
    ),
    (
        "webex_configs",
        "{room_id: r}",
        "",
        "missing webex_configs.http_config.authorization",
    ),
    ("webhook_configs", "null", "", "missing webhook config"),
    (
        "webhook_configs",
        "{url: 'http://x/', http_config: {basic_auth: {username: u}, oauth2: {client_id: i, client_secret: s, token_url: t}}}",
        ".http_config",
        "at most one of",
    ),
];

/// The rest of a configuration, and what is said of it.
pub(super) fn others() -> Vec<(String, &'static str)> {
    vec![
        (interval("{months: ['13', 'january:march', MAY]}"), ""),
        (
            interval("{months: [juni]}"),
            "[0].time_intervals[0].months[0]: juni is not a valid month",
        ),
        (
            interval("{months: ['5:3']}"),
            "[0].time_intervals[0].months[0]: 3 is before 5; swap them",
        ),
        (interval("{weekdays: ['Monday:friday']}"), ""),
        (
            interval("{weekdays: ['1:5']}"),
            "[0].time_intervals[0].weekdays[0]: 1:5 is not a valid weekday",
        ),
        (interval("{days_of_month: ['1:5', '-3:-1', '1:-1']}"), ""),
        (
            interval("{days_of_month: ['32']}"),
            "[0].time_intervals[0].days_of_month[0]: ",
        ),
        (
            interval("{days_of_month: ['-1:1']}"),
            "[0].time_intervals[0].days_of_month[0]: ",
        ),
        (interval("{years: ['2020:2022']}"), ""),
        (
            interval("{years: ['2022:2020']}"),
            "[0].time_intervals[0].years[0]: ",
        ),
        (
            interval("{times: [{start_time: '08:00', end_time: '24:00'}]}"),
            "",
        ),
        (
            interval("{times: [{start_time: '8:00', end_time: '24:00'}]}"),
            "[0].time_intervals[0].times[0]: ",
        ),
        (
            interval("{times: [{start_time: '09:00', end_time: '08:00'}]}"),
            "[0].time_intervals[0].times[0]: ",
        ),
        (
            interval("{times: [{begin: '09:00'}]}"),
            "[0].time_intervals[0].times[0].begin: ",
        ),
        (interval("{location: Europe/Vienna}"), ""),
        (
            interval("{location: Europe/Atlantis}"),
            "[0].time_intervals[0].location: unknown time zone Europe/Atlantis; write one of",
        ),
        (
            interval("{location: europe/vienna}"),
            "[0].time_intervals[0].location: unknown time zone",
        ),
        (and("templates: ['a*.tmpl', 'b[c-d].tmpl']"), ""),
        (
            and("templates: ['a[.tmpl']"),
            "templates[0]: syntax error in pattern",
        ),
        (
            and("templates: ['a[].tmpl']"),
            "templates[0]: syntax error in pattern",
        ),
        (
            and("global: {resolve_timeout: 5}"),
            "global.resolve_timeout: ",
        ),
        (
            and("global: {smtp_smarthost: mail}"),
            "global.smtp_smarthost: ",
        ),
        (
            and("global: {opsgenie_api_key: a, opsgenie_api_key_file: b}"),
            "global: at most one of opsgenie_api_key, opsgenie_api_key_file",
        ),
        (matcher("a=b"), ""),
        (matcher("{a=\"b\",c!~\"d|e\"}"), ""),
        (matcher("a=\"b,c\","), ""),
        (matcher("a=\"b\",,c=\"d\""), "bad matcher format"),
        (matcher("a=~\"(\""), "missing closing )"),
        (matcher("a=~\"(?<n>x\""), "missing closing )"),
        (matcher("=b"), "bad matcher format"),
        (matcher("a=\"b"), "unescaped double quote"),
    ]
}
