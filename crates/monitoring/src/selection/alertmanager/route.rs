//! Routes and time intervals, whatever the version.

use std::collections::BTreeSet;

use super::validate::ApiVersion;
use super::{Matcher, Refusal, Route};
use crate::api::alertmanager_config::MuteTimeInterval;
use crate::config::alertmanager::convert::child_routes;
use crate::config::alertmanager::interval;

/// Names that routes may refer to.
pub(super) struct Names<'a> {
    pub(super) receivers: BTreeSet<&'a str>,
    pub(super) intervals: BTreeSet<&'a str>,
    pub(super) api: ApiVersion,
}

impl Names<'_> {
    /// A route and those below it.
    pub(super) fn check(&self, route: &Route, root: bool) -> Result<(), Refusal> {
        let receiver = route.receiver.as_deref().unwrap_or_default();
        if receiver.is_empty() {
            if root {
                return Err("root route must define a receiver".to_owned());
            }
        } else if !self.receivers.contains(receiver) {
            return Err(format!("receiver {receiver:?} not found"));
        }
        check_groups(&route.group_by)?;
        let mute = match self.api {
            ApiVersion::V1alpha1 => "mute time interval",
            ApiVersion::V1beta1 => "time interval",
        };
        self.intervals(&route.mute_time_intervals, mute)?;
        self.intervals(&route.active_time_intervals, "time interval")?;
        for (index, matcher) in route.matchers.iter().enumerate() {
            check_matcher(matcher).map_err(|why| format!("matcher[{index}]: {why}"))?;
        }
        for (index, child) in child_routes(route)?.iter().enumerate() {
            self.check(child, false)
                .map_err(|why| format!("route[{index}]: {why}"))?;
        }
        Ok(())
    }

    fn intervals(&self, names: &[String], kind: &str) -> Result<(), Refusal> {
        let mut unknown = names
            .iter()
            .filter(|name| !self.intervals.contains(name.as_str()));
        match unknown.next() {
            Some(name) => Err(format!("{kind} {name:?} not found")),
            None => Ok(()),
        }
    }
}

fn check_groups(labels: &[String]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    let listed = || format!("[{}]", labels.join(" "));
    if labels.iter().any(|label| !seen.insert(label)) {
        return Err(format!(
            "duplicate values not permitted in route 'groupBy': {}",
            listed()
        ));
    }
    if labels.len() > 1 && labels.iter().any(|label| label == "...") {
        return Err(format!(
            "'...' must be a sole value in route 'groupBy': {}",
            listed()
        ));
    }
    Ok(())
}

/// A matcher that says how it compares.
pub(super) fn check_matcher(matcher: &Matcher) -> Result<(), Refusal> {
    let kind = matcher.match_type.as_deref().unwrap_or_default();
    if kind.is_empty() {
        return Ok(());
    }
    if !["=", "!=", "=~", "!~"].contains(&kind) {
        return Err(format!("invalid 'matchType' '{kind}' provided'"));
    }
    if matcher.name.trim().is_empty() {
        return Err("matcher 'name' is required".to_owned());
    }
    Ok(())
}

/// A named interval.
pub(super) fn check_interval(named: &MuteTimeInterval, api: ApiVersion) -> Result<(), Refusal> {
    let (kind, days) = match api {
        ApiVersion::V1alpha1 => ("mute time interval", "mute time interval is invalid - "),
        ApiVersion::V1beta1 => ("time interval", ""),
    };
    if named.name.is_empty() {
        return Err(format!("empty name field for {kind}"));
    }
    for (index, interval) in named.time_intervals.iter().enumerate() {
        let at = |part: &str, read: Result<(isize, isize), String>| {
            read.map(|_| ())
                .map_err(|why| format!("{part} range at {index} is invalid: {why}"))
        };
        for range in &interval.times {
            at("time", interval::times(range))?;
        }
        for range in &interval.weekdays {
            at("weekday", interval::weekdays(range))?;
        }
        for range in &interval.days_of_month {
            at(
                &format!("{days}day of month"),
                interval::days_of_month(range),
            )?;
        }
        for range in &interval.months {
            at("month", interval::months(range))?;
        }
        for range in &interval.years {
            at("year", interval::years(range))?;
        }
    }
    Ok(())
}
