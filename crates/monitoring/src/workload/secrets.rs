//! Secrets that pods mount: configurations, web configurations, TLS material.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, GzBuilder};
use serde_json::{Map, Value, json};

use super::Settings;
use super::metadata::{Owner, Texts, add, managed};
use crate::api::{Object, Prometheus};

/// Bytes of all values that an API server takes in one Secret (`MaxSecretSize`).
pub const SECRET_HOLDS: usize = 1_048_576;
/// The most a Secret may hold, less what its metadata needs; keys count.
pub(super) const LARGEST: usize = SECRET_HOLDS - 50_000;

/// Keys and values of a Secret.
pub type Data = BTreeMap<String, Vec<u8>>;

/// A Secret that goes with its owner.
pub fn secret<S: Default, T: Default>(
    owner: &Object<S, T>,
    settings: &Settings,
    name: &str,
    data: &Data,
) -> Value {
    let data: Map<String, Value> = data
        .iter()
        .map(|(key, value)| (key.clone(), json!(STANDARD.encode(value))))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(Owner::of(owner), settings, name, managed()),
        "data": data,
    })
}

/// Metadata of what goes with its owner.
fn metadata(owner: Owner<'_>, settings: &Settings, name: &str, mut labels: Texts) -> Value {
    add(&mut labels, &settings.labels);
    json!({
        "name": name,
        "namespace": owner.metadata.namespace,
        "labels": labels,
        "annotations": settings.annotations,
        "ownerReferences": owner.controlling(),
    })
}

/// A ConfigMap with rule files, or what stands for them, that goes with its owner; `label` says whose rules they are.
pub fn rule_config_map<S: Default, T: Default>(
    owner: &Object<S, T>,
    settings: &Settings,
    name: &str,
    label: (&str, &str),
    data: &Value,
) -> Value {
    let mut labels = managed();
    labels.insert(label.0.to_owned(), label.1.to_owned());
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(Owner::of(owner), settings, name, labels),
        "data": data,
    })
}

/// The Secrets of TLS assets, `prefix-tls-assets-<n>`: files in order of their names, each in the last Secret or in a new
/// one. There is always one, so that the first file adds no volume.
pub fn tls_asset_secrets<S: Default, T: Default>(
    owner: &Object<S, T>,
    settings: &Settings,
    prefix: &str,
    files: &Data,
) -> Vec<Value> {
    let mut parts = vec![Data::new()];
    let mut size = 0;
    for (name, content) in files {
        let more = name.len() + content.len();
        if size + more > LARGEST {
            parts.push(Data::new());
            size = 0;
        }
        size += more;
        if let Some(part) = parts.last_mut() {
            part.insert(name.clone(), content.clone());
        }
    }
    let named = |(index, part): (usize, &Data)| {
        secret(
            owner,
            settings,
            &format!("{prefix}-tls-assets-{index}"),
            part,
        )
    };
    parts.iter().enumerate().map(named).collect()
}

/// The Secret that tells a Thanos sidecar how to ask its Prometheus: whatever certificate that has, it is on this host.
pub fn thanos_client_secret(prometheus: &Prometheus, settings: &Settings) -> Value {
    let text = "tls_config:\n  insecure_skip_verify: true\n";
    let name = &prometheus.metadata.name;
    let name = format!("prometheus-{name}-thanos-prometheus-http-client-file");
    let key = "prometheus.http-client-file.yaml".to_owned();
    secret(
        prometheus,
        settings,
        &name,
        &Data::from([(key, text.into())]),
    )
}

/// A configuration as gzip, the same bytes for the same text; nothing for an empty one.
pub fn compressed(text: &str) -> io::Result<Vec<u8>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut out = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::default());
    out.write_all(text.as_bytes())?;
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn owner() -> Prometheus {
        let mut owner = Prometheus::default();
        owner.metadata.name = "p".to_owned();
        owner
    }

    fn sizes(secrets: &[Value]) -> Vec<usize> {
        let data = |secret: &Value| secret["data"].as_object().unwrap().len();
        secrets.iter().map(data).collect()
    }

    #[test]
    fn assets_go_into_the_last_secret_or_into_a_new_one() {
        let make = |files: &Data| tls_asset_secrets(&owner(), &Settings::default(), "x", files);
        let none = make(&Data::new());
        assert_eq!(
            (sizes(&none), &none[0]["metadata"]["name"]),
            (vec![0], &json!("x-tls-assets-0"))
        );
        let file = |name: &str, size: usize| (name.to_owned(), vec![0; size]);
        // The name counts too, and the small one at the end does not go back into the first.
        let files = Data::from([
            file("a", 500_000),
            file("b", 498_574),
            file("c", 600_000),
            file("d", 1),
        ]);
        assert_eq!(sizes(&make(&files)), [2, 2]);
        let files = Data::from([file("a", 500_000), file("b", 498_575), file("c", 1)]);
        assert_eq!(sizes(&make(&files)), [1, 2]);
    }

    #[test]
    fn a_configuration_comes_out_as_it_went_in_and_always_the_same() {
        let text = "global: {}\n";
        let first = compressed(text).unwrap();
        assert_eq!(first, compressed(text).unwrap());
        // No time of writing.
        assert_eq!(first.get(4..8), Some(&[0; 4][..]));
        let mut back = String::new();
        flate2::read::GzDecoder::new(first.as_slice())
            .read_to_string(&mut back)
            .unwrap();
        assert_eq!(back, text);
        assert_eq!(compressed("").unwrap(), Vec::<u8>::new());
    }

    #[test]
    fn a_secret_goes_with_its_owner() {
        let made = thanos_client_secret(&owner(), &Settings::default());
        assert_eq!(made["metadata"]["ownerReferences"][0]["controller"], true);
        assert_eq!(
            made["metadata"]["labels"]["managed-by"],
            "prometheus-operator"
        );
        let name = "prometheus-p-thanos-prometheus-http-client-file";
        assert_eq!(made["metadata"]["name"], name);
    }
}
