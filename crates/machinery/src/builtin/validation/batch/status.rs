//! Updates of a Job's status: finished Jobs stay finished, and say when and why.

use crate::builtin::validation::common::not_negative;
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::{BadValue, meta};

/// The status of a condition, `""` where there is none.
pub fn condition<'a>(status: &At<'a>, kind: &str) -> &'a str {
    let found = status
        .child("conditions")
        .items()
        .into_iter()
        .find(|condition| condition.child("type").text() == kind);
    found.map_or("", |condition| condition.child("status").text())
}

/// The conditions of a Job that hold.
struct State<'a>(Vec<&'a str>);

impl<'a> State<'a> {
    fn of(status: &At<'a>) -> Self {
        let conditions = status.child("conditions").items();
        let holding = conditions
            .iter()
            .filter(|condition| condition.child("status").text() == "True");
        Self(
            holding
                .map(|condition| condition.child("type").text())
                .collect(),
        )
    }

    fn has(&self, kind: &str) -> bool {
        self.0.contains(&kind)
    }

    fn complete(&self) -> bool {
        self.has("Complete")
    }

    fn failed(&self) -> bool {
        self.has("Failed")
    }

    fn target(&self) -> bool {
        self.has("FailureTarget")
    }

    fn criteria(&self) -> bool {
        self.has("SuccessCriteriaMet")
    }

    fn finished(&self) -> bool {
        self.complete() || self.failed()
    }
}

/// An update through `/status`. Rules about a field apply when it changes.
pub fn status_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    let (status, before) = (new.child("status"), old.child("status"));
    not_negative(
        &status,
        &["active", "succeeded", "failed", "ready", "terminating"],
        errors,
    );
    let (state, old_state) = (State::of(&status), State::of(&before));
    conditions(&status, &state, &old_state, errors);
    times(new, &status, &before, &state, &old_state, errors);
    finished(new, &status, &before, &state, &old_state, errors);
    indexes_of(new, &status, &before, errors);
    transitions(new, &status, &before, &state, &old_state, errors);
}

fn wrong_conditions(status: &At<'_>, detail: &str, errors: &mut Errors) {
    errors.push(
        status
            .child("conditions")
            .invalid_as(BadValue::Omitted, detail),
    );
}

