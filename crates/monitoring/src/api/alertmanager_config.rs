//! The kind AlertmanagerConfig: routes and inhibitions.

use serde_json::Value;

use super::common::{
    BasicAuth, OAuth2, ProxyConfig, SafeAuthorization, SafeTlsConfig, SecretKeySelector,
};
use super::patterns::DURATION;
use super::receiver::Receiver;
use super::schema::api_object;

api_object! {
    /// Routes, receivers and inhibitions that are merged into an Alertmanager's configuration.
    pub struct AlertmanagerConfigSpec {
        /// Alerts that mute others.
        "inhibitRules" inhibit_rules: Vec<InhibitRule> = {"x-kubernetes-list-type": "atomic"},
        /// Time intervals that routes refer to by name.
        "muteTimeIntervals" mute_time_intervals: Vec<MuteTimeInterval> = {"x-kubernetes-list-type": "atomic"},
        /// Receivers.
        "receivers" receivers: Vec<Receiver> = {"x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map"},
        /// The top route.
        "route" route: Option<Route>,
    }

    /// A node of the routing tree.
    pub struct Route {
        /// Names of the intervals in which the route is active.
        "activeTimeIntervals" active_time_intervals: Vec<String> = {"x-kubernetes-list-type": "set"},
        /// Whether later routes are tried after a match.
        "continue" r#continue: Option<bool>,
        /// Labels that alerts are grouped by.
        "groupBy" group_by: Vec<String> = {"x-kubernetes-list-type": "set"},
        /// Time between notifications of a group that changed.
        "groupInterval" group_interval: Option<String> = {"minLength": 1, "pattern": DURATION},
        /// How long a new group waits for more alerts.
        "groupWait" group_wait: Option<String> = {"minLength": 1, "pattern": DURATION},
        /// Matchers, all of which must hold.
        "matchers" matchers: Vec<Matcher> = {"x-kubernetes-list-type": "atomic"},
        /// Names of intervals in which the route is mute.
        "muteTimeIntervals" mute_time_intervals: Vec<String> = {"x-kubernetes-list-type": "set"},
        /// Name of the receiver.
        "receiver" receiver: Option<String>,
        /// Time between repeated notifications.
        "repeatInterval" repeat_interval: Option<String> = {"minLength": 1, "pattern": DURATION},
        /// Child routes.
        "routes" routes: Vec<Value> = {"x-kubernetes-list-type": "atomic"},
    }

    /// Alerts that mute others.
    pub struct InhibitRule {
        /// Labels that must be equal on both sides.
        "equal" equal: Vec<String> = {"x-kubernetes-list-type": "atomic"},
        /// Matchers of the alerts that mute.
        "sourceMatch" source_match: Vec<Matcher> = {"x-kubernetes-list-type": "atomic"},
        /// Matchers of the alerts that are muted.
        "targetMatch" target_match: Vec<Matcher> = {"x-kubernetes-list-type": "atomic"},
    }

    /// A condition on a label.
    pub struct Matcher {
        /// How the value is compared.
        "matchType" match_type: Option<String> = {"enum": ["!=", "=", "=~", "!~"]},
        /// Label.
        required "name" name: String = {"minLength": 1},
        /// Deprecated: use matchType.
        "regex" regex: Option<bool>,
        /// Value.
        "value" value: Option<String>,
    }

    /// A named set of time intervals.
    pub struct MuteTimeInterval {
        /// Name.
        required "name" name: String,
        /// When it holds.
        "timeIntervals" time_intervals: Vec<TimeInterval> = {"x-kubernetes-list-type": "atomic"},
    }

    /// A time interval; all its parts must hold.
    pub struct TimeInterval {
        /// Days of the month; negative ones count from its end.
        "daysOfMonth" days_of_month: Vec<DayOfMonthRange> = {"x-kubernetes-list-type": "atomic"},
        /// Months.
        "months" months: Vec<String> = {"items": {"pattern": "^((?i)january|february|march|april|may|june|july|august|september|october|november|december|1[0-2]|[1-9])(?:((:((?i)january|february|march|april|may|june|july|august|september|october|november|december|1[0-2]|[1-9]))$)|$)"}, "x-kubernetes-list-type": "atomic"},
        /// Times of the day.
        "times" times: Vec<TimeRange> = {"x-kubernetes-list-type": "atomic"},
        /// Days of the week.
        "weekdays" weekdays: Vec<String> = {"items": {"pattern": "^((?i)sun|mon|tues|wednes|thurs|fri|satur)day(?:((:(sun|mon|tues|wednes|thurs|fri|satur)day)$)|$)"}, "x-kubernetes-list-type": "atomic"},
        /// Years.
        "years" years: Vec<String> = {"items": {"pattern": r"^2\d{3}(?::2\d{3}|$)"}, "x-kubernetes-list-type": "atomic"},
    }

    /// Days of a month.
    pub struct DayOfMonthRange {
        /// Last day.
        "end" end: Option<isize> = {"maximum": 31, "minimum": -31},
        /// First day.
        "start" start: Option<isize> = {"maximum": 31, "minimum": -31},
    }

    /// A part of a day.
    pub struct TimeRange {
        /// End, not included.
        "endTime" end_time: Option<String> = {"pattern": "^((([01][0-9])|(2[0-3])):[0-5][0-9])$|(^24:00$)"},
        /// Start.
        "startTime" start_time: Option<String> = {"pattern": "^((([01][0-9])|(2[0-3])):[0-5][0-9])$|(^24:00$)"},
    }

    /// An HTTP client of Alertmanager.
    pub struct HttpConfig {
        /// Authorization header.
        "authorization" authorization: Option<SafeAuthorization>,
        /// HTTP basic authentication.
        "basicAuth" basic_auth: Option<BasicAuth>,
        /// Deprecated: use authorization. Secret key with the token.
        "bearerTokenSecret" bearer_token_secret: Option<SecretKeySelector>,
        /// Whether HTTP/2 may be used.
        "enableHttp2" enable_http2: Option<bool>,
        /// Whether redirects are followed.
        "followRedirects" follow_redirects: Option<bool>,
        /// OAuth 2 client credentials.
        "oauth2" oauth2: Option<OAuth2>,
        /// Deprecated: use proxyUrl.
        "proxyURL" proxy_url: Option<String>,
        /// TLS.
        "tlsConfig" tls_config: Option<SafeTlsConfig>,
        ; /// The way to a proxy.
        inline proxy: ProxyConfig
    }

    /// A key and its value.
    pub struct KeyValue {
        /// Key.
        required "key" key: String = {"minLength": 1},
        /// Value.
        required "value" value: String,
    }
}
