//! What becomes of AlertmanagerConfigs, and of the defaults of all receivers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::api::{Alertmanager, AlertmanagerConfig};
use crate::config::alertmanager::sanitize::{Part, sanitize};
use crate::config::alertmanager::{Inputs, Whole, known_version, whole};
use crate::selection::check_alertmanager_config;

const VERSION: &str = "v0.33.1";

fn checked(spec: &Value, assets: &Assets) -> Result<AlertmanagerConfig, String> {
    let config: AlertmanagerConfig = selected("AlertmanagerConfig", spec);
    let version = known_version(VERSION).unwrap();
    let checked = check_alertmanager_config(&config, &version, assets.within("team"));
    checked.map_or_else(|unusable| Err(unusable.why), |()| Ok(config))
}

fn added(spec: &Value, assets: &Assets) -> Whole {
    let config = checked(spec, assets).unwrap();
    let alertmanager: Alertmanager = workload(&json!({"alertmanagerConfigSelector": {}}));
    whole(Inputs {
        alertmanager: &alertmanager,
        version: &known_version(VERSION).unwrap(),
        base: None,
        configs: &BTreeMap::from([(config.key(), config)]),
        assets,
    })
    .unwrap()
}

/// The document with an object added to the configuration that sends nowhere.
fn document(spec: &Value, assets: &Assets) -> Value {
    let made = added(spec, assets);
    assert_eq!(made.left_out, []);
    machinery::yaml::parse(&made.text).unwrap().value
}

/// The receivers of an object that has one, and a route to it.
fn receiver(integrations: &Value, assets: &Assets) -> Value {
    let mut receiver = json!({"name": "r"});
    receiver = machinery::patch::merge::apply(&receiver, integrations);
    let spec = json!({"route": {"receiver": "r"}, "receivers": [receiver]});
    document(&spec, assets)["receivers"][1].clone()
}

/// D8.
#[test]
fn a_pagerduty_url_without_a_scheme_is_refused() {
    let global = |url: &str| {
        let alertmanager: Alertmanager = workload(&json!({"alertmanagerConfiguration": {
            "name": "app", "global": {"pagerdutyUrl": url},
        }}));
        let base: AlertmanagerConfig = selected(
            "AlertmanagerConfig",
            &json!({"route": {"receiver": "r"}, "receivers": [{"name": "r"}]}),
        );
        let made = whole(Inputs {
            alertmanager: &alertmanager,
            version: &known_version(VERSION).unwrap(),
            base: Some(&base),
            configs: &BTreeMap::new(),
            assets: &Assets::default(),
        });
        made.map(|made| made.text).map_err(String::from)
    };
    let refused = "parse Pagerduty URL: unsupported scheme \"\" for URL";
    assert_eq!(global("events.example.com"), Err(refused.to_owned()));
    let made = global("https://events.example.com").unwrap();
    let made = machinery::yaml::parse(&made).unwrap().value;
    let expected = json!({
        "global": {"pagerduty_url": "https://events.example.com"},
        "route": {"receiver": "team/app/r"}, "receivers": [{"name": "team/app/r"}], "templates": [],
    });
    assert_eq!(made, expected);
}

