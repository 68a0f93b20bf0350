//! What servers and agents have in common: jobs of what they select, shards, and what their status says of these
//! (upstream's `pkg/prometheus`).

use std::collections::BTreeMap;
use std::sync::Arc;

use machinery::yaml::Ordered;
use runtime::Projection as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::candidates::{Candidate, Find};
use super::decision::Remark;
use super::pass::Pass;
use super::refusals::kept;
use super::rendering::{Made, Rendered, Rendering};
use super::selecting::{Configuration, Selects};
use super::stored::Names;
use super::workload::{Observed, Version as ObjectVersion, Workload};
use crate::api::common::SecretKeySelector;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::{Object, PodMonitor, Probe, ScrapeConfig, ServiceMonitor};
use crate::config::assets::Scope;
use crate::config::prometheus::{
    DEFAULT_VERSION, Frame, Generator, Options, Scraped, text_of_jobs, uneven_shards,
};
use crate::config::version::Version;
use crate::config::yaml::{IntoNode as _, Mapping};
use crate::preflight::web::Server;
use crate::preflight::{self, Fault, Global};
use crate::selection::{
    Check, Refusal, check_pod_monitor, check_probe, check_scrape_config, check_service_monitor,
};
use crate::workload::{
    Counts, Data, Health, PROMETHEUS_WEB_CONFIG, Secrets, further_secrets, shard_names,
};

/// Key of the Secret with the configuration.
pub const CONFIG_KEY: &str = "prometheus.yaml.gz";

/// A server or an agent.
pub trait Scraping: Workload {
    /// The governing Service, unless one is named.
    const SERVICE: &'static str;

    /// The fields both kinds have.
    fn common(&self) -> &CommonPrometheusFields;
}

/// Everything that becomes jobs.
#[derive(Debug, Clone, Default)]
pub struct Jobs {
    /// `ServiceMonitor`s.
    pub service_monitors: Vec<Candidate<ServiceMonitor>>,
    /// `PodMonitor`s.
    pub pod_monitors: Vec<Candidate<PodMonitor>>,
    /// Probes.
    pub probes: Vec<Candidate<Probe>>,
    /// `ScrapeConfig`s.
    pub scrape_configs: Vec<Candidate<ScrapeConfig>>,
}

impl Jobs {
    /// What selectors find.
    pub fn find<W: Selects>(find: &mut Find<'_, W>) -> Self {
        Self {
            service_monitors: find.of(Configuration::ServiceMonitor),
            pod_monitors: find.of(Configuration::PodMonitor),
            probes: find.of(Configuration::Probe),
            scrape_configs: find.of(Configuration::ScrapeConfig),
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.service_monitors.is_empty()
            && self.pod_monitors.is_empty()
            && self.probes.is_empty()
            && self.scrape_configs.is_empty()
    }
}

/// Names of what every server and agent needs; `more` are ends of names of further Secrets.
pub fn names<W: Scraping>(workload: &W, more: &[&str]) -> Names {
    let (common, own) = (workload.common(), &workload.metadata().name);
    let secrets = ["", "-tls-assets-0", "-web-config"];
    let secrets = secrets.iter().chain(more);
    let service = common.service_name.as_deref().unwrap_or(W::SERVICE);
    let prefix = workload.prefixed();
    Names {
        secrets: secrets.map(|end| format!("{prefix}{end}")).collect(),
        numbered_secrets: vec![format!("{prefix}-tls-assets-"), further_secrets(&prefix)],
        config_maps: Vec::new(),
        stateful_sets: shard_names(W::PREFIX, own, common),
        daemon_sets: Vec::new(),
        service: Some(service.to_owned()),
    }
}

/// The `StatefulSet`s of all shards, and how they are.
pub fn sets<'a, W: Scraping>(workload: &W, observed: &'a Observed<W>) -> Vec<(String, Health<'a>)> {
    let (common, metadata) = (workload.common(), workload.metadata());
    let replicas = common.replicas.filter(|replicas| *replicas >= 0);
    let shard = |name: String| {
        let set = observed.stored.stateful_sets.get(&name);
        let key = format!("{}/{name}", metadata.namespace);
        (key, Health::new(set, &observed.pods, replicas))
    };
    let names = shard_names(W::PREFIX, &metadata.name, common);
    names.into_iter().map(shard).collect()
}

