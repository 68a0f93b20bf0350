//! What is wrong in a configuration of Alertmanager, in terms of the AlertmanagerConfig that brought it.

use super::blame::{camel, told};
use super::fault::Fault;
use super::read;
use super::shape::Node;
use crate::config::alertmanager::Culprit;

/// How many entries of a configuration come before those of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    receivers: usize,
    inhibit_rules: usize,
    intervals: usize,
}

impl Before {
    /// Those of a configuration to which the object is added.
    pub fn of(text: &str) -> Self {
        let Ok(document) = read(text) else {
            return Self::default();
        };
        let document = Node::of(&document);
        Self {
            receivers: document.list("receivers").len(),
            inhibit_rules: document.list("inhibit_rules").len(),
            intervals: document.list("mute_time_intervals").len(),
        }
    }

    /// A fault as the author of the object knows it; `None` if it isn't in what the object brought.
    pub fn in_the_objects_words(self, fault: &Fault) -> Option<Fault> {
        let lists = [
            ("receivers", self.receivers, "spec.receivers"),
            ("inhibit_rules", self.inhibit_rules, "spec.inhibitRules"),
            (
                "mute_time_intervals",
                self.intervals,
                "spec.muteTimeIntervals",
            ),
        ];
        let path = fault.path();
        // The routes of objects come first.
        if let Some(rest) = path.strip_prefix("route.routes[0]") {
            return Some(told(&format!("spec.route{}", fields(rest)), fault));
        }
        lists.iter().find_map(|(list, before, field)| {
            let rest = path.strip_prefix(list)?.strip_prefix('[')?;
            let (index, rest) = rest.split_once(']')?;
            let index = index.parse::<usize>().ok()?.checked_sub(*before)?;
            let field = format!("{field}[{index}]{}", fields(rest));
            Some(told(&field, fault))
        })
    }
}

/// A fault of a configuration that is made of a base and of what the Alertmanager says about all receivers, as the author of
/// either knows it; `None` if it is in neither.
pub fn in_the_bases_words(fault: &Fault) -> Option<(Culprit, Fault)> {
    let path = fault.path();
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (part, rest) = path.split_at_checked(end)?;
    let own = "spec.alertmanagerConfiguration";
    let (of, field) = match part {
        "global" => (
            Culprit::Alertmanager,
            format!("{own}.global{}", of_all_receivers(rest)),
        ),
        "templates" => (Culprit::Alertmanager, format!("{own}.templates{rest}")),
        "route" => (Culprit::Base, format!("spec.route{}", fields(rest))),
        "receivers" => (Culprit::Base, format!("spec.receivers{}", fields(rest))),
        "inhibit_rules" => (Culprit::Base, format!("spec.inhibitRules{}", fields(rest))),
        "mute_time_intervals" => {
            let field = format!("spec.muteTimeIntervals{}", fields(rest));
            (Culprit::Base, field)
        }
        _ => return None,
    };
    Some((of, told(&field, fault)))
}

/// What follows `global` in a path, by the fields of Alertmanagers: `.smtp_smarthost` as `.smtp.smartHost`.
fn of_all_receivers(rest: &str) -> String {
    let services = [
        ("smtp_", "smtp"),
        ("telegram_", "telegram"),
        ("jira_", "jira"),
        ("webex_", "webex"),
        ("rocketchat_", "rocketChat"),
        ("wechat_", "wechat"),
        ("victorops_", "victorops"),
        ("mattermost_", "mattermost"),
    ];
    let Some(key) = rest.strip_prefix('.') else {
        return rest.to_owned();
    };
    let found = services.iter().find_map(|(prefix, service)| {
        let inner = key.strip_prefix(prefix)?;
        let inner = match inner {
            "smarthost" => "smartHost".to_owned(),
            "require_tls" => "requireTLS".to_owned(),
            "force_implicit_tls" => "forceImplicitTLS".to_owned(),
            inner => fields(inner),
        };
        Some(format!(".{service}.{inner}"))
    });
    found.unwrap_or_else(|| format!(".{}", camel(key).replacen("opsgenie", "opsGenie", 1)))
}

/// What follows in a path, by the fields of objects: `.webhook_configs[0].max_alerts`.
fn fields(rest: &str) -> String {
    let mut out = String::new();
    for part in rest.split_inclusive(['.', '[', ']']) {
        let (name, end) = match part.char_indices().next_back() {
            Some((at, '.' | '[' | ']')) => part.split_at_checked(at).unwrap_or((part, "")),
            _ => (part, ""),
        };
        out.push_str(&field(name));
        out.push_str(end);
    }
    out
}