/// D15.
#[test]
fn material_of_the_mail_server_is_among_the_tls_assets() {
    let alertmanager: Alertmanager = workload(&json!({"alertmanagerConfiguration": {
        "name": "app", "global": {"smtp": {
            "from": "a@b", "smartHost": {"host": "mail", "port": "25"},
            "tlsConfig": {"ca": {"secret": key("mail", "ca")}, "cert": {"secret": key("mail", "crt")}, "keySecret": key("mail", "key")},
        }},
    }}));
    let mut base: AlertmanagerConfig = selected(
        "AlertmanagerConfig",
        &json!({"route": {"receiver": "r"}, "receivers": [{"name": "r"}]}),
    );
    base.metadata.namespace = "monitoring".to_owned();
    let data = json!({"ca": "x", "crt": "y", "key": "z", "other": "x"});
    let assets = secrets(&[("monitoring", "mail", data)]);
    let made = whole(Inputs {
        alertmanager: &alertmanager,
        version: &known_version(VERSION).unwrap(),
        base: Some(&base),
        configs: &BTreeMap::new(),
        assets: &assets,
    });
    let made = made.unwrap();
    let document = machinery::yaml::parse(&made.text).unwrap().value;
    let file = |key: &str| format!("/etc/alertmanager/certs/0_monitoring_mail_{key}");
    let expected = json!({"ca_file": file("ca"), "cert_file": file("crt"), "key_file": file("key"), "insecure_skip_verify": false});
    assert_eq!(document["global"]["smtp_tls_config"], expected);
    let expected = [("ca", "x"), ("crt", "y"), ("key", "z")];
    let expected = expected.map(|(key, text)| (format!("0_monitoring_mail_{key}"), text.into()));
    assert_eq!(made.tls_files, expected.into());
}

/// D21.
#[test]
fn white_space_around_urls_in_secrets_stops_nobody() {
    let assets = secrets(&[("team", "s", json!({"url": "https://x.example.com/y\n"}))]);
    let integrations = json!({
        "webhookConfigs": [{"urlSecret": key("s", "url")}],
        "msteamsConfigs": [{"webhookUrl": key("s", "url")}],
    });
    let expected = json!({
        "name": "team/app/r", "webhook_configs": [{"url": "https://x.example.com/y"}],
        "msteams_configs": [{"webhook_url": "https://x.example.com/y"}],
    });
    assert_eq!(receiver(&integrations, &assets), expected);
}

/// D21: the others are as they would be without it.
#[test]
fn mail_that_nobody_carries_is_left_out_alone() {
    let made = added(
        &json!({"route": {"receiver": "r"}, "receivers": [{"name": "r", "emailConfigs": [{"to": "a@b"}]}]}),
        &Assets::default(),
    );
    let document = machinery::yaml::parse(&made.text).unwrap().value;
    let expected =
        json!({"route": {"receiver": "null"}, "receivers": [{"name": "null"}], "templates": []});
    assert_eq!(document, expected);
    assert_eq!(made.left_out.len(), 1);
    assert_eq!(made.left_out[0].key, "team/app");
    let why = &made.left_out[0].why;
    assert!(why.contains("SMTP smarthost is a mandatory field"), "{why}");
}

/// D22: an object without a route is kept whole; routes of the user's own configuration may name what it brings.
#[test]
fn an_object_without_a_route_brings_its_receivers_and_intervals() {
    let spec = json!({
        "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://x/"}]}],
        "muteTimeIntervals": [{"name": "night", "timeIntervals": [{"times": [{"startTime": "00:00", "endTime": "06:00"}]}]}],
        "inhibitRules": [{"sourceMatch": [{"name": "a", "value": "b", "matchType": "="}], "targetMatch": [{"name": "c", "value": "d", "matchType": "="}], "equal": ["e"]}],
    });
    let expected = json!({
        "route": {"receiver": "null"},
        "inhibit_rules": [{
            "target_matchers": ["c=\"d\"", "namespace=\"team\""], "source_matchers": ["a=\"b\"", "namespace=\"team\""], "equal": ["e"],
        }],
        "receivers": [{"name": "null"}, {"name": "team/app/hook", "webhook_configs": [{"url": "http://x/"}]}],
        "mute_time_intervals": [{
            "name": "team/app/night", "time_intervals": [{"times": [{"start_time": "00:00", "end_time": "06:00"}]}],
        }],
        "templates": [],
    });
    assert_eq!(document(&spec, &Assets::default()), expected);
}

