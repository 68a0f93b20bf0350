//! Where the autoscaler's metrics come from: annotations, in the place of the metrics APIs.
//!
//! | annotation | on | for metrics of type |
//! |---|---|---|
//! | `metrics.carrick.dev/cpu`, `…/memory` | a pod, or the scaled object for all of its pods | `Resource`, `ContainerResource` |
//! | `metrics.carrick.dev/cpu.CONTAINER` | the same | `ContainerResource` alone |
//! | `metrics.carrick.dev/NAME` | the same | `Pods` |
//! | `metrics.carrick.dev/NAME` | the described object | `Object` |
//! | `metrics.carrick.dev/NAME` | the HorizontalPodAutoscaler | `External` |
//!
//! A value is a quantity (`350m`, `64Mi`), for resources also a percentage of the request (`80%`). On the scaled object
//! `4 total` is a load that its running pods share, so that more pods carry less each. A pod's own annotation wins. Selectors of
//! metrics are not looked at. Where nothing is annotated, the answer is that of a cluster without the metrics API.

use std::collections::BTreeMap;
use std::sync::Arc;

use machinery::quantity::Quantity;
use serde_json::Value;

use crate::builtin::object::{self, items, text};

/// What the annotations begin with.
pub(crate) const PREFIX: &str = "metrics.carrick.dev/";

/// Values per pod, in thousandths.
pub(crate) type Samples = BTreeMap<String, i64>;

/// One annotated value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Of each pod, in thousandths.
    Each(i64),
    /// Of all pods together, in thousandths.
    Total(i64),
    /// Of each pod, in percent of its request.
    Percent(i64),
}

fn parse(value: &str) -> Option<Reading> {
    let value = value.trim();
    if let Some(percent) = value.strip_suffix('%') {
        return percent.trim().parse().ok().map(Reading::Percent);
    }
    let milli = |text: &str| Quantity::parse(text.trim()).ok().map(|q| q.milli_value());
    match value.strip_suffix("total") {
        Some(total) => milli(total).map(Reading::Total),
        None => milli(value).map(Reading::Each),
    }
}

fn reading(object: &Value, name: &str) -> Option<Reading> {
    object::annotation(object, &format!("{PREFIX}{name}")).and_then(parse)
}

/// The value of one object, in thousandths: for `Object` and `External` metrics.
pub(crate) fn of_object(object: &Value, name: &str) -> Option<i64> {
    match reading(object, name)? {
        Reading::Each(value) | Reading::Total(value) => Some(value),
        Reading::Percent(_) => None,
    }
}

/// What a resource's metrics are of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceOf<'a> {
    /// `cpu`, `memory`, ….
    pub(crate) resource: &'a str,
    /// One container; all of a pod where it is empty.
    pub(crate) container: &'a str,
}

/// Usage of a resource per running pod. An error as upstream's client words it.
pub(crate) fn of_resource(
    pods: &[Arc<Value>],
    target: Option<&Value>,
    of: ResourceOf<'_>,
) -> Result<Samples, String> {
    let container = format!("{}.{}", of.resource, of.container);
    let look = |object: &Value| {
        let own = (!of.container.is_empty())
            .then(|| reading(object, &container))
            .flatten();
        own.or_else(|| reading(object, of.resource))
    };
    let request = |pod: &Value| request_of(pod, of).unwrap_or(0);
    samples(pods, target, look, request)
        .ok_or("the server could not find the requested resource (get pods.metrics.k8s.io)")
        .and_then(|samples| {
            let none = "no metrics returned from resource metrics API";
            if samples.is_empty() {
                Err(none)
            } else {
                Ok(samples)
            }
        })
        .map_err(|error| {
            if error.starts_with("no metrics") {
                error.to_owned()
            } else {
                format!("unable to fetch metrics from resource metrics API: {error}")
            }
        })
}

/// A metric per running pod. An error as upstream's client words it.
pub(crate) fn of_pods(
    pods: &[Arc<Value>],
    target: Option<&Value>,
    name: &str,
) -> Result<Samples, String> {
    match samples(pods, target, |object| reading(object, name), |_| 0) {
        None => Err(no_custom_metrics()),
        Some(samples) if samples.is_empty() => {
            Err("no metrics returned from custom metrics API".to_owned())
        }
        Some(samples) => Ok(samples),
    }
}

/// What upstream's client says without a custom metrics API.
pub(crate) fn no_custom_metrics() -> String {
    "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered".to_owned()
}

