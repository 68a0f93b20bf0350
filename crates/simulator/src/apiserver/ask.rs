//! Requests that need answers from outside: run again until all are there.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use machinery::entropy::Entropy;
use machinery::meta;
use serde_json::Value;

use super::admission::CONFIGURATIONS;
use super::options::time_limit;
use super::store::key;
use super::{ApiServer, reply};
use crate::outside::waiting::WaitId;
use crate::outside::{Answer, Asking, Pending, Place, Question};
use crate::request::{Reply, Request};
use crate::status_error::ApiError;

impl ApiServer {
    /// Handles one request.
    pub fn handle(&mut self, request: &Request, now: Timestamp, entropy: &mut Entropy) -> Reply {
        let reply = self.run(request, now, entropy);
        let asking = std::mem::take(&mut self.asking);
        if !asking.has_asked() {
            return reply;
        }
        let target = super::target::parse(&request.path);
        let limit = time_limit(request, target.as_ref()).unwrap_or_default();
        // Once more on randomness of its own: what others draw until the answers are there must not change its uids.
        self.resume(request, now, Pending::within(limit, now, entropy))
    }

    /// Handles a request again that asked something, with the answers so far.
    pub fn resume(&mut self, request: &Request, now: Timestamp, mut pending: Pending) -> Reply {
        if pending.is_overdue(now) {
            return Reply::Full(reply::error_response(request, &ApiError::timed_out(), &[]));
        }
        self.asking = Asking::with(&pending);
        let mut entropy = pending.entropy.clone();
        let reply = self.run(request, pending.started, &mut entropy);
        let questions = std::mem::take(&mut self.asking).end(&mut pending);
        if questions.is_empty() {
            return reply;
        }
        let pending = Box::new(pending);
        Reply::Ask { questions, pending }
    }

    /// Whether a write may have to ask somebody outside.
    pub(crate) fn asks_outside(&self) -> bool {
        let hooks = CONFIGURATIONS.iter();
        let mut tables = hooks.filter_map(|(_, table)| self.store.table(table));
        self.registry.asks() || tables.any(|table| !table.is_empty())
    }

    /// Begins a run of a write that may have to ask.
    pub(crate) fn begin_asking(&mut self, pending: &Pending) {
        self.asking = Asking::with(pending);
    }

    /// Ends it: what it asked.
    pub(crate) fn end_asking(&mut self, pending: &mut Pending) -> Vec<Question> {
        std::mem::take(&mut self.asking).end(pending)
    }

    /// What writes of built-in controllers ask, each question once.
    pub fn take_questions(&mut self) -> Vec<(WaitId, Question)> {
        self.waiting.take_questions()
    }

    /// The answer to such a question. Returns the controller that can go on now, if one can.
    pub fn answer(
        &mut self,
        id: WaitId,
        question: &Question,
        answer: Answer,
    ) -> Option<&'static str> {
        self.waiting.answer(id, question, answer)
    }
}

/// Where Services are, for questions that go to one.
impl ApiServer {
    /// The cluster address of the Service a question goes to; `None` for a URL. The error is kube-apiserver's
    /// (`kube-aggregator/pkg/apiserver/resolvers.go`).
    pub(crate) fn address_of(&self, place: &Place) -> Result<Option<SocketAddr>, String> {
        let Some((namespace, name, port)) = place.service() else {
            return Ok(None);
        };
        let service = self.store.get("/services", &key(namespace, name));
        let service = &service
            .ok_or_else(|| format!("service {name:?} not found"))?
            .value;
        let text = |pointer: &str| service.pointer(pointer).and_then(Value::as_str);
        let address = text("/spec/clusterIP").unwrap_or_default();
        if address == "None" {
            return Err("cannot route to service with ClusterIP \"None\"".to_owned());
        }
        if service_port(service, port).is_none() {
            return Err(format!("no service port {port} found for service {name:?}"));
        }
        let address: Option<IpAddr> = address.parse().ok();
        Ok(address.map(|address| SocketAddr::new(address, port)))
    }

    /// An address behind that Service; `None` for a URL.
    pub(crate) fn endpoint_of(&self, place: &Place) -> Result<Option<SocketAddr>, String> {
        let Some((namespace, name, port)) = place.service() else {
            return Ok(None);
        };
        let service = self.store.get("/services", &key(namespace, name));
        let wanted = service.as_ref();
        let wanted = wanted.and_then(|service| service_port(&service.value, port));
        let port_name = wanted.and_then(|port| port.get("name")?.as_str());
        let slices = self.objects_of("discovery.k8s.io/endpointslices");
        let mut behind = slices
            .filter(|slice| {
                meta::namespace(slice) == namespace
                    && meta::label(slice, "kubernetes.io/service-name") == Some(name)
            })
            .filter_map(|slice| {
                let ports = slice.get("ports")?.as_array()?;
                let port = ports.iter().find(|port| {
                    let name = port.get("name").and_then(Value::as_str);
                    name.unwrap_or_default() == port_name.unwrap_or_default()
                })?;
                let port = u16::try_from(port.get("port")?.as_u64()?).ok()?;
                let endpoints = slice.get("endpoints")?.as_array()?;
                let ready = endpoints.iter().find(|endpoint| {
                    endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false))
                })?;
                let address = ready.pointer("/addresses/0")?.as_str()?.parse().ok()?;
                Some((SocketAddr::new(address, port), self.simulated_pod(ready)))
            });
        match behind.next() {
            Some((address, None)) => Ok(Some(address)),
            // Its address is one that was made up: on this computer's network it may be somebody else's.
            Some((address, Some(pod))) => Err(format!(
                "dial tcp {address}: pod {pod:?} is simulated: no process runs in it that could answer; take its \
                 webhook configuration or `spec.conversion` away, or serve it at a `url`"
            )),
            None => Err(format!("no endpoints available for service {name:?}")),
        }
    }

    /// The name of the pod of an endpoint, unless it is a local process or none of this cluster's.
    fn simulated_pod(&self, endpoint: &Value) -> Option<String> {
        let target = endpoint.get("targetRef")?;
        let text = |field: &str| target.get(field).and_then(Value::as_str);
        let (namespace, name) = (text("namespace")?, text("name")?);
        let pod = self.store.get("/pods", &key(namespace, name))?;
        let runtime = self.options.containers.as_ref();
        let is_local =
            runtime.is_some_and(|runtime| crate::nodes::local::is_local(runtime, &pod.value));
        (text("kind") == Some("Pod") && !is_local).then(|| name.to_owned())
    }
}

fn service_port(service: &Value, port: u16) -> Option<&Value> {
    let ports = service.pointer("/spec/ports")?.as_array()?;
    let mut ports = ports.iter();
    ports.find(|known| known.get("port").and_then(Value::as_u64) == Some(u64::from(port)))
}
