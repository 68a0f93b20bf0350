//! Patterns of texts that occur in many places, as Prometheus Operator's definitions have them.

/// A duration of Prometheus: `1h30m`, 0 or empty.
pub const DURATION: &str =
    "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$";
/// A duration of Prometheus, without a bare 0.
pub const NON_EMPTY_DURATION: &str =
    "^(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?$";
/// A duration of Go, as Alertmanager's flags take it.
pub const GO_DURATION: &str = "^(0|(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$";
/// A number of bytes: `512MB`, `1.5GiB`.
pub const BYTE_SIZE: &str = "(^0|([0-9]*[.])?[0-9]+((K|M|G|T|E|P)i?)?B)$";
/// URL of a proxy.
pub const PROXY_URL: &str = "^(http|https|socks5)://.+$";
/// URL of a web page.
pub const HTTP_URL: &str = "^https?://.+$";
/// URL of a web page, as the receivers of remote calls spell the pattern.
pub const PLAIN_URL: &str = "^(http|https)://.+$";
/// `resource.Quantity`.
pub const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";
