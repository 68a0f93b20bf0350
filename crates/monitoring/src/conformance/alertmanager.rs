//! Replays of the Alertmanager configuration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Answer;
use super::configuration::{assets, object};
use crate::api::AlertmanagerConfig;
use crate::api::alertmanager::AlertmanagerGlobalConfig;
use crate::api::read as read_object;
use crate::api::v1beta1::to_v1alpha1;
use crate::config::alertmanager::sanitize::{Part, sanitize};
use crate::config::alertmanager::{Configuration, Enforcement};
use crate::config::version::Version;
use crate::selection::{ApiVersion, check_alertmanager_config, validate};

/// A part of a configuration, made fit for a version.
pub(super) fn sanitized(input: &Value) -> Answer {
    let Some(part) = part(text(input, "type")) else {
        return Answer::Error(format!("no part is called {}", text(input, "type")));
    };
    let made = || -> Result<String, String> {
        let version = version(input)?;
        let mut value = machinery::yaml::parse(text(input, "config"))
            .map_err(|error| error.to_string())?
            .value;
        sanitize(part, &mut value, &version)?;
        Ok(machinery::yaml::to_string(&value))
    };
    yaml(made())
}

/// A configuration that a user wrote.
pub(super) fn read(input: &Value) -> Answer {
    let made = Configuration::read(text(input, "raw"));
    yaml(made.map(|made| made.text()))
}

/// The configuration that an object is.
pub(super) fn of_object(input: &Value) -> Answer {
    let made = || -> Result<String, String> {
        let config: AlertmanagerConfig =
            object(input, "alertmanagerConfig").map_err(|error| error.to_string())?;
        let global: Option<AlertmanagerGlobalConfig> =
            object(input, "global").map_err(|error| error.to_string())?;
        let made =
            Configuration::of_object(&config, global.as_ref(), &version(input)?, &assets(input))?;
        Ok(made.text())
    };
    yaml(made())
}

/// Objects added to a base.
pub(super) fn added(input: &Value) -> Answer {
    let made = || -> Result<String, String> {
        let mut configs = BTreeMap::new();
        let given = input.get("alertmanagerConfigs").and_then(Value::as_object);
        for (key, config) in given.into_iter().flatten() {
            let config: AlertmanagerConfig =
                read_object(config).map_err(|error| error.to_string())?;
            configs.insert(key.clone(), config);
        }
        let enforcer = text(input, "enforcer");
        let own = enforcer
            .split_once("alertmanagerNamespace:")
            .and_then(|(_, rest)| rest.split(' ').next());
        let enforcement = match own {
            Some(own) => Enforcement::OnOtherNamespaces(own),
            None if enforcer.contains("noopEnforcer") => Enforcement::None,
            None => Enforcement::OnNamespace,
        };
        let mut made = Configuration::read(text(input, "base"))?;
        let left_out = made.add(&configs, enforcement, &version(input)?, &assets(input))?;
        match left_out.first() {
            // Upstream refuses the whole; which object it is is the same.
            Some(one) => Err(format!("AlertmanagerConfig {}: {}", one.key, one.why)),
            None => Ok(made.text()),
        }
    };
    yaml(made())
}

/// Whether an object can be added.
pub(super) fn selected(input: &Value) -> Answer {
    let checked = || -> Result<(), String> {
        let config: AlertmanagerConfig =
            object(input, "alertmanagerConfig").map_err(|error| error.to_string())?;
        let assets = assets(input);
        let scope = assets.within(&config.metadata.namespace);
        // Upstream doesn't say where.
        let checked = check_alertmanager_config(&config, &version(input)?, scope);
        checked.map_err(|unusable| unusable.why)
    };
    truth(checked())
}

/// What the webhook says to an object.
pub(super) fn validated(input: &Value, api: ApiVersion) -> Answer {
    let checked = || -> Result<(), String> {
        let spec = input.pointer("/alertmanagerConfig/spec").cloned();
        let mut spec = spec.unwrap_or_default();
        if api == ApiVersion::V1beta1 {
            spec = to_v1alpha1(spec);
        }
        let spec = read_object(&spec).map_err(|error| error.to_string())?;
        validate(&spec, api)
    };
    truth(checked())
}

fn text<'a>(input: &'a Value, key: &str) -> &'a str {
    input.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn version(input: &Value) -> Result<Version, String> {
    Version::parse(text(input, "amVersion")).map_err(|error| error.to_string())
}

fn yaml(made: Result<String, String>) -> Answer {
    made.map_or_else(Answer::Error, Answer::Yaml)
}

fn truth(checked: Result<(), String>) -> Answer {
    match checked {
        Ok(()) => Answer::Json(json!(true)),
        Err(refusal) => Answer::Error(refusal),
    }
}

fn part(name: &str) -> Option<Part> {
    Some(match name {
        "alertmanagerConfig" => Part::Document,
        "globalConfig" => Part::Global,
        "route" => Part::Route,
        "inhibitRule" => Part::InhibitRule,
        "timeInterval" => Part::TimeInterval,
        "receiver" => Part::Receiver,
        "httpClientConfig" => Part::HttpClient,
        "tlsConfig" => Part::Tls,
        "proxyConfig" => Part::Proxy,
        "oauth2" => Part::OAuth2,
        "emailConfig" => Part::Integration("email_configs"),
        "opsgenieConfig" => Part::Integration("opsgenie_configs"),
        "pagerdutyConfig" => Part::Integration("pagerduty_configs"),
        "pushoverConfig" => Part::Integration("pushover_configs"),
        "slackConfig" => Part::Integration("slack_configs"),
        "victorOpsConfig" => Part::Integration("victorops_configs"),
        "webhookConfig" => Part::Integration("webhook_configs"),
        "weChatConfig" => Part::Integration("wechat_configs"),
        "snsConfig" => Part::Integration("sns_configs"),
        "telegramConfig" => Part::Integration("telegram_configs"),
        "discordConfig" => Part::Integration("discord_configs"),
        "webexConfig" => Part::Integration("webex_configs"),
        "msTeamsConfig" => Part::Integration("msteams_configs"),
        "msTeamsV2Config" => Part::Integration("msteamsv2_configs"),
        "jiraConfig" => Part::Integration("jira_configs"),
        "rocketChatConfig" => Part::Integration("rocketchat_configs"),
        "mattermostConfig" => Part::Integration("mattermost_configs"),
        "incidentioConfig" => Part::Integration("incidentio_configs"),
        _ => return None,
    })
}
