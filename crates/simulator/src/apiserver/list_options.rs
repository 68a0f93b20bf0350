//! Options of lists and watches (`apimachinery/pkg/apis/meta/internalversion/validation`).

use jiff::{SignedDuration, Timestamp};
use machinery::builtin::validation::FieldError;
use machinery::decode::quote;
use machinery::go_number::parse_uint;

use super::options::{boolean, invalid, number};
use crate::request::{Reply, Request};
use crate::status_error::{ApiError, Cause, Details};

/// `resourceVersionMatch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// Not given.
    Unset,
    /// Not older than the given revision.
    NotOlderThan,
    /// Exactly the given revision.
    Exact,
}

/// Options of a list or watch.
#[derive(Debug, Clone)]
pub(crate) struct ListOptions {
    /// The request is a watch.
    pub watch: bool,
    /// `None` if unset.
    pub resource_version: Option<u64>,
    /// How to read it.
    pub version_match: Match,
    /// Items per chunk; 0 for all.
    pub limit: usize,
    /// Continue token, or empty.
    pub token: String,
    /// Send bookmarks.
    pub bookmarks: bool,
    /// Stream the initial list; `None` if unset.
    pub initial_events: Option<bool>,
    /// Seconds after which a watch ends.
    pub timeout: Option<i64>,
}

fn parse_version(text: &str, watch: bool) -> Result<u64, ApiError> {
    parse_uint(text).map_err(|why| {
        let cause = format!("resourceVersion: Invalid value: {}: {why}", quote(text));
        if watch {
            ApiError::internal(cause)
        } else {
            ApiError::bad_request(format!("invalid resource version: {cause}"))
        }
    })
}

/// Checks which options go together; selectors are looked at after it, and revisions after those.
pub(crate) fn check_list_options(request: &Request) -> Result<(), ApiError> {
    let text = |name: &str| request.query_value(name).unwrap_or_default();
    let (version, matching) = (text("resourceVersion"), text("resourceVersionMatch"));
    let (token, initial_events) = (text("continue"), boolean(request, "sendInitialEvents"));
    number(request, "limit")?;
    number(request, "timeoutSeconds")?;
    let errors = if boolean(request, "watch").unwrap_or(false) {
        watch_errors(version, matching, token, initial_events)
    } else {
        list_errors(version, matching, token, initial_events)
    };
    if errors.is_empty() {
        Ok(())
    } else {
        Err(invalid("ListOptions", &errors))
    }
}

/// Checks and reads the options of a list or watch.
pub(crate) fn list_options(request: &Request) -> Result<ListOptions, ApiError> {
    check_list_options(request)?;
    let watch = boolean(request, "watch").unwrap_or(false);
    let limit = number(request, "limit")?.unwrap_or(0);
    let timeout = number(request, "timeoutSeconds")?;
    let version = request.query_value("resourceVersion").unwrap_or_default();
    let matching = request
        .query_value("resourceVersionMatch")
        .unwrap_or_default();
    let token = request.query_value("continue").unwrap_or_default();
    let mut initial_events = boolean(request, "sendInitialEvents");
    if !watch && !token.is_empty() && !matches!(version, "" | "0") {
        return Err(ApiError::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    let mut version_match = match matching {
        "NotOlderThan" => Match::NotOlderThan,
        "Exact" => Match::Exact,
        _ => Match::Unset,
    };
    // `SetListOptionsDefaults`: a watch that begins with the state is a streaming list.
    if watch && initial_events.is_none() && matches!(version, "" | "0") {
        initial_events = Some(true);
        version_match = Match::NotOlderThan;
    }
    Ok(ListOptions {
        watch,
        resource_version: if version.is_empty() {
            None
        } else {
            Some(parse_version(version, watch)?)
        },
        version_match,
        limit: usize::try_from(limit).unwrap_or(0),
        token: token.to_owned(),
        bookmarks: boolean(request, "allowWatchBookmarks").unwrap_or(false),
        initial_events,
        timeout: timeout.filter(|seconds| *seconds > 0),
    })
}

const FIELD: &str = "resourceVersionMatch";

fn list_errors(
    version: &str,
    matching: &str,
    token: &str,
    initial_events: Option<bool>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if !matching.is_empty() {
        if version.is_empty() {
            errors.push(FieldError::forbidden(
                FIELD,
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        if !token.is_empty() {
            errors.push(FieldError::forbidden(
                FIELD,
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
        if !matches!(matching, "Exact" | "NotOlderThan") {
            errors.push(FieldError::not_supported(
                FIELD,
                matching,
                &["Exact", "NotOlderThan", ""],
            ));
        }
        if matching == "Exact" && version == "0" {
            errors.push(FieldError::forbidden(
                FIELD,
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ));
        }
    }
    if initial_events.is_some() {
        errors.push(FieldError::forbidden(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ));
    }
    errors
}

fn watch_errors(
    version: &str,
    matching: &str,
    token: &str,
    initial_events: Option<bool>,
) -> Vec<FieldError> {
    // `SetListOptionsDefaults` comes first.
    let streams = initial_events.is_none() && matching.is_empty() && matches!(version, "" | "0");
    let (matching, initial_events) = if streams {
        ("NotOlderThan", Some(true))
    } else {
        (matching, initial_events)
    };
    let mut errors = Vec::new();
    let mut forbid = |text: &str| errors.push(FieldError::forbidden(FIELD, text));
    if initial_events.is_some() && matching != "NotOlderThan" {
        forbid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if matching.is_empty() {
        return errors;
    }
    if initial_events.is_none() {
        forbid("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    if matching != "NotOlderThan" {
        let known = ["NotOlderThan"];
        errors.push(FieldError::not_supported(FIELD, matching, &known));
    }
    if !token.is_empty() {
        let text = "resourceVersionMatch is forbidden when continue is provided";
        errors.push(FieldError::forbidden(FIELD, text));
    }
    errors
}

/// 504: that revision is not there yet.
pub(crate) fn too_large(asked: u64, current: u64) -> ApiError {
    let cause = Cause {
        reason: "ResourceVersionTooLarge".to_owned(),
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    let details = Details {
        causes: vec![cause],
        retry_after_seconds: 1,
        ..Details::default()
    };
    let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
    ApiError::new(504, "Timeout", message, Some(details)).with_retry_header()
}

/// Seconds a read waits for a revision to come.
const WAIT_SECONDS: i64 = 3;

/// The reply to a read at a future revision: the same request again after three seconds, then 504.
pub(crate) fn later(request: &Request, error: &ApiError, now: Timestamp) -> Reply {
    let at = now
        .checked_add(SignedDuration::from_secs(WAIT_SECONDS))
        .unwrap_or(Timestamp::MAX);
    Reply::Later {
        at,
        last: super::reply::error_response(request, error, &[]),
    }
}

#[test]
fn each_option_that_a_watch_may_not_have_is_told() {
    let told = |version, matching, token, initial_events| {
        let errors = watch_errors(version, matching, token, initial_events);
        errors
            .into_iter()
            .map(|error| error.to_string())
            .collect::<Vec<_>>()
    };
    let alone = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
    let unknown =
        "resourceVersionMatch: Unsupported value: \"Exact\": supported values: \"NotOlderThan\"";
    let token = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided";
    let needs = "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    assert_eq!(told("5", "Exact", "", None), [alone, unknown]);
    assert_eq!(told("5", "NotOlderThan", "t", None), [alone, token]);
    assert_eq!(
        told("5", "Exact", "t", Some(false)),
        [needs, unknown, token]
    );
    assert_eq!(told("", "", "t", None), [token]);
    assert_eq!(told("5", "", "t", None), [""; 0]);
}
