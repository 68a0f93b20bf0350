//! What Prometheus says about its last reload, and what follows from two such answers.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

/// Prometheus counts seconds.
const SECOND: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

/// State of the configuration that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RuntimeInfo {
    /// Whether the last reload succeeded.
    pub(super) success: bool,
    /// When one last did, in seconds.
    pub(super) time: Timestamp,
}

/// What became of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It succeeded.
    Done,
    /// It failed.
    Failed,
    /// Nothing is to be seen of it yet.
    Wait,
}

impl RuntimeInfo {
    /// From the body of `/api/v1/status/runtimeinfo`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            status: String,
            data: Option<Data>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            reload_config_success: bool,
            last_config_time: String,
        }
        let invalid = |error: &dyn std::fmt::Display| format!("invalid response: {error}");
        let body: Body = serde_json::from_slice(body).map_err(|error| invalid(&error))?;
        match body.data {
            Some(data) if body.status == "success" => Ok(Self {
                success: data.reload_config_success,
                time: data
                    .last_config_time
                    .parse()
                    .map_err(|error: jiff::Error| invalid(&error))?,
            }),
            _ => Err(format!("unexpected status: {}", body.status)),
        }
    }

    /// How long to wait until a success would have another time than this.
    pub(super) fn indistinct(self, now: Timestamp) -> Duration {
        let passed = now.duration_since(self.time);
        // A time to come is another clock's: waiting for it could take for ever.
        if passed.is_negative() {
            return Duration::ZERO;
        }
        Duration::try_from(SECOND.saturating_sub(passed)).unwrap_or_default()
    }

    /// What `after` tells of a reload that was asked for in between. A failure after a failure looks like none at all.
    pub(super) fn then(self, after: Self) -> Verdict {
        match (self.success, after.success) {
            (_, true) if after.time > self.time => Verdict::Done,
            (true, false) => Verdict::Failed,
            (_, true) | (false, false) => Verdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(success: bool, second: i64) -> RuntimeInfo {
        let time = Timestamp::from_second(second).unwrap();
        RuntimeInfo { success, time }
    }

    #[test]
    fn only_a_later_success_is_one() {
        let good = info(true, 100);
        assert_eq!(good.then(info(true, 101)), Verdict::Done);
        assert_eq!(good.then(good), Verdict::Wait);
        assert_eq!(good.then(info(false, 100)), Verdict::Failed);
        let bad = info(false, 100);
        assert_eq!(bad.then(bad), Verdict::Wait);
        assert_eq!(bad.then(info(true, 101)), Verdict::Done);
    }

    #[test]
    fn a_second_must_pass_between_two_reloads() {
        let last = info(true, 100);
        let at = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
        assert_eq!(last.indistinct(at(100_250)), Duration::from_millis(750));
        assert_eq!(last.indistinct(at(101_000)), Duration::ZERO);
        assert_eq!(last.indistinct(at(500_000)), Duration::ZERO);
        assert_eq!(last.indistinct(at(99_000)), Duration::ZERO);
    }

    #[test]
    fn answers_are_read() {
        let body = br#"{"status":"success","data":{"startTime":"2026-01-01T00:00:00Z","reloadConfigSuccess":true,"lastConfigTime":"1970-01-01T01:01:40+01:00"}}"#;
        assert_eq!(RuntimeInfo::parse(body), Ok(info(true, 100)));
        for (body, text) in [
            (&b"<html>"[..], "invalid response: "),
            (br#"{"status":"error"}"#, "unexpected status: error"),
            (br#"{"status":"success","data":{}}"#, "invalid response: "),
        ] {
            let error = RuntimeInfo::parse(body).unwrap_err();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
