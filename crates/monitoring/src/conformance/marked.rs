//! Where ours differs on purpose: each is a row of `docs/differences.md`, and told by what a case holds, so that others of its
//! kind are known too. But for that, the case must be equal.

use serde_json::{Map, Value};

use super::Answer;

/// A deliberate difference.
pub(super) struct Mark {
    /// What ours does otherwise.
    pub(super) reason: &'static str,
    /// Beginnings of the kinds of cases in which it can be seen.
    kinds: &'static [&'static str],
    /// How.
    how: How,
}

/// How answers differ.
enum How {
    /// Only upstream refuses, with a text that holds this, and of the inputs and that text this is true.
    Taken(&'static str, fn(&Value, refusal: &str) -> bool),
    /// Both refuse: upstream with a text that holds the first, ours with one that holds the second, and of the inputs and
    /// upstream's text this is true.
    Otherwise(
        &'static str,
        &'static str,
        fn(&Value, refusal: &str) -> bool,
    ),
    /// Only ours refuses, with a text that holds this.
    Refused(&'static str),
    /// What both make is the same after this was done to it, with a look at the inputs.
    Changed(fn(&Value, &mut Value)),
    /// Both refuse, and ours says what upstream would without this in its text, and without what follows up to a colon.
    Silent(&'static str),
}

/// The deliberate differences.
const MARKS: &[Mark] = &[
    Mark {
        reason: "the enforced namespace label reaches targets of a ScrapeConfig without relabelings",
        kinds: &["promcfg-"],
        how: How::Changed(enforced_label),
    },
    Mark {
        reason: "Azure discovery keeps its HTTP settings",
        kinds: &["promcfg-"],
        how: How::Changed(azure),
    },
    Mark {
        reason: "enforced limits and overridden timestamps hold for everything",
        kinds: &["promcfg-"],
        how: How::Changed(enforced),
    },
    Mark {
        reason: "Legacy names of a ScrapeConfig are escaped",
        kinds: &["promcfg-"],
        how: How::Changed(legacy_names),
    },
    Mark {
        reason: "an old version refuses only the discoveries that are used",
        kinds: &["select-scrapeconfig"],
        how: How::Taken("only supported for Prometheus version", unused_discovery),
    },
    Mark {
        reason: "an old version refuses only the discoveries that are used",
        kinds: &["select-scrapeconfig"],
        how: How::Otherwise(
            "only supported for Prometheus version",
            "only supported for Prometheus version",
            unused_discovery,
        ),
    },
    Mark {
        reason: "the label of the case, a lone byte 0xff, cannot be written in JSON",
        kinds: &["select-scrapeconfig", "select-probe"],
        how: How::Taken(r"\xff", |input, _| {
            input.to_string().contains(char::REPLACEMENT_CHARACTER)
        }),
    },
    Mark {
        reason: "two ways to authenticate, which Prometheus refuses, are refused",
        kinds: &["select-scrapeconfig"],
        how: How::Refused("at most one of basicAuth, oauth2 and authorization can be configured"),
    },
    Mark {
        reason: "two ways to authenticate, which Prometheus refuses, are refused",
        kinds: &["select-probe"],
        how: How::Refused("cannot be configured at the same time"),
    },
    Mark {
        reason: "empty durations of rules, which Prometheus refuses, are left out",
        kinds: &["rules"],
        how: How::Changed(empty_durations),
    },
    Mark {
        reason: "an empty thread_by_date is accepted, as the message of the refusal says",
        kinds: &["amcfg-"],
        how: How::Taken("invalid 'thread_by_date'", |input, _| {
            !input.to_string().contains("thread_by_date")
        }),
    },
    Mark {
        reason: "actions of RocketChat have the keys that Alertmanager reads, and durations no days",
        kinds: &["amcfg-"],
        how: How::Changed(|_, document| integrations(document)),
    },
    Mark {
        reason: "a mute time interval without times keeps its name, and what an AlertmanagerConfig without a route has stays",
        kinds: &["amcfg-"],
        how: How::Changed(unreachable),
    },
    Mark {
        reason: "a global pagerdutyUrl without a scheme, which Alertmanager refuses, is refused",
        kinds: &["amcfg-init"],
        how: How::Refused("parse Pagerduty URL"),
    },
    Mark {
        reason: "a URL that may be a secret is not told",
        kinds: &["amcfg-"],
        how: How::Silent("failed for "),
    },
    Mark {
        reason: "an SNS receiver with several targets is refused",
        kinds: &["validate-amcfg-", "select-alertmanagerconfig"],
        how: How::Refused("must provide one of 'targetARN', 'topicARN', or 'phoneNumber'"),
    },
    Mark {
        reason: "Pushover's keys may come from files",
        kinds: &["select-alertmanagerconfig", "validate-amcfg-"],
        how: How::Taken("mandatory field userKey is empty", key_files),
    },
    Mark {
        reason: "an empty token of Pushover is called so",
        kinds: &["select-alertmanagerconfig", "validate-amcfg-"],
        how: How::Otherwise(
            "mandatory field userKey is empty",
            "mandatory field token is empty",
            |_, _| true,
        ),
    },
];

/// The deliberate difference that a case which isn't equal shows, if it is equal but for that.
pub(super) fn reason(kind: &str, case: &Value, answer: &Answer) -> Option<&'static str> {
    let input = case.get("in").unwrap_or(&Value::Null);
    let refusal = case.get("err").and_then(Value::as_str);
    let of_kind = |mark: &&Mark| mark.kinds.iter().any(|begin| kind.starts_with(begin));
    let mut marks = MARKS.iter().filter(of_kind);
    let found = marks.find(|mark| match (&mark.how, refusal, answer) {
        (How::Taken(text, holds), Some(theirs), Answer::Yaml(_) | Answer::Json(_)) => {
            theirs.contains(text) && holds(input, theirs)
        }
        (How::Otherwise(text, other, holds), Some(theirs), Answer::Error(ours)) => {
            theirs.contains(text) && ours.contains(other) && holds(input, theirs)
        }
        (How::Refused(text), None, Answer::Error(ours)) => ours.contains(text),
        (How::Changed(change), None, Answer::Yaml(_) | Answer::Json(_)) => {
            let both = super::documents(case, answer);
            both.is_ok_and(|(mut theirs, mut ours)| {
                change(input, &mut theirs);
                change(input, &mut ours);
                theirs == ours
            })
        }
        (How::Silent(tells), Some(theirs), Answer::Error(ours)) => is_silent(tells, theirs, ours),
        (
            How::Taken(..)
            | How::Otherwise(..)
            | How::Refused(_)
            | How::Changed(_)
            | How::Silent(_),
            ..,
        ) => false,
    });
    found.map(|mark| mark.reason)
}

/// Recorded cases that ours answers otherwise on purpose, by their ids: one that is equal has got upstream's defect back.
const RECORDED: [&str; 11] = [
    "2abd7d9cd803",
    "2d89c8b02edb",
    "466a97443095",
    "605069161a0f",
    "8cdfe701dacf",
    "a1958e9cdb51",
    "b1ae7f1fbae5",
    "ba0efaea3783",
    "cba7d67e3a7b",
    "f45dc8badd0b",
    "ff87b27f2603",
];

/// Whether a case must not be equal.
pub(super) fn must_differ(case: &Value) -> bool {
    let id = case.get("id").and_then(Value::as_str);
    id.is_some_and(|id| RECORDED.contains(&id))
}

/// Whether ours says the same but for a value.
fn is_silent(tells: &str, theirs: &str, ours: &str) -> bool {
    let Some((place, told)) = theirs.split_once(tells) else {
        return false;
    };
    let (Some((value, _)), Some((_, why))) = (told.split_once(": "), told.rsplit_once(": ")) else {
        return false;
    };
    let is_same = ours.starts_with(&format!("{place}failed with error: "));
    is_same && !ours.contains(value) && ours.ends_with(&crate::redact::without_quoted(why))
}

/// A list, or none.
fn list<'a>(value: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    let items = value.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten()
}

/// The jobs of ScrapeConfigs.
fn scrape_config_jobs(document: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let jobs = list(document, "scrape_configs").filter_map(Value::as_object_mut);
    jobs.filter(|job| {
        let name = job.get("job_name").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with("scrapeConfig/"))
    })
}