/// A field, by its key in the configuration.
fn field(key: &str) -> String {
    let named = match key {
        "images" => "pagerDutyImageConfigs",
        "links" => "pagerDutyLinkConfigs",
        "match" | "match_re" => "matchers",
        "source_match" | "source_match_re" | "source_matchers" => "sourceMatch",
        "target_match" | "target_match_re" | "target_matchers" => "targetMatch",
        _ => "",
    };
    if !named.is_empty() {
        return named.to_owned();
    }
    let letters = ["url", "id", "arn"];
    match key.rsplit_once('_') {
        Some((before, last)) if letters.contains(&last) => {
            format!("{}{}", camel(before), last.to_uppercase())
        }
        _ => camel(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_a_base_are_told_of_whom_they_are() {
        let at = |path: &[&str]| {
            let within = |fault: Fault, part: &&str| match part.parse() {
                Ok(index) => fault.at(index),
                Err(_) => fault.within(part),
            };
            let fault = Fault::here("no".to_owned());
            let fault = path.iter().rev().fold(fault, within);
            in_the_bases_words(&fault).map(|(of, fault)| (of, fault.path().to_owned()))
        };
        let own = "spec.alertmanagerConfiguration";
        for (path, of, field) in [
            (
                vec!["receivers", "1", "webhook_configs", "0", "max_alerts"],
                Culprit::Base,
                "spec.receivers[1].webhookConfigs[0].maxAlerts".to_owned(),
            ),
            (
                vec!["route", "routes", "2", "group_by"],
                Culprit::Base,
                "spec.route.routes[2].groupBy".to_owned(),
            ),
            (
                vec!["inhibit_rules", "0", "target_match"],
                Culprit::Base,
                "spec.inhibitRules[0].targetMatch".to_owned(),
            ),
            (
                vec!["global", "smtp_smarthost"],
                Culprit::Alertmanager,
                format!("{own}.global.smtp.smartHost"),
            ),
            (
                vec!["global", "rocketchat_token_id"],
                Culprit::Alertmanager,
                format!("{own}.global.rocketChat.tokenID"),
            ),
            (
                vec!["global", "opsgenie_api_url"],
                Culprit::Alertmanager,
                format!("{own}.global.opsGenieApiUrl"),
            ),
            (
                vec!["global", "http_config", "basic_auth"],
                Culprit::Alertmanager,
                format!("{own}.global.httpConfig.basicAuth"),
            ),
            (
                vec!["templates", "0"],
                Culprit::Alertmanager,
                format!("{own}.templates[0]"),
            ),
        ] {
            assert_eq!(at(&path), Some((of, field)), "{path:?}");
        }
        assert_eq!(at(&["tracing"]), None);
    }

    #[test]
    fn faults_are_told_by_the_fields_of_the_object() {
        let before = Before::of("receivers: [{name: a}, {name: b}]\ninhibit_rules: [{}]\n");
        let at = |parts: &[&str]| {
            let within = |fault: Fault, part: &&str| match part.parse() {
                Ok(index) => fault.at(index),
                Err(_) => fault.within(part),
            };
            let fault = Fault::here("-1 is negative".to_owned());
            let fault = parts.iter().rev().fold(fault, within);
            before
                .in_the_objects_words(&fault)
                .map(|fault| fault.path().to_owned())
        };
        for (parts, field) in [
            (
                vec!["receivers", "3", "webhook_configs", "0", "max_alerts"],
                "spec.receivers[1].webhookConfigs[0].maxAlerts",
            ),
            (
                vec!["receivers", "2", "telegram_configs", "0", "chat_id"],
                "spec.receivers[0].telegramConfigs[0].chatID",
            ),
            (
                vec!["inhibit_rules", "1", "source_match_re"],
                "spec.inhibitRules[0].sourceMatch",
            ),
            (
                vec!["mute_time_intervals", "0"],
                "spec.muteTimeIntervals[0]",
            ),
            (
                vec!["route", "routes", "0", "routes", "4", "group_by"],
                "spec.route.routes[4].groupBy",
            ),
        ] {
            assert_eq!(at(&parts).as_deref(), Some(field), "{parts:?}");
        }
        for parts in [
            vec!["receivers", "1"],
            vec!["global"],
            vec!["route", "receiver"],
        ] {
            assert_eq!(at(&parts), None, "{parts:?}");
        }
    }
}
