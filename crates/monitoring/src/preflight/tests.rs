use serde_json::json;

use super::*;

fn reader(version: &str) -> Reader {
    Reader::new(&Version::parse(version).unwrap())
}

/// What is said of a configuration; empty if it is taken.
fn said(version: &str, text: &str) -> String {
    let checked = reader(version).text(text);
    checked.map_or_else(|fault| fault.to_string(), |()| String::new())
}

/// What is said of one job with these fields.
fn of_job(version: &str, fields: &str) -> String {
    let fields = fields.replace('\n', "\n  ");
    said(
        version,
        &format!("scrape_configs:\n- job_name: a\n  {fields}\n"),
    )
}

const LATEST: &str = "3.13.2";

#[test]
fn good_configurations_are_taken() {
    for text in [
        "",
        "{}",
        "global: {scrape_interval: 30s, external_labels: {a: b}}\nscrape_configs: []\n",
        "scrape_configs:\n- job_name: a\n  kubernetes_sd_configs:\n  - role: pod\n    namespaces: {names: [x]}\n",
        "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - {source_labels: [x], modulus: 2, action: hashmod, target_label: y}\n  - {source_labels: [y], regex: '$(SHARD);|.+;.+', action: keep}\n",
        "remote_write:\n- url: http://x/\n  queue_config: {max_shards: 5}\n",
    ] {
        assert_eq!(said(LATEST, text), "", "{text}");
    }
}

#[test]
fn a_fault_is_named_with_its_path_and_what_to_do() {
    let cases = [
        (
            "scrape_interval: 30",
            "scrape_interval: not a valid duration string: \"30\"",
        ),
        (
            "scrape_interval: \"\"",
            "scrape_interval: empty duration string",
        ),
        (
            "scrape_timeout: 2m",
            "scrape_timeout is greater than scrape_interval",
        ),
        ("sample_limit: -1", "sample_limit: -1 is negative"),
        (
            "sample_limit: many",
            "sample_limit: expected a number, found a text",
        ),
        (
            "honor_labels: maybe",
            "honor_labels: expected true or false, found a text",
        ),
        ("params: {a: b}", "params.a: expected a list, found a text"),
        (
            "body_size_limit: 10",
            "body_size_limit: \"10\" is no size; write it as 10MB or 512KiB",
        ),
        (
            "body_size_limit: 10EiB",
            "body_size_limit: \"10EiB\" is more than 8EiB; write less",
        ),
        (
            "sample_limit: 99999999999999999999",
            "sample_limit: 1e+20 is larger than 64 bits hold; write less",
        ),
        (
            "surprise: 1",
            "surprise: no version up to 3.13.2 knows this field; remove it",
        ),
        (
            "proxy_url: 'http://[x/'",
            "proxy_url: parse [REDACTED]: missing ']' in host",
        ),
        (
            "basic_auth: {username: u}\nauthorization: {credentials: c}",
            "at most one of basic_auth, oauth2 & authorization must be configured",
        ),
        (
            "relabel_configs:\n- {regex: 'a(', target_label: x}",
            "relabel_configs[0].regex: error parsing regexp: missing closing ): `^(?s:a()$`",
        ),
        (
            "relabel_configs:\n- {action: keepall}",
            "relabel_configs[0].action: \"keepall\" is none of replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase",
        ),
        (
            "metric_relabel_configs:\n- {source_labels: [a]}",
            "metric_relabel_configs[0]: relabel configuration for replace action requires 'target_label' value",
        ),
        (
            "metric_relabel_configs:\n- null",
            "metric_relabel_configs[0]: empty or null section; remove it",
        ),
        (
            "static_configs:\n- targets: ['http://x']",
            "static_configs[0].targets[0]: \"http://x\" is not a valid hostname",
        ),
        (
            "tls_config: {cert_file: c}",
            "tls_config: exactly one of key or key_file must be configured when a client certificate is configured",
        ),
    ];
    for (fields, wanted) in cases {
        let wanted = if wanted.starts_with("scrape_timeout is") || wanted.starts_with("at most one")
        {
            format!("scrape_configs[0]: {wanted}")
        } else {
            format!("scrape_configs[0].{wanted}")
        };
        assert_eq!(of_job(LATEST, fields), wanted, "{fields}");
    }
}

