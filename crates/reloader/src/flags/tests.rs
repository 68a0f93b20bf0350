//! Command lines and what becomes of them.

use super::*;

fn arguments(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn options(line: &str) -> Options {
    match parse(arguments(line)).unwrap() {
        Command::Run(options) => *options,
        Command::Print(text) => panic!("printed {text}"),
    }
}

fn refused(line: &str) -> String {
    parse(arguments(line)).unwrap_err().to_string()
}

#[test]
fn without_flags_all_is_as_upstream_has_it() {
    let expected = Options {
        config_file: None,
        output_file: None,
        watch_interval: Duration::from_mins(3),
        delay_interval: Duration::from_secs(1),
        retry_interval: Duration::from_secs(5),
        reload_timeout: Duration::from_secs(30),
        watched: vec![],
        method: Method::Http(vec!["http://127.0.0.1:9090/-/reload".parse().unwrap()]),
        ordinal_from: "POD_NAME".to_owned(),
        listen: None,
        web_config: None,
        log: LogOptions {
            level: Level::Info,
            format: Format::Logfmt,
        },
    };
    assert_eq!(options(""), expected);
}

#[test]
fn dashes_and_equals_signs_are_a_matter_of_taste() {
    let expected =
        options("--config-file=/a/b=c --watched-dir=/x --watched-dir=/y --log-level=debug");
    assert_eq!(expected.config_file, Some("/a/b=c".into()));
    assert_eq!(expected.watched, [PathBuf::from("/x"), "/y".into()]);
    for line in [
        "--config-file /a/b=c --watched-dir /x --watched-dir /y --log-level DEBUG",
        "-config-file=/a/b=c -watched-dir /x -watched-dir=/y -log-level debug",
    ] {
        assert_eq!(options(line), expected, "{line}");
    }
}

#[test]
fn the_operators_arguments_are_understood() {
    let line = "--listen-address=:8080 --web-config-file=/etc/prometheus/web_config/web-config.yaml \
                --reload-url=https://localhost:9090/prefix/-/reload --reload-url=http://127.0.0.1:9091/-/reload \
                --config-file=/etc/prometheus/config/prometheus.yaml.gz \
                --config-envsubst-file=/etc/prometheus/config_out/prometheus.env.yaml \
                --watched-dir=/etc/prometheus/config --log-level=warn --log-format=json";
    let read = options(line);
    assert!(!read.is_init());
    assert_eq!(read.listen.as_deref(), Some(":8080"));
    let Method::Http(urls) = &read.method else {
        panic!("{:?}", read.method)
    };
    assert_eq!(urls.len(), 2);
    assert!(urls[0].secure);
    assert_eq!(read.log.format, Format::Json);
    assert!(options("--watch-interval=0 --listen-address=:8081").is_init());
    let signal = options(
        "--reload-method=signal --runtimeinfo-url=http://localhost:9090/api/v1/status/runtimeinfo",
    );
    assert_eq!(signal.method.name(), "signal");
}

#[test]
fn empty_values_count_as_absent() {
    let read = options("--listen-address= --web-config-file= --config-file=");
    assert_eq!(
        (read.listen, read.web_config, read.config_file),
        (None, None, None)
    );
}

#[test]
fn what_cannot_be_used_is_named() {
    for (line, text) in [
        ("--nothing=1", "unknown long flag '--nothing'"),
        ("serve", "unexpected serve"),
        ("--", "unexpected --"),
        (
            "--config-file",
            "expected argument for flag '--config-file'",
        ),
        (
            "--config-file --version",
            "expected argument for flag '--config-file'",
        ),
        (
            "--config-file=a --config-file=b",
            "flag 'config-file' cannot be repeated",
        ),
        (
            "--watch-interval=5",
            "invalid value '5' for flag '--watch-interval'",
        ),
        (
            "--delay-interval=-1s",
            "invalid value '-1s' for flag '--delay-interval'",
        ),
        (
            "--reload-method=magic",
            "enum value must be one of http,signal, got 'magic'",
        ),
        (
            "--auto-gomemlimit-ratio=much",
            "invalid value 'much' for flag '--auto-gomemlimit-ratio'",
        ),
        (
            "--log-level=loud",
            "invalid value 'loud' for flag '--log-level'",
        ),
        (
            "--log-format=xml",
            "invalid value 'xml' for flag '--log-format'",
        ),
        ("--reload-url=localhost:9090", "for flag '--reload-url'"),
        (
            "--reload-method=signal --runtimeinfo-url=x",
            "for flag '--runtimeinfo-url'",
        ),
    ] {
        let refused = refused(line);
        assert!(refused.contains(text), "{line}: {refused}");
    }
}

#[test]
fn versions_and_help_are_printed() {
    let printed = |line| match parse(arguments(line)).unwrap() {
        Command::Print(text) => text,
        Command::Run(options) => panic!("{options:?}"),
    };
    assert_eq!(printed("--short-version"), env!("CARGO_PKG_VERSION"));
    assert!(printed("--version").starts_with("prometheus-config-reloader, version "));
    let help = printed("--help");
    assert!(
        FLAGS
            .iter()
            .filter(|flag| flag.name != "no-version")
            .all(|flag| help.contains(flag.name)),
        "{help}"
    );
    options("--version=false --no-version");
}