/// What the status says of shards. One that is being deleted says nothing, as upstream has it: its pods are counted again once
/// it is made anew.
pub fn describe(
    common: &CommonPrometheusFields,
    sets: &[(String, Health<'_>)],
    status: &mut Map<String, Value>,
) {
    let one = |(index, (_, health)): (usize, &(String, Health<'_>))| {
        let mut one = health.counts().to_value();
        if let Some(one) = one.as_object_mut() {
            one.insert("shardID".to_owned(), json!(index.to_string()));
        }
        one
    };
    let there = sets.iter().enumerate();
    let there = there.filter(|(_, (_, health))| !health.is_going());
    let counts: Counts = there.clone().map(|(_, (_, health))| health.counts()).sum();
    if let Value::Object(counts) = counts.to_value() {
        status.extend(counts);
    }
    let by_shard: Vec<Value> = there.map(one).collect();
    status.insert("shardStatuses".to_owned(), json!(by_shard));
    status.insert("shards".to_owned(), json!(common.shards.unwrap_or(1)));
}

/// What a workload says of shards that scrape nothing.
pub fn uneven(common: &CommonPrometheusFields, options: Options) -> Option<Remark> {
    uneven_shards(common, options).map(|text| ("UnevenShards", text))
}

/// What jobs are made and looked at with.
pub struct With<'a> {
    /// Makes them.
    pub generator: &'a Generator<'a>,
    /// Says whether Prometheus would take them.
    pub reader: preflight::Reader,
    /// What they take over.
    pub global: Global,
    /// The version of Prometheus.
    pub version: &'a Version,
}

impl<'a> With<'a> {
    /// With what the head of a configuration says, or with defaults if there can't be one.
    pub fn new(generator: &'a Generator<'a>, version: &'a Version, frame: Option<&Frame>) -> Self {
        Self {
            generator,
            reader: reader(generator.common, version),
            global: Global::of(frame.and_then(|frame| frame.head.get("global"))),
            version,
        }
    }

    /// The jobs of one object, if Prometheus would take each.
    pub(crate) fn jobs<J: Scraped>(&self, object: &J) -> Result<Made, String> {
        let made = object.jobs(self.generator);
        let tls_files = self.generator.take_tls_files();
        let jobs = made.map_err(|error| error.to_string())?;
        for job in &jobs {
            let job = job.clone().into_node();
            self.reader
                .job(&job, &self.global)
                .map_err(|fault| self.refuses(&format!("the job {}", name_of(&job)), &fault))?;
        }
        Ok(Made {
            jobs: jobs.len(),
            text: text_of_jobs(jobs),
            tls_files,
        })
    }

    /// What Prometheus would say.
    pub fn refuses(&self, what: &str, fault: &Fault) -> String {
        format!("Prometheus {} would refuse {what}: {fault}", self.version)
    }

    /// Jobs in Prometheus' own syntax, as they are appended. Their names must not be those of other jobs.
    fn additional_jobs(&self, text: &str, others: &Rendered) -> Result<Vec<Mapping>, String> {
        let names = self.reader.additional_jobs(text, &self.global);
        let names = names.map_err(|fault| self.refuses("it", &fault))?;
        if let Some(name) = names.iter().find(|name| others.has_job(name)) {
            return Err(format!(
                "{name:?} is the name of a selected object's job; rename it"
            ));
        }
        let jobs = self.generator.additional_jobs(text);
        jobs.map_err(|error| error.to_string())
    }
}

impl With<'_> {
    /// Appends jobs in Prometheus' own syntax, if there are any; whether there are.
    pub fn append(
        &self,
        rendering: &mut Rendering<'_>,
        origin: Option<&Origin>,
    ) -> Result<bool, String> {
        let Some(origin) = origin else {
            return Ok(false);
        };
        let so_far = rendering.so_far().map_err(|error| error.to_string())?;
        let jobs = self.additional_jobs(&origin.text, so_far);
        let jobs = jobs.map_err(|why| origin.refused(&why))?;
        let any = !jobs.is_empty();
        let written = rendering.text(&text_of_jobs(jobs));
        written.map_err(|error| error.to_string())?;
        Ok(any)
    }
}

/// The reader of a version, of what the config-reloader of a workload puts together.
pub(crate) fn reader(common: &CommonPrometheusFields, version: &Version) -> preflight::Reader {
    let containers = common.containers.iter().chain(&common.init_containers);
    preflight::Reader::new(version).with_variables(preflight::Variables::of(containers))
}

fn name_of(job: &Ordered) -> String {
    let Ordered::Map(fields) = job else {
        return String::new();
    };
    let name = fields.iter().find(|(key, _)| key == "job_name");
    match name {
        Some((_, Ordered::Scalar(Value::String(name)))) => name.clone(),
        Some(_) | None => String::new(),
    }
}

/// What a user wrote in Prometheus' own syntax, where it comes from and what it is.
pub fn additional_text(
    scope: Scope<'_>,
    field: &str,
    reference: Option<&SecretKeySelector>,
) -> Result<Option<Origin>, String> {
    let text = scope.maybe_secret(reference);
    let text = text.map_err(|error| format!("{field}: {}", error.explain()))?;
    Ok(text.zip(reference).map(|(text, reference)| Origin {
        text,
        place: format!(
            "{field} (key {:?} of Secret {:?})",
            reference.key,
            reference.name.as_deref().unwrap_or_default()
        ),
    }))
}

/// A text in Prometheus' own syntax.
pub struct Origin {
    /// The text.
    pub text: String,
    /// The field that names it, and the Secret.
    place: String,
}

impl Origin {
    /// A refusal of the text.
    pub fn refused(&self, why: &str) -> String {
        kept(&format!("{}: {why}", self.place))
    }
}

impl<S: Default, T: Default> Pass<'_, S, T>
where
    Object<S, T>: Scraping,
{
    /// The version that will read the configuration.
    pub fn version(&self) -> Result<Version, String> {
        let given = self.object.common().version.as_deref();
        let given = given.filter(|version| !version.is_empty());
        Version::parse(given.unwrap_or(DEFAULT_VERSION))
            .map_err(|error| format!("failed to parse Prometheus version: {error}"))
    }

    /// The jobs of the objects that can be used, each checked alone: by the rules for its kind, and by what Prometheus would
    /// say of the jobs it becomes.
    pub fn render<P, Q>(
        &mut self,
        rendering: &mut Rendering<'_>,
        (kind, candidates): (Configuration, &[Candidate<Object<P, Q>>]),
        with: &With<'_>,
        check: impl Fn(&Object<P, Q>, Check) -> Result<(), Refusal>,
    ) where
        P: Default + DeserializeOwned,
        Q: Default + DeserializeOwned,
        Object<P, Q>: Scraped,
    {
        // What was left out of the head isn't this object's.
        self.note(with.generator.take_warnings());
        for candidate in candidates {
            let meta = candidate.held.meta();
            let references = candidate.held.references();
            let input = self.observed.input(ObjectVersion::of(meta), references);
            let common = self.object.common();
            let scope = self.observed.assets.within(&meta.key.namespace);
            let made = rendering.object((kind, meta.key.clone()), input, || {
                let object = candidate.object()?;
                let version = with.version;
                check(
                    &object,
                    Check {
                        common,
                        version,
                        scope,
                    },
                )?;
                with.jobs(&object)
            });
            self.note_of(candidate.reference(), with.generator.take_warnings());
            if let Err(why) = made {
                self.refuse(candidate.reference(), &why);
            }
        }
    }

    /// All that selectors found, in the order of a server's configuration.
    pub fn render_all(&mut self, rendering: &mut Rendering<'_>, jobs: &Jobs, with: &With<'_>) {
        let monitors = (
            Configuration::ServiceMonitor,
            jobs.service_monitors.as_slice(),
        );
        self.render(rendering, monitors, with, check_service_monitor);
        let monitors = (Configuration::PodMonitor, jobs.pod_monitors.as_slice());
        self.render(rendering, monitors, with, check_pod_monitor);
        self.render_others(rendering, jobs, with);
    }

    /// Probes and `ScrapeConfig`s.
    pub fn render_others(&mut self, rendering: &mut Rendering<'_>, jobs: &Jobs, with: &With<'_>) {
        let probes = (Configuration::Probe, jobs.probes.as_slice());
        self.render(rendering, probes, with, check_probe);
        let configs = (Configuration::ScrapeConfig, jobs.scrape_configs.as_slice());
        self.render(rendering, configs, with, check_scrape_config);
    }

    /// Ends a configuration: the document without jobs is looked at as Prometheus will, and all of it is written with the TLS
    /// material that it names. How many Secrets pods mount.
    pub fn put_rendered(
        &mut self,
        mut rendering: Rendering<'_>,
        frame: Frame,
        (with, any_more): (&With<'_>, bool),
    ) -> Result<Secrets, String> {
        let document = frame.clone().around(Vec::new()).into_node();
        with.reader
            .document(&document)
            .map_err(|fault| with.refuses("the configuration", &fault))?;
        let failed = |error: std::io::Error| error.to_string();
        let any_job = any_more || rendering.any_job().map_err(failed)?;
        let (before, after) = frame.texts(any_job);
        rendering.text(&after).map_err(failed)?;
        let (bytes, rendered) = rendering.finish(&before).map_err(failed)?;
        let mut files = rendered.tls_files();
        files.extend(with.generator.take_tls_files());
        self.note(with.generator.take_warnings());
        self.memory.jobs = Arc::new(rendered);
        Ok(Secrets {
            configuration: self.put_configuration(CONFIG_KEY, &bytes)?,
            tls: self.put_tls_files(files),
        })
    }

    /// An empty configuration, which the user is going to write.
    pub fn put_empty_configuration(&mut self) {
        let data = Data::from([(CONFIG_KEY.to_owned(), Vec::new())]);
        self.put_secret(&self.prefixed(), &data);
    }

    /// TLS material; how many Secrets hold it.
    pub fn put_tls_files(&mut self, files: BTreeMap<String, String>) -> usize {
        let files = files.into_iter();
        let files: Data = files.map(|(name, text)| (name, text.into())).collect();
        self.put_tls_assets(&files)
    }

    /// The web configuration.
    pub fn put_web(&mut self) -> Result<(), String> {
        let web = self.object.common().web.as_ref();
        let version = self.version()?;
        self.put_web_config(
            (Server::Prometheus, &version),
            PROMETHEUS_WEB_CONFIG,
            web.and_then(|web| web.tls_config.as_ref()),
            web.and_then(|web| web.http_config.as_ref()),
        )
    }

    /// Names of the `StatefulSet`s of all shards.
    pub fn shards(&self) -> Vec<String> {
        let name = &self.object.metadata.name;
        shard_names(Object::<S, T>::PREFIX, name, self.object.common())
    }
}

#[test]
fn a_shard_that_is_being_deleted_is_not_counted() {
    let set = |name: &str| json!({"metadata": {"name": name}, "status": {"updateRevision": "r"}});
    let pod = |set: &str| {
        json!({"metadata": {
            "name": format!("{set}-0"), "labels": {"controller-revision-hash": "r"},
            "ownerReferences": [{"kind": "StatefulSet", "name": set, "uid": set}],
        }})
    };
    let pods = [pod("a"), pod("b")];
    let (mut first, second) = (set("a"), set("b"));
    let described = |first: &Value| {
        let health = |set| Health::new(Some(set), &pods, Some(1));
        let sets = [
            ("n/a".to_owned(), health(first)),
            ("n/b".to_owned(), health(&second)),
        ];
        let mut status = Map::new();
        describe(&CommonPrometheusFields::default(), &sets, &mut status);
        let shards = status.get("shardStatuses").and_then(Value::as_array);
        let ids = shards.into_iter().flatten();
        let ids: Vec<Value> = ids.map(|one| one["shardID"].clone()).collect();
        (status["replicas"].clone(), ids)
    };
    assert_eq!(described(&first), (json!(2), vec![json!("0"), json!("1")]));
    first["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:00Z");
    assert_eq!(described(&first), (json!(1), vec![json!("1")]));
}