#[test]
fn fields_are_known_to_some_versions() {
    let field = "scrape_configs[0].keep_dropped_targets";
    assert_eq!(
        of_job("2.42.0", "keep_dropped_targets: 1"),
        format!(
            "{field}: known from version 2.47.0 on, this one is 2.42.0; remove it or set another version"
        )
    );
    assert_eq!(of_job("2.47.0", "keep_dropped_targets: 1"), "");
    assert_eq!(of_job("2.47.0-rc.0", "keep_dropped_targets: 1"), "");
    let old = "remote_write:\n- url: x\n  queue_config: {max_retries: 1}\n";
    assert_eq!(said("2.10.0", old), "");
    assert!(said("2.11.0", old).contains("not known from version 2.11 on"));
    // A version from the future may know what nobody here does.
    assert_eq!(of_job("4.1.0", "surprise: 1"), "");
}

/// promtool 2.53.3 says of it: `unknown scrape protocol PrometheusText1.0.0`.
#[test]
fn a_protocol_is_known_to_some_versions() {
    let told = "scrape_protocols[1]: \"PrometheusText1.0.0\" is known from version 3.0.0 on, this one is 2.53.3; remove it or set another version";
    let protocols = "scrape_protocols: [PrometheusText0.0.4, PrometheusText1.0.0]";
    assert_eq!(
        of_job("2.53.3", protocols),
        format!("scrape_configs[0].{told}")
    );
    let everywhere = format!("global: {{{protocols}}}\n");
    assert_eq!(said("2.53.3", &everywhere), format!("global.{told}"));
    assert_eq!(of_job("3.0.0-rc.0", protocols), "");
    assert_eq!(said("3.0.0", &everywhere), "");
    assert_eq!(
        of_job("2.53.3", "scrape_protocols: [OpenMetricsText1.0.0]"),
        ""
    );
    let by_hand = format!("- job_name: a\n  {protocols}\n");
    let checked = reader("2.55.1").additional_jobs(&by_hand, &Global::of(None));
    assert!(checked.is_err_and(|fault| fault.path() == "[0].scrape_protocols[1]"));
}

#[test]
fn names_of_jobs_and_remote_endpoints_come_once() {
    let twice = "scrape_configs:\n- job_name: a\n- job_name: b\n- job_name: a\n";
    assert_eq!(
        said(LATEST, twice),
        "scrape_configs[2].job_name: \"a\" is the name of [0] too; rename one"
    );
    let twice = "remote_write:\n- {url: x, name: n}\n- {url: y, name: n}\n";
    assert!(said(LATEST, twice).starts_with("remote_write[1].name: "));
}

/// D8: names by the old rules need escaping in a server that knows UTF-8 ones.
#[test]
fn legacy_names_need_escaping_in_a_server_that_allows_more() {
    let legacy = "metric_name_validation_scheme: legacy";
    let refused = of_job("3.5.3", legacy);
    assert!(refused.contains("utf8 metric names requested"), "{refused}");
    // Later ones conclude it.
    assert_eq!(of_job("3.13.2", legacy), "");
    let escaped = format!("{legacy}\nmetric_name_escaping_scheme: underscores");
    assert_eq!(of_job("3.5.3", &escaped), "");
    let everywhere = format!("global: {{{legacy}}}\nscrape_configs:\n- job_name: a\n");
    assert_eq!(said("3.5.3", &everywhere), "");
}

