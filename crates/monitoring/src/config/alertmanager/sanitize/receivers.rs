//! Receivers that call a service or a person: e-mail, paging, webhooks.

use serde_json::Value;

use super::fields::{check_template, check_url};
use super::{Fields, Refusal, Sanitizer, is_set, is_true, mapping, mappings, text};

/// Lists of a receiver, in the order in which they are looked at.
const LISTS: [&str; 18] = [
    "email_configs",
    "opsgenie_configs",
    "pagerduty_configs",
    "pushover_configs",
    "slack_configs",
    "victorops_configs",
    "webhook_configs",
    "wechat_configs",
    "sns_configs",
    "telegram_configs",
    "discord_configs",
    "webex_configs",
    "msteams_configs",
    "msteamsv2_configs",
    "jira_configs",
    "rocketchat_configs",
    "mattermost_configs",
    "incidentio_configs",
];

impl Sanitizer<'_> {
    pub(super) fn receiver(&self, fields: &mut Fields) -> Result<(), Refusal> {
        for list in LISTS {
            for one in mappings(fields, list) {
                self.integration(list, one)?;
            }
        }
        Ok(())
    }

    /// An entry of the list with that key.
    pub(super) fn integration(&self, list: &str, fields: &mut Fields) -> Result<(), Refusal> {
        match list {
            "email_configs" => self.email(fields),
            "opsgenie_configs" => self.opsgenie(fields),
            "pagerduty_configs" => self.pagerduty(fields),
            "pushover_configs" => self.pushover(fields),
            "slack_configs" => self.slack(fields),
            "victorops_configs" => self.victorops(fields),
            "webhook_configs" => self.webhook(fields),
            "wechat_configs" => self.wechat(fields),
            "sns_configs" => self.sns(fields),
            "telegram_configs" => self.telegram(fields),
            "discord_configs" => self.discord(fields),
            "webex_configs" => self.webex(fields),
            "msteams_configs" => self.msteams(fields),
            "msteamsv2_configs" => self.msteams_v2(fields),
            "jira_configs" => self.jira(fields),
            "rocketchat_configs" => self.rocketchat(fields),
            "mattermost_configs" => self.mattermost(fields),
            "incidentio_configs" => self.incidentio(fields),
            _ => Ok(()),
        }
    }

    fn email(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.drop_before((0, 25, 0), fields, "auth_password_file");
        self.prefer(fields, "auth_password", "auth_password_file");
        self.drop_before((0, 31, 0), fields, "force_implicit_tls");
        self.drop_before((0, 31, 0), fields, "auth_secret_file");
        self.prefer(fields, "auth_secret", "auth_secret_file");
        self.drop_before((0, 30, 0), fields, "threading");
        match mapping(fields, "threading") {
            Some(threading)
                if !["", "daily", "none"].contains(&text(threading, "thread_by_date")) =>
            {
                Err(
                    "invalid 'thread_by_date': the value must be empty, 'daily' or 'none'"
                        .to_owned(),
                )
            }
            _ => Ok(()),
        }
    }

    fn opsgenie(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.client_of(fields)?;
        for key in ["actions", "entity", "update_alerts"] {
            self.drop_before((0, 24, 0), fields, key);
        }
        if self.before((0, 24, 0))
            && mappings(fields, "responders").any(|one| text(one, "type") == "teams")
        {
            return Err(
                "'teams' set in 'opsgenieResponder' but supported in Alertmanager >= 0.24.0 only"
                    .to_owned(),
            );
        }
        check_url(fields, "api_url", "'api_url'")?;
        self.prefer(fields, "api_key", "api_key_file");
        self.drop_before((0, 24, 0), fields, "api_key_file");
        Ok(())
    }

    fn pagerduty(&self, fields: &mut Fields) -> Result<(), Refusal> {
        for key in ["source", "routing_key_file", "service_key_file"] {
            self.drop_before((0, 25, 0), fields, key);
        }
        self.prefer(fields, "service_key", "service_key_file");
        self.prefer(fields, "routing_key", "routing_key_file");
        self.drop_before((0, 30, 0), fields, "timeout");
        if let Some(details) = mapping(fields, "details").filter(|_| self.before((0, 30, 0)))
            && !details.values().all(Value::is_string)
        {
            return Err(
                "'details' value in non-string format is supported in Alertmanager >= 0.30.0 only"
                    .to_owned(),
            );
        }
        self.client_of(fields)
    }

    fn pushover(&self, fields: &mut Fields) -> Result<(), Refusal> {
        for (value, file) in [("user_key", "user_key_file"), ("token", "token_file")] {
            self.drop_before((0, 26, 0), fields, file);
            if !is_set(fields, value) && !is_set(fields, file) {
                return Err(format!("missing mandatory field {value} or {file}"));
            }
            self.prefer(fields, value, file);
        }
        self.drop_before((0, 27, 0), fields, "ttl");
        self.drop_before((0, 26, 0), fields, "device");
        if is_true(fields, "monospace") && self.before((0, 29, 0)) {
            fields.insert("monospace".to_owned(), Value::Bool(false));
            self.warn(
                "'monospace' supported in Alertmanager >= 0.29.0 only - dropping field from provided config"
                    .to_owned(),
            );
        }
        if is_true(fields, "html") && is_true(fields, "monospace") {
            return Err("either monospace or html must be configured".to_owned());
        }
        check_template(fields, "url", "'url'")?;
        self.client_of(fields)
    }

    fn victorops(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.client_of(fields)?;
        self.drop_before((0, 25, 0), fields, "api_key_file");
        self.prefer(fields, "api_key", "api_key_file");
        check_url(fields, "api_url", "'api_url'")
    }

    fn webhook(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.client_of(fields)?;
        self.drop_before((0, 26, 0), fields, "url_file");
        self.prefer(fields, "url", "url_file");
        self.drop_before((0, 28, 0), fields, "timeout");
        self.drop_before((0, 32, 0), fields, "payload");
        check_template(fields, "url", "'url'")
    }

    fn sns(&self, fields: &mut Fields) -> Result<(), Refusal> {
        check_template(fields, "api_url", "'api_url'")?;
        if let Some(sigv4) = mapping(fields, "sigv4") {
            if is_set(sigv4, "external_id") && !is_set(sigv4, "role_arn") {
                return Err(
                    "'external_id' in sigv4 config requires 'role_arn' to be set".to_owned(),
                );
            }
            self.drop_before((0, 33, 0), sigv4, "external_id");
        }
        self.drop_before((0, 33, 0), fields, "use_aws_http_client");
        self.client_of(fields)
    }

    fn jira(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("jira", (0, 28, 0), "available in")?;
        if !is_set(fields, "project") {
            return Err("missing project in jira_config".to_owned());
        }
        if !is_set(fields, "issue_type") {
            return Err("missing issue_type in jira_config".to_owned());
        }
        self.drop_before((0, 29, 0), fields, "api_type");
        if !["", "auto", "cloud", "datacenter"].contains(&text(fields, "api_type")) {
            return Err(
                "invalid 'api_type': a value must be 'auto', 'cloud' or 'datacenter'".to_owned(),
            );
        }
        check_url(fields, "api_url", "'api_url'")?;
        self.client_of(fields)
    }

    fn incidentio(&self, fields: &mut Fields) -> Result<(), Refusal> {
        self.known("incident.io", (0, 29, 0), "available in")?;
        let (url, file) = (is_set(fields, "url"), is_set(fields, "url_file"));
        let refuse = |text: &str| Err(text.to_owned());
        if !url && !file {
            return refuse("one of url or url_file must be configured");
        }
        if url && file {
            return refuse("at most one of url & url_file must be configured");
        }
        check_url(fields, "url", "url")?;
        let token = is_set(fields, "alert_source_token");
        let token_file = is_set(fields, "alert_source_token_file");
        if token && token_file {
            return refuse(
                "at most one of alert_source_token & alert_source_token_file must be configured",
            );
        }
        let authorized =
            mapping(fields, "http_config").is_some_and(|client| is_set(client, "authorization"));
        if authorized && (token || token_file) {
            return refuse(
                "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization",
            );
        }
        if !authorized && !token && !token_file {
            return refuse(
                "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured",
            );
        }
        self.client_of(fields)
    }
}