fn spec<'a>(input: &'a Value, field: &str) -> Option<&'a Value> {
    input.get("prometheus")?.get("spec")?.get(field)
}

fn enforced_label(input: &Value, document: &mut Value) {
    let Some(label) = spec(input, "enforcedNamespaceLabel") else {
        return;
    };
    for job in scrape_config_jobs(document) {
        if let Some(rules) = job.get_mut("relabel_configs").and_then(Value::as_array_mut) {
            rules.retain(|rule| rule.get("target_label") != Some(label));
        }
    }
}

fn azure(_: &Value, document: &mut Value) {
    const CLIENT: [&str; 11] = [
        "authorization",
        "basic_auth",
        "enable_http2",
        "environment",
        "follow_redirects",
        "no_proxy",
        "oauth2",
        "proxy_connect_header",
        "proxy_from_environment",
        "proxy_url",
        "tls_config",
    ];
    for job in list(document, "scrape_configs") {
        for discovery in list(job, "azure_sd_configs").filter_map(Value::as_object_mut) {
            discovery.retain(|key, _| !CLIENT.contains(&key.as_str()));
        }
    }
}

fn enforced(input: &Value, document: &mut Value) {
    if spec(input, "overrideHonorTimestamps") == Some(&Value::Bool(true)) {
        scrape_config_jobs(document).for_each(|job| {
            job.remove("honor_timestamps");
        });
    }
    let global = document.get_mut("global").and_then(Value::as_object_mut);
    if let (Some(global), Some(_)) = (global, spec(input, "enforcedBodySizeLimit")) {
        global.remove("body_size_limit");
    }
}

