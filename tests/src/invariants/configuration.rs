//! Whether a program would load what is written for it (MON-1): what Prometheus, Alertmanager and Thanos refuse most, from
//! their own documentation. Whoever has promtool and amtool asks them; this is for every revision of every run.

pub mod serving;
pub mod writing;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use machinery::yaml;
use regex::Regex;
use serde_json::Value;

use crate::objects::text;

static DURATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^((\d+)y)?((\d+)w)?((\d+)d)?((\d+)h)?((\d+)m)?((\d+)s)?((\d+)ms)?$")
        .expect("a regular expression")
});

const PROMETHEUS: [&str; 11] = [
    "global",
    "runtime",
    "alerting",
    "rule_files",
    "scrape_config_files",
    "scrape_configs",
    "storage",
    "otlp",
    "tracing",
    "remote_write",
    "remote_read",
];
const ALERTMANAGER: [&str; 8] = [
    "global",
    "route",
    "inhibit_rules",
    "receivers",
    "templates",
    "mute_time_intervals",
    "time_intervals",
    "tracing",
];
const ACTIONS: [&str; 11] = [
    "replace",
    "lowercase",
    "uppercase",
    "keep",
    "drop",
    "keepequal",
    "dropequal",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
];

/// What is wrong, in words.
type Found = Result<(), String>;

pub(super) fn parsed(text: &str) -> Result<Value, String> {
    let documents = yaml::parse_documents(text).map_err(|error| error.to_string())?;
    match <[Value; 1]>::try_from(documents) {
        Ok([value]) => Ok(value),
        Err(documents) => Err(format!("{} documents", documents.len())),
    }
}

fn known(value: &Value, fields: &[&str]) -> Found {
    let all = value.as_object().ok_or("it is no mapping")?;
    match all.keys().find(|key| !fields.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown field {key}")),
        None => Ok(()),
    }
}

pub(super) fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    let list = value.get(field).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// A duration in milliseconds.
fn millis(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    let parts = DURATION.captures(text).filter(|_| !text.is_empty());
    let parts = parts.ok_or_else(|| format!("{text:?} is no duration"))?;
    let units = [
        31_536_000_000_u64,
        604_800_000,
        86_400_000,
        3_600_000,
        60_000,
        1000,
        1,
    ];
    let number = |at: usize| parts.get(at).map_or(Ok(0), |found| found.as_str().parse());
    let mut sum = 0;
    for (index, unit) in units.into_iter().enumerate() {
        let number: u64 = number(2 * index + 2).map_err(|_| format!("{text:?} is too long"))?;
        sum += number * unit;
    }
    Ok(sum)
}

fn duration(value: &Value, field: &str) -> Result<Option<u64>, String> {
    match value.get(field) {
        None => Ok(None),
        Some(Value::String(text)) => millis(text)
            .map(Some)
            .map_err(|why| format!("{field}: {why}")),
        Some(other) => Err(format!("{field}: {other} is no duration")),
    }
}

/// The configuration of a Prometheus, or of its agent.
pub fn prometheus(text: &str) -> Found {
    if text.is_empty() {
        // The user's own is awaited.
        return Ok(());
    }
    let config = parsed(text)?;
    known(&config, &PROMETHEUS)?;
    let global = config.get("global").cloned().unwrap_or_default();
    let interval = duration(&global, "scrape_interval")?.unwrap_or(60_000);
    let timeout = duration(&global, "scrape_timeout")?.unwrap_or(10_000.min(interval));
    duration(&global, "evaluation_interval")?;
    if timeout > interval {
        return Err("the global timeout is longer than its interval".to_owned());
    }
    let mut names = BTreeSet::new();
    for job in items(&config, "scrape_configs") {
        let name = self::text(job, "/job_name");
        if name.is_empty() || !names.insert(name) {
            return Err(format!("job {name:?} has no name of its own"));
        }
        scrape_job(job, interval, timeout).map_err(|why| format!("job {name}: {why}"))?;
    }
    let alerting = config.get("alerting").cloned().unwrap_or_default();
    for manager in items(&alerting, "alertmanagers") {
        duration(manager, "timeout")?;
        items(manager, "relabel_configs").try_for_each(relabeling)?;
    }
    writing::endpoints(&config)
}

fn scrape_job(job: &Value, interval: u64, timeout: u64) -> Found {
    let own = duration(job, "scrape_interval")?.unwrap_or(interval);
    let timeout = duration(job, "scrape_timeout")?.unwrap_or(timeout.min(own));
    if own == 0 || timeout > own {
        return Err("its timeout is longer than its interval".to_owned());
    }
    for field in ["relabel_configs", "metric_relabel_configs"] {
        items(job, field).try_for_each(relabeling)?;
    }
    Ok(())
}

fn relabeling(step: &Value) -> Found {
    let action = match text(step, "/action") {
        "" => "replace",
        action => action,
    };
    if !ACTIONS.contains(&action) {
        return Err(format!("unknown action {action}"));
    }
    let regex = text(step, "/regex");
    if let Err(error) = Regex::new(&format!("^(?s:{regex})$")) {
        return Err(format!("{regex:?}: {error}"));
    }
    let needs_target = matches!(action, "replace" | "hashmod" | "lowercase" | "uppercase");
    if needs_target && text(step, "/target_label").is_empty() {
        return Err(format!("{action} without target_label"));
    }
    if action == "hashmod" && step.get("modulus").and_then(Value::as_u64).unwrap_or(0) == 0 {
        return Err("hashmod without modulus".to_owned());
    }
    Ok(())
}

