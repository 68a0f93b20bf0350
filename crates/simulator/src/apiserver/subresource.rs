//! Subresources: which one does what.

use std::collections::BTreeMap;

use jiff::Timestamp;
use machinery::meta;
use serde_json::{Value, json};

use super::ApiServer;
use super::body::read_typed;
use super::handle::Call;
use super::options::create_options;
use super::rbac::rule::{Asked, Attributes, ResourceAsked};
use super::resource::known;
use super::store::key;
use super::write::{UpdateTarget, Writer, ensure_namespace};
use super::{eviction, forward};
use crate::request::Reply;
use crate::status_error::{ApiError, Cause};

/// Whether a request is for a connection, which is admitted as such.
fn connects(subresource: &str, method: &str) -> bool {
    match subresource {
        "exec" | "attach" | "portforward" => matches!(method, "GET" | "POST"),
        other => other == "proxy" || other.starts_with("proxy/"),
    }
}

/// The name in `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT` (`SplitSchemeNamePort`).
fn proxied_name(text: &str) -> Option<&str> {
    let parts: Vec<&str> = text.split(':').collect();
    let name = match parts.as_slice() {
        [name] | [name, _] | ["http" | "https" | "", name, _] => *name,
        _ => return None,
    };
    Some(name).filter(|name| !name.is_empty())
}

/// Where a pod goes, and what it gets there.
#[derive(Clone, Copy)]
struct Place<'a> {
    node: &'a str,
    annotations: &'a BTreeMap<String, String>,
    labels: &'a BTreeMap<String, String>,
}

/// A pod on its node; 409 if it has one, is going, or is held back.
fn bound(name: &str, old: &Value, place: Place<'_>, now: Timestamp) -> Result<Value, ApiError> {
    let refuse = |text: String| {
        let error = ApiError::conflict(&known::PODS, name, &text);
        let mut details = error.details.clone().unwrap_or_default();
        "pods/binding".clone_into(&mut details.kind);
        let message = error.message.replacen("on pods ", "on pods/binding ", 1);
        Err(error.with_message(message).with_details(details))
    };
    if meta::deletion_timestamp(old).is_some() {
        return refuse(format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        ));
    }
    let assigned = old.pointer("/spec/nodeName").and_then(Value::as_str);
    let assigned = assigned.unwrap_or_default();
    if !assigned.is_empty() {
        return refuse(format!(
            "pod {name} is already assigned to node {assigned:?}"
        ));
    }
    let gates = old.pointer("/spec/schedulingGates");
    let gates = gates.and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        return refuse(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    let mut pod = old.clone();
    if let Some(status) = pod.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("nominatedNodeName");
    }
    for (key, value) in place.annotations {
        meta::set_annotation(&mut pod, key, value);
    }
    for (key, value) in place.labels {
        meta::set_label(&mut pod, key, value);
    }
    if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("nodeName".to_owned(), json!(place.node));
    }
    eviction::set_condition(&mut pod, "PodScheduled", "", "", now);
    Ok(pod)
}

impl ApiServer {
    /// Nothing is proxied: 501, once it is known that there is something to reach.
    fn refuse_proxy(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        let (resource, text) = (&call.served.resource, &call.target.name);
        let kind = resource.kind.to_lowercase();
        let name = proxied_name(text)
            .ok_or_else(|| ApiError::bad_request(format!("invalid {kind} request {text:?}")))?;
        let key = key(call.namespace(), name);
        if self.store.get(&call.served.table, &key).is_none() {
            return Err(ApiError::not_found(resource, name));
        }
        let what = format!("the proxy to {}", resource.plural);
        Err(ApiError::unsupported(&what))
    }

