//! A configuration of any size: what is too large for one Secret is spread over several, which pods mount as one folder and
//! the reloader joins. As long as it fits into one, that is the Secret that upstream makes, and the pods are upstream's.

use std::collections::BTreeMap;

use machinery::hash::hexadecimal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Settings;
use super::secrets::{Data, LARGEST, secret};
use crate::api::Object;

/// The volume with the configuration.
const VOLUME: &str = "config";
/// Pods mount so many more Secrets at once: each change of what they mount replaces them.
const STEP: usize = 8;

/// What the names of the further Secrets begin with.
pub fn further_secrets(prefix: &str) -> String {
    format!("{prefix}-config-")
}

/// The file that names the further parts of another one: a line with the digest of each.
fn list_of(file: &str) -> String {
    format!("{file}.parts")
}

/// The file that is the part with that digest.
fn part_of(file: &str, digest: &str) -> String {
    format!("{file}.{digest}")
}

/// The files of a folder with the parts of one of them joined; `None` if it has no further parts, or if one of them isn't
/// there yet, which the reloader says then.
pub fn joined(files: &BTreeMap<String, Vec<u8>>, file: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let list_name = list_of(file);
    let list = String::from_utf8_lossy(files.get(&list_name)?);
    let named: Vec<String> = list.lines().map(|digest| part_of(file, digest)).collect();
    let named_files = named.iter().map(|name| files.get(name));
    let all = std::iter::once(files.get(file)).chain(named_files);
    let all: Option<Vec<&[u8]>> = all.map(|part| part.map(Vec::as_slice)).collect();
    let whole = all?.concat();
    let mut files = files.clone();
    for name in named.iter().chain([&list_name]) {
        files.remove(name);
    }
    files.insert(file.to_owned(), whole);
    Some(files)
}

/// The Secrets of a configuration, `prefix` last: it holds the first part under `key` and, if there are more, the list of
/// their digests. The others are `<prefix>-config-<n>` from 1.
pub fn configuration_secrets<S: Default, T: Default>(
    owner: &Object<S, T>,
    settings: &Settings,
    (prefix, key): (&str, &str),
    bytes: &[u8],
) -> Vec<Value> {
    let (first, rest) = bytes.split_at(bytes.len().min(LARGEST));
    let mut data = Data::from([(key.to_owned(), first.to_vec())]);
    let mut list = String::new();
    let mut secrets = Vec::new();
    for (number, part) in (1..).zip(rest.chunks(LARGEST)) {
        let digest = hexadecimal(&Sha256::digest(part));
        let name = format!("{}{number}", further_secrets(prefix));
        let held = Data::from([(part_of(key, &digest), part.to_vec())]);
        secrets.push(secret(owner, settings, &name, &held));
        list.push_str(&digest);
        list.push('\n');
    }
    if !list.is_empty() {
        data.insert(list_of(key), list.into_bytes());
    }
    secrets.push(secret(owner, settings, prefix, &data));
    secrets
}

/// How many Secrets pods of a Prometheus mount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Secrets {
    /// With TLS assets.
    pub tls: usize,
    /// With the configuration, besides the first.
    pub configuration: usize,
}

/// How many further Secrets pods mount: enough for `secrets` in all, and never fewer than those of a stored workload, so
/// that a configuration that shrinks and grows again replaces no pods.
pub fn mounted_further<'a>(secrets: usize, stored: impl IntoIterator<Item = &'a Value>) -> usize {
    let needed = secrets.saturating_sub(1).next_multiple_of(STEP);
    stored.into_iter().map(mounted_by).fold(needed, usize::max)
}

fn mounted_by(stored: &Value) -> usize {
    let volumes = stored.pointer("/spec/template/spec/volumes");
    let mut volumes = volumes.and_then(Value::as_array).into_iter().flatten();
    let volume = volumes.find(|volume| volume.get("name").is_some_and(|name| name == VOLUME));
    let sources = volume.and_then(|volume| volume.pointer("/projected/sources"));
    let count = sources.and_then(Value::as_array).map_or(0, Vec::len);
    count.saturating_sub(1)
}

