//! Rows of horizontal pod autoscalers, in autoscaling/v2 and v1.

use serde_json::Value;

use super::view::{View, quantity_text};

pub(super) fn autoscaler(view: View<'_>) -> Vec<Value> {
    let reference = format!(
        "{}/{}",
        view.str("/spec/scaleTargetRef/kind"),
        view.str("/spec/scaleTargetRef/name")
    );
    let least = view.get("/spec/minReplicas").and_then(Value::as_i64);
    vec![
        view.name(),
        Value::from(reference),
        Value::from(targets(view)),
        Value::from(least.map_or_else(|| "<unset>".to_owned(), |least| least.to_string())),
        Value::from(view.int("/spec/maxReplicas")),
        Value::from(view.int("/status/currentReplicas")),
        view.age(),
    ]
}

fn targets(view: View<'_>) -> String {
    if let Some(target) = view
        .get("/spec/targetCPUUtilizationPercentage")
        .and_then(Value::as_i64)
    {
        let current = view
            .get("/status/currentCPUUtilizationPercentage")
            .and_then(Value::as_i64);
        let current =
            current.map_or_else(|| "<unknown>".to_owned(), |current| format!("{current}%"));
        return format!("cpu: {current}/{target}%");
    }
    let current: Vec<View<'_>> = view.list("/status/currentMetrics").collect();
    let texts: Vec<String> = view
        .list("/spec/metrics")
        .enumerate()
        .map(|(index, spec)| {
            metric(
                spec,
                current
                    .get(index)
                    .copied()
                    .unwrap_or_else(|| view.of(&Value::Null)),
            )
        })
        .collect();
    match texts.len() {
        0 => "<none>".to_owned(),
        count @ 1..=2 => texts.get(..count).unwrap_or_default().join(", "),
        count => format!(
            "{} + {} more...",
            texts.get(..2).unwrap_or_default().join(", "),
            count - 2
        ),
    }
}

fn metric(spec: View<'_>, status: View<'_>) -> String {
    match spec.str("/type") {
        "External" => valued(spec, status, "external"),
        "Object" => valued(spec, status, "object"),
        "Pods" => {
            let current = current(status, "/pods/current/averageValue");
            format!("{current}/{}", spec.quantity("/pods/target/averageValue"))
        }
        "Resource" => resource(spec, status, "resource"),
        "ContainerResource" => resource(spec, status, "containerResource"),
        _ => "<unknown type>".to_owned(),
    }
}

fn current(status: View<'_>, pointer: &str) -> String {
    status
        .get(pointer)
        .map_or_else(|| "<unknown>".to_owned(), quantity_text)
}

/// Metrics with a value or an average.
fn valued(spec: View<'_>, status: View<'_>, source: &str) -> String {
    let average = format!("/{source}/target/averageValue");
    if spec.has(&average) {
        let current = current(status, &format!("/{source}/current/averageValue"));
        return format!("{current}/{} (avg)", spec.quantity(&average));
    }
    let current = current(status, &format!("/{source}/current/value"));
    format!(
        "{current}/{}",
        spec.quantity(&format!("/{source}/target/value"))
    )
}

/// Metrics of a resource: an average amount or a share of the request.
fn resource(spec: View<'_>, status: View<'_>, source: &str) -> String {
    let name = spec.str(&format!("/{source}/name"));
    let average = format!("/{source}/target/averageValue");
    if spec.has(&average) {
        let current = current(status, &format!("/{source}/current/averageValue"));
        return format!("{name}: {current}/{}", spec.quantity(&average));
    }
    let percent = |view: View<'_>, pointer: String, otherwise: &str| {
        let share = view.get(&pointer).and_then(Value::as_i64);
        share.map_or_else(|| otherwise.to_owned(), |share| format!("{share}%"))
    };
    let current = percent(
        status,
        format!("/{source}/current/averageUtilization"),
        "<unknown>",
    );
    let target = percent(
        spec,
        format!("/{source}/target/averageUtilization"),
        "<auto>",
    );
    format!("{name}: {current}/{target}")
}