fn conditions(status: &At<'_>, state: &State<'_>, old: &State<'_>, errors: &mut Errors) {
    let complete = state.complete() != old.complete();
    let failed = state.failed() != old.failed();
    let rules = [
        (
            complete || failed,
            state.complete() && state.failed(),
            "cannot set Complete=True and Failed=true conditions",
        ),
        (
            complete || state.target() != old.target(),
            state.complete() && state.target(),
            "cannot set Complete=True and FailureTarget=true conditions",
        ),
        (
            failed,
            state.failed() && !state.target(),
            "cannot set Failed=True condition without the FailureTarget=true condition",
        ),
        (
            complete || state.criteria() != old.criteria(),
            state.complete() && !state.criteria(),
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (
            true,
            state.criteria() && state.failed(),
            "cannot set SuccessCriteriaMet=True and Failed=true conditions",
        ),
        (
            true,
            state.criteria() && state.target(),
            "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
        ),
    ];
    for (applies, wrong, detail) in rules {
        if applies && wrong {
            wrong_conditions(status, detail, errors);
        }
    }
}

fn times(
    job: &At<'_>,
    status: &At<'_>,
    old: &At<'_>,
    state: &State<'_>,
    before: &State<'_>,
    errors: &mut Errors,
) {
    let (start, completion) = (status.child("startTime"), status.child("completionTime"));
    let start_changed = start.value() != old.child("startTime").value();
    let completion_changed = completion.value() != old.child("completionTime").value();
    if state.complete() != before.complete() || completion_changed {
        if completion.is_set() && !state.complete() {
            errors.push(completion.invalid_as(
                completion.dump("*time"),
                "cannot set completionTime when there is no Complete=True condition",
            ));
        }
        if !completion.is_set() && state.complete() {
            errors.push(completion.required("completionTime is required for Complete jobs"));
        }
    }
    let ordered = !(start.is_set() && completion.is_set()) || completion.text() >= start.text();
    if (start_changed || completion_changed) && !ordered {
        errors.push(completion.invalid_as(
            completion.dump("*time"),
            "must be equal to or after `startTime`",
        ));
    }
    let spec = job.child("spec");
    let nothing = spec.child("suspend").is_true()
        && spec.child("completions").is_set()
        && spec.child("completions").int() == 0;
    let start_matters = (state.finished() != before.finished() || start_changed) && !nothing;
    if start_matters && !start.is_set() && state.finished() {
        errors.push(start.required("startTime is required for finished job"));
    }
}

fn finished(
    job: &At<'_>,
    status: &At<'_>,
    old: &At<'_>,
    state: &State<'_>,
    before: &State<'_>,
    errors: &mut Errors,
) {
    let changed = |key: &str| status.child(key).value() != old.child(key).value();
    let turned = state.finished() != before.finished();
    let active = status.child("active");
    if (turned || changed("active")) && state.finished() && active.int() > 0 {
        errors.push(active.invalid("active>0 is invalid for finished job"));
    }
    let uncounted = status.child("uncountedTerminatedPods");
    let some = !uncounted.child("failed").is_empty() || !uncounted.child("succeeded").is_empty();
    if (turned || changed("uncountedTerminatedPods")) && state.finished() && some {
        errors.push(uncounted.invalid_struct(
            "*batch.UncountedTerminatedPods",
            "must be empty for finished job",
        ));
    }
    let terminating = status.child("terminating");
    if (turned || changed("terminating")) && state.finished() && terminating.int() > 0 {
        errors.push(terminating.invalid("terminating>0 is invalid for finished job"));
    }
    let ready = status.child("ready");
    if (changed("ready") || changed("active")) && ready.is_set() && ready.int() > active.int() {
        errors.push(ready.invalid("cannot set more ready pods than active"));
    }
    let policy = job.child("spec").child("successPolicy").is_set();
    if policy && !state.criteria() && state.complete() {
        let detail =
            "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True";
        wrong_conditions(status, detail, errors);
    }
}

fn indexes_of(job: &At<'_>, status: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let spec = job.child("spec");
    let completions = spec.child("completions");
    let (completed, failed) = (
        status.child("completedIndexes"),
        status.child("failedIndexes"),
    );
    if completed.value() != old.child("completedIndexes").value() {
        if completions.is_set()
            && let Err(error) = indexes(completed.text(), completions.int())
        {
            errors.push(completed.invalid_as(
                completed.text(),
                format!("error parsing completedIndexes: {error}"),
            ));
        }
        if !completed.is_empty() && spec.child("completionMode").text() != "Indexed" {
            errors.push(
                completed.invalid(
                    "cannot set non-empty completedIndexes when non-indexed completion mode",
                ),
            );
        }
    }
    if failed.value() != old.child("failedIndexes").value() {
        let per_index = spec.child("backoffLimitPerIndex").is_set();
        if completions.is_set()
            && per_index
            && failed.is_set()
            && let Err(error) = indexes(failed.text(), completions.int())
        {
            errors.push(failed.invalid(format!("error parsing failedIndexes: {error}")));
        }
        if !per_index && failed.is_set() {
            errors
                .push(failed.invalid(
                    "cannot set non-null failedIndexes when backoffLimitPerIndex is null",
                ));
        }
    }
}

fn transitions(
    job: &At<'_>,
    status: &At<'_>,
    old: &At<'_>,
    state: &State<'_>,
    before: &State<'_>,
    errors: &mut Errors,
) {
    for (kind, was, is) in [
        ("Failed", before.failed(), state.failed()),
        ("Complete", before.complete(), state.complete()),
        ("FailureTarget", before.target(), state.target()),
    ] {
        if was && !is {
            wrong_conditions(
                status,
                &format!("cannot disable the terminal {kind}=True condition"),
                errors,
            );
        }
    }
    let spec = job.child("spec");
    let elastic = spec.child("completionMode").text() == "Indexed"
        && spec.child("completions").value() == spec.child("parallelism").value();
    let shrinks = |key: &str| status.child(key).int() < old.child(key).int();
    if shrinks("failed") {
        let failed = status.child("failed");
        errors.push(failed.invalid_as(failed.int(), "cannot decrease the failed counter"));
    }
    if shrinks("succeeded") && !elastic {
        let succeeded = status.child("succeeded");
        errors.push(succeeded.invalid_as(succeeded.int(), "cannot decrease the succeeded counter"));
    }
    fixed_times(job, status, old, errors);
    if before.criteria() && !state.criteria() {
        wrong_conditions(
            status,
            "cannot disable the SuccessCriteriaMet=True condition",
            errors,
        );
    }
    if before.complete() && !before.criteria() && state.criteria() {
        let detail =
            "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
        wrong_conditions(status, detail, errors);
    }
}

fn fixed_times(job: &At<'_>, status: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let (completion, old_completion) =
        (status.child("completionTime"), old.child("completionTime"));
    if completion.is_set()
        && old_completion.is_set()
        && completion.value() != old_completion.value()
    {
        errors.push(completion.invalid_as(completion.dump("*time"), "field is immutable"));
    }
    let (start, old_start) = (status.child("startTime"), old.child("startTime"));
    let resuming =
        condition(old, "Suspended") == "True" && condition(status, "Suspended") == "False";
    if old_start.is_set()
        && start.value() != old_start.value()
        && !resuming
        && !job.child("spec").child("suspend").is_true()
    {
        let detail = "field is immutable for unsuspended job once set";
        errors.push(start.invalid_as(start.dump("*time"), detail));
    }
}

/// The number of indexes in a list such as `1,3-5,7`; all must be below `completions` and grow.
pub fn indexes(text: &str, completions: i64) -> Result<i64, String> {
    let (mut total, mut last) = (0, None);
    for interval in text.split(',').filter(|_| !text.is_empty()) {
        let limits: Vec<&str> = interval.split('-').collect();
        let (low, high) = match limits.as_slice() {
            [low] => (index(low, completions)?, None),
            [low, high] => (index(low, completions)?, Some(index(high, completions)?)),
            _ => {
                return Err(format!(
                    "the fragment {interval:?} violates the requirement that an index interval can have at most two parts separated by '-'"
                ));
            }
        };
        let high = match high {
            Some(high) if low >= high => {
                return Err(format!(
                    "non-increasing order, previous: {low}, current: {high}"
                ));
            }
            Some(high) => high,
            None => low,
        };
        if let Some(last) = last.filter(|last| *last >= low) {
            return Err(format!(
                "non-increasing order, previous: {last}, current: {low}"
            ));
        }
        total += high - low + 1;
        last = Some(high);
    }
    Ok(total)
}

fn index(text: &str, completions: i64) -> Result<i64, String> {
    let number = text
        .parse::<i64>()
        .map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
    if number >= completions {
        Err(format!("too large index: {text:?}"))
    } else {
        Ok(number)
    }
}
