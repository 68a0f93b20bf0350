//! Classes that a new object gets without naming one, and the priority of pods
//! (`plugin/pkg/admission/{priority,storage/storageclass/setdefault,network/defaultingressclass}`).

use std::cmp::Reverse;
use std::sync::Arc;

use machinery::builtin::admission;
use machinery::meta;
use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::resource::{Resource, known};
use crate::status_error::ApiError;

pub(super) const PRIORITY_CLASSES: &str = "scheduling.k8s.io/priorityclasses";
pub(super) const STORAGE_CLASSES: &str = "storage.k8s.io/storageclasses";
const INGRESS_CLASSES: &str = "networking.k8s.io/ingressclasses";
const DEFAULT_STORAGE_CLASS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];
const DEFAULT_INGRESS_CLASS: [&str; 1] = ["ingressclass.kubernetes.io/is-default-class"];
const TOPOLOGY: [&str; 2] = [
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];
/// Annotation that named the class before there was a field, of an Ingress.
const OLD_INGRESS_CLASS: &str = "kubernetes.io/ingress.class";
/// The same of a claim.
const OLD_STORAGE_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

impl ApiServer {
    /// The name of the class that is marked as default: of several the newest, then the first by name.
    fn default_class(&self, table: &str, marks: &[&str]) -> Option<String> {
        let is_default = |class: &Value| {
            marks
                .iter()
                .any(|mark| meta::annotation(class, mark) == Some("true"))
        };
        let age = |class: &Arc<Value>| {
            let made = class.pointer("/metadata/creationTimestamp").cloned();
            let made = made.and_then(|made| made.as_str().map(str::to_owned));
            (Reverse(made), meta::name(class).to_owned())
        };
        let default = self
            .objects_of(table)
            .filter(|class| is_default(class))
            .min_by_key(age);
        default.map(|class| meta::name(&class).to_owned())
    }

    /// Gives a claim the default `StorageClass` where it names none.
    pub(super) fn default_storage_class(&self, claim: &mut Value) {
        let named = claim.pointer("/spec/storageClassName").is_some()
            || meta::annotation(claim, OLD_STORAGE_CLASS).is_some();
        if named {
            return;
        }
        let name = self.default_class(STORAGE_CLASSES, &DEFAULT_STORAGE_CLASS);
        set_class(claim, "storageClassName", name);
    }

    /// Gives an Ingress the default `IngressClass` where it names none.
    pub(super) fn default_ingress_class(&self, resource: &Resource, ingress: &mut Value) {
        if (resource.group.as_ref(), resource.kind.as_ref()) != ("networking.k8s.io", "Ingress") {
            return;
        }
        let named = ingress.pointer("/spec/ingressClassName").is_some()
            || meta::annotation(ingress, OLD_INGRESS_CLASS).is_some();
        if named {
            return;
        }
        let name = self.default_class(INGRESS_CLASSES, &DEFAULT_INGRESS_CLASS);
        set_class(ingress, "ingressClassName", name);
    }

    /// The priority class of pods that name none: of several the one with the lowest value.
    pub(super) fn default_priority_class(&self) -> Option<Arc<Value>> {
        let is_default = |class: &Arc<Value>| class.get("globalDefault") == Some(&json!(true));
        let defaults = self.objects_of(PRIORITY_CLASSES).filter(is_default);
        let value = |class: &Arc<Value>| class.get("value").and_then(Value::as_i64);
        defaults.min_by_key(value)
    }

    /// Labels of a node that a pod gets when it is put there (`plugin/pkg/admission/podtopologylabels`).
    pub(crate) fn topology_of(&self, node: &str) -> Vec<(String, String)> {
        let Some(node) = self.store.get("/nodes", node) else {
            return Vec::new();
        };
        let labels = meta::labels(&node.value);
        labels
            .into_iter()
            .filter(|(key, _)| TOPOLOGY.contains(&key.as_str()))
            .collect()
    }

    /// The same for a new pod that names its node itself.
    pub(super) fn add_topology(&self, resource: &Resource, pod: &mut Value) {
        if *resource != known::PODS {
            return;
        }
        let node = machinery::pointer::text(pod, "/spec/nodeName").to_owned();
        for (key, value) in self.topology_of(&node) {
            meta::set_label(pod, &key, &value);
        }
    }

    /// Gives a new pod the priority of its class; refuses one that says something else.
    pub(super) fn admit_priority(&self, pod: &mut Value, name: &str) -> Result<(), ApiError> {
        let refused = |text: &str| ApiError::forbidden(&known::PODS, name, text);
        let named = pod
            .pointer("/spec/priorityClassName")
            .and_then(Value::as_str);
        let class = match named.filter(|named| !named.is_empty()) {
            None => self.default_priority_class(),
            Some(named) => {
                let Some(found) = self.store.get(PRIORITY_CLASSES, named) else {
                    let text = format!("no PriorityClass with name {named} was found");
                    return Err(refused(&text));
                };
                Some(found.value.clone())
            }
        };
        let given = |key: &str| pod.pointer(&format!("/spec/{key}")).cloned();
        let (priority, policy) = (given("priority"), given("preemptionPolicy"));
        let of_class = |key: &str| class.as_ref().and_then(|class| class.get(key)).cloned();
        let computed = of_class("value").unwrap_or(json!(0));
        if let Some(given) = priority.filter(|given| given.is_i64() && *given != computed) {
            return Err(refused(&format!(
                "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
                 computed {computed} from the given PriorityClass name"
            )));
        }
        let computed = of_class("preemptionPolicy");
        let computed = computed
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or("PreemptLowerPriority");
        if let Some(given) = policy.as_ref().and_then(Value::as_str)
            && given != computed
        {
            return Err(refused(&format!(
                "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission \
                 controller computed {computed} from the given PriorityClass name"
            )));
        }
        admission::priority(pod, class.as_deref());
        Ok(())
    }
}

fn set_class(object: &mut Value, field: &str, name: Option<String>) {
    if let (Some(name), Some(spec)) = (name, object.get_mut("spec").and_then(Value::as_object_mut))
    {
        spec.insert(field.to_owned(), json!(name));
    }
}
