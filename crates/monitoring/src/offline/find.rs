//! Where in an object a refusal points.

use serde_json::Value;

/// The field that a refusal names, as a path: `endpoints[0]: …` of a `ServiceMonitor` is `spec.endpoints[0]`.
pub fn path_of(object: &Value, refusal: &str) -> String {
    // What a server would say of it is told by the field.
    if let Some((_, after)) = refusal.split_once(": spec.")
        && refusal.contains(" would refuse ")
        && let Some((field, _)) = after.split_once(": ")
    {
        return nearest(object, &format!("spec.{field}"));
    }
    let mut path = "spec".to_owned();
    let mut rest = refusal;
    if let Some((before, after)) = rest.split_once("failed to validate receiver \"")
        && before.is_empty()
        && let Some((name, after)) = after.split_once("\": ")
        && let Some(index) = named(object, "/spec/receivers", name)
    {
        path = format!("spec.receivers[{index}]");
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("group \"")
        && let Some((name, after)) = after.split_once("\", rule ")
        && let Some(index) = named(object, "/spec/groups", name)
    {
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        let rule = digits.parse::<usize>().unwrap_or(1).saturating_sub(1);
        return format!("spec.groups[{index}].rules[{rule}]");
    }
    while let Some((segment, after)) = rest.split_once(": ") {
        let Some(step) = step(object, &path, segment) else {
            break;
        };
        path = step;
        rest = after;
    }
    path
}

/// A path, or as much of it as the object has.
fn nearest(object: &Value, path: &str) -> String {
    let mut path = path;
    while object.pointer(&pointer(path)).is_none() {
        match path.rfind(['.', '[']) {
            Some(end) => path = path.get(..end).unwrap_or_default(),
            None => break,
        }
    }
    path.to_owned()
}

/// A path one step longer, if the object has it.
fn step(object: &Value, path: &str, segment: &str) -> Option<String> {
    let plain = segment.replace('\'', "");
    let plain = plain.strip_prefix("invalid ").unwrap_or(&plain);
    let (name, index) = match plain.split_once('[') {
        Some((name, index)) => (name, Some(index.strip_suffix(']')?)),
        None => (plain, None),
    };
    // Upstream says `endpoint`, `route` and `httpConfig` where the fields are called otherwise.
    let names = match name {
        "endpoint" => vec!["endpoints", "podMetricsEndpoints"],
        "route" if path.contains("route") => vec!["routes"],
        "route" => vec!["route.routes"],
        "matcher" => vec!["matchers"],
        "scrapeClassName" => vec!["scrapeClass"],
        "metricRelabelConfigs" => vec!["metricRelabelings", "metricRelabelConfigs"],
        "relabelConfigs" => vec!["relabelings", "relabelConfigs"],
        name => vec![name],
    };
    names.into_iter().find_map(|name| {
        let longer = match (name, index) {
            ("", Some(index)) => format!("{path}[{index}]"),
            (name, Some(index)) => format!("{path}.{name}[{index}]"),
            (name, None) => format!("{path}.{name}"),
        };
        object.pointer(&pointer(&longer)).map(|_| longer)
    })
}

fn pointer(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split('.') {
        for step in part.split('[') {
            let step = step.strip_suffix(']').unwrap_or(step);
            if !step.is_empty() {
                pointer.push('/');
                pointer.push_str(step);
            }
        }
    }
    pointer
}

fn named(object: &Value, list: &str, name: &str) -> Option<usize> {
    let list = object.pointer(list)?.as_array()?;
    list.iter()
        .position(|one| one.get("name").and_then(Value::as_str) == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refusals_lead_to_fields() {
        let object = json!({"spec": {
            "endpoints": [{}, {"metricRelabelings": [{}]}],
            "podMetricsEndpoints": [{}],
            "route": {"routes": [{"matchers": [{}]}]},
            "receivers": [{"name": "a"}, {"name": "b", "slackConfigs": [{}]}],
        }});
        for (refusal, path) in [
            (
                "endpoints[1]: metricRelabelConfigs: [0]: no",
                "spec.endpoints[1].metricRelabelings[0]",
            ),
            ("endpoint[0]: no", "spec.endpoints[0]"),
            (
                "route[0]: matcher[0]: no",
                "spec.route.routes[0].matchers[0]",
            ),
            (
                "failed to validate receiver \"b\": 'slackConfigs'[0]: no",
                "spec.receivers[1].slackConfigs[0]",
            ),
            ("key \"x\" in secret \"y\" not found", "spec"),
            (
                "Prometheus 3.1.0 would refuse the job a: spec.endpoints[1].metricRelabelings: no",
                "spec.endpoints[1].metricRelabelings",
            ),
            (
                "Prometheus 3.1.0 would refuse the job a: spec.endpoints[1].port: no",
                "spec.endpoints[1]",
            ),
        ] {
            assert_eq!(path_of(&object, refusal), path, "{refusal}");
        }
    }
}