/// Values of the running pods; `None` where no annotation speaks of them at all.
fn samples(
    pods: &[Arc<Value>],
    target: Option<&Value>,
    look: impl Fn(&Value) -> Option<Reading>,
    request: impl Fn(&Value) -> i64,
) -> Option<Samples> {
    let common = target.and_then(&look);
    if common.is_none() && !pods.iter().any(|pod| look(pod).is_some()) {
        return None;
    }
    let running = || {
        pods.iter()
            .filter(|pod| text(pod, "/status/phase") == "Running")
    };
    let sharing = running().filter(|pod| !object::is_terminating(pod)).count();
    let sharing = i64::try_from(sharing.max(1)).unwrap_or(i64::MAX);
    let value = |pod: &Value| match look(pod).or(common)? {
        Reading::Each(value) => Some(value),
        Reading::Total(value) => Some(value / sharing),
        Reading::Percent(percent) => Some(request(pod).saturating_mul(percent) / 100),
    };
    let samples = running().filter_map(|pod| Some((object::name(pod).to_owned(), value(pod)?)));
    Some(samples.collect())
}

/// What a pod requests of a resource, in thousandths; why not, as upstream words it.
pub(crate) fn request_of(pod: &Value, of: ResourceOf<'_>) -> Result<i64, String> {
    let ResourceOf {
        resource,
        container,
    } = of;
    let name = object::name(pod);
    let milli = |of: &Value| {
        let quantity = text(of, &format!("/resources/requests/{resource}"));
        Quantity::parse(quantity).ok().map(|q| q.milli_value())
    };
    let whole = pod
        .get("spec")
        .and_then(|spec| spec.pointer("/resources/requests"));
    if container.is_empty() && whole.is_some() {
        let spec = pod.get("spec").and_then(milli);
        return spec
            .ok_or_else(|| format!("missing pod-level request for {resource} in Pod {name}"));
    }
    let sidecars = items(pod, "/spec/initContainers")
        .iter()
        .filter(|c| text(c, "/restartPolicy") == "Always");
    let mut sum = 0_i64;
    for one in items(pod, "/spec/containers").iter().chain(sidecars) {
        let its = text(one, "/name");
        if !container.is_empty() && container != its {
            continue;
        }
        let missing = || format!("missing request for {resource} in container {its} of Pod {name}");
        sum = sum.saturating_add(milli(one).ok_or_else(missing)?);
        if container == its {
            return Ok(sum);
        }
    }
    if container.is_empty() {
        Ok(sum)
    } else {
        Err(format!("container {container} not found in Pod {name}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, annotations: &Value) -> Arc<Value> {
        Arc::new(
            json!({"metadata": {"name": name, "annotations": annotations}, "status": {"phase": "Running"},
            "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "100m"}}},
                {"name": "b", "resources": {"requests": {"cpu": "300m"}}}]}}),
        )
    }

    fn cpu(container: &str) -> ResourceOf<'_> {
        ResourceOf {
            resource: "cpu",
            container,
        }
    }

    fn listed(samples: Result<Samples, String>) -> Vec<i64> {
        samples.unwrap().into_values().collect()
    }

    #[test]
    fn the_scaled_object_speaks_for_its_pods_and_a_pod_for_itself() {
        let pods = [
            pod("1", &json!({})),
            pod("2", &json!({"metrics.carrick.dev/cpu": "50m"})),
        ];
        let target =
            |value: &str| json!({"metadata": {"annotations": {"metrics.carrick.dev/cpu": value}}});
        assert_eq!(
            listed(of_resource(&pods, Some(&target("80%")), cpu(""))),
            [320, 50]
        );
        assert_eq!(
            listed(of_resource(&pods, Some(&target("80%")), cpu("a"))),
            [80, 50]
        );
        assert_eq!(
            listed(of_resource(&pods, Some(&target("1 total")), cpu(""))),
            [500, 50]
        );
        let only = json!({"metadata": {"annotations": {"metrics.carrick.dev/cpu": "1", "metrics.carrick.dev/cpu.b": "7m"}}});
        assert_eq!(listed(of_resource(&pods, Some(&only), cpu("b"))), [7, 50]);
    }

    #[test]
    fn without_annotations_there_is_no_metrics_api() {
        let pods = [pod("1", &json!({}))];
        assert_eq!(
            of_resource(&pods, None, cpu("")).unwrap_err(),
            "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
        );
        assert_eq!(
            of_pods(&pods, None, "rps").unwrap_err(),
            no_custom_metrics()
        );
    }

    #[test]
    fn a_missing_request_is_named() {
        let mut one = (*pod("1", &json!({}))).clone();
        one["spec"]["containers"][1]["resources"] = json!({});
        assert_eq!(
            request_of(&one, cpu("")).unwrap_err(),
            "missing request for cpu in container b of Pod 1"
        );
        assert_eq!(request_of(&one, cpu("a")), Ok(100));
        assert_eq!(
            request_of(&one, cpu("c")).unwrap_err(),
            "container c not found in Pod 1"
        );
    }
}
