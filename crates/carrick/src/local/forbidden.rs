//! A right that the ServiceAccount of a local Prometheus lacks to discover targets: Prometheus logs it where it asks the API
//! server itself; where its targets come from files, somebody else has to tell.

use machinery::meta::{self, OwnerReference};
use monitoring::operator::resources::{DAEMON_SET, STATEFUL_SET};
use runtime::ObjectKey;
use runtime::client::Client;
use runtime::effect::ObjectReference;

/// Reason of the Events.
pub(super) const REASON: &str = "DiscoveryForbidden";
/// All that roles of discovery may read.
const RESOURCES: &str =
    "nodes,services,endpoints,pods,endpointslices.discovery.k8s.io,ingresses.networking.k8s.io";

/// Who lacks which right.
pub(super) struct Missing<'a> {
    /// Namespace of the pod.
    pub(super) namespace: &'a str,
    /// Its ServiceAccount.
    pub(super) account: &'a str,
    /// What the API server says.
    pub(super) error: &'a str,
}

impl Missing<'_> {
    /// What is missing, and how to grant it.
    pub(super) fn message(&self) -> String {
        let Self {
            namespace,
            account,
            error,
        } = self;
        format!(
            "{error}: grant it, as with `kubectl create clusterrole prometheus --verb=get,list,watch --resource={RESOURCES}` and \
             `kubectl create clusterrolebinding prometheus --clusterrole=prometheus --serviceaccount={namespace}:{account}`"
        )
    }

    /// The object that people wrote: what controls the controller of the pod, or that controller.
    pub(super) async fn about(
        &self,
        client: &Client,
        owner: Option<&OwnerReference>,
    ) -> Option<ObjectReference> {
        let owner = owner?;
        let resource = match owner.kind.as_str() {
            "StatefulSet" => STATEFUL_SET,
            "DaemonSet" => DAEMON_SET,
            _ => return Some(self.reference(owner)),
        };
        let key = ObjectKey::new(self.namespace, &owner.name);
        let found = client.get(&resource, &key).await.ok().flatten();
        let above = found.as_ref().and_then(meta::controller_of);
        Some(self.reference(above.as_ref().unwrap_or(owner)))
    }

    fn reference(&self, owner: &OwnerReference) -> ObjectReference {
        ObjectReference {
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            namespace: self.namespace.to_owned(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
            resource_version: String::new(),
        }
    }
}

#[test]
fn the_right_and_its_remedy_name_the_account() {
    let missing = Missing {
        namespace: "team",
        account: "web",
        error: "pods is forbidden",
    };
    let message = missing.message();
    assert!(
        message.starts_with("pods is forbidden: grant it, as with `kubectl create clusterrole ")
    );
    assert!(
        message.ends_with(" --serviceaccount=team:web`"),
        "{message}"
    );
}
