//! The target of an autoscaler: how it is found, and which pods are its own.

use machinery::labels::Selector;
use serde_json::Value;

use super::decide::Observed;
use crate::apiserver::resource::Resource;
use crate::builtin::object::text;
use crate::session::Session;

/// The resource that `spec.scaleTargetRef` names, of whatever version; an error as upstream's mapper words it.
pub(crate) fn resource(session: &Session<'_>, reference: &Value) -> Result<Resource, String> {
    let (version, kind) = (text(reference, "/apiVersion"), text(reference, "/kind"));
    let group = version.split_once('/').map_or("", |(group, _)| group);
    if version.matches('/').count() > 1 {
        return Err(format!("unexpected GroupVersion string: {version}"));
    }
    session
        .resources()
        .into_iter()
        .find(|known| known.group == group && known.kind == kind)
        .ok_or_else(|| {
            if group.is_empty() {
                format!("no matches for kind {kind:?} in group \"\"")
            } else {
                format!("no matches for kind {kind:?} in group {group:?}")
            }
        })
}

/// The selector of a Scale; `None` where there is none or it says nothing.
pub(crate) fn selector(scale: &Value) -> Option<Result<Selector, String>> {
    let selector = text(scale, "/status/selector");
    (!selector.is_empty()).then(|| Selector::parse(selector).map_err(|error| error.to_string()))
}

/// Reason of the condition, event, and message of the condition where it isn't the event's.
type Complaint = (&'static str, (&'static str, String), Option<String>);

/// What is wrong with the selector of the target's Scale.
pub(crate) fn complaint(observed: &Observed) -> Option<Complaint> {
    let told = match selector(&observed.scale) {
        None => {
            let text = "the HPA target's scale is missing a selector".to_owned();
            let event = ("SelectorRequired", "selector is required".to_owned());
            return Some(("InvalidSelector", event, Some(text)));
        }
        Some(Err(error)) => {
            let text = format!(
                "couldn't convert selector into a corresponding internal selector object: {error}"
            );
            return Some(("InvalidSelector", ("InvalidSelector", text), None));
        }
        Some(Ok(_)) => text(&observed.scale, "/status/selector"),
    };
    if observed.rivals.len() < 2 {
        return None;
    }
    let rivals: Vec<String> = observed
        .rivals
        .iter()
        .map(|(namespace, name)| format!("{namespace}/{name}"))
        .collect();
    let text = format!(
        "pods by selector {told} are controlled by multiple HPAs: [{}]",
        rivals.join(" ")
    );
    Some(("AmbiguousSelector", ("AmbiguousSelector", text), None))
}
