//! What to do about what is wrong, by the words that say it. Many of them are upstream's or those of its programs, which people
//! and tools look for, and stay as they are: a remedy is added behind them.

/// Words, and what to do where they are found; the first that are found count.
const CURES: &[(&str, &str)] = &[
    // Times.
    ("scrape_timeout is greater", LESS_OR_LONGER),
    ("greater than scrapeInterval", LESS_OR_LONGER),
    (
        "empty duration",
        "write one as in 30s or 1m30s, or remove it",
    ),
    ("duration", "write one as in 30s or 1m30s"),
    ("weekday", "write names, as in monday:friday"),
    ("month is before", "write the earlier month first"),
    (
        "invalid month",
        "write names or numbers, as in january:march",
    ),
    (
        "day of the month",
        "write numbers from 1 to 31, or from -31 to -1",
    ),
    ("before end day", "write the earlier day first"),
    ("before start", "write the earlier one first"),
    (
        "end time",
        "write the earlier time first, as in 09:00 and 17:00",
    ),
    // Versions.
    (
        "relabel action is only supported",
        "write another action, or raise spec.version of the workload",
    ),
    ("is only supported", RAISE),
    ("supported in Alertmanager", RAISE),
    ("available in Alertmanager", RAISE),
    ("requires Prometheus >=", RAISE),
    ("requires at least version", RAISE),
    (
        "is required with",
        "set it, or raise spec.version of the workload",
    ),
    (
        "unsupported Prometheus version",
        "write another spec.version",
    ),
    (
        "unsupported Alertmanager version",
        "write another spec.version",
    ),
    // Rules and relabelings.
    (
        "is above the maximum limit",
        "spread the groups over several objects",
    ),
    ("error parsing regexp", EXPRESSION),
    ("parse expression", EXPRESSION),
    ("promql expression", EXPRESSION),
    ("parse error", EXPRESSION),
    ("valid label name", NAME),
    ("invalid label name", NAME),
    ("invalid annotation name", NAME),
    ("is invalid 'target_label'", NAME),
    ("is invalid 'replacement'", "write the name of a label"),
    ("'replacement' can not be set", "remove it"),
    ("and no other fields", "remove the others"),
    ("non-zero modulus", "set modulus"),
    ("needs targetLabel", "set targetLabel"),
    // What is there twice, and what excludes each other.
    ("must also be configured", "set it too, or remove the other"),
    ("must not be configured", "remove one of the two"),
    ("at most one of", ALL_BUT_ONE),
    ("only one of", ALL_BUT_ONE),
    ("specify both", ALL_BUT_ONE),
    ("provide both", ALL_BUT_ONE),
    ("mutually exclusive", ALL_BUT_ONE),
    ("at the same time", ALL_BUT_ONE),
    ("simultaneously", ALL_BUT_ONE),
    ("not compatible with", ALL_BUT_ONE),
    ("duplicate", "keep one of them"),
    ("is not unique", "rename one"),
    ("is repeated in the same file", "rename one"),
    // What isn't there.
    (
        "in Prometheus scrapeClasses",
        "add it to spec.scrapeClasses of the workload, or name another one",
    ),
    (
        "time interval",
        "add it to the intervals of the object, or correct the name",
    ),
    (
        "undefined receiver",
        "add it to the receivers, or name another one",
    ),
    (
        "query endpoint to be specified",
        "set spec.queryConfig or spec.queryEndpoints",
    ),
    (
        "neither specified at global config",
        "set it here, or in spec.alertmanagerConfiguration.global of the Alertmanager",
    ),
    ("PEM", "put the certificate, or the key, into it in PEM"),
    (
        "malformed certificate",
        "put the certificate into it in PEM",
    ),
    ("match public key", "put the key of that certificate there"),
    ("one of '", "set one of them"),
    ("at least one of", "set one of them"),
    ("must provide", "set one of them"),
    ("mandatory field", "set it"),
    ("must be specified", "set it"),
    ("must be defined", "set it"),
    ("must be set", "set it"),
    ("is required", "set it"),
    ("are required", "set them"),
    ("must define", "set it"),
    ("requires a ", "set it"),
    ("cannot specify client cert without", "set both or none"),
    ("cannot specify client key without", "set both or none"),
    ("specified without client", "set both or none"),
    ("or neither", "set both or none"),
    // Numbers and choices.
    ("is above the enforced limit", "write no more than that"),
    ("is negative", "write 0 or more"),
    ("is none of", "write one of them"),
    ("expecting one of", "write one of them"),
    (
        "TLS version",
        "write a higher maxVersion or a lower minVersion",
    ),
    (
        "maxVersion must",
        "write a higher maxVersion or a lower minVersion",
    ),
    // Addresses.
    ("valid hostname", HOST),
    ("of the format `hostname`", HOST),
    ("missing port", "write host:port"),
    (
        "too many colons",
        "write host:port, and an IPv6 address in brackets",
    ),
    ("scheme", URL),
    ("missing host", URL),
    ("host is missing", URL),
    ("parse \"", URL),
    ("parse [REDACTED]", URL),
    // Selectors.
    (
        "label selector operator",
        "write In, NotIn, Exists or DoesNotExist",
    ),
    ("for 'in', 'notin' operators", "write at least one value"),
    ("must be empty for exists", "remove the values"),
    ("values set must be empty", "remove the values"),
    ("must consist of", "correct it"),
    // What may not be said.
    (
        "specification prohibits",
        "name a Secret instead of a file, or allow files in spec.arbitraryFSAccessThroughSMs of the Prometheus",
    ),
    (
        "already managed by the operator",
        "remove them, and set what they say in the spec",
    ),
    ("unknown field", "remove it"),
    (
        "not permitted on root route",
        "remove it, or move it into a route below",
    ),
    ("in root route", "remove it, or move it into a route below"),
    ("image reference", "correct the name of the image"),
    (
        "excessive aliasing",
        "write it out, without aliases of what has aliases",
    ),
    ("did not find expected", YAML),
    ("yaml: ", YAML),
    ("expected ", "write what is expected"),
    ("does not exist", CREATE),
    ("there is no ", CREATE),
    ("not found", CREATE),
];

