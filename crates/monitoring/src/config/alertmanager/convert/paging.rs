//! Integrations that call a person or a program: e-mail, paging, webhooks.

use serde_json::{Value, json};

use super::{Converter, Refusal};
use crate::api::receiver::{
    EmailConfig, OpsGenieConfig, PagerDutyConfig, PushoverConfig, SnsConfig, VictorOpsConfig,
    WebhookConfig,
};
use crate::config::alertmanager::block::Block;
use crate::config::alertmanager::sanitize::text;
use crate::config::yaml::filled;
use crate::duration;
use crate::url;

/// Fields of `VictorOps` messages that no custom field may have.
pub(crate) const VICTOROPS_RESERVED: [&str; 7] = [
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
];

impl Converter<'_> {
    pub(super) fn webhook(self, one: &WebhookConfig) -> Result<Value, Refusal> {
        let url = match &one.url_secret {
            Some(reference) => Some(self.trimmed(reference)?),
            None => one.url.clone(),
        };
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("url", url.as_ref())
            .put("http_config", self.http(one.http_config.as_ref())?)
            .put("max_alerts", one.max_alerts.filter(|most| *most > 0))
            .put("timeout", of_go(one.timeout.as_ref())?)
            .maybe("payload", one.payload.as_ref())
            .value())
    }

    pub(super) fn pagerduty(self, one: &PagerDutyConfig) -> Result<Value, Refusal> {
        let routing = self.maybe_secret(one.routing_key.as_ref(), "routing key")?;
        let service = self.maybe_secret(one.service_key.as_ref(), "service key")?;
        let links = one.pager_duty_link_configs.iter().map(|link| {
            Block::default()
                .maybe("href", link.href.as_ref())
                .maybe("text", link.alt.as_ref())
                .value()
        });
        let images = one.pager_duty_image_configs.iter().map(|image| {
            Block::default()
                .maybe("src", image.src.as_ref())
                .maybe("alt", image.alt.as_ref())
                .maybe("href", image.href.as_ref())
                .value()
        });
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("class", one.class.as_ref())
            .maybe("client", one.client.as_ref())
            .maybe("client_url", one.client_url.as_ref())
            .maybe("component", one.component.as_ref())
            .maybe("description", one.description.as_ref())
            .maybe("group", one.group.as_ref())
            .maybe("severity", one.severity.as_ref())
            .maybe("url", one.url.as_ref())
            .maybe("routing_key", routing.as_ref())
            .maybe("service_key", service.as_ref())
            .pairs("details", &one.details)
            .list("links", links.collect())
            .list("images", images.collect())
            .put("http_config", self.http(one.http_config.as_ref())?)
            .maybe("source", one.source.as_ref())
            .put("timeout", of_go(one.timeout.as_ref())?)
            .value())
    }

    pub(super) fn opsgenie(self, one: &OpsGenieConfig) -> Result<Value, Refusal> {
        let key = self.maybe_secret(one.api_key.as_ref(), "API key")?;
        let responders = one.responders.iter().map(|responder| {
            Block::default()
                .maybe("id", responder.id.as_ref())
                .maybe("name", responder.name.as_ref())
                .maybe("username", responder.username.as_ref())
                .text("type", &responder.r#type)
                .value()
        });
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("message", one.message.as_ref())
            .maybe("description", one.description.as_ref())
            .maybe("source", one.source.as_ref())
            .maybe("tags", one.tags.as_ref())
            .maybe("note", one.note.as_ref())
            .maybe("priority", one.priority.as_ref())
            .maybe("actions", one.actions.as_ref())
            .maybe("entity", one.entity.as_ref())
            .put("update_alerts", one.update_alerts)
            .maybe("api_url", one.api_url.as_ref())
            .maybe("api_key", key.as_ref())
            .pairs("details", &one.details)
            .list("responders", responders.collect())
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    pub(super) fn email(self, one: &EmailConfig) -> Result<Value, Refusal> {
        let global = |key: &str| self.global.map_or("", |global| text(global, key));
        if filled(&one.smarthost).is_none() && host_of(global("smtp_smarthost")).is_empty() {
            return Err(
                "SMTP smarthost is a mandatory field, it is neither specified at global config nor at receiver level"
                    .to_owned(),
            );
        }
        if filled(&one.from).is_none() && global("smtp_from").is_empty() {
            return Err(
                "SMTP from is a mandatory field, it is neither specified at global config nor at receiver level"
                    .to_owned(),
            );
        }
        if let Some(smarthost) = filled(&one.smarthost) {
            url::split_host_port(smarthost)
                .map_err(|why| format!("invalid SMTP smarthost {smarthost:?}: {why}"))?;
        }
        let password = self.maybe_secret(one.auth_password.as_ref(), "auth password")?;
        let secret = self.maybe_secret(one.auth_secret.as_ref(), "auth secret")?;
        let threading = one.threading.as_ref().map(|threading| {
            let by_date = match threading.thread_by_date.as_str() {
                "Daily" => "daily",
                "None" => "none",
                _ => "",
            };
            Block::default()
                .put("enabled", Some(true))
                .text("thread_by_date", by_date)
                .value()
        });
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("to", one.to.as_ref())
            .maybe("from", one.from.as_ref())
            .maybe("hello", one.hello.as_ref())
            .maybe("smarthost", one.smarthost.as_ref())
            .maybe("auth_username", one.auth_username.as_ref())
            .maybe("auth_identity", one.auth_identity.as_ref())
            .maybe("auth_password", password.as_ref())
            .maybe("auth_secret", secret.as_ref())
            .pairs("headers", &one.headers)
            .put("html", one.html.clone())
            .put("text", one.text.clone())
            .put("require_tls", one.require_tls)
            .put(
                "tls_config",
                one.tls_config.as_ref().map(|tls| self.tls(tls)),
            )
            .put("force_implicit_tls", one.force_implicit_tls)
            .put("threading", threading)
            .value())
    }

    pub(super) fn victorops(self, one: &VictorOpsConfig) -> Result<Value, Refusal> {
        let key = self.maybe_secret(one.api_key.as_ref(), "API key")?;
        let mut names = one.custom_fields.iter().map(|field| field.key.as_str());
        if let Some(name) = names.find(|name| VICTOROPS_RESERVED.contains(name)) {
            return Err(format!(
                "VictorOps config contains custom field {name} which cannot be used as it conflicts with the fixed/static fields"
            ));
        }
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .text("routing_key", &one.routing_key)
            .maybe("message_type", one.message_type.as_ref())
            .maybe("entity_display_name", one.entity_display_name.as_ref())
            .maybe("state_message", one.state_message.as_ref())
            .maybe("monitoring_tool", one.monitoring_tool.as_ref())
            .maybe("api_key", key.as_ref())
            .maybe("api_url", one.api_url.as_ref())
            .pairs("custom_fields", &one.custom_fields)
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    pub(super) fn pushover(self, one: &PushoverConfig) -> Result<Value, Refusal> {
        let needed = |reference, what: &str, field: &str| {
            let text = self.maybe_secret(reference, what)?;
            match text {
                Some(text) if text.is_empty() => Err(format!("mandatory field {field:?} is empty")),
                text => Ok(text),
            }
        };
        let user = needed(one.user_key.as_ref(), "user key", "userKey")?;
        let token = needed(one.token.as_ref(), "token", "token")?;
        let at = |place: &'static str| move |why| format!("parse resolve {place}: {why}");
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .maybe("title", one.title.as_ref())
            .maybe("message", one.message.as_ref())
            .maybe("url", one.url.as_ref())
            .maybe("url_title", one.url_title.as_ref())
            .maybe("priority", one.priority.as_ref())
            .put("html", one.html)
            .put("monospace", one.monospace)
            .maybe("ttl", one.ttl.as_ref())
            .maybe("device", one.device.as_ref())
            .maybe("user_key", user.as_ref())
            .maybe(
                "user_key_file",
                one.user_key_file.as_ref().filter(|_| user.is_none()),
            )
            .maybe("token", token.as_ref())
            .maybe(
                "token_file",
                one.token_file.as_ref().filter(|_| token.is_none()),
            )
            .put("retry", of_go(one.retry.as_ref()).map_err(at("retry"))?)
            .put("expire", of_go(one.expire.as_ref()).map_err(at("expire"))?)
            .put("http_config", self.http(one.http_config.as_ref())?)
            .value())
    }

    pub(super) fn sns(self, one: &SnsConfig) -> Result<Value, Refusal> {
        let since = self.supports((0, 33, 0));
        let mut sigv4 = Block::default();
        if let Some(given) = &one.sigv4 {
            sigv4 = sigv4
                .maybe("region", given.region.as_ref())
                .maybe("profile", given.profile.as_ref())
                .maybe("role_arn", given.role_arn.as_ref())
                .maybe("external_id", given.external_id.as_ref().filter(|_| since));
            if let (Some(access), Some(secret)) = (&given.access_key, &given.secret_key) {
                let access = self.maybe_secret(Some(access), "access key")?;
                let secret = self.maybe_secret(Some(secret), "AWS secret key")?;
                sigv4 = sigv4
                    .maybe("access_key", access.as_ref())
                    .maybe("secret_key", secret.as_ref());
            }
        }
        Ok(Block::default()
            .put("send_resolved", one.send_resolved)
            .map("attributes", &one.attributes)
            .maybe("api_url", one.api_url.as_ref())
            .maybe("topic_arn", one.topic_arn.as_ref())
            .maybe("phone_number", one.phone_number.as_ref())
            .maybe("target_arn", one.target_arn.as_ref())
            .maybe("subject", one.subject.as_ref())
            .maybe("message", one.message.as_ref())
            .on(
                "use_aws_http_client",
                one.use_aws_http_client.filter(|_| since),
            )
            .put("http_config", self.http(one.http_config.as_ref())?)
            .put("sigv4", sigv4.filled())
            .value())
    }
}

/// The same for what Alertmanager reads as Go does, which knows no unit above hours.
pub(super) fn of_go(text: Option<&String>) -> Result<Option<Value>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let length = duration::milliseconds(text)?;
    let printed = duration::printed(length);
    // Days and above are written only of whole days.
    let written = if printed.ends_with(['d', 'w', 'y']) {
        format!("{}h", length / 3_600_000)
    } else {
        printed
    };
    Ok(Some(json!(written)))
}

/// A duration in Prometheus' own spelling, unless it is empty.
pub(super) fn normal(text: Option<&String>) -> Result<Option<Value>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    duration::milliseconds(text).map(|length| Some(json!(duration::printed(length))))
}

fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_is_told_no_days() {
        for (given, written) in [
            ("1d", "24h"),
            ("24h", "24h"),
            ("1w", "168h"),
            ("90s", "1m30s"),
        ] {
            assert_eq!(
                of_go(Some(&given.to_owned())),
                Ok(Some(json!(written))),
                "{given}"
            );
        }
        assert_eq!(of_go(Some(&String::new())), Ok(None));
        assert!(of_go(Some(&"soon".to_owned())).is_err());
        assert_eq!(normal(Some(&"24h".to_owned())), Ok(Some(json!("1d"))));
    }
}