fn legacy_names(input: &Value, document: &mut Value) {
    let configs = input.get("scrapeConfigs").and_then(Value::as_object);
    for config in configs.into_iter().flat_map(Map::values) {
        let text = |path| config.pointer(path).and_then(Value::as_str);
        if text("/spec/nameValidationScheme") != Some("Legacy") {
            continue;
        }
        let place =
            [text("/metadata/namespace"), text("/metadata/name")].map(Option::unwrap_or_default);
        let name = format!("scrapeConfig/{}", place.join("/"));
        scrape_config_jobs(document)
            .filter(|job| job.get("job_name").and_then(Value::as_str) == Some(&name))
            .for_each(|job| {
                job.remove("metric_name_escaping_scheme");
            });
    }
}

/// Whether an object has no discovery of the kind that the refusal begins with.
fn unused_discovery(input: &Value, refusal: &str) -> bool {
    let kind = refusal.split(':').next().unwrap_or_default();
    let spec = input.pointer("/object/spec").and_then(Value::as_object);
    let mut fields = spec.into_iter().flatten();
    fields.all(|(key, list)| {
        !key.eq_ignore_ascii_case(kind) || list.as_array().is_none_or(Vec::is_empty)
    })
}

/// Whether a Pushover receiver has a key in a file.
fn key_files(input: &Value, _: &str) -> bool {
    let is_filled = |config: &Value, key: &str| {
        let file = config.get(key).and_then(Value::as_str);
        file.is_some_and(|file| !file.is_empty())
    };
    let of_receiver = |receiver: &Value| {
        let configs = receiver.get("pushoverConfigs").and_then(Value::as_array);
        configs.into_iter().flatten().any(|config| {
            ["userKeyFile", "tokenFile"]
                .iter()
                .any(|key| is_filled(config, key))
        })
    };
    let objects = ["alertmanagerConfig", "object"].map(|name| input.get(name));
    let objects = objects.into_iter().flatten().chain([input]);
    let receivers = objects.filter_map(|object| object.pointer("/spec/receivers")?.as_array());
    receivers.flatten().any(of_receiver)
}

fn empty_durations(_: &Value, document: &mut Value) {
    let without = |value: &mut Value, keys: &[&str]| {
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|key, field| !keys.contains(&key.as_str()) || field.as_str() != Some(""));
        }
    };
    for group in list(document, "groups") {
        without(group, &["interval", "query_offset"]);
        for rule in list(group, "rules") {
            without(rule, &["for", "keep_firing_for"]);
        }
    }
}

fn integrations(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            for (theirs, ours) in [
                ("is_webview", "iswebview"),
                ("msg_in_chat_window", "msginchatwindow"),
            ] {
                if let Some(value) = fields.remove(theirs) {
                    fields.insert(ours.to_owned(), value);
                }
            }
            for (key, value) in fields {
                if ["expire", "retry", "ttl", "timeout"].contains(&key.as_str()) {
                    in_hours(value);
                } else {
                    integrations(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(integrations),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `1d` as `24h`.
fn in_hours(duration: &mut Value) {
    let days = duration
        .as_str()
        .and_then(|text| text.strip_suffix('d')?.parse::<u64>().ok());
    if let Some(days) = days {
        *duration = Value::from(format!("{}h", days.saturating_mul(24)));
    }
}

/// Without the receivers and intervals that only ours keeps.
fn unreachable(input: &Value, document: &mut Value) {
    let configs = input.get("alertmanagerConfigs").and_then(Value::as_object);
    let without_route: Vec<String> = configs
        .into_iter()
        .flatten()
        .filter(|(_, config)| config.pointer("/spec/route").is_none_or(Value::is_null))
        .map(|(key, _)| format!("{key}/"))
        .collect();
    for key in ["receivers", "mute_time_intervals", "time_intervals"] {
        let Some(items) = document.get_mut(key).and_then(Value::as_array_mut) else {
            continue;
        };
        items.retain(|item| {
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
            let is_empty =
                key != "receivers" && item.as_object().is_some_and(|fields| fields.len() < 2);
            !is_empty
                && !without_route
                    .iter()
                    .any(|begin| name.starts_with(begin.as_str()))
        });
        if items.is_empty()
            && let Some(fields) = document.as_object_mut()
        {
            fields.remove(key);
        }
    }
}