/// The configuration of an Alertmanager.
pub fn alertmanager(text: &str) -> Found {
    let config = parsed(text)?;
    known(&config, &ALERTMANAGER)?;
    let receivers: BTreeSet<&str> = items(&config, "receivers")
        .map(|receiver| self::text(receiver, "/name"))
        .collect();
    if receivers.len() != items(&config, "receivers").count() {
        return Err("two receivers of one name".to_owned());
    }
    let intervals: BTreeSet<&str> = ["time_intervals", "mute_time_intervals"]
        .into_iter()
        .flat_map(|field| items(&config, field))
        .map(|interval| self::text(interval, "/name"))
        .collect();
    let root = config.get("route").ok_or("there is no route")?;
    if self::text(root, "/receiver").is_empty() {
        return Err("the root route has no receiver".to_owned());
    }
    route(root, &receivers, &intervals)
}

fn route(route: &Value, receivers: &BTreeSet<&str>, intervals: &BTreeSet<&str>) -> Found {
    let receiver = text(route, "/receiver");
    if !receiver.is_empty() && !receivers.contains(receiver) {
        return Err(format!("receiver {receiver:?} isn't there"));
    }
    for field in ["mute_time_intervals", "active_time_intervals"] {
        let mut names = items(route, field).filter_map(Value::as_str);
        if let Some(name) = names.find(|name| !intervals.contains(name)) {
            return Err(format!("time interval {name:?} isn't there"));
        }
    }
    for field in ["group_wait", "group_interval", "repeat_interval"] {
        duration(route, field)?;
    }
    items(route, "routes").try_for_each(|child| self::route(child, receivers, intervals))
}

/// A file of rules.
pub fn rules(text: &str) -> Found {
    let file = parsed(text)?;
    known(&file, &["groups"])?;
    let mut names = BTreeSet::new();
    for group in items(&file, "groups") {
        let name = self::text(group, "/name");
        if name.is_empty() || !names.insert(name) {
            return Err(format!("group {name:?} has no name of its own"));
        }
        duration(group, "interval")?;
        for rule in items(group, "rules") {
            let both = ["/alert", "/record"].map(|field| self::text(rule, field).is_empty());
            if both[0] == both[1] {
                return Err(format!("group {name}: a rule is an alert or a record"));
            }
            duration(rule, "for")?;
            balanced(rule.get("expr").unwrap_or(&Value::Null))
                .map_err(|why| format!("group {name}: {why}"))?;
        }
    }
    Ok(())
}

/// Brackets outside of strings; not a parser, but enough for what scenarios break.
fn balanced(expr: &Value) -> Found {
    let Some(expr) = expr.as_str() else {
        return expr.is_number().then_some(()).ok_or("no expression".into());
    };
    let (mut open, mut quote, mut escaped) = (Vec::new(), None, false);
    for sign in expr.chars() {
        match (quote, sign) {
            _ if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(begun), _) if begun == sign => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(sign),
            (None, '(' | '[' | '{') => open.push(sign),
            (None, ')' | ']' | '}') => {
                let wanted = match sign {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if open.pop() != Some(wanted) {
                    return Err(format!("{expr:?} closes what isn't open"));
                }
            }
            (None, _) => {}
        }
    }
    if expr.trim().is_empty() || !open.is_empty() || quote.is_some() {
        return Err(format!("{expr:?} is not whole"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_refuse_is_found() {
        let job = |more: &str| {
            format!("global:\n  scrape_interval: 30s\nscrape_configs:\n- job_name: a\n{more}")
        };
        assert_eq!(prometheus(&job("")), Ok(()));
        assert_eq!(prometheus(&job("otlp: {}\n")), Ok(()));
        for (bad, why) in [
            (job("- job_name: a\n"), "no name of its own"),
            (job("  scrape_timeout: 5m\n"), "longer than its interval"),
            (job("  scrape_interval: soon\n"), "no duration"),
            (
                job("  relabel_configs:\n  - action: kep\n"),
                "unknown action",
            ),
            (
                job("  relabel_configs:\n  - action: keep\n    regex: '('\n"),
                "unclosed group",
            ),
            ("global: {}\nscrape: []\n".to_owned(), "unknown field"),
            ("- a\n".to_owned(), "no mapping"),
        ] {
            let error = prometheus(&bad).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn routes_lead_to_receivers() {
        let text = |receiver: &str| {
            format!(
                "route:\n  receiver: a\n  routes:\n  - receiver: {receiver}\nreceivers:\n- name: a\n"
            )
        };
        assert_eq!(alertmanager(&text("a")), Ok(()));
        assert!(alertmanager(&text("b")).is_err());
    }

    #[test]
    fn rules_are_whole() {
        let text = |expr: &str| {
            format!("groups:\n- name: g\n  rules:\n  - record: r\n    expr: '{expr}'\n")
        };
        assert_eq!(rules(&text(r#"sum(up{a="("})"#)), Ok(()));
        assert!(rules(&text("sum(")).is_err());
        assert!(rules(&text("up]")).is_err());
    }
}
