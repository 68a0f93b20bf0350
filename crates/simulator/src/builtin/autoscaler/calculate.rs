//! How many replicas a metric asks for. Mirrors `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::metrics::{ResourceOf, Samples, request_of};
use crate::builtin::object::{self, text, time};
use crate::builtin::pod::is_ready;

/// Seconds after its start in which a pod's CPU counts only once it is ready.
const INITIALISATION: i64 = 300;
/// Seconds after its start within which becoming unready means never having been ready.
const INITIAL_READINESS: i64 = 30;
/// Seconds a sample is taken over.
const WINDOW: i64 = 15;

const NO_METRICS: &str = "did not receive metrics for targeted pods (pods might be unready)";
const NO_PODS: &str = "no pods returned by selector while calculating replica count";

/// How far usage may be from its target without consequence, as a part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tolerances {
    /// Below.
    pub(crate) down: f64,
    /// Above.
    pub(crate) up: f64,
}

impl Tolerances {
    fn covers(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// What all calculations look at.
pub(crate) struct Scene<'a> {
    /// The pods of the target.
    pub(crate) pods: &'a [Arc<Value>],
    /// Replicas the target wants now.
    pub(crate) current: i64,
    /// Replicas the target says it has.
    pub(crate) observed: i64,
    /// How much is too little to act.
    pub(crate) tolerances: Tolerances,
    /// The time.
    pub(crate) now: Timestamp,
}

/// Cuts the fraction off; beyond the range of replicas, its end.
#[expect(clippy::cast_possible_truncation, reason = "it was brought into range")]
pub(crate) fn whole(value: f64) -> i64 {
    value.clamp(0.0, f64::from(i32::MAX)) as i64
}

fn ceil(value: f64) -> i64 {
    whole(value.ceil())
}

/// A number as upstream calculates with it.
#[expect(
    clippy::cast_precision_loss,
    reason = "ratios are approximate, as upstream's are"
)]
pub(crate) fn real(value: i64) -> f64 {
    value as f64
}

fn length<T>(of: &BTreeMap<String, T>) -> i64 {
    i64::try_from(of.len()).unwrap_or(i64::MAX)
}

#[derive(Default)]
struct Groups {
    ready: i64,
    unready: BTreeSet<String>,
    missing: BTreeSet<String>,
    ignored: BTreeSet<String>,
}

/// Sorts pods into those whose samples count and three kinds of others.
fn group(scene: &Scene<'_>, samples: &Samples, cpu: bool) -> Groups {
    let mut groups = Groups::default();
    for pod in scene.pods {
        let name = object::name(pod).to_owned();
        let phase = text(pod, "/status/phase");
        if object::is_terminating(pod) || phase == "Failed" {
            groups.ignored.insert(name);
        } else if phase == "Pending" {
            groups.unready.insert(name);
        } else if !samples.contains_key(&name) {
            groups.missing.insert(name);
        } else if cpu && is_starting(pod, scene.now) {
            groups.unready.insert(name);
        } else {
            groups.ready += 1;
        }
    }
    groups
}

/// Whether the CPU of a pod says nothing yet: it isn't ready, or its sample is from before it was.
fn is_starting(pod: &Value, now: Timestamp) -> bool {
    let ready = object::condition(pod, "Ready");
    let (Some(ready), Some(start)) = (ready, time(pod, "/status/startTime")) else {
        return true;
    };
    let since = time(ready, "/lastTransitionTime").unwrap_or(Timestamp::UNIX_EPOCH);
    let unready = text(ready, "/status") == "False";
    if object::seconds_after(start, INITIALISATION) > now {
        unready || now < object::seconds_after(since, WINDOW)
    } else {
        unready && object::seconds_after(start, INITIAL_READINESS) > since
    }
}

