//! What a simulated pod names and its node can't give it: Secrets, `ConfigMaps` and keys of these that aren't there.
//!
//! Mirrors what a kubelet does with such a pod: without a volume nothing is created, without a variable that container isn't.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::spec;
use crate::apiserver::resource::known;
use crate::builtin::object::{self, items, text};
use crate::session::Session;

/// Why a pod doesn't start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// A volume can't be mounted; as the event says it.
    Volume(String),
    /// Variables of containers have no value; what is missing, by container.
    Variables(Vec<(String, String)>),
}

impl Missing {
    /// What a pod lacks, if anything.
    pub(crate) fn of(session: &Session<'_>, pod: &Value) -> Option<Self> {
        for volume in items(pod, "/spec/volumes") {
            let projected = items(volume, "/projected/sources");
            let mut sources = std::iter::once(volume).chain(projected);
            let missing = sources.find_map(|source| spec::of_object(session, pod, source).err());
            if let Some(error) = missing {
                let name = text(volume, "/name");
                let text = spec::not_mounted(name, &error);
                return Some(Self::Volume(text));
            }
        }
        let lists = ["/spec/initContainers", "/spec/containers"];
        let containers = lists.into_iter().flat_map(|list| items(pod, list));
        let missing: Vec<(String, String)> = containers
            .filter_map(|container| {
                let error = variables(session, pod, container).err()?;
                Some((text(container, "/name").to_owned(), error))
            })
            .collect();
        (!missing.is_empty()).then_some(Self::Variables(missing))
    }

    /// Reason and message of the event.
    pub(crate) fn event(&self) -> (&'static str, String) {
        match self {
            Self::Volume(text) => ("FailedMount", text.clone()),
            Self::Variables(missing) => {
                let error = missing.first().map_or("", |(_, error)| error.as_str());
                ("Failed", format!("Error: {error}"))
            }
        }
    }

    /// The pod with containers that wait for what is missing; `None` if it shows already, or nothing does.
    pub(crate) fn shown(&self, pod: &Value) -> Option<Value> {
        let Self::Variables(missing) = self else {
            return None;
        };
        let mut wanted = pod.clone();
        for list in ["initContainerStatuses", "containerStatuses"] {
            let statuses = wanted.pointer_mut(&format!("/status/{list}"));
            let statuses = statuses.and_then(Value::as_array_mut);
            for status in statuses.into_iter().flatten() {
                let name = text(status, "/name").to_owned();
                if let Some((_, error)) = missing.iter().find(|(container, _)| *container == name) {
                    let waiting = json!({"reason": "CreateContainerConfigError", "message": error});
                    object::set(status, &["state"], json!({"waiting": waiting}));
                }
            }
        }
        (wanted != *pod).then_some(wanted)
    }
}

/// Fails if an object or a key is missing that variables are taken from.
fn variables(session: &Session<'_>, pod: &Value, container: &Value) -> Result<(), String> {
    for from in items(container, "/envFrom") {
        for (key, resource) in [
            ("configMapRef", &known::CONFIG_MAPS),
            ("secretRef", &known::SECRETS),
        ] {
            if let Some(reference) = from.get(key) {
                spec::fetch(session, pod, resource, reference)?;
            }
        }
    }
    let nowhere = IpAddr::from([127, 0, 0, 1]);
    for variable in items(container, "/env") {
        let Some(source) = variable.get("valueFrom") else {
            continue;
        };
        // Fields of the pod are always there, whatever is known of them here.
        if ["configMapKeyRef", "secretKeyRef"]
            .iter()
            .any(|key| source.get(*key).is_some())
        {
            spec::value_from(session, pod, source, nowhere)?;
        }
    }
    Ok(())
}
