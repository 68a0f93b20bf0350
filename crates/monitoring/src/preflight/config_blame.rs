//! What is wrong in a configuration of Alertmanager, in terms of the AlertmanagerConfig that brought it.

use super::blame::{camel, told};
use super::fault::Fault;
use super::read;
use super::shape::Node;

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
