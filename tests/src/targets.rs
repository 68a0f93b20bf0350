//! What Prometheus would make of a job and of what it discovers, for the role `endpoints`.

use anyhow::{Context as _, Result};
use machinery::{meta, yaml};
use serde_json::Value;

use crate::objects::{number, text};
use crate::relabeling::{Labels, Step, Variables};

/// A target: the URL that is scraped, and the labels of what is found there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Scheme, address and path.
    pub url: String,
    /// Those that stay, sorted.
    pub labels: Labels,
}

/// A job of a configuration as a server of the first shard reads it.
///
/// # Errors
/// If there is none of that name, or the configuration is none.
pub fn job(configuration: &str, name: &str) -> Result<Value> {
    job_of(configuration, name, 0)
}

/// The same as a server of some shard reads it.
///
/// # Errors
/// If there is none of that name, or the configuration is none.
pub fn job_of(configuration: &str, name: &str, shard: usize) -> Result<Value> {
    let configuration = configuration.replace("$(SHARD)", &shard.to_string());
    let documents = yaml::parse_documents(&configuration)?;
    let jobs = documents
        .first()
        .and_then(|first| first.get("scrape_configs")?.as_array());
    let mut jobs = jobs.into_iter().flatten();
    let found = jobs.find(|job| text(job, "/job_name") == name);
    found.cloned().with_context(|| format!("no job {name}"))
}

fn sanitised(name: &str) -> String {
    let each = name.chars();
    each.map(|one| {
        if one.is_ascii_alphanumeric() {
            one
        } else {
            '_'
        }
    })
    .collect()
}

/// What is discovered of a Service and its Endpoints: labels of each address and port.
pub fn discovered(service: &Value, endpoints: &Value) -> Vec<Labels> {
    let list = |of: &Value, at: &str| -> Vec<Value> {
        let list = of.pointer(at).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let mut shared = Labels::new();
    let mut say = |name: &str, value: &str| {
        shared.insert(format!("__meta_kubernetes_{name}"), value.to_owned());
    };
    say("namespace", text(service, "/metadata/namespace"));
    say("service_name", meta::name(service));
    say("endpoints_name", meta::name(endpoints));
    for (name, value) in &meta::labels(service) {
        let name = sanitised(name);
        say(&format!("service_label_{name}"), value);
        say(&format!("service_labelpresent_{name}"), "true");
    }
    let mut found = Vec::new();
    for subset in list(endpoints, "/subsets") {
        for port in list(&subset, "/ports") {
            for address in list(&subset, "/addresses") {
                let mut labels = shared.clone();
                let at = format!("{}:{}", text(&address, "/ip"), number(&port, "/port"));
                labels.insert("__address__".to_owned(), at);
                let name = text(&port, "/name").to_owned();
                labels.insert("__meta_kubernetes_endpoint_port_name".to_owned(), name);
                found.push(labels);
            }
        }
    }
    found
}

/// The targets of a job among what is discovered, sorted.
///
/// # Errors
/// If a step of its relabeling is none.
pub fn targets(job: &Value, discovered: Vec<Labels>) -> Result<Vec<Target>> {
    let steps = job.get("relabel_configs").and_then(Value::as_array);
    let steps = steps.into_iter().flatten();
    let steps: Result<Vec<Step>> = steps
        .map(|step| Step::read(step, &Variables::new()))
        .collect();
    let steps = steps?;
    let mut found = Vec::new();
    'each: for mut labels in discovered {
        let name = text(job, "/job_name").to_owned();
        labels.insert("job".to_owned(), name);
        for step in &steps {
            if !step.apply(&mut labels)? {
                continue 'each;
            }
        }
        let address = labels.get("__address__").cloned().unwrap_or_default();
        let path = match text(job, "/metrics_path") {
            "" => "/metrics",
            path => path,
        };
        let url = format!("{}://{address}{path}", text(job, "/scheme"));
        labels.retain(|name, _| !name.starts_with("__"));
        found.push(Target { url, labels });
    }
    found.sort();
    Ok(found)
}