const CREATE: &str = "create it, or name another one";
const LESS_OR_LONGER: &str = "write a shorter timeout or a longer interval";
const RAISE: &str = "remove it, or raise spec.version of the workload";
const EXPRESSION: &str = "correct the expression";
const NAME: &str = "write letters, digits and underscores, no digit first";
const ALL_BUT_ONE: &str = "remove all but one of them";
const HOST: &str = "write host:port without scheme and path";
const YAML: &str = "correct the YAML";
const URL: &str = "write a URL as in http://host:port/path";

/// What introduces a remedy that is said already.
const SAID: [&str; 6] = [
    "; ",
    ": set ",
    ": write ",
    ": name ",
    ": remove ",
    ": create ",
];

/// What to do about what these words say, if that is known and isn't said in them.
pub(crate) fn remedy(why: &str) -> Option<&'static str> {
    if SAID.iter().any(|said| why.contains(said)) {
        return None;
    }
    // What a user wrote stands in quotes, and says nothing about what is wrong.
    let words = unquoted(why);
    let mut cures = CURES.iter();
    let found =
        cures.find(|(what, _)| words.contains(what) || what.contains('"') && why.contains(what));
    found.map(|(_, cure)| *cure)
}

/// A text with its remedy.
pub(crate) fn with_remedy(why: String) -> String {
    let cure = remedy(&why);
    behind(why, cure)
}

/// A shortened text with the remedy of the whole.
pub(crate) fn remedied(short: String, why: &str) -> String {
    behind(short, remedy(why))
}

fn behind(why: String, cure: Option<&str>) -> String {
    match cure {
        Some(cure) => format!("{why}; {cure}"),
        None => why,
    }
}

/// A text without what stands in double quotes.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    let mut within = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if within => {
                chars.next();
            }
            '"' => within = !within,
            c if !within => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_what_to_do() {
        for (why, cure) in [
            (
                "endpoints[0]: metricRelabelConfigs: [0]: invalid regex a( for relabel configuration: error parsing regexp: missing closing )",
                Some(EXPRESSION),
            ),
            (
                "endpoints[0]: scrapeTimeout \"1m\" greater than scrapeInterval \"30s\"",
                Some(LESS_OR_LONGER),
            ),
            (
                "not a valid duration string: \"5\"",
                Some("write one as in 30s or 1m30s"),
            ),
            ("receiver \"nobody\" not found", Some(CREATE)),
            (
                "\"duration\" is not a valid label selector operator",
                Some("write In, NotIn, Exists or DoesNotExist"),
            ),
            (
                "uppercase relabel action is only supported from Prometheus version 2.36.0",
                Some("write another action, or raise spec.version of the workload"),
            ),
            (
                "parse \"http://a b/\": invalid character \" \" in host name",
                Some(URL),
            ),
            (
                "at most one of 'basicAuth', 'oauth2' and 'authorization' must be configured",
                Some(ALL_BUT_ONE),
            ),
            // It is said already.
            ("\"a\" is the name of two; rename one", None),
            ("username isn't set: name a Secret and a key", None),
            // Nobody knows.
            ("no", None),
        ] {
            assert_eq!(remedy(why), cure, "{why}");
        }
        assert_eq!(
            with_remedy("-1 is negative".to_owned()),
            "-1 is negative; write 0 or more"
        );
        assert_eq!(with_remedy("no".to_owned()), "no");
    }
}
