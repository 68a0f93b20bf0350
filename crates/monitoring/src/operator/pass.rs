//! One pass over a workload that is to be reconciled: what it wants, turned into writes one after the other, and what of
//! its selection can't be used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runtime::{Effect, ObjectKey, ObjectReference, Plan, Propagation};
use serde_json::Value;

use super::decision::{Decision, Remark};
use super::memory::Memory;
use super::outline::{self, RuleText};
use super::refusals::{Refused, fits, kept};
use super::resources::{CONFIG_MAP, DAEMON_SET, SECRET, STATEFUL_SET};
use super::selecting::{Configuration, Selects as _};
use super::workload::{Observed, Workload};
use super::{service, writes};
use crate::api::Object;
use crate::api::workload::{WebHttpConfig, WebTlsConfig};
use crate::config::version::Version;
use crate::preflight::arguments::check_arguments;
use crate::preflight::web::{self, Server};
use crate::remedies::remedied;
use crate::rules::{config_map_names, pack};
use crate::workload::{
    Built, Data, Excess, Settings, WEB_CONFIG_KEY, WebConfig, WorkloadError, configuration_secrets,
    further_secrets, mounted_further, rule_config_map, secret, tls_asset_secrets,
};

/// What becomes of a configuration that one Secret can't hold.
pub(crate) const FEWER_JOBS: &str = "select fewer objects; or start the operator with Carrick's own config-reloader in \
                          --prometheus-config-reloader and with --spread-large-configurations";

/// Characters of a refusal at most: what is refused may be of any length.
const LONGEST: usize = 1000;
/// Refusals that a workload itself tells of at most.
const MOST_TOLD: usize = 5;

/// The beginning of a text that is too long.
pub fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What a workload says of selected objects that aren't used.
fn left_out(refused: &BTreeSet<Refused>) -> Option<Remark> {
    if refused.is_empty() {
        return None;
    }
    let told = refused.iter().take(MOST_TOLD).map(|one| {
        let ObjectReference {
            kind,
            namespace,
            name,
            ..
        } = &one.reference;
        format!(
            "{kind} {namespace}/{name}: {}",
            shortened(&one.why, LONGEST / 4)
        )
    });
    let mut text = format!("left out: {}", told.collect::<Vec<String>>().join("; "));
    if refused.len() > MOST_TOLD {
        text = format!("{text}; and {} more", refused.len() - MOST_TOLD);
    }
    Some(("RejectedResources", text))
}

/// A write of an outline, with the texts that it stands for.
fn filled(mut put: Effect, made: &BTreeMap<&str, &BTreeMap<String, RuleText>>) -> Effect {
    if let Effect::Create { object, .. } | Effect::Update { object, .. } = &mut put
        && let Some(files) = made.get(machinery::meta::name(object))
        && let Some(fields) = object.as_object_mut()
    {
        let texts = files
            .iter()
            .map(|(name, file)| (name.clone(), Value::String(file.text())));
        fields.insert("data".to_owned(), texts.collect());
    }
    put.packed()
}

/// What a pass has come to so far.
pub struct Pass<'a, S: Default, T: Default>
where
    Object<S, T>: Workload,
{
    /// The workload.
    pub object: &'a Object<S, T>,
    /// What was seen.
    pub observed: &'a Observed<Object<S, T>>,
    effects: Vec<Effect>,
    refused: BTreeSet<Refused>,
    noted: BTreeSet<String>,
    news: BTreeSet<String>,
    checked: bool,
    /// What the next pass may go on from.
    pub memory: Memory,
}

