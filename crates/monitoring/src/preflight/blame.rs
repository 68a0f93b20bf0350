//! What is wrong with a job, in terms of the object that it was made of: `spec.endpoints[0].interval` is what its author wrote,
//! `scrape_interval` what became of it.

use machinery::yaml::Ordered;

use super::fault::Fault;
use super::shape::Node;
use crate::remedies::remedy;

/// Kinds of objects that become jobs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ServiceMonitor,
    PodMonitor,
    Probe,
    ScrapeConfig,
}

/// What a job was made of.
struct Origin {
    kind: Kind,
    /// The mapping that says most of it: `spec.endpoints[0]`, `spec`.
    own: String,
}

impl Origin {
    /// From names as `serviceMonitor/team/web/0`.
    fn of(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let kind = match parts.next()? {
            "serviceMonitor" => Kind::ServiceMonitor,
            "podMonitor" => Kind::PodMonitor,
            "probe" => Kind::Probe,
            "scrapeConfig" => Kind::ScrapeConfig,
            _ => return None,
        };
        let mut index = || parts.next_back().unwrap_or_default();
        let own = match kind {
            Kind::ServiceMonitor => format!("spec.endpoints[{}]", index()),
            Kind::PodMonitor => format!("spec.podMetricsEndpoints[{}]", index()),
            Kind::Probe | Kind::ScrapeConfig => "spec".to_owned(),
        };
        Some(Self { kind, own })
    }

    /// A field by the key of a job, an index that follows it, and the relabeling if it is in one.
    fn field(&self, key: &str, index: &str, rule: Option<Node<'_>>) -> String {
        let own = |name: &str| format!("{}.{name}", self.own);
        let probe = self.kind == Kind::Probe;
        let config = self.kind == Kind::ScrapeConfig;
        match key {
            "scrape_interval" if !config => own("interval"),
            "metrics_path" if probe => "spec.prober.path".to_owned(),
            "metrics_path" if !config => own("path"),
            "scheme" if probe => "spec.prober.scheme".to_owned(),
            "proxy_url" if probe => "spec.prober.proxyUrl".to_owned(),
            "enable_http2" if config => own("enableHTTP2"),
            "bearer_token" => own("bearerTokenSecret"),
            "relabel_configs" => self.relabeling(rule),
            "metric_relabel_configs" => own("metricRelabelings"),
            "static_configs" if probe => "spec.targets.staticConfig".to_owned(),
            "kubernetes_sd_configs" if probe => "spec.targets.ingress".to_owned(),
            "kubernetes_sd_configs" if !config => "spec.selector".to_owned(),
            _ if is_of_all(key) => format!("spec.{}", camel(key)),
            _ => match key.strip_suffix("_sd_configs") {
                Some(discovery) => own(&format!("{}{index}", discoveries(discovery))),
                None => own(&format!("{}{index}", camel(key))),
            },
        }
    }

    /// What a relabeling comes from: the operator writes some for ports and selectors, the rest is the author's.
    fn relabeling(&self, rule: Option<Node<'_>>) -> String {
        let sources = rule.map_or(&[][..], |rule| rule.list("source_labels"));
        let reads = |what: &str| {
            let mut texts = sources.iter().filter_map(super::shape::text);
            texts.any(|label| label.starts_with("__meta_kubernetes_") && label.contains(what))
        };
        let kept = rule.is_some_and(|rule| rule.text("action") == "keep");
        let pods = self.kind == Kind::PodMonitor;
        let services = self.kind == Kind::ServiceMonitor;
        if kept && (services || pods) {
            if services && reads("_container_port_n") {
                return format!("{}.targetPort", self.own);
            }
            if reads("_port_n") {
                return format!("{}.port", self.own);
            }
            if reads("_label") {
                return "spec.selector".to_owned();
            }
        }
        match self.kind {
            Kind::Probe if reads("ingress") => "spec.targets.ingress.relabelingConfigs".to_owned(),
            Kind::Probe => "spec.targets.staticConfig.relabelingConfigs".to_owned(),
            Kind::ServiceMonitor | Kind::PodMonitor | Kind::ScrapeConfig => {
                format!("{}.relabelings", self.own)
            }
        }
    }
}

