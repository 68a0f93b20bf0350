//! The flags, one line each.

use std::fmt::Write as _;

/// How many values a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// None: it is a switch.
    Nothing,
    /// One.
    One,
    /// One, and it may be there again.
    Many,
}

/// A flag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    pub(super) default: Option<&'static str>,
    help: &'static str,
}

const fn one(name: &'static str, default: Option<&'static str>, help: &'static str) -> Flag {
    Flag {
        name,
        takes: Takes::One,
        default,
        help,
    }
}

const fn many(name: &'static str, default: Option<&'static str>, help: &'static str) -> Flag {
    Flag {
        takes: Takes::Many,
        ..one(name, default, help)
    }
}

const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag {
        takes: Takes::Nothing,
        ..one(name, None, help)
    }
}

/// All flags, in the order of the help.
pub(super) const FLAGS: [Flag; 21] = [
    switch("help", "Show this help"),
    one("config-file", None, "Configuration to watch"),
    one(
        "config-envsubst-file",
        None,
        "Where the configuration is written, unpacked and with $(VARIABLES) put in",
    ),
    one(
        "watch-interval",
        Some("3m"),
        "Longest time between two looks at the files; 0: look once, write, and end without a reload",
    ),
    one(
        "delay-interval",
        Some("1s"),
        "How long files must be quiet after a change",
    ),
    one(
        "retry-interval",
        Some("5s"),
        "Time between two attempts to reload",
    ),
    one(
        "reload-timeout",
        Some("30s"),
        "Longest time to wait for the answer to a reload",
    ),
    one(
        "auto-gomemlimit-ratio",
        Some("0.0"),
        "Accepted for upstream's manifests, without effect",
    ),
    many(
        "watched-dir",
        None,
        "Folder whose files are watched too, with all below it; may be repeated",
    ),
    one(
        "reload-method",
        Some("http"),
        "How to reload: http or signal",
    ),
    one(
        "process-executable-name",
        Some("prometheus"),
        "Name of the program that gets the signal",
    ),
    one(
        "statefulset-ordinal-from-envvar",
        Some("POD_NAME"),
        "Variable whose last digits become $(STATEFULSET_ORDINAL_NUMBER)",
    ),
    one(
        "listen-address",
        None,
        "Where /metrics and /healthz are served, such as :8080",
    ),
    one(
        "web-config-file",
        None,
        "How they are served: TLS and passwords, as in https://prometheus.io/docs/prometheus/latest/configuration/https/",
    ),
    one(
        "log-format",
        Some("logfmt"),
        "How logs look: logfmt or json",
    ),
    one(
        "log-level",
        Some("info"),
        "What is logged: all, debug, info, warn, error or none",
    ),
    many(
        "reload-url",
        Some("http://127.0.0.1:9090/-/reload"),
        "Where a reload is asked for; may be repeated",
    ),
    one(
        "runtimeinfo-url",
        Some("http://127.0.0.1:9090/api/v1/status/runtimeinfo"),
        "Where the program says whether it heeded a signal",
    ),
    switch("version", "Print name and version"),
    switch("short-version", "Print the version"),
    // kingpin's word for a switch that is off.
    switch("no-version", "As without --version"),
];

/// The text of `--help`.
pub(super) fn help() -> String {
    let mut text = String::from(
        "Usage: prometheus-config-reloader [FLAGS]\n\n\
         Puts environment variables into a configuration, watches it and folders, and makes a program read them again.\n\n\
         Flags:\n",
    );
    for flag in FLAGS.iter().filter(|flag| flag.name != "no-version") {
        let value = match (flag.takes, flag.default) {
            (Takes::Nothing, _) => String::new(),
            (Takes::One | Takes::Many, Some(default)) => format!("={default}"),
            (Takes::One | Takes::Many, None) => "=…".to_owned(),
        };
        // Writing to a string can't fail.
        let _ = writeln!(text, "  --{}{value}\n        {}", flag.name, flag.help);
    }
    text
}
