//! Pieces of Alertmanager's configuration: what is said of them, and, where amtool is installed, whether it says the same.

mod table;

use std::io;
use std::process::Command;

use self::table::{INTEGRATIONS, and, matcher, others, with};
use super::super::alertmanager;
use crate::config::version::Version;

const LATEST: &str = "0.34.0";

/// What is said of a configuration; empty if it is taken.
fn said(text: &str, version: &str) -> String {
    let version = Version::parse(version).unwrap();
    let checked = alertmanager::check(text, &version);
    checked.map_or_else(|fault| fault.to_string(), |()| String::new())
}

#[test]
fn what_alertmanager_refuses_is_refused_where_it_is() {
    for (list, integration, place, part) in INTEGRATIONS {
        let found = said(&with(list, integration), LATEST);
        let taken = place.is_empty() && part.is_empty();
        let place = format!("receivers[0].{list}[0]{place}: ");
        assert_eq!(taken, found.is_empty(), "{list}: {integration}: {found}");
        let fits = taken || found.starts_with(&place) && found.contains(part);
        assert!(fits, "{list}: {integration}: {found}");
    }
    for (text, part) in others() {
        let found = said(&text, LATEST);
        assert_eq!(part.is_empty(), found.is_empty(), "{text}: {found}");
        assert!(found.contains(part), "{text}: {found}");
    }
}

#[test]
fn what_came_with_a_version_is_refused_before_it() {
    let cases = [
        (
            with("webhook_configs", "{url: 'http://x/', timeout: 10s}"),
            "0.28.0",
        ),
        (
            with("webhook_configs", "{url: 'http://x/', payload: {a: [b]}}"),
            "0.32.0",
        ),
        (
            with("webhook_configs", "{url: 'http://{{ .x }}/'}"),
            "0.31.0",
        ),
        (
            with(
                "opsgenie_configs",
                "{api_key: k, responders: [{name: n, type: teams}]}",
            ),
            "0.24.0",
        ),
        (
            with(
                "opsgenie_configs",
                "{api_key: k, responders: [{name: n, type: '{{ .x }}'}]}",
            ),
            "0.25.0",
        ),
        (
            with(
                "telegram_configs",
                "{bot_token: t, chat_id: 1, message_thread_id: 2}",
            ),
            "0.28.0",
        ),
        (
            with("telegram_configs", "{bot_token: t, chat_id_file: f}"),
            "0.31.0",
        ),
        (
            with(
                "jira_configs",
                "{project: p, issue_type: t, api_url: 'http://x/', summary: {template: s}}",
            ),
            "0.30.0",
        ),
        (
            with(
                "pagerduty_configs",
                "{routing_key: k, details: {a: {b: c}}}",
            ),
            "0.30.0",
        ),
        (
            with("slack_configs", "null") + "global: {slack_api_url: 'http://x/'}\n",
            "0.32.0",
        ),
        (
            with("mattermost_configs", "{webhook_url: 'http://x/', title: t}"),
            "0.32.0",
        ),
        (
            with(
                "rocketchat_configs",
                "{token: t, token_id: i, actions: [{text: a, iswebview: false}]}",
            ),
            "0.28.0",
        ),
        (matcher("\"any name\"=\"b\""), "0.27.0"),
        (matcher("a=~\"(?<n>x)\""), "0.28.0"),
        (
            and("inhibit_rules: [{source_match_re: {a: '(?<n>x)'}}]"),
            "0.28.0",
        ),
    ];
    for (text, since) in cases {
        let (minor, _) = since.strip_prefix("0.").unwrap().split_once('.').unwrap();
        let before = format!("0.{}.9", minor.parse::<u64>().unwrap() - 1);
        assert_eq!(said(&text, since), "", "{text}");
        assert!(!said(&text, &before).is_empty(), "{before}: {text}");
    }
    let telegram = with("telegram_configs", "{bot_token: t, chat_id: 1}");
    assert_eq!(said(&telegram, "0.25.0"), "");
    assert!(said(&telegram, "0.24.0").contains("one of api_url must be configured"));
    let old = said(&matcher("a=~\"(?<n>x)\""), "0.27.0");
    assert!(old.ends_with("write them so"), "{old}");
    // A version that nobody here knows may know more.
    let unknown = with("webhook_configs", "{url: 'http://x/', surprise: 1}");
    assert_eq!(said(&unknown, "0.40.0"), "");
}

/// The version of an amtool, if it is installed.
fn amtool() -> Option<String> {
    let asked = Command::new("amtool").arg("--version").output();
    let answer = match asked {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        asked => asked.unwrap(),
    };
    let answer = [answer.stdout, answer.stderr].concat();
    let answer = String::from_utf8(answer).unwrap();
    let (_, rest) = answer.split_once("version ").unwrap();
    let end = rest.find([',', ' ', '\n']).unwrap();
    Some(rest[..end].to_owned())
}

#[test]
fn amtool_says_the_same() {
    let Some(version) = amtool() else {
        println!("skipped: amtool isn't installed (apt-get install prometheus-alertmanager)");
        return;
    };
    let file = std::env::temp_dir().join(format!("amtool-{}.yaml", std::process::id()));
    let integrations = INTEGRATIONS.iter();
    let texts = integrations.map(|(list, one, ..)| with(list, one));
    let texts = texts.chain(others().into_iter().map(|(text, _)| text));
    let mut different = Vec::new();
    for text in texts {
        std::fs::write(&file, &text).unwrap();
        let mut asked = Command::new("amtool");
        let answer = asked.arg("check-config").arg(&file).output().unwrap();
        let ours = said(&text, &version);
        if answer.status.success() != ours.is_empty() {
            let theirs = String::from_utf8_lossy(&answer.stderr).into_owned();
            different.push(format!("{text}ours: {ours}\ntheirs: {theirs}"));
        }
    }
    std::fs::remove_file(&file).unwrap();
    assert!(different.is_empty(), "{version}:\n{}", different.join("\n"));
}