/// D22.
#[test]
fn an_interval_without_times_keeps_its_name() {
    let spec = json!({
        "route": {"receiver": "r", "routes": [{"receiver": "r", "muteTimeIntervals": ["never"]}]},
        "receivers": [{"name": "r"}], "muteTimeIntervals": [{"name": "never"}],
    });
    let document = document(&spec, &Assets::default());
    let expected = json!([{"name": "team/app/never", "time_intervals": []}]);
    assert_eq!(document["mute_time_intervals"], expected);
    let expected = json!([{
        "receiver": "team/app/r", "matchers": ["namespace=\"team\""], "continue": true,
        "routes": [{"receiver": "team/app/r", "mute_time_intervals": ["team/app/never"]}],
    }]);
    assert_eq!(document["route"]["routes"], expected);
}

/// D22.
#[test]
fn pushover_may_read_its_keys_from_files() {
    let files = json!({"pushoverConfigs": [{"userKeyFile": "/u", "tokenFile": "/t"}]});
    let expected = json!({"name": "team/app/r", "pushover_configs": [{"user_key_file": "/u", "token_file": "/t"}]});
    assert_eq!(receiver(&files, &Assets::default()), expected);
    let with = |config: Value| {
        let spec = json!({"route": {"receiver": "r"}, "receivers": [{"name": "r", "pushoverConfigs": [config]}]});
        checked(&spec, &Assets::default()).map(drop).unwrap_err()
    };
    let refused =
        |why: &str| format!("failed to validate receiver \"r\": 'pushoverConfigs'[0]: {why}");
    assert_eq!(
        with(json!({"tokenFile": "/t"})),
        refused("one of 'userKey' or 'userKeyFile' must be configured")
    );
    assert_eq!(
        with(json!({"userKeyFile": "/u"})),
        refused("one of 'token' or 'tokenFile' must be configured")
    );
}

/// D22.
#[test]
fn sns_has_exactly_one_target() {
    let with = |config: Value| {
        let spec = json!({"route": {"receiver": "r"}, "receivers": [{"name": "r", "snsConfigs": [config]}]});
        checked(&spec, &Assets::default()).map(drop)
    };
    let refused = "failed to validate receiver \"r\": 'snsConfigs'[0]: must provide one of 'targetARN', 'topicARN', or 'phoneNumber'";
    let refused = Err(refused.to_owned());
    assert_eq!(with(json!({})), refused);
    assert_eq!(with(json!({"topicARN": "t"})), Ok(()));
    assert_eq!(with(json!({"topicARN": "t", "targetARN": "a"})), refused);
    let all = json!({"topicARN": "t", "targetARN": "a", "phoneNumber": "1"});
    assert_eq!(with(all), refused);
}

/// D22.
#[test]
fn a_thread_of_mails_may_be_of_no_date() {
    let assets = Assets::default();
    let mail = |threading: Value| {
        let mail =
            json!({"to": "a@b", "from": "c@d", "smarthost": "mail:25", "threading": threading});
        receiver(&json!({"emailConfigs": [mail]}), &assets)["email_configs"][0]["threading"].clone()
    };
    let expected = json!({"enabled": true, "thread_by_date": "none"});
    assert_eq!(mail(json!({"threadByDate": "None"})), expected);
    let version = known_version(VERSION).unwrap();
    let mut threading = json!({"to": "a", "threading": {"enabled": true, "thread_by_date": ""}});
    let before = threading.clone();
    let part = Part::Integration("email_configs");
    assert_eq!(sanitize(part, &mut threading, &version), Ok(Vec::new()));
    assert_eq!(threading, before);
}