    /// Runs a verb on a subresource.
    pub(crate) fn subresource(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let method = call.request.method.as_str().to_owned();
        let name = call.target.subresource.clone();
        let custom = call.served.custom().is_some();
        if connects(&name, &method) {
            self.admit_connect(call)?;
        }
        match (name.as_str(), method.as_str()) {
            ("scale", "GET" | "HEAD" | "PUT" | "PATCH") => self.scale(call),
            ("status" | "approval" | "ephemeralcontainers" | "resize", "GET" | "HEAD") => {
                self.get_object(call)
            }
            ("status" | "approval" | "ephemeralcontainers" | "resize", "PUT") => {
                self.replace_object(call)
            }
            ("status" | "approval" | "ephemeralcontainers" | "resize", "PATCH") => {
                self.patch_object(call)
            }
            ("finalize", "PUT") => self.replace_object(call),
            ("binding", "POST") => self.binding(call),
            ("eviction", "POST") => self.eviction(call),
            ("token", "POST") => self.token(call),
            ("log", "GET" | "HEAD") => self.log(call),
            ("exec" | "attach" | "portforward", "GET" | "POST") => self.stream(call, &name),
            (other, _) if other == "proxy" || other.starts_with("proxy/") => {
                self.refuse_proxy(call)
            }
            _ if custom => {
                let verb = super::route::verb_of(&method);
                Err(ApiError::verb_not_supported(&call.served.resource, verb))
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    /// `exec`, `attach` and `portforward`: what has to be right before anybody is connected (`pkg/registry/core/pod/rest`),
    /// then the ports of a local process; nothing else is connected.
    fn stream(&self, call: &Call<'_>, name: &str) -> Result<Reply, ApiError> {
        // A WebSocket begins with a GET, and does what a POST does.
        let object = Asked::Resource(ResourceAsked {
            resource: &call.served.resource.plural,
            subresource: name,
            namespace: &call.target.namespace,
            name: &call.target.name,
            ..ResourceAsked::default()
        });
        let verb = "create";
        let decision = self.decide(call.user, &Attributes { verb, object });
        if !decision.allowed {
            let pods = &call.served.resource;
            return Err(ApiError::forbidden(
                pods,
                &call.target.name,
                &decision.reason,
            ));
        }
        let pod = self.stored(call)?.value.clone();
        if name != "portforward" {
            super::log::container_of(call.request, &pod)?;
        }
        let node = pod.pointer("/spec/nodeName").and_then(Value::as_str);
        let Some(node) = node.filter(|node| !node.is_empty()) else {
            let text = format!("pod {} does not have a host assigned", meta::name(&pod));
            return Err(ApiError::bad_request(text));
        };
        // The kind is the pod's, as in the real server's words.
        let found = self.store.get("/nodes", node);
        let found = found.ok_or_else(|| ApiError::not_found(&known::PODS, node))?;
        let addresses = found.value.pointer("/status/addresses");
        if addresses
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
        {
            let text = "no preferred addresses found; known addresses: []";
            return Err(ApiError::internal(text));
        }
        if !forward::is_upgrade(call.request) {
            return Err(ApiError::bad_request("Upgrade request required"));
        }
        let runtime = self.options.containers.as_ref();
        let is_local = runtime.is_some_and(|runtime| crate::nodes::local::is_local(runtime, &pod));
        if is_local && name == "portforward" {
            return forward::negotiate(call.request, &pod).map(Reply::Forward);
        }
        Err(refuse_stream(name, &pod, is_local))
    }

    /// POST of a Binding for a pod: the scheduler's decision.
    fn binding(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let options = create_options(call.request)?;
        let mut body = read_typed(
            call.request,
            ("", "v1", "Binding"),
            options.field_validation,
            &mut call.warnings,
        )?;
        let (namespace, name) = (call.target.namespace.clone(), call.target.name.clone());
        ensure_namespace(&call.served, &namespace, &mut body)?;
        if meta::name(&body) != name {
            return Err(ApiError::bad_request(
                "name in URL does not match name in Binding object",
            ));
        }
        let mut writer = call.writer(options.dry_run);
        let result = self.bind(&namespace, &name, &body, &mut writer);
        call.warnings = writer.warnings;
        result?;
        Ok(created_status(call))
    }

    /// Puts a pod on a node.
    pub(crate) fn bind(
        &mut self,
        namespace: &str,
        name: &str,
        binding: &Value,
        writer: &mut Writer<'_>,
    ) -> Result<(), ApiError> {
        let served = self.known(&known::PODS)?;
        let mut binding = binding.clone();
        let kind = ("", "v1", "Binding");
        let about = ("binding", kind);
        let bindings = self.registry.get("", "v1", "bindings").cloned();
        if let Some(bindings) = bindings.filter(|_| writer.admits) {
            self.own_written(&bindings, "binding", None, &mut binding, writer);
        }
        self.admit_posted(&served, (namespace, name), about, &mut binding, writer)?;
        writer.admits = false;
        let text = |pointer: &str| {
            binding
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (kind, node) = (text("/target/kind"), text("/target/name").to_owned());
        if !matches!(kind, "" | "Node") {
            let text = format!(
                "target.kind: Unsupported value: {kind:?}: supported values: \"Node\", \"<empty>\""
            );
            return Err(ApiError::internal(text));
        }
        if node.is_empty() {
            return Err(ApiError::internal("target.name: Required value"));
        }
        let annotations = meta::annotations(&binding);
        let mut labels = meta::labels(&binding);
        labels.extend(self.topology_of(&node));
        let now = writer.now;
        let target = UpdateTarget {
            served: &served,
            namespace,
            name,
            subresource: "binding",
            uid: "",
            may_create: false,
        };
        let place = Place {
            node: &node,
            annotations: &annotations,
            labels: &labels,
        };
        let mut change = |_: &Self, old: &Value, _: &mut Writer<'_>| bound(name, old, place, now);
        writer.managed_by(None, |writer| self.update(target, writer, &mut change))?;
        Ok(())
    }

    /// A built-in resource that must be there.
    pub(crate) fn known(
        &self,
        resource: &super::resource::Resource,
    ) -> Result<std::sync::Arc<super::registry::Served>, ApiError> {
        self.registry
            .get(&resource.group, &resource.version, &resource.plural)
            .cloned()
            .ok_or_else(ApiError::unknown_resource)
    }

    fn eviction(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let options = create_options(call.request)?;
        let mut body = read_typed(
            call.request,
            ("policy", "v1", "Eviction"),
            options.field_validation,
            &mut call.warnings,
        )?;
        let (namespace, name) = (call.target.namespace.clone(), call.target.name.clone());
        ensure_namespace(&call.served, &namespace, &mut body)?;
        if meta::name(&body) != name {
            return Err(ApiError::bad_request(
                "name in URL does not match name in Eviction object",
            ));
        }
        let mut writer = call.writer(options.dry_run);
        let result = self.evict(&namespace, &name, &body, &mut writer);
        call.warnings = writer.warnings;
        result?;
        Ok(created_status(call))
    }
}

/// Why nobody can get into a pod, and what can be done instead.
fn refuse_stream(what: &str, pod: &Value, is_local: bool) -> ApiError {
    let name = meta::name(pod);
    let (why, remedy) = if is_local {
        let address = pod
            .pointer("/status/podIP")
            .and_then(Value::as_str)
            .unwrap_or_default();
        (
            format!(
                "pod {name:?} is a local process of this computer without a container round it"
            ),
            format!("read `kubectl logs {name}`, or connect to {address} on its own port"),
        )
    } else {
        (
            format!("pod {name:?} is simulated: no process runs in it"),
            format!(
                "read `kubectl logs {name}` for what its node did, or use an image that runs as a local process"
            ),
        )
    };
    let message = format!("{what} is not possible: {why}; {remedy}");
    ApiError::new(501, "NotImplemented", message, None)
}

/// `Status Success` with code 201.
fn created_status(call: &Call<'_>) -> Reply {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    call.value(201, &status, ("", "v1", "Status"))
}

/// A cause with reason and message.
pub(crate) fn cause(reason: &str, message: String) -> Cause {
    Cause {
        reason: reason.to_owned(),
        message,
        field: String::new(),
    }
}