impl<'a, S: Default, T: Default> Pass<'a, S, T>
where
    Object<S, T>: Workload,
{
    /// A pass that has nothing to write yet.
    pub fn new(object: &'a Object<S, T>, observed: &'a Observed<Object<S, T>>) -> Self {
        Self {
            object,
            observed,
            effects: Vec::new(),
            refused: BTreeSet::new(),
            noted: BTreeSet::new(),
            news: BTreeSet::new(),
            checked: false,
            memory: observed.known(),
        }
    }

    /// What the program was started with.
    pub fn settings(&self) -> &'a Settings {
        &self.observed.setup.settings
    }

    /// Name of the workload with what all that is made for it begins with.
    pub fn prefixed(&self) -> String {
        self.object.prefixed()
    }

    /// All its selectors must be readable before anything is concluded from what they find.
    pub fn check_selectors(&mut self) -> Result<(), String> {
        for kind in Configuration::ALL {
            self.object.wanted(kind)?;
        }
        self.checked = true;
        Ok(())
    }

    /// A selected object can't be used.
    pub fn refuse(&mut self, reference: &ObjectReference, why: &str) {
        self.refused.insert(Refused {
            reference: reference.clone(),
            why: remedied(shortened(why, LONGEST), why),
        });
    }

    /// Fields of the workload were left out for the sake of its version. Every pass finds them; they are told once.
    pub fn note(&mut self, texts: Vec<String>) {
        for text in texts {
            if !self.memory.noted.contains(&text) {
                self.news.insert(text.clone());
            }
            self.noted.insert(text);
        }
    }

    /// Fields of a selected object were left out, which is found when it is rendered anew.
    pub fn note_of(&mut self, reference: &ObjectReference, texts: Vec<String>) {
        let ObjectReference {
            kind,
            namespace,
            name,
            ..
        } = reference;
        let texts = texts.into_iter();
        self.news
            .extend(texts.map(|text| format!("{kind} {namespace}/{name}: {text}")));
    }

    /// Adds a write.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// The Secret with these keys.
    pub fn put_secret(&mut self, name: &str, data: &Data) {
        let wanted = secret(self.object, self.settings(), name, data);
        self.put_made_secret(wanted);
    }

    /// A Secret that is made already.
    pub fn put_made_secret(&mut self, wanted: Value) {
        let stored = &self.observed.stored.secrets;
        self.effects
            .extend(writes::put_data(&SECRET, stored, wanted));
    }

    /// A configuration in as many Secrets as it needs, if the reloader joins them; how many pods mount besides the first.
    pub fn put_configuration(&mut self, key: &str, bytes: &[u8]) -> Result<usize, String> {
        let (prefix, stored) = (self.prefixed(), &self.observed.stored);
        if !self.settings().reloader.joins {
            let secret = (self.object.metadata.namespace.as_str(), prefix.as_str());
            fits(secret, bytes.len(), FEWER_JOBS).map_err(|why| kept(&why))?;
        }
        let at = (prefix.as_str(), key);
        let wanted = configuration_secrets(self.object, self.settings(), at, bytes);
        let further = further_secrets(&prefix);
        let owner = &self.object.metadata.uid;
        let count = wanted.len();
        let puts = writes::put_numbered(&SECRET, owner, &stored.secrets, &further, wanted);
        self.effects.extend(puts);
        let sets = stored.stateful_sets.values();
        Ok(mounted_further(
            count,
            sets.chain(stored.daemon_sets.values()),
        ))
    }

    /// TLS material in numbered Secrets; how many hold it.
    pub fn put_tls_assets(&mut self, files: &Data) -> usize {
        let prefix = self.prefixed();
        let wanted = tls_asset_secrets(self.object, self.settings(), &prefix, files);
        let (count, stored) = (wanted.len(), &self.observed.stored.secrets);
        let prefix = format!("{prefix}-tls-assets-");
        let owner = &self.object.metadata.uid;
        self.effects.extend(writes::put_numbered(
            &SECRET, owner, stored, &prefix, wanted,
        ));
        count
    }

    /// The web configuration, for that folder of the container, if the program of that version would serve with it.
    pub fn put_web_config(
        &mut self,
        (server, version): (Server, &Version),
        folder: &str,
        tls: Option<&WebTlsConfig>,
        http: Option<&WebHttpConfig>,
    ) -> Result<(), String> {
        let name = format!("{}-web-config", self.prefixed());
        let config = WebConfig::new(folder, &name, tls, http);
        let text = config.map_err(|error| error.to_string())?.text();
        web::check(&text, server, version).map_err(|why| kept(&why))?;
        let data = Data::from([(WEB_CONFIG_KEY.to_owned(), text.into_bytes())]);
        self.put_secret(&name, &data);
        Ok(())
    }

    /// Rule files in `ConfigMap`s that bear a label with the workload's name; their names, as pods mount them, at least
    /// that many.
    pub fn put_rules(
        &mut self,
        files: BTreeMap<String, RuleText>,
        label: &str,
        least: usize,
    ) -> Vec<String> {
        let prefix = self.prefixed();
        let parts = pack(files, RuleText::len);
        let names = config_map_names(&prefix, parts.len(), least);
        let label = (label, self.object.metadata.name.as_str());
        let made: BTreeMap<&str, &BTreeMap<String, RuleText>> =
            names.iter().map(String::as_str).zip(&parts).collect();
        let outline = |(name, files): (&&str, &&BTreeMap<String, RuleText>)| {
            let digests = files
                .iter()
                .map(|(name, file)| (name.as_str(), file.digest()));
            let data = outline::data(digests);
            rule_config_map(self.object, self.settings(), name, label, &data)
        };
        let wanted: Vec<Value> = made.iter().map(outline).collect();
        let stored = &self.observed.stored.config_maps;
        let prefix = format!("{prefix}-rulefiles-");
        let owner = &self.object.metadata.uid;
        let puts = writes::put_numbered(&CONFIG_MAP, owner, stored, &prefix, wanted);
        // One after the other is written out, for they are many and large.
        let puts = puts.into_iter().map(|put| filled(put, &made));
        self.effects.extend(puts);
        names
    }

    /// The governing Service; one that the workload names must be there and select its pods.
    pub fn put_service(
        &mut self,
        named: Option<&str>,
        make: impl FnOnce(&Object<S, T>, &Settings) -> Value,
    ) -> Result<(), String> {
        let stored = self.observed.stored.service.as_ref();
        if let Some(name) = named {
            let namespace = &self.object.metadata.namespace;
            return service::check_named(stored, namespace, name, &self.object.pod_labels());
        }
        let wanted = make(self.object, self.settings());
        self.effects.extend(writes::put_service(stored, &wanted));
        Ok(())
    }

    /// A StatefulSet.
    pub fn put_set(&mut self, built: Result<Built, WorkloadError>) -> Result<(), String> {
        let built = self.startable(built)?;
        let stored = &self.observed.stored.stateful_sets;
        let pods = writes::Pods {
            found: &self.observed.pods,
            can_label: self.observed.setup.labels_pods,
        };
        let writes = writes::put_stateful_set(stored, pods, &built.object);
        self.effects.extend(writes);
        Ok(())
    }

    /// The DaemonSet.
    pub fn put_daemon_set(&mut self, built: Result<Built, WorkloadError>) -> Result<(), String> {
        let built = self.startable(built)?;
        let stored = &self.observed.stored.daemon_sets;
        self.effects
            .extend(writes::put_daemon_set(stored, &built.object));
        Ok(())
    }

    /// What was built, if its programs would start with their arguments.
    fn startable(&mut self, built: Result<Built, WorkloadError>) -> Result<Built, String> {
        let mut built = built.map_err(|error| error.to_string())?;
        self.note(std::mem::take(&mut built.warnings));
        check_arguments(&built.object)?;
        Ok(built)
    }

    /// Ends `DaemonSet`s of a workload that has replicas instead.
    pub fn end_daemon_sets(&mut self) {
        let stored = self.observed.stored.daemon_sets.values();
        let stored = stored.filter(|set| machinery::meta::deletion_timestamp(set).is_none());
        let ends = stored.map(|set| writes::delete(&DAEMON_SET, set, Propagation::Foreground));
        self.effects.extend(ends);
    }

    /// What becomes of `StatefulSet`s of the workload that are no longer wanted.
    pub fn end_others(
        &mut self,
        wanted: &[String],
        becomes: impl Fn(&Value) -> Result<Excess, String>,
    ) {
        for (name, stored) in &self.observed.stored.stateful_sets {
            let going = machinery::meta::deletion_timestamp(stored).is_some();
            if going || wanted.contains(name) {
                continue;
            }
            let effect = match becomes(stored) {
                Ok(Excess::Delete) => {
                    writes::delete(&STATEFUL_SET, stored, Propagation::Foreground)
                }
                Ok(Excess::Note(patch)) => {
                    Effect::merge_patch(STATEFUL_SET, ObjectKey::of(stored), patch)
                }
                Ok(Excess::Keep) => continue,
                Err(why) => {
                    let resource = Object::<S, T>::RESOURCE;
                    let regarding = ObjectReference::of(&resource, &self.observed.object);
                    let text = format!("shard {name} is kept: {why}");
                    Effect::warning(regarding, "InvalidRetention", text)
                }
            };
            self.effects.push(effect);
        }
    }

    /// The end of the pass.
    pub fn decision(mut self, outcome: Result<(), String>, remark: Option<Remark>) -> Decision {
        let untold = self.refused.difference(&self.observed.told);
        let workload = ObjectReference::of(&Object::<S, T>::RESOURCE, &self.observed.object);
        let also = untold.map(|refused| refused.event(&workload)).collect();
        let effects = self.effects;
        self.memory.noted = Arc::new(self.noted);
        let remark = remark.or_else(|| left_out(&self.refused));
        Decision {
            also,
            memory: Some(Arc::new(self.memory)),
            news: self.news,
            refused: self.refused,
            remark,
            checked: self.checked,
            ..Decision::of(outcome.map(|()| Plan::of(effects)))
        }
    }
}
