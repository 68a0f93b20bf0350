//! Validation of batch/v1 (`pkg/apis/batch/validation`).

mod job;
mod policies;
mod status;

pub use job::{create as job_create, domain_path, update as job_update};
pub use status::status_update as job_status_update;

use super::common::not_negative;
use super::read::{At, Errors};
use super::{FieldError, meta};

/// A new CronJob; metadata is already checked.
pub fn cron_job_create(object: &At<'_>, errors: &mut Errors) {
    cron_job(&object.child("spec"), None, errors);
    let name = object.child("metadata").child("name");
    if name.text().len() > 52 {
        errors.push(name.invalid("must be no more than 52 characters"));
    }
}

/// An updated CronJob.
pub fn cron_job_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    cron_job(&new.child("spec"), Some(&old.child("spec")), errors);
}

fn cron_job(spec: &At<'_>, old: Option<&At<'_>>, errors: &mut Errors) {
    let (schedule, zone) = (spec.child("schedule"), spec.child("timeZone"));
    if schedule.is_empty() {
        errors.push(schedule.required(""));
    } else {
        if let Err(error) = crate::cron::parse(schedule.text()) {
            errors.push(schedule.invalid(error));
        }
        let zoned_before = old.is_some_and(|old| old.child("schedule").text().contains("TZ"));
        let zoned = schedule.text().contains("TZ");
        if zoned && zoned_before && zone.is_set() {
            errors.push(
                schedule.invalid("cannot use both timeZone field and TZ or CRON_TZ in schedule"),
            );
        } else if zoned && !zoned_before {
            errors.push(
                schedule
                    .invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
            );
        }
    }
    spec.child("startingDeadlineSeconds").not_negative(errors);
    if old.is_none_or(|old| old.child("timeZone").value() != zone.value()) {
        time_zone(&zone, errors);
    }
    spec.child("concurrencyPolicy")
        .one_of(&["Allow", "Forbid", "Replace"], errors);
    let job = spec.child("jobTemplate").child("spec");
    job::spec(&job, errors);
    let (selector, manual) = (job.child("selector"), job.child("manualSelector"));
    if selector.is_set() {
        errors.push(
            selector.invalid_struct("*metav1.LabelSelector", "`selector` will be auto-generated"),
        );
    }
    if manual.is_true() {
        errors.push(FieldError::not_supported(
            manual.path(),
            manual.value(),
            &["nil", "false"],
        ));
    }
    not_negative(
        spec,
        &["successfulJobsHistoryLimit", "failedJobsHistoryLimit"],
        errors,
    );
}

fn time_zone(zone: &At<'_>, errors: &mut Errors) {
    if !zone.is_set() {
        return;
    }
    let text = zone.text();
    if text.is_empty() {
        errors.push(zone.invalid("timeZone must be nil or non-empty string"));
        return;
    }
    let allowed = |part: &str| {
        (1..=14).contains(&part.len())
            && !part.starts_with('-')
            && part != "."
            && part != ".."
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte))
    };
    if !text.split('/').all(allowed) {
        errors.push(zone.invalid(format!("unknown time zone {text}")));
        return;
    }
    if text.eq_ignore_ascii_case("local") {
        let detail =
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        errors.push(zone.invalid(detail));
    }
    // As files of that name would be found, of which none is called like this in other letters.
    let known = jiff::tz::TimeZone::get(text)
        .is_ok_and(|found| matches!(text, "UTC" | "Local") || found.iana_name() == Some(text));
    if !known && text != "Local" {
        errors.push(zone.invalid(format!("unknown time zone {text}")));
    }
}
