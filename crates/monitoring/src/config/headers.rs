//! HTTP headers that clients of Prometheus and Alertmanager set themselves (`prometheus/common`, `config/headers.go`).

/// Their names, as Go writes them.
const RESERVED: [&str; 18] = [
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

/// The name of a header that nobody else may set, if this is one, whatever its case.
pub(crate) fn reserved(name: &str) -> Option<&'static str> {
    RESERVED
        .into_iter()
        .find(|reserved| reserved.eq_ignore_ascii_case(name))
}