/// The user's own configuration with nothing added to it.
fn user(text: &str) -> Result<Value, String> {
    let alertmanager: Alertmanager = workload(&json!({"alertmanagerConfigSelector": {}}));
    let own = alertmanager.metadata.namespace.clone();
    let name = format!("alertmanager-{}", alertmanager.metadata.name);
    let made = whole(Inputs {
        alertmanager: &alertmanager,
        version: &known_version(VERSION).unwrap(),
        base: None,
        configs: &BTreeMap::new(),
        assets: &secrets(&[(&own, &name, json!({"alertmanager.yaml": text}))]),
    })?;
    let checked =
        crate::preflight::alertmanager::check(&made.text, &known_version(VERSION).unwrap());
    checked.map_err(|fault| fault.to_string())?;
    Ok(machinery::yaml::parse(&made.text).unwrap().value)
}

/// Fields of Alertmanager have types: where a text is wanted, a scalar without quotes is no number and no flag.
#[test]
fn texts_of_the_users_configuration_stay_as_they_are_written() {
    let text = "\
global:
  smtp_auth_password: 0123456
  smtp_require_tls: yes
  http_config: {basic_auth: {username: 1e3, password: 007}, follow_redirects: off}
route:
  receiver: y
  group_by: [on, 1.50]
  repeat_interval: 3h
  routes:
  - {receiver: 16, match: {page: yes, on: 1.50}, match_re: {version: 1.50}, matchers: [a=1], continue: on}
  - {receiver: 0x10, mute_time_intervals: [08]}
inhibit_rules:
- {source_match: {a: on}, target_match: {b: 0b1}, equal: [y, 1_0]}
receivers:
- {name: y, telegram_configs: [{chat_id: 0x10, bot_token: 1_000, send_resolved: no}]}
- {name: 16, pagerduty_configs: [{routing_key: 0777, details: {n: 007}}]}
- {name: 0x10, opsgenie_configs: [{api_key: 1e3, details: {n: 007}}]}
mute_time_intervals:
- {name: 08, time_intervals: [{years: [2030], days_of_month: [01, -1], months: [1], times: [{start_time: 09:00, end_time: 17:00}]}]}
";
    let expected = json!({
        "global": {
            "smtp_auth_password": "0123456", "smtp_require_tls": true,
            "http_config": {"basic_auth": {"username": "1e3", "password": "007"}, "follow_redirects": false},
        },
        "route": {
            "receiver": "y", "group_by": ["on", "1.50"], "repeat_interval": "3h",
            "routes": [
                {"receiver": "16", "match": {"page": "yes", "on": "1.50"}, "match_re": {"version": "1.50"}, "matchers": ["a=1"], "continue": true},
                {"receiver": "0x10", "mute_time_intervals": ["08"]},
            ],
        },
        "inhibit_rules": [{"source_match": {"a": "on"}, "target_match": {"b": "0b1"}, "equal": ["y", "1_0"]}],
        "receivers": [
            {"name": "y", "telegram_configs": [{"chat_id": 16, "bot_token": "1_000", "send_resolved": false}]},
            {"name": "16", "pagerduty_configs": [{"routing_key": "0777", "details": {"n": 7}}]},
            {"name": "0x10", "opsgenie_configs": [{"api_key": "1e3", "details": {"n": "007"}}]},
        ],
        "mute_time_intervals": [{"name": "08", "time_intervals": [{
            "years": ["2030"], "days_of_month": ["01", "-1"], "months": ["1"],
            "times": [{"start_time": "09:00", "end_time": "17:00"}],
        }]}],
        "templates": [],
    });
    assert_eq!(user(text), Ok(expected));
    // Names are told apart as they are written where nothing is added to a configuration, too.
    let unmerged = "\
route: {receiver: \"on\", routes: [{receiver: 16}, {receiver: 0x10}]}
receivers: [{name: on}, {name: 16}, {name: 0x10}]
";
    let version = known_version(VERSION).unwrap();
    assert_eq!(
        crate::preflight::alertmanager::check(unmerged, &version),
        Ok(())
    );
    // A flag is none in quotes.
    let quoted = "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: \"http://a\", send_resolved: \"yes\"}]}]\n";
    assert!(user(quoted).unwrap_err().contains("send_resolved"));
}