/// Whether a monitor says it once for all its endpoints.
fn is_of_all(key: &str) -> bool {
    let limits = key.ends_with("_limit") || key.starts_with("native_histogram");
    let protocols = key.ends_with("scrape_protocols") || key.ends_with("scrape_protocol");
    let histograms = key.contains("classic_histograms") || key == "scrape_native_histograms";
    limits || protocols || histograms || key == "keep_dropped_targets"
}

/// `scrape_timeout` as `scrapeTimeout`.
pub(super) fn camel(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut raise = false;
    for c in key.chars() {
        match c {
            '_' => raise = true,
            c if std::mem::take(&mut raise) => out.extend(c.to_uppercase()),
            c => out.push(c),
        }
    }
    out
}

/// The list of a ScrapeConfig for a discovery.
fn discoveries(name: &str) -> String {
    let name = match name {
        "digitalocean" => "digitalOcean",
        "dockerswarm" => "dockerSwarm",
        "lightsail" => "lightSail",
        "puppetdb" => "puppetDB",
        name => name,
    };
    format!("{name}SDConfigs")
}

/// A fault with a path of the user's, the remedy, and where Prometheus would find it.
pub(super) fn told(field: &str, fault: &Fault) -> Fault {
    let why = fault.why();
    let cure = if why.contains("; ") {
        String::new()
    } else {
        format!("; {}", remedy(why).unwrap_or("correct it or remove it"))
    };
    let place = match fault.path() {
        "" => String::new(),
        path => format!(" (in its configuration: {path})"),
    };
    Fault::here(format!("{why}{cure}{place}")).within(field)
}

/// The fault of a job as the author of its object knows it; as it is, if the job is of no object.
pub(super) fn in_the_objects_words(job: &Ordered, fault: Fault) -> Fault {
    let node = Node::of(job);
    let Some(origin) = Origin::of(&node.text("job_name")) else {
        return fault;
    };
    // What is wrong among several fields begins with the one that is.
    let path = match fault.path() {
        "" if fault.why().starts_with("scrape_timeout ") => "scrape_timeout",
        path => path,
    };
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (key, rest) = path.split_at_checked(end).unwrap_or((path, ""));
    let index = rest.split_inclusive(']').next().unwrap_or_default();
    let index = if index.starts_with('[') { index } else { "" };
    let place = index.trim_matches(['[', ']']).parse::<usize>().ok();
    let rule = place.and_then(|place| node.list(key).get(place));
    let field = match key {
        "" => origin.own.clone(),
        key => origin.field(key, index, rule.map(Node::of)),
    };
    told(&field, &fault)
}

/// Parts of a configuration, by the fields of the workload that they are made of.
const PARTS: [(&str, &str); 8] = [
    ("global.", "spec."),
    ("storage.", "spec."),
    ("remote_write", "spec.remoteWrite"),
    ("remote_read", "spec.remoteRead"),
    ("alerting.alertmanagers", "spec.alerting.alertmanagers"),
    ("tracing", "spec.tracingConfig"),
    ("otlp", "spec.otlp"),
    ("runtime", "spec.runtime"),
];