/// The volume with the configuration.
pub(super) fn volume(prefix: &str, further: usize) -> Value {
    if further == 0 {
        return super::pod::secret_volume(VOLUME, prefix);
    }
    let mut sources = vec![json!({"secret": {"name": prefix}})];
    sources.extend((1..=further).map(|number| {
        let name = format!("{}{number}", further_secrets(prefix));
        json!({"secret": {"name": name, "optional": true}})
    }));
    json!({"name": VOLUME, "projected": {"sources": sources}})
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::api::Prometheus;

    fn secrets(bytes: &[u8]) -> Vec<(String, BTreeMap<String, Vec<u8>>)> {
        let (owner, settings) = (Prometheus::default(), Settings::default());
        let made = configuration_secrets(&owner, &settings, ("p", "c.gz"), bytes);
        let data = |secret: &Value| {
            let data = secret["data"].as_object().unwrap().clone();
            let decode = |value: Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
            let data = data.into_iter().map(|(key, value)| (key, decode(value)));
            (machinery::meta::name(secret).to_owned(), data.collect())
        };
        made.iter().map(data).collect()
    }

    #[test]
    fn what_fits_is_one_secret_as_upstreams() {
        for size in [0, 1, LARGEST] {
            let bytes = vec![7; size];
            let data = BTreeMap::from([("c.gz".to_owned(), bytes.clone())]);
            assert_eq!(secrets(&bytes), [("p".to_owned(), data)]);
        }
        assert_eq!(
            volume("p", mounted_further(1, [])),
            json!({"name": "config", "secret": {"secretName": "p"}})
        );
    }

    #[test]
    fn what_does_not_fit_is_found_by_its_digest() {
        let bytes = [vec![1; LARGEST], vec![2; LARGEST], vec![3]].concat();
        let made = secrets(&bytes);
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        // What names the others is written when they are there.
        assert_eq!(names, ["p-config-1", "p-config-2", "p"]);
        let all: BTreeMap<&str, &[u8]> = made
            .iter()
            .flat_map(|(_, data)| {
                data.iter()
                    .map(|(key, value)| (key.as_str(), value.as_slice()))
            })
            .collect();
        let list = std::str::from_utf8(all["c.gz.parts"]).unwrap();
        let mut content = all["c.gz"].to_vec();
        for digest in list.lines() {
            content.extend_from_slice(all[format!("c.gz.{digest}").as_str()]);
        }
        assert!(content == bytes);
        // sha256sum of the byte 3
        let three = "084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5";
        assert_eq!(list.lines().last(), Some(three));
        let mut folder: BTreeMap<String, Vec<u8>> =
            made.iter().flat_map(|(_, data)| data.clone()).collect();
        let whole = BTreeMap::from([("c.gz".to_owned(), bytes)]);
        assert_eq!(joined(&folder, "c.gz"), Some(whole.clone()));
        assert_eq!(joined(&whole, "c.gz"), None);
        folder.remove(&part_of("c.gz", three));
        assert_eq!(joined(&folder, "c.gz"), None);
    }

    #[test]
    fn pods_mount_more_than_there_are_and_never_fewer_than_before() {
        let set = |further: usize| {
            json!({"spec": {"template": {"spec": {"volumes": [
                {"name": "data", "projected": {"sources": [{}, {}]}}, volume("p", further),
            ]}}}})
        };
        assert_eq!(mounted_further(1, [&set(0)]), 0);
        assert_eq!(mounted_further(2, [&set(0)]), 8);
        assert_eq!(mounted_further(9, [&set(8)]), 8);
        assert_eq!(mounted_further(10, [&set(8)]), 16);
        assert_eq!(mounted_further(1, [&set(8), &set(16)]), 16);
        let sources = &volume("p", 8)["projected"]["sources"];
        assert_eq!(sources[0], json!({"secret": {"name": "p"}}));
        assert_eq!(
            sources[8],
            json!({"secret": {"name": "p-config-8", "optional": true}})
        );
    }
}
