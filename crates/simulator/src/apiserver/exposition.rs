//! `/metrics` and `/metrics/slis`: what people have dashboards and alerts for, under the names and with the labels of a real
//! server (`apiserver/pkg/endpoints/metrics/metrics.go`, `apiserver/pkg/storage/etcd3/metrics/metrics.go`,
//! `component-base/metrics/prometheus/slis`).

use bytes::Bytes;
use http::{HeaderName, Method, header};
use jiff::Timestamp;
use metrics::{Exposition, process, to_f64};

use super::{ApiServer, discovery, reply};
use crate::instrument::{Counted, Counts, DURATIONS, LABELS, OWN_DURATIONS};
use crate::request::{Request, Response};

const TEXT: &str = "text/plain; charset=utf-8";
/// When the process began, for who has no other way to know.
const START: HeaderName = HeaderName::from_static("process-start-time-unix");
/// How names with other letters than those of old could be written; there are none.
const ESCAPES: [&str; 4] = ["allow-utf-8", "underscores", "dots", "values"];

/// The reply to a request for one of the paths; a `DELETE` begins to count anew.
pub(super) fn respond(api: &ApiServer, request: &Request, now: Timestamp) -> Option<Response> {
    let all = match request.path.as_str() {
        "/metrics" => true,
        "/metrics/slis" => false,
        _ => return None,
    };
    let mut counts = api.instruments().lock();
    if request.method == Method::DELETE {
        if all {
            counts.clear();
        } else {
            counts.checks.clear();
        }
        let body = Bytes::from_static(b"metrics reset\n");
        return Some(reply::response(request, 200, body, TEXT, &[]));
    }
    let mut out = Exposition::default();
    let started = api.started().as_second();
    if all {
        requests(&mut out, &counts);
        in_flight(&mut out, counts.in_flight(now));
        objects(&mut out, api);
        discovery::build_info(&mut out);
        if api.options().process_figures {
            process::figures(&mut out);
        }
        start_time(&mut out, "", started);
    } else {
        checks(&mut out, &counts);
        start_time(&mut out, "[ALPHA] ", started);
    }
    drop(counts);
    let escape = escape(request);
    let content_type = format!("text/plain; version=0.0.4; charset=utf-8; escaping={escape}");
    let mut response = reply::response(request, 200, out.text().into(), &content_type, &[]);
    reply::set_header(&mut response.headers, START, &started.to_string());
    Some(response)
}

/// The escape that the client asks for first.
fn escape(request: &Request) -> &'static str {
    let accepted = request.header(header::ACCEPT).unwrap_or_default();
    let parameters = accepted.split([',', ';']).map(str::trim);
    let mut asked = parameters.filter_map(|parameter| parameter.strip_prefix("escaping="));
    let known = asked.find_map(|asked| ESCAPES.into_iter().find(|known| *known == asked));
    known.unwrap_or("underscores")
}

/// Labels of a request in the order of their names, `code` and `component` first.
fn labels<'a>(counted: &'a Counted, code: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let own = LABELS
        .into_iter()
        .zip(counted.labels.iter().map(String::as_str));
    let code = code.map(|code| ("code", code)).into_iter();
    code.chain([("component", "apiserver")])
        .chain(own)
        .collect()
}

fn without_dry_run(counted: &Counted) -> Vec<(&'static str, &str)> {
    let mut labels = labels(counted, None);
    labels.retain(|(name, _)| *name != "dry_run");
    labels
}

fn requests(out: &mut Exposition, counts: &Counts) {
    let total = "[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, \
                 resource, scope, component, and HTTP response code.";
    let took = "[STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, \
                resource, subresource, scope and component.";
    let alone = "[ALPHA] Response latency distribution (not counting webhook duration and priority & fairness queue \
                 wait times) in seconds for each verb, group, version, resource, subresource, scope and component.";
    let running = "[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version, \
                   resource, scope and component. Not all requests are tracked this way.";
    for counted in counts.requests() {
        for (code, count) in &counted.codes {
            let code = code.to_string();
            let labels = labels(counted, Some(&code));
            let count = to_f64(*count);
            out.sample("apiserver_request_total", total, "counter", &labels, count);
        }
        if !counted.took.is_empty() {
            let name = "apiserver_request_duration_seconds";
            let seen = (DURATIONS.as_slice(), &counted.took);
            out.histogram(name, took, &labels(counted, None), seen);
        }
        let labels = without_dry_run(counted);
        if !counted.took_alone.is_empty() {
            let name = "apiserver_request_sli_duration_seconds";
            let seen = (OWN_DURATIONS.as_slice(), &counted.took_alone);
            out.histogram(name, alone, &labels, seen);
        }
        if let Some(count) = counted.running {
            let name = "apiserver_longrunning_requests";
            out.gauge(name, running, &labels, to_f64(count));
        }
    }
}

fn in_flight(out: &mut Exposition, (reading, writing): (u64, u64)) {
    let help = "[STABLE] Maximal number of currently used inflight request limit of this apiserver per request kind in \
                last second.";
    for (kind, count) in [("mutating", writing), ("readOnly", reading)] {
        let name = "apiserver_current_inflight_requests";
        out.gauge(name, help, &[("request_kind", kind)], to_f64(count));
    }
}

fn objects(out: &mut Exposition, api: &ApiServer) {
    let what = "Number of stored objects at the time of last check split by kind. In case of a fetching error, the value \
                will be -1.";
    let old = format!(
        "[STABLE] (Deprecated since 1.34.0) [DEPRECATED, consider using apiserver_resource_objects instead] {what}"
    );
    let new = format!("[ALPHA] {what}");
    let stored = api.registry().all_storage();
    for served in stored.filter(|served| served.has_verb("list")) {
        let table = api.store().table(&served.table);
        let count = u64::try_from(table.map_or(0, super::store::Table::len)).unwrap_or(u64::MAX);
        let resource = &served.resource;
        let name = resource.group_resource();
        let labels = [("resource", name.as_str())];
        out.gauge("apiserver_storage_objects", &old, &labels, to_f64(count));
        let labels = [("group", &*resource.group), ("resource", &*resource.plural)];
        out.gauge("apiserver_resource_objects", &new, &labels, to_f64(count));
    }
}

fn checks(out: &mut Exposition, counts: &Counts) {
    let one = "[STABLE] This metric records the result of a single healthcheck.";
    let all = "[STABLE] This metric records the results of all healthcheck.";
    for ((path, check), count) in &counts.checks {
        let labels = [("name", *check), ("type", *path)];
        out.gauge("kubernetes_healthcheck", one, &labels, 1.0);
        let labels = [("name", *check), ("status", "success"), ("type", *path)];
        let name = "kubernetes_healthchecks_total";
        out.sample(name, all, "counter", &labels, to_f64(*count));
    }
}

fn start_time(out: &mut Exposition, stability: &str, started: i64) {
    let help = format!("{stability}Start time of the process since unix epoch in seconds.");
    let seconds = to_f64(u64::try_from(started).unwrap_or_default());
    out.gauge("process_start_time_seconds", &help, &[], seconds);
}