/// The common part: `ratio` answers usage by target for some samples, and what to report of them; `fallback` is what a pod without
/// a sample is taken for when the target shrinks.
fn replicas<T>(
    scene: &Scene<'_>,
    mut samples: Samples,
    cpu: bool,
    fallback: impl Fn(&str) -> i64,
    ratio: impl Fn(&Samples) -> Result<(f64, T), String>,
) -> Result<(i64, T), String> {
    if scene.pods.is_empty() {
        return Err(NO_PODS.to_owned());
    }
    let groups = group(scene, &samples, cpu);
    samples.retain(|name, _| !groups.ignored.contains(name) && !groups.unready.contains(name));
    if samples.is_empty() {
        return Err(NO_METRICS.to_owned());
    }
    let (usage, report) = ratio(&samples)?;
    let grows_with_unready = !groups.unready.is_empty() && usage > 1.0;
    if !grows_with_unready && groups.missing.is_empty() {
        if scene.tolerances.covers(usage) {
            return Ok((scene.current, report));
        }
        return Ok((ceil(usage * real(groups.ready)), report));
    }
    for name in &groups.missing {
        if usage < 1.0 {
            samples.insert(name.clone(), fallback(name));
        } else if usage > 1.0 {
            samples.insert(name.clone(), 0);
        }
    }
    if grows_with_unready {
        samples.extend(groups.unready.iter().map(|name| (name.clone(), 0)));
    }
    let (corrected, _) = ratio(&samples)?;
    let turned = (usage < 1.0 && corrected > 1.0) || (usage > 1.0 && corrected < 1.0);
    if scene.tolerances.covers(corrected) || turned {
        return Ok((scene.current, report));
    }
    let wanted = ceil(corrected * real(length(&samples)));
    let against =
        (corrected < 1.0 && wanted > scene.current) || (corrected > 1.0 && wanted < scene.current);
    Ok((if against { scene.current } else { wanted }, report))
}

/// For a target of usage per pod, in thousandths. Returns replicas and the average usage.
pub(crate) fn by_average(
    scene: &Scene<'_>,
    samples: Samples,
    target: i64,
    cpu: bool,
) -> Result<(i64, i64), String> {
    replicas(
        scene,
        samples,
        cpu,
        |_| target,
        |samples| {
            let average = samples.values().sum::<i64>() / length(samples).max(1);
            Ok((real(average) / real(target), average))
        },
    )
}

/// For a target in percent of what pods request. Returns replicas, the percentage and the average usage in thousandths.
pub(crate) fn by_utilisation(
    scene: &Scene<'_>,
    samples: Samples,
    target: i64,
    of: ResourceOf<'_>,
) -> Result<(i64, (i64, i64)), String> {
    let requests: Result<BTreeMap<String, i64>, String> = scene
        .pods
        .iter()
        .map(|pod| Ok((object::name(pod).to_owned(), request_of(pod, of)?)))
        .collect();
    let request = |name: &str| {
        let known = requests.as_ref().ok().and_then(|all| all.get(name));
        known.copied().unwrap_or(0)
    };
    let fallback = |name: &str| request(name).saturating_mul(target.max(100)) / 100;
    replicas(scene, samples, of.resource == "cpu", fallback, |samples| {
        let requests = requests.as_ref().map_err(Clone::clone)?;
        let known = || {
            samples
                .iter()
                .filter(|(name, _)| requests.contains_key(*name))
        };
        let usage: i64 = known().map(|(_, value)| value).sum();
        let wanted: i64 = known().map(|(name, _)| request(name)).sum();
        let entries = i64::try_from(known().count()).unwrap_or(i64::MAX);
        if wanted == 0 {
            return Err("no metrics returned matched known pods".to_owned());
        }
        let percent = usage.saturating_mul(100) / wanted;
        Ok((
            real(percent) / real(target),
            (percent, usage / entries.max(1)),
        ))
    })
}

/// For a target of one value, in thousandths.
pub(crate) fn by_value(scene: &Scene<'_>, usage: i64, target: i64) -> Result<i64, String> {
    let ratio = real(usage) / real(target);
    if scene.current == 0 {
        return Ok(ceil(ratio));
    }
    if scene.tolerances.covers(ratio) {
        return Ok(scene.current);
    }
    if scene.pods.is_empty() {
        return Err(format!("unable to calculate ready pods: {NO_PODS}"));
    }
    let ready = scene
        .pods
        .iter()
        .filter(|pod| text(pod, "/status/phase") == "Running" && is_ready(pod));
    let ready = i64::try_from(ready.count()).unwrap_or(i64::MAX);
    Ok(ceil(ratio * real(ready)))
}