/// D10: two ways to authenticate in a discovery.
#[test]
fn a_discovery_authenticates_in_one_way() {
    let both = "http_sd_configs:\n- url: http://x/\n  basic_auth: {username: u}\n  oauth2: {client_id: i, client_secret: s, token_url: t}";
    assert_eq!(
        of_job(LATEST, both),
        "scrape_configs[0].http_sd_configs[0]: at most one of basic_auth, oauth2 & authorization must be configured"
    );
}

#[test]
fn what_was_written_by_hand_is_bounded_and_strict() {
    let global = Global::of(None);
    let reader = reader(LATEST);
    let jobs = |text: &str| reader.additional_jobs(text, &global);
    assert_eq!(jobs("").unwrap(), Vec::<String>::new());
    assert_eq!(jobs("- job_name: a\n").unwrap(), ["a"]);
    assert!(
        jobs("job_name: a\n")
            .unwrap_err()
            .to_string()
            .contains("expected a list")
    );
    assert!(
        jobs("- job_name: a\n  job_name: b\n")
            .unwrap_err()
            .to_string()
            .contains("already set")
    );
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (one, before) in ('b'..='i').zip('a'..) {
        let nine = vec![format!("*{before}"); 9].join(",");
        bomb = format!("{bomb}{one}: &{one} [{nine}]\n");
    }
    let refused = jobs(&bomb).unwrap_err().to_string();
    assert!(refused.contains("excessive aliasing"), "{refused}");
    let deep = "[".repeat(200_000);
    assert!(jobs(&deep).is_err());
    let managers = |text: &str| reader.additional_alertmanagers(text, &global);
    assert!(managers("- static_configs: [{targets: [a]}]\n").is_ok());
    assert!(managers("- api_version: v1\n").is_err());
    let rules = |text: &str| reader.additional_relabelings(text, &global);
    assert!(rules("- {action: labeldrop, regex: a}\n").is_ok());
    assert_eq!(
        rules("- {action: labeldrop, regex: a, target_label: x}\n")
            .unwrap_err()
            .to_string(),
        "[0]: labeldrop action requires only 'regex', and no other fields"
    );
}

/// Secrets of others aren't told in a status.
#[test]
fn values_of_secrets_are_not_repeated() {
    for fields in [
        "basic_auth: hunter2",
        "proxy_url: 'http://user:hunter2@[x/'",
        "authorization: [hunter2]",
        "proxy_url: 'http://u:hunter2/x@y'",
        "bearer_token: *hunter2",
        "sample_limit: !!int hunter2",
        "http_sd_configs:\n- {url: 'http://x/hunter2%zz'}",
        "http_sd_configs:\n- {url: 'hunter2:x'}",
        "eureka_sd_configs:\n- {server: '//u:hunter2@x'}",
        "docker_sd_configs:\n- {host: \"tcp://u:hunter2\\n\"}",
    ] {
        let said = of_job(LATEST, fields);
        assert!(!said.is_empty() && !said.contains("hunter2"), "{said}");
    }
}

/// What the reloader puts in is taken as what it will be; what only looks like it is read as it stands.
#[test]
fn references_to_variables_are_read_as_what_is_put_in() {
    for fields in [
        "scrape_interval: $(SHARD)s",
        "sample_limit: $(SHARD)",
        "proxy_url: 'http://$(POD_NAME):80/'",
        "relabel_configs:\n- {regex: '$(SHARD);(a)', action: keep}",
        "params: {a: ['$(NO)']}",
        "metrics_path: '/$(x'",
    ] {
        assert_eq!(of_job(LATEST, fields), "", "{fields}");
    }
    for (fields, wanted) in [
        (
            "kubernetes_sd_configs:\n- {role: node, api_server: 'http://[::1$(x'}",
            "kubernetes_sd_configs[0].api_server: parse [REDACTED]: missing ']' in host",
        ),
        (
            "scrape_interval: 5m$(",
            "scrape_interval: not a valid duration string: \"5m$(\"",
        ),
        (
            "scrape_interval: $(NO)",
            "scrape_interval: not a valid duration string: \"$(NO)\" (the config-reloader has no variable NO to put in)",
        ),
        (
            "sample_limit: $(POD_NAME)",
            "sample_limit: expected a number, found a text",
        ),
        (
            "honor_labels: $(SHARD)",
            "honor_labels: expected true or false, found a text",
        ),
    ] {
        let wanted = format!("scrape_configs[0].{wanted}");
        assert_eq!(of_job(LATEST, fields), wanted, "{fields}");
    }
    let job =
        "scrape_configs:\n- {job_name: a, scrape_interval: $(OFTEN), honor_labels: $(OFTEN)}\n";
    let container = json!({"name": "config-reloader", "env": [{"name": "OFTEN", "value": "5m"}]});
    let theirs = reader(LATEST).with_variables(Variables::of(&[container]));
    assert_eq!(theirs.text(job), Ok(()));
    assert!(reader(LATEST).text(job).is_err());
}