/// The fault of a configuration as the author of the workload knows it; as it is, if it is in none of these parts.
pub(crate) fn in_the_workloads_words(fault: Fault) -> Fault {
    let found = PARTS.iter().find_map(|(part, field)| {
        let rest = fault.path().strip_prefix(part)?;
        Some(format!("{field}{}", camel(rest)))
    });
    match found {
        Some(field) => told(&field, &fault),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(job: &str, path: &[&str], why: &str) -> String {
        let job = super::super::read(job).unwrap();
        let within = |fault: Fault, key: &&str| match key.parse() {
            Ok(index) => fault.at(index),
            Err(_) => fault.within(key),
        };
        let fault = path.iter().rev().fold(Fault::here(why.to_owned()), within);
        in_the_objects_words(&job, fault).to_string()
    }

    #[test]
    fn faults_are_told_by_the_fields_of_the_object() {
        let named = |name: &str| format!("job_name: {name}\n");
        for (name, path, field) in [
            (
                "serviceMonitor/a/b/1",
                "scrape_interval",
                "spec.endpoints[1].interval",
            ),
            (
                "podMonitor/a/b/0",
                "metrics_path",
                "spec.podMetricsEndpoints[0].path",
            ),
            ("serviceMonitor/a/b/0", "sample_limit", "spec.sampleLimit"),
            (
                "serviceMonitor/a/b/0",
                "tls_config",
                "spec.endpoints[0].tlsConfig",
            ),
            ("probe/a/b", "metrics_path", "spec.prober.path"),
            ("probe/a/b", "scrape_timeout", "spec.scrapeTimeout"),
            ("scrapeConfig/a/b", "scrape_interval", "spec.scrapeInterval"),
            (
                "scrapeConfig/a/b",
                "puppetdb_sd_configs",
                "spec.puppetDBSDConfigs",
            ),
        ] {
            let told = of(&named(name), &[path], "no");
            let wanted =
                format!("{field}: no; correct it or remove it (in its configuration: {path})");
            assert_eq!(told, wanted, "{name}");
        }
        assert_eq!(
            of(&named("mine"), &["scrape_timeout"], "no"),
            "scrape_timeout: no"
        );
    }

    #[test]
    fn relabelings_that_the_operator_wrote_are_told_by_what_they_were_written_for() {
        let job = "job_name: serviceMonitor/a/b/0\nrelabel_configs:\n- {action: keep, source_labels: [__meta_kubernetes_endpoint_port_name]}\n- {action: keep, source_labels: [__meta_kubernetes_service_label_a, __meta_kubernetes_service_labelpresent_a]}\n- {action: keep, source_labels: [a]}\n";
        for (index, field) in [
            ("0", "spec.endpoints[0].port"),
            ("1", "spec.selector"),
            ("2", "spec.endpoints[0].relabelings"),
        ] {
            let told = of(
                job,
                &["relabel_configs", index, "regex"],
                "error parsing regexp: x",
            );
            assert_eq!(
                told,
                format!(
                    "{field}: error parsing regexp: x; correct the expression (in its configuration: relabel_configs[{index}].regex)"
                )
            );
        }
    }

    #[test]
    fn faults_of_the_whole_are_told_by_the_fields_of_the_workload() {
        let url = Fault::here("url for remote_write is empty".to_owned());
        let told = in_the_workloads_words(url.at(1).within("remote_write"));
        assert_eq!(told.path(), "spec.remoteWrite[1]");
        let interval = Fault::here("empty duration string".to_owned()).within("scrape_interval");
        let told = in_the_workloads_words(interval.within("global"));
        assert_eq!(
            told.to_string(),
            "spec.scrapeInterval: empty duration string; write one as in 30s or 1m30s, or remove it (in its configuration: global.scrape_interval)"
        );
        let job = Fault::here("no".to_owned()).at(0).within("scrape_configs");
        assert_eq!(in_the_workloads_words(job.clone()), job);
    }

    #[test]
    fn a_timeout_is_told_with_what_it_must_not_exceed() {
        let why = "scrape_timeout is greater than scrape_interval";
        assert_eq!(
            of("job_name: podMonitor/a/b/2", &[], why),
            format!(
                "spec.podMetricsEndpoints[2].scrapeTimeout: {why}; write a shorter timeout or a longer interval"
            )
        );
    }
}