/// For a target of one value divided by the replicas, in thousandths. Returns replicas and the value per replica.
pub(crate) fn by_share(scene: &Scene<'_>, usage: i64, target: i64) -> (i64, i64) {
    let ratio = real(usage) / (real(target) * real(scene.observed));
    let wanted = if scene.tolerances.covers(ratio) {
        scene.observed
    } else {
        ceil(real(usage) / real(target))
    };
    let share = if scene.observed == 0 {
        i64::MAX
    } else {
        usage.div_euclid(scene.observed) + i64::from(usage.rem_euclid(scene.observed) != 0)
    };
    (wanted, share)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2030-01-01T01:00:00Z".parse().unwrap()
    }

    fn pod(name: &str, phase: &str, ready: &str) -> Arc<Value> {
        Arc::new(json!({"metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
            "status": {"phase": phase, "startTime": "2030-01-01T00:00:00Z", "conditions": [
                {"type": "Ready", "status": ready, "lastTransitionTime": "2030-01-01T00:00:05Z"}]}}))
    }

    fn scene(pods: &[Arc<Value>], current: i64) -> Scene<'_> {
        let tolerances = Tolerances { down: 0.1, up: 0.1 };
        Scene {
            pods,
            current,
            observed: current,
            tolerances,
            now: now(),
        }
    }

    fn samples(values: &[(&str, i64)]) -> Samples {
        values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    const CPU: ResourceOf<'_> = ResourceOf {
        resource: "cpu",
        container: "",
    };

    #[test]
    fn utilisation_scales_by_its_ratio_and_tolerates_a_tenth() {
        let pods = [pod("1", "Running", "True"), pod("2", "Running", "True")];
        let at = |value: i64| {
            by_utilisation(
                &scene(&pods, 2),
                samples(&[("1", value), ("2", value)]),
                50,
                CPU,
            )
        };
        assert_eq!(at(900), Ok((4, (90, 900))));
        assert_eq!(at(540), Ok((2, (54, 540))));
        assert_eq!(at(100), Ok((1, (10, 100))));
    }

    #[test]
    fn pods_without_samples_hold_back_both_ways() {
        let pods = [
            pod("1", "Running", "True"),
            pod("2", "Running", "True"),
            pod("3", "Running", "True"),
        ];
        let one = |value: i64| by_average(&scene(&pods, 3), samples(&[("1", value)]), 100, true);
        // 300 of 100 for one pod, 0 for the two others: an average of 100 is on target.
        assert_eq!(one(300), Ok((3, 300)));
        assert_eq!(one(900), Ok((9, 900)));
        // 10 of 100 for one pod, on target for the others: 70 of 100 asks for 2.1 pods.
        assert_eq!(one(10), Ok((3, 10)));
    }

    #[test]
    fn a_pod_that_was_never_ready_is_no_reason_to_grow_further() {
        let pods = [pod("1", "Running", "True"), pod("2", "Running", "False")];
        let both = samples(&[("1", 150), ("2", 900)]);
        assert_eq!(
            by_average(&scene(&pods, 2), both.clone(), 100, true),
            Ok((2, 150))
        );
        // Memory counts whether a pod is ready or not.
        assert_eq!(
            by_average(&scene(&pods, 2), both, 100, false),
            Ok((11, 525))
        );
        let young = [pod("1", "Pending", "False")];
        assert_eq!(
            by_average(&scene(&young, 1), samples(&[("1", 1)]), 100, true),
            Err(NO_METRICS.to_owned())
        );
    }

    #[test]
    fn values_of_objects_scale_ready_pods_or_are_shared() {
        let pods = [pod("1", "Running", "True"), pod("2", "Running", "False")];
        assert_eq!(by_value(&scene(&pods, 2), 30_000, 10_000), Ok(3));
        assert_eq!(by_value(&scene(&[], 0), 25_000, 10_000), Ok(3));
        assert_eq!(by_share(&scene(&pods, 2), 31_000, 10_000), (4, 15_500));
        assert_eq!(by_share(&scene(&pods, 3), 31_000, 10_000), (3, 10_334));
    }
}