/// Nobody puts anything into a web configuration.
#[test]
fn a_reference_in_a_web_configuration_is_a_text() {
    let version = Version::parse(LATEST).unwrap();
    let text = "tls_server_config: {cert_file: c, key_file: k, min_version: $(SHARD)}\n";
    let told = web::check(text, web::Server::Prometheus, &version).unwrap_err();
    assert!(told.contains("\"$(SHARD)\" is none of"), "{told}");
}

#[test]
fn alertmanager_refuses_what_it_would() {
    let check = |version: &str, text: &str| {
        let version = Version::parse(version).unwrap();
        let checked = alertmanager::check(text, &version);
        checked.map_or_else(|fault| fault.to_string(), |()| String::new())
    };
    let with = |more: &str| format!("receivers: [{{name: a}}]\nroute: {{receiver: a}}\n{more}");
    assert_eq!(check("0.28.1", &with("")), "");
    let root = |route: &str, receivers: &str| format!("route: {route}\nreceivers: {receivers}\n");
    let cases = [
        (
            root("{}", "[]"),
            "route: root route must specify a default receiver",
        ),
        (
            root("{receiver: b}", "[{name: a}]"),
            "route.receiver: undefined receiver \"b\" used in route",
        ),
        (
            root("{receiver: a, routes: [{matchers: ['x']}]}", "[{name: a}]"),
            "route.routes[0].matchers[0]: bad matcher format: x; write it as name=\"value\"",
        ),
        (
            root(
                "{receiver: a, routes: [{matchers: ['x=~\"(\"']}]}",
                "[{name: a}]",
            ),
            "route.routes[0].matchers[0]: error parsing regexp: missing closing ): `^(?:()$`",
        ),
        (
            root("{receiver: a, group_interval: 0s}", "[{name: a}]"),
            "route.group_interval: cannot be zero",
        ),
        (
            root("{receiver: a}", "[{name: a}, {name: a}]"),
            "receivers[1]: notification config name \"a\" is not unique",
        ),
        // D21
        (
            root("{receiver: a}", "[{name: a, email_configs: [{to: x}]}]"),
            "receivers[0].email_configs[0]: one of smarthost must be configured, or one of smtp_smarthost in global",
        ),
        (
            root("{receiver: a}", "[{name: a, webhook_configs: [{}]}]"),
            "receivers[0].webhook_configs[0]: one of url, url_file must be configured",
        ),
        // D8
        (
            with("global: {pagerduty_url: events.example.com}\n"),
            "global.pagerduty_url: unsupported scheme \"\" for URL",
        ),
        (
            with("surprise: 1\n"),
            "surprise: no version up to 0.28.1 knows this field; remove it",
        ),
        (
            with("inhibit_rules: [{equal: ['']}]\n"),
            "inhibit_rules[0]: invalid label name \"\" in equal list",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(check("0.28.1", &text), wanted, "{text}");
    }
    assert_eq!(check("0.28.1", ""), "no route provided in config");
}
